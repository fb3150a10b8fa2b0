"""A real Request Tracker for the tests: a database of its own in a folder, a server on loopback, the bridge's scrip."""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError, encode_basic_auth

from bridge import lifeline
from tests.harness import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiohttp import ClientSession

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy" / "request-tracker"
PEOPLE = Path(__file__).with_suffix(".pl")
SERVER = Path("/usr/share/request-tracker5/libexec/rt-server")
DATABASE = Path("/usr/sbin/rt-setup-database-5")

BRIDGE, AGENT = "jelou-bridge", "marta@example.com"
CUSTOMER, OTHER = "ana@example.com", "eva@example.com"
STARTS_WITHIN_S, STOPS_WITHIN_S, PREPARED_WITHIN_S = 60.0, 8.0, 120.0
WORKERS = 3
"""The scrip posts while its request runs, and the bridge asks back: one worker would wait for itself."""


class RequestTrackerMissingError(RuntimeError):
    """Debian's packages of RT 5 are not there."""


@dataclass(frozen=True)
class Setup:
    """What one RT is made with; the caller chooses a free port."""

    folder: Path
    port: int
    webhook: str
    secret: str = field(repr=False)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        """All its programs know: its own configuration, and none of the machine's."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),
            "RT_SITE_CONFIG": str(self.folder / "RT_SiteConfig.pm"),
            "RT_SITE_CONFIG_DIR": str(self.folder / "none"),
            "BRIDGE_PASSWORD": self.password,
            "PYTHONPATH": str(ROOT),
        }


def installed() -> None:
    """Raises RequestTrackerMissingError where there is no RT to be started."""
    missing = next((one for one in (SERVER, DATABASE) if not one.exists()), None)
    if missing:
        msg = f"no Request Tracker here ({missing.name} is missing): deploy/request-tracker/install.sh installs it"
        raise RequestTrackerMissingError(msg)


@asynccontextmanager
async def request_tracker(setup: Setup, session: ClientSession) -> AsyncIterator[RequestTracker]:
    """It runs until the end of the block; what it would mail lies in a file."""
    _configure(setup)
    await _run(setup, str(DATABASE), "--action", "init", "--skip-create")
    await _run(setup, "perl", str(DEPLOY / "setup-bridge.pl"))
    await _run(setup, "perl", str(PEOPLE), CUSTOMER, OTHER, AGENT, setup.password)
    arguments = ["--host", "127.0.0.1", "--port", str(setup.port), "--max-workers", str(WORKERS)]
    with (setup.folder / "server.log").open("wb") as log:
        server = await asyncio.create_subprocess_exec(
            *lifeline.command([str(SERVER), *arguments]), env=setup.environ, stdout=log, stderr=log
        )
    try:
        tracker = RequestTracker(setup, session)
        await eventually(tracker.answers, lambda: _end_of_log(setup), STARTS_WITHIN_S)
        yield tracker
    finally:
        await _end(server)


def _configure(setup: Setup) -> None:
    for name in ("none", "mason", "sessions"):
        (setup.folder / name).mkdir(parents=True)
    mailer = setup.folder / "mailer"
    mailer.write_text(f"#!/bin/sh\ncat >>'{setup.folder}/mails'\n")
    mailer.chmod(0o700)
    told: Mapping[str, object] = {
        "rtname": "rt.example",
        "Organization": "rt.example",
        "CorrespondAddress": "rt@rt.example",
        "CommentAddress": "rt-comment@rt.example",
        "WebDomain": "127.0.0.1",
        "WebPort": setup.port,
        "WebPath": "",
        "DatabaseType": "SQLite",
        "DatabaseName": setup.folder / "rt.db",
        "MailCommand": "sendmailpipe",
        "SendmailPath": mailer,
        "LogToSyslog": "",
        "LogToSTDERR": "warning",
        "Timezone": "America/Guayaquil",
        "JelouBridgeURL": setup.webhook,
        "JelouBridgeSecret": setup.secret,
        "JelouBridgeUser": BRIDGE,
    }
    lines = [f"Set(${name}, '{value}');" for name, value in told.items()]
    lines += [f"$RT::MasonDataDir = '{setup.folder}/mason';", f"$RT::MasonSessionDir = '{setup.folder}/sessions';"]
    Path(setup.environ["RT_SITE_CONFIG"]).write_text("\n".join([*lines, "1;", ""]))


async def _run(setup: Setup, *command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, env=setup.environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(PREPARED_WITHIN_S):
            told, _ = await process.communicate()
    except BaseException:
        await _end(process)
        raise
    assert process.returncode == 0, told.decode(errors="replace")[-1000:]


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOPS_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _end_of_log(setup: Setup) -> str:
    return (setup.folder / "server.log").read_text(errors="replace")[-1000:]


@dataclass(frozen=True)
class RequestTracker:
    """A running RT, as people use it: over REST2, each with a name and a password."""

    setup: Setup
    session: ClientSession

    async def answers(self) -> bool:
        """Whether it serves the bridge's user."""
        with suppress(ClientError, OSError):
            return (await self._ask(BRIDGE, "GET", "/rt"))[0] == 200
        return False

    async def opens(self, subject: str, content: str, who: str = CUSTOMER) -> str:
        """A ticket of a customer's own; its id."""
        ticket = {"Queue": "General", "Subject": subject, "Requestor": who}
        told = await self.does(who, "POST", "/ticket", {**ticket, "Content": content, "ContentType": "text/plain"})
        return str(told["id"])

    async def writes(self, user: str, ticket: str, text: str, *, public: bool) -> None:
        """A reply, or a comment that the customer does not see."""
        way = "correspond" if public else "comment"
        await self.does(user, "POST", f"/ticket/{ticket}/{way}", {"Content": text, "ContentType": "text/plain"})

    async def sets(self, ticket: str, status: str) -> None:
        """The status, by the agent."""
        await self.does(AGENT, "PUT", f"/ticket/{ticket}", {"Status": status})

    async def ticket(self, ticket: str) -> Json:
        """The ticket as the agent sees it, its custom fields by their names."""
        found = await self.does(AGENT, "GET", f"/ticket/{ticket}")
        fields = {one["name"]: next(iter(one["values"]), None) for one in found["CustomFields"]}
        return {**found, "fields": fields}

    async def written(self, ticket: str, user: str = BRIDGE) -> list[tuple[str, str]]:
        """What this user has written on the ticket, oldest first: Comment or Correspond, and the text."""
        kinds = await self.does(AGENT, "GET", f"/ticket/{ticket}/history?fields=Type,Creator&per_page=100")
        texts = await self.does(AGENT, "GET", f"/ticket/{ticket}/attachments?fields=Content,TransactionId&per_page=100")
        by = {one["TransactionId"]: one["Content"] for one in texts["items"]}
        own = [one for one in kinds["items"] if one["Creator"]["id"] == user and one["id"] in by]
        return [(one["Type"], by[one["id"]]) for one in own]

    def mails(self, to: str = CUSTOMER) -> int:
        """How many mails RT has sent to this address."""
        mails = self.setup.folder / "mails"
        return mails.read_text(errors="replace").count(f"\nTo: {to}\n") if mails.exists() else 0

    async def does(self, user: str, method: str, path: str, body: Json | None = None) -> Any:
        """What RT answers this user; fails where it refuses."""
        status, told = await self._ask(user, method, path, body)
        assert status in {200, 201}, (user, method, path, status, told)
        return told

    async def _ask(self, user: str, method: str, path: str, body: Json | None = None) -> tuple[int, Any]:
        headers = {"authorization": encode_basic_auth(user, self.setup.password)}
        url = f"{self.setup.url}/REST/2.0{path}"
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)
