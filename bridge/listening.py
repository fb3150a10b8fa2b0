"""Listening for HTTP, with a bound on how long a sender may take over the head of its request.

aiohttp keeps a connection whose head drips, or never comes, for its keep-alive time: an hour where nobody says less.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, cast

from aiohttp import web

from bridge.draining import Draining
from bridge.server_answers import plainly

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEAD_S = 10.0
"""From a head's first byte to its last. A body has a time of its own, in ``bridge.receiving``."""

IDLE_S = 75.0
"""How long a connection may wait for its next request, or its first. Longer than the proxies before us keep theirs
(nginx and the load balancers of the clouds: 60 s): one that we close just as they use it is a 502 to the sender, which
Zendesk does not send again."""

CUT_S = 1.0
"""How long aiohttp, which reads no more of a body from then on, waits for a request that was not done in time, and how
long for its cancellation."""

BACKLOG = 128
"""As aiohttp's."""

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class _Patient(asyncio.Protocol):
    """aiohttp's protocol of one connection, whose head must be whole in time."""

    def __init__(self, inner: asyncio.Protocol, head_s: float, connections: set[_Patient]) -> None:
        self._inner = inner
        self._head_s = head_s
        self._connections = connections
        self._heard_s = 0.0
        self.half_closed = False
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As aiohttp's."""
        self._transport = cast("asyncio.Transport", transport)
        self._heard_s = asyncio.get_running_loop().time()
        self._connections.add(self)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """As aiohttp's; a head that has begun and is not whole has its time."""
        self._heard_s = asyncio.get_running_loop().time()
        self._inner.data_received(data)
        if not self._waits_for_head():
            self._rest()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._head_s, self._give_up)

    def _waits_for_head(self) -> bool:
        # aiohttp has no public word for it: this future is there while it waits for the next whole head.
        waiter: asyncio.Future[None] | None = getattr(self._inner, "_waiter", None)
        return waiter is not None and not waiter.done()

    @property
    def quiet_s(self) -> float | None:
        """For how long nothing has come and our end has stood as it is; None while a request is under way."""
        return asyncio.get_running_loop().time() - self._heard_s if self._waits_for_head() else None

    def half_close(self) -> None:
        """Send no more, and go on reading. The transport's own write_eof would refuse what aiohttp still writes."""
        self._heard_s, self.half_closed = asyncio.get_running_loop().time(), True
        told = self._transport.get_extra_info("socket") if self._transport else None
        if told is not None:
            with suppress(OSError), socket.socket(fileno=os.dup(told.fileno())) as own:
                own.shutdown(socket.SHUT_WR)

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
        self._connections.discard(self)
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
) -> AsyncIterator[Draining]:
    """Serve until the end of the block; then requests under way have ``finish_s`` to end."""
    connections: set[_Patient] = set()
    draining = Draining(connections)
    site.on_response_prepare.append(draining.closing)
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=CUT_S, keepalive_timeout=idle_s)
    await runner.setup()
    inner = runner.server
    if inner is None:
        msg = "the application is not set up"
        raise RuntimeError(msg)
    plainly(inner)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Patient(inner(), head_s, connections), host, port, backlog=BACKLOG, reuse_address=True
    )
    try:
        yield draining
    finally:
        server.close()
        await draining.finish(finish_s)
        await runner.cleanup()
