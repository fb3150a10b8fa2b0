"""``make bench ARGS=strangers``: a web process between genuine senders and strangers who want to stop it.

Each row is a process of its own, beside a real Valkey; the strangers are another process. ``--against DIR`` measures
the bridge's code in DIR. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import uvloop
import yaml
from aiohttp import ClientError, ClientSession, ClientTimeout
from standardwebhooks import Webhook

from bridge.embedded import EmbeddedServer, free_port
from bridge.lifeline import command
from bridge.processes import Child
from tests.bench.measures import percentile
from tests.bench.world import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
PATH = "/webhooks/helpdesks/standard-webhooks/bench"
ROUTES = ("/nope", "/webhooks/jelou/main", PATH, "/api/dead-letters/replay", "/live")
BOMB = 1_073_741_824
"""Bytes of zeros; packed a little over a million."""

ROWS: dict[str, tuple[str, int, int]] = {
    "no strangers": ("none", 0, 1),
    "2 bombs a second": ("bombs", 2, 1),
    "44 bombs a second, 20 clients": ("bombs", 44, 1),
    "44 forged and packed deliveries of 1 MiB a second": ("forged", 44, 1),
    "2,000 connections of one address": ("connections", 2_000, 1),
    "2,000 connections of 200 addresses": ("connections", 2_000, 200),
}
EVERY_S = 0.01
GENUINE_EVERY_S = 0.05


# --- the strangers, in a process of their own ------------------------------------------------------------------------


def bomb(size: int) -> bytes:
    """So many zeros, packed."""
    return gzip.compress(bytes(size), mtime=0)


def head(path: str, size: int, *more: str) -> bytes:
    """The head of a packed delivery with a signature that is none."""
    lines = [f"POST {path} HTTP/1.1", "host: a", "content-type: application/json", f"content-length: {size}"]
    forged = ["x-jelou-signature: sha256=" + "0" * 64, "webhook-id: a", f"webhook-timestamp: {int(time.time())}"]
    return "\r\n".join([*lines, *forged, "webhook-signature: v1,AAAA", *more, "", ""]).encode()


async def throw(port: int, path: str, body: bytes) -> None:
    """One bomb, and whatever is answered."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(15):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head(path, len(body), "content-encoding: gzip", "connection: close") + body)
            await reader.read()
            writer.close()


async def bombs(port: int, each_s: int, bodies: Sequence[bytes]) -> None:
    """So many a second, over all routes in turn, of 20 clients at most."""
    clients, number = asyncio.Semaphore(20), 0
    tasks: set[asyncio.Task[None]] = set()

    async def one(path: str, body: bytes) -> None:
        async with clients:
            await throw(port, path, body)

    while True:
        path = ROUTES[number % len(ROUTES)] if len(bodies) == 1 else ROUTES[1 + number % 2]
        task = asyncio.create_task(one(path, bodies[number % len(bodies)]))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        number += 1
        await asyncio.sleep(1 / each_s)


async def hold(port: int, address: str, number: int) -> None:
    """A connection that is taken up again whenever it is closed: idle, with half a head, or with a body that drips."""
    first = (b"", b"GET / HTTP/1.1\r\n" + b"x: aaaa\r\n" * 20, head(PATH, 900_000) + bytes(200_000))[number % 3]
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
            writer.write(first)
            drip = asyncio.create_task(_drip(writer)) if number % 3 else None
            with suppress(OSError):
                await reader.read()
            if drip:
                drip.cancel()
            writer.close()
        await asyncio.sleep(0.5)


async def _drip(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while True:
            await asyncio.sleep(1)
            writer.write(b"x: a\r\n")
            await writer.drain()


async def attack(kind: str, port: int, count: int, addresses: int) -> None:
    """Until it is ended. Their own work yields to the processor's other users: they would be other machines."""
    os.nice(15)
    if kind == "connections":
        await asyncio.gather(*(hold(port, f"127.0.1.{1 + one % addresses}", one) for one in range(count)))
    bodies = [bomb(BOMB)] if kind == "bombs" else [bomb(1_048_576), gzip.compress(os.urandom(1_000_000), mtime=0)]
    await bombs(port, count, bodies)


# --- the genuine -----------------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What the genuine saw, in milliseconds."""

    live: list[float]
    deliveries: list[float]
    lost: int = 0
    memory_mib: float = 0.0
    busy: float = 0.0


def signed(number: int) -> tuple[bytes, dict[str, str]]:
    """One delivery of the scripted sender."""
    from datetime import UTC, datetime  # noqa: PLC0415 - the strangers' process has no need of it

    ticket = {"id": str(number), "subject": "No puedo entrar", "status": "open", "priority": "high"}
    body = orjson.dumps({"type": "ticket.created", "data": {"ticket": ticket, "requester": {"phone": "+593987654321"}}})
    now = datetime.now(UTC)
    proof = {"webhook-id": f"m{number}", "webhook-timestamp": str(int(now.timestamp()))}
    signature = Webhook(SECRET).sign(f"m{number}", now, body.decode())
    return body, {"content-type": "application/json", **proof, "webhook-signature": signature}


async def probed(url: str, seen: Seen, until: float) -> None:
    """How long /live takes, on one connection after the other."""
    async with ClientSession(timeout=ClientTimeout(20)) as session:
        while time.monotonic() < until:
            begun = time.monotonic()
            with suppress(ClientError, OSError, TimeoutError):
                async with session.get(f"{url}/live") as answer:
                    await answer.read()
            seen.live.append((time.monotonic() - begun) * 1000)
            await asyncio.sleep(EVERY_S)


async def delivered(session: ClientSession, url: str, seen: Seen, number: int) -> None:
    """One delivery; lost where it is not answered 202."""
    body, headers = signed(number)
    begun = time.monotonic()
    try:
        async with session.post(url + PATH, data=body, headers=headers) as answer:
            await answer.read()
            seen.lost += answer.status != 202
    except (ClientError, OSError, TimeoutError):
        seen.lost += 1
    seen.deliveries.append((time.monotonic() - begun) * 1000)


async def delivering(url: str, seen: Seen, until: float) -> None:
    """A delivery every 50 ms, whether those before are answered or not."""
    async with ClientSession(timeout=ClientTimeout(20)) as session, asyncio.TaskGroup() as group:
        number = 0
        while time.monotonic() < until:
            group.create_task(delivered(session, url, seen, number))
            number += 1
            await asyncio.sleep(GENUINE_EVERY_S)


def memory_mib(pid: int) -> float:
    """The most that a process, or one that it started, has had in memory."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return max(own / 1024, *map(memory_mib, map(int, children)), 0.0)


def busy_s(pid: int) -> float:
    """The processor's time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- a row -----------------------------------------------------------------------------------------------------------


def configuration() -> str:
    """One sender and one project."""
    jelou = {"project_id": "p", "bot_id": "b", "api_key": "${KEY}", "signing_secrets": ["${SIGNING}"]}
    account = {"project": "main", "verification": {"secrets": ["${SECRET}"]}, "start_when": [{"name": "all"}]}
    helpdesks = {"standard-webhooks": {"bench": account}}
    return yaml.safe_dump({"jelou": {"main": jelou}, "helpdesks": helpdesks})


async def measured(code: Path, kind: str, count: int, addresses: int, seconds: float) -> Seen:
    """One row."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = await stack.enter_async_context(EmbeddedServer(folder / "valkey"))
        (folder / "bridge.yaml").write_text(configuration())
        environ = {"BRIDGE_CONFIG": str(folder / "bridge.yaml"), "REDIS_URL": server.url, "BRIDGE_HOST": "127.0.0.1"}
        environ |= {"KEY": "key", "SIGNING": "signing", "SECRET": SECRET}
        environ |= {"PYTHONPATH": str(code), "PYTHONSAFEPATH": "1"}
        port = free_port()
        web = Child("web", ("bridge", "serve"), port, environ, str(folder / "web.log"))
        stack.push_async_callback(web.stop)
        await web.start()
        async with ClientSession() as session:
            await web.ready(session)
        if kind != "none":
            strangers = await _strangers(kind, port, count, addresses)
            stack.callback(strangers.kill)
            await asyncio.sleep(6)
        seen, until, url = Seen([], []), time.monotonic() + seconds, f"http://127.0.0.1:{port}"
        pid = web.process.pid if web.process else 0
        before = busy_s(pid)
        await asyncio.gather(probed(url, seen, until), delivering(url, seen, until))
        seen.busy, seen.memory_mib = (busy_s(pid) - before) / seconds, memory_mib(pid)
        return seen


async def _strangers(kind: str, port: int, count: int, addresses: int) -> asyncio.subprocess.Process:
    argv = [sys.executable, "-m", "tests.bench.strangers", kind, str(port), str(count), str(addresses)]
    return await asyncio.create_subprocess_exec(*command(argv), cwd=ROOT)


def row(what: str, seen: Seen) -> str:
    """As a line of a table."""
    p99, live = percentile(seen.deliveries, 99), max(seen.live)
    lost = f"{seen.lost} of {len(seen.deliveries)}"
    return f"| {what} | {live:.0f} ms | {p99:.0f} ms | {lost} | {seen.busy:.0%} | {seen.memory_mib:.0f} MiB |"


TABLE = """| Strangers | `/live` at most | deliveries, p99 | not taken | processor | memory |
| --- | --- | --- | --- | --- | --- |"""


def main(argv: Sequence[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench strangers", description=__doc__)
    parser.add_argument("--against", type=Path, default=ROOT, help="the folder of the bridge's code")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each row")
    parser.add_argument("--only", default="", help="rows that have this in their name")
    options = parser.parse_args(argv)
    print(TABLE)
    for what, (kind, count, addresses) in ROWS.items():
        if options.only in what:
            seen = uvloop.run(measured(options.against.resolve(), kind, count, addresses, options.seconds))
            print(row(what, seen), flush=True)


if __name__ == "__main__":
    uvloop.run(attack(sys.argv[1], *map(int, sys.argv[2:])))
