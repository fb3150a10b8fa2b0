"""A real django-helpdesk beside the bridge: it tells its webhooks, and it never outlives its parent."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bridge.twins import django_process
from bridge.twins.django_process import DjangoHelpdesk, HelpdeskClient, HelpdeskSetup

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ROOT / "tests" / "recordings" / "django-helpdesk"
GONE_WITHIN = 15.0
PHONE = "+593987654321"

STARTER = """
import asyncio, pathlib, sys
from bridge.twins import django_process

async def main():
    setup = django_process.HelpdeskSetup(data=pathlib.Path(sys.argv[1]), port=int(sys.argv[2]))
    helpdesk = await django_process.start(setup)
    print(helpdesk.process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@dataclass
class Listener:
    """The webhook's other end: what arrived, and where to send it."""

    port: int
    arrived: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def url(self, path: str) -> str:
        """An address of this listener with credentials in it."""
        return f"http://jelou:made-up@127.0.0.1:{self.port}{path}"

    async def receive(self, request: web.Request) -> web.Response:
        """Keeps the request."""
        self.arrived.append((request.path_qs, request.headers["Authorization"], await request.json()))
        return web.Response()


@pytest.fixture
async def listener() -> AsyncGenerator[Listener, None]:
    """A listener for the helpdesk's webhooks."""
    listener = Listener(free_port())
    app = web.Application()
    app.router.add_post("/{path:.*}", listener.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", listener.port).start()
    yield listener
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession, None]:
    """A session for the clients of one test."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def setup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> HelpdeskSetup:
    """What a test's helpdesk is started with, where there is one to start."""
    try:
        django_process.helpdesk_python()
    except django_process.HelpdeskMissingError as error:
        without_helpdesk(capsys, str(error))
    return HelpdeskSetup(data=tmp_path, port=free_port())


def without_helpdesk(capsys: pytest.CaptureFixture[str], reason: str) -> None:
    """Fails where the helpdesk is required, and elsewhere skips with a line that no report option hides."""
    if os.environ.get("BRIDGE_REQUIRE_HELPDESK") == "1":
        pytest.fail(reason)
    with capsys.disabled():
        sys.stdout.write(f"\nthe real helpdesk is not tested: {reason}\n")
    pytest.skip(reason)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def alive(pid: int) -> bool:
    """Whether the process still runs; one that only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def ends(pid: int) -> bool:
    """Whether the process ends before the patience does."""
    deadline = time.monotonic() + GONE_WITHIN
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


def without_dates(body: dict[str, Any]) -> dict[str, Any]:
    """The body with its moments taken out."""
    for followup in body["ticket"]["followup_set"]:
        followup["date"] = None
    return body


def recorded(name: str) -> dict[str, Any]:
    """A recorded body, its moments taken out."""
    return without_dates(json.loads((RECORDINGS / name).read_text(encoding="utf-8")))


async def write_recorded_events(admin: HelpdeskClient, bot: HelpdeskClient) -> int:
    """Makes happen what the recordings were made of; the ticket's id."""
    description = "The parcel was due on Monday. Please write to me on WhatsApp."
    ticket = await admin.create_ticket(
        "Order 1042 has not arrived", description, submitter_email="ana@example.com", phone=PHONE, priority=2
    )
    number: int = ticket["id"]
    await bot.add_followup(number, "The conversation with the customer has been opened in Jelou.", public=False)
    reply = "Your parcel leaves today. You will get the tracking number here."
    await admin.add_followup(number, reply, public=True)
    await admin.add_followup(number, "Delivered, the customer confirmed it.", public=True, new_status=3)
    return number


async def a_ticket(session: aiohttp.ClientSession, helpdesk: DjangoHelpdesk) -> int:
    """A ticket nobody has touched."""
    admin = HelpdeskClient(session, helpdesk, helpdesk.admin)
    ticket = await admin.create_ticket("Hello", "A question", submitter_email="ana@example.com", phone="")
    number: int = ticket["id"]
    return number


@pytest.mark.helpdesk
async def test_webhooks_are_what_was_recorded(
    setup: HelpdeskSetup, listener: Listener, session: aiohttp.ClientSession
) -> None:
    """A ticket, the bridge's note, a public reply and a resolution arrive as the recordings say."""
    hooked = replace(
        setup,
        new_ticket_webhooks=[listener.url("/tickets?of=a,b")],
        followup_webhooks=[listener.url("/followups")],
    )
    async with django_process.running(hooked) as helpdesk:
        admin = HelpdeskClient(session, helpdesk, helpdesk.admin)
        number = await write_recorded_events(admin, HelpdeskClient(session, helpdesk, helpdesk.bot))
        ticket = await admin.get_ticket(number)
    paths, credentials, bodies = zip(*listener.arrived, strict=True)
    assert paths == ("/tickets?of=a,b", "/followups", "/followups", "/followups")
    assert set(credentials) == {aiohttp.encode_basic_auth("jelou", "made-up")}
    assert ticket == bodies[-1]["ticket"]
    names = ["ticket-created.json", "bridge-note.json", "followup-public.json", "followup-resolved.json"]
    assert [without_dates(body) for body in bodies] == [recorded(name) for name in names]


@pytest.mark.helpdesk
async def test_own_followups_carry_the_bots_id(setup: HelpdeskSetup, session: aiohttp.ClientSession) -> None:
    """The bridge recognises its own follow-ups by its user's id."""
    async with django_process.running(setup) as helpdesk:
        number = await a_ticket(session, helpdesk)
        bot = HelpdeskClient(session, helpdesk, helpdesk.bot)
        await bot.add_followup(number, "A note", public=False)
        users = [followup["user"] for followup in await bot.followups(number)]
    assert users == [helpdesk.admin.id, helpdesk.bot.id]


@pytest.mark.helpdesk
async def test_conversation_is_written_down_silently(
    setup: HelpdeskSetup, listener: Listener, session: aiohttp.ClientSession
) -> None:
    """A conversation's id written into its custom field is kept, and no webhook tells of it."""
    hooked = replace(setup, followup_webhooks=[listener.url("/")])
    async with django_process.running(hooked) as helpdesk:
        number = await a_ticket(session, helpdesk)
        bot = HelpdeskClient(session, helpdesk, helpdesk.bot)
        await bot.update_ticket(number, {"custom_jelou_conversation_id": "conversation-1"})
        ticket = await bot.get_ticket(number)
    assert ticket["custom_jelou_conversation_id"] == "conversation-1"
    assert listener.arrived == []


@pytest.mark.helpdesk
async def test_tickets_outlive_a_restart(setup: HelpdeskSetup, session: aiohttp.ClientSession) -> None:
    """A second start of the same data folder finds the tickets and the same users."""
    async with django_process.running(setup) as first:
        number = await a_ticket(session, first)
    async with django_process.running(setup) as second:
        ticket = await HelpdeskClient(session, second, second.bot).get_ticket(number)
    assert ticket["title"] == "Hello"
    assert (second.queue, second.admin.id, second.bot.id) == (first.queue, first.admin.id, first.bot.id)


@pytest.mark.helpdesk
async def test_stop_leaves_no_process(setup: HelpdeskSetup) -> None:
    """A stopped helpdesk is gone, and stopping it again is harmless."""
    helpdesk = await django_process.start(setup)
    await helpdesk.stop()
    await helpdesk.stop()
    assert helpdesk.process.returncode == 0
    assert not alive(helpdesk.process.pid)


@pytest.mark.helpdesk
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
async def test_killed_parent_leaves_no_process(setup: HelpdeskSetup) -> None:
    """A helpdesk ends with the process that started it, although that one had no time to stop it."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTER, str(setup.data), str(setup.port), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert alive(pid)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    assert await asyncio.to_thread(ends, pid)


@pytest.mark.helpdesk
async def test_port_in_use_is_reported(setup: HelpdeskSetup, listener: Listener) -> None:
    """A helpdesk that cannot listen is reported with the end of its log."""
    with pytest.raises(django_process.HelpdeskFailedError, match="Address already in use"):
        await django_process.start(replace(setup, port=listener.port))


@pytest.mark.helpdesk
async def test_late_helpdesk_is_reported(setup: HelpdeskSetup) -> None:
    """A helpdesk that is not ready in time is reported."""
    with pytest.raises(django_process.HelpdeskFailedError, match="not ready"):
        await django_process.start(replace(setup, ready_within=0.01))


async def test_missing_environment_names_the_fix(tmp_path: Path) -> None:
    """Without the helpdesk's environment the error says how to make it."""
    setup = HelpdeskSetup(data=tmp_path, port=free_port(), python=tmp_path / "python")
    with pytest.raises(django_process.HelpdeskMissingError, match="make helpdesk"):
        await django_process.start(setup)


def test_helpdesk_knows_nothing_of_the_bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bridge's secrets do not reach the helpdesk's environment."""
    monkeypatch.setenv("BRIDGE_JELOU_CLIENT_SECRET", "made-up")
    known = django_process.environment(HelpdeskSetup(data=tmp_path, port=1))
    assert not [name for name in known if name.startswith("BRIDGE_")]
