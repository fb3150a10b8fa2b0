"""Conversations that end silently: Jelou is asked for all of them, in a share of the pace, and no question is lost."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.domain import Doubted
from bridge.doubting import EVERY_MS, FIRST_MS, TURN, quiet_round
from bridge.links import Link
from bridge.protocol import Outcome
from bridge.twins.faults import EventFault, Fault
from tests.clocks import ServerClock, WallClock
from tests.harness import PROJECT, eventually, running, scene
from tests.outcomes import told
from tests.talk import USER, closed, hand_in, open_ticket, traced

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

    from bridge.domain import Call, Reply
    from bridge.wiring import App
    from tests.harness import Running, Scene

pytestmark = pytest.mark.asyncio

DROPPED = EventFault.named("dropped")
ASKED = "get.conversation"
JELOU = f"jelou:{PROJECT}"
LANE = f"zendesk/acme~{PROJECT}"
MINUTE_MS = 60_000
WAITING = re.compile(rb":(inbox|evidence):")
ANSWER_S = 0.08
HELD = "asked to wait"


class Clocks:
    """The clock of the processes and that of the scripts, put forward together."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.redis: Any = redis
        self.prefix = prefix
        self._server, self._wall = ServerClock(redis, prefix), WallClock()

    def __call__(self, app: App) -> App:
        """The same bridge, by these clocks."""
        return self._wall(self._server(app))

    async def pass_ms(self, by_ms: int) -> None:
        """Time passes everywhere."""
        self._wall.ahead_ms += by_ms
        await self._server.pass_ms(by_ms)

    async def take_turn(self) -> None:
        """The sweeps of the workers leave it to the test from now on which conversations are quiet."""
        await self.redis.set(f"{self.prefix}:turn:{TURN}", 1)

    async def round(self, on: Running, by_ms: int = EVERY_MS) -> None:
        """Time passes, it is looked which conversations are quiet, and what comes of it is done."""
        await self.take_turn()
        await self.pass_ms(by_ms)
        await quiet_round(on.app)
        await eventually(lambda: self._idle(on))

    async def _idle(self, on: Running) -> bool:
        waiting = [one async for one in self.redis.scan_iter(f"{self.prefix}:*") if WAITING.search(one)]
        return not waiting and not on.lanes.works


class Slow:
    """The HTTP client of a bridge whose peers take their time, and the questions that went out."""

    def __init__(self, app: App) -> None:
        self._http = app.http
        self.asked = 0

    async def send(self, call: Call, allowed: Callable[[], bool] = lambda: True) -> Reply:
        """As the bridge's own, only later."""
        self.asked += call.method == "GET"
        await asyncio.sleep(ANSWER_S)
        return await self._http.send(call, allowed)


def slow(clocks: Clocks) -> Callable[[App], App]:
    """The same bridge by these clocks, with slow peers."""
    return lambda app: clocks(replace(app, http=Slow(app)))  # type: ignore[arg-type]


async def stored(redis: Any, prefix: str, ticket: int) -> Link:
    """The ticket's link as it is kept."""
    return Link.load(await redis.hget(f"{prefix}:link:zendesk/acme/{ticket}", "state"))


# --- none is lost ----------------------------------------------------------------------------------------------------


async def phases(on: Scene, tickets: list[str]) -> list[str]:
    """Where they are."""
    return [(await on.bridge.trace("standard-webhooks", "scripts", one))["phase"] for one in tickets]


async def test_all_that_have_ended_silently_are_found_at_the_default_pace(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """Thirty of thirty, within a few minutes, and never more at a time than a tenth of the pace."""
    clocks = Clocks(redis, prefix)
    tickets = [f"T-{n}" for n in range(30)]
    async with scene(redis_url, prefix, jelou={"calls_per_s": 5.0}, adapted=slow(clocks)) as on:
        for number, ticket in enumerate(tickets):
            await on.scripted(ticket, phone=f"+5939876543{number:02}")
        while await phases(on, tickets) != ["open"] * 30:
            await clocks.pass_ms(1_000)
        on.jelou.faults.next_event(DROPPED, "close", times=30)
        for number in range(30):
            on.jelou.close(f"5939876543{number:02}")
        await clocks.take_turn()
        await clocks.pass_ms(FIRST_MS)
        http: Any = on.bridge.app.http
        before, rounds = http.asked, 0
        while await phases(on, tickets) != ["closed"] * 30 and rounds < 60:
            await clocks.round(on.bridge)
            rounds += 1
            assert http.asked - before <= 0.1 * 5.0 * rounds * EVERY_MS / 1000
        assert await phases(on, tickets) == ["closed"] * 30


async def test_a_question_that_is_held_back_outlives_claim_death_and_restart(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """Jelou is not to be called just now. When it may be, whoever has the ticket by then asks."""
    clocks = Clocks(redis, prefix)
    async with scene(redis_url, prefix, work=False, adapted=clocks) as on:
        app = on.bridge.app
        async with running(app.bridge, redis_url, prefix, adapted=clocks):
            ticket, conversation = await open_ticket(on)
            on.jelou.faults.next_event(DROPPED, "close")
            on.jelou.close(USER)
            await app.store.rounds.pass_gate("test", None, [Outcome(JELOU, "wait", MINUTE_MS, HELD)])
            await hand_in(on, f"zendesk/acme/{ticket}", Doubted(conversation.id))
            await on.bridge.traced("zendesk", "acme", str(ticket), lambda trace: HELD in trace["waits_for"])
        assert (await stored(redis, prefix, ticket)).look
        await clocks.pass_ms(2 * MINUTE_MS)
        [dies_with_it] = (await app.store.claim(LANE, "job", 1)).tickets
        assert dies_with_it.evidence == ()
        await clocks.pass_ms(app.store.leases.ticket_ms)
        async with running(app.bridge, redis_url, prefix, adapted=clocks):
            trace = await closed(on, ticket)
        assert trace["reason"] == "it had ended at Jelou, and no event said so"
        assert not (await stored(redis, prefix, ticket)).look


async def test_a_question_without_an_answer_is_asked_again(redis_url: str, prefix: str, redis: Redis) -> None:
    """It is open until Jelou has answered, and is not handed in once more meanwhile."""
    clocks = Clocks(redis, prefix)
    async with scene(redis_url, prefix, adapted=clocks) as on:
        ticket, _ = await open_ticket(on)
        on.jelou.faults.next_event(DROPPED, "close")
        on.jelou.close(USER)
        on.jelou.faults.next("get", Fault(status=500))
        await clocks.round(on.bridge, FIRST_MS)
        assert (await stored(redis, prefix, ticket)).look
        await clocks.round(on.bridge, FIRST_MS)
        trace = await closed(on, ticket)
        assert len(told(trace, "doubted")) == 1


async def test_a_refusal_that_will_not_change_ends_the_question(redis_url: str, prefix: str, redis: Redis) -> None:
    """Until its next time."""
    clocks = Clocks(redis, prefix)
    async with scene(redis_url, prefix, adapted=clocks) as on:
        ticket, _ = await open_ticket(on)
        on.jelou.faults.next("get", Fault(status=422))
        await clocks.round(on.bridge, FIRST_MS)
        assert not (await stored(redis, prefix, ticket)).look
        await clocks.round(on.bridge, FIRST_MS)
        await traced(on, ticket, "answered", action=ASKED, state="active")


# --- when ------------------------------------------------------------------------------------------------------------


async def minutes(on: Running, clocks: Clocks, ticket: int, count: int, since_ms: int) -> list[int]:
    """Let so many minutes pass; in which the conversation was asked for."""
    for _ in range(count):
        await clocks.round(on, MINUTE_MS)
    trace = await on.trace("zendesk", "acme", str(ticket))
    return [round((one["at"] - since_ms) / MINUTE_MS) for one in told(trace, "doubted")]


async def test_a_quiet_conversation_is_asked_for_at_doubled_times(redis_url: str, prefix: str, redis: Redis) -> None:
    """After 10, 20 and 40 minutes; from then on every half hour, where that is the longest pause."""
    clocks = Clocks(redis, prefix)
    async with scene(redis_url, prefix, jelou={"look_every_s": 1_800.0}, adapted=clocks) as on:
        ticket, _ = await open_ticket(on)
        begun = on.bridge.app.now_ms()
        found = await minutes(on.bridge, clocks, ticket, 110, begun)
        assert found == pytest.approx([10, 20, 40, 70, 100], abs=3)


async def test_what_is_heard_or_said_begins_the_quiet_anew(redis_url: str, prefix: str, redis: Redis) -> None:
    """A customer who writes, an agent who writes: ten minutes from then. The senders' clocks stay where they are."""
    clocks = Clocks(redis, prefix)
    async with (
        scene(redis_url, prefix, work=False) as on,
        running(on.bridge.app.bridge, redis_url, prefix, adapted=clocks) as worker,
    ):
        ticket, _ = await open_ticket(on)
        begun = worker.app.now_ms()
        assert await minutes(worker, clocks, ticket, 8, begun) == []
        on.jelou.customer_writes(USER, "sigo aquí")
        await traced(on, ticket, "received", event="customer.wrote")
        assert await minutes(worker, clocks, ticket, 8, begun) == []
        on.zendesk.agent_writes(ticket, "un momento")
        await traced(on, ticket, "answered", action="say.to.customer")
        assert await minutes(worker, clocks, ticket, 12, begun) == pytest.approx([26], abs=2)


async def test_the_sweep_of_a_worker_asks(redis_url: str, prefix: str, redis: Redis) -> None:
    """Nothing else need run, and of several workers one does it."""
    clocks = Clocks(redis, prefix)
    async with scene(redis_url, prefix, adapted=clocks) as on:
        ticket, _ = await open_ticket(on)
        on.jelou.faults.next_event(DROPPED, "close")
        on.jelou.close(USER)
        await clocks.pass_ms(FIRST_MS)
        await on.bridge.app.store.rounds.give_back(TURN)
        await closed(on, ticket)
        assert 0 < await clocks.redis.pttl(f"{prefix}:turn:{TURN}") <= EVERY_MS
