"""The web process from start to end."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from bridge.listening import listening
from bridge.peers import Peers
from bridge.web import application
from bridge.wiring import opened

if TYPE_CHECKING:
    from bridge.accounts import Bridge

FINISH_S = 10.0
"""After SIGTERM, how long requests under way may take."""


async def serve(bridge: Bridge, redis_url: str, prefix: str, host: str, port: int, confirm: str = "") -> None:
    """Serve until SIGTERM, then finish the requests under way."""
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    async with (
        opened(bridge, redis_url, prefix=prefix, confirm=confirm) as app,
        listening(application(app), host, port, finish_s=FINISH_S, peers=Peers(bridge.max_connections)),
    ):
        app.log.info("web ready", host=host, port=port)
        await stop.wait()
        app.log.info("web stopping")
