"""What a mapping reads: deliveries to events, answers to tickets and comments. Pure; no JSON makes it fail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge import addressees, marks
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
from bridge.errors import Unreadable
from bridge.helpdesks import labels, reading, writing
from bridge.helpdesks.generic_expressions import found, holds, told
from bridge.helpdesks.generic_functions import moment
from bridge.helpdesks.labels import ENDED
from bridge.phones import phone as usable_phone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.accounts import Account
    from bridge.domain import TicketEvent
    from bridge.helpdesks.generic_mapping import EventType, HelpdeskMapping
    from bridge.helpdesks.generic_recipes import CommentFields, File, TicketFields

EVENTS_MOST: Final = 1_000
"""Of one delivery."""

Asked = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """A mapping, the account that uses it, and where its tickets are named."""

    mapping: HelpdeskMapping
    account: Account
    kind: str
    account_name: str
    readable: bool
    """Whether the bridge can read the ticket, where a delivery tells too little of it."""

    def ref(self, ticket_id: str) -> TicketRef:
        """The name of a ticket."""
        return TicketRef(self.kind, self.account_name, ticket_id)


# --- deliveries ------------------------------------------------------------------------------------------------------


def events(source: Source, asked: Asked, delivery_id: str) -> list[TicketEvent]:
    """All that a delivery tells. Raises Unreadable."""
    explode = source.mapping.explode
    items = found(explode, asked | {"item": asked["body"]}) if explode else [asked["body"]]
    many = items if isinstance(items, list) and items else [asked["body"]]
    if len(many) > EVENTS_MOST:
        raise Unreadable("body", f"tells more than {EVENTS_MOST} events")
    return [event for item in many for event in _item(source, asked | {"item": item}, delivery_id)]


def _item(source: Source, asked: Asked, delivery_id: str) -> Iterator[TicketEvent]:
    mapping = source.mapping
    ticket_id = usable(told(mapping.ticket.id, asked))
    ruled = asked | {
        "status": status(source, told(mapping.ticket.status, asked)),
        "previous_status": status(source, told(mapping.previous_status, asked)),
        "priority": priority(source, told(mapping.ticket.priority, asked)),
    }
    version = told(mapping.version, asked) or _digest(asked["item"])
    kinds = [] if holds(mapping.ignore_when, asked) else _told(mapping, ruled)
    if kinds and not ticket_id:
        reading.filled(told(mapping.ticket.id, asked), "ticket.id")
        raise Unreadable("ticket.id", "is not the id of a ticket")
    message = _Message(source, ruled, version, ticket_id, holds(mapping.by_bridge_when, asked))
    if not kinds:
        yield message.unrecognised(f"told:{delivery_id}:{version}")
    for kind in kinds:
        yield _EVENTS[kind](message)


def _told(mapping: HelpdeskMapping, asked: Asked) -> list[EventType]:
    return next((rule.tells for rule in mapping.events if holds(rule.when, asked)), [])


def _digest(item: Any) -> str:
    try:
        return sha256(orjson.dumps(item, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    except orjson.JSONEncodeError:
        # Numbers beyond 64 bits were read as floats, and a float may be infinite: still the same item each time.
        return sha256(repr(item).encode("utf-8", "backslashreplace")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Message:
    source: Source
    asked: Asked
    version: str
    ticket_id: str
    by_bridge: bool

    @property
    def ref(self) -> TicketRef:
        return self.source.ref(self.ticket_id)

    def unrecognised(self, fact: str, name: str = "") -> Unrecognised:
        """The delivery as one that the bridge does not act upon."""
        event_name = name or told(self.source.mapping.name, self.asked)[:100]
        return Unrecognised(self.ref if self.ticket_id else None, fact, event_name, self.by_bridge)

    def status_fact(self, word: str) -> str:
        """The fact of a change of status."""
        return f"status:{word}:{self.version}"


def _opened(message: _Message) -> TicketEvent:
    opened = ticket(message.source, message.ref, message.source.mapping.ticket, message.asked, partial=True)
    by_bridge = message.by_bridge or opened.by_bridge
    return TicketOpened(message.ref, "opened", replace(opened, by_bridge=by_bridge), by_bridge)


def _replied(message: _Message) -> TicketEvent:
    fields = message.source.mapping.comment
    if fields is None:
        return message.unrecognised(f"comment:{message.version}")
    account, ref, asked = message.source.account, message.ref, message.asked
    reply = comment(account, ref, fields, asked, by_bridge=message.by_bridge, version=message.version)
    if not reply.by_bridge and holds(fields.by_customer_when, message.asked):
        return message.unrecognised(reply.fact, "customer comment")
    partial = message.source.readable and message.source.mapping.comments is not None and not fields.whole
    # A delivery may tell too little of the customer: what is read decides.
    return replace(reply, partial=partial, public=reply.public or (partial and reply.withheld in addressees.TOLD))


def _solved(message: _Message) -> TicketEvent:
    said = message.asked["status"]
    word = said if said in ENDED else "solved"
    return TicketSolved(message.ref, message.status_fact(word), word, message.by_bridge)


def _reopened(message: _Message) -> TicketEvent:
    said = message.asked["status"]
    word = "open" if said in ENDED or not said else said
    return TicketReopened(message.ref, message.status_fact(word), word, message.by_bridge)


_EVENTS: Final[Mapping[str, Callable[[_Message], TicketEvent]]] = {
    "ticket.opened": _opened,
    "agent.replied": _replied,
    "ticket.solved": _solved,
    "ticket.reopened": _reopened,
}


# --- tickets and comments --------------------------------------------------------------------------------------------


def usable(ticket_id: str) -> str:
    """The id, empty where it could not stand in a URL's path."""
    return reading.usable_id({"id": ticket_id}, "id")


def status(source: Source, said: str) -> str:
    """The bridge's word: by the account's labels, the mapping's table, then the general one."""
    return labels.status(source.account, said, _table(source.mapping.status, labels.STATUSES))


def priority(source: Source, said: str) -> str:
    """The same for a priority."""
    return labels.priority(source.account, said, _table(source.mapping.priority, labels.PRIORITIES))


def _table(own: Mapping[str, str], general: Mapping[str, str]) -> dict[str, str]:
    return {**general, **{said.strip().casefold(): word for said, word in own.items()}}


def ticket(source: Source, ref: TicketRef, fields: TicketFields, asked: Asked, *, partial: bool = False) -> Ticket:
    """The ticket, in the bridge's own names; ``partial`` where a fetch would tell more."""
    external_id = told(fields.external_id, asked)
    ours = external_id.startswith(writing.MARK_ID)
    created_at = found(fields.created_at, asked)
    known = reading.told(
        id=ref.id,
        subject=told(fields.subject, asked),
        status=status(source, told(fields.status, asked)),
        priority=priority(source, told(fields.priority, asked)),
        **{name: told(getattr(fields, name), asked) for name in ("type", "group", "channel")},
        tags=_tags(found(fields.tags, asked)),
        created_at=created_at if isinstance(created_at, str) else told(fields.created_at, asked),
        external_id="" if ours else external_id,
        requester=requester(source, fields, asked),
        custom=_custom(fields, asked),
    )
    marked = ours or reading.opened_by_mark(told(fields.description, asked))
    more = partial and source.readable and source.mapping.fetch is not None
    return Ticket(ref, known, moment(created_at) or 0, more, marked)


def _tags(value: Any) -> list[str]:
    return reading.words({"tags": value}, "tags")


def requester(source: Source, fields: TicketFields, asked: Asked) -> Asked:
    """Who asks, with the first phone number that can be used."""
    who = fields.requester
    names = ("id", "name", "email", "external_id")
    numbers = [number for one in who.phone if (number := told(one, asked))]
    # A person writes "ask at the desk" where a number should be; the next candidate may be one.
    regions = source.account.user_id.regions() or (None,)
    usable_ones = (number for number in numbers if any(usable_phone(number, region) for region in regions))
    phone = next(usable_ones, "".join(numbers[:1]))
    return reading.told(**{name: told(getattr(who, name), asked) for name in names}, phone=phone)


def _custom(fields: TicketFields, asked: Asked) -> Asked:
    every = found(fields.all_custom, asked)
    own = {name: found(one, asked) for name, one in fields.custom.items()}
    return reading.told(**{**(every if isinstance(every, dict) else {}), **own})


def comment(
    account: Account, ref: TicketRef, fields: CommentFields, asked: Asked, *, by_bridge: bool = False, version: str = ""
) -> AgentReplied:
    """A comment, whole."""
    comment_id, text = told(fields.id, asked), found(fields.text, asked)
    words = text if isinstance(text, str) else "" if text is None else orjson.dumps(text, default=str).decode()
    by_user = by_bridge or holds(fields.by_bridge_when, asked)
    ours = by_user or reading.marked(words, fields.markup)
    public = found(fields.public, asked) is True
    why = _withheld(account, fields, asked) if public and not ours else ""
    return AgentReplied(
        ref,
        f"comment:{comment_id or version}",
        comment_id,
        words,
        public and not why,
        ours,
        markup=fields.markup,
        attachments=tuple(_files(fields.files, asked)) if fields.files else (),
        at_ms=moment(found(fields.at, asked)) or 0,
        withheld=why,
        echo=marks.USER if by_user else "",
    )


def _withheld(account: Account, fields: CommentFields, asked: Asked) -> str:
    if holds(fields.call_when, asked):
        return addressees.CALL
    sent = fields.addressees
    if sent is None:
        return ""
    mail = holds(sent.mail_when, asked) if sent.mail_when else None
    return addressees.withheld(account, found(sent.to, asked), found(sent.customer, asked), mail=mail)


def _files(file: File, asked: Asked) -> Iterator[Attachment]:
    for one in reading.records({"files": found(file.each, asked)}, "files"):
        url = reading.text(one, file.url)
        if url:
            size = reading.count(one, file.size)
            about = (url, reading.text(one, file.name), reading.text(one, file.mime_type), size)
            yield Attachment(*about, id=reading.text(one, file.id))
