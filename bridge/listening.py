"""Listening for HTTP, with a bound on what a connection may take: time, and bytes before its request is known.

aiohttp keeps a connection whose head drips, or never comes, for its keep-alive time, holds a head of a megabyte, and
reads what follows an answer for ten seconds.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web

from bridge.draining import Draining
from bridge.peers import Connected, Peers
from bridge.refusals import Reason
from bridge.refusing import REFUSALS
from bridge.server_answers import plainly

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bridge.refusing import Refusals

HEAD_S = 10.0
"""From a head's first byte to its last. A body has a time of its own, in ``bridge.bodies``."""

HEAD_MOST = 32_768
"""Bytes of a head that is not whole yet."""

LINGER_S = 1.0
LINGER_MOST = 1_048_576
"""After an answer that did not wait for the body, so much of it is read and thrown away: a sender that writes all
before it reads would otherwise see a reset and not the answer."""

READ_AHEAD = 65_536
"""Of a body that is not read yet, twice so many bytes are kept."""

TEND_S = 1.0

CUT_S = 1.0
"""How long aiohttp, which reads no more of a body from then on, waits for a request that was not done in time, and how
long for its cancellation."""

BACKLOG = 1_024
"""Connections that wait to be taken. Where a flood fills the queue, a genuine one is tried again after a second."""

ANSWERS = {
    408: b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    431: b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    503: b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n",
}
"""To a head that drips, one that is too large, and a connection for which there is no room."""


_NONE = asyncio.Protocol()


class _Patient(Connected):
    """aiohttp's protocol of one connection, bounded. It is the ``Wire`` that the registry knows."""

    def __init__(
        self, inner: Callable[[], asyncio.Protocol], peers: Peers, head_s: float, refusals: Refusals | None
    ) -> None:
        self._make_inner = inner
        self._inner = _NONE
        self._peers = peers
        self._head_s = head_s
        self._refusals = refusals
        self.half_closed = False
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._head = 0
        self._request = 0
        self._thrown_away = 0
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As aiohttp's, where there is room for it."""
        self._transport = cast("asyncio.Transport", transport)
        self.peer = self._peers.admit(self)
        if self.peer is None:
            self._refuse(503, Reason.OVERLOADED)
            return
        # Only now: where a flood is refused, aiohttp's parts would cost more than all the rest.
        self._inner = self._make_inner()
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """As aiohttp's; a head that has begun and is not whole has its time and its bound."""
        if self.peer is None:
            return
        self._peers.heard(self.peer)
        self._throw_away(len(data))
        self._inner.data_received(data)
        if not self.waits():
            self._rest()
            return
        self._head += len(data)
        if self._head > HEAD_MOST:
            self._peers.refused("head_too_long")
            self._refuse(431, Reason.MALFORMED, "its head is too large")
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._head_s, self._give_up)

    def waits(self) -> bool:
        """Whether it waits for a request, or for the rest of a head."""
        # aiohttp has no public word for it: this future is there while it waits for the next whole head.
        waiter: asyncio.Future[None] | None = getattr(self._inner, "_waiter", None)
        return waiter is not None and not waiter.done()

    @property
    def quiet_s(self) -> float | None:
        """For how long nothing has come and our end has stood as it is; None while a request is under way."""
        return self._peers.clock() - self.peer.idle_since if self.peer and self.waits() else None

    def half_close(self) -> None:
        """Send no more, and go on reading. The transport's own write_eof would refuse what aiohttp still writes."""
        self.half_closed = True
        if self.peer:
            self._peers.heard(self.peer)
        told = self._transport.get_extra_info("socket") if self._transport else None
        if told is not None:
            with suppress(OSError), socket.socket(fileno=os.dup(told.fileno())) as own:
                own.shutdown(socket.SHUT_WR)

    def unread(self) -> bool:
        """Whether the other end leaves unread what was sent, or closing waits for it."""
        return self._full or (self._transport is not None and self._transport.is_closing())

    def close(self) -> None:
        """Close it after what is still to be sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()

    def _throw_away(self, size: int) -> None:
        """What comes after an answer is bounded; aiohttp bounds its time alone."""
        inner: Any = self._inner
        answered = inner._waiter is None and not inner._request_in_progress  # noqa: SLF001 - as above
        same, self._request = inner._request_count == self._request, inner._request_count  # noqa: SLF001 - as above
        self._thrown_away = self._thrown_away + size if answered and same else 0
        if self._thrown_away > LINGER_MOST:
            self.close()

    def _give_up(self) -> None:
        self._timer = None
        if self.waits():
            self._peers.refused("head_too_slow")
            self._refuse(408, Reason.MALFORMED, "its head did not come in time")

    def _refuse(self, status: int, reason: Reason, says: str = "") -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(ANSWERS[status])
            self._transport.close()
            if self._refusals:
                self._refusals.note_unread(status, reason, says)

    def _rest(self) -> None:
        self._head = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def eof_received(self) -> bool | None:
        """As aiohttp's."""
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """As aiohttp's."""
        self._rest()
        if self.peer:
            self._peers.leave(self.peer)
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """As aiohttp's."""
        self._full = True
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """As aiohttp's."""
        self._full = False
        self._inner.resume_writing()


@asynccontextmanager
async def listening(
    site: web.Application,
    host: str,
    port: int,
    *,
    finish_s: float = 60.0,
    head_s: float = HEAD_S,
    peers: Peers | None = None,
) -> AsyncIterator[Draining]:
    """Serve until the end of the block; then requests under way have ``finish_s`` to end."""
    known = Peers() if peers is None else peers
    refusals = site.get(REFUSALS)
    draining = Draining(known.wires)
    site.on_response_prepare.append(draining.closing)
    runner = _runner(site, known)
    await runner.setup()
    inner = runner.server
    if inner is None:
        msg = "the application is not set up"
        raise RuntimeError(msg)
    plainly(inner, refusals)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Patient(inner, known, head_s, refusals), host, port, backlog=BACKLOG, reuse_address=True
    )
    tending = asyncio.create_task(_tending(known))
    try:
        yield draining
    finally:
        tending.cancel()
        server.close()
        await draining.finish(finish_s)
        await runner.cleanup()


def _runner(site: web.Application, peers: Peers) -> web.AppRunner:
    return web.AppRunner(
        site,
        access_log=None,
        shutdown_timeout=CUT_S,
        # The registry closes what is idle, before aiohttp would.
        keepalive_timeout=2 * peers.proven_idle_s,
        auto_decompress=False,
        lingering_time=LINGER_S,
        read_bufsize=READ_AHEAD,
    )


async def _tending(peers: Peers) -> None:
    while True:
        await asyncio.sleep(TEND_S)
        peers.tend()
