"""Zendesk: its signature, its events (``zendesk_events``), its lists (``zendesk_listing``), what is written there.

In the console, Admin Center > Apps and integrations > Webhooks > Create webhook: either "Zendesk events" (Ticket
created, comment added, status changed, soft deleted) or "Trigger or automation" (content: ``zendesk_events``); the URL
of the account, POST, JSON, no authentication. "Reveal secret" shows ``verification.secrets``. Under APIs > Zendesk API
an agent of the bridge's own makes the token; in each trigger "Current user is not" that agent.

Bodies are made in ``zendesk_writing``. Updates have no idempotency key, so a comment of unknown fate is looked for by
its mark. Opening a ticket has one, which Zendesk keeps for two hours. A closed ticket takes no update at all.

Sources: "Verifying webhook requests", "Tickets", "Ticket comments", "Incremental exports", "Rate limits" on Zendesk's
developer site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, HttpUrl, SecretStr, field_validator

from bridge.accounts import Account, Secrets, WriteBackTo
from bridge.domain import WRITTEN, Call, Rate, SetField
from bridge.errors import Ambiguous
from bridge.helpdesks import proof, reading, writing, zendesk_events, zendesk_listing
from bridge.helpdesks.dialect import Dialect
from bridge.helpdesks.reading import section, text
from bridge.helpdesks.zendesk_writing import MEANINGS, OPENING, change, opening
from bridge.policies import Model
from bridge.replies import raise_for, reply_object
from bridge.signatures import HmacSigned, Timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.domain import (
        AgentReplied,
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


PAGE: Final = 100
"""Tickets of one page of the incremental export; Zendesk takes up to 1,000, and its answers have no limit."""


class ZendeskAccess(Model):
    """How the bridge calls Zendesk's API."""

    base_url: HttpUrl = Field(description="https://acme.zendesk.com")
    email: str = Field(min_length=1, description="The agent whose API token it is.")
    api_token: SecretStr
    bridge_user_id: Annotated[str, Field(coerce_numbers_to_str=True)] = Field(
        default="", description="Zendesk's id of that agent: what it does is known to be the bridge's own."
    )


class ZendeskAccount(Account):
    """An account of Zendesk. The fields in ``write_back`` are numbers of custom fields, or external_id."""

    verification: Secrets = Field(description="The webhook's signing secret.")
    access: ZendeskAccess | None = Field(default=None, description="Without it nothing is read or written back.")

    @field_validator("verification")
    @classmethod
    def _provable(cls, verification: Secrets) -> Secrets:
        signed(verification)
        return verification

    @field_validator("write_back")
    @classmethod
    def _writable(cls, write_back: WriteBackTo) -> WriteBackTo:
        what = "the number of a custom field of Zendesk, or external_id"
        return proof.writable(write_back, lambda field: change(SetField(field, "")), what)


def signed(verification: Secrets) -> HmacSigned:
    """Zendesk's signature: base64 of HMAC-SHA256 over timestamp and body. Raises ValueError for an empty secret."""
    return HmacSigned(
        header="x-zendesk-webhook-signature",
        secrets=proof.text_keys(verification.secrets),
        signed="{timestamp}{body}",
        encoding="base64",
        timestamp=Timestamp(
            header="x-zendesk-webhook-signature-timestamp", unit="iso8601", tolerance_s=verification.tolerance_s
        ),
    )


def _credential(access: ZendeskAccess) -> dict[str, str]:
    return writing.basic(f"{access.email}/token", access.api_token.get_secret_value())


def _read(account: Account, path: str, ref_id: str = "") -> Call | None:
    access = _access(account)
    if access is None:
        return None
    return writing.reading_call(writing.address(access.base_url, path, ref_id), _credential(access))


def _access(account: Account) -> ZendeskAccess | None:
    return proof.own(account, ZendeskAccount).access


def _bridge_user(account: Account) -> str:
    access = _access(account)
    return access.bridge_user_id if access else ""


class Zendesk(Dialect):
    """The dialect of Zendesk Support."""

    kind = "zendesk"
    settings: type[Account] = ZendeskAccount
    calls_per_minute = 100
    ticket_rate: Rate | None = Rate(30, 600.0)
    """Update Ticket, per account (developer site, "Rate limits"), and 30 updates in 10 minutes on one ticket."""

    def verification(self, account: Account) -> HmacSigned:
        """The webhook's signature."""
        return signed(proof.own(account, ZendeskAccount).verification)

    def delivery_id(self, delivery: Delivery, account: Account) -> str:  # noqa: ARG002 - all accounts alike
        """The invocation id, which Zendesk keeps over its retries."""
        return delivery.headers.get("x-zendesk-webhook-invocation-id", "")

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """One event, from either form of body. Raises Unreadable."""
        delivery, readable = verified.delivery, _access(account) is not None
        told = zendesk_events.Told(
            delivery.body,
            account,
            account_name,
            self.delivery_id(delivery, account),
            _bridge_user(account),
            readable=readable,
        )
        return [zendesk_events.event(told)]

    def requester(self, verified: Verified, account: Account) -> Json:  # noqa: ARG002 - all accounts alike
        """Native events tell the id; our trigger as well."""
        return zendesk_events.requester(verified.delivery.body)

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket with its people, for the phone number."""
        return _read(account, "/api/v2/tickets/{id}.json?include=users", ref.id)

    def fetched(self, account: Account, ref: TicketRef, reply: Reply, *_more: Reply) -> Ticket:
        """The whole ticket: phone and external id of its requester, custom fields by their number."""
        raise_for(reply, MEANINGS)
        found = reply_object(reply)
        detail = section(found, "ticket")
        if not detail:
            msg = "answered without a ticket"
            raise Ambiguous(msg, status=reply.status)
        return zendesk_listing.whole(ref, detail, zendesk_listing.people(found), account, _bridge_user(account))

    def call(
        self,
        account: Account,
        ref: TicketRef,
        action: WriteBack,
        key: str,  # noqa: ARG002 - Zendesk's updates take no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A comment, a status, a field, or a tag added; None without access."""
        access, body = _access(account), change(action)
        if access is None or body is None:
            return None
        path = "/api/v2/tickets/{id}/tags.json" if "tags" in body else "/api/v2/tickets/{id}.json"
        url = writing.address(access.base_url, path, ref.id)
        return writing.writing_call("PUT", url, _credential(access), body, once=isinstance(action, WRITTEN))

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The comment's id for a note or a reply, which its echo carries too; empty for the rest."""
        raise_for(reply, MEANINGS)
        found = reply_object(reply)
        if not isinstance(action, WRITTEN):
            return ""
        audit = reading.records(section(found, "audit"), "events")
        return next((text(one, "id") for one in audit if text(one, "type") == "Comment"), "")

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """The ticket's newest hundred comments, for a comment; the rest is harmless to write again."""
        if not isinstance(action, WRITTEN):
            return None
        return _read(account, "/api/v2/tickets/{id}/comments.json?sort_order=desc", ref.id)

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The comment that carries the action's mark."""
        raise_for(reply, MEANINGS)
        return writing.marked_text(action, reading.records(reply_object(reply), "comments"), "body")

    def field_path(self, field: str) -> str:
        """A custom field stands under its number."""
        return field if field == "external_id" else f"custom.{field}"

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket's newest hundred comments, with the roles of who wrote them."""
        return _read(account, "/api/v2/tickets/{id}/comments.json?include=users&sort_order=desc", ref.id)

    def comments_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
        """The ticket, where its requester may be an agent: what they write themselves is no agent's reply."""
        raise_for(replies[0], MEANINGS)
        asks = zendesk_listing.asks_for_requester(reply_object(replies[0]), _bridge_user(account))
        return _read(account, "/api/v2/tickets/{id}.json", ref.id) if asks and len(replies) == 1 else None

    def fetched_comments(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> list[AgentReplied]:
        """The comments of agents, and the bridge's own, oldest first."""
        for one in (reply, *more):
            raise_for(one, MEANINGS)
        detail = section(reply_object(more[0]), "ticket") if more else {}
        return zendesk_listing.replies(ref, reply_object(reply), _bridge_user(account), detail)

    file_hosts = ("zdusercontent.com",)
    """Where Zendesk sends whoever may see a file."""

    def file_call(self, account: Account, path: str) -> Call | None:
        """With "Require authentication to download" an attachment is shown to agents alone, the API's among them."""
        access = _access(account)
        if access is None or not path.startswith("/attachments/"):
            return None
        return Call("GET", str(access.base_url).rstrip("/") + path, _credential(access))

    def open_ticket(
        self,
        account: Account,
        action: OpenTicket,
        key: str,
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A ticket with a private description, under an idempotency key that Zendesk keeps for two hours."""
        access = _access(account)
        if access is None:
            return None
        headers = _credential(access) | {"idempotency-key": writing.once_key(action.marker, key)}
        url = writing.address(access.base_url, "/api/v2/tickets.json")
        return writing.writing_call("POST", url, headers, opening(action), once=True)

    def opened(self, account: Account, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket. Raises Ambiguous for a 2xx without one."""
        raise_for(reply, OPENING)
        return writing.opened_id(reply.status, section(reply_object(reply), "ticket"))

    def find_opened(self, account: Account, action: OpenTicket) -> Call | None:
        """The tickets with the external id that stands for the action's mark."""
        return _read(account, "/api/v2/tickets.json?external_id={id}", writing.mark_id(action.marker))

    def found_opened(self, account: Account, action: OpenTicket, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket with that external id."""
        raise_for(reply, OPENING)
        return zendesk_listing.with_external_id(reply_object(reply), writing.mark_id(action.marker))

    def changed(self, account: Account, since_ms: int, after: str) -> Call | None:
        """A page of the incremental export, at most ten a minute. ``since_ms`` within the last minute is refused."""
        begin = "cursor={id}" if after else "start_time={id}"
        path = f"/api/v2/incremental/tickets/cursor.json?include=users&per_page={PAGE}&{begin}"
        return _read(account, path, after or str(since_ms // 1000))

    def changes(self, account: Account, account_name: str, reply: Reply) -> Changes:
        """Tickets not done as opened, tickets done as solved."""
        raise_for(reply, OPENING)
        return zendesk_listing.changes(account, account_name, reply_object(reply), _bridge_user(account))
