"""One claimed ticket, step by step, until nothing is left or each side has something to wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.unasked import KIND
from workers.admit import HeldBackError
from workers.closing import end_conversation, look, package_up
from workers.evidence import apply_evidence, settle_mark
from workers.faults import over, passed, waits_for_a_person
from workers.forward import settle_start, settle_started
from workers.inbox import next_event
from workers.showing import show_status
from workers.speaking import say_next
from workers.start_notes import tell_start_waits
from workers.unasked import work_unasked
from workers.window import ask_to_write
from workers.write_back import write_next

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from workers.work import Work

STEPS: tuple[Callable[[Work], Awaitable[bool]], ...] = (
    write_next,
    settle_start,
    next_event,
    ask_to_write,
    say_next,
    look,
    end_conversation,
    settle_started,
    package_up,
    show_status,
    tell_start_waits,
)
"""The first that has something to do does it, again and again. Each says False where it has nothing, or has to wait."""


async def work_ticket(work: Work) -> None:
    """Work it. Raises LeaseLost when the ticket is no longer ours, StoreUnavailable when Redis is away.

    What a dead worker left and evidence come first. A side that has to wait does not hold back the other one.
    """
    if waits_for_a_person(work):
        return
    work.step = "what nobody asked for" if work.ref.kind == KIND else "evidence"
    if work.ref.kind == KIND:
        await work_unasked(work)
    else:
        settle_mark(work)
        apply_evidence(work)
        passed(work, work.step)
        while await _step(work):
            passed(work, work.step)
    if not work.waits:
        over(work)


async def _step(work: Work) -> bool:
    for step in STEPS:
        work.step = step.__name__
        try:
            if await step(work):
                return True
        except HeldBackError:
            # Its side has its wait by then.
            continue
    return False
