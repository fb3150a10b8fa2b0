"""A bridge with real workers between the peers, on a real store and a clock that moves when told."""

from __future__ import annotations

import asyncio
import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from bridge import correlate, events, unasked
from bridge.accounts import Bridge
from bridge.admission import admitted
from bridge.domain import ConversationClosed, ConversationStarted, CustomerWrote, TicketRef
from bridge.handover import Handover
from bridge.helpdesks import REGISTRY
from bridge.helpdesks.zendesk import ZendeskAccount
from bridge.metrics import Metrics
from bridge.protocol import Leases, Told
from bridge.store import Store
from bridge.timeline import entry
from bridge.wiring import App
from tests.world import CLOCK, Log
from workers.lanes import Lanes
from workers.limits import Limits
from workers.probing import probe

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from bridge.correlate import Located
    from bridge.domain import Testimony, TicketEvent
    from bridge.protocol import Due
    from tests.data.peers import Chat, Paper, Peers

WORKER = "0123456789abcdef0123456789abcdef"
HANGS_WITHIN_S = 10
"""A call that a scene waits for is made at once, or it waits for something that the scene does not know of."""
AT_ONCE = Limits(drain_s=0)
"""Of a worker that is killed: what it has in its hands does not land."""


def account(name: str, project: str, **changes: Any) -> dict[str, Any]:
    """An account of Zendesk."""
    url = f"https://{name}.example.com"
    return {
        "project": project,
        "verification": {"secrets": ["secret"]},
        "access": {"base_url": url, "email": "bridge@example.com", "api_token": "token"},
        "start_when": [{"name": "all but low ones", "when": {"priority": ["normal", "high"]}}],
        "initial_message": "Hola {{ requester.name }}: {{ ticket.subject }}",
        "default_assignment": {"type": "queue", "target": "SOPORTE"},
        "goodbye": "Gracias por escribir",
        "template": {"name": "retomar", "parameters": ["{{ ticket.subject }}"]},
        "write_back": {"field": "external_id", "tag": "jelou"},
    } | changes


def project(number: str, **changes: Any) -> dict[str, Any]:
    """A project of Jelou."""
    url = "https://jelou.example.com"
    return {
        "project_id": number,
        "bot_id": "bot-1",
        "base_url": url,
        "send_url": f"{url}/send",
        "general_url": url,
        "api_key": "key",
        "basic": {"username": "client", "password": "secret"},
        "signing_secrets": ["secret"],
    } | changes


OPENS = {"then": "open_ticket", "account": "zendesk/acme", "wait_s": 2}
AGAIN = {"unknown_start": {"wait_s": 20, "then": "retry"}, "write_back": {"status_field": "360001"}}


def configured(calls_per_s: float = 5.0, calls_per_minute: int = 0) -> Bridge:
    """Three projects and five accounts, each at this pace; 0 is Zendesk's own."""
    pace = {"calls_per_s": calls_per_s}
    accounts = {
        "acme": account("acme", "soporte"),
        "again": account("again", "soporte", **AGAIN),
        "paused": account("paused", "soporte"),
        "ventas": account("ventas", "ventas"),
        "cobros": account("cobros", "cobros"),
    }
    jelou = {
        "soporte": project("p-1", unasked=OPENS, **pace),
        "ventas": project("p-2", **pace),
        "cobros": project("p-3", **pace),
    }
    zendesk = {
        name: ZendeskAccount.model_validate(told | {"calls_per_minute": calls_per_minute})
        for name, told in accounts.items()
    }
    return Bridge.model_validate({"jelou": jelou, "helpdesks": {"zendesk": zendesk}})


WAYS = ("ticket", "conversation", "starting", "room", "contact", "repeated")


class Stand:
    """The store, its clock, whoever works on it, and what comes in; deliveries are numbered from ``first`` on."""

    def __init__(self, redis: Redis, prefix: str, now: int, peers: Peers, *, first: int = 1) -> None:
        self.redis: Any = redis
        self.prefix = prefix
        self.now = now
        self.peers = peers
        self.log = Log()
        self.store = Store(redis, prefix=prefix, clock=CLOCK, leases=Leases(8_000, 8_000))
        self.jobs: list[str] = []
        self.app = App(
            bridge=configured(),
            helpdesks=REGISTRY,
            store=self.store,
            handover=Handover(self.store.rotations, self.monotonic, lambda: self.now),
            queue=cast("Any", self),
            http=cast("Any", peers),
            metrics=Metrics(),
            log=cast("Any", self.log),
            now_ms=lambda: self.now,
            monotonic=self.monotonic,
            sleep=self.sleep,
        )
        self._numbers = itertools.count(first)

    def monotonic(self) -> float:
        """The same clock, in s."""
        return self.now / 1000

    async def sleep(self, for_s: float) -> None:
        """Until a call's moment."""
        await self.pass_ms(math.ceil(for_s * 1000))

    async def wake(self, lane: str) -> None:
        """Send a job, as arq would."""
        self.jobs.append(lane)

    async def pass_ms(self, by_ms: int) -> None:
        """Time passes for everybody."""
        self.now += by_ms
        await self.redis.set(f"{self.prefix}:clock", self.now)

    # -- working ------------------------------------------------------------------------------------------------------

    async def work(self) -> None:
        """A worker does what is due, and asks destinations that were not called whether they answer."""
        await self._look()
        while self.jobs:
            lane = self.jobs.pop(0)
            lanes = Lanes(self.app, Limits())
            await lanes.run(lane)
            await lanes.drain()

    async def _look(self) -> Due:
        look = await self.store.due()
        self.jobs += look.wake
        for destination, name in look.probes:
            await probe(self.app, destination, name)
        return look

    async def proven(self, destination: str) -> None:
        """It answers a read, so that failures of earlier tickets keep no call of the next one back."""
        until = int(await self.redis.hget(f"{self.prefix}:breaker:{destination}", "until") or 0)
        if until > self.now:
            await self.pass_ms(until - self.now)
        await probe(self.app, destination, "")

    async def die(self) -> None:
        """A worker begins with what is due, and is killed at the call that is to kill it."""
        self.peers.hung.clear()
        lanes = Lanes(self.app, AT_ONCE)
        for lane in (*self.jobs, *(await self.store.due()).wake):
            await lanes.run(lane)
        self.jobs.clear()
        async with asyncio.timeout(HANGS_WITHIN_S):
            await self.peers.hung.wait()
        await lanes.drain()

    async def next_due_in_ms(self) -> int | None:
        """In how many ms something is due."""
        waiting = [*await self.redis.keys(f"{self.prefix}:lane:*"), f"{self.prefix}:queues"]
        due = [at for row in waiting for _, at in await self.redis.zrange(row, 0, 0, withscores=True)]
        return max(0, int(min(due)) - self.now) if due else None

    # -- what comes in ------------------------------------------------------------------------------------------------

    async def tell(self, event: TicketEvent, sender: str = "") -> None:
        """A webhook of the helpdesk's."""
        assert event.ref is not None
        number, settings = next(self._numbers), self.app.bridge.helpdesks["zendesk"][event.ref.account]
        item = admitted(event, f"delivery-{number}", self.now, settings)
        told = await self.store.accept(f"seen-{number}", f"delivery-{number}", 86_400, [item], sender=sender)
        self.jobs += told.wake

    async def hear(self, event: Located) -> None:
        """A webhook of Jelou's."""
        seen = f"jelou-{next(self._numbers)}"
        policy = self.app.bridge.jelou[event.project].unasked
        told = Told(
            project=event.project,
            fact=event.fact,
            event=events.dump(event, seen, self.now),
            is_start=isinstance(event, ConversationStarted),
            is_evidence=not isinstance(event, CustomerWrote),
            clues=correlate.clues(event, self.app.bridge),
            entries=dict.fromkeys(WAYS, entry(self.now, "received", event=event.type, delivery=seen)),
            unasked=unasked.begun(event, policy, seen, self.now),
            unasked_ms=round(policy.wait_s * 1000),
        )
        self.jobs += (await self.store.accept_conversation(seen, seen, 86_400, told)).wake

    async def testify(self, ref: TicketRef, told: Testimony, contact: str = "") -> None:
        """What a worker or the reconciler knows of a ticket."""
        lane = correlate.lane_name(ref, self.project_of(ref))
        line = entry(self.now, "received", event=told.type)
        fact = f"{told.type}:{next(self._numbers)}"
        lane = await self.store.testify(str(ref), lane, fact, events.dump(told, "", self.now), line, contact)
        self.jobs += [lane] if lane else []

    def project_of(self, ref: TicketRef) -> str:
        """The project of the ticket's account."""
        return self.app.bridge.helpdesks["zendesk"][ref.account].project

    # -- what Jelou tells ---------------------------------------------------------------------------------------------

    async def start_event(self, chat: Chat) -> None:
        """That the conversation has begun."""
        at = (f"room-of-{chat.id}", "bot-1", chat.user, self.now)
        fact = f"conversation.start:{chat.id}"
        project_name = self.project_of(TicketRef.parse(chat.ticket))
        event = ConversationStarted(project_name, fact, chat.id, *at, metadata=chat.metadata, user_name="Ana Paz")
        await self.hear(event)

    async def close_event(self, chat: Chat) -> None:
        """That somebody at Jelou has ended it."""
        chat.closed = True
        at = (f"room-of-{chat.id}", "bot-1", chat.user, self.now)
        project_name = self.project_of(TicketRef.parse(chat.ticket))
        fact = f"conversation.close:{chat.id}"
        await self.hear(ConversationClosed(project_name, fact, chat.id, *at, reason="closed_by_operator"))

    async def customer(self, chat: Chat, text: str, project_name: str = "soporte") -> None:
        """What the customer writes."""
        message = f"m-{next(self._numbers)}-{chat.user}"
        at = (f"room-of-{chat.id}", "bot-1", chat.user, self.now)
        told = (message, "text", {"body": text}, "Ana Paz")
        await self.hear(CustomerWrote(project_name, f"message:{message}", chat.id, *at, *told))

    # -- the pace -----------------------------------------------------------------------------------------------------

    def paced(self, calls_per_s: float = 5.0, calls_per_minute: int = 0) -> None:
        """Go by another pace from now on."""
        self.app = replace(self.app, bridge=configured(calls_per_s, calls_per_minute))

    def paper(self, ref: TicketRef) -> Paper:
        """The ticket as the helpdesk has it."""
        return self.peers.papers[f"{ref.account}/{ref.id}"]
