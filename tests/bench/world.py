"""What a figure runs: a real Valkey, web and workers as processes at the bridge's defaults, twins as slow as peers are.

The bridge is spoken to from outside alone (HTTP, configuration, ledgers, INFO), so that other versions of it run too.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from aiohttp import ClientSession, ClientTimeout, TCPConnector
from redis.asyncio import Redis

from bridge.embedded import EmbeddedServer
from bridge.processes import Child
from bridge.twins.jelou import JelouTwin
from bridge.twins.jelou_rest import BASES, SEND_PATH
from bridge.twins.jelou_settings import JelouSettings
from bridge.twins.listener import Listener
from tests import freshdesk_site
from tests.bench.desks import FAST, KINDS, limit_of
from tests.bench.measures import Limit
from tests.bench.peers import Peer, dice
from tests.harness import API_TOKEN, STANDARD_SECRET
from tests.soak.world import free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

    from tests.bench.desks import Desk, Ticket

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
BOT, API_KEY, SIGNING = "bot-1", "key-of-the-benchmark", "signing-secret-of-the-benchmark"
FAST_PER_S = 2_000.0
LOOK_S = 0.02
AT_ONCE = 48
"""Webhooks that the helpdesks post at the same time."""


@dataclass(frozen=True, slots=True)
class Setup:
    """``desks``: account (kind/name) to the Jelou project that it is of. ``changes`` are accounts' own, by name."""

    desks: Mapping[str, str]
    calls_per_s: Mapping[str, float] = field(default_factory=lambda: {"a": 5.0})
    workers: int = 1
    changes: Mapping[str, Json] = field(default_factory=dict)
    project: Json = field(default_factory=dict)


@dataclass
class Jelou:
    """A project at Jelou."""

    twin: JelouTwin
    peer: Peer
    port: int


@dataclass
class World:
    """Everything that runs."""

    setup: Setup
    folder: Path
    server: EmbeddedServer
    redis: Redis
    session: ClientSession
    jelou: dict[str, Jelou]
    desks: dict[str, Desk]
    web: Child
    workers: list[Child]

    @property
    def desk(self) -> Desk:
        """The first account."""
        return next(iter(self.desks.values()))

    @property
    def peers(self) -> list[Peer]:
        """Every destination of the bridge's calls."""
        return [*(one.peer for one in self.jelou.values()), *(one.peer for one in self.desks.values())]

    def configure(self, *, fast: bool = False) -> None:
        """Write the file: at the defaults, or without any pace."""
        projects = {name: self._project(name, fast=fast) for name in self.jelou}
        helpdesks: dict[str, Json] = {}
        for path, desk in self.desks.items():
            kind, _, name = path.partition("/")
            helpdesks.setdefault(kind, {})[name] = self._account(desk) | (FAST if fast else {})
        written = {"jelou": projects, "helpdesks": helpdesks, "api": {"tokens": ["${API_TOKEN}"]}}
        (self.folder / "bridge.yaml").write_text(yaml.safe_dump(written))

    def _project(self, name: str, *, fast: bool) -> Json:
        url = f"http://127.0.0.1:{self.jelou[name].port}"
        return {
            "project_id": name,
            "bot_id": BOT,
            "base_url": url + BASES[1],
            "send_url": url + SEND_PATH,
            "api_key": "${JELOU_API_KEY}",
            "signing_secrets": ["${JELOU_SIGNING_SECRET}"],
            "calls_per_s": FAST_PER_S if fast else self.setup.calls_per_s[name],
            **self.setup.project,
        }

    def _account(self, desk: Desk) -> Json:
        return {
            "project": self.setup.desks[desk.path],
            "start_when": [{"name": "every new ticket", "max_age_s": 86_400}],
            "starts_per_hour": 1_000_000,
            "initial_message": "Hola: {{ ticket.subject }}",
            "default_assignment": {"type": "queue", "target": "SOPORTE"},
            **desk.section(),
            **self.setup.changes.get(desk.path, {}),
        }

    # -- its life -----------------------------------------------------------------------------------------------------

    async def work(self) -> None:
        """Start the workers."""
        await asyncio.gather(*(one.start() for one in self.workers))
        await asyncio.gather(*(one.ready(self.session) for one in self.workers))

    async def rest(self) -> None:
        """Stop the workers."""
        await asyncio.gather(*(one.stop() for one in self.workers))
        self.workers = [_again(one) for one in self.workers]

    async def to_defaults(self) -> None:
        """After what was prepared fast: begin anew at the defaults, with empty ledgers."""
        await self.rest()
        self.configure()
        for peer in self.peers:
            peer.calls.clear()
        await self.work()

    async def prepared(self, count: int, desks: Iterable[Desk] = ()) -> dict[str, list[Ticket]]:
        """So many open conversations on each desk, by its path; then everything at the defaults."""
        self.configure(fast=True)
        await self.work()
        of = list(desks or self.desks.values())
        opened = await asyncio.gather(*(self.flood(desk, count) for desk in of))
        tickets = {desk.path: [ticket for ticket, _ in some] for desk, some in zip(of, opened, strict=True)}
        await self.until_open([one for some in tickets.values() for one in some])
        await self.to_defaults()
        return tickets

    # -- what happens -------------------------------------------------------------------------------------------------

    async def flood(self, desk: Desk, count: int) -> list[tuple[Ticket, float]]:
        """So many tickets at once; each with the time it was taken."""
        room = asyncio.Semaphore(AT_ONCE)

        async def one() -> tuple[Ticket, float]:
            async with room:
                return await desk.open()

        return await asyncio.gather(*(one() for _ in range(count)))

    async def trace(self, ticket: Ticket) -> Json:
        """What the API says of a ticket."""
        headers = {"authorization": f"Bearer {API_TOKEN}"}
        url = f"http://127.0.0.1:{self.web.port}/api/tickets/{ticket.name}"
        async with self.session.get(url, headers=headers) as answer:
            return dict(await answer.json())

    async def until_open(self, tickets: Iterable[Ticket], within_s: float = 60.0) -> None:
        """Each has its conversation, and nothing is left to write. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            for ticket in tickets:
                while not _open(await self.trace(ticket)):
                    await asyncio.sleep(0.1)


def _open(trace: Json) -> bool:
    return trace.get("phase") == "open" and not trace["to_write"]


async def until(holds: Callable[[], bool], within_s: float) -> bool:
    """Whether this came to hold in time."""
    end = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(LOOK_S)
    return True


async def at_intervals(acts: Iterable[Callable[[], Awaitable[None]]], mean_s: float, seed: int) -> None:
    """Begin each act at its time, an interval of half to one and a half of the mean after the one before."""
    at, thrown = time.monotonic(), dice(seed)
    async with asyncio.TaskGroup() as group:
        for act in acts:
            at += mean_s * thrown.uniform(0.5, 1.5)
            await asyncio.sleep(at - time.monotonic())
            group.create_task(_awaited(act))


async def _awaited(act: Callable[[], Awaitable[None]]) -> None:
    await act()


@asynccontextmanager
async def world(setup: Setup, folder: Path, code: Path, seed: int) -> AsyncIterator[World]:
    """All but the workers, until the end of the block, with the bridge's code in ``code``."""
    async with AsyncExitStack() as stack:
        names = [*setup.calls_per_s, *setup.desks]
        ports = free_ports(len(names) + setup.workers + 2)
        left = iter(ports)
        web_port, redis_port = next(left), next(left)
        server = await stack.enter_async_context(EmbeddedServer(folder / "valkey", port=redis_port))
        redis = Redis.from_url(server.url)
        stack.push_async_callback(redis.aclose)
        session = await stack.enter_async_context(
            ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(60))
        )
        web_url, seeds = f"http://127.0.0.1:{web_port}", itertools.count(seed * 1_000)
        jelou = {name: _jelou(name, rate, next(left), next(seeds)) for name, rate in setup.calls_per_s.items()}
        for name, one in jelou.items():
            one.twin.integrate(f"{web_url}/webhooks/jelou/{name}", SIGNING)
            await one.twin.start(one.port)
            stack.push_async_callback(one.twin.stop)
        desks = {path: _desk(path, next(left), next(seeds)) for path in setup.desks}
        for desk in desks.values():
            await desk.begin(stack, session, web_url)
        web, workers = _processes(folder, server.url, code, web_port, list(left))
        running = World(setup, folder, server, redis, session, jelou, desks, web, workers)
        running.configure()
        stack.push_async_callback(running.rest)
        stack.push_async_callback(web.stop)
        await web.start()
        await web.ready(session)
        yield running


def _jelou(name: str, rate: float, port: int, seed: int) -> Jelou:
    peer = Peer(f"jelou {rate:g}/s", Limit(rate, 1.0), dice(seed))
    settings = JelouSettings(project_id=name, bot_id=BOT, api_key=API_KEY)
    return Jelou(JelouTwin(settings, Listener(peer.around)), peer, port)


def _desk(path: str, port: int, seed: int) -> Desk:
    kind = path.partition("/")[0]
    peer = Peer(kind, limit_of(kind), dice(seed))
    desk: Desk = KINDS[kind](path, peer, port)
    return desk


def _processes(folder: Path, redis_url: str, code: Path, web_port: int, ports: list[int]) -> tuple[Child, list[Child]]:
    environ = {
        "JELOU_API_KEY": API_KEY,
        "JELOU_SIGNING_SECRET": SIGNING,
        "SCRIPT_SECRET": STANDARD_SECRET,
        "FRESHDESK_KEY": freshdesk_site.KEY,
        "FRESHDESK_TOKEN": freshdesk_site.TOKEN,
        "API_TOKEN": API_TOKEN,
        "PYTHONPATH": str(code),
        # Or the folder that the benchmark runs in would come before.
        "PYTHONSAFEPATH": "1",
        "BRIDGE_CONFIG": str(folder / "bridge.yaml"),
        "REDIS_URL": redis_url,
        "BRIDGE_HOST": "127.0.0.1",
        "BRIDGE_LOG_FORMAT": "json",
        "BRIDGE_DRAIN_S": "1",
    }
    web = Child("web", ("bridge", "serve"), web_port, environ, str(folder / "web.log"))
    workers = [Child("worker", ("workers",), port, environ, str(folder / f"worker-{port}.log")) for port in ports]
    return web, workers


def _again(child: Child) -> Child:
    return Child(child.name, child.module, child.port, child.environ, child.log)
