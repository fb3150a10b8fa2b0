"""What HubSpot tells: lists of up to 100 thin events, each an id and at most one property. Pure.

Older subscriptions say ``ticket.creation``, newer ones ``object.creation`` with ``objectTypeId`` 0-5; both are read.
An event that is of no use must not stop those beside it, because HubSpot sends a refused list again as a whole: so it
is unrecognised, and never unreadable.

What to subscribe to, of tickets: Created, Deleted, and the property changes of ``PROPERTIES`` below. A stage has a
number of its own in each pipeline, so a closed ticket is known by its stage where the account's labels or the default
pipeline name it, and by ``closed_date`` in all of them. No event tells the stage before: a ticket is reopened where
HubSpot says so, or where ``closed_date`` is emptied.

An agent's reply is told by ``hs_last_message_sent_at``, with its time and without its id: the comment is read. A
``conversation.newMessage`` tells a thread and no ticket, so it asks for nothing.

Facts: an opened ticket is told once. A status has the time of its change, which is the value of the dates. Any other
event is known by portal, subscription, event and time, because HubSpot's event ids are not unique.

The bridge did it where the change is an integration's and the source its own app; HubSpot tells no author's name.

Sources: "Webhooks API guide", "Create generic webhook subscriptions", "Ticket default properties" on HubSpot's sites.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge import marks
from bridge.domain import AgentReplied, Ticket, TicketOpened, TicketRef, TicketReopened, TicketSolved, Unrecognised
from bridge.helpdesks import labels, reading
from bridge.helpdesks.labels import ENDED
from bridge.helpdesks.reading import Json, text, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.accounts import Account
    from bridge.domain import TicketEvent

KIND: Final = "hubspot"
TICKETS: Final = "0-5"
"""HubSpot's number of the object type."""

STAGES: Final[Mapping[str, str]] = {**labels.STATUSES, "1": "new", "2": "pending", "3": "open", "4": "solved"}
"""The default pipeline: New, Waiting on contact, Waiting on us, Closed. A closed ticket takes writes: it is solved."""

INTEGRATION: Final = "INTEGRATION"


@dataclass(frozen=True, slots=True)
class Told:
    """What stands around a body. ``portal`` and ``app`` are empty where the account does not name them.

    ``readable`` says that the bridge can read a ticket's comments.
    """

    account: Account
    account_name: str
    portal: str = ""
    app: str = ""
    readable: bool = False


@dataclass(frozen=True, slots=True)
class _Change:
    """One event about a ticket. ``at_ms`` is when it happened."""

    ref: TicketRef
    name: str
    value: str
    at_ms: int
    fact: str
    by_bridge: bool
    told: Told

    @property
    def value_ms(self) -> int:
        """The date that the property was set to; else when that happened."""
        return reading.count({"": self.value}, "") or reading.moment_ms({"": self.value}, "") or self.at_ms


def events(body: bytes, around: Told) -> list[TicketEvent]:
    """The event of each entry. Raises Unreadable for a body that is no JSON, or holds no object.

    And for a variable that nothing has filled in where an id should stand, unless another entry tells of a ticket: a
    list that is refused comes again ten times, and then all of it is lost.
    """
    entries = reading.decoded_list(body)
    found = [_event(one, around) for one in entries]
    if not any(event.ref for event in found):
        for one in entries:
            reading.filled(text(one, "objectId"), "objectId")
    return found


def _event(entry: Json, around: Told) -> TicketEvent:
    name = reading.event_name(entry, "subscriptionType") or reading.event_name(entry, "eventType")
    subject, _, what = name.partition(".")
    foreign = around.portal not in {"", text(entry, "portalId")}
    of_ticket = subject == "ticket" or (subject == "object" and text(entry, "objectTypeId") == TICKETS)
    ref_id = reading.usable_id(entry, "objectId") if of_ticket and not foreign else ""
    if not ref_id:
        return Unrecognised(
            None, _fact(entry, name), "another portal's event" if foreign else name, _ours(entry, around)
        )
    value = entry.get("propertyName") if what == "propertyChange" else None
    change = _Change(
        TicketRef(KIND, around.account_name, ref_id),
        f"{name} {value}"[:100] if isinstance(value, str) else name,
        text(entry, "propertyValue"),
        reading.count(entry, "occurredAt"),
        _fact(entry, name),
        _ours(entry, around),
        around,
    )
    reader = PROPERTIES.get(text(entry, "propertyName")) if what == "propertyChange" else _HAPPENINGS.get(what)
    return reader(change) if reader else _nothing(change)


def _fact(entry: Json, name: str) -> str:
    parts = [text(entry, one) for one in ("portalId", "subscriptionId", "eventId", "occurredAt")]
    return "told:" + (":".join(parts) if any(parts) else name)


def _ours(entry: Json, around: Told) -> bool:
    app = around.app or text(entry, "appId")
    return text(entry, "changeSource") == INTEGRATION and app != "" and text(entry, "sourceId") == app


def _opened(change: _Change) -> TicketEvent:
    fields = told(id=change.ref.id)
    ticket = Ticket(change.ref, fields, change.at_ms, partial=True, by_bridge=change.by_bridge)
    return TicketOpened(change.ref, "opened", ticket, change.by_bridge)


def _deleted(change: _Change) -> TicketEvent:
    """Nobody will close it any more: as good as closed. Who reads it again finds it gone."""
    return TicketSolved(change.ref, f"status:closed:{change.at_ms}", "closed", change.by_bridge)


def _stage(change: _Change) -> TicketEvent:
    status = labels.status(change.told.account, change.value, STAGES)
    if status not in ENDED:
        return _nothing(change)
    return TicketSolved(change.ref, f"status:{status}:{change.at_ms}", status, change.by_bridge)


def _closed(change: _Change) -> TicketEvent:
    if not change.value:
        return _reopened(change)
    return TicketSolved(change.ref, f"status:solved:{change.value_ms}", "solved", change.by_bridge)


def _reopened(change: _Change) -> TicketEvent:
    return TicketReopened(change.ref, f"status:open:{change.value_ms}", "open", change.by_bridge)


def _reopened_at(change: _Change) -> TicketEvent:
    return _reopened(change) if change.value else _nothing(change)


def _replied(change: _Change) -> TicketEvent:
    if not change.value:
        return _nothing(change)
    at_ms, partial = change.value_ms, change.told.readable
    return AgentReplied(
        change.ref,
        f"reply:{at_ms}",
        "",
        "",
        public=True,
        by_bridge=change.by_bridge,
        partial=partial,
        at_ms=at_ms,
        echo=marks.APP if change.by_bridge else "",
    )


def _nothing(change: _Change) -> TicketEvent:
    return Unrecognised(change.ref, change.fact, change.name, change.by_bridge)


PROPERTIES: Final[Mapping[str, Callable[[_Change], TicketEvent]]] = {
    "hs_pipeline_stage": _stage,
    "closed_date": _closed,
    "hs_ticket_reopened_at": _reopened_at,
    "hs_last_message_sent_at": _replied,
}
"""The properties whose changes are to be subscribed to."""

_HAPPENINGS: Final[Mapping[str, Callable[[_Change], TicketEvent]]] = {"creation": _opened, "deletion": _deleted}
