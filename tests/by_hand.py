"""A scene without a worker: the test claims, works and finishes its tickets, and sees what is read of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson

from bridge.domain import TicketRef
from bridge.errors import NotSent
from bridge.protocol import Shaken
from tests.clocks import WallClock
from tests.harness import PROJECT
from tests.held import START
from tests.outcomes import due_now
from tests.talk import PHONE
from workers.pair import Pair
from workers.ticket import work_ticket
from workers.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain import Call, Reply
    from bridge.http import Http
    from bridge.wiring import App
    from tests.harness import Scene

ACCOUNT = "zendesk/acme"
LANE = f"{ACCOUNT}~{PROJECT}"


@dataclass
class Watched:
    """The HTTP client of a bridge: which tickets are read, and no connection to Jelou while it is ``away``."""

    away: bool = False
    reads: list[str] = field(default_factory=list)
    refused: int = 0
    clock: WallClock = field(default_factory=WallClock)
    _http: Http | None = None

    def __call__(self, app: App) -> App:
        """The same bridge, with this client and clock."""
        self._http = app.http
        return self.clock(replace(app, http=self))  # type: ignore[arg-type]

    async def send(self, call: Call, allowed: Callable[[], bool] = lambda: True) -> Reply:
        """As the bridge's own."""
        assert self._http is not None
        if self.away and call.url.endswith(START):
            self.refused += 1
            raise NotSent("no connection to the host")
        if call.method == "GET" and "/tickets/" in call.url and "comments" not in call.url:
            self.reads.append(call.url)
        return await self._http.send(call, allowed)


@dataclass
class Hands:
    """A scene without a worker, whose tickets this test claims, works and finishes."""

    on: Scene
    redis: Any
    prefix: str

    async def opened(self, phone: str = PHONE, **fields: Any) -> str:
        """A new ticket of Zendesk's, whose webhook tells no phone number; its name."""
        ticket = self.on.zendesk.open_ticket("No puedo entrar", phone, **fields).id
        await self.on.zendesk.settle()
        return f"{ACCOUNT}/{ticket}"

    async def turn(self, *tickets: str, shaken: Shaken = Shaken()) -> list[Work]:
        """All that is to be done for these tickets now, and what each was left at."""
        for ticket in tickets:
            await due_now(self.redis, self.prefix, LANE, ticket)
        app = self.on.bridge.app
        claimed = (await app.store.claim(LANE, "job", len(tickets))).tickets
        assert len(claimed) == len(tickets)
        account = app.bridge.account("zendesk", "acme")
        assert account is not None
        pair = Pair(app.helpdesks["zendesk"], account, app.bridge.jelou[PROJECT], PROJECT, ACCOUNT)
        works = [Work.take(app, replace(one, shaken=shaken), pair, monotonic() + 60) for one in claimed]
        await asyncio.gather(*map(work_ticket, works))
        for work in works:
            assert (await app.store.finish(work.finish())).done
        return works

    async def paused(self, *tickets: str) -> None:
        """They are worked once, and their start waits."""
        await self.on.bridge.app.store.pause(ACCOUNT, "now")
        assert {work.link.phase.value for work in await self.turn(*tickets)} == {"new"}

    async def resumed(self, ticket: str) -> Work:
        """The start waits no longer."""
        await self.on.bridge.app.store.resume(ACCOUNT)
        [work] = await self.turn(ticket)
        return work

    async def stored(self, ticket: str) -> dict[str, Any]:
        """The link as it is in Redis."""
        found: dict[str, Any] = orjson.loads(await self.redis.hget(f"{self.prefix}:link:{ticket}", "state"))
        return found

    def customer(self, ticket: str) -> Any:
        """The ticket's requester, in Zendesk."""
        desk = self.on.zendesk.desk
        return desk.users[desk.ticket(int(TicketRef.parse(ticket).id)).requester_id]
