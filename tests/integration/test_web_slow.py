"""Slow senders: a head or a body that drips, or an idle connection, holds nothing for long and hinders nobody."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from bridge.embedded import free_port
from bridge.listening import listening
from bridge.peers import Peers
from tests.harness import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEAD_S = 0.4
RESET = b"reset"
CUT_OFF = {b"HTTP/1.1 408", RESET}
HEAD = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


async def _hello(request: web.Request) -> web.Response:
    await asyncio.sleep(float(request.query.get("s", "0")))
    return web.Response(body=await request.read() or b"hello")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """An application that answers at once, or after as long as it is asked to."""
    site, port = web.Application(), free_port()
    site.add_routes([web.route("*", "/", _hello)])
    async with listening(site, "127.0.0.1", port, head_s=HEAD_S):
        yield port


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection until the end of the block."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes = HEAD) -> bytes:
    """The answer to one request."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    return await reader.readexactly(int(length.split(b":")[1]))


async def dripped(port: int, request: bytes) -> bytes:
    """What is answered to a request which comes a byte at a time, each soon after the one before, when it is cut off.

    A byte that comes just then makes it a reset, which may take the answer along.
    """
    async with connected(port) as (reader, writer):
        drip = asyncio.create_task(_drip(writer, request))
        try:
            return (await asyncio.wait_for(reader.read(), DEADLINE_S))[:12] or RESET
        except ConnectionError:
            return RESET
        finally:
            drip.cancel()


async def _drip(writer: asyncio.StreamWriter, request: bytes) -> None:
    with suppress(ConnectionError):
        for byte in request:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(HEAD_S / 10)


@pytest.mark.parametrize("request_", [b"GET /" + b"a" * 500, HEAD[:-2] + b"x-more: " + b"a" * 500, b"\r\n" * 250])
async def test_a_head_that_drips_is_cut_off(port: int, request_: bytes) -> None:
    """With 408, however steadily it comes; the others are answered meanwhile."""
    slow = asyncio.create_task(dripped(port, request_))
    async with connected(port) as (reader, writer):
        assert await asked(reader, writer) == b"hello"
    assert await slow in CUT_OFF


async def test_many_slow_heads_hinder_nobody(port: int) -> None:
    """They all end, and a request beside them is answered."""
    slow = [asyncio.create_task(dripped(port, b"GET / HTTP/1.1\r\nx: " + b"a" * 500)) for _ in range(100)]
    async with connected(port) as (reader, writer):
        assert await asked(reader, writer) == b"hello"
    assert set(await asyncio.gather(*slow)) <= CUT_OFF


async def test_a_second_head_has_the_same_time(port: int) -> None:
    """A connection that has proven nothing but its first request."""
    async with connected(port) as (reader, writer):
        assert await asked(reader, writer) == b"hello"
        writer.write(HEAD[:-2])
        assert (await asyncio.wait_for(reader.read(), DEADLINE_S)).startswith(b"HTTP/1.1 408 ")


async def test_a_slow_answer_is_no_slow_head(port: int) -> None:
    """Nor is a body that comes later, nor a pause between two requests."""
    async with connected(port) as (reader, writer):
        writer.write(b"POST /?s=%d HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n" % 1)
        await asyncio.sleep(HEAD_S * 1.5)
        assert await asked(reader, writer, b"body") == b"body"
        await asyncio.sleep(HEAD_S * 1.5)
        assert await asked(reader, writer) == b"hello"


async def test_a_head_in_two_parts_is_one() -> None:
    """As networks deliver them."""
    site, port = web.Application(), free_port()
    site.add_routes([web.get("/", _hello)])
    async with listening(site, "127.0.0.1", port), connected(port) as (reader, writer):
        for part in (HEAD[:9], HEAD[9:20]):
            writer.write(part)
            await asyncio.sleep(HEAD_S / 5)
        assert await asked(reader, writer, HEAD[20:]) == b"hello"


async def test_an_idle_connection_is_closed_in_the_end() -> None:
    """One that never asks anything, and one that asks no more."""
    site, port = web.Application(), free_port()
    site.add_routes([web.get("/", _hello)])
    peers = Peers(idle_s=0.3)
    async with (
        listening(site, "127.0.0.1", port, peers=peers),
        connected(port) as (silent, _),
        connected(port) as (reader, writer),
    ):
        assert await asked(reader, writer) == b"hello"
        assert [await asyncio.wait_for(one.read(), DEADLINE_S) for one in (silent, reader)] == [b"", b""]
    assert len(peers) == 0


async def test_a_stopping_server_does_not_wait_for_a_head() -> None:
    """Only for requests under way."""
    site, port = web.Application(), free_port()
    site.add_routes([web.get("/", _hello)])
    async with asyncio.timeout(DEADLINE_S / 2), connected_to_end(port, site) as reader:
        assert reader.at_eof() is False
    assert await reader.read() == b""


@asynccontextmanager
async def connected_to_end(port: int, site: web.Application) -> AsyncIterator[asyncio.StreamReader]:
    """A connection with half a head, to a server that has stopped when the block is left."""
    async with listening(site, "127.0.0.1", port, finish_s=DEADLINE_S, head_s=DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD[:-2])
        await writer.drain()
        yield reader
    writer.close()
