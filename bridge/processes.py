"""The processes of `bridge up` and `bridge demo`: started together, begun again when one falls, ended together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientSession, ClientTimeout

from bridge.errors import BridgeError
from bridge.lifeline import command

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = "127.0.0.1"
RESTART_S = 1.0
STOP_S = 35.0
READY_S = 30.0
AT_ONCE = {"BRIDGE_LINGER_S": "0"}
"""Nobody stands before these who would go on sending, and somebody may wait for Ctrl-C to be done; a setting wins."""


class ProcessFailedError(BridgeError):
    """A process of ours did not come up."""


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: a port whose connections linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


@dataclass
class Child:
    """One process of the bridge, in an environment of its own on top of ours."""

    name: str
    module: tuple[str, ...]
    port: int
    environ: Mapping[str, str]
    log: str = ""
    process: asyncio.subprocess.Process | None = None
    stopping: bool = False
    _watch: asyncio.Task[None] | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Start it, and again whenever it ends by itself. Raises ProcessFailedError where its port is taken."""
        if _taken(self.port):
            # Found here: whoever has the port might well answer /ready, and be taken for ours.
            msg = f"{self.name} cannot listen: port {self.port} is taken"
            raise ProcessFailedError(msg)
        await self._spawn()
        self._watch = asyncio.create_task(self._keep())

    async def _spawn(self) -> None:
        environ = {**AT_ONCE, **os.environ, **self.environ, "BRIDGE_PORT": str(self.port)}
        argv = command([sys.executable, "-m", *self.module])
        with contextlib.ExitStack() as stack:
            # To a file where one is named: a demo's screen is for its timeline.
            out = stack.enter_context(open(self.log, "ab")) if self.log else None  # noqa: PTH123, ASYNC230 - once
            # In a session of its own: Ctrl-C is for us alone, who end everything in order.
            self.process = await asyncio.create_subprocess_exec(
                *argv, env=environ, stdout=out, stderr=out, start_new_session=True
            )

    async def _keep(self) -> None:
        while not self.stopping and self.process is not None:
            await self.process.wait()
            if not self.stopping:
                await asyncio.sleep(RESTART_S)
                await self._spawn()

    async def ready(self, session: ClientSession) -> None:
        """Wait until it says so. Raises ProcessFailedError where it ended instead, or never does."""
        try:
            async with asyncio.timeout(READY_S):
                while not await self._says_ready(session):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            msg = f"{self.name} was not ready within {READY_S:.0f} s"
            raise ProcessFailedError(msg) from None

    async def _says_ready(self, session: ClientSession) -> bool:
        if self.process is not None and self.process.returncode is not None:
            msg = f"{self.name} ended with code {self.process.returncode}"
            raise ProcessFailedError(f"{msg}; see {self.log}" if self.log else msg)
        try:
            async with session.get(f"http://{HOST}:{self.port}/ready", timeout=ClientTimeout(2)) as answer:
                return answer.status == 200  # noqa: PLR2004 - HTTP
        except (ClientError, TimeoutError, OSError):
            return False

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL where it does not end in time."""
        self.stopping = True
        if self._watch is not None:
            self._watch.cancel()
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_S + self._linger_s())
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def _linger_s(self) -> float:
        return float({**AT_ONCE, **os.environ, **self.environ}["BRIDGE_LINGER_S"] or 0)


def web_and_worker(
    config: str, redis_url: str, web_port: int, worker_port: int, environ: Mapping[str, str], log_folder: str = ""
) -> list[Child]:
    """The two processes of a bridge, on one machine."""
    both = {"BRIDGE_CONFIG": config, "REDIS_URL": redis_url, "BRIDGE_HOST": HOST, **environ}

    def log(name: str) -> str:
        return f"{log_folder}/{name}.log" if log_folder else ""

    return [
        Child("web", ("bridge", "serve"), web_port, both, log("web")),
        Child("worker", ("workers",), worker_port, both, log("worker")),
    ]
