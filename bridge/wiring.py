"""Opens everything a process needs and closes it in reverse; the web and the worker use the same."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from bridge import logs
from bridge.connections import connection_pool
from bridge.errors import StoreRefused, StoreUnavailable, UnusableRedis
from bridge.granting import Granting
from bridge.handover import Handover
from bridge.heartbeats import EVERY_S, Pulse, configuration_hash, of_this_process
from bridge.helpdesks import REGISTRY
from bridge.http import Http
from bridge.keeping import no_more
from bridge.metrics import Metrics
from bridge.protocol import Leases
from bridge.queue import Queue
from bridge.redis_errors import ERRORS
from bridge.store import Store
from bridge.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from redis.asyncio import ConnectionPool
    from structlog.typing import FilteringBoundLogger

    from bridge.accounts import Bridge
    from bridge.generations import Loss
    from bridge.ports import Helpdesk


def wall_clock_ms() -> int:
    """Now, Unix ms."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class App:
    """What a process works with."""

    bridge: Bridge
    helpdesks: Mapping[str, Helpdesk]
    store: Store
    handover: Handover
    queue: Queue
    http: Http
    metrics: Metrics
    log: FilteringBoundLogger
    now_ms: Callable[[], int] = wall_clock_ms
    monotonic: Callable[[], float] = time.monotonic
    """The clock of leases, s."""
    granting: Granting = field(default_factory=Granting)
    turns: Turns = field(default_factory=Turns)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Until a call's moment, s."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """The process was told to end."""


@asynccontextmanager
async def store_on(
    url: str, prefix: str, leases: Leases = Leases(), connections: int = 64, confirm: str = ""
) -> AsyncIterator[Store]:
    """A store on this Redis until the end of the block."""
    pool = connection_pool(url, connections)
    try:
        yield Store(Redis(connection_pool=pool), prefix=prefix, leases=leases, confirm=confirm)
    finally:
        await _ended(pool)


@asynccontextmanager
async def queue_on(url: str, prefix: str) -> AsyncIterator[Queue]:
    """A queue on this Redis until the end of the block."""
    pool = connection_pool(url)
    try:
        yield Queue(pool, prefix)
    finally:
        await _ended(pool)


async def _ended(pool: ConnectionPool) -> None:
    """A connection that does not end in order is gone all the same."""
    with suppress(*ERRORS):
        await pool.disconnect()


@asynccontextmanager
async def http_on() -> AsyncIterator[Http]:
    """A client of the other sides until the end of the block."""
    http = Http.open()
    try:
        yield http
    finally:
        await http.close()


@asynccontextmanager
async def opened(
    bridge: Bridge, redis_url: str, *, prefix: str = "bridge", leases: Leases = Leases(), confirm: str = ""
) -> AsyncIterator[App]:
    """Everything open until the end of the block. Redis need not answer yet."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(store_on(redis_url, prefix, leases, confirm=confirm))
        queue = await stack.enter_async_context(queue_on(redis_url, prefix))
        http = await stack.enter_async_context(http_on())
        handover = Handover(store.rotations, time.monotonic, wall_clock_ms)
        app = App(bridge, REGISTRY, store, handover, queue, http, Metrics(), logs.logger())
        app.metrics.redis_memory.set_function(lambda: store.generations.memory / 1000)
        store.generations.lost = lambda loss: _lost(app, loss)
        store.outage.log, queue.outage = app.log, store.outage
        store.outage.counted = lambda reason: app.metrics.redis_errors.labels(reason).inc()
        queue.bell.refused = lambda reason: app.log.warning("waiting for jobs refused", reason=reason)
        yield app


async def usable(store: Store) -> None:
    """Raises UnusableRedis. A Redis that does not answer now is one to wait for."""
    try:
        await store.server()
    except UnusableRedis:
        raise
    except (StoreUnavailable, StoreRefused):
        return


@asynccontextmanager
async def pulse_of(app: App, kind: str, slots: int = 0, busy: Callable[[], int] = lambda: 0) -> AsyncIterator[None]:
    """This process tells that it lives until the end of the block. Redis may be away meanwhile."""
    pulse = Pulse(app.store.heartbeats, of_this_process(kind, configuration_hash(app.bridge), slots), busy)
    beating = asyncio.create_task(_beating(pulse))
    try:
        yield
    finally:
        await no_more(beating)
        with suppress(StoreUnavailable, StoreRefused):
            await pulse.end()


async def _beating(pulse: Pulse) -> None:
    while True:
        with suppress(StoreUnavailable, StoreRefused):
            await pulse.beat()
        await asyncio.sleep(EVERY_S)


def _lost(app: App, loss: Loss) -> None:
    app.metrics.losses.labels(loss.kind).inc()
    app.log.error("redis lost data", **asdict(loss))
