"""The soak's proxy: hands bytes on, and is as bad as it is told to be."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from bridge.embedded import free_port
from tests.harness import DEADLINE_S
from tests.soak.proxy import HOST, Proxy

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncIterator

SOON_S = DEADLINE_S
NOT_YET_S = 0.2


class Echo:
    """A server that answers what it hears; ``heard`` holds all of it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection."""
        while line := await reader.readline():
            self.heard.append(line)
            writer.write(line)
        writer.close()


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[Proxy, Echo]]:
    """A proxy before an echo."""
    echo, port = Echo(), free_port()
    server = await asyncio.start_server(echo, HOST, port)
    async with server, Proxy(port, free_port()) as proxy:
        yield proxy, echo


@asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    """A client's connection."""
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    yield reader, writer
    writer.close()


async def said(reader: StreamReader, writer: StreamWriter, text: bytes) -> bytes:
    """What comes back."""
    writer.write(text)
    return await asyncio.wait_for(reader.readline(), SOON_S)


async def test_bytes_pass_both_ways() -> None:
    """As if it were not there; with latency as well."""
    async with proxied() as (proxy, _), connected(proxy) as (reader, writer):
        assert await said(reader, writer, b"one\n") == b"one\n"
        proxy.latency_s = 0.01
        assert await said(reader, writer, b"two\n") == b"two\n"


async def test_a_stall_holds_bytes_back_until_it_is_healed() -> None:
    """The connection stays; nothing is lost."""
    async with proxied() as (proxy, echo), connected(proxy) as (reader, writer):
        await said(reader, writer, b"one\n")
        proxy.stall()
        writer.write(b"two\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), NOT_YET_S)
        assert echo.heard == [b"one\n"]
        await proxy.heal()
        assert await asyncio.wait_for(reader.readline(), SOON_S) == b"two\n"


async def test_what_a_client_sent_before_it_gave_up_is_dropped() -> None:
    """A request whose sender went away during a stall does not arrive after it."""
    async with proxied() as (proxy, echo):
        async with connected(proxy) as (reader, writer):
            await said(reader, writer, b"one\n")
            proxy.stall()
            writer.write(b"two\n")
            await writer.drain()
            await asyncio.sleep(NOT_YET_S)
        await writer.wait_closed()
        await asyncio.sleep(NOT_YET_S)
        await proxy.heal()
        async with connected(proxy) as (reader, writer):
            await said(reader, writer, b"three\n")
    assert echo.heard == [b"one\n", b"three\n"]


async def test_a_reset_breaks_every_connection_and_the_next_one_works() -> None:
    """A client can tell it from an orderly end."""
    async with proxied() as (proxy, _):
        async with connected(proxy) as (reader, writer):
            await said(reader, writer, b"one\n")
            proxy.reset()
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(reader.readline(), SOON_S)
        async with connected(proxy) as (reader, writer):
            assert await said(reader, writer, b"two\n") == b"two\n"


async def test_nobody_listens_while_it_refuses() -> None:
    """Not even the connections that were there."""
    async with proxied() as (proxy, _):
        async with connected(proxy) as (reader, writer):
            await said(reader, writer, b"one\n")
            await proxy.refuse()
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(reader.readline(), SOON_S)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, proxy.port)
        await proxy.heal()
        async with connected(proxy) as (reader, writer):
            assert await said(reader, writer, b"two\n") == b"two\n"
