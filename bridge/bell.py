"""The bell: a wake-up rings it, and one idle worker looks for the job at once instead of asking all the time.

A list in Redis. Who rings pushes to it, an idle worker blocks on it, and Redis gives each ring to one of them. A ring
carries nothing and may be lost, with its worker or with Redis: every worker looks now and then anyway.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from redis import exceptions

from bridge import redis_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

RINGS = 8
"""Kept while nobody waits: as many workers as may be between two waits just then."""

KEPT_MS = 1_000
"""By then whoever was not waiting has looked without a ring."""

WAIT_S = 1
"""How long Redis holds one question. Well under the time that a command may take (``bridge.connections``)."""


class Bell:
    """The bell of one queue. ``refused`` is told why Redis lets nobody wait, once until it does again."""

    def __init__(self, redis: Redis, prefix: str, wait_s: int = WAIT_S) -> None:
        self._redis = redis
        self._wait_s = wait_s
        self._key = f"{prefix}:bell"
        self._refuses = False
        self.refused: Callable[[str], None] = lambda _: None

    def ring(self, pipe: Pipeline) -> None:
        """Wake one who waits, or whoever waits next; together with what else the pipeline does."""
        pipe.lpush(self._key, 1)
        pipe.ltrim(self._key, 0, RINGS - 1)
        pipe.pexpire(self._key, KEPT_MS)

    async def pass_on(self) -> None:
        """Ring again, for another worker."""
        async with self._redis.pipeline(transaction=True) as pipe:
            self.ring(pipe)
            await pipe.execute()

    async def rung(self) -> bool:
        """Wait for a ring; False when none came for a while. A connection of the pool is taken meanwhile."""
        # redis-py types one method for its clients of both kinds.
        rung = await self._redis.blpop([self._key], timeout=self._wait_s)  # type: ignore[misc]
        self._refuses = False
        return rung is not None

    def refuse(self, error: Exception) -> None:
        """Redis gave an error for an answer: a user without the right, a failover."""
        if not self._refuses:
            self._refuses = True
            self.refused(str(redis_errors.understood(error, redis_errors.address(self._redis.connection_pool))))


class Listener:
    """One worker's place at the bell. It listens while ``idle`` says so."""

    def __init__(self, bell: Bell, idle: Callable[[], bool]) -> None:
        self._bell = bell
        self._idle = idle
        self._listening: asyncio.Task[None] | None = None
        self._closed = False

    async def wait(self, within_s: float) -> None:
        """Wait for a ring, so long at most. The next wait goes on with the same question to Redis."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        done, _ = await asyncio.wait({self._listening}, timeout=within_s)
        if done:
            self._listening = None
            await done.pop()

    async def _listen(self) -> None:
        """Until a ring comes, or this worker has no use for one."""
        while self._wanted():
            try:
                if await self._bell.rung():
                    await self._take()
                    return
            except exceptions.ResponseError as error:
                self._bell.refuse(error)
                await asyncio.sleep(WAIT_S)
            except redis_errors.AWAY:
                # The worker's next look finds that as well, and says so.
                await asyncio.sleep(WAIT_S)

    def _wanted(self) -> bool:
        return self._idle() and not self._closed

    async def _take(self) -> None:
        """Leave the ring to another worker where this one has got its hands full, or ends, since it began to wait."""
        if not self._wanted():
            await self._bell.pass_on()

    async def close(self) -> None:
        """Listen no more. A ring that comes just now may be lost.

        Not by cancellation alone: asyncio.wait_for on Python 3.11, with which redis-py sends, can lose that.
        """
        self._closed = True
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait({self._listening})
