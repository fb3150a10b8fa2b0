"""A helpdesk's event as the store takes it: one door for what webhooks bring and what the reconciler finds. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge import correlate, events
from bridge.domain import AgentReplied, TicketOpened, Unrecognised
from bridge.errors import Unreadable
from bridge.helpdesks.labels import WORDS
from bridge.marks import undecided
from bridge.protocol import Incoming
from bridge.timeline import entry
from bridge.translate import person

if TYPE_CHECKING:
    from bridge.accounts import Account
    from bridge.domain import TicketEvent

LONGEST_LABEL: Final = 60

BY_RECONCILER = "the reconciler: no webhook had brought it"


def admitted(event: TicketEvent, delivery_id: str, at_ms: int, account: Account) -> Incoming:
    """What a webhook brought. Raises Unreadable for an event of no ticket."""
    ref = event.ref
    if ref is None:
        raise Unreadable("ticket", "missing")
    nothing = asks_for_nothing(event)
    customer = person(account.user_id, event.ticket) if isinstance(event, TicketOpened) else ""
    what = "ignored" if nothing else "received"
    return Incoming(
        ticket=str(ref),
        lane=correlate.lane_name(ref, account.project),
        fact=event.fact,
        event="" if nothing else events.dump(event, delivery_id, at_ms),
        entry=entry(at_ms, what, event=event.type, delivery=delivery_id, reason=nothing),
        repeated=entry(at_ms, "repeated", event=event.type, delivery=delivery_id),
        person=customer,
        people=correlate.other_ids(customer),
        warnings=_warnings(event, at_ms),
    )


def _warnings(event: TicketEvent, at_ms: int) -> tuple[tuple[str, str], ...]:
    return tuple((fact, entry(at_ms, "warning", label=label)) for fact, label in unmapped(event).items())


def unmapped(event: TicketEvent) -> dict[str, str]:
    """What to say of each status and priority that is in no table, by a fact: a ticket is told of a label once.

    They are taken as they are, so that a rule can name them; but nobody knows whether such a status is an end.
    """
    told = event.ticket.fields if isinstance(event, TicketOpened) else {"status": getattr(event, "status", "")}
    words = {name: " ".join(str(told.get(name, "")).split())[:LONGEST_LABEL] for name in WORDS}
    return {
        f"label:{name}:{word}": f"{name} '{word}' is in no table: map it under labels.{name}"
        for name, word in words.items()
        if word and word not in WORDS[name]
    }


def asks_for_nothing(event: TicketEvent) -> str:
    """Why no worker need see it; else empty. Our own writes come back as webhooks: an echo ends here."""
    if event.by_bridge and not (isinstance(event, AgentReplied) and undecided(event)):
        return "the bridge did this itself"
    return f"nothing to do for {event.told}" if isinstance(event, Unrecognised) else ""


def reconciled(event: TicketEvent, delivery_id: str, account: Account, now_ms: int, told_ms: int) -> Incoming:
    """The same for what the reconciler found. Should a webhook be faster by now, the repeat is not told.

    It counts as told at ``told_ms``: so a ticket that was opened long ago starts what its webhook would have started.
    Raises Unreadable for an event of no ticket, or one that nests too deeply.
    """
    found = admitted(event, delivery_id, told_ms, account)
    told = entry(now_ms, "received", event=event.type, delivery=delivery_id, by=BY_RECONCILER)
    return replace(found, entry=told, repeated="", warnings=_warnings(event, now_ms))
