"""Ways for a Redis to lose data: emptied, set back to a copy of itself, started from an old file."""

from __future__ import annotations

import shutil
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

from bridge.embedded import EmbeddedServer
from bridge.journal import Journal
from bridge.protocol import Leases
from tests.harness import eventually, scene
from tests.webhooks import get

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.harness import Scene

FILES = "appendonlydir"
PREFIX = "bridge"
LEASES = Leases(ticket_ms=1_500, lane_ms=1_500)
NOTES = {"write_back": {"note": True, "field": "", "tag": ""}}


async def snapshot(redis: Redis, prefix: str) -> dict[bytes, bytes]:
    """Everything under this prefix, as it is now."""
    return {key: await redis.dump(key) async for key in redis.scan_iter(f"{prefix}:*")}


async def set_back(redis: Any, prefix: str, kept: dict[bytes, bytes], *but: str) -> None:
    """Everything under this prefix becomes what it was, but for the keys of these names."""
    spared = {f"{prefix}:{name}".encode() for name in but}
    for key in [key async for key in redis.scan_iter(f"{prefix}:*")]:
        if key not in spared:
            await redis.delete(key)
    for key, dumped in kept.items():
        if key not in spared:
            await redis.restore(key, 0, dumped)


def copied(server: EmbeddedServer, to: Path) -> Path:
    """A copy of the server's append-only file as it is now."""
    return shutil.copytree(server.folder / FILES, to)


async def restored(server: EmbeddedServer, copy: Path) -> None:
    """The server is killed and starts again from this copy, on the same port."""
    server.kill()
    if server.process is not None:
        await server.process.wait()
    shutil.rmtree(server.folder / FILES)
    shutil.copytree(copy, server.folder / FILES)
    await server.start()


@dataclass
class Bridge:
    """A scene on a server of its own, and the server."""

    on: Scene
    server: EmbeddedServer
    redis: Redis
    folder: Path

    def copy(self, name: str) -> Path:
        """The server's file as it is now."""
        return copied(self.server, self.folder / name)

    async def gone_worker(self) -> None:
        """There was another worker, and it is not there any more."""
        redis: Any = self.redis
        await redis.zadd(f"{PREFIX}:workers", {"gone": time.time_ns() // 1_000_000})
        await self.on.bridge.app.store.generations.tick()

    async def noticed(self, kind: str) -> dict[str, Any]:
        """What /ready says as soon as the loss is known there."""
        found: dict[str, Any] = {}

        async def seen() -> bool:
            answer = (await get(self.on.bridge, "/ready")).json
            found.update(answer)
            loss = answer["redis"].get("last_loss")
            return bool(loss) and loss["kind"] == kind and loss["awaited"] == 0

        await eventually(seen, lambda: str(found))
        return found


@asynccontextmanager
async def on_its_own(tmp_path: Path, **scene_with: Any) -> AsyncIterator[Bridge]:
    """A bridge between both twins, on a server that may be mistreated."""
    async with (
        EmbeddedServer(tmp_path / "valkey") as server,
        Redis.from_url(server.url) as redis,
        scene(server.url, PREFIX, leases=LEASES, **scene_with) as on,
    ):
        yield Bridge(on, server, redis, tmp_path)


def forgetful(bridge: Bridge, *, deliveries: bool = True) -> None:
    """The process has just started: it remembers nothing, or nothing but the deliveries it took."""
    generations = bridge.on.bridge.app.store.generations
    generations.starts = Journal(generations.starts.keep_s, generations.starts.most_bytes)
    if deliveries:
        generations.deliveries = Journal(generations.deliveries.keep_s, generations.deliveries.most_bytes)
