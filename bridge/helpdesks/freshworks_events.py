"""What the automations of Freshdesk and Freshservice tell, in the bodies that an admin's template makes. Pure.

Freshdesk prints what happened as ``{{triggered_event}}``, which looks like JSON and is none:
``{ticket_action:created}``, ``{reply_sent:sent}``, ``{note_type:public}``, ``{status:{from:2,to:4}}``. Of several
changes made at once it prints the first alone. So a status that is done is told as solved whatever else is told with
it: the ticket is read again anyway. Freshservice prints no such thing: there the template names its own ``event``, as
one of ``READERS``.

A template tells neither who did it nor which comment it was, and two replies are told in the same words. So a reply's
fact is when it came, unless an app of the account's names the comment's id; what was said already is known by the
comments' own ids once they are read. A reply is therefore always read, where the bridge can.

Traps. Texts in a template are not escaped: one quotation mark in a subject makes the whole body unreadable. Ids come
as texts, Freshservice's with a prefix. The latest comment begins with its author's name.

Sources: "Using webhooks in automation rules" and "Placeholders" on Freshdesk's help site, "Workflow automator" on
Freshservice's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.domain import (
    AgentReplied,
    Ticket,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import Unreadable
from bridge.helpdesks import freshworks_product, labels, reading
from bridge.helpdesks.freshworks_product import PRIORITY, Product
from bridge.helpdesks.labels import ENDED, TYPES, label
from bridge.helpdesks.reading import Json, section, text, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.accounts import Account
    from bridge.domain import TicketEvent

WRAPPERS: Final = ("freshdesk_webhook", "freshservice_webhook")
"""Under which a body may stand; simple webhooks of both products use the first."""

CREATED: Final = "ticket.created"

TRIGGERED: Final[Mapping[tuple[str, str], str]] = {
    ("ticket_action", "created"): CREATED,
    ("ticket_action", "deleted"): "ticket.deleted",
    ("ticket_action", "marked_spam"): "ticket.deleted",
    ("note_type", "public"): "ticket.comment_added",
    ("note_type", "private"): "ticket.note_added",
    ("reply_sent", "sent"): "ticket.comment_added",
}
"""What Freshdesk says happened, to a name of ``READERS``; a status is told by its numbers."""

PERSON: Final = ("requester_", "ticket_requester_", "ticket_contact_")
"""What the names of a requester's values begin with: in our template, and in simple webhooks, old and new."""

_LONGEST: Final = 300
_TRIGGERED: Final = re.compile(
    r"\s*\{?\s*(?P<name>\w{1,80})\s*:\s*"
    r"(?:\{\s*from\s*:(?P<before>[^{},]{0,80}),\s*to\s*:(?P<after>[^{},]{0,80})\}|(?P<value>[^{},]{0,80}))"
)


class Triggered(NamedTuple):
    """What happened: a name of ``READERS`` or the sender's own, and a status by its numbers before and after."""

    event: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A body and what stands around it. ``readable`` says that the bridge can read the ticket's comments."""

    product: Product
    account: Account
    account_name: str
    body: bytes
    received_ms: int
    readable: bool


def triggered(said: str) -> Triggered:
    """What Freshdesk's ``triggered_event`` says; its first property, as it is, where that is none we know."""
    found = _TRIGGERED.match(said[:_LONGEST])
    if found is None:
        return Triggered(said.strip()[:_LONGEST])
    name, value = found["name"], (found["value"] or "").strip()
    before, after = ((found[one] or "").strip() for one in ("before", "after"))
    if name == "status" and after:
        return Triggered("ticket.status_changed", before, after)
    return Triggered(TRIGGERED.get((name, value), name))


def events(delivered: Told) -> list[TicketEvent]:
    """What happened, and that the ticket is done where that is told beside it. Raises Unreadable."""
    record = _record(delivered.body)
    ticket_id = next(filter(None, (freshworks_product.number(text(record, one)) for one in _IDS)), "")
    if not ticket_id:
        for one in _IDS:
            reading.filled(text(record, one), "ticket_id")
        raise Unreadable("ticket_id", "is not the id of a ticket")
    ref = TicketRef(delivered.product.kind, delivered.account_name, ticket_id)
    message = _Message(ref, record, _happened(record), delivered)
    reader = READERS.get(message.happened.event, _unknown)
    return _with_its_end(reader(message), message)


def comes_again(body: bytes) -> bool:
    """Whether the same words may tell of something else: of anything but a new ticket."""
    try:
        return _happened(_record(body)).event != CREATED
    except Unreadable:
        return False


_IDS: Final = ("ticket_id_numeric", "ticket_id")


def _record(body: bytes) -> Json:
    found = reading.decoded(body)
    return next((section(found, one) for one in WRAPPERS if section(found, one)), found)


def _happened(record: Json) -> Triggered:
    named = reading.event_name(record, "event")
    return Triggered(named) if named else triggered(text(record, "triggered_event"))


@dataclass(frozen=True, slots=True)
class _Message:
    """One happening to one ticket, as a template tells it."""

    ref: TicketRef
    record: Json
    happened: Triggered
    delivered: Told

    @property
    def version(self) -> str:
        """Tells two changes of a ticket apart: when it was changed, or else when we heard of it."""
        moment = reading.moment_ms(self.record, "ticket_updated_at")
        return str(moment or self.delivered.received_ms)

    @property
    def status(self) -> str:
        delivered, said = self.delivered, text(self.record, "ticket_status")
        return delivered.product.status(delivered.account, said, self.happened.after)

    @property
    def before(self) -> str:
        return self.delivered.product.status(self.delivered.account, self.happened.before)

    @property
    def tags(self) -> list[str]:
        return [one.strip() for one in text(self.record, "ticket_tags").split(",") if one.strip()]


def _opened(message: _Message) -> TicketEvent:
    said = text(message.record, "ticket_description")
    by_bridge = reading.marked("\n".join(message.tags)) or reading.opened_by_mark(said, "html")
    ticket = Ticket(
        message.ref,
        _fields(message),
        reading.moment_ms(message.record, "ticket_created_at"),
        partial=True,
        by_bridge=by_bridge,
    )
    return TicketOpened(message.ref, "opened", ticket, by_bridge)


def _fields(message: _Message) -> Json:
    record, delivered = message.record, message.delivered
    return told(
        id=message.ref.id,
        subject=text(record, "ticket_subject"),
        status=message.status,
        priority=labels.priority(delivered.account, text(record, "ticket_priority"), PRIORITY),
        type=label(TYPES, text(record, "ticket_type")),
        channel=label(delivered.product.channels, text(record, "ticket_source")),
        tags=message.tags,
        created_at=text(record, "ticket_created_at"),
        requester=_requester(record),
        custom=told(**section(record, "custom")),
    )


def requester(body: bytes) -> Json:
    """Who is told as the requester. Raises Unreadable."""
    return _requester(_record(body))


def _requester(record: Json) -> Json:
    def said(*names: str) -> str:
        return next((found for name in names for one in PERSON if (found := text(record, one + name))), "")

    return told(
        id=said("id"),
        name=said("name"),
        email=said("email"),
        phone=said("mobile", "phone"),
        external_id=said("unique_external_id", "external_id"),
    )


def _replied(message: _Message) -> TicketEvent:
    return _comment(message, "ticket_latest_public_comment", public=True)


def _noted(message: _Message) -> TicketEvent:
    return _comment(message, "ticket_latest_private_comment", public=False)


def _comment(message: _Message, where: str, *, public: bool) -> TicketEvent:
    said, comment_id = text(message.record, where), reading.usable_id(message.record, "comment_id")
    # Not when the ticket was changed: some templates print that to the minute, and two replies fit into one.
    fact = f"comment:{comment_id}" if comment_id else f"comment:at:{message.delivered.received_ms}"
    by_bridge, partial = reading.marked(said, "html"), message.delivered.readable
    return AgentReplied(message.ref, fact, comment_id, said, public, by_bridge, markup="html", partial=partial)


def _status_changed(message: _Message) -> TicketEvent:
    status = message.status
    if status in ENDED:
        return _ended(message, status)
    if message.before in ENDED:
        return _reopened(message)
    return Unrecognised(message.ref, f"status:{status}:{message.version}", message.happened.event)


def _solved(message: _Message) -> TicketEvent:
    """An account's own status has a label of its own; then the template's name for its event says more."""
    return _ended(message, message.status if message.status in ENDED else "solved")


def _closed(message: _Message) -> TicketEvent:
    """A deleted ticket is as good as closed: who reads it again finds it gone."""
    return _ended(message, "closed")


def _ended(message: _Message, status: str) -> TicketEvent:
    return TicketSolved(message.ref, f"status:{status}:{message.version}", status)


def _reopened(message: _Message) -> TicketEvent:
    status = "open" if message.status in {*ENDED, ""} else message.status
    return TicketReopened(message.ref, f"status:{status}:{message.version}", status)


def _unknown(message: _Message) -> TicketEvent:
    name = message.happened.event[:100] or "an event without a name"
    return Unrecognised(message.ref, f"told:{name}:{message.version}", name)


READERS: Final[Mapping[str, Callable[[_Message], TicketEvent]]] = {
    CREATED: _opened,
    "ticket.comment_added": _replied,
    "ticket.note_added": _noted,
    "ticket.status_changed": _status_changed,
    "ticket.solved": _solved,
    "ticket.closed": _closed,
    "ticket.deleted": _closed,
    "ticket.reopened": _reopened,
}
"""The names under which a template may tell what happened."""


def _with_its_end(event: TicketEvent, message: _Message) -> list[TicketEvent]:
    if isinstance(event, AgentReplied) and message.status in ENDED:
        return [event, _ended(message, message.status)]
    hidden = isinstance(event, Unrecognised) and message.status in ENDED
    return [_ended(message, message.status) if hidden else event]
