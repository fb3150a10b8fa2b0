"""What a sender of Standard Webhooks tells. Pure. The forms are described for its author in ``standard_webhooks``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

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
from bridge.helpdesks import labels, reading
from bridge.helpdesks.labels import ENDED
from bridge.helpdesks.reading import Json, section, text, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.accounts import Account
    from bridge.domain import TicketEvent

KIND: Final = "standard-webhooks"

CUSTOMER: Final = frozenset({"requester", "customer", "contact", "end-user", "end_user", "enduser"})
"""What ``actor.type`` may call the person who asked."""

MAIL: Final = frozenset({"email", "e-mail", "mail"})
"""What ``comment.channel`` calls a mail."""

MARKUPS: Final = frozenset({"text", "html", "markdown", "adf", "wiki"})
"""What ``comment.markup`` may say."""


def event(raw: bytes, account: Account, account_name: str, delivery_id: str) -> TicketEvent:
    """The event in a body. Raises Unreadable."""
    body = reading.decoded(raw)
    name = reading.event_name(body, "type")
    data = section(body, "data")
    about = section(data, "ticket")
    reader = _READERS.get(name)
    if reader is None:
        found = reading.usable_id(about, "id")
        return Unrecognised(TicketRef(KIND, account_name, found) if found else None, f"told:{delivery_id}", name)
    ref = TicketRef(KIND, account_name, reading.ticket_id(about, "id", "data.ticket.id"))
    version = reading.moment_ms(about, "updated_at") or reading.moment_ms(body, "timestamp")
    return reader(_Message(name, ref, data, text(body, "timestamp"), str(version or delivery_id), account))


@dataclass(frozen=True, slots=True)
class _Message:
    """An event about one ticket. ``version`` tells two changes of it apart."""

    type: str
    ref: TicketRef
    data: Json
    at: str
    version: str
    account: Account

    @property
    def actor(self) -> Json:
        """Who did it."""
        return section(self.data, "actor")

    @property
    def status(self) -> str:
        """The ticket's status in the bridge's words; empty where it is not told."""
        return labels.status(self.account, text(section(self.data, "ticket"), "status"))

    def by_bridge(self, written: str = "", markup: str = "text") -> bool:
        """Whether the bridge did it, by the actor's type or by the mark in what was written."""
        return self.by_type() or reading.marked(written, markup)

    def by_type(self) -> bool:
        """Whether the sender says so."""
        return text(self.actor, "type") == "bridge"

    def by_customer(self) -> bool:
        """Whether the requester did it: the actor's type says so, or they are the same person."""
        return text(self.actor, "type").lower() in CUSTOMER or _same_person(self.actor, section(self.data, "requester"))


def requester(body: bytes) -> Json:
    """Who is told as the requester. Raises Unreadable."""
    return reading.person(section(section(reading.decoded(body), "data"), "requester"))


def _same_person(one: Json, other: Json) -> bool:
    """By mail where both tell one, since agents and customers may be numbered apart; else by id."""
    both = [(text(one, name).strip().casefold(), text(other, name).strip().casefold()) for name in ("email", "id")]
    return next((mine == theirs for mine, theirs in both if mine and theirs), False)


def _opened(message: _Message) -> TicketEvent:
    about = section(message.data, "ticket")
    created_at = text(about, "created_at") or message.at
    fields = told(
        id=message.ref.id,
        subject=text(about, "subject"),
        status=message.status,
        priority=labels.priority(message.account, text(about, "priority")),
        type=text(about, "type").lower(),
        group=text(about, "group"),
        brand=text(about, "brand"),
        channel=text(about, "channel").lower(),
        tags=reading.words(about, "tags"),
        created_at=created_at,
        external_id=text(about, "external_id"),
        requester=reading.person(section(message.data, "requester")),
        custom=told(**section(about, "custom")),
    )
    by_bridge = message.by_type() or reading.opened_by_mark(text(about, "description"))
    ticket = Ticket(message.ref, fields, reading.moment_ms(fields, "created_at"), by_bridge=by_bridge)
    return TicketOpened(message.ref, "opened", ticket, by_bridge)


def _commented(message: _Message) -> TicketEvent:
    comment = section(message.data, "comment")
    body, comment_id = text(comment, "body"), text(comment, "id")
    fact = f"comment:{comment_id or message.version}"
    told_markup = text(comment, "markup").lower()
    markup = told_markup if told_markup in MARKUPS else "text"
    by_bridge = message.by_bridge(body, markup)
    if message.by_customer() and not by_bridge:
        return Unrecognised(message.ref, fact, "customer comment")
    public = reading.flag(comment, "public") is True
    why = _withheld(message, comment) if public and not by_bridge else ""
    return AgentReplied(
        message.ref,
        fact,
        comment_id,
        body,
        public and not why,
        by_bridge,
        markup=markup,
        attachments=tuple(_attachments(comment)),
        withheld=why,
        echo=marks.APP if message.by_type() else "",
    )


def _withheld(message: _Message, comment: Json) -> str:
    """By ``to``, ``cc`` and ``bcc``; ``channel`` says whether it is a mail, else an address does."""
    requester, channel = section(message.data, "requester"), text(comment, "channel").strip().lower()
    known = [requester.get(name) for name in ("email", "emails", "phone", "id", "external_id")]
    to = [comment.get(name) for name in ("to", "cc", "bcc")]
    return addressees.withheld(message.account, to, known, mail=channel in MAIL if channel else None)


def _attachments(comment: Json) -> Iterator[Attachment]:
    for one in reading.records(comment, "attachments"):
        url = text(one, "url")
        if url:
            about = (url, text(one, "name"), text(one, "mime_type"), reading.count(one, "size"))
            yield Attachment(*about, id=text(one, "id"))


def _solved(message: _Message) -> TicketEvent:
    status = message.status if message.status in ENDED else "solved"
    return TicketSolved(message.ref, f"status:{status}:{message.version}", status, message.by_bridge())


def _reopened(message: _Message) -> TicketEvent:
    status = message.status if message.status and message.status not in ENDED else "open"
    return TicketReopened(message.ref, f"status:{status}:{message.version}", status, message.by_bridge())


def _updated(message: _Message) -> TicketEvent:
    if message.status in ENDED:
        return _solved(message)
    fact, by_bridge = f"told:{message.type}:{message.version}", message.by_bridge()
    return Unrecognised(message.ref, fact, message.type, by_bridge, labels.unknown(message.status))


_READERS: Final[Mapping[str, Callable[[_Message], TicketEvent]]] = {
    "ticket.created": _opened,
    "ticket.updated": _updated,
    "ticket.solved": _solved,
    "ticket.reopened": _reopened,
    "comment.added": _commented,
}
