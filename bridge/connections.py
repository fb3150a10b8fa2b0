"""Connections to Redis: one server, or whichever is the master by Sentinel's word. Opens nothing by itself.

The settings, and why. One command may take ``REDIS_TIMEOUT_S``: a web request tries for about two seconds in all,
within the patience of every sender. redis-py's own retries are off: the callers know which step is safe to repeat and
for how long. Keepalive is on, so that a connection whose other end is gone is found although nothing is sent. No health
check: it would be a round trip before each command, and a broken connection is found by the command as well.

A failover behind one name leaves the old primary alive, as a replica, with our connections to it. Its first answer that
says so makes the pool end all of them, each before its next use: what connects anew resolves the name anew.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any

from redis.asyncio import BlockingConnectionPool, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.sentinel import (
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bridge.redis_errors import demoted
from bridge.redis_url import SENTINEL_SCHEMES, SentinelUrl

if TYPE_CHECKING:
    from collections.abc import Iterable

REDIS_TIMEOUT_S = 1.5
SENTINEL_TIMEOUT_S = 0.5
"""One Sentinel's time: with one of three away, the master is still found within a command's time."""


RENEW_S = 0.5
"""So long at least between two renewals: the name may lead to the old primary for a while."""


class _Watched(Connection):
    """Tells its pool of an answer that only a server gives which is no primary, or not yet."""

    pool: _Pool
    age = 0

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: ARG002 - its signature; we have none
    ) -> None:
        """As redis-py's, but for its ``asyncio.wait_for``.

        On Python 3.11 that can lose a cancellation: whoever has cancelled a task waits for ever, a deadline ends
        nothing.
        """
        if not self.is_connected:
            await self.connect()  # type: ignore[no-untyped-call]
        try:
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command(_parts(command))
        except BaseException as error:
            # What is sent in part can be neither taken back nor continued.
            await self.disconnect(nowait=True)
            if isinstance(error, TimeoutError):
                msg = "Timeout writing to socket"
                raise RedisTimeoutError(msg) from None
            if isinstance(error, OSError):
                msg = f"Error while writing to socket: {error}"
                raise RedisConnectionError(msg) from error
            raise

    async def read_response(self, *args: Any, **settings: Any) -> Any:
        """As redis-py's, which raises an error of the server, or returns it within the answer to EXEC."""
        try:
            answer = await super().read_response(*args, **settings)
        except RedisError as error:
            self._look_at(error)
            raise
        for one in answer if isinstance(answer, list) else ():
            self._look_at(one)
        return answer

    def _look_at(self, answer: object) -> None:
        if isinstance(answer, RedisError) and demoted(answer):
            self.pool.renew()


def _parts(command: bytes | str | Iterable[bytes]) -> Iterable[bytes]:
    encoded = command.encode() if isinstance(command, str) else command
    return [encoded] if isinstance(encoded, bytes) else encoded


class _WatchedTls(_Watched, SSLConnection):
    """The same over TLS."""


class _WatchedSocket(_Watched, UnixDomainSocketConnection):
    """The same on this machine."""


class _WatchedMaster(_Watched, SentinelManagedConnection):
    """The same by Sentinel's word."""


class _WatchedMasterTls(_Watched, SentinelManagedSSLConnection):
    """The same over TLS."""


WATCHED: dict[Any, Any] = {
    Connection: _Watched,
    SSLConnection: _WatchedTls,
    UnixDomainSocketConnection: _WatchedSocket,
    SentinelManagedConnection: _WatchedMaster,
    SentinelManagedSSLConnection: _WatchedMasterTls,
}


class _Pool(BlockingConnectionPool):
    """Who finds all connections busy waits for one. ``renew`` makes each of them connect anew before its next use."""

    def __init__(self, connection_class: Any = Connection, **settings: Any) -> None:
        super().__init__(connection_class=WATCHED[connection_class], **settings)
        self._age = 0
        self._renewed_s = -RENEW_S

    def renew(self) -> None:
        """End what is connected. What is in use goes on until it comes back."""
        now_s = monotonic()
        if now_s - self._renewed_s >= RENEW_S:
            self._renewed_s = now_s
            self._age += 1

    def make_connection(self) -> Any:
        """A connection that tells this pool."""
        made = super().make_connection()  # type: ignore[no-untyped-call]
        made.pool, made.age = self, self._age
        return made

    async def ensure_connection(self, connection: Any) -> None:
        """Connected, and to whom the name leads now."""
        if connection.age != self._age:
            await connection.disconnect(nowait=True)
            connection.age = self._age
        await super().ensure_connection(connection)


class _MasterPool(SentinelConnectionPool, _Pool):
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
        return _Pool.from_url(url, **tls, **settings)
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
