"""The processes of `bridge up` and `bridge demo`: started together, begun again when one falls, ended together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientSession, ClientTimeout

from bridge.keeping import PATIENCE, Patience, ProcessFailedError, how_it_ended, keep, no_more
from bridge.lifeline import command
from bridge.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HOST = "127.0.0.1"
STOP_S = 35.0
READY_S = 30.0
RELAY_S = 1.0
"""How long what a process said last may take to arrive after its end."""

LAST_BYTES = 4096
"""Of what it said: enough for its last line."""

AT_ONCE = {"BRIDGE_LINGER_S": "0"}
"""Nobody stands before these who would go on sending, and somebody may wait for Ctrl-C to be done; a setting wins."""


def on_stderr(text: str) -> None:
    """Where the processes' own words go as well."""
    print(visible(text), file=sys.stderr, flush=True)  # noqa: T201 - it is what a person reads of `bridge up`


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
    patience: Patience = PATIENCE
    tell: Callable[[str], None] = on_stderr
    kept: asyncio.Task[None] | None = field(default=None, repr=False)
    """Begins it again; fails where that is of no use."""
    _said: bytes = field(default=b"", repr=False)
    _relay: asyncio.Task[None] | None = field(default=None, repr=False)
    _log_at: int = field(default=0, repr=False)

    async def start(self) -> None:
        """Start it, and again whenever it ends by itself. Raises ProcessFailedError where its port is taken."""
        if _taken(self.port):
            # Found here: whoever has the port might well answer /live, and be taken for ours.
            msg = f"{self.name} cannot listen: port {self.port} is taken"
            raise ProcessFailedError(msg)
        await self._spawn()
        self.kept = asyncio.create_task(keep(self.name, self._ended(), self._again, self.tell, self.patience))

    async def _spawn(self) -> None:
        environ = {**AT_ONCE, **os.environ, **self.environ, "BRIDGE_PORT": str(self.port)}
        if not self.log and sys.stderr.isatty():
            # What it says passes through us, and it would not see the terminal.
            environ.setdefault("BRIDGE_LOG_FORMAT", "console")
        argv = command([sys.executable, "-m", *self.module])
        self._said = b""
        with contextlib.ExitStack() as stack:
            # To a file where one is named: a demo's screen is for its timeline.
            out = stack.enter_context(open(self.log, "ab")) if self.log else None  # noqa: PTH123, ASYNC230 - once
            self._log_at = out.tell() if out else 0
            # In a session of its own: Ctrl-C is for us alone, who end everything in order.
            self.process = await asyncio.create_subprocess_exec(
                *argv, env=environ, stdout=out, stderr=out or asyncio.subprocess.PIPE, start_new_session=True
            )
        stderr = self.process.stderr
        self._relay = asyncio.create_task(self._pass_on(stderr)) if stderr else None

    async def _pass_on(self, stderr: asyncio.StreamReader) -> None:
        """What it says of a fault is for our own stderr; its end is kept, for the reason."""
        while said := await stderr.read(LAST_BYTES):
            self._said = (self._said + said)[-LAST_BYTES:]
            sys.stderr.buffer.write(said)
            sys.stderr.buffer.flush()

    async def _again(self) -> str:
        await self._spawn()
        return await self._ended()

    async def _ended(self) -> str:
        """Wait until it has ended; how, with what it said last."""
        assert self.process is not None  # noqa: S101 - it was spawned
        code = await self.process.wait()
        if self._relay is not None:
            await asyncio.wait({self._relay}, timeout=RELAY_S)
        return how_it_ended(code, await asyncio.to_thread(self._last_said))

    def _last_said(self) -> str:
        if not self.log:
            return self._said.decode(errors="replace")
        with Path(self.log).open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_at, size - LAST_BYTES))
            return log.read().decode(errors="replace")

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
            msg = f"{self.name} {await self._ended()}"
            raise ProcessFailedError(f"{msg}; see {self.log}" if self.log else msg)
        try:
            # Not /ready: beside a Redis that is full just now it must come up, and ask senders to come again.
            async with session.get(f"http://{HOST}:{self.port}/live", timeout=ClientTimeout(2)) as answer:
                return answer.status == 200  # noqa: PLR2004 - HTTP
        except (ClientError, TimeoutError, OSError):
            return False

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL where it does not end in time."""
        await no_more(self.kept)
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S + self._linger_s()):
                await self.process.wait()
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
