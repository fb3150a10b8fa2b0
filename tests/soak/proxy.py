"""A TCP proxy with faults on demand: latency, stall, reset, refuse. For kernels and machines without netem."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

HOST = "127.0.0.1"
CHUNK = 65_536
AT_ONCE = struct.pack("ii", 1, 0)
"""Lingering for no time makes the kernel send RST, which a client tells from an orderly end."""


def reset(writer: StreamWriter) -> None:
    """End a connection with RST."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    writer.transport.abort()


class Proxy:
    """Hands bytes on between ``port`` and the loopback port ``target``. An async context manager.

    ``target`` may be changed: new connections go there, those there are stay where they were.
    """

    def __init__(self, target: int, port: int) -> None:
        self.target = target
        """May be changed: what is connected stays where it is, as behind a name."""
        self.port = port
        self.latency_s = 0.0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._writers: set[StreamWriter] = set()
        self._pairs: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.refuse()
        for task in self._pairs:
            task.cancel()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    # -- faults -------------------------------------------------------------------------------------------------------

    def stall(self) -> None:
        """Take connections and bytes, and hand nothing on."""
        self._flowing.clear()

    def reset(self) -> None:
        """Reset every connection there is."""
        for writer in tuple(self._writers):
            reset(writer)

    async def refuse(self) -> None:
        """Reset every connection and take no new one."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.reset()

    async def heal(self) -> None:
        """Undo every fault. What a client that has gone meanwhile had sent during a stall is dropped."""
        self.latency_s = 0.0
        self._flowing.set()
        if self._server is None:
            await self._listen()

    # -- bytes --------------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._taken, HOST, self.port, limit=CHUNK)

    async def _taken(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._pairs.add(task)
            task.add_done_callback(self._pairs.discard)
        self._writers.add(writer)
        try:
            there_reader, there_writer = await asyncio.open_connection(HOST, self.target, limit=CHUNK)
        except OSError:
            self._drop(writer)
            return
        self._writers.add(there_writer)
        try:
            await self._both(reader, writer, there_reader, there_writer)
        finally:
            self._drop(writer)
            self._drop(there_writer)

    async def _both(
        self, reader: StreamReader, writer: StreamWriter, there_reader: StreamReader, there_writer: StreamWriter
    ) -> None:
        """Until either side ends: HTTP and Redis clients never close one half alone."""
        ways = [
            asyncio.create_task(self._pump(reader, there_writer)),
            asyncio.create_task(self._pump(there_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pump(self, reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if not self._flowing.is_set():
                    await self._flowing.wait()
                    # Bytes of a client that gave up must not arrive minutes later: no network keeps them that long.
                    if reader.at_eof() or reader.exception():
                        return
                if self.latency_s:
                    await asyncio.sleep(self.latency_s)
                writer.write(data)
                await writer.drain()

    def _drop(self, writer: StreamWriter) -> None:
        self._writers.discard(writer)
        writer.close()
