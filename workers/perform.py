"""One call, timed and told: the outcome goes to the timeline, the metrics and the attempt's log line."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from bridge.credentials import with_credential
from bridge.domain import StartConversation
from bridge.errors import CallError, LeaseLost, NotSent
from bridge.gates import explained, outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain import Call, Reply
    from bridge.granting import Whose
    from bridge.protocol import Gate
    from workers.work import Work


T = TypeVar("T")


async def perform(
    work: Work, gate: Gate, action: str, call: Call, judge: Callable[[Reply], T], whose: Whose | None = None
) -> T:
    """Send the call and judge its answer. Raises CallError; a lease that ended before the bytes is NotSent.

    ``whose`` is the helpdesk account where it is not the ticket's own.
    """
    begun, app = perf_counter(), work.app
    try:
        with app.turns.rest():
            reply = await app.granting.send(app.http, whose or work.pair.whose, call, work.may_send)
        answer = judge(reply)
    except LeaseLost:
        error: CallError = NotSent("the lease had ended before the call went out")
        _told(work, action, begun, error)
        raise error from None
    except CallError as failed:
        error = explained(gate, failed)
        _told(work, action, begun, error)
        learned = outcome(gate, error, starts=action == StartConversation.type)
        work.outcomes.append(with_credential(app.bridge, learned))
        raise error from None
    _told(work, action, begun, None)
    work.outcomes.append(outcome(gate, None))
    return answer


def _told(work: Work, action: str, begun: float, error: CallError | None) -> None:
    took_s = perf_counter() - begun
    outcome = "done" if error is None else type(error).__name__
    work.actions.append({"action": action, "outcome": outcome, "ms": round(took_s * 1000, 1)})
    work.app.metrics.calls.labels(work.account, action, outcome).inc()
    if error is not None:
        work.app.log.info("call failed", action=action, outcome=outcome, reason=error.reason)
    work.app.metrics.call_seconds.labels(action).observe(took_s)
