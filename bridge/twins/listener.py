"""An HTTP server on a port of this machine, and the life of a twin that is a process of its own."""

from __future__ import annotations

import asyncio
import sys
from signal import SIGINT, SIGTERM
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from argparse import ArgumentParser

DRAIN_S = 1.0
"""How long requests that are still open may take when a listener stops."""


class Listener:
    """Serves one application. Can be started again on its old port: so an outage is played.

    ``around`` are middlewares of whoever wants to see every request, or to hold it back.
    """

    def __init__(self, *around: Any) -> None:
        self.url = ""
        self._around = around
        self.stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def start(self, app: web.Application, port: int, host: str) -> None:
        """Serve ``app``; port 0 takes a free one. ``url`` says where. Raises OSError where the port is taken."""
        self.stopping.clear()
        app.middlewares.extend(self._around)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=DRAIN_S)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        self._runner = runner
        self.url = "http://{}:{}".format(*runner.addresses[0][:2])

    async def stop(self) -> None:
        """Close the port and every connection; answers that were held back never come. Harmless when repeated."""
        self.stopping.set()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def hold(self, delay_s: float) -> bool:
        """Wait so long, or until the listener stops; say whether it still serves."""
        try:
            async with asyncio.timeout(None if delay_s == float("inf") else delay_s):
                await self.stopping.wait()
        except TimeoutError:
            return True
        return False


class Playable(Protocol):
    """What a process can play: a twin."""

    @property
    def url(self) -> str:
        """Where it is, once started."""
        ...

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Serve on this port."""
        ...

    async def stop(self) -> None:
        """End."""
        ...


async def play(twin: Playable, port: int, host: str) -> None:
    """Run a twin until SIGTERM or SIGINT; ``ready URL`` on standard output says that it serves."""
    ended = asyncio.Event()
    for signal in (SIGTERM, SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal, ended.set)
    await twin.start(port, host)
    sys.stdout.write(f"ready {twin.url}\n")
    sys.stdout.flush()
    await ended.wait()
    await twin.stop()


def add_listener_options(parser: ArgumentParser) -> None:
    """Add the options that every twin's command line has: where to listen, and whose child it is."""
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--parent", type=int, default=0, metavar="PID", help="end at once where this parent is gone")
