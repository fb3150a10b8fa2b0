"""``bridge serve`` and ``bridge worker`` between SIGTERM and their end, as processes."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import orjson
import pytest
from aiohttp import ClientSession

from bridge.embedded import free_port
from bridge.twins.faults import Fault
from tests.command_line import configuration, started, written
from tests.harness import eventually
from tests.processes import PATIENT, processes
from tests.rollout import post, signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.command_line import Started

LINGERS = {"BRIDGE_LOG_FORMAT": "json", "BRIDGE_LINGER_S": "600"}
"""Far longer than a test may take."""


@asynccontextmanager
async def served(folder: Path, redis_url: str, stdin: int = DEVNULL) -> AsyncIterator[tuple[Started, int]]:
    """A web process that takes requests, and its port."""
    path, port = written(folder, configuration()), free_port()
    options = ("serve", "--config", path, "--port", str(port))
    async with started(*options, environ={**LINGERS, "REDIS_URL": redis_url}, stdin=stdin) as web:
        await web.says("web ready")
        yield web, port


async def asked(port: int, path: str) -> tuple[int, bytes]:
    """A GET on a connection of its own: status and body."""
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.read()


async def test_a_web_process_goes_on_after_sigterm_and_ends_at_once_after_another(
    tmp_path: Path, redis_url: str
) -> None:
    """It lives, is not ready because it drains, and takes webhooks; idle connections do not hold up its end."""
    async with served(tmp_path, redis_url) as (web, port):
        os.kill(web.process.pid, signal.SIGTERM)
        await web.says("web stopping")
        live, metrics, ready = await asked(port, "/live"), await asked(port, "/metrics"), await asked(port, "/ready")
        accepted = await post(port, signed("late"))
        code = await web.ends(signal.SIGTERM)
    told = orjson.loads(ready[1])
    assert (live[0], metrics[0], ready[0], accepted, code) == (200, 200, 503, 202, 0)
    assert (told["ready"], told["reason"], told["redis"]["reachable"]) == (
        False,
        "draining: this process was told to end",
        True,
    )


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_supervisor_may_ask_by_either_signal(tmp_path: Path, redis_url: str, how: signal.Signals) -> None:
    """Without a terminal neither is a person's, and the first of each lingers."""
    async with served(tmp_path, redis_url) as (web, port):
        os.kill(web.process.pid, how)
        await web.says("web stopping")
        assert await post(port, signed("late")) == 202
        assert await web.ends(how) == 0


async def test_ctrl_c_on_a_terminal_ends_at_once(tmp_path: Path, redis_url: str) -> None:
    """A person is waiting."""
    ours, theirs = os.openpty()
    try:
        async with served(tmp_path, redis_url, theirs) as (web, _):
            assert await web.ends(signal.SIGINT) == 0
    finally:
        os.close(ours)
        os.close(theirs)


async def test_a_worker_answers_probes_and_scrapes_while_it_drains(tmp_path: Path) -> None:
    """It is not killed as dead, its figures are not missed, and it says why it is not ready."""
    async with processes(tmp_path, jelou=PATIENT) as on:
        on.jelou.faults.next_start(Fault(accept=True, delay_s=5.0))
        await on.deliver("T-1")
        await eventually(lambda: _started(on.jelou.ledger.starts))
        stopping = asyncio.create_task(on.worker.stop())
        await eventually(lambda: _drains(on.worker.port))
        live, metrics = await asked(on.worker.port, "/live"), await asked(on.worker.port, "/metrics")
        await stopping
    assert (live[0], metrics[0]) == (200, 200)


async def _started(starts: object) -> bool:
    return bool(starts)


async def _drains(port: int) -> bool:
    status, body = await asked(port, "/ready")
    return (status, b"draining" in body) == (503, True)
