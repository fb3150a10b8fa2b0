"""A Redis that refuses what it is told to: every command goes on to a real server, or gets an error for an answer."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncIterator, Callable

    Command = list[bytes]
    Refuses = Callable[[Command], str]

HANDSHAKE = frozenset({b"CLIENT", b"HELLO", b"AUTH", b"SELECT"})
CHUNK = 1 << 24


def nothing(_: Command) -> str:
    """Refuse nothing."""
    return ""


def everything(error: str) -> Refuses:
    """Refuse every command with this error, and repeat what it was told, as some servers do."""

    def refuses(command: Command) -> str:
        if command[0].upper() in HANDSHAKE:
            return ""
        return f"{error}, with args beginning with: {b' '.join(command[1:])!r}"[:2_000]

    return refuses


@dataclass
class RefusingRedis:
    """Where it listens, and what it refuses: the error's text, or an empty one."""

    target: tuple[str, int]
    credential: str = ""
    port: int = 0
    refuses: Refuses = nothing
    told: list[Command] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """For redis-py."""
        return f"redis://{self.credential}127.0.0.1:{self.port}/0"

    async def met(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One client."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        there_reader, there_writer = await asyncio.open_connection(*self.target, limit=CHUNK)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve(reader, writer, there_reader, there_writer)
        finally:
            there_writer.close()
            writer.close()

    async def _serve(
        self, reader: StreamReader, writer: StreamWriter, there: StreamReader, there_writer: StreamWriter
    ) -> None:
        spoilt = False
        while True:
            raw, command = await _command(reader)
            self.told.append(command)
            refused = self.refuses(command).replace("\r\n", " ")
            name = command[0].upper()
            spoilt = bool(refused) or (spoilt and name not in {b"MULTI", b"DISCARD"})
            if name == b"EXEC" and spoilt:
                there_writer.write(b"*1\r\n$7\r\nDISCARD\r\n")
                await _answer(there)
                writer.write(b"-EXECABORT Transaction discarded because of previous errors.\r\n")
                spoilt = False
            elif refused:
                writer.write(f"-{refused}\r\n".encode())
            else:
                there_writer.write(raw)
                writer.write(await _answer(there))
            await writer.drain()


async def _command(reader: StreamReader) -> tuple[bytes, Command]:
    head = await reader.readuntil(b"\r\n")
    raw, words = head, []
    for _ in range(int(head[1:])):
        length = await reader.readuntil(b"\r\n")
        word = await reader.readexactly(int(length[1:]) + 2)
        raw += length + word
        words.append(word[:-2])
    return raw, words


async def _answer(reader: StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n")
    kind, rest = head[:1], head[1:-2]
    if kind == b"$" and int(rest) >= 0:
        return head + await reader.readexactly(int(rest) + 2)
    if kind == b"*" and int(rest) > 0:
        return head + b"".join([await _answer(reader) for _ in range(int(rest))])
    return head


@asynccontextmanager
async def refusing(url: str, refuses: Refuses = nothing) -> AsyncIterator[RefusingRedis]:
    """It, before the server of ``url``, until the end of the block."""
    place = urlsplit(url)
    proxy = RefusingRedis(
        (place.hostname or "", place.port or 0), "".join(place.netloc.rpartition("@")[:2]), refuses=refuses
    )
    server = await asyncio.start_server(proxy.met, "127.0.0.1", 0, limit=CHUNK)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in proxy.tasks:
            task.cancel()
        await asyncio.gather(*proxy.tasks, return_exceptions=True)
