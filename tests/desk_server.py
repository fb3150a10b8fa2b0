"""A small helpdesk of nobody's making, as ``config/mapping.example.yaml`` describes one: a real server, for the tests.

Access tokens end when told, contacts are kept apart from tickets, and a status is set by a transition.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import yaml
from aiohttp import web

from bridge.embedded import free_port
from bridge.listening import listening
from tests.harness import PROJECT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.harness import Running

MAPPING = Path(__file__).parents[1] / "config" / "mapping.example.yaml"
SECRET = "desk-signing-secret"
TRANSITIONS = {"done": 31, "open": 11}


@dataclass
class DeskServer:
    """Its tickets, and everything that it was asked."""

    url: str = ""
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: int = 0
    lose_next_comment: bool = False
    """The next comment is written, and its answer is a gateway's."""
    lose_next_look: bool = False
    """The next question for the ways of a ticket is answered by a gateway."""

    def account(self, **changes: Any) -> dict[str, Any]:
        """An account on this server, by the example's mapping."""
        credential = {"type": "oauth2", "token_url": f"{self.url}/token", "client_id": "c", "client_secret": "s"}
        return {
            "project": PROJECT,
            "mapping": yaml.safe_load(MAPPING.read_text(encoding="utf-8")) | {"calls_per_minute": 60_000},
            "verification": {"secrets": [SECRET]},
            "access": {"base_url": self.url, "credential": credential},
            "start_when": [{"name": "all"}],
            "user_id": {"fields": ["requester.phone"], "region": "EC"},
        } | changes

    def application(self) -> web.Application:
        """Its API."""
        site = web.Application(middlewares=[self._guarded])
        site.add_routes(
            [
                web.post("/token", self._token),
                web.get("/api/tickets/{id}", self._ticket),
                web.get("/api/contacts/{id}", self._contact),
                web.get("/api/tickets/{id}/comments", self._comments),
                web.post("/api/tickets/{id}/comments", self._comment),
                web.get("/api/tickets/{id}/transitions", self._ways),
                web.post("/api/tickets/{id}/transitions", self._move),
            ]
        )
        return site

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        if request.path != "/token" and request.headers.get("authorization") != f"Bearer token-{self.tokens}":
            return web.json_response({}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _token(self, _: web.Request) -> web.Response:
        self.tokens += 1
        return web.json_response({"access_token": f"token-{self.tokens}", "expires_in": 3600})

    async def _ticket(self, request: web.Request) -> web.Response:
        found = self.tickets.get(request.match_info["id"])
        return web.json_response(found) if found else web.json_response({}, status=404)

    async def _contact(self, request: web.Request) -> web.Response:
        return web.json_response(self.contacts[request.match_info["id"]])

    async def _comments(self, request: web.Request) -> web.Response:
        return web.json_response({"comments": self.comments.get(request.match_info["id"], [])})

    async def _comment(self, request: web.Request) -> web.Response:
        told, found = await request.json(), self.comments.setdefault(request.match_info["id"], [])
        found.append({"id": len(found) + 1, **told})
        if self.lose_next_comment:
            self.lose_next_comment = False
            return web.json_response({}, status=502)
        return web.json_response({"id": len(found)}, status=201)

    async def _ways(self, _: web.Request) -> web.Response:
        if self.lose_next_look:
            self.lose_next_look = False
            return web.json_response({}, status=502)
        return web.json_response({"transitions": [{"id": one, "to": to} for to, one in TRANSITIONS.items()]})

    async def _move(self, request: web.Request) -> web.Response:
        wanted = int((await request.json())["transition"])
        self.tickets[request.match_info["id"]]["status"] = next(to for to, one in TRANSITIONS.items() if one == wanted)
        return web.json_response({})

    async def tell(self, run: Running, body: dict[str, Any]) -> int:
        """Post a signed event to the bridge; the status it answers."""
        raw, now = orjson.dumps(body), str(int(time.time()))
        signature = hmac.new(SECRET.encode(), f"{now}.".encode() + raw, hashlib.sha256).hexdigest()
        headers = {"x-desk-signature": signature, "x-desk-timestamp": now}
        status, _ = await run.post("/webhooks/helpdesks/generic/desk", raw, headers)
        return status


@asynccontextmanager
async def desk_server() -> AsyncIterator[DeskServer]:
    """The server, on a free port."""
    desk, port = DeskServer(), free_port()
    async with listening(desk.application(), "127.0.0.1", port):
        desk.url = f"http://127.0.0.1:{port}"
        yield desk
