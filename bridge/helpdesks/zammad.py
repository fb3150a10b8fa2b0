"""Zammad: the webhooks of its triggers in; notes, states, attributes, tags and tickets out.

Where to click: *Manage > Webhook > New*: the endpoint is the bridge's ``/webhooks/helpdesks/zammad/<account>``, the
*HMAC SHA1 Signature Token* the account's secret, "SSL verify" on, and no custom payload. Then *Manage > Trigger*, one
for each of these, with "Notification > Webhook" as what they do. The last word of the name says what happened:

- ``Jelou: created``: action *is created*;
- ``Jelou: article``: action *is updated*, article *action is created* (and not by the bridge's user);
- ``Jelou: solved``: action *is updated*, state *has changed*, state *is closed*;
- ``Jelou: reopened``: action *is updated*, state *has changed*, state *is open*.

Without that name a reopened ticket is not known as one; the other three are told by the body as well. Traps: a trigger
without a condition on what changed fires at every update; a payload of the admin's own that is no JSON is sent as
``{"error": ...}`` and refused here; Zammad tries five times in less than two minutes and then forgets, so that the
reconciler is what makes up for a longer time away. What each body means stands in ``zammad_events``.

The token: *Profile > Token Access* of an agent made for the bridge, with ``ticket.agent``, and access to its groups.

Nothing is idempotent but states, attributes and tags, so an article is looked for by its mark, and a ticket too.

Sources: "Webhooks", "Triggers" of the admin documentation; the API documentation; Zammad's source.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote, urlsplit

from bridge.domain import WRITTEN, AgentReplied, Call, OpenTicket, SetField, TicketRef
from bridge.errors import Ambiguous
from bridge.helpdesks import proof, reading, writing, zammad_events, zammad_listing, zammad_reading
from bridge.helpdesks.dialect import Dialect
from bridge.helpdesks.reading import text, usable_id
from bridge.helpdesks.zammad_account import ZammadAccess, ZammadAccount, signed
from bridge.helpdesks.zammad_reading import KIND
from bridge.helpdesks.zammad_writing import MEANINGS, OPENING, article, change, opening, tag, written_id
from bridge.replies import raise_for, reply_list, reply_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.accounts import Account
    from bridge.domain import (
        Changes,
        Delivery,
        Reply,
        Ticket,
        TicketEvent,
        Verified,
        WriteBack,
    )
    from bridge.helpdesks.reading import Json
    from bridge.signatures import HmacSigned

Action = TypeVar("Action", bound="WriteBack | OpenTicket")
Told = TypeVar("Told", bound="TicketEvent")

TICKET: Final = "/api/v1/tickets/{id}?expand=true"
ARTICLES: Final = "/api/v1/ticket_articles/by_ticket/{id}?expand=true"
TAGS: Final = "/api/v1/tags?object=Ticket&o_id={id}"
MISSING: Final = 404
FILES: Final = "/api/v1/ticket_attachment/"


class Zammad(Dialect):
    """The dialect of Zammad."""

    kind = KIND
    settings: type[Account] = ZammadAccount
    calls_per_minute = 300
    """Zammad has no limit of its own; its web server has few threads, which agents share."""

    def verification(self, account: Account) -> HmacSigned:
        """The webhook's signature."""
        return signed(proof.own(account, ZammadAccount).verification)

    def delivery_id(self, delivery: Delivery, account: Account) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the job, which Zammad keeps over its five tries."""
        return delivery.headers.get("x-zammad-delivery", "")

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """The one or two events in a body. Raises Unreadable."""
        delivery = verified.delivery
        trigger = delivery.headers.get("x-zammad-trigger", "")
        readable, bridge_user = _access(account) is not None, _bridge_user(account)
        told = zammad_events.Told(
            delivery.body, account_name, self.delivery_id(delivery, account), trigger, bridge_user, readable=readable
        )
        return [_addressed(account, one) for one in zammad_events.events(told, account)]

    def requester(self, verified: Verified, account: Account) -> Json:  # noqa: ARG002 - all accounts alike
        """The customer of the ticket."""
        return zammad_reading.requester_of(reading.decoded(verified.delivery.body))

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket; its customer and its tags follow."""
        return _read(account, TICKET, ref.id)

    def fetch_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
        """The customer, for the phone number, then the tags."""
        about = _ticket(replies[0])
        paths = [*_customer_path(about), TAGS]
        at = len(replies) - 1
        return _read(account, paths[at], ref.id) if at < len(paths) else None

    def fetched(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> Ticket:
        """The whole ticket. A customer who is not there any more leaves it without a phone number."""
        about = _ticket(reply)
        found = [_if_there(one) for one in more]
        customer = found.pop(0) if found and _customer_path(about) else {}
        tags = found[0] if found else {}
        return zammad_listing.whole(ref, about, customer, tags, account, _bridge_user(account))

    def call(
        self,
        account: Account,
        ref: TicketRef,
        action: WriteBack,
        key: str,  # noqa: ARG002 - there is no idempotency key
        *,
        now_ms: int,
    ) -> Call | None:
        """A note, a state, an attribute or a tag; None without access."""
        access = _access(account)
        if access is None:
            return None
        if isinstance(action, WRITTEN):
            body = {"ticket_id": writing.number(ref.id), **article(action)}
            return _write(access, "POST", "/api/v1/ticket_articles", body, once=True)
        if isinstance(action, SetField) and action.field == "tag":
            return _write(access, "POST", "/api/v1/tags/add", tag(ref.id, action.value))
        return _write(access, "PUT", "/api/v1/tickets/{id}", change(action, access.states, now_ms), ref.id)

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The article's id, which its echo carries too; empty for the rest."""
        return written_id(action, reply)

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """The ticket's articles, for an article; the rest is harmless to write again."""
        return _read(account, ARTICLES, ref.id) if isinstance(action, WRITTEN) else None

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The article that carries the action's mark."""
        raise_for(reply, MEANINGS)
        return writing.marked_text(action, reply_list(reply), "body") if isinstance(action, WRITTEN) else ""

    def field_path(self, field: str) -> str:
        """An attribute stands under its name."""
        return f"custom.{field}"

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """All articles of the ticket."""
        return _read(account, ARTICLES, ref.id)

    def comments_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
        """The ticket and its customer, where it hangs on them whether an article is for the customer."""
        raise_for(replies[0], MEANINGS)
        if not zammad_reading.asks_for_customer(reply_list(replies[0]), _bridge_user(account)):
            return None
        paths = [TICKET, *(_customer_path(_ticket(replies[1])) if len(replies) > 1 else [])]
        at = len(replies) - 1
        return _read(account, paths[at], ref.id) if at < len(paths) else None

    def fetched_comments(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> list[AgentReplied]:
        """The articles of agents, and the bridge's own, oldest first."""
        raise_for(reply, MEANINGS)
        about = _ticket(more[0]) if more else {}
        person = {"id": about.get("customer_id"), **(_if_there(more[1]) if len(more) > 1 else {})}
        found = zammad_listing.replies(ref, reply_list(reply), _bridge_user(account), account, person)
        return [_addressed(account, one) for one in found]

    def prepare(
        self, account: Account, ref: TicketRef | None, action: WriteBack | OpenTicket, replies: Sequence[Reply]
    ) -> Call | None:
        """For a ticket to be opened: the users with the customer's phone number."""
        if ref is not None or not isinstance(action, OpenTicket) or not action.phone or replies:
            return None
        return _read(account, f"/api/v1/users/search?query={quote(action.phone.strip('+'), safe='')}&limit=50")

    def prepared(self, account: Account, action: Action, replies: Sequence[Reply]) -> Action:  # noqa: ARG002 - all alike
        """With the user who has that number, if there is one."""
        if not isinstance(action, OpenTicket) or not replies:
            return action
        raise_for(replies[0], OPENING)
        found = zammad_listing.with_phone(reply_list(replies[0]), action.phone)
        return replace(action, contact=found)

    files_need_login = True

    def file_call(self, account: Account, path: str) -> Call | None:
        """Zammad shows an article's files to whoever may see the ticket."""
        access = _access(account)
        if access is None or FILES not in path:
            return None
        return Call("GET", _origin(access) + path, _credential(access))

    def open_ticket(
        self,
        account: Account,
        action: OpenTicket,
        key: str,  # noqa: ARG002 - there is no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A ticket in the action's group or else the account's; None where there is neither."""
        access = _access(account)
        group = action.group or (access.group if access else "")
        if access is None or not group:
            return None
        return _write(access, "POST", "/api/v1/tickets", opening(action, group), once=True)

    def opened(self, account: Account, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket. Raises Ambiguous for a 2xx without one."""
        raise_for(reply, OPENING)
        return writing.opened_id(reply.status, reply_object(reply))

    def find_opened(self, account: Account, action: OpenTicket) -> Call | None:
        """The ticket whose note is the action's mark."""
        return _read(account, zammad_listing.noted(writing.mark_id(action.marker)))

    def found_opened(self, account: Account, action: OpenTicket, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of that ticket. Raises Ambiguous where others were listed: then Zammad did not look for it."""
        raise_for(reply, OPENING)
        return zammad_listing.with_note(reply_list(reply), writing.mark_id(action.marker))

    def changed(self, account: Account, since_ms: int, after: str) -> Call | None:
        """A page of the tickets changed since then, the oldest change first."""
        return _read(account, zammad_listing.changed_since(since_ms, after))

    def changes(self, account: Account, account_name: str, reply: Reply) -> Changes:
        """Tickets not done as opened, in part, and tickets done as solved."""
        raise_for(reply, OPENING)
        return zammad_listing.changes(account_name, reply_list(reply), account, _bridge_user(account))


def _access(account: Account) -> ZammadAccess | None:
    return proof.own(account, ZammadAccount).access


def _origin(access: ZammadAccess) -> str:
    whole = urlsplit(str(access.base_url))
    return f"{whole.scheme}://{whole.netloc}"


def _addressed(account: Account, event: Told) -> Told:
    """A reply with the addresses of its files; without access nobody could read them."""
    access = _access(account)
    if access is None or not isinstance(event, AgentReplied) or not event.comment_id:
        return event
    of = f"{FILES}{quote(event.ref.id, safe='')}/{quote(event.comment_id, safe='')}/"
    files = [
        replace(one, url=writing.address(access.base_url, of + quote(one.id, safe=""))) if one.id else one
        for one in event.attachments
    ]
    return replace(event, attachments=tuple(files))


def _bridge_user(account: Account) -> str:
    access = _access(account)
    return access.bridge_user_id if access else ""


def _credential(access: ZammadAccess) -> dict[str, str]:
    return {"authorization": f"Token token={access.token.get_secret_value()}"}


def _read(account: Account, path: str, ref_id: str = "") -> Call | None:
    access = _access(account)
    if access is None:
        return None
    return writing.reading_call(writing.address(access.base_url, path, ref_id), _credential(access))


def _write(access: ZammadAccess, method: str, path: str, body: Json, ref_id: str = "", *, once: bool = False) -> Call:
    url = writing.address(access.base_url, path, ref_id)
    return writing.writing_call(method, url, _credential(access), body, once=once)


def _ticket(reply: Reply) -> Json:
    raise_for(reply, MEANINGS)
    found = reply_object(reply)
    if not usable_id(found, "id"):
        msg = "answered without a ticket"
        raise Ambiguous(msg, status=reply.status)
    return found


def _customer_path(about: Json) -> list[str]:
    customer_id = text(about, "customer_id")
    return [f"/api/v1/users/{quote(customer_id, safe='')}"] if usable_id(about, "customer_id") else []


def _if_there(reply: Reply) -> Json:
    if reply.status == MISSING:
        return {}
    raise_for(reply)
    return reply_object(reply)
