"""Redis fails over under a running bridge: both processes find the new master, and nothing is lost or done twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness import eventually, scene
from tests.sentinels import watched
from tests.webhooks import get

if TYPE_CHECKING:
    from pathlib import Path


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
