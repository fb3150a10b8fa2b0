"""``make bench``: idle latency, and the drain of accepted tickets beside a textbook arq worker, in the same run.

The machine is noisy: compare the ratio of one run, not the figures of two. Nothing is asserted. With ``pace`` or
``markup``, ``rollout`` or ``strangers`` as first argument it is the benchmark of that module.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

import orjson
import uvloop
import yaml
from aiohttp import ClientConnectionError, ClientSession
from arq.connections import RedisSettings, create_pool
from redis.asyncio import Redis
from standardwebhooks import Webhook

from bridge import events
from bridge.correlate import lane_name
from bridge.domain import Ticket, TicketOpened, TicketRef
from bridge.embedded import EmbeddedServer, free_port
from bridge.lifeline import command
from bridge.processes import web_and_worker
from bridge.protocol import Incoming
from bridge.store import Store
from bridge.timeline import entry
from bridge.wiring import wall_clock_ms
from tests.bench import markup, pace, rollout, strangers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
PATH = "/webhooks/helpdesks/standard-webhooks/bench"
ENVIRON = {"KEY": "key", "SECRET": SECRET, "SIGNING": "signing", "BRIDGE_LOG_FORMAT": "json"}


def configuration(peer: str) -> str:
    """A bridge between a scripted sender and the peer."""
    jelou = {
        "project_id": "p",
        "bot_id": "bot-1",
        "base_url": peer,
        "api_key": "${KEY}",
        "signing_secrets": ["${SIGNING}"],
        "calls_per_s": 100_000.0,
    }
    account = {
        "project": "main",
        "verification": {"secrets": ["${SECRET}"]},
        "start_when": [{"name": "all"}],
        "starts_per_hour": 1_000_000,
        "initial_message": "Hola {{ requester.name }}: {{ ticket.subject }}",
        "assignment": [{"when": {"priority": "urgent"}, "to": {"type": "queue", "target": "VIP"}}],
        "default_assignment": {"type": "queue", "target": "SOPORTE"},
    }
    return yaml.safe_dump({"jelou": {"main": jelou}, "helpdesks": {"standard-webhooks": {"bench": account}}})


@asynccontextmanager
async def process(*argv: str, **environ: str) -> AsyncIterator[None]:
    """A helper process for the length of a block."""
    log = await asyncio.create_subprocess_exec(
        *command([sys.executable, "-m", *argv]),
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        log.terminate()
        await log.wait()


class Bench:
    """One run on one server and one peer."""

    def __init__(self, folder: Path, session: ClientSession, redis_url: str, peer: str) -> None:
        self._folder = folder
        self._session = session
        self._redis_url = redis_url
        self._peer = peer
        self._config = folder / "bridge.yaml"
        self._config.write_text(configuration(peer))

    async def peer_answers(self) -> None:
        """Wait for the peer's process to listen. Raises TimeoutError when it does not within half a minute."""
        async with asyncio.timeout(30):
            while True:
                with suppress(ClientConnectionError):
                    return await self.reset()
                await asyncio.sleep(0.02)

    async def calls(self) -> dict[str, float]:
        """When the peer was called, by ticket."""
        async with self._session.get(f"{self._peer}/calls") as answer:
            return dict(orjson.loads(await answer.read()))

    async def reset(self) -> None:
        """Forget the calls."""
        async with self._session.get(f"{self._peer}/reset") as answer:
            await answer.read()

    async def _called(self, count: int) -> float:
        """Seconds from the first call to the last."""
        while len(times := (await self.calls()).values()) < count:
            await asyncio.sleep(0.1)
        return max(times) - min(times)

    # -- drain ----------------------------------------------------------------------------------------------------

    async def textbook(self, count: int, *how: str) -> float:
        """Calls per second of the textbook worker."""
        await self.reset()
        pool = await create_pool(RedisSettings.from_dsn(self._redis_url))
        for number in range(count):
            await pool.enqueue_job("start_conversation", str(number), _queue_name="textbook")
        await pool.aclose()
        async with process("tests.bench.textbook", *how, REDIS_URL=self._redis_url, PEER=f"{self._peer}/start"):
            return (count - 1) / await self._called(count)

    async def bridge(self, count: int) -> float:
        """Calls per second of one worker of the bridge, all bookkeeping on: until the last link is stored."""
        await self.reset()
        redis = Redis.from_url(self._redis_url)
        store = Store(redis, prefix=f"drain{count}")
        for number in range(count):
            await store.accept(f"d{number}", f"d{number}", 600, [_incoming(number)])
        async with AsyncExitStack() as stack:
            _, worker = web_and_worker(
                str(self._config),
                self._redis_url,
                free_port(),
                free_port(),
                {**ENVIRON, "BRIDGE_REDIS_PREFIX": f"drain{count}"},
                str(self._folder),
            )
            stack.push_async_callback(worker.stop)
            stack.push_async_callback(redis.aclose)
            await worker.start()
            await self._called(count)
            first = min((await self.calls()).values())
            while await redis.zcount(f"drain{count}:lane:{LANE}", "-inf", "+inf") and await _held(redis, count):
                await asyncio.sleep(0.02)
            return (count - 1) / max(max((await self.calls()).values()) - first, 1e-9)

    # -- latency --------------------------------------------------------------------------------------------------

    async def latency(self, count: int) -> list[float]:
        """Milliseconds from sending the webhook to the peer being called, one ticket at a time."""
        await self.reset()
        port = free_port()
        environ = {**ENVIRON, "BRIDGE_REDIS_PREFIX": "latency"}
        children = web_and_worker(str(self._config), self._redis_url, port, free_port(), environ, str(self._folder))
        async with AsyncExitStack() as stack:
            for child in children:
                stack.push_async_callback(child.stop)
                await child.start()
            for child in children:
                await child.ready(self._session)
            begun = {str(number): await self._post(port, number) for number in range(count)}
            await self._called(count)
        called = await self.calls()
        return [(called[ticket] - at) * 1000 for ticket, at in begun.items()][count // 10 :]

    async def _post(self, port: int, number: int) -> float:
        body = orjson.dumps({"type": "ticket.created", "data": _ticket(number)}).decode()
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": f"m{number}",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(f"m{number}", now, body),
        }
        begun = monotonic()
        async with self._session.post(f"http://127.0.0.1:{port}{PATH}", data=body, headers=headers) as answer:
            await answer.read()
        await asyncio.sleep(0.05)
        return begun


REF = TicketRef("standard-webhooks", "bench", "0")
LANE = lane_name(REF, "main")


def _ticket(number: int) -> dict[str, Any]:
    return {
        "ticket": {"id": str(number), "subject": "No puedo entrar al portal", "status": "open", "priority": "high"},
        "requester": {"id": f"c-{number}", "name": "María López", "phone": f"+5939{number:08d}"},
    }


def _incoming(number: int) -> Incoming:
    ref = TicketRef("standard-webhooks", "bench", str(number))
    told = _ticket(number)
    ticket = Ticket(ref, {**told["ticket"], "requester": told["requester"]})
    now_ms = wall_clock_ms()
    event = events.dump(TicketOpened(ref, "opened", ticket), f"d{number}", now_ms)
    line = entry(now_ms, "received", event="ticket.opened", delivery=f"d{number}")
    return Incoming(str(ref), LANE, "opened", event, line, line)


async def _held(redis: Redis, count: int) -> bool:
    """Whether a claim is still unfinished: a lease is shorter than the wait for the start event."""
    server_s, _ = await redis.time()
    return bool(await redis.zcount(f"drain{count}:lane:{LANE}", "-inf", (server_s + 10) * 1000))


async def main(tickets: int, requests: int) -> None:
    """Print the figures."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = await stack.enter_async_context(EmbeddedServer(folder / "valkey"))
        session = await stack.enter_async_context(ClientSession())
        port = free_port()
        await stack.enter_async_context(process("tests.bench.peer", str(port)))
        bench = Bench(folder, session, server.url, f"http://127.0.0.1:{port}")
        await bench.peer_answers()
        begun = perf_counter()
        measured = sorted(await bench.latency(requests))
        print(
            f"idle latency, webhook to Jelou call: median {statistics.median(measured):.1f} ms, "
            f"p95 {measured[int(len(measured) * 0.95)]:.1f} ms ({len(measured)} tickets, appendfsync always)"
        )
        ours = await bench.bridge(tickets)
        print(f"drain of {tickets} tickets by one worker process, all bookkeeping on: {ours:.0f}/s")
        for how in ("arq's defaults", "tuned"):
            textbook = await bench.textbook(tickets, how)
            print(f"textbook arq worker ({how}), one job and one POST per event: {textbook:.0f}/s")
            print(f"  ours is {ours / textbook:.1f} times as fast")
        print(f"({perf_counter() - begun:.0f} s in all)")


OTHERS = {
    "markup": lambda _: markup.main(),
    "pace": pace.main,
    "rollout": rollout.main,
    "strangers": strangers.main,
}
"""By the first argument."""


if __name__ == "__main__":
    if other := OTHERS.get("".join(sys.argv[1:2])):
        other(sys.argv[2:])
        sys.exit()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--tickets", type=int, default=5_000)
    parser.add_argument("--requests", type=int, default=200)
    options = parser.parse_args()
    uvloop.run(main(options.tickets, options.requests))
