"""One soak from start to end: load and faults together, then rest until all has settled, then the comparison."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import TYPE_CHECKING

from aiohttp import ClientError
from redis import exceptions

from tests.soak import plan
from tests.soak.chaos import Chaos
from tests.soak.ledgers import records
from tests.soak.load import Load
from tests.soak.stranger import Stranger, packed
from tests.soak.watch import Watch
from tests.soak.world import world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from tests.soak.plan import Planned
    from tests.soak.records import Records
    from tests.soak.setup import Setup
    from tests.soak.world import World

LOAD_SHARE = 0.85
"""Tickets stop coming a little before the faults do."""

AFTER_S = 8.0
"""So long after the faults many agents answer together once more, while starts still wait."""

SETTLE_LOOK_S = 0.5
QUIET_LOOKS = 3
"""So many looks in a row find nothing to do."""

DELAYS = {"slow": {"delay_s": 0.5}, "late": {"delay_s": 3.0}}


async def soak(setup: Setup, folder: Path, say: Callable[[str], None]) -> Records:
    """Run it in this folder. Raises what could not be started, or what the plan could not carry out."""
    end_on_sigterm()
    async with world(setup, folder) as running:
        say(f"running: web, two workers, Redis, {len(running.twins)} twins; logs in {folder}")
        watch = Watch(running)
        load, chaos, stranger = Load(running), Chaos(running, watch), Stranger(running)
        async with _counting(watch):
            try:
                await _strike(running, load, chaos, stranger)
            finally:
                await chaos.heal()
            say(f"{len(load.acknowledged):,} tickets acknowledged, {len(chaos.struck)} faults of the plan; settling")
            settled_s = await _settle(running, watch)
            await watch.count_jobs()
        return await records(running, load, chaos, watch, stranger, settled_s)


def end_on_sigterm() -> None:
    """As Ctrl-C does: a process that the plan has stopped must be woken, or it stays behind."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


@asynccontextmanager
async def _counting(watch: Watch) -> AsyncIterator[None]:
    task = asyncio.create_task(watch.keep_counting())
    try:
        yield
    finally:
        task.cancel()


async def _strike(running: World, load: Load, chaos: Chaos, stranger: Stranger) -> None:
    setup = running.setup
    await _order_faults(running)
    await asyncio.to_thread(packed)
    steps = plan.faults(setup.seed, setup.faults_s, setup.targets, pause_s=setup.pause_s)
    async with asyncio.TaskGroup() as group:
        group.create_task(chaos.run(steps))
        group.create_task(load.run(_tickets(setup)))
        group.create_task(stranger.run(setup.faults_s, setup.bombs_per_s))
        for at_s in (plan.TOGETHER_AT * setup.faults_s, setup.faults_s + AFTER_S):
            group.create_task(load.answer_together(at_s))


def _tickets(setup: Setup) -> list[Planned]:
    """The fast projects' tickets in waves, the paced one's steadily beside them."""
    load_s, paced = setup.faults_s * LOAD_SHARE, setup.paced_tickets
    fast = [name for name, one in setup.accounts.items() if not setup.paces(one)]
    count = max(0, setup.tickets - paced)
    waves = plan.tickets(setup.seed, count, load_s, fast, wave_s=setup.wave_s)
    steady = plan.steady(setup.seed, paced, load_s, setup.weights, after=count)
    return sorted((*waves, *steady), key=attrgetter("at_s"))


async def _order_faults(running: World) -> None:
    for index, name in enumerate(running.setup.projects):
        seed = running.setup.seed * 100 + index
        await running.ask(name, "POST", "/twin/settings", {"repeat_ids": running.setup.repeat_ids})
        await _order(running, name, "operation", "start", running.setup.start_faults, seed)
        await _order(running, name, "event", "start", running.setup.event_faults, seed)
        await _order(running, name, "event", "message", running.setup.message_faults, seed)
        await _order(running, name, "event", "close", running.setup.close_faults, seed)
        for operation in ("send", "close"):
            await _order(running, name, "operation", operation, running.setup.call_faults, seed)
    for index, name in enumerate(running.setup.all_zendesks):
        seed = running.setup.seed * 100 + 50 + index
        await _order(running, name, "operation", "update_ticket", running.setup.note_faults, seed)
        await _order(running, name, "event", "created", {"twice": 0.1}, seed)


async def _order(running: World, twin: str, what: str, struck: str, faults: Mapping[str, float], seed: int) -> None:
    for name, probability in faults.items():
        told = {what: struck, "name": name, "probability": probability, "seed": seed, **DELAYS.get(name, {})}
        await running.ask(twin, "POST", "/twin/faults", told)


# --- afterwards ------------------------------------------------------------------------------------------------------


async def _settle(running: World, watch: Watch) -> float:
    """Until nothing is left to do, or the time is up; how long it took."""
    begun, quiet = time.monotonic(), 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(running.setup.settle_s):
            for name in running.twins:
                await running.ask(name, "DELETE", "/twin/faults")
            await watch.followed()
            while quiet < QUIET_LOOKS:
                quiet = quiet + 1 if await _nothing_left(running, watch) else 0
                await asyncio.sleep(SETTLE_LOOK_S)
    return time.monotonic() - begun


async def _nothing_left(running: World, watch: Watch) -> bool:
    try:
        for name in running.twins:
            await running.ask(name, "POST", "/twin/settle")
        return not await watch.left()
    except (exceptions.RedisError, ClientError, OSError, TimeoutError):
        return False
