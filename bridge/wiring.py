"""Opens everything a process needs and closes it in reverse; the web and the worker use the same."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.asyncio import BlockingConnectionPool, Redis

from bridge import logs
from bridge.helpdesks import REGISTRY
from bridge.http import Http
from bridge.metrics import Metrics
from bridge.protocol import Leases
from bridge.queue import Queue
from bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from structlog.typing import FilteringBoundLogger

    from bridge.accounts import Bridge
    from bridge.ports import Helpdesk

REDIS_TIMEOUT_S = 1.5
"""One command's time. A web request tries for about two seconds in all, within the patience of every sender."""


def wall_clock_ms() -> int:
    """Now, Unix ms."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class App:
    """What a process works with."""

    bridge: Bridge
    helpdesks: Mapping[str, Helpdesk]
    store: Store
    queue: Queue
    http: Http
    metrics: Metrics
    log: FilteringBoundLogger
    now_ms: Callable[[], int] = wall_clock_ms


def connection_pool(url: str, connections: int = 64) -> BlockingConnectionPool:
    """Connections that fail within ``REDIS_TIMEOUT_S`` instead of hanging; who finds all busy waits for one.

    They are made when they are first used, so that a process starts, and answers, while Redis is away. redis-py's own
    retries are off: the callers know which step is safe to repeat and for how long.
    """
    return BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=REDIS_TIMEOUT_S,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        socket_keepalive=True,
        health_check_interval=0,
    )


@asynccontextmanager
async def store_on(url: str, prefix: str, leases: Leases = Leases(), connections: int = 64) -> AsyncIterator[Store]:
    """A store on this Redis until the end of the block."""
    pool = connection_pool(url, connections)
    try:
        yield Store(Redis(connection_pool=pool), prefix=prefix, leases=leases)
    finally:
        await pool.disconnect()


@asynccontextmanager
async def queue_on(url: str, prefix: str) -> AsyncIterator[Queue]:
    """A queue on this Redis until the end of the block."""
    pool = connection_pool(url)
    try:
        yield Queue(pool, prefix)
    finally:
        await pool.disconnect()


@asynccontextmanager
async def opened(
    bridge: Bridge, redis_url: str, *, prefix: str = "bridge", leases: Leases = Leases()
) -> AsyncIterator[App]:
    """Everything open until the end of the block. Redis need not answer yet."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(store_on(redis_url, prefix, leases))
        queue = await stack.enter_async_context(queue_on(redis_url, prefix))
        http = Http.open()
        stack.push_async_callback(http.close)
        yield App(bridge, REGISTRY, store, queue, http, Metrics(), logs.logger())
