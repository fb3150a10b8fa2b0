"""Connections to Redis: one server, or whichever is the master by Sentinel's word. Opens nothing by itself.

The settings, and why. One command may take ``REDIS_TIMEOUT_S``: a web request tries for about two seconds in all,
within the patience of every sender. redis-py's own retries are off: the callers know which step is safe to repeat and
for how long. Keepalive is on, so that a connection whose other end is gone is found although nothing is sent. No health
check: it would be a round trip before each command, and a broken connection is found by the command as well.
"""

from __future__ import annotations

from typing import Any

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

from bridge.redis_url import SENTINEL_SCHEMES, SentinelUrl

REDIS_TIMEOUT_S = 1.5
SENTINEL_TIMEOUT_S = 0.5
"""One Sentinel's time: with one of three away, the master is still found within a command's time."""


class _MasterPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to the present master; who finds all busy waits for one, as with a single server."""


def connection_pool(url: str, connections: int = 64) -> BlockingConnectionPool:
    """Connections that fail within ``REDIS_TIMEOUT_S`` instead of hanging; who finds all busy waits for one.

    They are made when they are first used, so that a process starts, and answers, while Redis is away. Over TLS the
    server's name is checked, which redis-py 5 leaves out: else any certificate of the same authority would do, and it
    would be given the password.
    """
    settings: dict[str, Any] = {
        "max_connections": connections,
        "timeout": REDIS_TIMEOUT_S,
        "socket_timeout": REDIS_TIMEOUT_S,
        "socket_connect_timeout": REDIS_TIMEOUT_S,
        "socket_keepalive": True,
        "health_check_interval": 0,
    }
    if not url.startswith(SENTINEL_SCHEMES):
        tls = {"ssl_check_hostname": True} if url.startswith("rediss://") else {}
        return BlockingConnectionPool.from_url(url, **tls, **settings)
    place = SentinelUrl.parse(url)
    tls = {"ssl": True, "ssl_check_hostname": True} if place.tls else {}
    asking = {
        "socket_timeout": SENTINEL_TIMEOUT_S,
        "socket_connect_timeout": SENTINEL_TIMEOUT_S,
        **place.sentinel_credential,
        **tls,
    }
    sentinel = Sentinel(place.sentinels, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    connecting = {"db": place.db, **place.credential, **tls, **settings}
    return _MasterPool(place.master, sentinel, **connecting)  # type: ignore[no-untyped-call]
