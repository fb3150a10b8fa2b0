"""Strangers: what they send costs little before they have proven anything, and an answer reaches them all the same."""

from __future__ import annotations

import asyncio
import gzip
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from bridge.bodies import BODY_PATIENCE_S, BUDGET, GRACE_S, LEAST_PER_S
from bridge.embedded import free_port
from bridge.listening import HEAD_MOST, LINGER_S, TEND_S
from bridge.listening import listening as listening_at
from bridge.peers import IDLE_S, UNREAD_S, Connected, Peers
from tests.clocks import LoopClock
from tests.harness import API_TOKEN, DEADLINE_S, eventually
from tests.integration.test_web_broken import request
from tests.integration.test_web_slow import asked, connected
from tests.webhooks import SENDERS, deliver, exchange, get, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.harness import Running

MORE = 64 * 1024 * 1024
"""Bytes: more than is thrown away and what stands in the buffers of two ends of a connection together."""


@pytest.fixture
async def run(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process."""
    async with listening(redis_url, prefix) as run:
        yield run


def port_of(run: Running) -> int:
    """Where it listens."""
    return int(run.url.rpartition(":")[2])


def without_proof(name: str) -> dict[str, None]:
    """The headers that prove a delivery, left out."""
    return {credential.replace("-", "_"): None for credential in SENDERS[name].credentials()}


# --- before the body -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SENDERS)
async def test_without_its_proof_a_delivery_is_refused_before_its_body(run: Running, name: str) -> None:
    """Each part of the proof is asked for in the head; the body never comes, and is not waited for."""
    for credential in SENDERS[name].credentials():
        left_out = {credential.replace("-", "_"): None}
        answer = await exchange(run, request(name, b"", content_length="1000", **left_out))
        assert (answer.status, answer.body) == (401, b'{"error":"unauthorised"}')


@pytest.mark.parametrize("name", ["django-helpdesk", "freshdesk", "jelou with a token"])
async def test_a_wrong_token_is_refused_before_the_body(run: Running, name: str) -> None:
    """What is not of the body is judged without it."""
    [*_, credential] = SENDERS[name].credentials()
    wrong = {credential.replace("-", "_"): "wrong"}
    answer = await exchange(run, request(name, b"", content_length="1000", **wrong))
    assert answer.status == 401


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"content_length": "1048577"}, 413),
        ({"content_length": "99999999999"}, 413),
        ({"content_length": "1000", "content_encoding": "br"}, 415),
        ({"content_length": "1000", "content_type": "text/plain"}, 415),
    ],
)
async def test_what_the_head_says_of_a_body_is_judged_by_the_head(
    run: Running, changes: dict[str, str], status: int
) -> None:
    """Its length, its packing and its type."""
    assert (await exchange(run, request("jelou", b"", **changes))).status == status


# --- after the answer ------------------------------------------------------------------------------------------------

REFUSED = {
    "no such place": (b"POST /nope HTTP/1.1", 404),
    "not that method": (b"PUT /webhooks/jelou/soporte HTTP/1.1", 405),
    "no proof": (b"POST /webhooks/jelou/soporte HTTP/1.1", 401),
    "no token": (b"POST /api/dead-letters/replay HTTP/1.1", 401),
    "a probe with a body": (b"GET /live HTTP/1.1", 200),
}


def endless(first: bytes) -> bytes:
    """A head that announces more than anybody reads, by its length or in chunks."""
    length = b"transfer-encoding: chunked" if b"jelou" in first else b"content-length: 900000000"
    lines = (first, b"host: a", b"content-type: application/json", b"content-encoding: gzip", length)
    return b"\r\n".join((*lines, b"", b""))


async def written(writer: asyncio.StreamWriter, piece: bytes) -> int:
    """How much of a body could be written before the connection was closed."""
    size = 0
    with suppress(ConnectionError):
        while size < MORE:
            writer.write(piece)
            await writer.drain()
            size += len(piece)
    return size


@pytest.mark.parametrize("what", REFUSED)
async def test_an_answer_reaches_who_goes_on_writing_and_then_is_the_end(run: Running, what: str) -> None:
    """What follows an answer is thrown away, packed as it is, to a bound; then the connection is closed."""
    first, status = REFUSED[what]
    piece = gzip.compress(bytes(60_000_000), mtime=0)
    if b"jelou" in first:
        piece = b"%x\r\n%s\r\n" % (len(piece), piece)
    async with connected(port_of(run)) as (reader, writer):
        writer.write(endless(first))
        assert int((await reader.readline()).split()[1]) == status
        assert await written(writer, piece) < MORE


async def test_a_large_body_that_proves_nothing_still_reads_its_401(run: Running) -> None:
    """A sender that writes all before it reads; the connection goes on after it."""
    body = bytes(900_000)
    async with connected(port_of(run)) as (reader, writer):
        for _ in range(2):
            sent = request("jelou", body, connection="keep-alive", **without_proof("jelou"))
            assert await asked(reader, writer, sent) == b'{"error":"unauthorised"}'
        assert await asked(reader, writer, request(connection="keep-alive"))


async def test_what_follows_an_answer_is_waited_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for the ten of aiohttp."""
    site, port = web.Application(), free_port()
    async with listening_at(site, "127.0.0.1", port), connected(port) as (reader, writer):
        clock = LoopClock(monkeypatch)
        writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.05)
        await clock.pass_s(LINGER_S)
        assert not (await asyncio.wait_for(reader.read(), DEADLINE_S)).startswith(b"HTTP")
        assert LINGER_S <= 1


# --- slow bodies, and many -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("proven", "after_s"), [(False, GRACE_S + 100 / LEAST_PER_S), (True, BODY_PATIENCE_S)])
async def test_a_body_comes_at_its_least_pace(
    run: Running, monkeypatch: pytest.MonkeyPatch, proven: bool, after_s: float
) -> None:
    """Of a stranger; who has proven something has the whole time."""
    clock = LoopClock(monkeypatch)
    async with connected(port_of(run)) as (reader, writer):
        if proven:
            assert await asked(reader, writer, request(connection="keep-alive"))
        writer.write(request("jelou", None, content_length="5000"))
        await _arriving(run)
        await clock.pass_s(after_s - 0.5)
        assert reader._buffer == b""  # type: ignore[attr-defined]  # noqa: SLF001 - nothing was answered yet
        await clock.pass_s(0.6)
        assert (await reader.readuntil(b"\r\n")).split()[1] == b"400"


async def _arriving(run: Running) -> None:
    async def some() -> bool:
        return run.site[BUDGET].total > 0

    await eventually(some)


async def test_bodies_share_a_budget_and_the_largest_stranger_gives_way(run: Running) -> None:
    """503 with Retry-After for it; the usual delivery beside it is taken, and nothing stays counted."""
    budget = run.site[BUDGET]
    budget.most = 49_500
    async with connected(port_of(run)) as (reader, writer):
        writer.write(request("jelou", bytes(49_000), content_length="100000"))
        await _arriving(run)
        assert (await deliver(run, "jelou")).status == 202
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert head.split()[1] == b"503"
    assert b"retry-after: " in head
    assert budget.total == 0


async def test_a_body_over_the_budget_is_refused_itself_where_it_is_the_largest(run: Running) -> None:
    """A packed one too, by what it unpacks to."""
    run.site[BUDGET].most = 50_000
    for body, encoding in ((bytes(60_000), None), (gzip.compress(bytes(60_000)), "gzip")):
        answer = await exchange(run, request("jelou", body, content_encoding=encoding))
        assert (answer.status, "retry-after" in answer.headers) == (503, True)
    assert run.site[BUDGET].total == 0


# --- connections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("proof", ["a delivery", "a token", "nothing"])
async def test_a_connection_is_proven_by_what_was_genuine(
    run: Running, monkeypatch: pytest.MonkeyPatch, proof: str
) -> None:
    """A delivery or a token, and never a probe; what is proven is kept idle for longer."""
    probe = b"GET /live HTTP/1.1\r\nhost: a\r\n\r\n"
    token = b"GET /api/dead-letters HTTP/1.1\r\nhost: a\r\nauthorization: Bearer %s\r\n\r\n" % API_TOKEN.encode()
    sent = {"a delivery": request(connection="keep-alive"), "a token": token, "nothing": probe}[proof]
    clock = LoopClock(monkeypatch)
    async with connected(port_of(run)) as (reader, writer):
        assert await asked(reader, writer, sent)
        await clock.pass_s(IDLE_S)
        if proof == "nothing":
            assert await asyncio.wait_for(reader.read(), DEADLINE_S) == b""
        else:
            assert await asked(reader, writer, probe)


@pytest.fixture
def site() -> web.Application:
    """An application with a short answer, and one that nobody reads at once."""

    async def hello(_: web.Request) -> web.Response:
        return web.Response(body=b"hello")

    async def much(_: web.Request) -> web.Response:
        return web.Response(body=bytes(16_777_216))

    site = web.Application()
    site.add_routes([web.get("/", hello), web.get("/much", much)])
    return site


HEAD = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


async def test_at_the_limit_an_idle_stranger_makes_room(site: web.Application) -> None:
    """With half a head or none; the new connection is answered."""
    port = free_port()
    async with (
        listening_at(site, "127.0.0.1", port, peers=Peers(most=2)),
        connected(port) as (old, half),
        connected(port) as (reader, writer),
    ):
        assert await asked(reader, writer, HEAD) == b"hello"
        half.write(HEAD[:-2])
        async with connected(port) as newest:
            assert await asked(*newest, HEAD) == b"hello"
            with suppress(ConnectionError):
                assert await asyncio.wait_for(old.read(), DEADLINE_S) == b""
        assert await asked(reader, writer, HEAD) == b"hello"


async def test_where_nobody_makes_room_the_new_one_is_asked_to_come_again(site: web.Application) -> None:
    """With 503, and never at the cost of a proven one."""
    port, peers = free_port(), Peers(most=1)
    async with listening_at(site, "127.0.0.1", port, peers=peers), connected(port) as (reader, writer):
        assert await asked(reader, writer, HEAD) == b"hello"
        [wire] = peers.wires()
        assert isinstance(wire, Connected)
        assert wire.peer
        wire.peer.proven = True
        async with connected(port) as (refused, _):
            head = await refused.read()
        assert (head.split()[1], b"Retry-After: " in head) == (b"503", True)
        assert await asked(reader, writer, HEAD) == b"hello"


async def test_a_head_without_end_is_cut_off(site: web.Application) -> None:
    """With 431, before it fills the memory."""
    port = free_port()
    async with listening_at(site, "127.0.0.1", port), connected(port) as (reader, writer):
        writer.write(
            b"GET / HTTP/1.1\r\n" + b"".join(b"x-%d: %s\r\n" % (n, b"a" * 4_000) for n in range(HEAD_MOST // 4_000))
        )
        writer.write(b"x-last: " + b"a" * 4_000)
        with suppress(ConnectionError):
            assert (await asyncio.wait_for(reader.read(), DEADLINE_S)).startswith(b"HTTP/1.1 431 ")


async def test_an_answer_that_nobody_reads_is_given_up(site: web.Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection is closed, and nothing of it is kept."""
    port, peers = free_port(), Peers()
    async with listening_at(site, "127.0.0.1", port, peers=peers), connected(port) as (_, writer):
        writer.write(b"GET /much HTTP/1.1\r\nhost: a\r\n\r\n")

        async def gone() -> bool:
            return len(peers) == 0

        async def stuck() -> bool:
            return [wire.waits() for wire in peers.wires()] == [False]

        await eventually(stuck)
        clock = LoopClock(monkeypatch)
        for _ in range(2):
            await clock.pass_s(UNREAD_S + TEND_S)
        await eventually(gone)


async def test_probes_go_on_beside_it_all(run: Running) -> None:
    """On a connection of their own each."""
    assert {(await get(run, path)).status for path in ("/live", "/metrics")} == {200}
