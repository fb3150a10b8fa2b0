"""The web process from start to end."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge import logs
from bridge.listening import listening
from bridge.peers import Peers
from bridge.web import application
from bridge.wiring import opened, usable

if TYPE_CHECKING:
    from bridge.accounts import Bridge

FINISH_S = 10.0
"""After SIGTERM and the lingering, how long requests under way may take."""


@dataclass(frozen=True)
class Place:
    """Where the web's Redis is, where it listens, and for how long it goes on after SIGTERM."""

    redis_url: str
    prefix: str
    host: str
    port: int
    confirm: str = ""
    linger_s: float = 0.0


class _Signals:
    """The first asks to end; a second, and Ctrl-C on a terminal, to end at once."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.at_once = asyncio.Event()
        for one in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(one, self._told, one)

    def _told(self, one: signal.Signals) -> None:
        if self.stop.is_set() or (one is signal.SIGINT and sys.stdin and sys.stdin.isatty()):
            self.at_once.set()
        self.stop.set()


async def serve(bridge: Bridge, place: Place) -> None:
    """Serve until SIGTERM, go on for a while, then finish the requests under way. Raises UnusableRedis."""
    signals = _Signals()
    asyncio.get_running_loop().set_exception_handler(logs.from_the_loop)
    async with (
        opened(bridge, place.redis_url, prefix=place.prefix, confirm=place.confirm) as app,
        listening(
            application(app), place.host, place.port, finish_s=FINISH_S, peers=Peers(bridge.max_connections)
        ) as draining,
    ):
        app.log.info("web ready", host=place.host, port=place.port)
        await usable(app.store)
        await signals.stop.wait()
        app.log.info("web stopping", linger_s=place.linger_s)
        app.stopping.set()
        await draining.linger(place.linger_s, signals.at_once)
