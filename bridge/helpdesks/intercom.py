"""Intercom: tickets, by the notifications of a private app and its access token.

In Intercom's Developer Hub: New app, in the workspace whose tickets it is for. Basic information tells the client
secret: it signs every notification. Authentication tells the access token; it needs to read and write tickets, read and
write users, read and write tags, and read admins. Webhooks: the endpoint URL is
``https://.../webhooks/helpdesks/intercom/<account>``, which Intercom asks for by HEAD when it is saved; the topics are
ticket.created, ticket.admin.replied, ticket.note.created, ticket.contact.replied, ticket.state.updated,
ticket.resolved and ticket.closed. The bridge writes as an admin, best one of its own: everything of that admin is taken
as the bridge's. ``app_package_code`` is in each part that the app has written, and in the address of the app's page.

Notifications are read in ``intercom_events``, tickets in ``intercom_tickets``, lists in ``intercom_listing``. What must
be known before a write is looked up in ``intercom_preparing``; bodies are made in ``intercom_writing``, calls in
``intercom_access``.

Traps. A notification is sent twice at most, a minute apart; what fails longer is lost, so the search is looked through.
A 410 would end the subscription. ``ping`` is told when a subscription is made. ``delivery_attempts`` differs between
the two tries, so the delivery is known by ``id`` in its body. There is no idempotency key: what was written is looked
for by its mark.

Sources: "Set up webhooks", "Webhook notifications", "Tickets", "Contacts", "Rate limiting" of Intercom's developer
site, API reference 2.15.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from bridge.chat_text import plain
from bridge.domain import WRITTEN, Handshake, SetField
from bridge.errors import Ambiguous, Unreadable
from bridge.helpdesks import intercom_events as events
from bridge.helpdesks import intercom_listing as listing
from bridge.helpdesks import intercom_preparing as preparing
from bridge.helpdesks import intercom_tickets as tickets
from bridge.helpdesks import intercom_writing as writes
from bridge.helpdesks import proof, reading, writing
from bridge.helpdesks.dialect import Action, Dialect
from bridge.helpdesks.intercom_access import (
    IntercomAccount,
    access_of,
    headers,
    ours_of,
    post,
    read,
    signed,
    ticket_type,
)
from bridge.helpdesks.intercom_tickets import KIND
from bridge.helpdesks.intercom_writing import ELSEWHERE, MEANINGS, TAG, judged
from bridge.helpdesks.reading import Json, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.accounts import Account
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
    from bridge.signatures import HmacSigned


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

    def delivery_id(self, delivery: Delivery, account: Account) -> str:  # noqa: ARG002 - all accounts alike
        """The notification's id, from its body; empty where that cannot be read."""
        try:
            return events.notification_id(delivery.body)
        except Unreadable:
            return ""

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """One event. Raises Unreadable."""
        return [events.event(verified.delivery.body, account_name, ours_of(account))]

    # -- reading ------------------------------------------------------------------------------------------------------

    def requester(self, verified: Verified, account: Account) -> Json:  # noqa: ARG002 - all accounts alike
        """The first contact of the ticket."""
        return events.requester(verified.delivery.body)

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket; its contact's phone number is asked for next."""
        return read(account, "/tickets/{id}", ref.id)

    def fetch_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:  # noqa: ARG002 - its contact is asked for
        """The ticket's first contact."""
        contact = reading.usable_id(tickets.first_contact(judged(replies[0], MEANINGS)), "id")
        return read(account, "/contacts/{id}", contact) if contact and len(replies) == 1 else None

    def fetched(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> Ticket:
        """The whole ticket. A contact that is not there any more tells nothing."""
        record = _ticket_of(reply)
        found = [judged(one, ELSEWHERE) for one in more[:1] if one.status != writes.NOT_FOUND]
        return tickets.ticket(ref, record, ours_of(account), *found)

    def field_path(self, field: str) -> str:
        """An attribute stands under its name."""
        return f"custom.{field}"

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket, which has its parts with it."""
        return read(account, "/tickets/{id}", ref.id)

    def fetched_comments(self, account: Account, ref: TicketRef, reply: Reply, *_more: Reply) -> list[AgentReplied]:
        """The comments of agents, and the bridge's own, oldest first."""
        return listing.replies(ref, judged(reply, MEANINGS), ours_of(account))

    def changed(self, account: Account, since_ms: int, after: str) -> Call | None:
        """A page of the search, by the time of the last change."""
        return post(account, "/tickets/search", listing.changed_since(since_ms, after))

    def changes(self, account: Account, account_name: str, reply: Reply) -> Changes:
        """Tickets not done as opened, tickets done as solved."""
        return listing.changes(account_name, judged(reply, ELSEWHERE), ours_of(account))

    # -- writing ------------------------------------------------------------------------------------------------------

    def prepare(
        self, account: Account, ref: TicketRef | None, action: WriteBack | OpenTicket, replies: Sequence[Reply]
    ) -> Call | None:
        """Which state a status is; the id of a tag; the contact of a ticket to be opened."""
        return preparing.step(account, ref, action, replies)

    def prepared(self, account: Account, action: Action, replies: Sequence[Reply]) -> Action:
        """The action with the id of the state, of the tag, of the contact."""
        return cast("Action", preparing.with_ids(account, action, replies)) if replies else action

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
        access = access_of(account)
        if access is None:
            return None
        method, path, body = _write(action, access.admin_id)
        url = writing.address(access.base_url, path, ref.id)
        once = isinstance(action, WRITTEN)
        return writing.writing_call(method, url, headers(access), body, once=once) if body else None

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The part's id for a note or a reply, which its echo carries too; empty for the rest."""
        return writes.written_id(action, reply)

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """The ticket with its parts, for a note or a reply; the rest is harmless to write again."""
        return self.fetch_comments(account, ref) if isinstance(action, WRITTEN) else None

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The part that carries the action's mark, line by line as it was written."""
        return plain(writing.marked_text(action, tickets.parts(judged(reply, MEANINGS)), "body"), tickets.MARKUP)

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
        kind = ticket_type(account)
        call = post(account, "/tickets", writes.opening(action, kind)) if kind else None
        return replace(call, once=True) if call else None

    def opened(self, account: Account, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket. Raises Ambiguous for a 2xx without one."""
        return writing.opened_id(reply.status, judged(reply, ELSEWHERE))

    def find_opened(self, account: Account, action: OpenTicket) -> Call | None:
        """The tickets whose description carries the mark; the search may be some seconds behind."""
        return post(account, "/tickets/search", listing.with_mark(action.marker))

    def found_opened(self, account: Account, action: OpenTicket, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket with the mark."""
        return listing.opened_with(action.marker, judged(reply, ELSEWHERE))


def _ticket_of(reply: Reply) -> Json:
    found = judged(reply, MEANINGS)
    if not text(found, "id"):
        msg = "answered without a ticket"
        raise Ambiguous(msg, status=reply.status)
    return found


def _write(action: WriteBack, admin: str) -> tuple[str, str, Any]:
    if isinstance(action, WRITTEN):
        return "POST", "/tickets/{id}/reply", writes.reply_body(action, admin)
    if isinstance(action, SetField) and action.field == TAG:
        return "POST", "/tickets/{id}/tags", writes.tagging(action.value, admin)
    return "PUT", "/tickets/{id}", writes.change(action)
