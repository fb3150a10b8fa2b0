"""A task that is cancelled in the midst of a command ends: no cancellation is lost on the way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis

from bridge.connections import connection_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TURNS = 12
"""Of the event loop, in which a command is begun and sent on an open connection; then it waits for its answer."""


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """Through the pool of the bridge's own processes, connected."""
    async with Redis.from_pool(connection_pool(redis_url, 1)) as opened:
        await opened.ping()
        yield opened


@pytest.mark.parametrize("turns", range(TURNS))
async def test_a_cancelled_command_ends_as_cancelled(redis: Redis, turns: int) -> None:
    """Whatever it was about to do: who cancels a task waits for its end, and a deadline is a cancellation as well."""
    task = asyncio.ensure_future(redis.execute_command("BLPOP", "nothing-ever-comes", 1))  # type: ignore[no-untyped-call]
    for _ in range(turns):
        await asyncio.sleep(0)
    assert task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
