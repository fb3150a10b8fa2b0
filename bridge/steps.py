"""Several calls that tell one thing: each answer is judged with those before it, until none asks for another call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from bridge.domain import Call
from bridge.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bridge.domain import Reply

T = TypeVar("T")

MOST: Final = 8
"""A dialect that asks for more goes round in circles."""


async def in_steps(
    ask: Callable[[Call, Callable[[Reply], Call | T]], Awaitable[Call | T]],
    first: Call,
    judge: Callable[[Sequence[Reply]], Call | T],
) -> T:
    """What the answers tell. ``ask`` sends one call and has its answer judged. Raises CallError, and what it raises."""
    replies: list[Reply] = []

    def judged(reply: Reply) -> Call | T:
        replies.append(reply)
        return judge(replies)

    call = first
    for _ in range(MOST):
        found = await ask(call, judged)
        if not isinstance(found, Call):
            return found
        call = found
    msg = f"asks for more than {MOST} calls"
    raise Refused(msg)
