"""The bell: a wake-up reaches an idle worker at once, which asks Redis for next to nothing meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import arq.worker
import orjson
from arq.connections import ArqRedis
from arq.utils import timestamp_ms
from redis.asyncio import Redis

from bridge.accounts import Bridge
from bridge.bell import KEPT_MS, RINGS, Bell, Listener
from bridge.connections import connection_pool
from bridge.embedded import EmbeddedServer
from bridge.queue import JOB, LOOK_S
from bridge.wiring import opened, queue_on
from tests.harness import DEADLINE_S, eventually, scene
from workers.lanes import Lanes
from workers.limits import Limits
from workers.main import background, end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest
    from arq.typing import WorkerCoroutine

    from bridge.queue import Queue

NEVER_S = 3_600
"""A worker that looks so seldom finds a job by the bell alone."""


class Hands:
    """What one worker was given, and whether it has its hands full."""

    def __init__(self) -> None:
        self.lanes: list[str] = []
        self.full = False
        self.begun = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def work(self, lane: str) -> None:
        """Note it, and hold it until it may go on."""
        self.lanes.append(lane)
        self.begun.set()
        await self.goes_on.wait()

    def busy(self) -> bool:
        """Whether new jobs may wait a little."""
        return self.full


@asynccontextmanager
async def working(
    redis_url: str, prefix: str, hands: Hands, *, slots: int = 4, look_s: float = NEVER_S
) -> AsyncIterator[Queue]:
    """One worker, on connections of its own, until the end of the block."""
    async with queue_on(redis_url, prefix) as queue:
        worker = queue.worker(hands.work, slots, hands.busy, look_s=look_s)
        task = asyncio.create_task(worker.async_run())
        try:
            yield queue
        finally:
            await end([task])
            await asyncio.gather(*worker.tasks.values(), return_exceptions=True)


async def waiting(redis: Any, workers: int = 1) -> None:
    """Wait until so many workers wait for the bell."""

    async def all_wait() -> bool:
        return bool((await redis.info("clients"))["blocked_clients"] == workers)

    await eventually(all_wait)


async def has(hands: Hands, *lanes: str) -> None:
    """Wait until the worker was given these."""
    await eventually(lambda: asyncio.sleep(0, hands.lanes == list(lanes)), lambda: str(hands.lanes))


async def given(count: int, *hands: Hands) -> None:
    """Wait until the workers together were given so many."""
    await eventually(lambda: asyncio.sleep(0, sum(len(one.lanes) for one in hands) == count))


async def calls(redis: Any, command: str = "") -> int:
    """How often the server was asked for this command, or for any but INFO, which is how to ask it that.

    What a script asks for is counted as well.
    """
    told = await redis.info("commandstats")
    counts = {name.removeprefix("cmdstat_"): int(one["calls"]) for name, one in told.items()}
    return counts.get(command, 0) if command else sum(counts.values()) - counts["info"]


@asynccontextmanager
async def of_the_version_before(redis_url: str, prefix: str) -> AsyncIterator[ArqRedis]:
    """A sender that does not ring."""
    pool = connection_pool(redis_url)
    yield ArqRedis(
        pool, job_serializer=orjson.dumps, job_deserializer=orjson.loads, default_queue_name=f"{prefix}:jobs"
    )
    await pool.disconnect()


# --- who is woken ----------------------------------------------------------------------------------------------------


async def test_a_wake_up_reaches_a_worker_that_waits(redis_url: str, redis: Any, prefix: str) -> None:
    """Each time, without a look of its own."""
    hands = Hands()
    async with working(redis_url, prefix, hands) as queue:
        for lanes in (["a"], ["a", "b"], ["a", "b", "c"]):
            await waiting(redis)
            await queue.wake(lanes[-1])
            await has(hands, *lanes)


async def test_a_wake_up_is_sent_though_its_sender_is_cancelled(redis_url: str, redis: Any, prefix: str) -> None:
    """Wherever it stands just then: a connection that is dropped halfway would be lost to the pool."""
    async with queue_on(redis_url, prefix) as queue:
        for turns in range(1, 6):
            sending = asyncio.create_task(queue.wake("lane"))
            for _ in range(turns):
                await asyncio.sleep(0)
            sending.cancel()
            await asyncio.wait({sending})
            assert await redis.zcard(f"{prefix}:jobs") == turns


async def test_a_ring_wakes_one_of_two(redis_url: str, redis: Any, prefix: str) -> None:
    """For three jobs the queue is looked at three times; then both wait again."""
    one, other = Hands(), Hands()
    async with working(redis_url, prefix, one) as queue, working(redis_url, prefix, other):
        await waiting(redis, 2)
        before = await calls(redis, "zrangebyscore")
        for count in (1, 2, 3):
            await queue.wake(f"lane {count}")
            await given(count, one, other)
            await waiting(redis, 2)
        assert await calls(redis, "zrangebyscore") - before == 3


async def test_a_worker_whose_hands_became_full_passes_the_ring_on(redis: Any, prefix: str) -> None:
    """It waited first, and is given the ring; the idle one behind it is woken."""
    bell, hands = Bell(redis, prefix, wait_s=NEVER_S), Hands()
    full, idle = Listener(bell, lambda: not hands.full), Listener(bell, lambda: True)
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        group.create_task(full.wait(NEVER_S))
        await waiting(redis)
        group.create_task(idle.wait(NEVER_S))
        await waiting(redis, 2)
        hands.full = True
        await bell.pass_on()


async def test_a_full_worker_looks_as_soon_as_a_slot_is_free(redis_url: str, redis: Any, prefix: str) -> None:
    """What rang meanwhile is not lost on it."""
    hands = Hands()
    hands.goes_on.clear()
    async with working(redis_url, prefix, hands, slots=1) as queue:
        await waiting(redis)
        await queue.wake("a")
        await hands.begun.wait()
        await queue.wake("b")
        hands.goes_on.set()
        await has(hands, "a", "b")


async def test_a_worker_whose_clock_is_behind_has_the_job_at_once(
    redis_url: str, redis: Any, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no job that is due later, and by its clock a new one would be."""
    monkeypatch.setattr("arq.worker.timestamp_ms", lambda: timestamp_ms() - 500)
    hands = Hands()
    async with working(redis_url, prefix, hands) as queue:
        await waiting(redis)
        await queue.wake("a")
        await has(hands, "a")


# --- what is lost, and what is left ----------------------------------------------------------------------------------


async def test_a_ring_that_is_lost_costs_no_job(redis_url: str, redis: Any, prefix: str) -> None:
    """A sender of the version before rings nothing, and a ring may be lost with its worker: it is found by a look."""
    hands = Hands()
    async with working(redis_url, prefix, hands, look_s=LOOK_S), of_the_version_before(redis_url, prefix) as sender:
        await waiting(redis)
        await sender.enqueue_job(JOB, "a")
        await has(hands, "a")


async def test_a_worker_of_the_version_before_takes_what_rings(redis_url: str, prefix: str) -> None:
    """It asks the queue, as ever."""
    hands = Hands()

    async def job(_: dict[Any, Any], lane: str) -> None:
        await hands.work(lane)

    async with queue_on(redis_url, prefix) as queue, of_the_version_before(redis_url, prefix) as pool:
        await queue.wake("a")
        worker = arq.worker.Worker(
            functions=[arq.worker.func(cast("WorkerCoroutine", job), name=JOB, keep_result=0)],
            redis_pool=pool,
            queue_name=f"{prefix}:jobs",
            handle_signals=False,
            burst=True,
            job_serializer=orjson.dumps,
            job_deserializer=orjson.loads,
        )
        await worker.async_run()
    assert hands.lanes == ["a"]


async def test_rings_that_nobody_hears_are_few_and_end(redis_url: str, redis: Any, prefix: str) -> None:
    """However many wake-ups are sent while no worker runs."""
    async with queue_on(redis_url, prefix) as queue:
        for number in range(3 * RINGS):
            await queue.wake(f"lane {number}")
        assert await redis.llen(f"{prefix}:bell") <= RINGS
        assert await redis.pttl(f"{prefix}:bell") in {-2, *range(KEPT_MS + 1)}
        assert await redis.zcard(f"{prefix}:jobs") == 3 * RINGS


async def test_the_bell_works_again_after_a_restart_of_redis(tmp_path: Path) -> None:
    """The worker waits for it again, and what comes is started."""
    async with EmbeddedServer(tmp_path / "valkey", fsync="everysec") as server, scene(server.url, "bridge") as on:
        async with Redis.from_url(server.url) as redis:
            await waiting(redis)
        await server.stop()
        await server.start()
        async with Redis.from_url(server.url) as redis:
            await waiting(redis)
        await on.scripted("T1")
        await on.until_phase("T1", "open")


async def test_a_user_who_may_not_wait_works_all_the_same(tmp_path: Path) -> None:
    """A right too few, as before an upgrade: jobs are found by looks, and what is missing is told, once."""
    hands, told = Hands(), list[str]()
    async with EmbeddedServer(tmp_path / "valkey", fsync="everysec") as server:
        async with Redis.from_url(server.url) as redis:
            await redis.execute_command("ACL", "SETUSER", "old", "on", ">word", "~*", "+@all", "-blpop")
        url = f"redis://old:word@127.0.0.1:{server.port}/0"
        async with working(url, "bridge", hands, look_s=LOOK_S) as queue:
            queue.bell.refused = told.append
            for lanes in (["a"], ["a", "b"]):
                await queue.wake(lanes[-1])
                await has(hands, *lanes)
            await eventually(lambda: asyncio.sleep(0, bool(told)))
    [reason] = told
    assert "blpop" in reason


# --- what it costs ---------------------------------------------------------------------------------------------------

SWEEPS = 4
PER_SWEEP = 30
"""Commands that an idle worker may ask for from one sweep to the next, a second later, those inside of scripts
included. It is 23 where nothing else runs; polling each 5 ms is hundreds."""


async def test_an_idle_worker_asks_redis_for_little(redis_url: str, redis: Any, prefix: str) -> None:
    """Heartbeat, sweep and looks together, as the server counts them from sweep to sweep."""
    async with opened(Bridge.model_validate({"jelou": {}, "helpdesks": {}}), redis_url, prefix=prefix) as app:
        tasks = background(app, Lanes(app, Limits()), Limits())
        try:
            await waiting(redis)
            before = await after_sweeps(redis, 1)
            asked = await after_sweeps(redis, SWEEPS) - before
        finally:
            await end(tasks)
    assert asked < SWEEPS * PER_SWEEP


async def after_sweeps(redis: Any, count: int) -> int:
    """All that was asked of the server as soon as so many sweeps have begun from now on."""
    until = await calls(redis, "zremrangebyscore") + count

    async def begun() -> bool:
        return await calls(redis, "zremrangebyscore") >= until

    await eventually(begun)
    return await calls(redis)
