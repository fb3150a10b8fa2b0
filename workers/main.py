"""The worker process: arq's jobs, the heartbeat, the sweep, and its own small HTTP for probes and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from aiohttp import web

from bridge import logs
from bridge.doubting import doubt_quiet
from bridge.errors import StoreUnavailable
from bridge.faults import Faults
from bridge.hearing import listen
from bridge.listening import listening
from bridge.observe import observed
from bridge.queue import Cron, to_end
from bridge.wiring import opened, pulse_of, usable
from workers.brake_log import BrakeLog
from workers.lanes import Lanes
from workers.limits import Limits, check
from workers.reconcile import JOB, reconcile
from workers.retention import retire
from workers.turnstile import Turnstile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.accounts import Bridge
    from bridge.wiring import App

RESTART_S = 0.5
"""How long after a Redis failure arq's loop is begun again: it ends with any connection error."""


FINISH_S = 2.0
"""For a probe or a scrape that is under way when everything else has ended."""

CANCEL_AGAIN_S = 2.0
"""Long enough for what a first cancellation makes a task tidy up."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where this worker's Redis is and where it listens."""

    redis_url: str
    prefix: str
    host: str
    port: int


async def run(bridge: Bridge, place: Place, limits: Limits, stop: asyncio.Event) -> None:
    """Work until ``stop`` is set, then drain. Raises ConfigError and UnusableRedis."""
    async with opened(bridge, place.redis_url, prefix=place.prefix) as app:
        check(limits, app.store.leases, bridge)
        lanes = Lanes(app, limits)
        app.metrics.in_flight.set_function(lambda: len(lanes.works))
        asyncio.get_running_loop().set_exception_handler(logs.from_the_loop)
        pulse = pulse_of(app, "worker", limits.slots, lambda: len(lanes.works))
        async with listening(observable(app), place.host, place.port, finish_s=FINISH_S), pulse:
            await usable(app.store)
            tasks = background(app, lanes, limits)
            app.log.info("worker ready", port=place.port)
            await stop.wait()
            app.stopping.set()
            app.log.info("draining", tickets=len(lanes.works))
            await wind_down(lanes, tasks)
            with contextlib.suppress(StoreUnavailable):
                await app.store.generations.leave()
        app.log.info("worker stopped")


def background(app: App, lanes: Lanes, limits: Limits) -> list[asyncio.Task[None]]:
    """What runs beside the tickets until it is cancelled. From here on, other processes reckon with this worker."""
    app.store.generations.worker = app.turns.worker = uuid4().hex
    turnstile, brake_log = Turnstile(app, limits.look_s), BrakeLog(app)
    return [
        asyncio.create_task(_jobs(app, lanes, limits)),
        asyncio.create_task(every(lambda: asyncio.sleep(limits.heartbeat_s), lanes.beat, app, "heartbeat")),
        asyncio.create_task(every(lambda: asyncio.sleep(limits.sweep_s), lambda: sweep(app, brake_log), app, "sweep")),
        asyncio.create_task(_watch(turnstile, app)),
        asyncio.create_task(every(lambda: asyncio.sleep(limits.tend_s), tending(app), app, "tend")),
    ]


async def _watch(turnstile: Turnstile, app: App) -> None:
    try:
        await every(turnstile.pause, turnstile.look, app, "turnstile")
    finally:
        await turnstile.close()


async def wind_down(lanes: Lanes, tasks: list[asyncio.Task[None]]) -> None:
    """Take no more jobs: one taken now would be a wake-up lost. Then let land what is in hand; its leases go on."""
    jobs, heartbeat, sweeper, turnstile, tender = tasks
    lanes.draining = True
    await end([jobs, sweeper, tender])
    await lanes.drain()
    await end([heartbeat, turnstile])


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel until all have ended: asyncio.wait_for on Python 3.11, with which redis-py sends, can lose one."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=CANCEL_AGAIN_S)


async def sweep(app: App, brake_log: BrakeLog) -> None:
    """Give a sign of life, and wake what was put back after a loss. Not an arq cron: those need a free slot."""
    for lane in await app.store.generations.tick():
        await app.queue.wake(lane)
    brake_log.tell(app.store.generations.paused, app.store.generations.memory)


TENDED: dict[str, Callable[[App], Awaitable[None]]] = {
    "retention": retire,
    "silence": listen,
    "quiet conversations": doubt_quiet,
}
"""Let go what was kept long enough, hear who is silent, ask for conversations that are quiet."""


def tending(app: App, steps: Mapping[str, Callable[[App], Awaitable[None]]] = TENDED) -> Callable[[], Awaitable[None]]:
    """A round of these. Each is done by one worker of all, seldom; here it is only asked whose turn it is.

    What one of them raises is counted and logged, and holds back no other.
    """
    each = [(Faults(app, name), partial(step, app)) for name, step in steps.items()]

    async def tend() -> None:
        for faults, step in each:
            await faults.guard(step)

    return tend


async def _jobs(app: App, lanes: Lanes, limits: Limits) -> None:
    """Arq's loop, begun again whenever Redis took it down."""
    faults = Faults(app, "arq")
    while True:
        worker = app.queue.worker(lanes.run, limits.slots, lanes.busy, _crons(app, lanes, limits))
        try:
            await worker.async_run()
        except Exception as error:
            # Whatever it is: a worker whose loop has ended looks alive and does nothing.
            meant = app.queue.understood(error)
            if meant is not error:
                app.metrics.redis_failures.inc()
            # Redis away is told by bridge/outage.py, for all of the process.
            logged = not isinstance(meant, StoreUnavailable) and faults.again(now=app.monotonic())
            if logged and meant is error:
                app.log.exception("arq restarts", times=faults.times)
            elif logged:
                app.log.error("arq restarts", reason=str(meant), times=faults.times)  # noqa: TRY400 - Redis said it
        await asyncio.sleep(RESTART_S)


def _crons(app: App, lanes: Lanes, limits: Limits) -> list[Cron]:
    """What may wait for a free slot."""
    seconds = limits.reconcile_at_s
    return [Cron(JOB, lambda: reconcile(app, lambda: lanes.draining), seconds)] if seconds else []


async def every(pause: Callable[[], Awaitable[None]], step: Callable[[], Awaitable[None]], app: App, name: str) -> None:
    """Take the step again and again until cancelled, whatever it raises.

    A step that loses the cancellation is the last one.
    """
    # Without heartbeat and sweep a worker loses what it holds and wakes nobody.
    faults = Faults(app, name)
    while not to_end():
        await pause()
        await faults.guard(step)


def observable(app: App) -> web.Application:
    """What a worker answers over HTTP: its probes and its metrics."""
    site = web.Application()
    site.add_routes(observed(app))
    return site


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(one, stop.set)
    return stop
