"""What is written on a busy ticket: words first, nothing twice, and its own rate holds back nothing but writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.twins.faults import Fault
from tests.clocks import ServerClock, WallClock
from tests.harness import eventually, scene
from tests.held import Held
from tests.outcomes import told
from tests.talk import PHONE, USER, closed, hears, open_ticket, read, reads, traced

if TYPE_CHECKING:
    from bridge.wiring import App
    from tests.harness import Scene
    from tests.outcomes import Trace

pytestmark = pytest.mark.asyncio

TEN_MINUTES_MS = 601_000
OWN_RATE = "the ticket's own rate of updates"
ALONE: dict[str, Any] = {"note": False, "field": "", "tag": ""}
"""Nothing is written but what the customer says."""


def at_most(calls: int, **changes: Any) -> dict[str, Any]:
    """An account whose helpdesk takes so many updates of a ticket in ten minutes."""
    return {"ticket_pace": {"calls": calls, "per_s": 600}, "messages": {"merge_s": 0}, **changes}


class Clocks:
    """The clocks of the processes and of Redis, put forward together."""

    def __init__(self, redis: Any, prefix: str) -> None:
        self._wall = WallClock()
        self._server = ServerClock(redis, prefix)

    def __call__(self, app: App) -> App:
        """The same bridge, by these clocks."""
        return self._wall(self._server(app))

    async def pass_ms(self, by_ms: int) -> None:
        """Time passes."""
        self._wall.ahead_ms += by_ms
        await self._server.pass_ms(by_ms)


async def limited(on: Scene, ticket: int, *to_write: str, received: int = 0) -> Trace:
    """The trace when this alone is left to write, and waits for the ticket's own rate.

    The customer has written ``received`` times by then, or more often.
    """

    def waits(trace: Trace) -> bool:
        left = [key.partition(":")[0] if key.startswith("message") else key for key in trace["to_write"]]
        heard = len(told(trace, "received", event="customer.wrote"))
        return left == list(to_write) and trace["waits_for"] == OWN_RATE and heard >= received

    return await on.bridge.traced("zendesk", "acme", str(ticket), waits)


async def writes(on: Scene, ticket: int, *texts: str) -> None:
    """The customer writes, and each text is on the ticket before the next one is written."""
    for text in texts:
        before = read(on, ticket)
        on.jelou.customer_writes(USER, text)
        await reads(on, ticket, *before, text)


async def test_an_agents_reply_does_not_wait_for_the_rate_of_the_tickets_writes(redis_url: str, prefix: str) -> None:
    """It is read and said at once, however long a customer's words have to wait; the wait is told once.

    Also where a worker's clock is ahead of Redis' own, and it asks too early.
    """
    clock = WallClock()
    async with scene(redis_url, prefix, zendesk=at_most(2, write_back=ALONE), adapted=clock) as on:
        ticket, conversation = await open_ticket(on)
        await writes(on, ticket, "uno", "dos")
        on.jelou.customer_writes(USER, "tres")
        await limited(on, ticket, "message")
        on.zendesk.agent_writes(ticket, "Hola, soy Marta")
        await hears(conversation, "Hola, soy Marta")
        on.jelou.customer_writes(USER, "cuatro")
        on.zendesk.agent_writes(ticket, "¿Qué error ve?")
        await hears(conversation, "Hola, soy Marta", "¿Qué error ve?")
        clock.ahead_ms = TEN_MINUTES_MS
        on.jelou.customer_writes(USER, "cinco")
        trace = await limited(on, ticket, "message", received=5)
        assert len(told(trace, "waiting", reason=OWN_RATE)) == 1
        assert read(on, ticket) == ["uno", "dos"]


async def test_words_that_wait_for_the_rate_are_one_update(redis_url: str, redis: Any, prefix: str) -> None:
    """They are merged while they wait, and written as soon as the rate allows; the next wait is told again."""
    clocks = Clocks(redis, prefix)
    async with scene(redis_url, prefix, zendesk=at_most(2, write_back=ALONE), adapted=clocks) as on:
        ticket, _ = await open_ticket(on)
        await writes(on, ticket, "uno", "dos")
        for text in ("tres", "cuatro", "cinco"):
            on.jelou.customer_writes(USER, text)
            await on.jelou.settle()
        await limited(on, ticket, "message", received=5)
        await clocks.pass_ms(TEN_MINUTES_MS)
        await reads(on, ticket, "uno", "dos", "tres\ncuatro\ncinco")
        await writes(on, ticket, "seis")
        on.jelou.customer_writes(USER, "siete")
        trace = await limited(on, ticket, "message")
        assert len(told(trace, "waiting", reason=OWN_RATE)) == 2


async def test_tags_leave_the_last_of_the_rate_to_words(redis_url: str, redis: Any, prefix: str) -> None:
    """They are written while more than a third of it is left, and hold back nobody's words meanwhile."""
    clocks = Clocks(redis, prefix)
    async with scene(redis_url, prefix, zendesk=at_most(3), adapted=clocks) as on:
        ticket = on.zendesk.open_ticket("No puedo entrar", PHONE).id
        await limited(on, ticket, "1:tag")
        await writes(on, ticket, "hola")
        trace = await limited(on, ticket, "1:tag")
        assert len(told(trace, "waiting", reason=OWN_RATE)) == 1
        assert on.zendesk.desk.ticket(ticket).tags == []
        await clocks.pass_ms(TEN_MINUTES_MS)
        await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        assert on.zendesk.desk.ticket(ticket).tags == ["jelou"]


async def test_a_write_of_unknown_fate_is_looked_for_while_the_rate_is_used_up(redis_url: str, prefix: str) -> None:
    """A look needs none of it; it stands before a tag that waits, and what is marked as sent is the write itself."""
    async with scene(redis_url, prefix, zendesk=at_most(3)) as on:
        ticket = on.zendesk.open_ticket("No puedo entrar", PHONE).id
        await limited(on, ticket, "1:tag")
        on.zendesk.faults.next("update_ticket", Fault.named("reset_after_accepting"))
        on.jelou.customer_writes(USER, "hola")
        await traced(on, ticket, "answered", how="found: an earlier try had arrived")
        await limited(on, ticket, "1:tag")
        assert read(on, ticket) == ["hola"]


async def test_a_field_does_not_wait_for_words_that_are_merged(redis_url: str, prefix: str) -> None:
    """It tells of the end at once; the ticket is solved when all is said on it."""
    slow = {"messages": {"merge_s": 600}, "write_back": {**ALONE, "status_field": "360001"}}
    async with scene(redis_url, prefix, zendesk=slow) as on:
        ticket, _ = await open_ticket(on)
        on.jelou.customer_writes(USER, "hola")
        await on.bridge.traced("zendesk", "acme", str(ticket), lambda trace: "message" in str(trace["to_write"]))
        on.jelou.close(USER)

        async def told_of() -> bool:
            return on.zendesk.desk.ticket(ticket).custom_fields.get(360001) == "Closed"

        await eventually(told_of)
        trace = await on.bridge.traced("zendesk", "acme", str(ticket), lambda seen: seen["phase"] == "closed")
        assert [key.partition(":")[0] for key in trace["to_write"]] == ["message", "1"]
        assert (read(on, ticket), on.zendesk.desk.ticket(ticket).status) == ([], "new")


async def test_a_tag_that_the_ticket_has_is_not_written_again(redis_url: str, prefix: str) -> None:
    """In the ticket's next episode; the field, which tells of another conversation, is."""
    async with scene(redis_url, prefix) as on:
        ticket, _ = await open_ticket(on)
        on.zendesk.change(ticket, status="solved")
        await closed(on, ticket)
        on.zendesk.change(ticket, status="open")
        trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        assert [one["key"] for one in told(trace, "skipped", action="set.field")] == ["2:tag"]
        assert told(trace, "sending", key="2:tag") == []
        assert on.zendesk.desk.ticket(ticket).tags == ["jelou"]
        assert on.zendesk.desk.ticket(ticket).external_id == trace["conversation"]


async def test_a_status_that_the_ticket_has_is_not_written_again(redis_url: str, prefix: str) -> None:
    """An agent solved it in the moment in which the conversation ended."""
    call = Held("", method="PUT")
    async with scene(redis_url, prefix, adapted=call) as on:
        ticket = on.zendesk.open_ticket("No puedo entrar", PHONE).id
        await call.is_out()
        await on.jelou.settle()
        on.jelou.close(USER)
        on.zendesk.change(ticket, status="solved")
        await on.jelou.settle()
        await on.zendesk.settle()
        call.let_go()
        trace = await closed(on, ticket)
        assert [one["key"] for one in told(trace, "skipped", action="set.status")] == ["1:closed"]
        assert told(trace, "sending", action="set.status") == []
