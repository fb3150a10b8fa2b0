"""A worker's loops end when they are told to, also where a call to Redis loses the word, as Python 3.11's can."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Connection, ConnectionPool

from bridge.queue import Queue
from tests.harness import eventually, scene
from workers.main import every

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Loses:
    """Loses the first cancellation that comes; ``reached`` once it is there to be lost."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.turns = 0

    async def once(self) -> None:
        """Wait for a cancellation and go on as if there had been none; later turns are let through."""
        self.turns += 1
        if not self.reached.is_set():
            self.reached.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


async def ends(loop: Coroutine[Any, Any, Any], loses: Loses) -> None:
    """Cancel it where that is lost; it ends by itself all the same."""
    task = asyncio.create_task(loop)
    await loses.reached.wait()
    task.cancel()
    await eventually(lambda: asyncio.sleep(0, task.done()), lambda: f"{loses.turns} turns")


@pytest.mark.parametrize("command", [b"zrangebyscore", b"blpop"])
async def test_arqs_loop_ends_though_its_cancellation_was_lost(redis_url: str, prefix: str, command: bytes) -> None:
    """At the end of the look at its queue, or of the wait for the bell; it takes no further job."""
    loses = Loses()

    class Forgetful(Connection):
        """Loses it while it sends."""

        async def send_packed_command(self, packed: Any, check_health: bool = True) -> None:
            """As redis-py's; then it waits for what it loses."""
            await super().send_packed_command(packed, check_health)
            if command in b"".join(packed).lower():
                await loses.once()

    async def nothing(_: str) -> None:
        """No lane is worked here."""

    pool = ConnectionPool.from_url(redis_url, connection_class=Forgetful)
    worker = Queue(pool, prefix).worker(nothing, 4, lambda: False)
    await ends(worker.async_run(), loses)
    assert loses.turns == 1
    await pool.disconnect()


async def _at_once() -> None:
    await asyncio.sleep(0)


async def test_a_step_that_loses_its_cancellation_is_the_last(redis_url: str, prefix: str) -> None:
    """The heartbeat and the sweep end then."""
    async with scene(redis_url, prefix, work=False) as on:
        loses = Loses()
        await ends(every(_at_once, loses.once, on.bridge.app, "a step"), loses)
        assert loses.turns == 1


async def test_a_job_in_hand_has_noted_its_end_when_the_loop_has_ended(redis_url: str, prefix: str) -> None:
    """Whoever ends the loop may close the connections then; no mark of a job under way is left."""
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(_: str) -> None:
        begun.set()
        await go.wait()

    pool = ConnectionPool.from_url(redis_url)
    queue = Queue(pool, prefix)
    worker = queue.worker(slow, 4, lambda: False)
    loop = asyncio.create_task(worker.async_run())
    await queue.wake("a lane")
    await begun.wait()
    loop.cancel()
    asyncio.get_running_loop().call_soon(go.set)
    with suppress(asyncio.CancelledError):
        await loop
    assert all(job.done() for job in worker.tasks.values())
    assert worker.main_task is not None
    assert worker.main_task.done()
    await pool.disconnect()
