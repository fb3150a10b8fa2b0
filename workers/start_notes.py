"""A start that waits long is told on its ticket, once an episode, with why and what happens next.

The start comes first: the note is written only in a claim that has found that the start has to wait, behind all other
writes, and not at all where the start went meanwhile. What counts is since when the ticket has had something to do, by
the server's clock, so that a time without any worker counts as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import notes
from bridge.domain import TicketReopened
from bridge.start_waits import LATE_MS, SOON_MS, Cause

if TYPE_CHECKING:
    from bridge.owed import Todo
    from workers.waiting import Wait
    from workers.work import Work

NEARLY_OVER = frozenset({Cause.PACE, Cause.LIMIT})
"""The waits of which it is known how long they still take."""


async def tell_start_waits(work: Work) -> bool:
    """Plan the note where it is time for it, and let it be written. False where there is nothing to tell."""
    wait = work.start_wait
    if wait is None or work.start_told:
        return False
    todo = notes.start_waits(work.link, work.pair.account, wait.cause)
    pending = next((one for one in work.link.todo if one.key == notes.waits_key(work.link)), None)
    if not todo and pending is None:
        return False
    left_ms = LATE_MS - waited_ms(work)
    if left_ms > 0:
        work.look_in_ms = left_ms
    if left_ms > 0 or (wait.cause in NEARLY_OVER and wait.due_in_ms <= SOON_MS):
        return False
    work.start_told = True
    work.add(todo)
    _say_why(work, pending, wait)
    return True


def _say_why(work: Work, pending: Todo | None, wait: Wait) -> None:
    """What is not written yet says why the start waits now."""
    if pending is None or pending.sent:
        return
    text = notes.start_waits_text(work.pair.account.language, wait.cause)
    todo = tuple(replace(one, text=text) if one.key == pending.key else one for one in work.link.todo)
    work.link = replace(work.link, todo=todo)


def waited_ms(work: Work) -> int:
    """For how long the start has been due. What was still to be written of the episode before is no wait of it."""
    waited = work.claimed.busy_ms
    if work.next and isinstance(work.next.event, TicketReopened):
        waited = min(waited, max(0, work.app.now_ms() - work.next.at_ms))
    return waited
