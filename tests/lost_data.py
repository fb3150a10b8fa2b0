"""Ways for a Redis to lose data: emptied, set back to a copy of itself, started from an old file."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis

    from bridge.embedded import EmbeddedServer

FILES = "appendonlydir"


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
