"""A master, its replica and a Sentinel that watches both: real servers, on loopback, gone with the test."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis import RedisError
from redis.asyncio import Redis

from bridge.embedded import EmbeddedServer, binary, free_port
from bridge.lifeline import command
from tests.harness import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAME = "bridge-master"


@dataclass
class Watched:
    """A master and a replica under a Sentinel; ``url`` asks the Sentinel."""

    master: EmbeddedServer
    replica: EmbeddedServer
    url: str

    async def in_step(self) -> None:
        """The replica has all that the master has written."""
        async with Redis.from_url(self.master.url) as redis:

            async def seen() -> bool:
                told: Any = await redis.info("replication")
                return bool(told.get("slave0", {}).get("offset") == told["master_repl_offset"])

            await eventually(seen)


def _open(folder: Path) -> EmbeddedServer:
    """One that any replica and Sentinel may ask."""
    return EmbeddedServer(folder, password="")


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Watched]:
    """Servers and Sentinel until the end of the block."""
    async with _open(folder / "master") as master, _open(folder / "replica") as replica:
        async with Redis.from_url(replica.url) as redis:
            await redis.replicaof("127.0.0.1", master.port)
        await _has_replica(master)
        port = free_port()
        config = folder / "sentinel.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor {NAME} 127.0.0.1 {master.port} 1\n"
            f"sentinel down-after-milliseconds {NAME} 1000\n"
            f"sentinel failover-timeout {NAME} 5000\n"
        )
        process = await asyncio.create_subprocess_exec(
            *command([binary(), str(config), "--sentinel"]), stdout=asyncio.subprocess.DEVNULL
        )
        try:
            await _knows_both(port)
            yield Watched(master, replica, f"redis+sentinel://127.0.0.1:{port}/{NAME}")
        finally:
            process.kill()
            await process.wait()


async def _has_replica(master: EmbeddedServer) -> None:
    # A Sentinel asks a master for its replicas at once, and then only every ten seconds.
    async with Redis.from_url(master.url) as redis:

        async def seen() -> bool:
            told: Any = await redis.info("replication")
            return bool(told["connected_slaves"] == 1)

        await eventually(seen)


async def _knows_both(port: int) -> None:
    async with Redis(port=port) as redis:
        sentinel: Any = redis

        async def seen() -> bool:
            try:
                return bool(await sentinel.execute_command("SENTINEL", "REPLICAS", NAME))
            except (RedisError, OSError):
                return False

        await eventually(seen)
