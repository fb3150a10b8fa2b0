"""The processes of a soak and what stands between them: all of it starts here and ends here."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from redis.asyncio import Redis

from bridge.embedded import PORTS, EmbeddedServer, is_free
from bridge.keeping import Patience
from bridge.processes import Child
from tests.harness import serving
from tests.soak.proxy import Proxy
from tests.soak.receiver import Receiver
from tests.soak.setup import SCRIPTS, SECRETS, Setup, configuration, jelou_arguments, zendesk_arguments

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
READY_S = 30.0
ASK_S = 30.0


@dataclass
class World:
    """Everything that runs. ``twins`` and ``proxies`` by the names of ``plan`` and ``setup``."""

    setup: Setup
    folder: Path
    server: EmbeddedServer
    redis: Redis
    session: ClientSession
    receiver: Receiver
    proxies: dict[str, Proxy]
    stack: AsyncExitStack
    twins: dict[str, Child]
    bridge: dict[str, Child]

    @property
    def web_url(self) -> str:
        """Where senders post to: through a proxy."""
        return f"http://127.0.0.1:{self.proxies['webhooks'].port}"

    async def ask(self, twin: str, method: str, path: str, told: Any = None) -> Any:
        """Ask a twin, past all proxies. Raises ClientError."""
        url = f"http://127.0.0.1:{self.twins[twin].port}{path}"
        async with self.session.request(method, url, json=told, timeout=ClientTimeout(ASK_S)) as answer:
            return await answer.json()

    async def revive(self) -> None:
        """Start the Redis server again, in its folder and on its port, after it was killed."""
        process = self.server.process
        self.server.kill()
        if process is not None:
            await process.wait()
        await self.server.start()

    async def fail_over(self) -> None:
        """A replica that has everything becomes the master behind the same name; who is connected stays where it is."""
        port = free_ports(1)[0]
        replica = EmbeddedServer(self.folder / f"valkey-{port}", port=port, password="")
        old, old_server = self.redis, self.server
        await self.stack.enter_async_context(replica)
        new = await self.stack.enter_async_context(Redis.from_url(replica.url, socket_timeout=5))
        await old.config_set("repl-diskless-sync-delay", 0)
        await new.replicaof("127.0.0.1", old_server.port)
        await _in_step(new, old)
        await new.replicaof("NO", "ONE")
        self.proxies["redis"].target = port
        self.redis, self.server = new, replica
        await old.replicaof("127.0.0.1", port)
        await old.client_unpause()

    async def limit_memory(self, most: int) -> None:
        """So many bytes are all that Redis may hold; 0 for no limit."""
        await self.redis.config_set("maxmemory", most)

    async def restore(self, copy: Path) -> None:
        """The same, with its append-only files as they were in ``copy``."""
        process = self.server.process
        self.server.kill()
        if process is not None:
            await process.wait()
        kept = self.server.folder / "appendonlydir"
        await asyncio.to_thread(shutil.rmtree, kept)
        await asyncio.to_thread(shutil.copytree, copy, kept)
        await self.server.start()


async def _in_step(replica: Redis, master: Redis) -> None:
    """Wait until the replica has all there is; from when it is nearly there, nothing is written any more."""
    async with asyncio.timeout(READY_S):
        while (await replica.info("replication")).get("master_link_status") != "up":
            await asyncio.sleep(0.02)
        await master.client_pause(round(READY_S * 1000), all=False)
        while await _offset(replica) < await _offset(master):
            await asyncio.sleep(0.01)


async def _offset(server: Redis) -> int:
    return int((await server.info("replication"))["master_repl_offset"])


def free_ports(count: int) -> list[int]:
    """So many different ports that are free now."""
    some = random.SystemRandom().sample(PORTS, 10 * count)
    return [port for port in some if is_free(port)][:count]


@asynccontextmanager
async def world(setup: Setup, folder: Path) -> AsyncIterator[World]:
    """A running world in this folder, healthy, until the end of the block."""
    async with AsyncExitStack() as stack:
        names = ("redis", "web", SCRIPTS, *setup.projects, *setup.all_zendesks)
        left = iter(free_ports(2 * len(names) + 2))
        ports = dict(zip(names, left, strict=False))
        server = await stack.enter_async_context(EmbeddedServer(folder / "valkey", port=ports["redis"], password=""))
        redis = Redis.from_url(server.url, socket_timeout=5)
        stack.push_async_callback(redis.aclose)
        session = await stack.enter_async_context(ClientSession(connector=TCPConnector(limit=0)))
        receiver = Receiver(setup.seed, slow=[one.name for one in setup.accounts.values() if setup.paces(one)])
        await stack.enter_async_context(serving(receiver.application(), ports[SCRIPTS]))
        proxies = await _proxies(stack, ports, left)
        web_port = proxies["webhooks"].port
        twins = _twins(setup, folder, ports, web_port)
        bridge = _bridge(setup, folder, (ports["web"], *left), {name: one.port for name, one in proxies.items()})
        running = World(setup, folder, server, redis, session, receiver, proxies, stack, twins, bridge)
        await _start(stack, running)
        yield running


async def _proxies(stack: AsyncExitStack, targets: dict[str, int], left: Iterator[int]) -> dict[str, Proxy]:
    names = {name: "webhooks" if name == "web" else name for name in targets}
    return {names[name]: await stack.enter_async_context(Proxy(port, next(left))) for name, port in targets.items()}


TIRELESS = Patience(most_s=1.0, falls=1_000_000)
"""Who is killed all the time has not failed."""


def _twins(setup: Setup, folder: Path, ports: Mapping[str, int], web_port: int) -> dict[str, Child]:
    jelous = {name: jelou_arguments(setup, name, ports[name], web_port) for name in setup.projects}
    zendesks = {name: zendesk_arguments(setup, name, ports[name], web_port) for name in setup.all_zendesks}
    return {name: _twin(folder, *options) for name, options in (jelous | zendesks).items()}


def _twin(folder: Path, module: str, *options: str) -> Child:
    port = int(options[options.index("--port") + 1])
    return Child(
        module, (module, *options), port, {"PYTHONPATH": str(ROOT)}, str(folder / f"twin-{port}.log"), patience=TIRELESS
    )


def _bridge(setup: Setup, folder: Path, own: Iterable[int], ports: dict[str, int]) -> dict[str, Child]:
    config = folder / "bridge.yaml"
    config.write_text(configuration(setup, ports))
    environ = {
        **SECRETS,
        "PYTHONPATH": str(setup.code or ROOT),
        # Or the folder that the soak runs in would come before.
        **({"PYTHONSAFEPATH": "1"} if setup.code else {}),
        "BRIDGE_CONFIG": str(config),
        "REDIS_URL": f"redis://127.0.0.1:{ports['redis']}/0",
        "BRIDGE_HOST": "127.0.0.1",
        "BRIDGE_LOG_FORMAT": "json",
        "BRIDGE_WORKER_SLOTS": str(setup.slots),
        **setup.environ,
    }
    modules = {"web": ("bridge", "serve"), "worker 1": setup.worker, "worker 2": setup.worker}
    return {
        name: Child(name, module, port, environ, str(folder / f"{name}.log"), patience=TIRELESS)
        for (name, module), port in zip(modules.items(), own, strict=False)
    }


async def _start(stack: AsyncExitStack, running: World) -> None:
    children = [*running.twins.values(), *running.bridge.values()]
    for child in children:
        stack.push_async_callback(child.stop)
        await child.start()
    for child in running.bridge.values():
        await child.ready(running.session)
    for name in running.twins:
        await _answers(running, name)


async def _answers(running: World, twin: str) -> None:
    async with asyncio.timeout(READY_S):
        while True:
            with contextlib.suppress(ClientError, OSError):
                await running.ask(twin, "GET", "/twin/faults")
                return
            await asyncio.sleep(0.05)
