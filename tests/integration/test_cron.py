"""Crons: what may wait for a free slot runs once at its time, however many workers there are."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bridge.queue import Cron
from bridge.wiring import queue_on
from tests.harness import eventually
from workers.main import end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EVERY_SECOND = frozenset(range(60))


async def _nothing(_: str) -> None:
    """No lane is worked here."""


@asynccontextmanager
async def working(redis_url: str, prefix: str, *crons: Cron) -> AsyncIterator[None]:
    """One worker with these crons, on connections of its own."""
    async with queue_on(redis_url, prefix) as queue:
        worker = queue.worker(_nothing, 4, lambda: False, crons)
        task = asyncio.create_task(worker.async_run())
        try:
            yield
        finally:
            await end([task])
            await asyncio.gather(*worker.tasks.values(), return_exceptions=True)


async def test_a_cron_runs_once_with_two_workers(redis_url: str, redis: Any, prefix: str) -> None:
    """At each of its times one of them has the turn, and its having had it is known to the other."""
    runs: list[int] = []

    async def step() -> None:
        runs.append(1)

    cron = Cron(f"cron-{prefix}", step, EVERY_SECOND)
    async with working(redis_url, prefix, cron), working(redis_url, prefix, cron):
        await eventually(lambda: _has(runs, 3))
    had = [key.decode() async for key in redis.scan_iter(f"arq:result:{cron.name}:*")]
    assert all(re.fullmatch(rf"arq:result:{cron.name}:\d+", key) for key in had)
    assert len(had) == len(runs)
    assert all([0 < await redis.pttl(key) <= 60_000 for key in had])


async def test_a_cron_that_fails_comes_again(redis_url: str, prefix: str) -> None:
    """At its next time, and the worker goes on."""
    runs: list[int] = []

    async def step() -> None:
        runs.append(1)
        message = "a bug"
        raise ValueError(message)

    async with working(redis_url, prefix, Cron(f"cron-{prefix}", step, EVERY_SECOND)):
        await eventually(lambda: _has(runs, 2))


async def _has(runs: list[int], count: int) -> bool:
    return len(runs) >= count
