"""The web process while Redis is away, full, read-only or something else: 503 in time, and then on as before."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from bridge.embedded import EmbeddedServer, free_port
from bridge.processes import web_and_worker
from tests.command_line import SECRETS, configuration, started, written
from tests.harness import API_TOKEN, Running, eventually, scene
from tests.log_capture import configured
from tests.raw_server import Peer, answering, http, raw_server, silent
from tests.webhooks import SENDERS, Answer, deliver, get, listening, post_script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.raw_server import Act

AGAIN = (503, "30", {"error": "try again"})
"""What a sender is told while Redis cannot take a delivery."""


SCRIPT = b'{"type":"ticket.created","data":{"ticket":{"id":"1"},"requester":{"phone":"+593987654321"}}}'


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A Redis of the test's own, to be killed."""
    async with EmbeddedServer(tmp_path) as server:
        yield server


@pytest.fixture
async def run(server: EmbeddedServer, prefix: str) -> AsyncIterator[Running]:
    """The web process on it."""
    async with listening(server.url, prefix) as run:
        yield run


async def kill(server: EmbeddedServer) -> None:
    """End the server as a power cut would."""
    server.kill()
    if server.process:
        await server.process.wait()


def told(answer: Answer) -> tuple[int, str, dict[str, str]]:
    """What a sender makes of an answer."""
    return answer.status, answer.headers.get("retry-after", ""), answer.json


async def all_refused(run: Running, *names: str) -> bool:
    """Whether every webhook asks to come again. How long it tries is no business of a test."""
    answers = await asyncio.gather(*(deliver(run, name) for name in names or SENDERS))
    return [told(answer) for answer in answers] == [AGAIN] * len(answers)


async def test_away_and_back_without_a_restart(server: EmbeddedServer, prefix: str) -> None:
    """Killed: 503 with a time to come back, alive, not ready. Back with its data: all goes on, nothing is lost."""
    async with scene(server.url, prefix) as on:
        assert (await on.scripted("before"))[0] == 202
        before = await on.until_phase("before", "open")
        await kill(server)
        assert await on.scripted("during") == (503, {"error": "try again"})
        assert (await get(on.bridge, "/live")).status == 200
        ready = await get(on.bridge, "/ready")
        assert (ready.status, ready.json["ready"], ready.json["redis"]["reachable"]) == (503, False, False)
        await server.start()
        assert (await on.scripted("during"))[1]["status"] == "accepted"
        await on.until_phase("during", "open")
        assert (await get(on.bridge, "/ready")).json["ready"] is True
        assert await on.until_phase("before", "open") == before


async def test_every_question_is_answered_while_redis_is_away(server: EmbeddedServer, run: Running) -> None:
    """Webhooks and API ask to come again, which tells operators why; probes answer; a stranger is refused first."""
    await kill(server)
    assert await all_refused(run)
    status, after_s, answer = told(await get(run, "/api/tickets/zendesk/main/1", API_TOKEN))
    assert (status, after_s) == (503, "30")
    assert answer["error"].startswith("try again: Redis at 127.0.0.1:")
    assert (await get(run, "/api/tickets/zendesk/main/1", "wrong")).status == 401
    assert (await deliver(run, "zendesk", change=lambda _: "x")).status == 401
    assert run.app.metrics.registry.get_sample_value("bridge_store_unavailable_total") >= 6
    assert run.app.metrics.registry.get_sample_value("bridge_redis_errors_total", {"reason": "refused"}) >= 1


async def test_a_process_starts_without_redis_and_works_when_it_comes(tmp_path: Path, prefix: str) -> None:
    """The order in which things start is nobody's to arrange."""
    server = EmbeddedServer(tmp_path)
    await server.start()
    await server.stop()
    async with listening(server.url, prefix) as run:
        assert (await get(run, "/live")).status == 200
        assert await all_refused(run, "zendesk")
        async with server:
            assert (await deliver(run, "zendesk")).status == 202


async def test_a_short_absence_is_waited_for(server: EmbeddedServer, run: Running) -> None:
    """A delivery that comes while Redis restarts is taken when it is back, and the sender never knew."""
    await kill(server)
    delivery = asyncio.create_task(deliver(run, "zendesk"))
    await eventually(lambda: asyncio.sleep(0, not delivery.done()))
    await server.start()
    assert (await delivery).status == 202


async def test_a_server_that_hangs_is_cut_off_in_time(server: EmbeddedServer, run: Running) -> None:
    """A stopped server takes connections and says nothing; a delivery that may have arrived is a repeat later."""
    assert server.process
    assert (await deliver(run, "zendesk")).status == 202
    os.kill(server.process.pid, signal.SIGSTOP)
    assert await all_refused(run)
    os.kill(server.process.pid, signal.SIGCONT)
    assert (await deliver(run, "jelou")).status == 202


async def orders(server: EmbeddedServer, *words: str) -> None:
    """Have the server do as told."""
    async with Redis.from_url(server.url, socket_timeout=1) as redis:
        await redis.execute_command(*words)


NO_WRITES = [
    ("is full", ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]),
    ("is read-only", ["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]),
    (
        "too few replicas",
        ["CONFIG", "SET", "min-replicas-to-write", "1"],
        ["CONFIG", "SET", "min-replicas-to-write", "0"],
    ),
    ("is held up by a script", ["EVAL", "while true do end", "0"], ["SCRIPT", "KILL"]),
]


async def refused_until_repaired(folder: Path, prefix: str, why: str, broken: list[str], repaired: list[str]) -> bool:
    """Whether a bridge on a server that was told this asks to come again, says why, and goes on when it is undone."""
    async with EmbeddedServer(folder) as server, listening(server.url, prefix) as run:
        await orders(server, "CONFIG", "SET", "busy-reply-threshold", "1")
        with suppress(RedisTimeoutError):
            await orders(server, *broken)
        refused = await all_refused(run, "zendesk", "jelou")
        ready = await get(run, "/ready")
        refused = refused and ready.status == 503 and why in ready.json["redis"]["reason"] and not ready.json["ready"]
        await orders(server, *repaired)
        accepted = (await deliver(run, "zendesk")).status == 202
        return refused and accepted and (await get(run, "/ready")).status == 200


async def test_a_redis_that_takes_no_writes_is_503(tmp_path: Path, prefix: str) -> None:
    """Full, or the old primary after a failover: the sender comes again when somebody has repaired it.

    ``/ready`` is 503 as long, with the reason in words.
    """
    tried = [refused_until_repaired(tmp_path / str(one), prefix, *orders) for one, orders in enumerate(NO_WRITES)]
    assert await asyncio.gather(*tried) == [True] * len(NO_WRITES)


async def test_a_web_that_starts_beside_a_full_redis_answers_its_senders(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """It lives at once and asks them to come again, so that its Service is never empty; it says why it is not ready."""
    await orders(server, "CONFIG", "SET", "maxmemory", "1")
    path, port = written(tmp_path, configuration()), free_port()
    environ = {"REDIS_URL": server.url, "BRIDGE_LOG_FORMAT": "json"}
    async with (
        ClientSession() as session,
        started("serve", "--config", path, "--port", str(port), environ=environ) as process,
    ):
        await process.says("web ready")
        run = Running(f"http://127.0.0.1:{port}", session, None, None, None)  # type: ignore[arg-type]
        assert (await get(run, "/live")).status == 200
        ready = await get(run, "/ready")
        assert (ready.status, "is full" in ready.json["redis"]["reason"]) == (503, True)
        assert told(await post_script(run, SCRIPT)) == AGAIN
        await orders(server, "CONFIG", "SET", "maxmemory", "0")
        assert (await post_script(run, SCRIPT)).status == 202
        assert (await get(run, "/ready")).status == 200


async def test_bridge_up_comes_up_beside_a_full_redis(server: EmbeddedServer, tmp_path: Path) -> None:
    """Both its processes are there, and say why they are not ready; with room they are."""
    await orders(server, "CONFIG", "SET", "maxmemory", "1")
    config, ports = written(tmp_path, configuration()), (free_port(), free_port())
    children = web_and_worker(config, server.url, *ports, SECRETS, str(tmp_path))
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(ClientSession())
        for child in children:
            stack.push_async_callback(child.stop)
            await child.start()
            await child.ready(session)
        runs = [Running(f"http://127.0.0.1:{child.port}", session, None, None, None) for child in children]  # type: ignore[arg-type]
        assert [(await get(run, "/ready")).status for run in runs] == [503, 503]
        await orders(server, "CONFIG", "SET", "maxmemory", "0")
        assert [(await get(run, "/ready")).status for run in runs] == [200, 200]


async def greeting(peer: Peer) -> None:
    """Be a mail server."""
    await peer.say(b"220 mail.example.com ESMTP\r\n")
    await peer.reader.read()


def replying(answer: bytes) -> Act:
    """Answer whatever comes with this."""

    async def act(peer: Peer) -> None:
        while await peer.reader.read(10_000):
            await peer.say(answer)

    return act


OTHERS: list[Act] = [
    answering(http(b"Bad Request", "400 Bad Request")),
    greeting,
    silent,
    replying(b"-NOAUTH Authentication required.\r\n"),
    replying(b"-ERR unknown command\r\n"),
    replying(b"-LOADING Redis is loading the dataset in memory\r\n"),
    replying(bytes(range(256))),
]


async def refused_on(act: Act, prefix: str) -> bool:
    """Whether a bridge on a server that does this asks its senders to come again, and says that it is not ready."""
    async with raw_server(act) as other, listening(f"redis://127.0.0.1:{other.port}/0", prefix) as run:
        refused = await all_refused(run, "zendesk", "jelou")
        return refused and (await get(run, "/live")).status == 200 and (await get(run, "/ready")).status == 503


async def test_something_that_is_not_our_redis_is_503(prefix: str) -> None:
    """A wrong port, a missing password, a server that forbids scripts: a sender is never told 500."""
    # As a process logs: unconfigured, a traceback is drawn for people, and that takes seconds.
    with configured("critical", "json"):
        assert await asyncio.gather(*(refused_on(act, prefix) for act in OTHERS)) == [True] * len(OTHERS)
