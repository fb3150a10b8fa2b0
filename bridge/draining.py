"""How a server that is told to end lets its senders go, so that none of them loses a request.

For some seconds after SIGTERM new connections still come: a proxy or a node learns late that this process is leaving. A
kept connection goes on for as long as its sender keeps it. So for a while all are taken; each answer asks the sender to
connect anew, which is the one way in HTTP/1.1 to end a connection that loses nothing. What is idle is closed late, when
few senders can still want it, one connection after the other, and by halves: a request that crosses our close is still
read and stored, although its sender gets no answer.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiohttp import web

QUIET_S: Final = 1.0
"""How long nothing must have come on a connection before it is closed: one that was just made is about to be used. And
how long a connection closed by halves is read: longer than a request is on its way."""

IDLE_UNTIL: Final = 2 / 3
"""The part of the time after which idle connections are closed."""

LOOK_S: Final = 0.02


class Connection(Protocol):
    """What draining asks of a connection."""

    @property
    def quiet_s(self) -> float | None:
        """For how long nothing has come and our end has stood as it is; None while a request is under way."""

    @property
    def half_closed(self) -> bool:
        """Whether our end is closed."""

    def half_close(self) -> None:
        """Send no more, and go on reading."""


class Draining:
    """The open connections of one server, and how they are let go."""

    def __init__(self, connections: Callable[[], Iterable[Connection]]) -> None:
        self._connections = connections
        self._begun = False
        self._quiet_s = 0.0

    async def closing(self, _: web.Request, response: web.StreamResponse) -> None:
        """Ask the sender to connect anew, once draining has begun: a signal handler of aiohttp's."""
        if self._begun:
            response.headers["Connection"] = "close"
            response.force_close()

    async def linger(self, linger_s: float, at_once: asyncio.Event) -> None:
        """Go on for this long, or until ``at_once``; idle connections are closed in its last third."""
        self._begun = True
        self._quiet_s = min(QUIET_S, linger_s)
        closing = asyncio.create_task(self._close_idle(linger_s))
        with suppress(TimeoutError):
            async with asyncio.timeout(linger_s):
                await at_once.wait()
                self._quiet_s = 0.0
        closing.cancel()
        await asyncio.wait([closing])

    async def _close_idle(self, linger_s: float) -> None:
        """The longest idle first, and never many at a time: a busy sender sees each before it uses that one again."""
        await asyncio.sleep(linger_s * IDLE_UNTIL)
        idle = sorted((one for one in self._connections() if self._is_quiet(one)), key=_quiet, reverse=True)
        for one in idle:
            if self._is_quiet(one):
                one.half_close()
            await asyncio.sleep(linger_s * (1 - IDLE_UNTIL) / len(idle))

    async def finish(self, finish_s: float) -> None:
        """Wait for the requests under way, at most this long, bodies that still come included.

        Call it when no new connections are taken. Those that were idle all the time are not waited for.
        """
        self._begun = True
        with suppress(TimeoutError):
            async with asyncio.timeout(finish_s):
                while [one for one in self._connections() if self._wanted(one)]:
                    await asyncio.sleep(LOOK_S)

    def _wanted(self, one: Connection) -> bool:
        """Whether something may still come of it that would be lost. It is closed by halves on the way."""
        if not self._is_quiet(one):
            return True
        if self._quiet_s and not one.half_closed:
            one.half_close()
            return True
        return False

    def _is_quiet(self, one: Connection) -> bool:
        quiet_s = one.quiet_s
        return quiet_s is not None and quiet_s >= self._quiet_s


def _quiet(one: Connection) -> float:
    return one.quiet_s or 0.0
