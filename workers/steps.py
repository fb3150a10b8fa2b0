"""What takes several calls at a helpdesk: a read whose answers ask for more, and what must come before a write.

The gate is passed once, for all of them: what had to wait in its middle would begin anew each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain import Fetch
from bridge.errors import CallError, NotSent
from bridge.steps import in_steps
from workers.admit import admit, helpdesk_gate
from workers.perform import perform

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.domain import Call, Reply, TicketRef
    from bridge.granting import Whose
    from bridge.ports import Action
    from bridge.protocol import Gate
    from workers.perform import T
    from workers.work import Work


async def read(work: Work, first: Call, judge: Callable[[Sequence[Reply]], Call | T], whose: Whose | None = None) -> T:
    """What the answers tell, once ``judge`` asks for no further call. Raises CallError, HeldBackError."""
    gate = helpdesk_gate(work, whose, cost=first.calls)
    await admit(work, gate)
    return await in_steps(lambda call, one: perform(work, gate, Fetch.type, call, one, whose), first, judge)


def first_of(work: Work, ref: TicketRef | None, action: Action) -> Call | None:
    """The first call that must come before the write. Raises CallError."""
    return work.pair.dialect.prepare(work.pair.account, ref, action, ())


async def prepared(work: Work, gate: Gate, ref: TicketRef | None, action: Action, first: Call) -> Action:
    """The action, ready to be written. Raises CallError, which is certain: nothing is written yet."""
    dialect, account = work.pair.dialect, work.pair.account
    try:
        return await in_steps(
            lambda call, one: perform(work, gate, Fetch.type, call, one),
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
