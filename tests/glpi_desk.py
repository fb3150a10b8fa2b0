"""A GLPI as its source shows it: its API as far as the bridge calls it, and webhooks that it signs and challenges."""

from __future__ import annotations

import hmac
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession, web

from bridge.embedded import free_port
from tests.harness import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Item = dict[str, Any]

SECRET = "glpi-webhook-secret"
AGENT, CUSTOMER, BRIDGE = (
    {"id": number, "name": name} for number, name in ((7, "apaz"), (42, "mlopez"), (21, "jelou"))
)
SOURCES = {1: "Helpdesk", 9: "Jelou bridge"}
STATUSES = {1: "Nuevo", 2: "En curso (asignada)", 4: "En espera", 5: "Resuelto", 6: "Cerrado"}


def digest(words: bytes) -> str:
    """What signs a delivery, and what a challenge is answered with."""
    return hmac.digest(SECRET.encode(), words, "sha256").hex()


def now() -> str:
    """The time as GLPI writes it, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class GlpiDesk:
    """The helpdesk: tickets, what stands on them, and where their webhooks go."""

    session: ClientSession
    webhook_url: str
    url: str = ""
    tickets: dict[int, Item] = field(default_factory=dict)
    timelines: dict[int, list[tuple[str, Item]]] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)
    _numbers: int = 500

    # -- people -------------------------------------------------------------------------------------------------------

    async def open_ticket(self, name: str, **more: Any) -> int:
        """The customer opens a ticket."""
        team = [{**CUSTOMER, "type": "User", "role": "requester"}, {**AGENT, "type": "User", "role": "assigned"}]
        return await self._opened({"name": name, "content": f"<p>{name}</p>", "team": team, **more})

    async def agent_writes(self, ticket: int, content: str, *, user: Item = AGENT, **more: Any) -> None:
        """A follow-up."""
        await self._followed_up(ticket, {"content": content, "is_private": False, **more}, user)

    async def agent_solves(self, ticket: int, content: str) -> None:
        """A solution, which solves: the ticket's update is told before it."""
        item = self._on(ticket, "Solution", {"content": content, "user": AGENT})
        await self._changed(ticket, status=5)
        await self._told("new", item, self.tickets[ticket])

    async def change(self, ticket: int, status: int) -> None:
        """Somebody sets the status."""
        await self._changed(ticket, status=status)

    def notes(self, ticket: int) -> list[str]:
        """What the bridge wrote."""
        return [item["content"] for _, item in self.timelines[ticket] if item.get("user") == BRIDGE]

    # -- what becomes of it -------------------------------------------------------------------------------------------

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    async def _opened(self, values: Item) -> int:
        number, moment = self._number(), now()
        told: Item = {
            "id": number,
            "is_deleted": False,
            "priority": 4,
            "type": 1,
            "external_id": None,
            "date_mod": moment,
        }
        told |= {"date_creation": moment, "status": {"id": 1, "name": STATUSES[1]}, "request_type": None, "team": []}
        self.tickets[number], self.timelines[number] = {**told, **values}, []
        await self._told("new", self.tickets[number])
        return number

    async def _changed(self, ticket: int, status: int = 0, **values: Any) -> None:
        found = self.tickets[ticket]
        found |= {**values, "date_mod": now()}
        if status:
            found["status"] = {"id": status, "name": STATUSES[status]}
        await self._told("update", found)

    async def _followed_up(self, ticket: int, values: Item, user: Item) -> int:
        source = (values.get("request_type") or {}).get("id", 1)
        told = {**values, "user": user, "request_type": {"id": source, "name": SOURCES[source]}}
        item = self._on(ticket, "Followup", told)
        await self._changed(ticket)
        await self._told("new", item, self.tickets[ticket])
        return int(item["id"])

    def _on(self, ticket: int, kind: str, values: Item) -> Item:
        moment = now()
        item = {"id": self._number(), "itemtype": "Ticket", "items_id": ticket, "date_creation": moment} | values
        self.timelines[ticket].append((kind, item))
        return item

    async def _told(self, event: str, item: Item, parent: Item | None = None) -> None:
        """One delivery, challenged before, signed over body and time stamp, of which no type is declared."""
        token = digest(b"validate_cra_challenge")
        async with self.session.get(self.webhook_url, params={"crc_token": token}) as challenged:
            assert await challenged.text() == digest(token.encode())
        told = {"item": item, "event": event} | ({"parent_item": parent} if parent else {})
        body, stamp = json.dumps(told, indent=4).encode(), str(int(time.time()))
        headers = {"X-GLPI-signature": digest(body + stamp.encode()), "X-GLPI-timestamp": stamp}
        skipped = {"Content-Type"}
        async with self.session.post(self.webhook_url, data=body, headers=headers, skip_auto_headers=skipped) as answer:
            self.answers.append(answer.status)

    # -- the API ------------------------------------------------------------------------------------------------------

    def site(self) -> web.Application:
        """Its routes."""
        ticket = "/api.php/v2/Assistance/Ticket"
        site = web.Application(middlewares=[_allowed])
        site.add_routes(
            [
                web.post("/api.php/token", self._token),
                web.get(ticket, self._list),
                web.post(ticket, self._post_ticket),
                web.get(f"{ticket}/{{id}}", self._get_ticket),
                web.patch(f"{ticket}/{{id}}", self._patch_ticket),
                web.get(f"{ticket}/{{id}}/Timeline", self._get_timeline),
                web.get(f"{ticket}/{{id}}/Timeline/Followup", self._get_timeline),
                web.post(f"{ticket}/{{id}}/Timeline/Followup", self._post_followup),
                web.get("/api.php/v2/Administration/User/{id}", self._get_user),
            ]
        )
        return site

    async def _token(self, request: web.Request) -> web.Response:
        told = await request.post()
        good = (told["grant_type"], told["scope"], told["username"]) == ("password", "api", "jelou")
        return web.json_response({"access_token": "good", "expires_in": 3600}, status=200 if good else 400)

    async def _get_user(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        phones = {"phone": "022345678", "mobile": "+593 98 765 4321"} if number == CUSTOMER["id"] else {}
        return web.json_response({"id": number, "firstname": "María", "realname": "López", **phones})

    async def _list(self, request: web.Request) -> web.Response:
        wanted = request.query["filter"].partition('external_id=="')[2].rstrip('"')
        found = [one for one in self.tickets.values() if not wanted or one["external_id"] == wanted]
        return web.json_response(found)

    async def _get_ticket(self, request: web.Request) -> web.Response:
        found = self.tickets.get(int(request.match_info["id"]))
        return web.json_response(found or {"status": "ERROR_ITEM_NOT_FOUND"}, status=200 if found else 404)

    async def _get_timeline(self, request: web.Request) -> web.Response:
        found = self.timelines[int(request.match_info["id"])]
        return web.json_response([{"type": kind, "item": item} for kind, item in found])

    async def _post_followup(self, request: web.Request) -> web.Response:
        number = await self._followed_up(int(request.match_info["id"]), await request.json(), BRIDGE)
        return web.json_response({"id": number, "href": "/"}, status=201)

    async def _post_ticket(self, request: web.Request) -> web.Response:
        told = await request.json()
        source = told["request_type"]["id"]
        team = [{**BRIDGE, "type": "User", "role": "requester"}]
        number = await self._opened({**told, "request_type": {"id": source, "name": SOURCES[source]}, "team": team})
        return web.json_response({"id": number, "href": "/"}, status=201)

    async def _patch_ticket(self, request: web.Request) -> web.Response:
        number, told = int(request.match_info["id"]), await request.json()
        await self._changed(number, **{**told, "status": told.get("status", {}).get("id", 0)})
        return web.json_response(self.tickets[number])


@web.middleware
async def _allowed(request: web.Request, handler: Any) -> web.StreamResponse:
    if request.path != "/api.php/token" and request.headers.get("Authorization") != "Bearer good":
        return web.json_response({"status": "ERROR_UNAUTHENTICATED"}, status=401)
    return await handler(request)  # type: ignore[no-any-return]


@asynccontextmanager
async def glpi_desk(webhook_url: str) -> AsyncIterator[GlpiDesk]:
    """The helpdesk on a loopback port."""
    async with ClientSession() as session:
        desk = GlpiDesk(session, webhook_url)
        async with serving(desk.site(), free_port()) as desk.url:
            yield desk
