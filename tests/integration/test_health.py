"""``bridge health``: it asks where the process listens, and costs next to nothing."""

from __future__ import annotations

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from bridge.embedded import free_port
from bridge.listening import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEAVY = {"aiohttp", "pydantic", "redis", "arq", "typer", "rich", "uvloop", "jinja2", "yaml", "ssl", "asyncio", "email"}


@asynccontextmanager
async def living(host: str, status: int = 200) -> AsyncIterator[int]:
    """A process that listens there and answers so; its port."""

    async def live(_: web.Request) -> web.Response:
        return web.Response(status=status)

    site, port = web.Application(), free_port()
    site.router.add_get("/live", live)
    async with listening(site, host, port):
        yield port


async def health(*argv: str, python: tuple[str, ...] = (), **environ: str) -> tuple[int | None, str]:
    """The exit code and what it said, in a process of its own."""
    command = [sys.executable, *python, "-m", "bridge", "health", *argv]
    child = await asyncio.create_subprocess_exec(
        *command, stderr=PIPE, env=environ | {"PYTHONPATH": ":".join(sys.path)}
    )
    _, err = await child.communicate()
    return child.returncode, err.decode()


def has_ipv6() -> bool:
    """Whether this machine has an IPv6 loopback."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


HOSTS = ["127.0.0.1", "0.0.0.0", "127.0.0.2", "localhost"]  # noqa: S104 - a container's
HOSTS += ["::", "::1", "0:0:0:0:0:0:0:0"] if has_ipv6() else []


@pytest.mark.parametrize("host", HOSTS)
async def test_it_asks_where_the_process_listens(host: str) -> None:
    """By the environment or as told; a process on one address alone is found there."""
    async with living(host) as port:
        assert await health(BRIDGE_HOST=host, BRIDGE_PORT=str(port)) == (0, "")
        assert await health("--host", host, "--port", str(port), BRIDGE_HOST="192.0.2.1") == (0, "")


async def test_names_of_variables_and_empty_ones_are_read_as_the_process_reads_them() -> None:
    """In any case; an empty one is unset."""
    async with living("127.0.0.1") as port:
        assert await health(bridge_port=str(port), BRIDGE_HOST="") == (0, "")


async def test_whoever_does_not_answer_so_is_not_alive() -> None:
    """Code 1 and one line; a port that is none is code 2."""
    async with living("127.0.0.1", status=500) as port:
        code, said = await health(BRIDGE_PORT=str(port))
        assert (code, said.count("\n")) == (1, 1)
    code, said = await health(BRIDGE_PORT=str(free_port()))
    assert (code, said.count("\n")) == (1, 1)
    for odd in ("web", "0", "65536", "tcp://10.0.0.1:80", "9" * 5_000):
        code, said = await health(BRIDGE_PORT=odd)
        assert (code, said) == (2, "BRIDGE_PORT is not a port\n")


async def test_it_imports_nothing_heavy() -> None:
    """What the commands need takes a second of CPU, and a container asks every ten seconds."""
    async with living("127.0.0.1") as port:
        code, said = await health(python=("-X", "importtime"), BRIDGE_PORT=str(port))
    imported = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in said.splitlines() if "import time" in line
    }
    assert code == 0
    assert "bridge" in imported
    assert imported & HEAVY == set()
