"""Redis fails over under a running bridge: both processes find the new master, and nothing is lost or done twice."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

from bridge.embedded import EmbeddedServer, free_port
from bridge.errors import StoreUnavailable
from bridge.wiring import queue_on, store_on
from tests.harness import eventually, scene
from tests.log_capture import configured
from tests.sentinels import watched
from tests.soak.proxy import HOST, Proxy
from tests.webhooks import get

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest


async def test_the_bridge_follows_sentinel_to_the_new_master(tmp_path: Path) -> None:
    """What was started stays so, what comes is started there; it is told, because a replica may be late."""
    async with watched(tmp_path) as redis, scene(redis.url, "bridge") as on:
        await on.scripted("before")
        await on.until_phase("before", "open")
        await redis.in_step()
        redis.master.kill()

        async def accepted() -> bool:
            return (await on.scripted("after", phone="+593987000008"))[0] == 202

        await eventually(accepted, within_s=30.0)
        await on.until_phase("after", "open")
        await on.until_phase("before", "open")
        loss = (await get(on.bridge, "/ready")).json["redis"]["last_loss"]
        assert loss["kind"] in {"unvouched", "rolled back"}
        for ticket in ("before", "after"):
            assert len(on.jelou.ledger.by_ticket(ticket)) == 1


# --- behind one name -------------------------------------------------------------------------------------------------


class Named:
    """A name that leads to the first of two servers; the second follows it."""

    def __init__(self, first: EmbeddedServer, second: EmbeddedServer, name: Proxy) -> None:
        self.first = first
        self.second = second
        self.url = f"redis://127.0.0.1:{name.port}/0"
        self._name = name

    async def fail_over(self) -> None:
        """The second is the primary, the first its replica, and the name leads to the second. Nothing is cut off."""
        async with Redis.from_url(self.first.url) as first, Redis.from_url(self.second.url) as second:

            async def in_step() -> bool:
                told: Any = await first.info("replication")
                return bool(told.get("slave0", {}).get("offset") == told["master_repl_offset"])

            await eventually(in_step)
            await second.replicaof("NO", "ONE")
            await first.replicaof(HOST, self.second.port)
        self._name.target = self.second.port


@asynccontextmanager
async def named(folder: Path) -> AsyncIterator[Named]:
    """Both servers and the name until the end of the block."""
    async with EmbeddedServer(folder / "1", password="") as first, EmbeddedServer(folder / "2", password="") as second:
        async with Redis.from_url(second.url) as redis:
            await redis.replicaof(HOST, first.port)
        async with Proxy(first.port, free_port()) as name:
            yield Named(first, second, name)


async def test_the_bridge_follows_a_name_to_the_new_primary(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The old one is alive, read-only, and holds every connection: web and worker leave it all the same."""
    with configured("info", "json"):
        async with named(tmp_path) as redis, scene(redis.url, "bridge") as on:
            await on.scripted("before")
            await on.until_phase("before", "open")
            await redis.fail_over()

            async def accepted() -> bool:
                return (await on.scripted("after", phone="+593987000008"))[0] == 202

            await eventually(accepted, within_s=20.0)
            await on.until_phase("after", "open")
            await on.until_phase("before", "open")
            assert (await get(on.bridge, "/ready")).status == 200
            for ticket in ("before", "after"):
                assert len(on.jelou.ledger.by_ticket(ticket)) == 1
    logged = b"".join(capsysbinary.readouterr())
    assert b"is read-only" in logged
    assert b'"exception"' not in logged


async def test_every_connection_of_a_pool_leaves_the_old_primary(tmp_path: Path) -> None:
    """The store's and arq's: one answer is enough, and no other command is refused on an older connection."""
    async with (
        named(tmp_path) as redis,
        store_on(redis.url, "bridge") as store,
        queue_on(redis.url, "bridge") as queue,
        Redis.from_url(redis.second.url) as second,
    ):
        for number in range(3):
            await queue.wake(f"lane {number}")
            await store.generations.tick()
        await redis.fail_over()

        async def done() -> bool:
            try:
                await store.pause("generic/desk", "now")
                await queue.wake("after")
            except StoreUnavailable:
                return False
            return True

        await eventually(done)
        assert await second.hexists("bridge:paused", "generic/desk")
        assert await second.zcard("bridge:jobs") == 4
