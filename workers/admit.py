"""The gate before every call: pace, breaker, pause, cap and the one start per person. Decided in Redis, told here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from bridge import fullness
from bridge.domain import Rate
from bridge.errors import BridgeError, LeaseLost
from bridge.gates import REFUSED_CREDENTIAL, account_gate, in_words, project_gate
from bridge.owed import Side, side_at
from bridge.protocol import EVERY, LIMIT, CallClass, shown
from bridge.start_waits import Cause
from workers.waiting import Wait

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.granting import Whose
    from bridge.links import Link
    from bridge.protocol import Gate, StartLimits, Verdict
    from workers.work import Work

BEHIND_MS = 30_000
"""How long a ticket looks away while another start of the same person is in flight; its end wakes it at once."""

HELD_MS = 3_600_000
"""The same for a pause; resume wakes it at once."""

STARTS_LIMITED = "the limit of starts a minute (bridge start-limit)"

FULL_MS = 10_000
"""How long a start looks away while Redis is full."""

RECOVERING = "Redis has lost data: first it is found out what was sent before"

HAND_MS = 500
"""A turn that comes so soon is waited for with the ticket in hand: to let it go and take it again costs more."""

ASKS_MOST = 4
"""So often a turn is asked for in one go. One that never comes means that clocks disagree: it is asked for later."""

FAR_MS = 2_000
"""How much later than expected a ticket asks by itself for the turn that nobody gave it."""

FIELD_TURN = "field turn"
"""The wait of a tag, a field or a status for its turn at the helpdesk. It holds back no reading and no words."""

TICKET = "ticket"
"""The verdict where the ticket's own rate is used up: writes wait, and no side does. That is for the caller to note."""

LATE_MS, LATE_MOST = 1_000, 0.04
"""By so much the time of a ticket's own rate is longer than the vendor's, and by such a part of it at most: one write
too many is answered with a 429, for which the whole account waits."""


def jelou_gate(work: Work, call_class: CallClass) -> Gate:
    """The gate of the Jelou project, shared by all accounts on it."""
    return project_gate(work.pair.project, work.pair.project_name, work.claimed.lane, call_class)


def helpdesk_gate(
    work: Work, call_class: CallClass, whose: Whose | None = None, *, writes: bool = False, spares: bool = False
) -> Gate:
    """The gate of the ticket's helpdesk account, or of another; of a write, with the ticket's own rate if any.

    A write that ``spares`` leaves a third of the ticket's own rate.
    """
    to = whose or work.pair.whose
    pace = to.account.ticket_pace
    own = (Rate(pace.calls, pace.per_s) if pace else to.dialect.ticket_rate) if writes else None
    more = (_of_ticket(work, own, spares=spares),) if own else ()
    gate = account_gate(to.dialect, to.account, to.name, work.claimed.lane, call_class)
    return replace(gate, more=more)


def _of_ticket(work: Work, own: Rate, *, spares: bool) -> tuple[str, float, int]:
    """A ticket's own rate. Writes reach the helpdesk later than they pass here, some more than others."""
    per_ms = own.per_s * 1_000
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

    Raises HeldBackError, LeaseLost; then neither is stored, and where only the turn is missing the place is kept. A
    close that would hit another ticket's conversation (``shared``) waits for nothing: that is the caller's to settle.
    """
    work.asked[side_of(gate)] = gate
    gate = replace(_in_hand(work, gate), exact=sending is not None)
    await _rest(work, work.moments.pop(gate.destination, 0.0) - work.app.monotonic())
    verdict = await _waited(work, gate, lambda: work.mark(link or work.link, gate, start, sending))
    if verdict.verdict == "lost":
        raise LeaseLost
    if verdict.verdict != "go":
        _hold_back(work, gate, verdict, start)
        raise HeldBackError(verdict.verdict, verdict.detail)
    if side_of(gate) is Side.HELPDESK:
        # The ticket's place is used, whatever it had been taken for first.
        work.waits.pop(FIELD_TURN, None)


async def admit_next(work: Work, gate: Gate) -> None:
    """The same for a call that follows one of just now: it is next, and changes nothing of the ticket.

    Raises HeldBackError where the destination is not called any more; what was begun begins anew then.
    """
    gate = replace(_in_hand(work, gate), call_class=CallClass.BEGUN, more=())
    verdict = await _waited(work, gate, lambda: work.app.store.rounds.pass_gate(work.claimed.ticket, gate, ()))
    if verdict.verdict != "go":
        _hold_back(work, gate, verdict, None)
        raise HeldBackError(verdict.verdict, verdict.detail)


def _in_hand(work: Work, gate: Gate) -> Gate:
    worker = work.app.turns.worker
    return replace(gate, worker=worker, hand_ms=HAND_MS) if worker else gate


async def _waited(work: Work, gate: Gate, ask: Callable[[], Awaitable[Verdict]]) -> Verdict:
    """The verdict when it is final: a turn that comes soon is waited for, and asked for again at its moment."""
    until = work.app.monotonic() + 2 * HAND_MS / 1000
    for _ in range(ASKS_MOST):
        verdict = await ask()
        if verdict.verdict in {"go", "soon"}:
            await _rest(work, int(verdict.detail) / 1000)
            if verdict.verdict == "go":
                return verdict
        elif not await _granted(work, gate, verdict, until):
            return verdict
    return verdict


async def _granted(work: Work, gate: Gate, verdict: Verdict, until: float) -> bool:
    left_s = until - work.app.monotonic()
    if verdict.verdict not in {"paced", "broken"} or not gate.worker:
        return False
    work.app.turns.expect(0)
    if verdict.verdict == "broken" or int(verdict.detail) > HAND_MS or left_s <= 0:
        return False
    with work.app.turns.rest():
        moment_s = await work.app.turns.granted(gate.destination, work.claimed.ticket, left_s)
    if moment_s is not None:
        await _rest(work, moment_s)
    return moment_s is not None


async def _rest(work: Work, for_s: float) -> None:
    if for_s > 0:
        with work.app.turns.rest():
            await work.app.sleep(for_s)


def _hold_back(work: Work, gate: Gate, verdict: Verdict, start: StartLimits | None) -> None:
    if verdict.verdict not in WAITS:
        return
    if verdict.verdict in QUEUED:
        work.wanted.add(gate.destination)
    wait = WAITS[verdict.verdict](work, verdict, gate, start)
    again = _waited_already(work, gate, verdict)
    if _is_field_turn(gate, verdict):
        work.wait_for(FIELD_TURN, wait, known=again, behind=_behind(verdict))
        return
    work.hold(side_of(gate), wait, known=again, behind=_behind(verdict))


def _waited_already(work: Work, gate: Gate, verdict: Verdict) -> bool:
    """Whether the timeline says so: a full Redis is not to be filled by saying it at each look."""
    if verdict.verdict == "full":
        return work.waited.get(side_of(gate), "").startswith(fullness.FULL)
    if verdict.verdict == "paused":
        return work.link.start_wait == Cause.PAUSE
    return verdict.verdict in {*QUEUED, "limited"} and not verdict.new


def _is_field_turn(gate: Gate, verdict: Verdict) -> bool:
    return verdict.verdict == "paced" and gate.call_class is CallClass.FIELD and side_of(gate) is Side.HELPDESK


def _behind(verdict: Verdict) -> str:
    return in_words(orjson.loads(verdict.reason)) if verdict.verdict == "paced" and verdict.reason else ""


def side_of(gate: Gate) -> Side:
    """Which side a call through this gate goes to."""
    return side_at(gate.destination)


def _news(*_: object) -> Wait:
    return Wait("an event of Jelou's has just come", 0, firm=True)


def _paused(work: Work, verdict: Verdict, *_: object) -> Wait:
    held, reason = (
        (EVERY, "all accounts are paused") if verdict.detail == EVERY else (work.account, "the account is paused")
    )
    return Wait(reason, HELD_MS, firm=True, held=held, cause=Cause.PAUSE, open_ended=True)


def _capped(work: Work, verdict: Verdict, *_: object) -> Wait:
    due_in_ms, cap = int(verdict.detail), work.pair.account.starts_per_hour
    if verdict.new:
        work.app.log.warning("starts_per_hour reached", account=work.account, cap=cap, goes_on_in_s=due_in_ms // 1000)
    return Wait("the account's starts_per_hour is reached", due_in_ms, firm=True, cause=Cause.CAP)


def _limited(_: Work, verdict: Verdict, *__: object) -> Wait:
    return Wait(STARTS_LIMITED, int(verdict.detail), firm=True, held=LIMIT, cause=Cause.LIMIT)


def _busy(_: Work, verdict: Verdict, __: Gate, start: StartLimits | None) -> Wait:
    contact = start.contact if start else ""
    reason = f"another start for the same person: {verdict.detail}"
    return Wait(reason, BEHIND_MS, firm=True, behind=contact, cause=Cause.PERSON, open_ended=True)


def _recovering(_: Work, verdict: Verdict, *__: object) -> Wait:
    return Wait(RECOVERING, int(verdict.detail), firm=True, cause=Cause.RECOVERY)


def _full(_: Work, verdict: Verdict, *__: object) -> Wait:
    return Wait(fullness.in_words(int(verdict.detail)), FULL_MS, firm=True, cause=Cause.MEMORY)


def _paced(_: Work, verdict: Verdict, gate: Gate, __: object) -> Wait:
    reason = f"the pace of {shown(gate.destination)}"
    return Wait(reason, int(verdict.detail) + FAR_MS, firm=True, cause=Cause.PACE, open_ended=True)


def _broken(_: Work, verdict: Verdict, gate: Gate, __: object) -> Wait:
    reason = f"{shown(gate.destination)} is not called just now: {verdict.reason}"
    cause = Cause.CREDENTIAL if verdict.reason.startswith(REFUSED_CREDENTIAL) else Cause.NOT_CALLED
    return Wait(reason, int(verdict.detail) + FAR_MS, firm=True, cause=cause)


QUEUED = frozenset({"soon", "paced", "broken"})
"""The verdicts with which a place is kept."""

WAITS: dict[str, Callable[[Work, Verdict, Gate, StartLimits | None], Wait]] = {
    "news": _news,
    "paused": _paused,
    "capped": _capped,
    "limited": _limited,
    "recovering": _recovering,
    "full": _full,
    "busy": _busy,
    "soon": _paced,
    "paced": _paced,
    "broken": _broken,
}
