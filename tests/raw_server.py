"""A TCP server for tests: keeps what it was sent, and answers, hangs, closes or resets as told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Act = Callable[["Peer"], Awaitable[None]]

GONE = (ConnectionError, asyncio.IncompleteReadError)
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: close sends RST."""


@dataclass
class RawServer:
    """What came: connections made and ended, requests as their bytes."""

    port: int = 0
    connections: int = 0
    ended: int = 0
    requests: list[bytes] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def methods(self) -> list[str]:
        """The methods of the requests, in the order they came."""
        return [request.split(b" ", 1)[0].decode() for request in self.requests]


@dataclass
class Peer:
    """One connection, from the server's side."""

    server: RawServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> bytes:
        """Read one request whole, and keep it. Raises IncompleteReadError where none comes any more."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        whole = head + await self.reader.readexactly(int(length.split(b":")[1]))
        self.server.requests.append(whole)
        return whole

    async def say(self, answer: bytes) -> None:
        """Send these bytes."""
        self.writer.write(answer)
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection the hard way."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.close()


def http(body: bytes = b"{}", status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer; header names are written with underscores."""
    told = {"content-length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def answering(*answers: bytes) -> Act:
    """Each request of a connection gets the next of these; after the last, the connection is closed unanswered."""

    async def act(peer: Peer) -> None:
        for answer in answers:
            await peer.request()
            await peer.say(answer)
        await peer.request()

    return act


async def hanging(peer: Peer) -> None:
    """Take a request and never answer."""
    await peer.request()
    await peer.reader.read()


async def resetting(peer: Peer) -> None:
    """Take a request and reset."""
    await peer.request()
    peer.reset()


async def silent(peer: Peer) -> None:
    """Read whatever comes and say nothing, until the other side ends it."""
    peer.server.requests.append(await peer.reader.read())


@asynccontextmanager
async def raw_server(act: Act, port: int = 0) -> AsyncIterator[RawServer]:
    """A server that does this with each connection, until the end of the block."""
    known = RawServer()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        known.connections += 1
        task = asyncio.current_task()
        if task is not None:
            known.tasks.add(task)
        try:
            # Cancelled at the end of the block; asyncio would log a task of a connection that ends so.
            with contextlib.suppress(*GONE, asyncio.CancelledError):
                await act(Peer(known, reader, writer))
        finally:
            known.ended += 1
            writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", port)
    known.port = server.sockets[0].getsockname()[1]
    try:
        yield known
    finally:
        server.close()
        for task in known.tasks:
            task.cancel()
        await asyncio.gather(*known.tasks, return_exceptions=True)
