"""Calls of a dialect sent for real, to a twin or to a real helpdesk; and a webhook's end that a dialect reads."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import ClientSession, ClientTimeout, web

from bridge.domain import Call, Delivery, OpenTicket, Reply, TicketEvent, TicketRef, WriteBack
from bridge.signatures import verify
from tests.helpdesk_recordings import ACCOUNT_NAME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.accounts import Account
    from bridge.ports import Helpdesk

MARK = "[jelou-bridge:0123456789abcdef]"
OTHER_MARK = "[jelou-bridge:fedcba9876543210]"
NOW_MS = 1_795_184_405_000


async def send(call: Call) -> Reply:
    """The answer to a call; a redirect is an answer."""
    async with (
        ClientSession(timeout=ClientTimeout(total=30)) as session,
        session.request(
            call.method, call.url, data=call.body, headers=dict(call.headers), allow_redirects=False
        ) as answer,
    ):
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status, headers, await answer.read())


@dataclass
class Desk:
    """A dialect with an account that has access, sending for real."""

    dialect: Helpdesk
    account: Account

    def ref(self, ticket_id: object) -> TicketRef:
        """The name of a ticket."""
        return TicketRef(self.dialect.kind, ACCOUNT_NAME, str(ticket_id))

    async def write(self, ticket_id: object, action: WriteBack) -> str:
        """Perform an action; its receipt. Raises CallError."""
        call = self.dialect.call(self.account, self.ref(ticket_id), action, "1:key", now_ms=NOW_MS)
        assert call is not None
        return self.dialect.receipt(self.account, action, await send(call))

    async def look(self, ticket_id: object, action: WriteBack) -> str:
        """Look for a write; its text as the helpdesk shows it, or nothing. Raises CallError."""
        call = self.dialect.probe(self.account, self.ref(ticket_id), action)
        assert call is not None
        return self.dialect.found(self.account, action, await send(call))

    async def open(self, action: OpenTicket, key: str = "1:open") -> str:
        """Open a ticket; its id. Raises CallError."""
        call = self.dialect.open_ticket(self.account, action, key, now_ms=NOW_MS)
        assert call is not None
        return self.dialect.opened(self.account, await send(call))

    async def look_for(self, action: OpenTicket) -> str:
        """Look for an opened ticket; its id, or nothing. Raises CallError."""
        call = self.dialect.find_opened(self.account, action)
        assert call is not None
        return self.dialect.found_opened(self.account, action, await send(call))


@dataclass
class Inbox:
    """What a helpdesk's webhook told, as the dialect reads it."""

    url: str = ""
    deliveries: list[Delivery] = field(default_factory=list)

    def events(self, desk: Desk) -> list[TicketEvent]:
        """All events so far. Raises SignatureRejected, Unreadable."""
        dialect, account = desk.dialect, desk.account
        proven = [verify(one, dialect.verification(account), one.received_ms) for one in self.deliveries]
        return [event for one in proven for event in dialect.read(one, account, ACCOUNT_NAME)]


@asynccontextmanager
async def inbox(now_ms: int, credentials: str = "") -> AsyncIterator[Inbox]:
    """A listener for webhooks; ``credentials`` stand in its address."""
    told = Inbox()

    async def receive(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        told.deliveries.append(
            Delivery("helpdesk", request.method, str(request.url), headers, dict(request.query), body, now_ms)
        )
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/{path:.*}", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        told.url = f"http://{credentials}127.0.0.1:{port}/hook"
        yield told
    finally:
        await runner.cleanup()
