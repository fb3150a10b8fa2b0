"""``bridge up``: the embedded server, the web and a worker on one machine, as separate processes."""

from __future__ import annotations

import asyncio
import shlex
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from aiohttp import ClientSession

from bridge.embedded import EmbeddedServer, free_port, is_free
from bridge.keeping import until_stopped
from bridge.processes import on_stderr, web_and_worker

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console


def stop_event() -> asyncio.Event:
    """Set by SIGTERM, by Ctrl-C and by a terminal that is closed."""
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    return stop


def remembered_port(data: Path) -> int:
    """The same port at every start, so that the REDIS_URL in somebody's shell stays right; another if it is taken."""
    note = data / "port"
    known = int(note.read_text()) if note.exists() else free_port()
    port = known if is_free(known) else free_port()
    data.mkdir(parents=True, exist_ok=True)
    note.write_text(f"{port}\n")
    return port


async def up(config: Path, data: Path, port: int, screen: Console, admin_port: int | None = None) -> None:
    """Run until SIGTERM or Ctrl-C. What was accepted stays in ``data`` and is gone on with at the next start.

    Raises ProcessFailedError where a part does not come up, or does not stay up although it was begun again.
    """
    stop = stop_event()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(EmbeddedServer(data / "valkey", port=remembered_port(data)))
        server.keep(on_stderr)
        session = await stack.enter_async_context(ClientSession())
        worker_port = free_port()
        children = web_and_worker(str(config), server.url, port, worker_port, {})
        for child in children:
            stack.push_async_callback(child.stop)
            await child.start()
        for child in children:
            await child.ready(session)
        screen.print(f"webhooks at http://127.0.0.1:{port}, data in {data}", highlight=False)
        own = admin_port or port
        screen.print(f"metrics of the web on port {own}, of the worker on port {worker_port}", highlight=False)
        # Not the address itself: a password is in it, and what is printed may be kept in a log.
        told = shlex.quote(str(server.url_file.resolve()))
        screen.print(f"for bridge trace and the like: export REDIS_URL=$(cat {told})", highlight=False, markup=False)
        await until_stopped(stop, [server.kept, *(child.kept for child in children)])
        screen.print("stopping", highlight=False)
