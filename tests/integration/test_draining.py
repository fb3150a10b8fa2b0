"""A server that is told to end loses no request: connections that come late, kept ones, idle ones, slow bodies."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bridge.embedded import free_port
from bridge.listening import listening
from tests.clocks import LoopClock
from tests.harness import DEADLINE_S, eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.draining import Draining

LINGER_S = 15.0
BEFORE_IDLE_IS_CLOSED_S = 9.9
POST = b"POST /%b HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n"
WHOLE = POST % b"" + b"body"


@dataclass
class Stage:
    """The loop's clock, which a test moves, and the connections that are closed when the test is over."""

    clock: LoopClock
    connections: list[Connection] = field(default_factory=list)


@dataclass
class Site:
    """A server that keeps what was posted to it, and how it is ended."""

    port: int
    draining: Draining
    stage: Stage
    bodies: list[bytes]
    begun: list[str]
    at_once: asyncio.Event = field(default_factory=asyncio.Event)
    lingering: asyncio.Task[None] | None = None

    async def is_told_to_end(self) -> None:
        """As by SIGTERM."""
        self.lingering = asyncio.create_task(self.draining.linger(LINGER_S, self.at_once))
        await self.pass_s(0)

    async def pass_s(self, by_s: float) -> None:
        """Time passes."""
        await self.stage.clock.pass_s(by_s)

    async def connection(self) -> Connection:
        """A new one, on which nothing was sent yet."""
        self.stage.connections.append(Connection(*await asyncio.open_connection("127.0.0.1", self.port)))
        return self.stage.connections[-1]

    async def takes_no_connection(self) -> bool:
        """Whether it listens no more."""
        try:
            await self.connection()
        except ConnectionRefusedError:
            return True
        return False

    async def has(self, count: int, of: list[Any]) -> None:
        """Wait until it has so many."""

        async def enough() -> bool:
            return len(of) == count

        await eventually(enough)


@dataclass
class Connection:
    """A sender's connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def posts(self, request: bytes = WHOLE) -> tuple[bytes, bool]:
        """The status of the answer, and whether it asks for a new connection."""
        self.writer.write(request)
        return await self.answer()

    async def answer(self) -> tuple[bytes, bool]:
        """The next one."""
        async with asyncio.timeout(DEADLINE_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            await self.reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        return head.split(b" ")[1], b"connection: close" in head.lower()

    async def is_closed(self) -> bool:
        """Wait until it is."""
        async with asyncio.timeout(DEADLINE_S):
            return await self.reader.read() == b""


async def connected(site: Site) -> Connection:
    """A connection that is kept after its first request."""
    connection = await site.connection()
    await connection.posts()
    return connection


@asynccontextmanager
async def ended_after(stage: Stage) -> AsyncIterator[Site]:
    """A server that stops listening when the block is left, as after its lingering."""
    application, port = web.Application(), free_port()
    bodies, begun = list[bytes](), list[str]()

    async def keep(request: web.Request) -> web.Response:
        begun.append(request.path)
        bodies.append(await request.read())
        return web.Response()

    application.router.add_post("/", keep)
    async with listening(application, "127.0.0.1", port, finish_s=DEADLINE_S) as draining:
        yield Site(port, draining, stage, bodies, begun)


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """For the length of a test."""
    stage = Stage(LoopClock(monkeypatch))
    yield stage
    for one in stage.connections:
        one.writer.close()
        with suppress(ConnectionError):
            await one.writer.wait_closed()


@pytest.fixture
async def site(stage: Stage) -> AsyncIterator[Site]:
    """A server for the length of a test; what lingers at its end is told to stop at once."""
    async with ended_after(stage) as site:
        yield site
        site.at_once.set()
        if site.lingering:
            await site.lingering


async def test_every_answer_asks_for_a_new_connection_once_the_end_has_begun(site: Site) -> None:
    """On connections kept from before and on new ones, for errors too; until then none does."""
    before, refused = await connected(site), await connected(site)
    assert await before.posts() == (b"200", False)
    await site.is_told_to_end()
    assert await before.posts() == (b"200", True)
    assert await refused.posts(POST % b"nowhere" + b"body") == (b"404", True)
    assert await (await site.connection()).posts() == (b"200", True)
    assert [await one.is_closed() for one in (before, refused)] == [True, True]


async def test_an_answer_under_way_when_the_end_begins_asks_for_a_new_connection(site: Site) -> None:
    """Its sender would else post once more on it."""
    connection = await connected(site)
    connection.writer.write(POST % b"")
    await site.has(2, site.begun)
    await site.is_told_to_end()
    assert await connection.posts(b"body") == (b"200", True)


async def test_an_idle_connection_is_good_until_late(site: Site) -> None:
    """A sender that pauses for long posts on it as ever; one that pauses even longer finds it closed."""
    paused, silent = await connected(site), await connected(site)
    await site.is_told_to_end()
    await site.pass_s(BEFORE_IDLE_IS_CLOSED_S)
    assert await paused.posts() == (b"200", True)
    await site.pass_s(LINGER_S - BEFORE_IDLE_IS_CLOSED_S - 0.1)
    assert await silent.is_closed()
    assert site.lingering is not None
    assert not site.lingering.done()


async def test_idle_connections_are_closed_one_after_the_other(site: Site) -> None:
    """The longest idle first; what is posted on the next meanwhile is answered."""
    first, second = await connected(site), await connected(site)
    await site.pass_s(2.0)
    await site.is_told_to_end()
    await site.pass_s(LINGER_S * 2 / 3 + 0.01)
    assert await first.is_closed()
    assert await second.posts() == (b"200", True)


async def test_a_post_that_crosses_the_close_of_its_idle_connection_is_taken(site: Site) -> None:
    """Its sender gets no answer, but what it told is not lost."""
    connection = await connected(site)
    await site.pass_s(2.0)
    await site.is_told_to_end()
    await site.pass_s(LINGER_S * 2 / 3 + 0.01)
    assert await connection.is_closed()
    connection.writer.write(POST % b"" + b"late")
    await site.has(2, site.bodies)
    assert site.bodies == [b"body", b"late"]


async def test_a_connection_that_was_just_made_is_answered_after_the_last_moment(stage: Stage) -> None:
    """Whoever connects is about to post."""
    async with ended_after(stage) as site:
        await site.is_told_to_end()
        await site.pass_s(LINGER_S - 0.1)
        late = await connected(site)
        assert await late.is_closed()
        fresh = await site.connection()
        await site.pass_s(0.2)
        assert site.lingering is not None
        await site.lingering
        answered = asyncio.create_task(posts_in_the_end(fresh, site, WHOLE))
    assert await answered == (b"200", True)


async def test_a_body_that_still_comes_when_listening_ends_is_taken_whole(stage: Stage) -> None:
    """A request under way has its time, and not only those that are whole."""
    async with ended_after(stage) as site:
        slow = await connected(site)
        slow.writer.write(POST % b"" + b"bo")
        await site.has(2, site.begun)
        rest = asyncio.create_task(posts_in_the_end(slow, site, b"dy"))
    assert await rest == (b"200", True)
    assert site.bodies == [b"body", b"body"]


async def posts_in_the_end(connection: Connection, site: Site, told: bytes) -> tuple[bytes, bool]:
    """Send this as soon as no new connection is taken."""
    await eventually(site.takes_no_connection)
    return await connection.posts(told)


async def test_the_end_comes_at_once_when_it_is_wanted(site: Site) -> None:
    """Nobody waits for idle connections then."""
    idle = await connected(site)
    await site.is_told_to_end()
    site.at_once.set()
    assert site.lingering is not None
    await asyncio.wait_for(site.lingering, DEADLINE_S)
    assert await idle.posts() == (b"200", True)
