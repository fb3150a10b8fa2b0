"""The queue at work: live conversations before new ones, what is due just when it is, a broken side asked with care."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bridge.twins.faults import Fault, Shape
from tests.harness import DEADLINE_S, eventually, scene
from tests.outcomes import told
from tests.talk import PHONE, QUICK, USER, heard, hears, open_ticket, reads
from workers.limits import Limits

if TYPE_CHECKING:
    from tests.harness import Scene

SELDOM = Limits(drain_s=1.0, sweep_s=3_600.0)
"""A worker that looks by itself once an hour: whatever is done in time was waited for."""

PACED = {"calls_per_s": 5.0}
GATEWAY = Fault(status=503, shape=Shape.HTML)
"""Not Jelou's own: nobody can say whether the call went through."""


async def flooded(on: Scene, count: int = 40) -> None:
    """So many tickets whose starts wait for Jelou's pace."""
    for number in range(count):
        await on.scripted(f"F-{number}", phone=f"+5939876{number:05}")


async def test_a_reply_goes_before_starts_that_wait(redis_url: str, prefix: str) -> None:
    """However many there are: it is with the customer after a call or two of theirs."""
    async with scene(redis_url, prefix, jelou=PACED) as on:
        ticket, conversation = await open_ticket(on)
        await flooded(on)
        await eventually(lambda: _started(on, 3))
        before = len(on.jelou.ledger.starts)
        on.zendesk.agent_writes(ticket, "Ya le ayudo")
        await hears(conversation, "Ya le ayudo")
        assert len(on.jelou.ledger.starts) - before <= 3


async def _started(on: Scene, count: int) -> bool:
    return len(on.jelou.ledger.starts) >= count


async def test_a_reply_does_not_wait_for_the_turn_of_its_tickets_own_field(redis_url: str, prefix: str) -> None:
    """The agent's comment is read before that, and the customer's words are written: a field only informs."""
    to = {"write_back": {"note": False, "field": "external_id", "tag": ""}, "calls_per_minute": 60, **QUICK}
    async with scene(redis_url, prefix, zendesk=to) as on:
        for number in range(12):
            on.zendesk.open_ticket("Otra cosa", f"+5939876{number:05}")
        ticket = on.zendesk.open_ticket("No puedo entrar", PHONE).id
        trace = await on.bridge.traced("zendesk", "acme", str(ticket), lambda trace: trace["phase"] == "open")
        on.zendesk.agent_writes(ticket, "Ya le ayudo")
        await hears(on.jelou.ledger.conversations[trace["conversation"]], "Ya le ayudo")
        on.jelou.customer_writes(USER, "Gracias")
        await reads(on, ticket, "Gracias")
        assert on.zendesk.desk.ticket(ticket).external_id is None


async def test_starts_go_in_the_order_in_which_their_tickets_came(redis_url: str, prefix: str) -> None:
    """Though all of them wait and some are refused on the way. A worker that is late for one turn has the next."""
    async with scene(redis_url, prefix, jelou=PACED) as on:
        on.jelou.faults.next_start(Fault.named("throttled", retry_after="0.5"), times=2)
        await flooded(on, 12)
        await eventually(lambda: _conversations(on, 12))
        began = [(one.metadata or {})["ticketId"] for one in on.jelou.ledger.conversations.values()]
        places = {ticket: place for place, ticket in enumerate(began)}
        assert all(abs(places[f"F-{number}"] - number) <= 1 for number in range(12)), began


async def _conversations(on: Scene, count: int) -> bool:
    return len(on.jelou.ledger.conversations) >= count


async def test_a_trace_says_what_a_start_waits_behind(redis_url: str, prefix: str) -> None:
    """Its turn, and how many calls of which class stand before it."""
    async with scene(redis_url, prefix, jelou=PACED) as on:
        await flooded(on)
        trace = await on.bridge.traced(
            "standard-webhooks", "scripts", "F-39", lambda trace: "its turn" in trace["waits_for"]
        )
        assert trace["waits_for"].startswith("its turn at jelou/soporte, behind ")
        assert trace["waits_for"].endswith(" starts")
        [turn] = trace["turns"]
        assert turn["class"] == "start"
        assert turn["before"]["start"] > 0
        assert turn["expected_s"] > 0
        [waiting] = told(trace, "waiting")
        assert waiting["behind"].endswith(" starts")


# --- just when it is due ---------------------------------------------------------------------------------------------


async def test_what_is_due_needs_no_sweep(redis_url: str, prefix: str) -> None:
    """A merge, a turn at the gate, a close after its look: each is waited for, not found by a look of the second."""
    async with scene(redis_url, prefix, zendesk=QUICK, jelou=PACED, limits=SELDOM) as on:
        ticket, conversation = await open_ticket(on)
        on.jelou.customer_writes(USER, "Sigue igual")
        await reads(on, ticket, "Sigue igual")
        on.zendesk.agent_writes(ticket, "Ya quedó")
        await hears(conversation, "Ya quedó")
        on.zendesk.change(ticket, status="solved")
        await on.until_phase(str(ticket), "closed", kind="zendesk", account="acme")
        assert heard(conversation) == ["Ya quedó"]


async def test_a_lane_that_goes_to_sleep_is_looked_at(redis_url: str, prefix: str) -> None:
    """While its job ran nobody reckoned with what is due in it next: that would be late by up to two seconds."""
    async with scene(redis_url, prefix, work=False) as on:
        pausing = asyncio.create_task(on.bridge.app.turns.pause(3_600.0))
        await asyncio.sleep(0)
        await on.bridge.lanes.run("standard-webhooks/scripts~soporte")
        async with asyncio.timeout(DEADLINE_S):
            await pausing


# --- a broken side ---------------------------------------------------------------------------------------------------


async def test_three_starts_of_unknown_fate_stop_the_others(redis_url: str, prefix: str) -> None:
    """A gateway answers 503 of its own: those three may have worked, and no fourth is risked."""
    async with scene(redis_url, prefix, jelou={"calls_per_s": 50.0}) as on:
        for operation in ("start", "get"):
            on.jelou.faults.sometimes(operation, GATEWAY, 1.0)
        await flooded(on, 20)
        await on.bridge.traced(
            "standard-webhooks", "scripts", "F-19", lambda trace: "not called just now" in trace["waits_for"]
        )
        assert 3 <= await _unknown(on, 20) <= 4


async def _unknown(on: Scene, count: int) -> int:
    traces = [await on.bridge.trace("standard-webhooks", "scripts", f"F-{number}") for number in range(count)]
    return sum(trace["phase"] == "unknown" for trace in traces)


@pytest.mark.parametrize("away", [GATEWAY, Fault(status=401)])
async def test_a_side_that_is_back_is_found_by_a_harmless_read(
    redis_url: str, redis: Any, prefix: str, away: Fault
) -> None:
    """No start is spent on it: it is asked for a conversation that nobody has, and the starts go on."""
    async with scene(redis_url, prefix, jelou={"calls_per_s": 50.0}, scripts=UNKNOWN) as on:
        for operation in ("start", "get"):
            on.jelou.faults.sometimes(operation, away, 1.0)
        await flooded(on, 10)
        await eventually(lambda: _stopped(on))
        unknown = await _unknown(on, 10)
        on.jelou.faults.clear()
        await redis.hset(f"{prefix}:breaker:jelou:soporte", "until", 1)
        await redis.zadd(f"{prefix}:queues", {"jelou:soporte": 1})
        await eventually(lambda: _conversations(on, 10 - unknown))
        assert await _probed(on)


UNKNOWN: dict[str, Any] = {"unknown_start": {"wait_s": 3_600}}


async def _stopped(on: Scene) -> bool:
    return bool(await on.bridge.app.store.breakers(["jelou:soporte"]))


async def _probed(on: Scene) -> bool:
    async with on.bridge.session.get(f"{on.bridge.url}/metrics") as answer:
        return 'action="probe"' in await answer.text()
