"""A fault of ours over a ticket: it waits longer each time, and is told once; after the horizon what fails is given up.

What fails becomes a dead letter, and the rest of the ticket goes on. Where nobody can say what it is, the whole ticket
waits for a person. Each letter can be replayed, once the fault is repaired.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge import notes
from bridge.domain import AgentReplied, Phase, TicketOpened, TicketReopened, TicketSolved
from bridge.letters import FAULT
from bridge.links import Signal
from bridge.wording import say
from workers.forward import fail
from workers.speaking import given_up
from workers.waiting import Wait, overdue
from workers.write_back import give_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.work import Work

FIRST_MS, MOST_MS = 60_000, 3_600_000
"""The first wait after a fault, and the longest; each is twice the one before."""

PARKED_MS = 3_600_000
"""How long a ticket that waits for a person sleeps between two looks; a replay ends it at once."""

GO_ON_MS = 1
"""What has been given up holds back the rest of its ticket no longer."""

NOT_SAID = {AgentReplied: "unsent", TicketSolved: "not_closed"}
"""What an agent is told where such an event is given up; of others there is the word that something is missing."""


def wait_ms(faults: int) -> int:
    """How long a ticket waits after so many faults in a row."""
    return min(MOST_MS, FIRST_MS << min(faults - 1, 16))


def held(work: Work, reason: str) -> None:
    """The ticket waits after one more fault, or what fails is given up."""
    work.app.metrics.faults.labels(work.account).inc()
    link = work.link
    since_ms = link.fault_ms or work.app.now_ms()
    work.link = replace(link, faults=link.faults + 1, fault_ms=since_ms, fault_in=work.step)
    # A start that may be out is of unknown fate at the next claim, and goes on from there.
    if overdue(work, since_ms) and link.phase is not Phase.STARTING:
        _given_up(work, reason)
        return
    wait = Wait(reason, wait_ms(work.link.faults), firm=True)
    work.waits = {"fault": wait}
    if work.link.faults == 1:
        work.tell("waiting", reason=reason, until=work.app.now_ms() + wait.due_in_ms)


def passed(work: Work, step: str) -> None:
    """The step that had failed has done its work."""
    if work.link.faults and work.link.fault_in == step:
        over(work)


def over(work: Work) -> None:
    """The row of faults has ended."""
    if work.link.faults:
        work.link = replace(work.link, faults=0, fault_ms=0, fault_in="")


def waits_for_a_person(work: Work) -> bool:
    """Whether the whole ticket was given up, and nobody has decided yet: then nothing of it is worked."""
    if not work.link.fault:
        return False
    work.waits["fault"] = Wait(f"a person's decision: {work.link.fault}", PARKED_MS, firm=True)
    if work.news:
        # Its letter may have been discarded, and there is no other way on.
        work.letter(work.link.fault, FAULT)
    return True


def _given_up(work: Work, reason: str) -> None:
    work.waits = {"fault": Wait(reason, GO_ON_MS)}
    give = GIVE_UP.get(work.step)
    if give is None or not give(work, reason):
        work.link = replace(work.link, fault=reason)
        work.dead(reason, FAULT)
        waits_for_a_person(work)
    over(work)


def _event(work: Work, reason: str) -> bool:
    received = work.next
    if received is None:
        return False
    event: Any = received.event
    if work.link.phase is Phase.NEW and isinstance(event, TicketOpened | TicketReopened):
        fail(work, Signal.FAIL, reason, covered=1, said=_why(work))
        return True
    name = f"{event.type} {event.fact}"
    work.dead(reason, name, event=work.next_raw)
    work.consume()
    key = NOT_SAID.get(type(event), "fault")
    work.add(notes.told(work.link, f"fault:{name}", work.pair.account, key, reason=_why(work)))
    return True


def _message(work: Work, reason: str) -> bool:
    if not work.link.says:
        return False
    first = work.link.says[0]
    if first.sent or first.doubts:
        given_up(work, first, reason, "unsure", tries=str(first.doubts + first.sent))
    else:
        given_up(work, first, reason, "unsent", reason=_why(work))
    return True


def _write(work: Work, reason: str) -> bool:
    return give_up(work, work.writing, reason)


def _why(work: Work) -> str:
    return say(work.pair.account.language, "reason.fault")


GIVE_UP: dict[str, Callable[[Work, str], bool]] = {
    "next_event": _event,
    "say_next": _message,
    "write_next": _write,
}
"""What of the ticket is given up where such a step fails, by the step's name; False where there is nothing of it."""
