"""A small Freshdesk: tickets and their conversations over the API, and webhooks as a template makes them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from aiohttp import ClientSession, web

from bridge.twins.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY, TOKEN = "freshdesk-api-key", "freshdesk-rule-token"
AGENT, BRIDGE, CUSTOMER = 7, 42, 5
LABELS = {2: "Abierto", 3: "Pendiente", 4: "Resuelto", 5: "Cerrado"}


@dataclass
class FreshdeskSite:
    """Freshdesk with one customer. Rules post to ``webhook``; ``mails`` are the tickets whose customer was mailed."""

    webhook: str
    phone: str
    page: int = 100
    tickets: dict[int, dict[str, Any]] = field(default_factory=dict)
    conversations: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    mails: list[int] = field(default_factory=list)
    listener: Listener = field(default_factory=Listener)
    began: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(hours=1))
    clock: int = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/api/v2/tickets", self._create)
        app.router.add_get("/api/v2/tickets", self._all)
        app.router.add_get("/api/v2/tickets/{id}", self._view)
        app.router.add_put("/api/v2/tickets/{id}", self._update)
        app.router.add_get("/api/v2/tickets/{id}/conversations", self._list)
        app.router.add_post("/api/v2/tickets/{id}/notes", self._note)
        app.router.add_post("/api/v2/tickets/{id}/reply", self._reply)
        await self.listener.start(app, 0, "127.0.0.1")
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.listener.stop()

    def account(self, project: str, **changes: Any) -> dict[str, Any]:
        """The bridge's account here."""
        return {
            "project": project,
            "verification": {"type": "header", "header": "X-Bridge-Token", "tokens": [TOKEN]},
            "access": {"base_url": self.listener.url, "api_key": KEY, "bridge_user_id": str(BRIDGE)},
            "start_when": [{"name": "all new", "max_age_s": 86_400}],
            "write_back": {"field": "cf_conversation", "tag": "jelou"},
            "messages": {"merge_s": 0.1},
            "calls_per_minute": 60_000,
        } | changes

    # -- what people do -----------------------------------------------------------------------------------------------

    def opens(self, number: int, **values: Any) -> int:
        """A ticket of the customer's, of which nobody tells yet."""
        base = {
            "id": number,
            "subject": 'La "clave" no sirve',
            "status": 2,
            "priority": 3,
            "source": 2,
            "tags": ["vip"],
        }
        self.tickets[number] = {
            **base,
            "requester_id": CUSTOMER,
            "created_at": self.now(),
            "updated_at": self.now(),
            "custom_fields": {},
            **values,
        }
        self.conversations[number] = []
        return number

    async def opened(self, number: int) -> int:
        """A ticket of the customer's, and the rule that tells it."""
        await self.tell(self.opens(number), "{ticket_action:created}")
        return number

    def writes(self, number: int, text: str, **values: Any) -> dict[str, Any]:
        """An agent's public reply, of which nobody tells yet."""
        base = {"id": 1000 + self.clock, "body": f"<div>{text}</div>", "body_text": text, "private": False, "source": 0}
        written = {**base, "incoming": False, "user_id": AGENT, "created_at": self.now(), **values}
        self.conversations[number].append(written)
        return written

    async def resolved(self, number: int) -> None:
        """An agent resolves the ticket."""
        self.tickets[number]["status"] = 4
        await self.tell(number, "{status:{from:2,to:4}}")

    async def tell(self, number: int, event: str) -> None:
        """A rule's webhook, made by our template."""
        told = {
            "triggered_event": event,
            "ticket_id": str(number),
            "ticket_status": LABELS[self.tickets[number]["status"]],
        }
        async with ClientSession() as session:
            body, headers = {"freshdesk_webhook": told}, {"X-Bridge-Token": TOKEN}
            async with session.post(self.webhook, json=body, headers=headers) as answer:
                answer.raise_for_status()

    def now(self) -> str:
        """A moment later than all before."""
        self.clock += 1
        return (self.began + timedelta(seconds=self.clock)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def notes(self, number: int) -> list[dict[str, Any]]:
        """What stands on the ticket in the bridge's or the customer's name."""
        return [one for one in self.conversations[number] if one["user_id"] != AGENT]

    # -- the API ------------------------------------------------------------------------------------------------------

    async def _all(self, request: web.Request) -> web.Response:
        self._credential(request.headers)
        return web.json_response(list(self.tickets.values())[::-1])

    async def _view(self, request: web.Request) -> web.Response:
        ticket = self._ticket(request)
        beside = {"requester": {"id": CUSTOMER, "name": "María", "mobile": self.phone, "phone": None}}
        return web.json_response(ticket | (beside if request.query.get("include") == "requester" else {}))

    async def _update(self, request: web.Request) -> web.Response:
        ticket, change = self._ticket(request), await request.json()
        ticket["custom_fields"] |= change.pop("custom_fields", {})
        ticket |= change
        return web.json_response(ticket)

    async def _list(self, request: web.Request) -> web.Response:
        number, page = self._ticket(request)["id"], int(request.query.get("page", "1"))
        found = self.conversations[number]
        behind = f'<{request.url.with_query({"page": str(page + 1)})}>; rel="next"'
        headers = {"link": behind} if len(found) > page * self.page else {}
        return web.json_response(found[(page - 1) * self.page : page * self.page], headers=headers)

    async def _note(self, request: web.Request) -> web.Response:
        number, said = self._ticket(request)["id"], await request.json()
        self.mails += [number] * bool(said.get("notify_emails"))
        base = {"incoming": said.get("incoming", False), "source": 2, "user_id": said.get("user_id", BRIDGE)}
        written = self.writes(number, "", **base, private=said["private"], body=f"<div>{said['body']}</div>")
        return web.json_response(written, status=201)

    async def _reply(self, request: web.Request) -> web.Response:
        self.mails.append(self._ticket(request)["id"])
        return web.json_response({}, status=201)

    async def _create(self, request: web.Request) -> web.Response:
        self._credential(request.headers)
        said, number = await request.json(), 2000 + len(self.tickets)
        self.tickets[number] = {
            **said,
            "id": number,
            "requester_id": CUSTOMER,
            "created_at": self.now(),
            "custom_fields": {},
        }
        self.conversations[number] = []
        return web.json_response(self.tickets[number], status=201)

    def _ticket(self, request: web.Request) -> dict[str, Any]:
        self._credential(request.headers)
        found = self.tickets.get(int(request.match_info["id"]))
        if found is None:
            raise web.HTTPNotFound
        return found

    def _credential(self, headers: Mapping[str, str]) -> None:
        if headers.get("authorization") != "Basic " + base64.b64encode(f"{KEY}:X".encode()).decode():
            raise web.HTTPUnauthorized
