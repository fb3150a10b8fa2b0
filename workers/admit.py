"""The gate before every call: pace, breaker, pause, cap and the one start per person. Decided in Redis, told here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.domain import Rate
from bridge.errors import BridgeError, LeaseLost
from bridge.gates import account_gate, paced
from bridge.owed import Side
from bridge.protocol import Gate, jelou_destination
from workers.waiting import Wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.granting import Whose
    from bridge.links import Link
    from bridge.protocol import StartLimits, Verdict
    from workers.work import Work

BEHIND_MS = 30_000
"""How long a ticket looks away while another start of the same person is in flight; its end wakes it at once."""

HELD_MS = 3_600_000
"""The same for a paused account; resume wakes it at once."""

RECOVERING = "Redis has lost data: first it is found out what was sent before"
SECOND_MS = 1_000

TICKET = "ticket"
"""The verdict where the ticket's own rate is used up: writes wait, and no side does. That is for the caller to note."""

LATE_MS, LATE_MOST = 1_000, 0.04
"""By so much the time of a ticket's own rate is longer than the vendor's, and by such a part of it at most: one write
too many is answered with a 429, for which the whole account waits."""


def jelou_gate(work: Work) -> Gate:
    """The gate of the Jelou project, shared by all accounts on it."""
    rate = paced(work.pair.project.calls_per_s, SECOND_MS, at_once=0.1)
    return Gate(jelou_destination(work.pair.project_name), work.claimed.lane, *rate)


def helpdesk_gate(
    work: Work, whose: Whose | None = None, *, writes: bool = False, spares: bool = False, cost: int = 1
) -> Gate:
    """The gate of the ticket's helpdesk account, or of another; of a write, with the ticket's own rate if there is one.

    ``cost`` is how many calls go through it at once. A write that ``spares`` leaves a third of the ticket's own rate.
    """
    to = whose or work.pair.whose
    pace = to.account.ticket_pace
    own = (Rate(pace.calls, pace.per_s) if pace else to.dialect.ticket_rate) if writes else None
    more = (_of_ticket(work, own, spares=spares),) if own else ()
    gate = account_gate(to.dialect, to.account, to.name, work.claimed.lane)
    return replace(gate, more=more, cost=cost)


def _of_ticket(work: Work, own: Rate, *, spares: bool) -> tuple[str, float, int]:
    """A ticket's own rate. Writes reach the helpdesk later than they pass here, some more than others."""
    per_ms = own.per_s * SECOND_MS
    calls = own.calls - own.calls // 3 if spares else own.calls
    return f"ticket:{work.ref}", per_ms + min(LATE_MS, per_ms * LATE_MOST), calls


class HeldBackError(BridgeError):
    """The call may not go out now; its side waits, and the timeline says for what. ``detail`` is the verdict's."""

    def __init__(self, verdict: str, detail: str = "") -> None:
        super().__init__(verdict)
        self.verdict = verdict
        self.detail = detail


async def admit(
    work: Work,
    gate: Gate,
    link: Link | None = None,
    *,
    start: StartLimits | None = None,
    sending: dict[str, Any] | None = None,
) -> None:
    """Returns when the call may go out: ``link`` is stored as it is while it is out, ``sending`` is on the timeline.

    Raises HeldBackError, LeaseLost; then neither is stored. A close that would hit another ticket's conversation
    (``shared``) waits for nothing: that is the caller's to settle.
    """
    verdict = await work.mark(link or work.link, gate, start, sending)
    if verdict.verdict == "lost":
        raise LeaseLost
    if verdict.verdict != "go":
        if verdict.verdict in WAITS:
            work.hold(side_of(gate), WAITS[verdict.verdict](work, verdict, gate, start))
        raise HeldBackError(verdict.verdict, verdict.detail)


def side_of(gate: Gate) -> Side:
    """Which side a call through this gate goes to."""
    return Side.JELOU if gate.destination.startswith("jelou:") else Side.HELPDESK


def _news(*_: object) -> Wait:
    return Wait("an event of Jelou's has just come", 0, firm=True)


def _paused(work: Work, *_: object) -> Wait:
    return Wait("the account is paused", HELD_MS, firm=True, held=work.account)


def _capped(_: Work, verdict: Verdict, *__: object) -> Wait:
    return Wait("the account's starts_per_hour is reached", int(verdict.detail), firm=True)


def _busy(_: Work, verdict: Verdict, __: Gate, start: StartLimits | None) -> Wait:
    contact = start.contact if start else ""
    return Wait(f"another start for the same person: {verdict.detail}", BEHIND_MS, firm=True, behind=contact)


def _recovering(_: Work, verdict: Verdict, *__: object) -> Wait:
    return Wait(RECOVERING, int(verdict.detail), firm=True)


def _paced(_: Work, verdict: Verdict, gate: Gate, __: object) -> Wait:
    return Wait(f"the pace of {gate.destination}", int(verdict.detail), firm=True)


def _broken(_: Work, verdict: Verdict, gate: Gate, __: object) -> Wait:
    return Wait(f"{gate.destination} is not called just now: {verdict.reason}", int(verdict.detail), firm=True)


WAITS: dict[str, Callable[[Work, Verdict, Gate, StartLimits | None], Wait]] = {
    "news": _news,
    "paused": _paused,
    "capped": _capped,
    "recovering": _recovering,
    "busy": _busy,
    "paced": _paced,
    "broken": _broken,
}
