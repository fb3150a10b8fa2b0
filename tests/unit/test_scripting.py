"""Trying Redis again for a while: as long as was said, whatever happens in between, and no longer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic

import pytest

from bridge.errors import StoreUnavailable
from bridge.scripting import persistently


@dataclass
class Attempts:
    """A store that is away for the first so many attempts."""

    away: int
    made: int = 0

    async def __call__(self) -> str:
        """The answer, or StoreUnavailable."""
        self.made += 1
        await asyncio.sleep(0)
        if self.made <= self.away:
            msg = f"attempt {self.made}"
            raise StoreUnavailable(msg)
        return "stored"


async def hanging() -> str:
    """Never answer."""
    await asyncio.Event().wait()
    return "never"


@dataclass
class Deaf:
    """A store that is away, and takes its first cancellation for a failure, as redis-py may."""

    deaf: bool = True

    async def __call__(self) -> str:
        """Raises StoreUnavailable."""
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            if not self.deaf:
                raise
            self.deaf = False
        msg = "away"
        raise StoreUnavailable(msg)


async def test_what_works_is_tried_once() -> None:
    """No second write of what is stored."""
    attempts = Attempts(away=0)
    assert await persistently(attempts, 1.0) == "stored"
    assert attempts.made == 1


async def test_a_short_absence_is_outlasted() -> None:
    """The caller never hears of it."""
    attempts = Attempts(away=3)
    assert await persistently(attempts, 5.0, pause_s=0.001) == "stored"
    assert attempts.made == 4


async def test_a_long_absence_ends_with_the_last_reason() -> None:
    """After the time that was given, with what Redis said last."""
    attempts, begun = Attempts(away=10_000), monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        await persistently(attempts, 0.2, pause_s=0.01)
    assert 0.15 < monotonic() - begun < 1.5
    assert str(caught.value) == f"attempt {attempts.made}"
    assert attempts.made > 1


async def test_a_server_that_answers_nothing_is_cut_off() -> None:
    """The sender has a limit of its own."""
    begun = monotonic()
    with pytest.raises(StoreUnavailable, match="no answer in time"):
        await persistently(hanging, 0.2)
    assert monotonic() - begun < 1.5


async def test_a_lost_cancellation_does_not_make_it_try_for_ever() -> None:
    """The clock ends it where the time limit's own cancellation was swallowed."""
    with pytest.raises(StoreUnavailable, match="away"):
        async with asyncio.timeout(3.0):
            await persistently(Deaf(), 0.2, pause_s=0.0)


async def test_a_caller_that_is_cancelled_is_cancelled() -> None:
    """A process that stops does not wait for Redis."""
    task = asyncio.create_task(persistently(hanging, 30.0))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
