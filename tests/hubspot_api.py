"""A HubSpot small enough to read: tickets, contacts, notes and conversations in memory, behind the paths of its API.

It keeps what is sent to it and judges nothing: what may be sent is judged by the recordings.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from bridge.embedded import free_port
from tests.harness import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKEN = "made-up-token"
CONTACT = "2190"
STAGES = [
    {"id": "1", "label": "New", "displayOrder": 0, "metadata": {"ticketState": "OPEN"}},
    {"id": "2", "label": "Waiting on contact", "displayOrder": 1, "metadata": {"ticketState": "OPEN"}},
    {"id": "4", "label": "Closed", "displayOrder": 2, "metadata": {"ticketState": "CLOSED"}},
]


@dataclass
class HubspotApi:
    """What stands in HubSpot, by the numbers of its tickets."""

    url: str = ""
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    phones: dict[str, str] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def open_ticket(self, number: str, phone: str) -> None:
        """A new ticket of the customer with this number."""
        self.tickets[number] = {"subject": f"Caso {number}", "hs_pipeline": "0", "hs_pipeline_stage": "1"}
        self.tickets[number] |= {"createdate": datetime.now(UTC).isoformat(), "hs_ticket_priority": None}
        self.phones[number] = phone

    def reply(self, number: str, text: str, at: str) -> None:
        """What an agent says in the ticket's conversation."""
        told = {"type": "MESSAGE", "direction": "OUTGOING", "senders": [{"actorId": "A-1"}], "createdAt": at}
        self.messages.setdefault(number, []).append({**told, "id": f"m-{at}", "richText": f"<p>{text}</p>"})

    def application(self) -> web.Application:
        """The server."""
        site = web.Application(middlewares=[known])
        site.add_routes(
            [
                web.get("/crm/v3/objects/tickets/{id}", self._ticket),
                web.patch("/crm/v3/objects/tickets/{id}", self._changed),
                web.get("/crm/v3/objects/contacts/{id}", self._contact),
                web.get("/crm/v3/pipelines/tickets/0/stages", _stages),
                web.post("/crm/v3/objects/notes", self._noted),
                web.get("/conversations/v3/conversations/threads", _threads),
                web.get("/conversations/v3/conversations/threads/{id}/messages", self._said),
            ]
        )
        return site

    async def _ticket(self, request: web.Request) -> web.Response:
        number = request.match_info["id"]
        if number not in self.tickets:
            return web.json_response({"category": "OBJECT_NOT_FOUND"}, status=404)
        contacts = {"results": [{"id": CONTACT + number, "type": "ticket_to_contact"}]}
        told = {"id": number, "properties": self.tickets[number], "associations": {"contacts": contacts}}
        return web.json_response(told)

    async def _changed(self, request: web.Request) -> web.Response:
        number = request.match_info["id"]
        self.tickets[number] |= (await request.json())["properties"]
        return web.json_response({"id": number})

    async def _contact(self, request: web.Request) -> web.Response:
        contact = request.match_info["id"]
        person = {"firstname": "María", "lastname": "López", "mobilephone": self.phones[contact.removeprefix(CONTACT)]}
        return web.json_response({"id": contact, "properties": person})

    async def _noted(self, request: web.Request) -> web.Response:
        told = await request.json()
        written = self.notes.setdefault(told["associations"][0]["to"]["id"], [])
        written.append(told["properties"]["hs_note_body"])
        return web.json_response({"id": f"n-{len(written)}"}, status=201)

    async def _said(self, request: web.Request) -> web.Response:
        return web.json_response({"results": self.messages.get(request.match_info["id"], [])[::-1]})


@web.middleware
async def known(request: web.Request, handler: Any) -> web.StreamResponse:
    """401 for anybody but the app."""
    if request.headers.get("authorization") != f"Bearer {TOKEN}":
        return web.json_response({"category": "INVALID_AUTHENTICATION"}, status=401)
    response: web.StreamResponse = await handler(request)
    return response


async def _stages(_request: web.Request) -> web.Response:
    return web.json_response({"results": STAGES})


async def _threads(request: web.Request) -> web.Response:
    """Each ticket's conversation has the ticket's number."""
    number = request.query["associatedTicketId"]
    return web.json_response({"results": [{"id": number, "threadAssociations": {"associatedTicketId": number}}]})


@asynccontextmanager
async def hubspot_api() -> AsyncIterator[HubspotApi]:
    """A HubSpot without tickets."""
    api = HubspotApi()
    async with serving(api.application(), free_port()) as url:
        api.url = url
        yield api


def entries(*numbers: str, **values: Any) -> bytes:
    """A list of one event for each of these tickets."""
    base = {"subscriptionId": 2, "portalId": 3, "appId": 4, "attemptNumber": 0, "changeSource": "CRM_UI"}
    return orjson.dumps([{**base, "eventId": at, "objectId": int(one), **values} for at, one in enumerate(numbers)])
