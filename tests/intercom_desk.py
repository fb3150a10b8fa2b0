"""Stands where Intercom's API stands: keeps a ticket, takes what is written, and tells it back as Intercom does."""

from __future__ import annotations

import hmac
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import ClientSession, web

from bridge.embedded import free_port
from tests.harness import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET, TOKEN, ADMIN, AGENT, CONTACT = "made-up", "made-up-token", "42", "5", "c-1"
TICKET, KIND = "215472629311235", "9"
PHONE = "+593987654321"
STATES = {"submitted": "1", "in_progress": "2", "waiting_on_customer": "3", "resolved": "4"}


def state(category: str) -> dict[str, Any]:
    """A state of the workspace."""
    kinds = {"type": "list", "data": [{"type": "ticket_type", "id": KIND}]}
    return {"id": STATES[category], "category": category, "internal_label": category, "ticket_types": kinds}


@dataclass
class Desk:
    """One ticket of a workspace, and what came about it. ``webhook`` is where its notifications go."""

    webhook: str
    session: ClientSession
    url: str = ""
    category: str = "Customer"
    status: str = "submitted"
    attributes: dict[str, Any] = field(default_factory=lambda: {"_default_title_": "No puedo entrar"})
    parts: list[dict[str, Any]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    calls: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    answered: list[int] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(101))

    def ticket(self) -> dict[str, Any]:
        """The ticket, with all its parts."""
        return {
            "type": "ticket",
            "id": TICKET,
            "ticket_id": "1001",
            "category": self.category,
            "ticket_attributes": self.attributes,
            "ticket_state": state(self.status),
            "ticket_type": {"id": KIND, "name": "Soporte", "category": self.category},
            "contacts": {"contacts": [{"type": "contact", "id": CONTACT, "external_id": "crm-1"}]},
            "created_at": int(time.time()),
            "updated_at": int(time.time()),
            "ticket_parts": {"ticket_parts": self.parts, "total_count": len(self.parts)},
            "open": self.status != "resolved",
        }

    def texts(self, kind: str, author: str) -> list[str]:
        """What this author wrote in parts of this kind, in order."""
        return [one["body"] for one in self.parts if (one["part_type"], one["author"]["id"]) == (kind, author)]

    async def notify(self, topic: str, item: dict[str, Any]) -> None:
        """Tell the bridge, signed."""
        body = orjson.dumps({"id": f"notif_{next(self._numbers)}", "topic": topic, "data": {"item": item}})
        headers = {
            "content-type": "application/json",
            "x-hub-signature": "sha1=" + hmac.digest(SECRET.encode(), body, "sha1").hex(),
        }
        async with self.session.post(self.webhook, data=body, headers=headers) as answer:
            self.answered.append(answer.status)

    async def opens(self) -> None:
        """The customer's ticket is told."""
        await self.notify("ticket.created", self.ticket())

    async def adds(
        self, topic: str, kind: str, body: str | None, author: dict[str, str], **more: Any
    ) -> dict[str, Any]:
        """A part is new on the ticket, and told with it."""
        made = {"type": "ticket_part", "id": str(next(self._numbers)), "part_type": kind, "body": body}
        part = {**made, "author": author, "created_at": int(time.time()), "attachments": [], **more}
        self.parts.append(part)
        whole = self.ticket() if topic.startswith("ticket.state") else {"ticket": self.ticket(), "ticket_part": part}
        await self.notify(topic, whole)
        return part

    async def replies(self, text: str, kind: str = "comment") -> None:
        """An agent replies; the first time the ticket becomes theirs."""
        await self.adds("ticket.admin.replied", kind, f"<p>{text}</p>", {"type": "admin", "id": AGENT})

    async def becomes(self, category: str, author: dict[str, str], **more: Any) -> None:
        """The ticket's state changes."""
        before, self.status = self.status, category
        told = {"ticket_state": category, "previous_ticket_state": before, **more}
        await self.adds("ticket.state.updated", "ticket_state_updated_by_admin", None, author, **told)

    # -- the API ------------------------------------------------------------------------------------------------------

    def site(self) -> web.Application:
        """The part of Intercom's API that the bridge uses of a ticket that is there."""
        site = web.Application(middlewares=[self._counted])
        site.add_routes(
            [
                web.get("/tickets/{id}", self._ticket),
                web.put("/tickets/{id}", self._update),
                web.post("/tickets/{id}/reply", self._reply),
                web.post("/tickets/{id}/tags", self._tag),
                web.get("/contacts/{id}", self._contact),
                web.get("/ticket_states", self._states),
                web.post("/tags", self._made_tag),
            ]
        )
        return site

    @web.middleware
    async def _counted(self, request: web.Request, handler: Any) -> web.StreamResponse:
        known = (request.headers.get("authorization"), request.headers.get("intercom-version"))
        if known != (f"Bearer {TOKEN}", "2.15"):
            return web.json_response({"type": "error.list", "errors": [{"code": "unauthorized"}]}, status=401)
        self.calls[f"{request.method} {request.path.replace(TICKET, '')}"] += 1
        response: web.StreamResponse = await handler(request)
        return response

    async def _ticket(self, _: web.Request) -> web.Response:
        return web.json_response(self.ticket())

    async def _contact(self, _: web.Request) -> web.Response:
        return web.json_response({"type": "contact", "id": CONTACT, "name": "Ana", "phone": PHONE})

    async def _states(self, _: web.Request) -> web.Response:
        return web.json_response({"type": "list", "data": [state(one) for one in STATES]})

    async def _made_tag(self, request: web.Request) -> web.Response:
        name = (await request.json())["name"]
        return web.json_response({"type": "tag", "id": f"id-of-{name}", "name": name})

    async def _tag(self, request: web.Request) -> web.Response:
        self.tags.append((await request.json())["id"])
        return web.json_response({"type": "tag", "id": self.tags[-1]})

    async def _update(self, request: web.Request) -> web.Response:
        told = await request.json()
        self.attributes |= told.get("ticket_attributes", {})
        wanted = next((name for name, number in STATES.items() if number == told.get("ticket_state_id")), "")
        if wanted:
            await self.becomes(wanted, {"type": "bot", "id": "1"}, app_package_code="ours-1")
        return web.json_response(self.ticket())

    async def _reply(self, request: web.Request) -> web.Response:
        told = await request.json()
        assert told["skip_notifications"] is True
        if told["type"] == "user" and self.category != "Customer":
            error = {"code": "parameter_mismatch", "message": "User replies are not allowed on Backoffice tickets"}
            return web.json_response({"type": "error.list", "errors": [error]}, status=400)
        by_contact = told["type"] == "user"
        author = {"type": "user", "id": CONTACT} if by_contact else {"type": "admin", "id": told["admin_id"]}
        topic = "ticket.contact.replied" if by_contact else "ticket.note.created"
        body = "<p>" + told["body"].replace("\n", "<br>") + "</p>" if by_contact else told["body"]
        return web.json_response(await self.adds(topic, told["message_type"], body, author, app_package_code="ours-1"))


@asynccontextmanager
async def intercom(webhook: str, **values: Any) -> AsyncIterator[Desk]:
    """An Intercom that runs until the end of the block."""
    async with ClientSession() as session:
        desk = Desk(webhook, session, **values)
        async with serving(desk.site(), free_port()) as url:
            desk.url = url
            yield desk
