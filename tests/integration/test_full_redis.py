"""A full Redis: what begins something new waits or is refused, what frees memory or ends something goes on."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from redis.exceptions import OutOfMemoryError

from bridge import fullness
from bridge.errors import StoreUnavailable
from bridge.store import Store
from tests.full_server import small_server
from tests.harness import PROJECT, eventually, scene
from tests.integration.test_workers_retention import A_MOMENT, keeping
from tests.steps import DAY_MS, DECISION, KEEP, Steps
from tests.webhooks import get
from workers.retention import TURN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.full_server import Small
    from tests.harness import Scene

KIND = "standard-webhooks"


async def used(steps: Steps, share: int) -> None:
    """A process has seen that Redis is so full."""
    await steps.redis.set(steps.key("memory"), share)


# --- who stops when --------------------------------------------------------------------------------------------------


async def test_starts_wait_first(steps: Steps) -> None:
    """From 85 % on none goes out and nothing of it is stored; everything else of a ticket goes on."""
    claimed = await steps.held()
    await used(steps, fullness.STARTS_AT)
    link = await steps.link()
    verdict = await steps.mark(claimed, contact="ana")
    assert (verdict.verdict, verdict.detail) == ("full", "850")
    assert await steps.link() == link
    assert (await steps.mark(claimed, contact="ana", alone=True)).verdict == "go"
    assert (await steps.mark(claimed)).verdict == "go"
    await used(steps, fullness.STARTS_AT - 1)
    assert (await steps.mark(claimed, contact="ana")).verdict == "go"


async def test_then_orphans_take_no_more_room(steps: Steps) -> None:
    """From 90 % on each takes that of the oldest. The first of all is refused, and its sender told so."""
    await steps.told(conversation="old")
    await steps.pass_ms(1)
    await used(steps, fullness.ORPHANS_AT)
    assert (await steps.told(conversation="new")).status == "orphaned"
    assert (await steps.orphans("old"), len(await steps.orphans("new"))) == ([], 1)
    assert (await steps.store.removals.retire(KEEP, [PROJECT])).dropped == {PROJECT: 1}
    await steps.forget(orphans=((PROJECT, "new", ""),))
    before = await steps.everything()
    with pytest.raises(StoreUnavailable):
        await steps.told(conversation="newer")
    assert await steps.everything() == before
    assert (await steps.told(ticket="t")).status == "accepted"


async def test_deliveries_stop_last(steps: Steps) -> None:
    """From 95 % on they are refused whole: nothing is stored, and the same delivery is taken as new later."""
    await steps.accept("first")
    await used(steps, fullness.DELIVERIES_AT - 1)
    assert (await steps.deliver(steps.incoming(), seen="before")).status == "accepted"
    await used(steps, fullness.DELIVERIES_AT)
    before = await steps.everything()
    for refused in (steps.deliver(steps.incoming(), seen="s"), steps.told(ticket="t", seen="j")):
        with pytest.raises(StoreUnavailable):
            await refused
    assert await steps.everything() == before
    assert (await steps.deliver(steps.incoming(), seen="before")).status == "duplicate"
    await steps.redis.delete(steps.key("memory"))
    assert (await steps.deliver(steps.incoming(), seen="s")).status == "accepted"


async def test_what_was_accepted_before_a_loss_is_put_back_all_the_same(steps: Steps) -> None:
    """Its sender was told 202 and does not come again."""
    await steps.accept("mariposa")
    await steps.redis.delete(*[key async for key in steps.redis.scan_iter(f"{steps.prefix}:*")])
    await steps.pass_ms(1)
    await used(steps, 990)
    await steps.store.generations.tick()
    assert await steps.inbox() == ["mariposa"]


# --- a real server at its limit --------------------------------------------------------------------------------------


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Small]:
    """A server with little memory."""
    async with small_server(tmp_path / "valkey") as server:
        yield server


async def test_each_process_says_how_full_it_is(small: Small, prefix: str) -> None:
    """With its sign of life, for the scripts of all; where there is no limit there is nothing to say."""
    store = Store(small.redis, prefix=prefix)
    await small.fill(0.5)
    await store.generations.tick()
    assert 500 <= store.generations.memory < 600
    assert int(await small.redis.get(f"{prefix}:memory")) == store.generations.memory
    assert 500 <= (await store.server())["memory"] < 600
    await small.redis.config_set("maxmemory", 0)
    await store.generations.tick()
    assert store.generations.memory == 0


async def test_what_ends_or_frees_something_runs_in_a_full_redis(small: Small, prefix: str) -> None:
    """Retention, forgetting, finishing, discarding, leases, signs of life, even a process that has just come."""
    steps = Steps(small.redis, prefix)
    await steps.pass_ms(0)
    await steps.ended(ticket="over")
    await steps.told(conversation="stranger")
    await steps.accept("opened", ticket="known")
    claimed = await steps.held()
    await steps.mark(claimed, contact="ana")
    await steps.pass_ms(DAY_MS)
    [claimed] = (await steps.claim(most=1)).tickets
    await small.fill(1.0)
    with pytest.raises(OutOfMemoryError):
        await small.redis.set(steps.key("anything"), "x" * 100)
    # Nobody has looked how full it is, and yet it takes nothing new.
    with pytest.raises(StoreUnavailable):
        await steps.accept("new")
    assert (await steps.finish(claimed, entries=("a line" * 100,), bury=(("l", '{"at_ms":1}'),))).done
    assert await steps.store.beat([("t", "lane", "token")], []) == [False]
    assert await steps.store.sleep("lane", "awake")
    assert await steps.store.testify("t", "lane", "fact", "event", "told") != "refused"
    assert await steps.store.rounds.take_turn("retention", 10)
    assert await steps.store.records.discard_orphan(PROJECT, "stranger", 1, DECISION, ("ana",)) == "done"
    assert await steps.retire() == {"closed": 1}
    assert (await steps.forget("known")).tickets == 1
    await small.redis.script_flush()
    late = Store(small.redis, prefix=prefix)
    await late.generations.tick()
    assert late.generations.memory >= 990
    assert (await late.due()).next_ms is not None
    await late.generations.leave()


async def test_a_full_redis_frees_itself(small: Small, prefix: str) -> None:
    """Senders get 503 with Retry-After meanwhile. Nobody acts, and what they send again is worked."""
    async with scene(small.url, prefix) as on:
        assert (await on.scripted("T-1"))[0] == 202
        await on.until_phase("T-1", "open")
    await tickets_that_are_over(small, prefix)
    async with scene(small.url, prefix) as on:
        await eventually(lambda: seen(on, fullness.DELIVERIES_AT))
        assert (await answer(on, "T-2")) == (503, True)
        ready = await get(on.bridge, "/ready")
        assert (ready.status, "full" in ready.json["redis"]["reason"]) == (503, True)
        warnings = ready.json["warnings"]
        assert [one for one in warnings if "full: starts wait" in one and "deliveries get 503" in one]
        [told] = re.findall(rb"^bridge_redis_memory_used (.+)$", (await get(on.bridge, "/metrics")).body, re.MULTILINE)
        assert float(told) >= fullness.DELIVERIES_AT / 1000
    # Half a minute later.
    await small.redis.delete(f"{prefix}:turn:{TURN}")
    async with scene(small.url, prefix, adapted=keeping(closed_days=A_MOMENT)) as on:
        await eventually(lambda: accepted(on, "T-2"))
        assert (await on.until_phase("T-2", "open"))["phase"] == "open"
        assert len(on.jelou.ledger.conversations) == 1
        assert await small.share() < 0.5


async def tickets_that_are_over(small: Small, prefix: str) -> None:
    """As many as there is room for."""
    store = Steps(small.redis, prefix)
    store.store = Store(small.redis, prefix=prefix)
    with suppress(StoreUnavailable):
        for number in range(10_000):
            await store.ended(ticket=f"{KIND}/scripts/old-{number}", entries=("x" * 20_000,))
    with pytest.raises(StoreUnavailable):
        await store.accept()


async def seen(on: Scene, share: int) -> bool:
    """Whether the bridge has seen that Redis is so full."""
    return bool(on.bridge.app.store.generations.memory >= share)


async def answer(on: Scene, ticket: str) -> tuple[int, bool]:
    """The status for a new ticket, and whether it says when to come again."""
    status, told = await on.scripted(ticket)
    return status, status == 503 and "error" in told


async def accepted(on: Scene, ticket: str) -> bool:
    """Whether the ticket is taken now; its sender comes again and again."""
    return (await on.scripted(ticket))[0] == 202


async def test_a_start_that_waits_says_why_and_goes_when_there_is_room(small: Small, prefix: str) -> None:
    """On the timeline once, however often it looks."""
    async with scene(small.url, prefix) as on:
        await small.fill(0.86)
        await eventually(lambda: seen(on, fullness.STARTS_AT))
        assert (await on.scripted("T-1"))[0] == 202
        waiting = await on.bridge.traced(KIND, "scripts", "T-1", lambda told: "% full" in str(told["waits_for"]))
        assert "Redis is 8" in waiting["waits_for"]
        await small.empty()
        trace = await on.until_phase("T-1", "open")
        assert sum("% full: starts wait" in str(one) for one in trace["timeline"]) == 1


async def test_ready_says_when_deliveries_are_refused(small: Small, prefix: str) -> None:
    """Though Redis itself takes writes still."""
    async with scene(small.url, prefix) as on:
        await small.fill(0.86)
        assert (await get(on.bridge, "/ready")).status == 200
        await small.fill(0.96)
        ready = await get(on.bridge, "/ready")
        assert (ready.status, ready.json["redis"]["reason"]) == (503, ready.json["warnings"][0])
        await small.redis.set("still", "taken")
