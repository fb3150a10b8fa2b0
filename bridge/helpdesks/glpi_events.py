"""What GLPI tells: the bodies of its webhooks, and tickets and timeline items as its API writes them alike. Pure.

A webhook is of one item type and one event. Its body is ``{"item": ..., "event": "new"}``, and ``parent_item``, the
ticket, where the item belongs to one. The type is not told: an item with ``itemtype`` is a follow-up or a solution (it
is the type of what it belongs to), one with ``tickets_id`` a task or an approval, any other the ticket itself. Problems
and changes have tickets' fields but for three, and none of those is there.

A ticket's version is its ``date_mod``. An update says neither what changed nor who did it nor what was before: a status
in which it is not ended is told as a guess that it was reopened, which counts only if it had been solved. A follow-up
and a solution raise an update of the ticket too; the fact of a status is the same by both. A ticket in the bin is as
good as closed.

A solution holds what the agent tells the customer last: it is told as a comment, and then as solved. The update of the
ticket that it raises comes before it, and would end the conversation: so an update to solved tells the newest comment
too, which is read, and not said twice.

The author of a follow-up stands in it from the API's version 2.1 on. The requesters' own are then the customer's, which
are not said to the customer; without an author every follow-up counts as an agent's. The bridge's own are known by
their request source, by their author or by the mark.

Sources: GLPI 11, ``src/Webhook.php``, ``src/Glpi/Api/HL/Controller/ITILController.php``, ``src/CommonITILObject.php``,
``src/ITILSolution.php``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge import marks
from bridge.domain import AgentReplied, Ticket, TicketOpened, TicketRef, TicketReopened, TicketSolved, Unrecognised
from bridge.helpdesks import labels, reading, writing
from bridge.helpdesks.labels import ENDED
from bridge.helpdesks.reading import Json, section, text, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.accounts import Account
    from bridge.domain import TicketEvent

KIND: Final = "glpi"
MARKUP: Final = "html"
TICKET: Final = "Ticket"

STATUSES: Final[Mapping[str, str]] = {
    **labels.STATUSES,
    "1": "new",
    **dict.fromkeys(("2", "processing (assigned)", "en curso (asignada)", "em atendimento (atribuído)"), "open"),
    **dict.fromkeys(("3", "processing (planned)", "en curso (planificada)", "em atendimento (planejado)"), "open"),
    "4": "pending",
    "5": "solved",
    "6": "closed",
    **dict.fromkeys(("10", "approval", "aprobación", "aprovação"), "on-hold"),
}
"""GLPI's number first: its labels are in the language of whoever is logged in."""

PRIORITIES: Final[Mapping[str, str]] = {
    **labels.PRIORITIES,
    **dict.fromkeys(("1", "2", "very low", "muy baja", "muito baixa"), "low"),
    "3": "normal",
    "4": "high",
    **dict.fromkeys(("5", "6", "very high", "muy alta", "muito alta", "major", "mayor", "superior"), "urgent"),
}

TYPES: Final[Mapping[str, str]] = {**labels.TYPES, "1": "incident", "2": "request"}

CHANNELS: Final[Mapping[str, str]] = {**labels.CHANNELS, "helpdesk": "web", "phone": "phone", "teléfono": "phone"}

ONLY_TICKETS: Final = ("type", "external_id", "request_type")
"""What tickets have and problems and changes have not."""


@dataclass(frozen=True, slots=True)
class Site:
    """An account, and how the bridge is known there: its user's id, id and name of its request source, not empty."""

    account: Account
    bridge_user: str = ""
    request_types: frozenset[str] = frozenset()

    def wrote(self, record: Json) -> bool:
        """Whether the bridge made this follow-up, solution or ticket."""
        return self.echo(record) != "" or reading.marked(text(record, "content"), MARKUP)

    def opened(self, record: Json) -> bool:
        """Whether the bridge opened this ticket."""
        return self.echo(record) != "" or reading.opened_by_mark(text(record, "content"), MARKUP)

    def echo(self, record: Json) -> str:
        """Whether it has the bridge's request source, or is by its user."""
        source, author = section(record, "request_type"), text(section(record, "user"), "id")
        if self.request_types & {text(source, "id"), text(source, "name").strip().casefold()}:
            return marks.APP
        return marks.USER if author != "" and author == self.bridge_user else ""


@dataclass(frozen=True, slots=True)
class Told:
    """A body and what stands around it. ``readable``: the bridge can read the ticket's timeline."""

    body: bytes
    account_name: str
    site: Site
    readable: bool = False


@dataclass(frozen=True, slots=True)
class _Message:
    ref: TicketRef
    item: Json
    parent: Json
    event: str
    told: Told = field(repr=False)


def events(delivered: Told) -> list[TicketEvent]:
    """The events in a body. Raises Unreadable."""
    body = reading.decoded(delivered.body)
    item, parent = section(body, "item"), section(body, "parent_item")
    name = reading.event_name(body, "event")
    kind, place, owner = _kind(item)
    if not kind or owner != TICKET:
        told_name = f"{owner or 'another item'} {name}"
        return [Unrecognised(None, f"told:{told_name}", told_name)]
    ticket_id = reading.ticket_id(item if item.get(place) else {place: parent.get("id")}, place, f"item.{place}")
    message = _Message(TicketRef(KIND, delivered.account_name, ticket_id), item, parent, name, delivered)
    return _READERS.get((kind, name), _unrecognised)(message)


def _kind(item: Json) -> tuple[str, str, str]:
    """What an item is, under which name its ticket's id stands in it, and the type of what it belongs to."""
    if "itemtype" in item:
        owner = reading.event_name(item, "itemtype")
        return "followup" if {"is_private", "request_type"} & item.keys() else "solution", "items_id", owner
    if "tickets_id" in item:
        return "task", "tickets_id", TICKET
    problem = "status" in item and not any(name in item for name in ONLY_TICKETS)
    return "" if problem else "ticket", "id", "" if problem else TICKET


def ticket(ref: TicketRef, record: Json, site: Site, requester: Json, *, partial: bool = False) -> Ticket:
    """The ticket in ``record``. An external id of the bridge's own is not told: it is no conversation's."""
    external_id = text(record, "external_id")
    ours = external_id.startswith(writing.MARK_ID)
    moment = "date_creation" if reading.moment_ms(record, "date_creation") else "date"
    fields = told(
        id=ref.id,
        subject=text(record, "name"),
        status=status(record, site),
        priority=labels.priority(site.account, text(record, "priority"), PRIORITIES),
        type=labels.label(TYPES, text(record, "type")),
        group=text(_member(record, "Group", "assigned"), "id"),
        brand=text(section(record, "entity"), "id"),
        channel=labels.label(CHANNELS, text(section(record, "request_type"), "name")),
        created_at=text(record, moment),
        external_id="" if ours else external_id,
        requester=requester,
        custom=_custom(record),
    )
    return Ticket(ref, fields, reading.moment_ms(record, moment), partial, ours or site.opened(record))


def _custom(record: Json) -> Json:
    return told(
        category=text(section(record, "category"), "name"),
        entity=text(section(record, "entity"), "completename") or text(section(record, "entity"), "name"),
        location=text(section(record, "location"), "name"),
        urgency=text(record, "urgency"),
        impact=text(record, "impact"),
    )


def status(record: Json, site: Site) -> str:
    """The bridge's word for a ticket's status, by its number, else by its name; a template may print either alone."""
    found = section(record, "status")
    said = (text(found, "id") or text(found, "name")) if found else text(record, "status")
    return "closed" if reading.flag(record, "is_deleted") else labels.status(site.account, said, STATUSES)


def requester(body: bytes) -> Json:
    """The first requester as a webhook tells them, of the ticket itself or of the parent. Raises Unreadable."""
    told_of = reading.decoded(body)
    item, parent = section(told_of, "item"), section(told_of, "parent_item")
    return requester_of(parent or item)


def requester_of(record: Json) -> Json:
    """The user who is the ticket's first requester, as its team tells."""
    found = _member(record, "User", "requester")
    return told(id=text(found, "id"), name=text(found, "name"))


def _member(record: Json, kind: str, role: str) -> Json:
    team = reading.records(record, "team")
    return next((one for one in team if (text(one, "type"), text(one, "role")) == (kind, role)), {})


def customers_of(record: Json) -> frozenset[str]:
    """The ids of the users who only ask: requesters to whom the ticket is not assigned as well.

    The first requester is the customer whoever works on it: their own words are not sent back to them.
    """
    team = [one for one in reading.records(record, "team") if text(one, "type") == "User"]
    by_role = {
        role: {text(one, "id") for one in team if text(one, "role") == role} for role in ("requester", "assigned")
    }
    return frozenset((by_role["requester"] - by_role["assigned"] | {text(requester_of(record), "id")}) - {""})


def replied(
    ref: TicketRef, item: Json, site: Site, customers: frozenset[str], *, solution: bool = False, partial: bool = False
) -> TicketEvent:
    """A follow-up or a solution, as a comment."""
    item_id = text(item, "id")
    comment_id = f"solution-{item_id}" if solution else item_id
    fact, by_bridge = f"comment:{comment_id}", site.wrote(item)
    if not by_bridge and text(section(item, "user"), "id") in customers:
        return Unrecognised(ref, fact, "customer followup")
    public = solution or reading.flag(item, "is_private") is False
    at_ms = reading.moment_ms(item, "date_creation")
    said, echo = text(item, "content"), site.echo(item)
    return AgentReplied(ref, fact, comment_id, said, public, by_bridge, MARKUP, partial=partial, at_ms=at_ms, echo=echo)


def moved(ref: TicketRef, record: Json, site: Site, instead: str = "") -> TicketEvent:
    """What a ticket's status tells, under its last change; ``instead`` is its status where it is not ended."""
    now = status(record, site)
    now = instead if instead and now not in ENDED else now
    fact = f"status:{now}:{_version(record)}"
    return TicketSolved(ref, fact, now) if now in ENDED else TicketReopened(ref, fact, now, guessed=True)


def _version(record: Json) -> str:
    moment = reading.moment_ms(record, "date_mod")
    return str(moment) if moment else reading.event_name(record, "date_mod")


def _opened(message: _Message) -> list[TicketEvent]:
    found = ticket(message.ref, message.item, message.told.site, requester_of(message.item), partial=True)
    return [TicketOpened(message.ref, "opened", found, found.by_bridge)]


def _updated(message: _Message) -> list[TicketEvent]:
    event = moved(message.ref, message.item, message.told.site)
    if not isinstance(event, TicketSolved) or not message.told.readable:
        return [event]
    fact = f"comment:newest:{_version(message.item)}"
    return [AgentReplied(message.ref, fact, "", "", public=True, markup=MARKUP, partial=True), event]


def _deleted(message: _Message) -> list[TicketEvent]:
    return [moved(message.ref, {**message.item, "is_deleted": True}, message.told.site)]


def _followed_up(message: _Message) -> list[TicketEvent]:
    return [_comment(message)]


def _solved(message: _Message) -> list[TicketEvent]:
    return [_comment(message, solution=True), moved(message.ref, message.parent, message.told.site, "solved")]


def _comment(message: _Message, *, solution: bool = False) -> TicketEvent:
    customers, partial = customers_of(message.parent), message.told.readable
    return replied(message.ref, message.item, message.told.site, customers, solution=solution, partial=partial)


def _unrecognised(message: _Message) -> list[TicketEvent]:
    kind = _kind(message.item)[0]
    item_id, version = text(message.item, "id"), _version(message.item)
    name, by_bridge = f"{kind} {message.event}", message.told.site.wrote(message.item)
    return [Unrecognised(message.ref, f"told:{name}:{item_id}:{version}", name, by_bridge)]


_READERS: Final[Mapping[tuple[str, str], Callable[[_Message], list[TicketEvent]]]] = {
    ("ticket", "new"): _opened,
    ("ticket", "update"): _updated,
    ("ticket", "delete"): _deleted,
    ("followup", "new"): _followed_up,
    ("solution", "new"): _solved,
}
