"""Intercom: tickets, by the notifications of a private app and its access token.

In Intercom's Developer Hub: New app, in the workspace whose tickets it is for. Basic information tells the client
secret: it signs every notification. Authentication tells the access token; it needs to read and write tickets, read and
write users, read and write tags, and read admins. Webhooks: the endpoint URL is
``https://.../webhooks/helpdesks/intercom/<account>``, which Intercom asks for by HEAD when it is saved; the topics are
ticket.created, ticket.admin.replied, ticket.note.created, ticket.contact.replied, ticket.state.updated,
ticket.resolved and ticket.closed. The bridge writes as an admin, best one of its own: everything of that admin is taken
as the bridge's. ``app_package_code`` is in each part that the app has written, and in the address of the app's page.

Notifications are read in ``intercom_events``, lists in ``intercom_listing``; bodies are made in ``intercom_writing``.

Traps. A notification is sent twice at most, a minute apart; what fails longer is lost, so the search is looked through.
A 410 would end the subscription. ``ping`` is told when a subscription is made. ``delivery_attempts`` differs between
the two tries, so the delivery is known by ``id`` in its body. There is no idempotency key: what was written is looked
for by its mark. The newest version of the API is asked for by name, because an app may have an older one.

Sources: "Set up webhooks", "Webhook notifications", "Tickets", "Contacts", "Rate limiting" of Intercom's developer
site, API reference 2.15.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

from pydantic import Field, HttpUrl, SecretStr, field_validator

from bridge.accounts import Account, Secrets
from bridge.domain import WRITTEN, Call, Handshake, OpenTicket, SetField, SetStatus
from bridge.errors import Ambiguous, Unreadable
from bridge.helpdesks import intercom_events as events
from bridge.helpdesks import intercom_listing as listing
from bridge.helpdesks import intercom_writing as writes
from bridge.helpdesks import proof, reading, writing
from bridge.helpdesks.dialect import Action, Dialect
from bridge.helpdesks.intercom_events import KIND, Ours
from bridge.helpdesks.intercom_writing import ELSEWHERE, MEANINGS, TAG, judged
from bridge.helpdesks.reading import Json, section, text
from bridge.policies import Model
from bridge.signatures import HmacSigned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.domain import (
        AgentReplied,
        Changes,
        Delivery,
        Reply,
        Ticket,
        TicketEvent,
        TicketRef,
        Verified,
        WriteBack,
    )

VERSION: Final = "2.15"

_Id = Annotated[str, Field(coerce_numbers_to_str=True)]


class IntercomAccess(Model):
    """How the bridge calls Intercom's API."""

    base_url: HttpUrl = Field(
        default=HttpUrl("https://api.intercom.io"),
        description="https://api.eu.intercom.io and https://api.au.intercom.io for workspaces that are hosted there.",
    )
    token: SecretStr = Field(description="The app's access token.")
    admin_id: _Id = Field(
        min_length=1, description="Intercom's id of the admin that the bridge writes as: what it does is the bridge's."
    )
    app_package_code: str = Field(
        default="", description="The app's own code: what the app does is known to be the bridge's own."
    )
    ticket_type_id: _Id = Field(
        default="", description="The type of the tickets that are opened for conversations that have none."
    )


class IntercomAccount(Account):
    """An account of Intercom. The fields in ``write_back`` are names of ticket attributes."""

    verification: Secrets = Field(description="The client secret of the app.")
    access: IntercomAccess | None = Field(default=None, description="Without it nothing is read or written back.")

    @field_validator("verification")
    @classmethod
    def _provable(cls, verification: Secrets) -> Secrets:
        signed(verification)
        return verification


def signed(verification: Secrets) -> HmacSigned:
    """Intercom's signature: hex of HMAC-SHA1 over the body, without a time. Raises ValueError for an empty secret."""
    return HmacSigned(
        header="x-hub-signature", secrets=proof.text_keys(verification.secrets), algorithm="sha1", prefix="sha1="
    )


def _access(account: Account) -> IntercomAccess | None:
    return proof.own(account, IntercomAccount).access


def _ours(account: Account) -> Ours:
    access = _access(account)
    return Ours(account, access.admin_id, access.app_package_code) if access else Ours(account)


def _headers(access: IntercomAccess) -> dict[str, str]:
    return {"authorization": f"Bearer {access.token.get_secret_value()}", "intercom-version": VERSION}


def _read(account: Account, path: str, ref_id: str = "", calls: int = 1) -> Call | None:
    access = _access(account)
    if access is None:
        return None
    call = writing.reading_call(writing.address(access.base_url, path, ref_id), _headers(access))
    return replace(call, calls=calls)


def _post(account: Account, path: str, payload: Any, ref_id: str = "", calls: int = 1) -> Call | None:
    """A question by POST, or what is harmless to make again."""
    access = _access(account)
    if access is None:
        return None
    url = writing.address(access.base_url, path, ref_id)
    return replace(writing.writing_call("POST", url, _headers(access), payload), calls=calls)


class Intercom(Dialect):
    """The dialect of Intercom's tickets."""

    kind = KIND
    settings: type[Account] = IntercomAccount
    calls_per_minute = 10_000
    """Of an app, handed out in slices of ten seconds (developer site, "Rate limiting")."""

    def handshake(self, account: Account, delivery: Delivery) -> Handshake | None:  # noqa: ARG002 - all accounts alike
        """An empty answer to HEAD, by which Intercom looks whether the address is there."""
        return Handshake() if delivery.method == "HEAD" else None

    def verification(self, account: Account) -> HmacSigned:
        """The signature under the client secret."""
        return signed(proof.own(account, IntercomAccount).verification)

    def delivery_id(self, delivery: Delivery) -> str:
        """The notification's id, from its body; empty where that cannot be read."""
        try:
            return events.notification_id(delivery.body)
        except Unreadable:
            return ""

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """One event. Raises Unreadable."""
        return [events.event(verified.delivery.body, account_name, _ours(account))]

    # -- reading ------------------------------------------------------------------------------------------------------

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket; its contact's phone number is asked for next."""
        return _read(account, "/tickets/{id}", ref.id, calls=2)

    def fetch_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:  # noqa: ARG002 - its contact is asked for
        """The ticket's first contact."""
        contact = reading.usable_id(events.first_contact(judged(replies[0], MEANINGS)), "id")
        return _read(account, "/contacts/{id}", contact) if contact and len(replies) == 1 else None

    def fetched(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> Ticket:
        """The whole ticket. A contact that is not there any more tells nothing."""
        record = _ticket_of(reply)
        found = [judged(one, ELSEWHERE) for one in more[:1] if one.status != writes.NOT_FOUND]
        return events.ticket(ref, record, _ours(account), *found)

    def field_path(self, field: str) -> str:
        """An attribute stands under its name."""
        return f"custom.{field}"

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket, which has its parts with it."""
        return _read(account, "/tickets/{id}", ref.id)

    def fetched_comments(self, account: Account, ref: TicketRef, reply: Reply, *_more: Reply) -> list[AgentReplied]:
        """The comments of agents, and the bridge's own, oldest first."""
        return listing.replies(ref, judged(reply, MEANINGS), _ours(account))

    def changed(self, account: Account, since_ms: int, after: str) -> Call | None:
        """A page of the search, by the time of the last change."""
        return _post(account, "/tickets/search", listing.changed_since(since_ms, after))

    def changes(self, account: Account, account_name: str, reply: Reply) -> Changes:
        """Tickets not done as opened, tickets done as solved."""
        return listing.changes(account_name, judged(reply, ELSEWHERE), _ours(account))

    # -- writing ------------------------------------------------------------------------------------------------------

    def prepare(
        self, account: Account, ref: TicketRef | None, action: WriteBack | OpenTicket, replies: Sequence[Reply]
    ) -> Call | None:
        """Which state a status is; the id of a tag; the contact of a ticket to be opened."""
        match action:
            case SetStatus() if ref is not None and action.status in writes.OPEN:
                return _before_status(account, ref, replies)
            case SetField(field=writes.TAG):
                return None if replies else _post(account, "/tags", {"name": action.value})
            case OpenTicket() if _ticket_type(account):
                return _before_opening(account, action, replies)
            case _:
                return None

    def prepared(self, account: Account, action: Action, replies: Sequence[Reply]) -> Action:
        """The action with the id of the state, of the tag, of the contact."""
        return cast("Action", _with_ids(account, action, replies)) if replies else action

    def call(
        self,
        account: Account,
        ref: TicketRef,
        action: WriteBack,
        key: str,  # noqa: ARG002 - Intercom has no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A note, a contact's comment, a state, an attribute, or a tag; None without access."""
        access = _access(account)
        if access is None:
            return None
        method, path, body = _write(action, access.admin_id)
        url = writing.address(access.base_url, path, ref.id)
        once = isinstance(action, WRITTEN)
        return writing.writing_call(method, url, _headers(access), body, once=once) if body else None

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The part's id for a note or a reply, which its echo carries too; empty for the rest."""
        return writes.written_id(action, reply)

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """The ticket with its parts, for a note or a reply; the rest is harmless to write again."""
        return self.fetch_comments(account, ref) if isinstance(action, WRITTEN) else None

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The part that carries the action's mark."""
        return writing.marked_text(action, events.parts(judged(reply, MEANINGS)), "body")

    # -- opening ------------------------------------------------------------------------------------------------------

    def open_ticket(
        self,
        account: Account,
        action: OpenTicket,
        key: str,  # noqa: ARG002 - Intercom has no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A ticket of the account's type; None where that is not configured."""
        ticket_type = _ticket_type(account)
        call = _post(account, "/tickets", writes.opening(action, ticket_type)) if ticket_type else None
        return replace(call, once=True) if call else None

    def opened(self, account: Account, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket. Raises Ambiguous for a 2xx without one."""
        return writing.opened_id(reply.status, judged(reply, ELSEWHERE))

    def find_opened(self, account: Account, action: OpenTicket) -> Call | None:
        """The tickets whose description carries the mark; the search may be some seconds behind."""
        return _post(account, "/tickets/search", listing.with_mark(action.marker))

    def found_opened(self, account: Account, action: OpenTicket, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket with the mark."""
        return listing.opened_with(action.marker, judged(reply, ELSEWHERE))


def _ticket_of(reply: Reply) -> Json:
    found = judged(reply, MEANINGS)
    if not text(found, "id"):
        msg = "answered without a ticket"
        raise Ambiguous(msg, status=reply.status)
    return found


def _ticket_type(account: Account) -> str:
    access = _access(account)
    return access.ticket_type_id if access else ""


def _write(action: WriteBack, admin: str) -> tuple[str, str, Any]:
    if isinstance(action, WRITTEN):
        return "POST", "/tickets/{id}/reply", writes.reply_body(action, admin)
    if isinstance(action, SetField) and action.field == TAG:
        return "POST", "/tickets/{id}/tags", writes.tagging(action.value, admin)
    return "PUT", "/tickets/{id}", writes.change(action)


def _before_status(account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
    if not replies:
        return _read(account, "/tickets/{id}", ref.id, calls=2)
    judged(replies[0], MEANINGS)
    return _read(account, "/ticket_states") if len(replies) == 1 else None


def _before_opening(account: Account, action: OpenTicket, replies: Sequence[Reply]) -> Call | None:
    """The contact looked for, then made, then taken out of the archive, as far as it takes."""
    if not replies:
        return _post(account, "/contacts/search", writes.asked_contacts(action), calls=3)
    if len(replies) == 1:
        found = writes.found_contact(action, judged(replies[0], ELSEWHERE))
        return None if found else _post(account, "/contacts", writes.made_contact(action))
    made = writes.contact_id(replies[1])
    archived = len(replies) == 2 and writes.is_archived(replies[1])  # noqa: PLR2004 - nothing was asked after it
    return _post(account, "/contacts/{id}/unarchive", {}, made) if archived else None


def _with_ids(account: Account, action: WriteBack | OpenTicket, replies: Sequence[Reply]) -> WriteBack | OpenTicket:
    match action:
        case SetStatus():
            ticket_type = text(section(judged(replies[0], MEANINGS), "ticket_type"), "id")
            states = judged(replies[-1], ELSEWHERE)
            return replace(action, by=writes.state_id(account, action.status, ticket_type, states))
        case SetField():
            return replace(action, value=writes.tag_id(replies))
        case OpenTicket():
            found = writes.found_contact(action, judged(replies[0], ELSEWHERE))
            return replace(action, contact=found or writes.contact_id(replies[min(1, len(replies) - 1)]))
        case _:
            return action
