"""What Intercom tells of tickets in its notifications. Pure.

``data.item`` of a notification has three shapes: the ticket itself; a ticket with the one ``ticket_part`` that is new,
for replies and notes; and ``{"ticket": ...}`` for ``ticket.closed``. The ticket repeats all its parts in each of them:
only the new one is an event.

The part says what it is, and not the topic. Who replies to a ticket that is nobody's gets it assigned: that first reply
is a part of the type assignment, with a text. A reply that closes a ticket is one of the type close. Bodies are HTML.
Texts that Intercom adds by itself, such as how soon somebody will answer, have types of their own, and stay there.

The state part that brought a ticket where it is makes the fact, whichever of ``ticket.state.updated``,
``ticket.resolved``, ``ticket.closed`` and the search tells it; its ``previous_ticket_state`` says what was reopened.

Sources: "Webhook models", "Webhook notifications", "Tickets" of Intercom's API reference 2.15.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.domain import AgentReplied, Attachment, TicketOpened, TicketRef, TicketReopened, TicketSolved, Unrecognised
from bridge.helpdesks import intercom_tickets as tickets
from bridge.helpdesks import reading
from bridge.helpdesks.intercom_tickets import KIND, MARKUP
from bridge.helpdesks.labels import ENDED
from bridge.helpdesks.reading import Json, section, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.domain import TicketEvent
    from bridge.helpdesks.intercom_tickets import Ours

TICKET: Final = "ticket."

PUBLIC: Final = frozenset({"assignment", "close", "comment", "open", "quick_reply"})
"""The parts whose text the customer sees."""

CONTACTS: Final = frozenset({"contact", "lead", "user", "visitor"})
"""What the author of a customer's part may be called."""


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


def requester(raw: bytes) -> Json:
    """Who a notification says is the ticket's first contact. Raises Unreadable."""
    return tickets.requester(_ticket(section(section(reading.decoded(raw), "data"), "item")), {})


def _unrecognised(topic: str, body: Json, record: Json, account_name: str) -> TicketEvent:
    found = reading.usable_id(record, "id") if topic.startswith(TICKET) else ""
    ref = TicketRef(KIND, account_name, found) if found else None
    return Unrecognised(ref, f"told:{text(body, 'id') or topic}", topic)


def _opened(message: _Message) -> TicketEvent:
    opened = tickets.ticket(message.ref, message.ticket, message.ours, partial=True)
    return TicketOpened(message.ref, "opened", opened, opened.by_bridge)


def _written(message: _Message) -> TicketEvent:
    part = message.part or tickets.newest(message.ticket, tickets.text_parts)
    return written(message.ref, message.ticket, part, message.ours, message.topic, message.notification)


def _state_changed(message: _Message) -> TicketEvent:
    part = tickets.newest(message.ticket, tickets.state_parts)
    return _stands(message, tickets.state(message.ticket, message.ours.account), part)


def _closed(message: _Message) -> TicketEvent:
    status, part = tickets.standing(message.ticket, message.ours.account)
    return _stands(message, status, part)


def _stands(message: _Message, status: str, part: Json) -> TicketEvent:
    fact, by_bridge = tickets.status_fact(status, part, message.ticket, message.notification), message.ours.wrote(part)
    if status in ENDED:
        return TicketSolved(message.ref, fact, status, by_bridge)
    if tickets.had_ended(part, message.ours.account):
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


def written(ref: TicketRef, ticket: Json, part: Json, ours: Ours, topic: str, notification: str = "") -> TicketEvent:
    """A part somebody wrote in: an agent's reply or note, what the bridge wrote, or a customer's, which is not told."""
    part_id, by_bridge = text(part, "id"), ours.wrote(part)
    fact = f"comment:{part_id or notification}"
    if not tickets.text_parts(part):
        return Unrecognised(ref, fact, text(part, "part_type") or topic, by_bridge)
    if text(section(part, "author"), "type") in CONTACTS and not by_bridge:
        return Unrecognised(ref, fact, "customer comment")
    return AgentReplied(
        ref,
        fact,
        part_id,
        text(part, "body"),
        text(part, "part_type") in PUBLIC and tickets.is_seen(ticket, part),
        by_bridge,
        markup=MARKUP,
        attachments=tuple(_attachments(part)),
        at_ms=tickets.moment_s(part, "created_at") * 1000,
        echo=ours.echo(part),
    )


def _attachments(part: Json) -> Iterator[Attachment]:
    for one in reading.records(part, "attachments"):
        url = text(one, "url")
        if url:
            told = (url, text(one, "name"), text(one, "content_type"), reading.count(one, "filesize"))
            yield Attachment(*told, id=text(one, "id"))
