"""Callers of the twins with the right credentials, and a look at JSON that leaves out what differs every time."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import ClientSession, ClientTimeout

from bridge.twins.jelou import JelouTwin
from bridge.twins.jelou_settings import JelouSettings
from bridge.twins.zendesk import ZendeskTwin
from bridge.twins.zendesk_desk import ZendeskSettings
from tests.harness import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RECORDINGS = Path(__file__).parent / "recordings"

PROJECT = "01jrn5w8q2x7k4m9t3v6y0b1cd"
BOT = "7d1f5c52-3a0e-4b6b-9c58-0f2f6f1f9a10"
USER = "573000000001"


def recording(name: str, kind: str = "jelou") -> Any:
    """Read a recorded body."""
    return json.loads((RECORDINGS / kind / f"{name}.json").read_text(encoding="utf-8"))


def blurred(value: Any, *names: str) -> Any:
    """Replace the values under these names by the name of their type."""
    if isinstance(value, dict):
        return {key: type(inner).__name__ if key in names else blurred(inner, *names) for key, inner in value.items()}
    return [blurred(inner, *names) for inner in value] if isinstance(value, list) else value


async def until(condition: Callable[[], bool], within_s: float = DEADLINE_S) -> None:
    """Wait for what happens in another task or process. Raises TimeoutError where it does not."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


def jelou_like_recorded(**changes: Any) -> JelouTwin:
    """Make a Jelou whose project, bot and people are those of the recordings."""
    settings = {
        "project_id": PROJECT,
        "bot_id": BOT,
        "bot_name": "Acme Support Bot",
        "api_key": "right-key",
        "names": {USER: "Ana Pérez"},
    }
    return JelouTwin(JelouSettings(**{**settings, **changes}))


def zendesk(**changes: Any) -> ZendeskTwin:
    """Make a Zendesk that waits a five-hundredth of the time before it tries again."""
    return ZendeskTwin(ZendeskSettings(**{"time_scale": 0.002, **changes}))


@dataclass(frozen=True)
class Answered:
    """An answer got. ``headers`` have lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return orjson.loads(self.body)


@dataclass
class Caller:
    """Calls a twin, each call on a connection of its own so that a reset hits one call only."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = DEADLINE_S

    async def __call__(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str | None] | None = None
    ) -> Answered:
        """Call; a header set to None is left out. ``body`` may be bytes, to send what is no JSON."""
        sent = {name: text for name, text in {**self.headers, **(headers or {})}.items() if text is not None}
        raw = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        async with ClientSession(timeout=ClientTimeout(total=self.timeout_s)) as session:
            # aiohttp repeats a GET or PUT whose connection broke, and there is no other way to forbid it.
            session._retry_connection = False  # noqa: SLF001
            async with session.request(method, self.url + path, data=raw, headers=sent) as answer:
                told = {name.lower(): text for name, text in answer.headers.items()}
                return Answered(answer.status, told, await answer.read())


@dataclass
class JelouCaller(Caller):
    """Calls the operations of a Jelou twin under one base path."""

    base: str = "/platform/v1/external-support"
    project: str = PROJECT

    @classmethod
    def of(cls, twin: JelouTwin, **changes: Any) -> JelouCaller:
        """Make a caller with the project's key."""
        headers = {"x-api-key": twin.settings.api_key, "Content-Type": "application/json"}
        return cls(twin.url, headers, project=twin.settings.project_id, **changes)

    async def operation(self, method: str, path: str = "", body: Any = None, **headers: str | None) -> Answered:
        """Call an operation by what follows the project in its path."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return await self(method, f"{self.base}/{self.project}{path}", body, named)

    async def start(self, ticket_id: str = "T-1", user_id: str = USER, **changes: Any) -> Answered:
        """Start a conversation for a ticket."""
        body = {"botId": BOT, "userId": user_id, "metadata": {"ticketId": ticket_id}, **changes}
        return await self.operation("POST", "/conversations/start", body)

    async def close(self, user_id: str = USER, **changes: Any) -> Answered:
        """Close a user's conversation."""
        return await self.operation("POST", "/conversations/close", {"botId": BOT, "userId": user_id, **changes})

    async def send(self, body: Any, secret: str) -> Answered:
        """Send a message to the end user, signed with this secret."""
        raw = orjson.dumps(body)
        return await self("POST", "/v1/external-support/webhook", raw, {"X-Jelou-Signature": signed(raw, secret)})


def signed(body: bytes, secret: str) -> str:
    """Sign these bytes, worked out apart from the twin."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def zendesk_caller(twin: ZendeskTwin) -> Caller:
    """Make a caller with the account's API token, below the API's path."""
    pair = f"{twin.settings.email}/token:{twin.settings.api_token}".encode()
    headers = {"Authorization": "Basic " + base64.b64encode(pair).decode(), "Content-Type": "application/json"}
    return Caller(twin.url + "/api/v2", headers)
