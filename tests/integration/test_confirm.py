"""A stronger promise behind the 202: the append-only file, or a replica, has the delivery. Opt-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.errors import StoreUnavailable
from bridge.protocol import Incoming
from bridge.store import Store

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from bridge.protocol import Accepted


async def accept(store: Store) -> Accepted:
    """One delivery, always the same."""
    return await store.accept("seen", "d1", 600, [Incoming("t", "lane", "fact", '"event"', "{}", "{}")])


async def test_the_append_only_file_confirms(redis: Redis, prefix: str) -> None:
    """Written and synced before it is answered, also on a server that syncs every second; a repeat as well."""
    store = Store(redis, prefix=prefix, confirm="aof")
    assert [(await accept(store)).status for _ in range(2)] == ["accepted", "duplicate"]


async def test_without_a_replica_nothing_is_answered(redis: Redis, prefix: str) -> None:
    """The sender hears 503 and comes again; what is there is not confirmed by having been there."""
    store = Store(redis, prefix=prefix, confirm="replica")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="not confirmed by WAIT"):
            await accept(store)


async def test_a_loss_is_noticed_on_that_way_too(redis: Redis, prefix: str) -> None:
    """The answer of the script counts, not only that of the wait."""
    store = Store(redis, prefix=prefix, confirm="aof")
    await accept(store)
    await redis.delete(*[key async for key in redis.scan_iter(f"{prefix}:*")])
    assert (await accept(store)).status == "duplicate"
    loss = await store.generations.last_loss()
    assert loss is not None
    assert (loss.kind, loss.put_back) == ("flushed", 1)
