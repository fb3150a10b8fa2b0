"""What a ticket waits for, as a value."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.errors import Denied, NotSent, Throttled
from bridge.gates import UNAUTHORISED
from bridge.start_waits import Cause
from bridge.timeline import ATTEMPT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.errors import CallError
    from bridge.owed import Side
    from workers.work import Work

WHOLE_S = 10.0
"""A ticket asks so often by itself whether its destination is called again. It is woken when that happens."""

BACKOFF_FIRST_S = 1.0
BACKOFF_MOST_S = 300.0
DENIED_S = 60.0
"""A refused credential is a person's work; every call with it fails until then."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is done before ``due_in_ms`` has passed. ``firm``: only evidence ends it early; else any new event does.

    ``behind`` names the contact whose other start is awaited, ``held`` the pause that holds it (``bridge/brake.py``).
    ``cause`` is why a start waits. ``open_ended``: nobody knows when it ends, and the due time is only when the ticket
    looks again.
    """

    reason: str
    due_in_ms: int
    firm: bool = False
    behind: str = ""
    held: str = ""
    cause: str = Cause.OTHER
    open_ended: bool = False


def backoff_s(tries: int) -> float:
    """Full jitter: anything between nothing and a growing limit, so that many that failed together do not return so."""
    return random.uniform(0.1, min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2.0 ** min(tries, 16)))  # noqa: S311 - no secret


def together(waits: Iterable[Wait]) -> Wait | None:
    """What a ticket waits for that waits for all of these: until the first is over, firm where all are."""
    known = sorted(waits, key=lambda one: one.due_in_ms)
    if not known:
        return None
    behind = next((one.behind for one in known if one.behind), "")
    held = next((one.held for one in known if one.held), "")
    return replace(known[0], firm=all(one.firm for one in known), behind=behind, held=held)


def again_in(error: CallError, reason: str, tries: int) -> Wait:
    """As long as the error asks, else longer with each try."""
    asked_s = error.retry_after_s or (DENIED_S if isinstance(error, Denied) else 0)
    return Wait(reason, int((asked_s or backoff_s(tries)) * 1000), firm=bool(error.retry_after_s))


def try_again(work: Work, side: Side, error: CallError, reason: str, tries: int, *, counted: bool = True) -> None:
    """Make the side's last call again later. Where it failed for the destination as a whole, that keeps the time.

    Every ticket would else come back at a moment of its own, in any order, and long after the destination did.
    ``counted``: ``tries`` is how often it was tried, and not only how long to wait.
    """
    reason = f"{reason}{ATTEMPT}{tries}" if counted else reason
    if _of_the_whole(error) and side in work.asked:
        wait_s = max(error.retry_after_s, WHOLE_S)
        work.requeue(side, Wait(reason, int(wait_s * 1000), firm=True, cause=_cause(error)))
    else:
        work.hold(side, replace(again_in(error, reason, tries), cause=_cause(error)))


def _cause(error: CallError) -> str:
    if isinstance(error, Denied) and error.status == UNAUTHORISED:
        return Cause.CREDENTIAL
    return Cause.NOT_CALLED if _of_the_whole(error) else Cause.RETRY


def _of_the_whole(error: CallError) -> bool:
    """Whether it tells of the destination: to wait, the credential, no connection. A 403 may be about one ticket."""
    if isinstance(error, NotSent):
        return not error.status
    return isinstance(error, Throttled) or (isinstance(error, Denied) and error.status == UNAUTHORISED)


def hopeless(work: Work, error: CallError, first_ms: int) -> bool:
    """Whether to give up: the answer will not change, or the account's horizon has passed since the first try.

    Nothing is ever given up for a refused credential: that is repaired by a person, not by the ticket.
    """
    if isinstance(error, Denied):
        return False
    return overdue(work, first_ms) or (error.certain and not error.again)


def overdue(work: Work, first_ms: int) -> bool:
    """Whether something has been tried for longer than the account's horizon."""
    return bool(first_ms) and work.app.now_ms() - first_ms > work.pair.account.horizon_s * 1000
