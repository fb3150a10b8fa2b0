"""What Freshdesk and Freshservice share: calls, credentials, lists. What differs is a value in their own modules.

Neither signs its webhooks nor gives a delivery an id, and both tell two replies in the same words. So a delivery is
known by the moment it came, unless it tells of a new ticket: what a repeat tells is read again, and known then.

There are no idempotency keys. A comment of unknown fate is looked for on the first page of the ticket's conversations,
which begins with the oldest: where there are more than a hundred, nobody knows. A ticket of unknown fate is looked for
among the newest, because the search learns of a new one minutes later.

The phone number comes with the ticket. The external id is asked for by a call of its own, where the account uses it.

Sources: the modules of both products.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, TypeVar

from pydantic import Field, HttpUrl, SecretStr, field_validator

from bridge.accounts import Account, UnsignedVerification, WriteBackTo
from bridge.domain import WRITTEN, SetField
from bridge.helpdesks import freshworks_events, freshworks_listing, freshworks_product, proof, reading, writing
from bridge.helpdesks.dialect import Dialect
from bridge.helpdesks.freshworks_product import Product
from bridge.helpdesks.freshworks_writing import MEANINGS, OPENING, change, is_tag, note, opening
from bridge.policies import Model
from bridge.replies import raise_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.domain import (
        AgentReplied,
        Call,
        Changes,
        Delivery,
        OpenTicket,
        Reply,
        Ticket,
        TicketEvent,
        TicketRef,
        Verified,
        WriteBack,
    )
    from bridge.helpdesks.reading import Json
    from bridge.signatures import Verification

Action = TypeVar("Action", bound="WriteBack | OpenTicket")

EXTERNAL_ID: Final = "requester.external_id"
PAGE: Final = freshworks_listing.PAGE


class FreshworksAccess(Model):
    """How the bridge calls the API."""

    base_url: HttpUrl = Field(description="https://acme.freshdesk.com or https://acme.freshservice.com; no own domain.")
    api_key: SecretStr = Field(description="The API key of the agent that the bridge is.")
    bridge_user_id: Annotated[str, Field(coerce_numbers_to_str=True)] = Field(
        default="", description="That agent's id: what it writes is known to be the bridge's own."
    )


class FreshworksAccount(Account):
    """What an account of either product adds."""

    product: ClassVar[Product]

    verification: UnsignedVerification
    access: FreshworksAccess | None = Field(default=None, description="Without it nothing is read or written back.")

    @field_validator("verification")
    @classmethod
    def _provable(cls, verification: UnsignedVerification) -> UnsignedVerification:
        proof.unsigned(verification)
        return verification

    @field_validator("write_back")
    @classmethod
    def _writable(cls, write_back: WriteBackTo) -> WriteBackTo:
        custom = cls.product.custom
        return proof.writable(write_back, custom.fullmatch, f"the API's name of a custom field: {custom.pattern}")


class Freshworks(Dialect):
    """The part of both dialects that is the same."""

    product: Product
    kind: str
    settings: type[Account]
    calls_per_minute: int

    def verification(self, account: Account) -> Verification:
        """What stands in for the signature that is not made."""
        return proof.unsigned(proof.own(account, FreshworksAccount).verification)

    def delivery_id(self, delivery: Delivery, account: Account) -> str:  # noqa: ARG002 - all accounts alike
        """Empty for a new ticket, which is told once; else the moment it came: the same words are another reply."""
        if not freshworks_events.comes_again(delivery.body):
            return ""
        return f"{delivery.received_ms}:{sha256(delivery.body).hexdigest()[:32]}"

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """One event, or two where a ticket's end is told beside it. Raises Unreadable."""
        delivery, readable = verified.delivery, _access(account) is not None
        return freshworks_events.events(
            freshworks_events.Told(self.product, account, account_name, delivery.body, delivery.received_ms, readable)
        )

    def requester(self, verified: Verified, account: Account) -> Json:  # noqa: ARG002 - all accounts alike
        """As our template, or a simple webhook, tells it."""
        return freshworks_events.requester(verified.delivery.body)

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket with its requester, for the phone number."""
        return self._read(account, "/api/v2/tickets/{id}?include=requester", ref.id)

    def fetch_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:  # noqa: ARG002 - it stands in the answer
        """The requester, for an external id that the account uses. Raises CallError."""
        if len(replies) > 1 or not _asks_for_external_id(account):
            return None
        raise_for(replies[0], MEANINGS)
        return self._person_of(account, replies[0])

    def fetched(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> Ticket:
        """The whole ticket. A requester who is not found by their id is an agent, and has no external id."""
        raise_for(reply, MEANINGS)
        detail, person = freshworks_listing.detail_of(reply), self._person(more)
        return freshworks_listing.ticket(self.product, account, ref, detail, person, partial=False)

    def _person(self, more: Sequence[Reply]) -> Json:
        if not more or more[0].status == _NOT_FOUND:
            return {}
        raise_for(more[0], OPENING)
        return freshworks_listing.one(more[0], self.product.person_in)

    def prepare(
        self, account: Account, ref: TicketRef | None, action: WriteBack | OpenTicket, replies: Sequence[Reply]
    ) -> Call | None:
        """The ticket before a tag, because its tags are replaced. Raises CallError."""
        if ref is None or replies or not is_tag(action):
            return None
        return self._read(account, "/api/v2/tickets/{id}", ref.id)

    def prepared(self, account: Account, action: Action, replies: Sequence[Reply]) -> Action:  # noqa: ARG002 - all accounts alike
        """The tag with those that are there. Raises CallError."""
        if not replies or not isinstance(action, SetField):
            return action
        raise_for(replies[0], MEANINGS)
        return replace(action, beside=tuple(freshworks_listing.tags(freshworks_listing.detail_of(replies[0]))))

    def call(
        self,
        account: Account,
        ref: TicketRef,
        action: WriteBack,
        key: str,  # noqa: ARG002 - there is no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A note, a status, a priority, a custom field, or all tags with one more; None without access."""
        if isinstance(action, WRITTEN):
            return self._write(account, "POST", "/api/v2/tickets/{id}/notes", note(action), ref.id)
        body = change(self.product, action)
        return self._write(account, "PUT", "/api/v2/tickets/{id}", body, ref.id) if body else None

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The conversation's id for a note or a reply; empty for the rest."""
        raise_for(reply, MEANINGS)
        found = freshworks_listing.one(reply, "conversation")
        return reading.text(found, "id") if isinstance(action, WRITTEN) else ""

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """The ticket's oldest hundred conversations, for a note; the rest is harmless to write again."""
        return self.fetch_comments(account, ref) if isinstance(action, WRITTEN) else None

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The note that carries the action's mark. Raises Ambiguous where there may be newer ones than are shown."""
        raise_for(reply, MEANINGS)
        return freshworks_listing.marked_comment(action.marker, reply) if isinstance(action, WRITTEN) else ""

    def field_path(self, field: str) -> str:
        """A custom field stands under the API's name for it."""
        return f"custom.{field}"

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket's conversations, oldest first."""
        return self._read(account, f"/api/v2/tickets/{{id}}/conversations?per_page={PAGE}", ref.id)

    def comments_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
        """The page behind: the newest comments are on the last. Then who is asked for to judge a mail's addressees.

        Raises CallError.
        """
        pages, about = freshworks_listing.parted(replies)
        comments, page = _comments(pages), freshworks_listing.next_page(pages[-1])
        if page:
            return self._read(account, f"/api/v2/tickets/{{id}}/conversations?per_page={PAGE}&page={page}", ref.id)
        known = freshworks_listing.addresses_of(_detail(about), {})
        if len(about) > 1 or not freshworks_listing.asks_for_requester(comments, known):
            return None
        return self._person_of(account, about[0]) if about else self.fetch(account, ref)

    def _person_of(self, account: Account, ticket: Reply) -> Call | None:
        found = freshworks_listing.requester_id(ticket)
        return self._read(account, self.product.person, found) if found else None

    def fetched_comments(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> list[AgentReplied]:
        """The comments of agents, and the bridge's own, oldest first."""
        pages, about = freshworks_listing.parted((reply, *more))
        detail, person, user = _detail(about), self._person(about[1:]), _bridge_user(account)
        return freshworks_listing.replies(account, ref, _comments(pages), user, detail, person)

    def open_ticket(
        self,
        account: Account,
        action: OpenTicket,
        key: str,  # noqa: ARG002 - there is no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A ticket for a phone number or an external id; None where neither is of use here."""
        body = opening(self.product, action)
        return self._write(account, "POST", "/api/v2/tickets", {**body, **self._part(account)}) if body else None

    def opened(self, account: Account, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket. Raises Ambiguous for a 2xx without one."""
        raise_for(reply, OPENING)
        return writing.opened_id(reply.status, freshworks_listing.one(reply, "ticket"))

    def find_opened(self, account: Account, action: OpenTicket) -> Call | None:  # noqa: ARG002 - the list is the same
        """The newest hundred tickets with their descriptions."""
        return self._read(account, self._within(account, self.product.newest))

    def found_opened(self, account: Account, action: OpenTicket, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket with the mark. Raises Ambiguous where a hundred are newer than an hour."""
        raise_for(reply, OPENING)
        return freshworks_listing.with_mark(action.marker, reply)

    def changed(self, account: Account, since_ms: int, after: str) -> Call | None:
        """A page of the tickets that changed since then; the newest first, so that one that moves is told twice."""
        since = datetime.fromtimestamp(since_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = self._within(account, self.product.changed.replace("{since}", since))
        return self._read(account, path, after or "1")

    def changes(self, account: Account, account_name: str, reply: Reply) -> Changes:
        """Tickets not done as opened, in part; tickets done as solved."""
        raise_for(reply, OPENING)
        return freshworks_listing.changes(self.product, account, account_name, reply)

    def beside(self, account: Account) -> dict[str, int]:  # noqa: ARG002 - only one product has parts
        """What lists and new tickets are told besides; nothing, where an account has no parts."""
        return {}

    def _part(self, account: Account) -> dict[str, int]:
        """Zero stands for all parts: a ticket is opened in one."""
        return {name: value for name, value in self.beside(account).items() if value}

    def _within(self, account: Account, path: str) -> str:
        return path + "".join(f"&{name}={value}" for name, value in self.beside(account).items())

    def _read(self, account: Account, path: str, ref_id: str = "") -> Call | None:
        access = _access(account)
        if access is None:
            return None
        return writing.reading_call(_address(access, path, ref_id), _credential(access))

    def _write(self, account: Account, method: str, path: str, body: Json, ref_id: str = "") -> Call | None:
        access = _access(account)
        if access is None:
            return None
        url, once = _address(access, path, ref_id), method == "POST"
        return writing.writing_call(method, url, _credential(access), body, once=once)


_NOT_FOUND: Final = 404


def _comments(pages: Sequence[Reply]) -> list[Json]:
    comments = []
    for one in pages:
        raise_for(one, MEANINGS)
        comments += freshworks_listing.many(one, "conversations")
    return comments


def _detail(about: Sequence[Reply]) -> Json:
    """The ticket, which is the first of these answers; empty where it was not asked for."""
    if not about:
        return {}
    raise_for(about[0], MEANINGS)
    return freshworks_listing.detail_of(about[0])


def _access(account: Account) -> FreshworksAccess | None:
    return proof.own(account, FreshworksAccount).access


def _bridge_user(account: Account) -> str:
    access = _access(account)
    return access.bridge_user_id if access else ""


def _credential(access: FreshworksAccess) -> dict[str, str]:
    return writing.basic(access.api_key.get_secret_value(), "X")


def _address(access: FreshworksAccess, path: str, ref_id: str) -> str:
    return writing.address(access.base_url, path, freshworks_product.number(ref_id) or ref_id)


def _asks_for_external_id(account: Account) -> bool:
    return any(source.field == EXTERNAL_ID for source in account.user_id.ordered())
