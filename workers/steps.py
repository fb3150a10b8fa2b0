"""What takes several calls at a helpdesk: a read whose answers ask for more, and what must come before a write.

The place in the queue is the first call's; the others follow as soon as the pace allows, before all that waits: what
had to wait in its middle would begin anew each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain import Fetch
from bridge.errors import CallError, NotSent
from bridge.steps import in_steps
from workers.admit import admit, admit_next, helpdesk_gate
from workers.perform import perform

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bridge.domain import Call, Reply, TicketRef
    from bridge.granting import Whose
    from bridge.ports import Action
    from bridge.protocol import CallClass, Gate
    from workers.perform import T
    from workers.work import Work


async def read(
    work: Work,
    call_class: CallClass,
    first: Call,
    judge: Callable[[Sequence[Reply]], Call | T],
    whose: Whose | None = None,
) -> T:
    """What the answers tell, once ``judge`` asks for no further call. Raises CallError, HeldBackError."""
    gate = helpdesk_gate(work, call_class, whose)
    await admit(work, gate)
    return await in_steps(_in_turn(work, gate, whose), first, judge)


def _in_turn(
    work: Work, gate: Gate, whose: Whose | None = None
) -> Callable[[Call, Callable[[Reply], Call | T]], Awaitable[Call | T]]:
    """Calls one after the other: the first has passed the gate, each further one is the next there."""
    passed = True

    async def ask(call: Call, judge: Callable[[Reply], Call | T]) -> Call | T:
        nonlocal passed
        if not passed:
            await admit_next(work, gate)
        passed = False
        return await perform(work, gate, Fetch.type, call, judge, whose)

    return ask


def first_of(work: Work, ref: TicketRef | None, action: Action) -> Call | None:
    """The first call that must come before the write. Raises CallError."""
    return work.pair.dialect.prepare(work.pair.account, ref, action, ())


async def prepared(work: Work, gate: Gate, ref: TicketRef | None, action: Action, first: Call) -> Action:
    """The action, ready to be written. Raises CallError, which is certain: nothing is written yet."""
    dialect, account = work.pair.dialect, work.pair.account
    try:
        return await in_steps(
            _in_turn(work, gate),
            first,
            lambda replies: (
                dialect.prepare(account, ref, action, replies) or dialect.prepared(account, action, replies)
            ),
        )
    except CallError as error:
        if error.certain:
            raise
        msg = f"before the write: {error.reason}"
        raise NotSent(msg, status=error.status) from None
