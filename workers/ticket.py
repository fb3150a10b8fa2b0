"""One claimed ticket, step by step, until nothing is left or something is to be waited for."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bridge.domain import Phase
from workers.admit import HeldBackError
from workers.evidence import apply_evidence
from workers.forward import settle_started, settle_unknown, start_again, work_event
from workers.work import settle_mark
from workers.write_back import write_next

if TYPE_CHECKING:
    from workers.work import Work


async def work_ticket(work: Work) -> None:
    """Work it. Raises LeaseLost when the ticket is no longer ours, StoreUnavailable when Redis is away.

    The order: what a dead worker left, evidence, what is owed to the ticket, then its events. A wait ends it.
    """
    settle_mark(work)
    apply_evidence(work)
    # What is held back has its wait by then.
    with suppress(HeldBackError):
        while work.wait is None and await _step(work):
            pass


async def _step(work: Work) -> bool:
    """One step; False when there is nothing left to do."""
    if work.link.todo:
        await write_next(work)
    elif work.link.phase is Phase.UNKNOWN:
        settle_unknown(work)
    elif work.link.phase is Phase.NEW and work.link.start is not None:
        await start_again(work)
    elif work.next is not None:
        await work_event(work, work.next)
    elif work.link.phase is Phase.STARTED:
        await settle_started(work)
    else:
        return False
    return True
