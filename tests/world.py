"""Two workers of the real worker code on a real store, in a world whose clock, network and luck are the test's own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from bridge import correlate, events
from bridge.domain import (
    AgentReplied,
    ConversationClosed,
    ConversationStarted,
    CustomerWrote,
    Ticket,
    TicketOpened,
    TicketRef,
)
from bridge.handover import Handover
from bridge.helpdesks import REGISTRY
from bridge.metrics import Metrics
from bridge.protocol import Incoming, Leases, Told
from bridge.store import Store
from bridge.timeline import entry
from bridge.wiring import App
from tests.harness import PROJECT, configuration
from tests.stage import FINE, Line, Sides, Stage, Stepping
from workers.lanes import Lanes
from workers.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from redis.asyncio import Redis

    from tests.stage import Conversation, Step

CLOCK = "local function now() return tonumber(redis.call('GET', KEYS[1] .. ':clock')) end"
LEASES = Leases(ticket_ms=8_000, lane_ms=8_000)
ACCOUNT: dict[str, Any] = {
    "project": PROJECT,
    "verification": {"secrets": ["secret"]},
    "access": {"base_url": "https://acme.example.com", "email": "bridge@example.com", "api_token": "token"},
    "start_when": [{"name": "all new"}],
    "write_back": {"field": "external_id", "tag": "jelou"},
    "calls_per_minute": 60_000,
    "unknown_start": {"wait_s": 20, "then": "park"},
    "confirm_wait_s": 5,
}
JELOU: dict[str, Any] = {
    "project_id": "p-1",
    "bot_id": "bot-1",
    "base_url": "https://jelou.example.com",
    "send_url": "https://jelou.example.com/send",
    "api_key": "key",
    "signing_secrets": ["secret"],
    "calls_per_s": 1000.0,
}
PHONES = {"1": "593987654321", "2": "593987654321", "3": "593987654323"}
TICKETS = {
    TicketRef("zendesk", "acme", "1"): PHONES["1"],
    TicketRef("zendesk", "beta", "2"): PHONES["2"],
    TicketRef("zendesk", "acme", "3"): PHONES["3"],
}
"""Three tickets in two lanes; the first two are of one person."""


@dataclass
class Log:
    """What the bridge logs; only its own faults are kept."""

    bugs: list[str] = field(default_factory=list)

    def info(self, *_: Any, **__: Any) -> None:
        """Of no interest."""

    warning = info

    def exception(self, event: str, **_: Any) -> None:
        """A fault of the bridge's own."""
        self.bugs.append(event)


async def _at_once(_: float) -> None:
    """A call's moment has come: time is the test's to move."""


class World:
    """The bridge's store, its workers and what is around them."""

    def __init__(self, redis: Redis, prefix: str, **account: Any) -> None:
        self.redis: Any = redis
        self.prefix = prefix
        self.now = 1_700_000_000_000
        self.stage, self.sides, self.log = Stage(), Sides(), Log()
        self.bridge = configuration(JELOU, {"zendesk": dict.fromkeys(("acme", "beta"), ACCOUNT | account)})
        self.store = self._store()
        self.jobs: list[str] = []
        self.workers = {name: self.worker(name) for name in ("one", "two")}
        self._numbers = iter(range(1_000_000))

    def _store(self) -> Store:
        return Store(self.redis, prefix=self.prefix, clock=CLOCK, leases=LEASES)

    def worker(self, name: str) -> Lanes:
        """A worker that has just begun."""
        app = App(
            bridge=self.bridge,
            helpdesks=REGISTRY,
            store=cast("Any", Stepping(self._store(), self.stage, name)),
            handover=Handover(self.store.rotations, lambda: self.now / 1000, lambda: self.now),
            queue=cast("Any", self),
            http=cast("Any", Line(self.stage, self.sides, name)),
            metrics=Metrics(),
            log=cast("Any", self.log),
            now_ms=lambda: self.now,
            monotonic=lambda: self.now / 1000,
            sleep=_at_once,
        )
        return Lanes(app, Limits())

    async def wake(self, lane: str) -> None:
        """Send a job, as arq would."""
        self.jobs.append(lane)

    async def pass_ms(self, by_ms: int) -> None:
        """Time passes for everybody."""
        self.now += by_ms
        await self.redis.set(f"{self.prefix}:clock", self.now)

    # -- what comes in ------------------------------------------------------------------------------------------------

    async def open(self, ref: TicketRef, delivery: str) -> None:
        """The helpdesk tells that the ticket was opened."""
        ticket = Ticket(ref, {"id": ref.id, "requester": {"phone": f"+{TICKETS[ref]}"}}, self.now)
        event = TicketOpened(ref, "opened", ticket)
        lane = correlate.lane_name(ref, PROJECT)
        told = entry(self.now, "received", event=event.type)
        item = Incoming(str(ref), lane, event.fact, events.dump(event, delivery, self.now), told, told)
        self.jobs += (await self.store.accept(delivery, delivery, 600, [item])).wake

    async def event(self, one: Conversation, *, start: bool) -> None:
        """Jelou tells that a conversation began or ended."""
        where = (f"room-of-{one.id}", "bot-1", one.user, self.now)
        event: ConversationStarted | ConversationClosed
        if start:
            fact = f"conversation.start:{one.id}"
            event = ConversationStarted(PROJECT, fact, one.id, *where, metadata=one.metadata)
        else:
            event = ConversationClosed(PROJECT, f"conversation.close:{one.id}", one.id, *where)
        await self._tell(event, evidence=True, start=start)

    async def wrote(self, one: Conversation, text: str) -> None:
        """The customer writes; the text is the message's id as well."""
        where = (f"room-of-{one.id}", "bot-1", one.user, self.now)
        content = {"text": text}
        event = CustomerWrote(PROJECT, f"message:{text}", one.id, *where, text, "text", content)
        await self._tell(event, evidence=False, start=False)

    async def replied(self, ref: TicketRef, text: str) -> None:
        """An agent replies; the text is the comment's id as well."""
        event = AgentReplied(ref, f"comment:{text}", text, text, public=True)
        told = entry(self.now, "received", event=event.type)
        lane = correlate.lane_name(ref, PROJECT)
        item = Incoming(str(ref), lane, event.fact, events.dump(event, text, self.now), told, told)
        self.jobs += (await self.store.accept(text, text, 600, [item])).wake

    async def _tell(
        self, event: ConversationStarted | ConversationClosed | CustomerWrote, *, evidence: bool, start: bool
    ) -> None:
        line = entry(self.now, "received", event=event.type, conversation=event.conversation_id)
        ways = ("ticket", "conversation", "starting", "room", "contact", "repeated")
        told = Told(
            project=PROJECT,
            fact=event.fact,
            event=events.dump(event, "", self.now),
            is_start=start,
            is_evidence=evidence,
            clues=correlate.clues(event, self.bridge),
            entries=dict.fromkeys(ways, line),
        )
        seen = f"jelou-{next(self._numbers)}"
        self.jobs += (await self.store.accept_conversation(seen, seen, 600, told)).wake

    # -- what the workers do ------------------------------------------------------------------------------------------

    async def job(self, worker: str, lane: str) -> None:
        """The worker takes a job."""
        _keep(self.workers[worker].run(lane))
        await self.stage.settle()

    async def go(self, step: Step, fate: str = FINE) -> None:
        """Let one step go on, and what follows of itself."""
        step.go.set_result(fate)
        await self.stage.settle()

    async def kill(self, worker: str) -> None:
        """All that the worker had in its hands ends where it stands; a new process takes its place."""
        for step in self.stage.waiting():
            if step.worker == worker:
                step.task.cancel()
        await self.stage.settle()
        self.workers[worker] = self.worker(worker)

    async def sweep(self) -> None:
        """The look at sleeping lanes."""
        self.jobs += (await self.store.due()).wake


_RUNNING: set[asyncio.Task[None]] = set()


def _keep(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    _RUNNING.add(task)
    task.add_done_callback(_RUNNING.discard)
