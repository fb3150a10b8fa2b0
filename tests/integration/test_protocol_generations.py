"""The data's generation: what was decided upon data that is gone is not done, and what a process knows is told."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from bridge.errors import StoreRefused
from bridge.journal import Entry
from bridge.protocol import Incoming
from bridge.scripting import StaleGenerationError
from bridge.store import Store
from tests.lost_data import set_back, snapshot
from tests.steps import CLOCK, LANE, LEASES, Steps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from bridge.generations import Loss
    from bridge.protocol import Claimed


@pytest.fixture
def other(redis: Redis, prefix: str) -> Store:
    """Another process' store."""
    return Store(redis, prefix=prefix, clock=CLOCK, leases=LEASES)


@pytest.fixture
async def syncing(steps: Steps) -> AsyncIterator[None]:
    """A server that has each step on its disk before it answers."""
    before = (await steps.redis.config_get("appendfsync"))["appendfsync"]
    await steps.redis.config_set("appendfsync", "always")
    yield
    await steps.redis.config_set("appendfsync", before)


async def loss_of(store: Store) -> Loss:
    """What was lost last."""
    loss = await store.generations.last_loss()
    assert loss is not None
    return loss


async def put(store: Store, name: str, ticket: str = "t") -> str:
    """A delivery with one event; its status."""
    item = Incoming(ticket, LANE, f"fact-{name}", f'"{name}"', f"received {name}", f"repeated {name}")
    return (await store.accept(f"seen-{name}", name, 600, [item])).status


async def one(steps: Steps) -> Claimed:
    """The one ticket that is due, in a worker's hands."""
    return (await steps.claim(most=1)).tickets[0]


async def restarted(steps: Steps) -> None:
    """The data is served by another run of the server."""
    await steps.redis.hset(steps.key("generation"), "run_id", "another-run")


async def test_processes_share_a_generation(steps: Steps, other: Store) -> None:
    """Whoever comes later enters the one that is there; nothing is lost by that."""
    await put(steps.store, "a")
    await put(other, "b")
    assert steps.store._scripts.generation == other._scripts.generation  # noqa: SLF001 - what it is about
    assert await steps.store.generations.last_loss() is None


async def test_after_a_flush_what_was_answered_is_put_back(steps: Steps, other: Store) -> None:
    """By each process what it had answered itself, in its own order; a repeat is a duplicate again."""
    for store, name in ((steps.store, "a"), (other, "b"), (steps.store, "c")):
        assert await put(store, name) == "accepted"
    await set_back(steps.redis, steps.prefix, {}, "clock")
    assert await put(steps.store, "a") == "duplicate"
    assert await put(other, "b") == "duplicate"
    assert await steps.redis.lrange(steps.key("inbox", "t"), 0, -1) == [b'"a"', b'"c"', b'"b"']
    loss = await loss_of(steps.store)
    assert (loss.kind, loss.put_back) == ("flushed", 3)


async def test_what_is_put_back_is_put_back_in_its_order(steps: Steps) -> None:
    """A reply must not overtake the one before it, nor a reopened ticket its end. A new server knows no script yet."""
    names = [f"d{number}" for number in range(100)]
    for name in names:
        await put(steps.store, name)
    await set_back(steps.redis, steps.prefix, {}, "clock")
    await steps.redis.script_flush()
    await steps.store.generations.tick()
    found = await steps.redis.lrange(steps.key("inbox", "t"), 0, -1)
    assert [text.decode().strip('"') for text in found] == names


async def test_what_comes_after_a_loss_stands_behind_what_is_put_back(steps: Steps) -> None:
    """A ticket that is reopened just now must not stand before the end that it had."""
    names = [f"d{number}" for number in range(1_000)]
    for name in names:
        await put(steps.store, name)
    await set_back(steps.redis, steps.prefix, {}, "clock")
    entering = asyncio.create_task(steps.store.generations.tick())
    while not await steps.redis.exists(steps.key("inbox", "t")):
        assert not entering.done()
    await put(steps.store, "live")
    await entering
    found = await steps.redis.lrange(steps.key("inbox", "t"), -2, -1)
    assert found == [b'"d999"', b'"live"']


async def test_a_telling_that_broke_off_is_begun_anew(steps: Steps) -> None:
    """Something goes wrong in the midst of it: whoever comes next tells all of it, and nothing twice."""
    deliveries, names = steps.store.generations.deliveries, [f"d{number}" for number in range(100)]
    deliveries.note("broken", Entry("accept", ("no JSON",), monotonic()))
    for name in names:
        await put(steps.store, name)
    await set_back(steps.redis, steps.prefix, {}, "clock")
    with pytest.raises(StoreRefused):
        await steps.store.generations.tick()
    deliveries.forget("broken")
    await steps.store.generations.tick()
    found = await steps.redis.lrange(steps.key("inbox", "t"), 0, -1)
    assert [text.decode().strip('"') for text in found] == names


async def test_a_flush_is_one_loss_whoever_notices_it_first(steps: Steps, other: Store, redis: Redis) -> None:
    """A process that has just begun knows of nothing; the older ones still notice, once in all."""
    await put(steps.store, "a")
    await put(other, "b")
    await set_back(steps.redis, steps.prefix, {}, "clock")
    newcomer = Store(redis, prefix=steps.prefix, clock=CLOCK, leases=LEASES)
    await put(newcomer, "c")
    for store, name in ((steps.store, "d"), (other, "e"), (newcomer, "f")):
        assert await put(store, name) == "accepted"
    assert await steps.redis.llen(steps.key("losses")) == 1
    assert await steps.redis.llen(steps.key("inbox", "t")) == 6


async def test_a_rollback_is_noticed_by_whoever_knows_of_more(steps: Steps, other: Store) -> None:
    """The data ends before a step that a process was answered; what is not there any more is put back."""
    await put(steps.store, "a")
    kept = await snapshot(steps.redis, steps.prefix)
    await put(other, "b")
    await set_back(steps.redis, steps.prefix, kept, "clock")
    await restarted(steps)
    assert await put(other, "c") == "accepted"
    loss = await loss_of(other)
    assert (loss.kind, loss.put_back, loss.steps > 0) == ("rolled back", 1, True)
    assert await steps.redis.lrange(steps.key("inbox", "t"), 0, -1) == [b'"a"', b'"b"', b'"c"']


@pytest.mark.usefixtures("syncing")
async def test_a_rollback_is_noticed_though_one_that_lost_nothing_came_first(steps: Steps, other: Store) -> None:
    """Where the data ended is kept, so that a process that comes later still sees that its steps are gone."""
    await put(steps.store, "a")
    kept = await snapshot(steps.redis, steps.prefix)
    await put(other, "b")
    await set_back(steps.redis, steps.prefix, kept, "clock")
    await restarted(steps)
    for number in range(5):
        await put(steps.store, f"more-{number}")
    assert await put(other, "b") == "duplicate"
    assert (await loss_of(other)).kind == "rolled back"
    assert b'"b"' in await steps.redis.lrange(steps.key("inbox", "t"), 0, -1)


async def test_a_restart_that_nobody_vouches_for_counts_as_a_loss(steps: Steps) -> None:
    """The tests' server syncs every second: what it had in hand at a power cut is gone, and nobody can tell."""
    await put(steps.store, "a")
    await restarted(steps)
    assert await put(steps.store, "a") == "duplicate"
    assert (await loss_of(steps.store)).kind == "unvouched"


@pytest.mark.usefixtures("syncing")
async def test_a_restart_of_a_server_that_syncs_each_step_loses_nothing(steps: Steps) -> None:
    """What it answered is on its disk: a new generation begins, and no start has to wait."""
    await put(steps.store, "a")
    await restarted(steps)
    assert await put(steps.store, "a") == "duplicate"
    assert await steps.store.generations.last_loss() is None


async def test_what_was_decided_upon_lost_data_is_not_done(steps: Steps, other: Store) -> None:
    """A script of an ended generation does nothing at all."""
    await put(steps.store, "a")
    await restarted(steps)
    await put(other, "b")
    with pytest.raises(StaleGenerationError):
        await steps.store._scripts.once("resume", "account", 1)  # noqa: SLF001 - the step without entering anew
    assert await put(steps.store, "c") == "accepted"


async def test_starts_pause_until_every_worker_of_before_has_told(steps: Steps, other: Store) -> None:
    """And no longer than five seconds: a worker that is gone tells nothing, and then it stays uncertain."""
    steps.store.generations.worker, other.generations.worker = "one", "two"
    for store in (steps.store, other):
        await store.generations.tick()
    await steps.deliver(steps.incoming("a"))
    await restarted(steps)
    claimed = await one(steps)
    assert (claimed.shaken.hold_ms, claimed.shaken.uncertain) == (5_000, True)
    assert (await steps.mark(claimed, contact="ana")).verdict == "recovering"
    await steps.pass_ms(LEASES.ticket_ms)
    again = await one(steps)
    assert (again.shaken.hold_ms, again.shaken.uncertain) == (0, True)
    await other.generations.tick()
    await steps.pass_ms(LEASES.ticket_ms)
    last = await one(steps)
    assert (last.shaken.hold_ms, last.shaken.uncertain) == (0, False)
    assert (await steps.mark(last, contact="ana")).verdict == "go"


async def test_a_worker_that_left_in_order_is_not_awaited(steps: Steps, other: Store) -> None:
    """A rolling update does not make starts uncertain."""
    steps.store.generations.worker, other.generations.worker = "one", "two"
    for store in (steps.store, other):
        await store.generations.tick()
    await other.generations.leave()
    await restarted(steps)
    await steps.deliver(steps.incoming("a"))
    claimed = await one(steps)
    assert (claimed.shaken.hold_ms, claimed.shaken.uncertain) == (0, False)


async def test_after_a_flush_a_process_still_knows_who_was_there(steps: Steps, other: Store) -> None:
    """Workers and paused accounts are remembered from the last sign of life, and put back."""
    steps.store.generations.worker, other.generations.worker = "one", "two"
    await steps.store.pause("zendesk/acme", "since")
    for store in (other, steps.store):
        await store.generations.tick()
    await set_back(steps.redis, steps.prefix, {}, "clock")
    await steps.deliver(steps.incoming("a"))
    assert (await one(steps)).shaken.uncertain
    assert await steps.redis.hgetall(steps.key("paused")) == {b"zendesk/acme": b"since"}
    assert await steps.redis.smembers(steps.key("awaited")) == {b"two"}


async def test_a_loss_deeper_than_the_journals_stays_uncertain(steps: Steps) -> None:
    """An old copy of the data: what happened since is known to nobody."""
    steps.store.generations.worker = "one"
    await steps.store.generations.tick()
    await restarted(steps)
    await steps.pass_ms(120_000)
    await steps.deliver(steps.incoming("a"))
    assert (await one(steps)).shaken.uncertain


async def test_what_a_worker_knows_of_a_start_is_evidence(steps: Steps) -> None:
    """It does not queue behind the event, ends a firm wait, and counts once."""
    await steps.deliver(steps.incoming("opened"))
    for _ in range(2):
        await steps.store.testify("t", LANE, "told:1", '"answered"', '"told"')
    claimed = await one(steps)
    assert (claimed.evidence, claimed.inbox) == ((b'"answered"',), (b"opened",))
