"""Web processes that are replaced one by one while senders go on posting, and what becomes of each webhook."""

from __future__ import annotations

import asyncio
import base64
import itertools
import random
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from aiohttp import ClientError, ClientSession, TCPConnector, web

from bridge.embedded import EmbeddedServer, free_port
from bridge.processes import Child
from bridge.signatures import standard_webhooks_signature
from tests.command_line import SECRETS, configuration, written
from tests.harness import KEY, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    Pick = Callable[[], int]

ROOT = Path(__file__).resolve().parents[1]
PATH = "/webhooks/helpdesks/standard-webhooks/scripts"
ANSWER_S = 15.0
ACCEPTED = 202
CUT_OFF = (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError)


@dataclass
class Endpoints:
    """Where new connections go, as a Service has it: it learns late that a process is leaving."""

    ports: list[int] = field(default_factory=list)
    turn: itertools.count[int] = field(default_factory=itertools.count)

    def pick(self) -> int:
        """The next process' port."""
        return self.ports[next(self.turn) % len(self.ports)]


# --- what stands between ---------------------------------------------------------------------------------------------


@asynccontextmanager
async def tcp_balancer(pick: Pick) -> AsyncIterator[int]:
    """Each connection goes to one process, and stays there for as long as either side keeps it."""
    tasks: set[asyncio.Task[None] | None] = set()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with suppress(*CUT_OFF, asyncio.CancelledError):
            behind, before = await asyncio.open_connection("127.0.0.1", pick())
            await asyncio.gather(_pass_on(reader, before), _pass_on(behind, writer))
        writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0, backlog=1024)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            if task is not None:
                task.cancel()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while told := await reader.read(65_536):
            writer.write(told)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def http_balancer(pick: Pick) -> AsyncIterator[int]:
    """Each request goes to one process, over connections that are kept for the next; 502 where one breaks."""
    port, site = free_port(), web.Application()
    async with ClientSession(connector=TCPConnector(limit=0, keepalive_timeout=60)) as session:

        async def passed(request: web.Request) -> web.Response:
            url, body = f"http://127.0.0.1:{pick()}{request.path}", await request.read()
            try:
                async with session.post(url, data=body, headers=request.headers) as answer:
                    return web.Response(status=answer.status, body=await answer.read())
            except (ClientError, OSError):
                return web.Response(status=502)

        site.router.add_post("/{path:.*}", passed)
        async with serving(site, port):
            yield port


# --- who posts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Manner:
    """How a sender posts: what it pauses, s, and whether it keeps its connection."""

    name: str
    pause_s: float
    keeps: bool = True


@dataclass
class Sender:
    """A sender of webhooks over one connection at a time, as careful as an HTTP library is."""

    name: str
    pick: Pick
    manner: Manner
    dice: random.Random
    answers: list[tuple[str, int]] = field(default_factory=list)
    kept: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    body: bytes = b""

    @property
    def kind(self) -> str:
        """Its manner and its way."""
        return self.name.rpartition(", ")[0]

    @property
    def failed(self) -> list[str]:
        """The tickets of which it was not told that they are accepted."""
        return [ticket for ticket, status in self.answers if status != ACCEPTED]

    async def post_until(self, stop: asyncio.Event) -> None:
        """Post, pause, post again; the connection is closed at the end."""
        for number in itertools.count():
            await _elapsed(self.dice.random() * self.manner.pause_s, stop)
            if stop.is_set():
                break
            ticket = f"{self.name}-{number}"
            self.answers.append((ticket, await self.post(signed(ticket))))
        self._close()

    async def post(self, request: bytes) -> int:
        """The status; 0 where there was no answer."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._exchange(request)
        except CUT_OFF:
            self._close()
            return 0

    async def _exchange(self, request: bytes) -> int:
        if self.kept and self.kept[0].at_eof():
            self._close()
        self.kept = self.kept or await asyncio.open_connection("127.0.0.1", self.pick())
        reader, writer = self.kept
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        self.body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        if not self.manner.keeps or b"connection: close" in head:
            self._close()
        return int(head.split(b" ")[1])

    def _close(self) -> None:
        if self.kept:
            self.kept[1].close()
        self.kept = None


async def _elapsed(pause_s: float, stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(pause_s):
            await stop.wait()


async def post(port: int, request: bytes) -> int:
    """The status of one request on a connection of its own; 0 where there was no answer."""
    sender = Sender("", lambda: port, Manner("", 0.0, keeps=False), random.Random(0))  # noqa: S311
    return await sender.post(request)


def signed(ticket: str) -> bytes:
    """The whole request that tells of a new ticket, signed now."""
    told = {"ticket": {"id": ticket}, "requester": {"phone": "+593987654321"}}
    body, now_s = orjson.dumps({"type": "ticket.created", "data": told}), int(time.time())
    head = {
        "Host": "bridge.example.com",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "webhook-id": ticket,
        "webhook-timestamp": str(now_s),
        "webhook-signature": standard_webhooks_signature(base64.b64decode(KEY), ticket, now_s, body),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"POST {PATH} HTTP/1.1\r\n{lines}\r\n".encode() + body


# --- the rollout -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setup:
    """One rollout: how late the Service learns of each end, how long the old ones go on, and who posts meanwhile."""

    lags_s: tuple[float, float]
    linger_s: float
    manners: Sequence[Manner]
    senders: int = 1
    """Of each manner, by each way."""
    settle_s: float = 0.5
    """How long all post before the first replacement, and after the last."""
    pre_stop_s: float = 0.0
    """Of a manifest that sleeps before SIGTERM."""
    code: Path = ROOT


@dataclass(frozen=True)
class Outcome:
    """What became of the webhooks, by manner and way: sent, not answered 202, and of these not stored either."""

    sent: Counter[str]
    failed: Counter[str]
    lost: Counter[str]
    statuses: Counter[int]


async def rollout(folder: Path, setup: Setup) -> Outcome:
    """Replace two web processes, one after the other, while everybody posts."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(EmbeddedServer(folder / "valkey"))
        session = await stack.enter_async_context(ClientSession())
        old, new = _processes(folder, server.url, setup)
        endpoints = Endpoints()
        stack.push_async_callback(_all_ended, [*old, *new])
        for child in old:
            await _begin(child, endpoints, session)
        senders = await _senders(endpoints, setup, stack)
        async with _posting(senders):
            await asyncio.sleep(setup.settle_s)
            for leaving, coming, lag_s in zip(old, new, setup.lags_s, strict=True):
                await _begin(coming, endpoints, session)
                await _end(leaving, endpoints, lag_s, setup.pre_stop_s)
            await asyncio.sleep(setup.settle_s)
        return Outcome(
            Counter(sender.kind for sender in senders for _ in sender.answers),
            Counter(sender.kind for sender in senders for _ in sender.failed),
            Counter(
                [sender.kind for sender in senders for told in sender.failed if not await _stored(told, endpoints)]
            ),
            Counter(status for sender in senders for _, status in sender.answers),
        )


async def _stored(ticket: str, endpoints: Endpoints) -> bool:
    """Whether what failed was stored all the same: told again, it is a duplicate."""
    sender = Sender("", endpoints.pick, Manner("", 0.0, keeps=False), random.Random(0))  # noqa: S311
    await sender.post(signed(ticket))
    return b'"duplicate"' in sender.body


def _processes(folder: Path, redis_url: str, setup: Setup) -> tuple[list[Child], list[Child]]:
    environ = {
        **SECRETS,
        "PYTHONPATH": str(setup.code),
        # Or the folder that this runs in would come before.
        "PYTHONSAFEPATH": "1",
        "BRIDGE_CONFIG": written(folder, configuration(starts_per_hour=1_000_000)),
        "REDIS_URL": redis_url,
        "BRIDGE_HOST": "127.0.0.1",
        "BRIDGE_LOG_FORMAT": "json",
        "BRIDGE_LINGER_S": str(setup.linger_s),
    }
    first = Child("web", ("bridge", "serve"), 0, environ)
    named = [replace(first, port=free_port(), log=str(folder / f"web-{number}.log")) for number in range(4)]
    return named[:2], named[2:]


async def _begin(child: Child, endpoints: Endpoints, session: ClientSession) -> None:
    await child.start()
    await child.ready(session)
    endpoints.ports.append(child.port)


async def _end(child: Child, endpoints: Endpoints, lag_s: float, pre_stop_s: float) -> None:
    async def told() -> None:
        await asyncio.sleep(pre_stop_s)
        await child.stop()

    stopping = asyncio.create_task(told())
    await asyncio.sleep(lag_s)
    endpoints.ports.remove(child.port)
    await stopping


async def _all_ended(children: Sequence[Child]) -> None:
    await asyncio.gather(*(child.stop() for child in children))


async def _senders(endpoints: Endpoints, setup: Setup, stack: AsyncExitStack) -> list[Sender]:
    tcp = await stack.enter_async_context(tcp_balancer(endpoints.pick))
    http = await stack.enter_async_context(http_balancer(endpoints.pick))
    ways: dict[str, Pick] = {"directly": endpoints.pick, "over TCP": lambda: tcp, "over HTTP": lambda: http}
    return [
        Sender(f"{manner.name}, {way}, {number}", pick, manner, random.Random(f"{manner} {way} {number}"))  # noqa: S311
        for way, pick in ways.items()
        for manner in setup.manners
        for number in range(setup.senders)
    ]


@asynccontextmanager
async def _posting(senders: Sequence[Sender]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for sender in senders:
            group.create_task(sender.post_until(stop))
        yield
        stop.set()
