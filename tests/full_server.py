"""A Redis of a test's own with little memory, filled as far as told."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ResponseError

from bridge.embedded import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MEMORY = 32 * 1024 * 1024
BALLAST = "ballast"


class Small:
    """One server: its ``url``, and a client that may do everything."""

    def __init__(self, url: str, redis: Redis) -> None:
        self.url = url
        self.redis: Any = redis

    async def share(self) -> float:
        """What part of its memory it uses."""
        return float((await self.redis.info("memory"))["used_memory"] / MEMORY)

    async def fill(self, share: float) -> None:
        """Fill it with what is nobody's, up to this share and little more; 1: until it takes nothing."""
        with suppress(OutOfMemoryError, ResponseError):
            while share == 1 or await self.share() < share:
                await self.redis.rpush(BALLAST, *["x" * 8_000] * 8)
        # What is left is less than one such step; buffers of connections come and go, so it is more than full.
        if share == 1:
            await self.redis.config_set("maxmemory", int((await self.redis.info("memory"))["used_memory"] * 0.99))

    async def empty(self) -> None:
        """Nobody's part goes."""
        await self.redis.delete(BALLAST)


@asynccontextmanager
async def small_server(folder: Path) -> AsyncIterator[Small]:
    """The server, until the end of the block."""
    async with EmbeddedServer(folder, fsync="everysec") as server, Redis.from_url(server.url) as redis:
        await redis.config_set("maxmemory", MEMORY)
        yield Small(server.url, redis)
