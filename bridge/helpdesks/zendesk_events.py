"""What Zendesk tells: the bodies of its event subscriptions, and those an admin writes into triggers. Pure.

A webhook of Zendesk is either subscribed to events, and then its body is Zendesk's own, or called by triggers, and
then its body is what an admin wrote. Both are read. The template to paste into a trigger's "Notify active webhook"
holds ids and short scalars alone, because Liquid does not escape JSON: a quote in a subject or a comment breaks it::

    {"event": "ticket.created",
     "ticket_id": "{{ticket.id}}", "status": "{{ticket.status}}", "priority": "{{ticket.priority}}",
     "type": "{{ticket.ticket_type}}", "via": "{{ticket.via}}", "tags": "{{ticket.tags}}",
     "external_id": "{{ticket.external_id}}", "actor_id": "{{current_user.id}}",
     "created_at": "{{ticket.created_at_with_timestamp}}", "updated_at": "{{ticket.updated_at_with_timestamp}}",
     "comment": {"id": "{{ticket.latest_comment.id}}", "is_public": "{{ticket.latest_comment.is_public}}"},
     "requester": {"id": "{{ticket.requester.id}}", "external_id": "{{ticket.requester.external_id}}",
                   "phone": "{{ticket.requester.phone}}"},
     "custom": {"360001112233": "{{ticket.ticket_field_360001112233}}"}}

``event`` is the trigger's own: ticket.created, ticket.comment_added (or ticket.comment), ticket.status_changed,
ticket.solved, ticket.reopened. A trigger does not know the status before, so only ticket.reopened says reopened.

Facts: a trigger and a subscription tell the same fact of an opened ticket, and of a comment whose id the trigger
tells. Of a status they do only where ``updated_at`` has seconds: Zendesk's placeholders stop at the minute. A comment
told by a trigger has no text, and is private unless the trigger says otherwise; a subscription tells its text and not
its attachments. So a comment is partial wherever the bridge can read it.

A deleted ticket is told as closed; a merged one is closed by Zendesk itself.

A ticket that the bridge opened is known by who created it, by its mark in the description, or by its external id.

Sources: "Anatomy of a webhook request", "Ticket event types", "Tickets", "Placeholders reference" on Zendesk's
developer and help sites.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge import marks
from bridge.addressees import CALL
from bridge.domain import AgentReplied, Ticket, TicketOpened, TicketRef, TicketReopened, TicketSolved, Unrecognised
from bridge.helpdesks import labels, reading, writing
from bridge.helpdesks.labels import CHANNELS, ENDED, TYPES, label
from bridge.helpdesks.reading import Json, section, text, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.accounts import Account
    from bridge.domain import TicketEvent

KIND: Final = "zendesk"
NATIVE: Final = "zen:event-type:"
TICKET: Final = "ticket."

TRIGGERS: Final[Mapping[str, tuple[str, str, str]]] = {
    "ticket.comment": ("ticket.comment_added", "", ""),
    "ticket.solved": ("ticket.status_changed", "", "solved"),
    "ticket.reopened": ("ticket.status_changed", "solved", "open"),
}
"""What a trigger may call its event: Zendesk's own name, the status before, and now if its label is of no help."""


@dataclass(frozen=True, slots=True)
class Told:
    """A body and what stands around it. ``bridge_user`` is empty where Zendesk's id of the bridge is not known.

    ``readable`` says that the bridge can read the ticket's comments, where a webhook tells too little of one.
    """

    body: bytes
    account: Account
    account_name: str
    delivery_id: str
    bridge_user: str
    readable: bool = False


def event(delivered: Told) -> TicketEvent:
    """The event in a body of either form. Raises Unreadable."""
    body = reading.decoded(delivered.body)
    native = text(body, "type").startswith(NATIVE)
    body = body if native else _as_native(body, delivered.account)
    name = reading.event_name(body, "type").removeprefix(NATIVE)
    reader = _READERS.get(name)
    detail = section(body, "detail")
    if reader is None:
        return _unrecognised(name, body, detail, delivered)
    ticket_id = reading.ticket_id(detail, "id", "detail.id" if native else "ticket_id")
    ref = TicketRef(KIND, delivered.account_name, ticket_id)
    change = section(body, "event")
    return reader(_Message(ref, detail, change, _version(body, detail, change) or delivered.delivery_id, delivered))


def ticket(
    ref: TicketRef,
    detail: Json,
    requester: Json,
    custom: Json,
    account: Account,
    *,
    partial: bool = False,
    by_bridge: bool = False,
) -> Ticket:
    """The ticket in ``detail``, which the API and the webhooks write with the same names.

    The external id under which the bridge opened it is not told: it is no conversation's.
    """
    external_id = text(detail, "external_id")
    ours = external_id.startswith(writing.MARK_ID)
    fields = told(
        id=ref.id,
        subject=text(detail, "subject"),
        status=labels.status(account, text(detail, "status")),
        priority=labels.priority(account, text(detail, "priority")),
        type=label(TYPES, text(detail, "type")),
        group=text(detail, "group_id"),
        brand=text(detail, "brand_id"),
        channel=label(CHANNELS, text(section(detail, "via"), "channel")),
        tags=reading.words(detail, "tags"),
        created_at=text(detail, "created_at"),
        external_id="" if ours else external_id,
        requester=reading.person(requester),
        custom=told(**custom),
    )
    marked = ours or reading.opened_by_mark(text(detail, "description"))
    return Ticket(ref, fields, reading.moment_ms(detail, "created_at"), partial, by_bridge or marked)


@dataclass(frozen=True, slots=True)
class _Message:
    """A delivery about one ticket, in the shape of Zendesk's own body. ``version`` tells two changes apart."""

    ref: TicketRef
    detail: Json
    event: Json
    version: str
    told: Told

    def by_bridge(self) -> bool:
        """Whether the bridge's user acted."""
        bridge_user = self.told.bridge_user
        return bridge_user != "" and text(self.detail, "actor_id") == bridge_user

    def status(self, said: str) -> str:
        """The bridge's word for a status."""
        return labels.status(self.told.account, said)


def _opened(message: _Message) -> TicketEvent:
    requester = {**section(message.detail, "requester"), "id": message.detail.get("requester_id")}
    custom, by_bridge = section(message.detail, "custom"), message.by_bridge()
    account = message.told.account
    opened = ticket(message.ref, message.detail, requester, custom, account, partial=True, by_bridge=by_bridge)
    return TicketOpened(message.ref, "opened", opened, opened.by_bridge)


def _commented(message: _Message) -> TicketEvent:
    comment = section(message.event, "comment")
    body = text(comment, "body")
    fact = f"comment:{text(comment, 'id') or message.version}"
    acted = message.by_bridge()
    by_bridge = acted or reading.marked(body)
    if not by_bridge and not _by_staff(section(comment, "author"), message.detail):
        return Unrecognised(message.ref, fact, "customer comment")
    public = reading.flag(comment, "is_public") is True
    comment_id, partial = text(comment, "id"), message.told.readable
    echo = marks.USER if acted else ""
    reply = AgentReplied(message.ref, fact, comment_id, body, public, by_bridge, partial=partial, echo=echo)
    return recorded(reply, comment)


def recorded(reply: AgentReplied, comment: Json) -> AgentReplied:
    """The reply, as private where it is the record of a call."""
    call = reply.public and "voice" in text(comment, "type").casefold()
    return replace(reply, public=False, withheld=CALL) if call else reply


def _by_staff(author: Json, detail: Json) -> bool:
    """The requester's own words are no agent's, also where they are one on other tickets."""
    writer = text(author, "id") or text(detail, "actor_id")
    return reading.flag(author, "is_staff") is not False and (writer == "" or writer != text(detail, "requester_id"))


def _status_changed(message: _Message) -> TicketEvent:
    status = message.status(text(message.event, "current") or text(message.detail, "status"))
    fact = f"status:{status}:{message.version}"
    by_bridge = message.by_bridge()
    if status in ENDED:
        return TicketSolved(message.ref, fact, status, by_bridge)
    if message.status(text(message.event, "previous")) in ENDED:
        return TicketReopened(message.ref, fact, status, by_bridge)
    return Unrecognised(message.ref, fact, "ticket.status_changed", by_bridge, labels.unknown(status))


def _deleted(message: _Message) -> TicketEvent:
    """Nobody will solve it any more: as good as closed. Who reads it again finds it gone."""
    return TicketSolved(message.ref, f"status:closed:{message.version}", "closed", message.by_bridge())


def requester(body: bytes) -> Json:
    """Who is told as the requester. Raises Unreadable."""
    told_of = reading.decoded(body)
    native = text(section(told_of, "detail"), "requester_id")
    return told(id=native or text(section(told_of, "requester"), "id"))


_READERS: Final[Mapping[str, Callable[[_Message], TicketEvent]]] = {
    "ticket.created": _opened,
    "ticket.comment_added": _commented,
    "ticket.status_changed": _status_changed,
    "ticket.soft_deleted": _deleted,
    "ticket.permanently_deleted": _deleted,
}


def _as_native(trigger: Json, account: Account) -> Json:
    name = reading.event_name(trigger, "event") or reading.event_name(trigger, "type")
    event, previous, expected = TRIGGERS.get(name, (name, "", ""))
    said = text(trigger, "status")
    status = labels.status(account, said)
    # A custom status has a label of its own; then the trigger's name for its event says more.
    trusted = not expected or (status and (status in ENDED) is (expected in ENDED))
    detail = {
        **trigger,
        "id": trigger.get("ticket_id"),
        "actor_id": trigger.get("actor_id") or trigger.get("updated_by_id"),
        "requester_id": section(trigger, "requester").get("id"),
        "updated_at": trigger.get("updated_at") or trigger.get("occurred_at"),
        "via": {"channel": trigger.get("via")},
    }
    change = {"comment": trigger.get("comment"), "current": said if trusted else expected, "previous": previous}
    return {"type": event, "detail": detail, "event": change}


def _unrecognised(name: str, body: Json, detail: Json, delivered: Told) -> TicketEvent:
    # An id is a ticket's only in Zendesk's ticket events: organisations and users have ids too.
    found = reading.usable_id(detail, "id") if name.startswith(TICKET) else ""
    ref = TicketRef(KIND, delivered.account_name, found) if found else None
    return Unrecognised(ref, f"told:{text(body, 'id') or delivered.delivery_id or name}", name)


def _version(body: Json, detail: Json, change: Json) -> str:
    moment = reading.moment_ms(detail, "updated_at")
    return str(moment) if moment else text(section(section(change, "meta"), "sequence"), "id") or text(body, "id")
