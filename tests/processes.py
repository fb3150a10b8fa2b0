"""A bridge as it is run: web and worker as processes of their own, a real Valkey, a Jelou in the test's process."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import yaml
from aiohttp import ClientError, ClientSession, ClientTimeout

from bridge.embedded import EmbeddedServer, free_port
from bridge.processes import web_and_worker
from bridge.signatures import standard_webhooks_signature
from tests.harness import (
    API_TOKEN,
    DEADLINE_S,
    KEY,
    PROJECT,
    STANDARD_SECRET,
    eventually,
    jelou_twin,
    project,
    scripted_account,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from bridge.processes import Child
    from bridge.twins.jelou import JelouTwin

ROOT = Path(__file__).resolve().parents[1]
PATIENT = {"start_timeout_s": 6.0}
"""A project whose start calls may take long; ``unknown_start`` as it is by default fits to it."""

BRISK = {"start_timeout_s": 1.0}
HASTY: dict[str, Any] = {"unknown_start": {"wait_s": 9.1, "then": "retry"}, "confirm_wait_s": 2.0}
"""An account whose waits are as short as a ``BRISK`` project lets them be; nothing in it waits for a person."""


@dataclass
class Sender:
    """A scripted helpdesk of the bridge at this address, and a person who looks after its tickets."""

    url: str
    session: ClientSession

    async def send(self, ticket_id: str, *, phone: str = "+593987654321", **ticket: Any) -> int:
        """Deliver a new ticket of the scripted sender, signed now; the status, 0 where there was no answer."""
        told = {"ticket": {"id": ticket_id, **ticket}, "requester": {"phone": phone}}
        raw, now_s, message_id = orjson.dumps({"type": "ticket.created", "data": told}), int(time.time()), ticket_id
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": standard_webhooks_signature(base64.b64decode(KEY), message_id, now_s, raw),
        }
        url = f"{self.url}/webhooks/helpdesks/standard-webhooks/scripts"
        try:
            async with self.session.post(url, data=raw, headers=headers, timeout=ClientTimeout(10)) as answer:
                return answer.status
        except (ClientError, OSError):
            return 0

    async def deliver(self, ticket_id: str, **ticket: Any) -> None:
        """Send a ticket as a helpdesk does: again and again, until it is accepted."""
        async with asyncio.timeout(DEADLINE_S):
            while await self.send(ticket_id, **ticket) != 202:
                await asyncio.sleep(0.2)

    async def trace(self, ticket: str, account: str = "standard-webhooks/scripts") -> dict[str, Any]:
        """What the API says of a ticket; empty while the web is away."""
        headers = {"authorization": f"Bearer {API_TOKEN}"}
        try:
            async with self.session.get(f"{self.url}/api/tickets/{account}/{ticket}", headers=headers) as answer:
                return dict(await answer.json())
        except (ClientError, OSError):
            return {}

    async def until(
        self,
        ticket: str,
        holds: Callable[[dict[str, Any]], bool],
        *,
        account: str = "standard-webhooks/scripts",
        within_s: float = DEADLINE_S,
    ) -> dict[str, Any]:
        """The ticket's trace as soon as this holds for it."""
        found: dict[str, Any] = {}

        async def seen() -> bool:
            found.update(await self.trace(ticket, account))
            return bool(found) and holds(found)

        await eventually(seen, lambda: str(found), within_s)
        return found


@dataclass
class Processes(Sender):
    """A running bridge of two processes, and what stands around it."""

    server: EmbeddedServer
    jelou: JelouTwin
    web: Child
    worker: Child

    async def all_open(self, tickets: list[str], within_s: float = 30.0) -> None:
        """Each of the tickets has one conversation, and its link is open, within this time."""
        left = set(tickets)

        async def none_left() -> bool:
            for ticket in sorted(left)[:50]:
                told = await self.trace(ticket)
                if not (told and is_open(told)):
                    return False
                left.discard(ticket)
            return not left

        def first_left() -> str:
            return f"{len(left)} are left, {min(left)} has {self.jelou.ledger.by_ticket(min(left))}"

        await eventually(none_left, first_left, within_s)
        assert [ticket for ticket in tickets if len(self.jelou.ledger.by_ticket(ticket)) != 1] == []


def is_open(told: Mapping[str, Any]) -> bool:
    """Whether the ticket has its conversation and nothing is left to do."""
    return told["phase"] == "open" and not told["to_write"]


def pid_of(child: Child) -> int:
    """The process as it is now."""
    assert child.process is not None
    return child.process.pid


def kill(child: Child) -> int:
    """End a process as a power cut would; the pid it had."""
    pid = pid_of(child)
    os.kill(pid, signal.SIGKILL)
    return pid


def write_configuration(
    folder: Path,
    jelou: JelouTwin,
    helpdesks: Mapping[str, Mapping[str, Any]],
    **project_changes: Any,
) -> tuple[Path, dict[str, str]]:
    """The file that a person would write, and the environment with the secrets that it names."""
    secrets: dict[str, Any] = {"api_key": "${JELOU_API_KEY}", "signing_secrets": ["${JELOU_SIGNING_SECRET}"]}
    told = {
        "jelou": {PROJECT: project(jelou, **secrets, **project_changes)},
        "helpdesks": helpdesks,
        "api": {"tokens": ["${API_TOKEN}"]},
    }
    path = folder / "bridge.yaml"
    path.write_text(yaml.safe_dump(told))
    assert jelou.integration is not None
    return path, {
        "JELOU_API_KEY": jelou.settings.api_key,
        "JELOU_SIGNING_SECRET": jelou.integration.secret,
        "API_TOKEN": API_TOKEN,
        "SCRIPT_SECRET": STANDARD_SECRET,
        "BRIDGE_LOG_FORMAT": "json",
    }


def scripts(**changes: Any) -> dict[str, dict[str, Any]]:
    """The scripted sender as the file's only helpdesk."""
    account = scripted_account(verification={"secrets": ["${SCRIPT_SECRET}"]}, starts_per_hour=100_000, **changes)
    return {"standard-webhooks": {"scripts": account}}


@asynccontextmanager
async def processes(
    folder: Path,
    *,
    account: Mapping[str, Any] | None = None,
    jelou: Mapping[str, Any] | None = None,
    helpdesks: Mapping[str, Mapping[str, Any]] | None = None,
    environ: Mapping[str, str] | None = None,
    port: int = 0,
    worker_runs: bool = True,
) -> AsyncIterator[Processes]:
    """Everything running until the end of the block; ``account`` and ``jelou`` are changes of the usual ones."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(EmbeddedServer(folder / "valkey"))
        twin = await stack.enter_async_context(jelou_twin(f"{url}/webhooks/jelou/{PROJECT}"))
        session = await stack.enter_async_context(ClientSession())
        path, secrets = write_configuration(folder, twin, helpdesks or scripts(**(account or {})), **(jelou or {}))
        web, worker = web_and_worker(
            str(path), server.url, port, free_port(), {**secrets, **(environ or {})}, str(folder)
        )
        children = [web, worker] if worker_runs else [web]
        stack.push_async_callback(worker.stop)
        stack.push_async_callback(web.stop)
        for child in children:
            await child.start()
        for child in children:
            await child.ready(session)
        yield Processes(url, session, server, twin, web, worker)


def another(worker: Child) -> Child:
    """A second worker beside the first, on a port of its own and with a log of its own."""
    return replace(worker, name="second", port=free_port(), log=f"{worker.log}.second", process=None, kept=None)
