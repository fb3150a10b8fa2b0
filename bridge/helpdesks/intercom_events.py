"""What Intercom tells of tickets: in its notifications, over its API, in its search. Pure.

``data.item`` of a notification has three shapes: the ticket itself; a ticket with the one ``ticket_part`` that is new,
for replies and notes; and ``{"ticket": ...}`` for ``ticket.closed``. The ticket repeats all its parts in each of them:
only the new one is an event. ``id`` is the ticket's id for the API, ``ticket_id`` the number that people see.

The part says what it is, and not the topic. Who replies to a ticket that is nobody's gets it assigned: that first reply
is a part of the type assignment, with a text. A reply that closes a ticket is one of the type close. Bodies are HTML.
Texts that Intercom adds by itself, such as how soon somebody will answer, have types of their own, and stay there.

A ticket has a state, and is open or closed beside it. What is closed without being resolved counts as closed. The state
part that brought a ticket there is the fact, whichever of ``ticket.state.updated``, ``ticket.resolved``,
``ticket.closed`` and the search tells it; its ``previous_ticket_state`` says what was reopened. A workspace names its
states as it likes: the account's own labels come first, then the state's category.

A ticket has no priority of its own: an attribute named priority, prioridad or prioridade stands for it.

Contacts cannot write on Back-office and Tracker tickets. So the contact's id of such a ticket is not told: what the
customer writes then becomes a note that says whose it is.

Sources: "Tickets", "Ticket states", "Webhook models", "Webhook notifications" of Intercom's API reference 2.15.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.domain import (
    AgentReplied,
    Attachment,
    Ticket,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.helpdesks import labels, reading
from bridge.helpdesks.labels import CHANNELS, ENDED, STATUSES, TYPES, label
from bridge.helpdesks.reading import Json, section, text, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.accounts import Account
    from bridge.domain import TicketEvent

KIND: Final = "intercom"
TICKET: Final = "ticket."
MARKUP: Final = "html"

TITLE: Final = "_default_title_"
DESCRIPTION: Final = "_default_description_"

STATES: Final[Mapping[str, str]] = {
    "submitted": "new",
    "in_progress": "open",
    "waiting_on_customer": "pending",
    "resolved": "solved",
}
"""The category of a state to the bridge's word."""

PUBLIC: Final = frozenset({"assignment", "close", "comment", "open", "quick_reply"})
"""The parts whose text the customer sees."""

CONTACTS: Final = frozenset({"contact", "lead", "user", "visitor"})
"""What the author of a customer's part may be called."""

WITHOUT_REPLIES: Final = frozenset({"back-office", "back office", "tracker"})
"""The categories of tickets on which contacts cannot write."""

PRIORITY_NAMES: Final = frozenset({"priority", "prioridad", "prioridade"})

STATE_PART: Final = "ticket_state_updated"
"""Begins the type of every part that changed the state; what follows says who did."""

CLOSE_PART: Final = "close"

_NOBODY: Final = frozenset({"", "0"})
"""What stands for no team."""

_LATEST_S: Final = 10**11
"""Later than any date; a larger number is none."""


class Ours(NamedTuple):
    """An account, and how the bridge is known there: each empty where it is not configured."""

    account: Account
    admin: str = ""
    app: str = ""

    def wrote(self, part: Json) -> bool:
        """Whether the bridge made this part: its app did, its admin, or its mark is in the text."""
        by_app = self.app != "" and text(part, "app_package_code") == self.app
        author = section(part, "author")
        by_admin = self.admin != "" and text(author, "type") == "admin" and text(author, "id") == self.admin
        return by_app or by_admin or reading.marked(text(part, "body"))


@dataclass(frozen=True, slots=True)
class _Message:
    """A notification about one ticket."""

    ref: TicketRef
    ticket: Json
    part: Json
    topic: str
    notification: str
    ours: Ours


# --- notifications ---------------------------------------------------------------------------------------------------


def event(raw: bytes, account_name: str, ours: Ours) -> TicketEvent:
    """The event in a notification. Raises Unreadable."""
    body = reading.decoded(raw)
    topic = reading.event_name(body, "topic")
    item = section(section(body, "data"), "item")
    record, reader = _ticket(item), _READERS.get(topic)
    if reader is None:
        return _unrecognised(topic, body, record, account_name)
    ref = TicketRef(KIND, account_name, reading.ticket_id(record, "id", "data.item.ticket.id"))
    return reader(_Message(ref, record, section(item, "ticket_part"), topic, text(body, "id"), ours))


def notification_id(raw: bytes) -> str:
    """The id of a notification, the same on its retry; empty where the body tells none. Raises Unreadable."""
    return text(reading.decoded(raw), "id")


def _ticket(item: Json) -> Json:
    # The id of an item that holds a ticket and its part is not the ticket's.
    return section(item, "ticket") or (item if text(item, "type") in {"", "ticket"} else {})


def _unrecognised(topic: str, body: Json, record: Json, account_name: str) -> TicketEvent:
    found = reading.usable_id(record, "id") if topic.startswith(TICKET) else ""
    ref = TicketRef(KIND, account_name, found) if found else None
    return Unrecognised(ref, f"told:{text(body, 'id') or topic}", topic)


def _opened(message: _Message) -> TicketEvent:
    opened = ticket(message.ref, message.ticket, message.ours, partial=True)
    return TicketOpened(message.ref, "opened", opened, opened.by_bridge)


def _written(message: _Message) -> TicketEvent:
    part = message.part or _newest(message.ticket, text_parts)
    return written(message.ref, part, message.ours, message.topic, message.notification)


def _state_changed(message: _Message) -> TicketEvent:
    part = _newest(message.ticket, state_parts)
    return _stands(message, state(message.ticket, message.ours.account), part)


def _closed(message: _Message) -> TicketEvent:
    status, part = standing(message.ticket, message.ours.account)
    return _stands(message, status, part)


def _stands(message: _Message, status: str, part: Json) -> TicketEvent:
    fact, by_bridge = status_fact(status, part, message.ticket, message.notification), message.ours.wrote(part)
    if status in ENDED:
        return TicketSolved(message.ref, fact, status, by_bridge)
    if labels.status(message.ours.account, text(part, "previous_ticket_state"), STATES) in ENDED:
        return TicketReopened(message.ref, fact, status, by_bridge)
    return Unrecognised(message.ref, fact, message.topic, by_bridge)


_READERS: Final[Mapping[str, Callable[[_Message], TicketEvent]]] = {
    "ticket.created": _opened,
    "ticket.admin.replied": _written,
    "ticket.contact.replied": _written,
    "ticket.note.created": _written,
    "ticket.state.updated": _state_changed,
    "ticket.resolved": _state_changed,
    "ticket.closed": _closed,
}


# --- parts -----------------------------------------------------------------------------------------------------------


def parts(record: Json) -> list[Json]:
    """The parts of a ticket, oldest first."""
    found = reading.records(section(record, "ticket_parts"), "ticket_parts")
    return sorted(found, key=lambda part: reading.count(part, "created_at"))


def text_parts(part: Json) -> bool:
    """Whether somebody wrote something in it."""
    return text(part, "body") != "" or bool(reading.records(part, "attachments"))


def state_parts(part: Json) -> bool:
    """Whether it changed the ticket's state."""
    return text(part, "part_type").startswith(STATE_PART)


def _newest(record: Json, wanted: Callable[[Json], bool]) -> Json:
    return next((part for part in reversed(parts(record)) if wanted(part)), {})


def written(ref: TicketRef, part: Json, ours: Ours, topic: str, notification: str = "") -> TicketEvent:
    """A part somebody wrote in: an agent's reply or note, what the bridge wrote, or a customer's, which is not told."""
    part_id, by_bridge = text(part, "id"), ours.wrote(part)
    fact = f"comment:{part_id or notification}"
    if not text_parts(part):
        return Unrecognised(ref, fact, text(part, "part_type") or topic, by_bridge)
    if text(section(part, "author"), "type") in CONTACTS and not by_bridge:
        return Unrecognised(ref, fact, "customer comment")
    return AgentReplied(
        ref,
        fact,
        part_id,
        text(part, "body"),
        text(part, "part_type") in PUBLIC,
        by_bridge,
        markup=MARKUP,
        attachments=tuple(_attachments(part)),
        at_ms=_moment_s(part, "created_at") * 1000,
    )


def _attachments(part: Json) -> Iterator[Attachment]:
    for one in reading.records(part, "attachments"):
        url = text(one, "url")
        if url:
            yield Attachment(url, text(one, "name"), text(one, "content_type"), reading.count(one, "filesize"))


# --- states ----------------------------------------------------------------------------------------------------------


def state_word(found: Json, account: Account) -> str:
    """The bridge's word for a state: by the account's own labels, by its category, by its label."""
    meant = labels.status(account, text(found, "category"), STATES)
    named = text(found, "internal_label")
    return labels.status(account, named, {named.strip().casefold(): meant} if meant else STATUSES) if named else meant


def state(record: Json, account: Account) -> str:
    """The state of a ticket. Old versions of the API tell its category alone."""
    found = section(record, "ticket_state") or {"category": record.get("ticket_state")}
    return state_word(found, account)


def standing(record: Json, account: Account) -> tuple[str, Json]:
    """The status of a ticket, and the part that brought it there."""
    status = state(record, account)
    if status not in ENDED and reading.flag(record, "open") is False:
        return "closed", _newest(record, lambda part: text(part, "part_type") == CLOSE_PART)
    return status, _newest(record, state_parts)


def status_fact(status: str, part: Json, record: Json, notification: str = "") -> str:
    """The fact of a status: the same by whichever topic, and by the search."""
    return f"status:{status}:{text(part, 'id') or text(record, 'updated_at') or notification}"


# --- tickets ---------------------------------------------------------------------------------------------------------


def ticket(ref: TicketRef, record: Json, ours: Ours, contact: Json | None = None, *, partial: bool = False) -> Ticket:
    """The ticket. ``contact`` is its first contact as the API tells it, with name and phone."""
    attributes = section(record, "ticket_attributes")
    created_s = _moment_s(record, "created_at")
    team = text(record, "team_assignee_id")
    fields = told(
        id=ref.id,
        subject=text(attributes, TITLE),
        status=standing(record, ours.account)[0],
        priority=_priority(attributes, ours.account),
        type=label(TYPES, text(section(record, "ticket_type"), "name")),
        group="" if team in _NOBODY else team,
        channel=label(CHANNELS, text(record, "channel")),
        created_at=_iso8601(created_s),
        requester=_requester(record, contact or {}),
        custom=told(**{name: value for name, value in attributes.items() if name not in {TITLE, DESCRIPTION}}),
    )
    by_bridge = reading.marked(text(attributes, DESCRIPTION))
    return Ticket(ref, fields, created_s * 1000, partial, by_bridge)


def first_contact(record: Json) -> Json:
    """The first contact of a ticket: its id, and the id it has at the company."""
    return next(iter(reading.records(section(record, "contacts"), "contacts")), {})


def _requester(record: Json, contact: Json) -> Json:
    found = reading.person(first_contact(record)) | reading.person(contact)
    return {name: value for name, value in found.items() if name != "id" or _takes_replies(record)}


def _takes_replies(record: Json) -> bool:
    category = text(record, "category") or text(section(record, "ticket_type"), "category")
    return category.strip().casefold() not in WITHOUT_REPLIES


def _priority(attributes: Json, account: Account) -> str:
    named = next((name for name in attributes if name.strip().casefold() in PRIORITY_NAMES), "")
    return labels.priority(account, text(attributes, named))


def _moment_s(record: Json, name: str) -> int:
    found = reading.count(record, name)
    return found if found < _LATEST_S else 0


def _iso8601(moment_s: int) -> str:
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment_s else ""
