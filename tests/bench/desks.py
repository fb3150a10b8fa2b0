"""The helpdesks of a benchmark: what their people do, and when the bridge said 202 to it."""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from aiohttp import web

from bridge.signatures import standard_webhooks_signature
from bridge.twins.listener import Listener
from bridge.twins.zendesk import ZendeskTwin
from bridge.twins.zendesk_desk import ZendeskSettings
from tests.bench.measures import Limit
from tests.freshdesk_site import AGENT, BRIDGE, FreshdeskSite
from tests.harness import KEY, STANDARD_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AsyncExitStack

    from aiohttp import ClientSession

    from bridge.twins.zendesk_desk import Audit
    from tests.bench.peers import Peer

Json = dict[str, Any]
FAST: Json = {"calls_per_minute": 600_000, "ticket_pace": {"calls": 100_000, "per_s": 1.0}}
"""For what is prepared before anything is measured."""

TAKEN_S = 30.0
PEOPLE = count(10_000_000)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket: ``kind/account/id`` and its customer's id at Jelou."""

    name: str
    user: str

    @property
    def id(self) -> str:
        """Its number in the helpdesk."""
        return self.name.rpartition("/")[2]

    @property
    def account(self) -> str:
        """``kind/account``."""
        return self.name.rpartition("/")[0]


class Desk(Protocol):
    """One account and its people. Every act returns when the bridge took it, in Unix seconds."""

    peer: Peer
    path: str

    async def begin(self, stack: AsyncExitStack, session: ClientSession, web_url: str) -> None:
        """Serve until the stack ends."""
        ...

    def section(self) -> Json:
        """Its account in the configuration, but for what all have."""
        ...

    async def open(self) -> tuple[Ticket, float]:
        """A customer opens a ticket."""
        ...

    async def reply(self, ticket: Ticket, text: str) -> float:
        """An agent writes to the customer."""
        ...

    async def solve(self, ticket: Ticket) -> float:
        """An agent solves it."""
        ...


def limit_of(kind: str) -> Limit:
    """The limit of an account of this kind, as the bridge's own default says."""
    return Limit({"standard-webhooks": 6_000, "zendesk": 100, "freshdesk": 80}[kind], 60.0)


def person() -> str:
    """The phone of somebody who has no ticket yet."""
    return f"+5939{next(PEOPLE):08d}"


@dataclass
class Scripted:
    """A sender of Standard Webhooks, and the receiver of what is written on its tickets."""

    path: str
    peer: Peer
    port: int
    _numbers: Iterator[int] = field(default_factory=count)
    _session: Any = None
    _url: str = ""

    async def begin(self, stack: AsyncExitStack, session: ClientSession, web_url: str) -> None:
        """Serve until the stack ends."""

        async def take(_: web.Request) -> web.Response:
            return web.Response(status=204)

        app, listener = web.Application(), Listener(self.peer.around)
        app.router.add_post("/written", take)
        await listener.start(app, self.port, "127.0.0.1")
        stack.push_async_callback(listener.stop)
        self._session, self._url = session, f"{web_url}/webhooks/helpdesks/{self.path}"

    def section(self) -> Json:
        """Its account in the configuration."""
        url = f"http://127.0.0.1:{self.port}/written"
        return {
            "verification": {"secrets": ["${SCRIPT_SECRET}"]},
            "access": {"write_back_url": url, "secret": "${SCRIPT_SECRET}"},
        }

    async def open(self) -> tuple[Ticket, float]:
        """A customer opens a ticket."""
        phone, number = person(), next(self._numbers)
        ticket = Ticket(f"{self.path}/{number}", phone[1:])
        return ticket, await self._post("ticket.created", ticket, requester={"phone": phone})

    async def reply(self, ticket: Ticket, text: str) -> float:
        """An agent writes to the customer."""
        comment = {"id": text, "body": text, "public": True}
        return await self._post("comment.added", ticket, comment=comment, actor={"id": "a-1", "type": "agent"})

    async def solve(self, ticket: Ticket) -> float:
        """An agent solves it."""
        return await self._post("ticket.solved", ticket)

    async def _post(self, event: str, ticket: Ticket, **more: Any) -> float:
        body = orjson.dumps({"type": event, "data": {"ticket": {"id": ticket.id, "subject": "Ayuda"}, **more}})
        message_id, now_s = f"{ticket.id}-{next(self._numbers)}-{event}", int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": standard_webhooks_signature(base64.b64decode(KEY), message_id, now_s, body),
        }
        async with self._session.post(self._url, data=body, headers=headers) as answer:
            answer.raise_for_status()
            await answer.read()
        return time.time()


@dataclass
class Zendesk:
    """An account of the Zendesk twin, with Zendesk's own limit of updates on one ticket."""

    path: str
    peer: Peer
    port: int
    twin: ZendeskTwin = field(init=False)

    async def begin(self, stack: AsyncExitStack, session: ClientSession, web_url: str) -> None:  # noqa: ARG002 - it posts by itself
        """Serve until the stack ends."""
        settings = ZendeskSettings(webhook_url=f"{web_url}/webhooks/helpdesks/{self.path}", updates_per_ticket=30)
        settings.secret = settings.api_token = STANDARD_SECRET
        self.twin = ZendeskTwin(settings, Listener(self.peer.around))
        await self.twin.start(self.port)
        stack.push_async_callback(self.twin.stop)

    def section(self) -> Json:
        """Its account in the configuration."""
        url = f"http://127.0.0.1:{self.port}"
        access = {"base_url": url, "email": self.twin.settings.email, "api_token": "${SCRIPT_SECRET}"}
        return {"verification": {"secrets": ["${SCRIPT_SECRET}"]}, "access": access}

    async def open(self) -> tuple[Ticket, float]:
        """A customer opens a ticket."""
        phone, before = person(), len(self.twin.deliveries)
        made = self.twin.open_ticket("Ayuda", phone, email=f"c{phone[1:]}@example.com")
        return Ticket(f"{self.path}/{made.id}", phone[1:]), await self._taken(before)

    async def reply(self, ticket: Ticket, text: str) -> float:
        """An agent writes to the customer."""
        return await self._done(lambda: self.twin.agent_writes(int(ticket.id), text))

    async def solve(self, ticket: Ticket) -> float:
        """An agent solves it."""
        return await self._done(lambda: self.twin.change(int(ticket.id), status="solved"))

    async def _done(self, act: Any) -> float:
        before = len(self.twin.deliveries)
        _: Audit = act()
        return await self._taken(before)

    async def _taken(self, before: int) -> float:
        """When the bridge took the newest delivery."""
        delivery = self.twin.deliveries[before]
        async with asyncio.timeout(TAKEN_S):
            while delivery.state == "waiting":
                await asyncio.sleep(0.003)
        return delivery.attempts[-1].at_ms / 1000


class ManyCustomers(FreshdeskSite):
    """A Freshdesk where every ticket is of another customer."""

    async def _view(self, request: web.Request) -> web.Response:
        phones: Mapping[int, str] = {number: one["phone"] for number, one in self.tickets.items()}
        self.phone = phones.get(int(request.match_info["id"]), "")
        return await super()._view(request)


@dataclass
class Freshdesk:
    """An account of a small Freshdesk."""

    path: str
    peer: Peer
    port: int
    site: ManyCustomers = field(init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1_000))

    async def begin(self, stack: AsyncExitStack, session: ClientSession, web_url: str) -> None:  # noqa: ARG002 - as above
        """Serve until the stack ends."""
        listener = Listener(self.peer.around)
        self.site = ManyCustomers(f"{web_url}/webhooks/helpdesks/{self.path}", "", listener=listener)
        await stack.enter_async_context(self.site)

    def section(self) -> Json:
        """Its account in the configuration."""
        verification = {"type": "header", "header": "X-Bridge-Token", "tokens": ["${FRESHDESK_TOKEN}"]}
        access = {"base_url": self.site.listener.url, "api_key": "${FRESHDESK_KEY}", "bridge_user_id": str(BRIDGE)}
        return {"verification": verification, "access": access}

    async def open(self) -> tuple[Ticket, float]:
        """A customer opens a ticket."""
        phone, number = person(), next(self._numbers)
        self.site.opens(number, phone=phone)
        await self.site.tell(number, "{ticket_action:created}")
        return Ticket(f"{self.path}/{number}", phone[1:]), time.time()

    async def reply(self, ticket: Ticket, text: str) -> float:
        """An agent writes to the customer."""
        self.site.writes(int(ticket.id), text, user_id=AGENT)
        await self.site.tell(int(ticket.id), "{reply_sent:sent}")
        return time.time()

    async def solve(self, ticket: Ticket) -> float:
        """An agent solves it."""
        await self.site.resolved(int(ticket.id))
        return time.time()


KINDS: Mapping[str, Any] = {"standard-webhooks": Scripted, "zendesk": Zendesk, "freshdesk": Freshdesk}
