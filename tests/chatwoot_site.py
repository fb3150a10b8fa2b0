"""A Chatwoot in memory, as its own source answers: a real server that also tells the bridge of all that is written."""

from __future__ import annotations

import hashlib
import hmac
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from bridge.embedded import free_port
from bridge.listening import listening
from config.mappings import data_of, shipped
from tests.harness import PROJECT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.harness import Running

SECRET = "chatwoot-makes-it"
TOKEN = "api-token"
KINDS = {"incoming": 0, "outgoing": 1}
CONTACT = {"id": 331, "name": "Ana", "phone_number": "+593987654321", "type": "contact"}
AGENT, BRIDGE = {"id": 4, "type": "user"}, {"id": 77, "type": "user"}


@dataclass
class ChatwootSite:
    """One conversation of an API inbox, and everything that was written on it."""

    url: str = ""
    run: Running | None = None
    status: str = "open"
    messages: list[dict[str, Any]] = field(default_factory=list)
    labels: list[str] = field(default_factory=lambda: ["vip"])
    attributes: dict[str, str] = field(default_factory=lambda: {"plan": "gold"})
    told: list[int] = field(default_factory=list)
    """What the bridge answered."""
    ids: count[int] = field(default_factory=lambda: count(90_000))

    def account(self, **changes: Any) -> dict[str, Any]:
        """An account on this site."""
        return {
            "project": PROJECT,
            "mapping": data_of(shipped()["chatwoot"]),
            "settings": {"account_id": "1", "user_id": "77", "api_inbox": "yes"},
            "calls_per_minute": 60_000,
            "verification": {"secrets": [SECRET]},
            "access": {
                "base_url": self.url,
                "credential": {"type": "header", "header": "api_access_token", "token": TOKEN},
            },
            "start_when": [{"name": "all"}],
            "user_id": {"fields": ["requester.phone"], "region": "EC"},
        } | changes

    def application(self) -> web.Application:
        """Its API."""
        site = web.Application(middlewares=[self._guarded])
        path = "/api/v1/accounts/1/conversations/57"
        site.add_routes(
            [
                web.get(path, self._conversation),
                web.get(f"{path}/messages", self._messages),
                web.post(f"{path}/messages", self._message),
                web.get(f"{path}/labels", self._labels),
                web.post(f"{path}/labels", self._label),
                web.post(f"{path}/custom_attributes", self._attributes),
                web.post(f"{path}/toggle_status", self._toggle),
            ]
        )
        return site

    def conversation(self) -> dict[str, Any]:
        """As a webhook and the API tell it."""
        now = int(time.time())
        return {
            "id": 57,
            "inbox_id": 9,
            "status": self.status,
            "labels": self.labels,
            "custom_attributes": self.attributes,
            "meta": {"sender": CONTACT},
            "created_at": now,
            "updated_at": now + next(self.ids) / 1e6,
        }

    async def opens(self) -> None:
        """A new conversation."""
        await self._tell({**self.conversation(), "event": "conversation_created"})

    async def moves(self, status: str) -> None:
        """An agent, or the API, sets the status."""
        before, self.status = self.status, status
        change = {"status": {"previous_value": before, "current_value": status}}
        body = {**self.conversation(), "event": "conversation_status_changed", "changed_attributes": [change]}
        await self._tell(body)

    async def writes(self, content: str, kind: str = "outgoing", *, private: bool = False, sender: Any = AGENT) -> int:
        """A message; the bridge is told of it, whoever wrote it."""
        message_id = next(self.ids)
        message = {"id": message_id, "content": content, "private": private, "sender": sender}
        self.messages.append({**message, "message_type": KINDS[kind], "created_at": int(time.time())})
        whole = {"event": "message_created", "message_type": kind, "conversation": self.conversation()}
        await self._tell(message | whole)
        return message_id

    async def _tell(self, body: dict[str, Any]) -> None:
        assert self.run is not None
        raw, now = orjson.dumps(body), str(int(time.time()))
        digest = hmac.new(SECRET.encode(), f"{now}.".encode() + raw, hashlib.sha256).hexdigest()
        headers = {"x-chatwoot-signature": f"sha256={digest}", "x-chatwoot-timestamp": now}
        status, _ = await self.run.post("/webhooks/helpdesks/generic/chat", raw, headers)
        self.told.append(status)

    # -- what is asked of it

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("api_access_token") != TOKEN:
            return web.json_response({}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _conversation(self, _: web.Request) -> web.Response:
        return web.json_response(self.conversation())

    async def _messages(self, _: web.Request) -> web.Response:
        return web.json_response({"meta": {}, "payload": self.messages[-20:]})

    async def _message(self, request: web.Request) -> web.Response:
        told = await request.json()
        sender = CONTACT if told["message_type"] == "incoming" else BRIDGE
        number = await self.writes(told["content"], told["message_type"], private=told["private"], sender=sender)
        return web.json_response({"id": number})

    async def _labels(self, _: web.Request) -> web.Response:
        return web.json_response({"payload": self.labels})

    async def _label(self, request: web.Request) -> web.Response:
        self.labels = (await request.json())["labels"]
        return web.json_response({"payload": self.labels})

    async def _attributes(self, request: web.Request) -> web.Response:
        self.attributes = (await request.json())["custom_attributes"]
        return web.json_response({})

    async def _toggle(self, request: web.Request) -> web.Response:
        await self.moves((await request.json())["status"])
        return web.json_response({"payload": {"success": True}})


@asynccontextmanager
async def chatwoot_site() -> AsyncIterator[ChatwootSite]:
    """The server, on a free port."""
    site, port = ChatwootSite(), free_port()
    async with listening(site.application(), "127.0.0.1", port):
        site.url = f"http://127.0.0.1:{port}"
        yield site
