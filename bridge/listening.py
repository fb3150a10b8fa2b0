"""Listening for HTTP, with a bound on how long a sender may take over the head of its request.

aiohttp keeps a connection whose head drips, or never comes, for its keep-alive time: an hour where nobody says less.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from aiohttp import web

from bridge.server_answers import plainly

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEAD_S = 10.0
"""From a head's first byte to its last. A body has a time of its own, in ``bridge.receiving``."""

IDLE_S = 75.0
"""How long a connection may wait for its next request, or its first. Longer than the proxies before us keep theirs
(nginx and the load balancers of the clouds: 60 s): one that we close just as they use it is a 502 to the sender, which
Zendesk does not send again."""

BACKLOG = 128
"""As aiohttp's."""

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class _Patient(asyncio.Protocol):
    """aiohttp's protocol of one connection, whose head must be whole in time."""

    def __init__(self, inner: asyncio.Protocol, head_s: float) -> None:
        self._inner = inner
        self._head_s = head_s
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As aiohttp's."""
        self._transport = cast("asyncio.Transport", transport)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """As aiohttp's; a head that has begun and is not whole has its time."""
        self._inner.data_received(data)
        if not self._waits_for_head():
            self._rest()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._head_s, self._give_up)

    def _waits_for_head(self) -> bool:
        # aiohttp has no public word for it: this future is there while it waits for the next whole head.
        waiter: asyncio.Future[None] | None = getattr(self._inner, "_waiter", None)
        return waiter is not None and not waiter.done()

    def _give_up(self) -> None:
        self._timer = None
        if self._transport is not None and self._waits_for_head():
            self._transport.write(TOO_SLOW)
            self._transport.close()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def eof_received(self) -> bool | None:
        """As aiohttp's."""
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """As aiohttp's."""
        self._rest()
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """As aiohttp's."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """As aiohttp's."""
        self._inner.resume_writing()


@asynccontextmanager
async def listening(
    site: web.Application,
    host: str,
    port: int,
    *,
    finish_s: float = 60.0,
    head_s: float = HEAD_S,
    idle_s: float = IDLE_S,
) -> AsyncIterator[None]:
    """Serve until the end of the block; then requests under way have ``finish_s`` to end."""
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=finish_s, keepalive_timeout=idle_s)
    await runner.setup()
    inner = runner.server
    if inner is None:
        msg = "the application is not set up"
        raise RuntimeError(msg)
    plainly(inner)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Patient(inner(), head_s), host, port, backlog=BACKLOG, reuse_address=True
    )
    try:
        yield
    finally:
        server.close()
        await runner.cleanup()
