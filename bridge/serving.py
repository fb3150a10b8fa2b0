"""The web process from start to end."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge import logs
from bridge.descriptors import raise_limit
from bridge.listening import listening
from bridge.peers import Peers
from bridge.web import application, for_operators
from bridge.wiring import opened, pulse_of, usable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager

    from aiohttp import web

    from bridge.accounts import Bridge
    from bridge.draining import Draining
    from bridge.wiring import App

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
    admin_host: str = ""
    admin_port: int | None = None
    """Where what is for operators listens, if not at the same port."""


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
    async with AsyncExitStack() as stack:
        opening = opened(bridge, place.redis_url, prefix=place.prefix, confirm=place.confirm)
        app = await stack.enter_async_context(opening)
        await stack.enter_async_context(pulse_of(app, "web"))
        if too_few := raise_limit(bridge.max_connections * (1 if place.admin_port is None else 2)):
            app.log.warning("too few open files", reason=too_few)
        ports = [await stack.enter_async_context(one) for one in _listening(app, place)]
        app.log.info("web ready", host=place.host, port=place.port, admin_port=place.admin_port)
        await usable(app.store)
        await signals.stop.wait()
        app.log.info("web stopping", linger_s=place.linger_s)
        app.stopping.set()
        await asyncio.gather(*(one.linger(place.linger_s, signals.at_once) for one in ports))


def _listening(app: App, place: Place) -> Iterator[AbstractAsyncContextManager[Draining]]:
    """The public port, and the operators' where it is another one."""
    most, own = app.bridge.max_connections, place.admin_port
    public, operators = Peers(most), Peers(most)
    app.metrics.watch("public", public)
    yield _at(application(app, operators=own is None), place.host, place.port, public)
    if own is not None:
        app.metrics.watch("operators", operators)
        yield _at(for_operators(app), place.admin_host or place.host, own, operators)


def _at(site: web.Application, host: str, port: int, peers: Peers) -> AbstractAsyncContextManager[Draining]:
    return listening(site, host, port, finish_s=FINISH_S, peers=peers)
