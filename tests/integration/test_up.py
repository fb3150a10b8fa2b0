"""``bridge up``, ``serve`` and ``worker`` as processes: everything comes up, and everything ends with it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession, web

from bridge.embedded import EmbeddedServer, free_port
from bridge.twins.faults import Fault
from bridge.up import remembered_port
from tests.command_line import configuration, run_process, started, written
from tests.harness import PROJECT, eventually, jelou_twin, serving
from tests.pids import alive, argv_of, children_of, gone
from tests.processes import Sender, is_open, scripts, write_configuration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin
    from tests.command_line import Ran, Started

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@dataclass
class Company:
    """What a small company has: a configuration, a data folder, and a Jelou that knows the bridge's address."""

    folder: Path
    port: int
    jelou: JelouTwin
    config: str
    environ: dict[str, str]
    sender: Sender

    @property
    def up(self) -> list[str]:
        """The command that it starts the bridge with."""
        return ["up", "--config", self.config, "--port", str(self.port), "--data", str(self.folder / "data")]

    async def trace_afterwards(self, ticket: str) -> Ran:
        """``bridge trace`` on the data that was left behind."""
        async with EmbeddedServer(self.folder / "data" / "valkey") as server:
            environ = {**self.environ, "REDIS_URL": server.url}
            return await run_process("trace", ticket, "--json", "--config", self.config, environ=environ)


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    """A company before its first start."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with jelou_twin(f"{url}/webhooks/jelou/{PROJECT}") as jelou, ClientSession() as session:
        path, environ = write_configuration(tmp_path, jelou, scripts())
        yield Company(tmp_path, port, jelou, str(path), environ, Sender(url, session))


@asynccontextmanager
async def running(company: Company) -> AsyncIterator[Started]:
    """Its bridge, as soon as it says that it is there."""
    async with started(*company.up, environ=company.environ) as up:
        await up.says(f"webhooks at http://127.0.0.1:{company.port}")
        yield up


@linux
async def test_up_is_all_that_is_needed_and_leaves_nothing_behind(company: Company) -> None:
    """One command takes a ticket to its conversation; SIGTERM ends server, web and worker, code 0."""
    async with running(company) as up:
        await company.sender.deliver("T-1")
        await company.sender.until("T-1", is_open)
        children = children_of(up.process.pid)
        code = await up.ends(signal.SIGTERM)
    assert (code, len(children), [pid for pid in children if alive(pid)]) == (0, 3, [])
    assert lingered(up) == [0.0]


def lingered(up: Started) -> list[float]:
    """For how long its web said that it goes on after SIGTERM."""
    return [float(told) for told in re.findall(r'"linger_s":([\d.]+),"event":"web stopping"', "\n".join(up.lines))]


async def test_up_lingers_where_somebody_sets_it(company: Company) -> None:
    """Nobody stands before it who sends late, unless its owner says so."""
    company.environ["BRIDGE_LINGER_S"] = "0.1"
    async with running(company) as up:
        code = await up.ends(signal.SIGINT)
    assert (code, lingered(up)) == (0, [0.1])


async def test_what_up_prints_is_all_that_trace_needs_and_tells_no_password(company: Company) -> None:
    """What is printed may be kept in a log; a second terminal reads the address where only its user can."""
    async with running(company) as up:
        line = await up.says("export REDIS_URL=")
        await company.sender.deliver("T-1")
        await company.sender.until("T-1", is_open)
        path = Path(line.partition("$(cat ")[2].strip().removesuffix(")"))
        url = await asyncio.to_thread(path.read_text)
        environ = {**company.environ, "REDIS_URL": url.strip()}
        ran = await run_process("trace", "T-1", "--json", "--config", company.config, environ=environ)
        await up.ends(signal.SIGTERM)
    password = url.partition("redis://:")[2].partition("@")[0]
    assert (ran.code, ran.json[0]["phase"], len(password) > 20) == (0, "open", True)
    assert password not in "".join(up.lines)


@linux
async def test_a_killed_up_leaves_its_data_and_no_process(company: Company) -> None:
    """Its processes end with it, however it ended; what they knew is found by whoever comes next."""
    async with running(company) as up:
        await company.sender.deliver("T-1")
        await company.sender.until("T-1", is_open)
        children = children_of(up.process.pid)
        await up.ends(signal.SIGKILL)
    [told] = (await company.trace_afterwards("T-1")).json
    assert told["phase"] == "open"
    assert [await gone(pid) for pid in children] == [True, True, True]


@linux
async def test_up_outlives_its_server(company: Company) -> None:
    """A server that is killed is begun again and that is said; the same web and worker go on with it."""
    async with running(company) as up:
        await company.sender.deliver("T-1")
        await company.sender.until("T-1", is_open)
        before = children_of(up.process.pid)
        [server] = [pid for pid in before if "valkey" in argv_of(pid)[0]]
        os.kill(server, signal.SIGKILL)
        await up.says("the embedded server was ended by SIGKILL")
        await company.sender.deliver("T-2")
        await company.sender.until("T-2", is_open)
        kept = set(before) & set(children_of(up.process.pid))
        code = await up.ends(signal.SIGTERM)
    assert (code, len(kept)) == (0, 2)


def test_the_server_has_the_same_port_at_every_start(tmp_path: Path) -> None:
    """A REDIS_URL in somebody's shell stays right; only a port that somebody else has taken is given up."""
    first = remembered_port(tmp_path)
    again = remembered_port(tmp_path)
    with socket.create_server(("127.0.0.1", first)):
        other = remembered_port(tmp_path)
    assert (again, other != first, remembered_port(tmp_path)) == (first, True, other)


async def test_ctrl_c_lets_the_call_under_way_end_before_the_server_does(company: Company) -> None:
    """A terminal sends Ctrl-C to every process at once; the answer that is on its way is stored all the same."""
    async with running(company) as up:
        company.jelou.faults.next_start(Fault(accept=True, delay_s=1.0))
        await company.sender.deliver("T-1")
        await eventually(lambda: _begun(company))
        code = await up.ends(signal.SIGINT, group=True)
    [told] = (await company.trace_afterwards("T-1")).json
    happened = [one["what"] for one in told["timeline"] if one.get("action") == "start.conversation"]
    assert (code, happened) == (0, ["sending", "answered"])


async def _begun(company: Company) -> bool:
    return bool(company.jelou.ledger.starts)


async def test_a_port_that_somebody_else_has_is_not_taken_for_ours(company: Company) -> None:
    """Code 1 and one line, although what listens there answers as a bridge would."""

    async def ready(_: web.Request) -> web.Response:
        return web.Response()

    site = web.Application()
    site.router.add_get("/live", ready)
    async with serving(site, company.port):
        ran = await run_process(*company.up, environ=company.environ)
    assert (ran.code, ran.err) == (1, f"web cannot listen: port {company.port} is taken\n")


@linux
@pytest.mark.parametrize(("command", "module"), [("serve", "bridge"), ("worker", "workers")])
async def test_each_process_can_be_run_alone(tmp_path: Path, redis_url: str, command: str, module: str) -> None:
    """It listens where it is told to, is one process, and ends with code 0 on SIGTERM; a worker is ``workers``."""
    path, port = written(tmp_path, configuration()), free_port()
    environ = {"REDIS_URL": redis_url, "BRIDGE_LOG_FORMAT": "json", "BRIDGE_LINGER_S": "0"}
    async with started(command, "--config", path, "--port", str(port), environ=environ) as process:
        await process.says(f"{'web' if command == 'serve' else command} ready")
        argv = argv_of(process.process.pid)
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/ready") as answer:
            status = answer.status
        code = await process.ends(signal.SIGTERM)
    assert (argv[1:3], status, code) == (["-m", module], 200, 0)
