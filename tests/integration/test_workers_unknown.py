"""A start whose fate is unknown: what settles it, what parks it, and what a second try may bring to light."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.letters import Letter
from bridge.twins.faults import EventFault, Fault
from tests.clocks import WallClock
from tests.harness import PROJECT, scene
from tests.held import Held
from tests.outcomes import (
    BRIEF_LANES,
    FIRM,
    FIRM_MS,
    HELD,
    SHORT_WAITS,
    conversations,
    due_now,
    kept,
    line,
    reasons,
    told,
)
from workers.limits import Limits

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.harness import Scene
    from tests.outcomes import Trace

RETRY: dict[str, Any] = {"unknown_start": {"wait_s": 0.1, "then": "retry"}, "confirm_wait_s": 0.3}
LOST_ANSWER = Fault.named("reset_after_accepting")
PHONE = "+593 98 765 4321"
ACCOUNT = "standard-webhooks/scripts"
LANE = f"{ACCOUNT}~{PROJECT}"


async def zendesk_ticket(on: Scene, *phases: str) -> tuple[int, Trace]:
    """A ticket of the Zendesk twin, until it is in one of these phases and all is written."""
    ticket = on.zendesk.open_ticket("No puedo entrar", PHONE)
    return ticket.id, await on.until_phase(str(ticket.id), *phases, kind="zendesk", account="acme")


async def test_a_parked_start_is_said_on_the_ticket(redis_url: str, prefix: str) -> None:
    """An agent reads in the helpdesk that nobody knows, and why; the ticket does nothing more by itself."""
    async with scene(redis_url, prefix, zendesk=SHORT_WAITS) as on:
        on.jelou.faults.next_start(LOST_ANSWER)
        on.jelou.faults.next_event(EventFault.named("dropped"))
        ticket, trace = await zendesk_ticket(on, "parked")
        [note] = on.zendesk.notes(ticket)
        assert "It is not known whether a conversation was started in Jelou." in note
        assert trace["due_in_s"] is None
        assert len(on.jelou.ledger.conversations) == 1


async def test_evidence_opens_a_parked_ticket(redis_url: str, prefix: str, redis: Redis) -> None:
    """The event comes when a person was already asked: a second note says so, and nobody is asked any more."""
    async with scene(redis_url, prefix, zendesk=SHORT_WAITS) as on:
        on.jelou.faults.next_start(LOST_ANSWER)
        on.jelou.faults.next_event(HELD)
        ticket, trace = await zendesk_ticket(on, "parked")
        assert len(await kept(redis, prefix, "dead-letters")) == 1
        await on.jelou.settle()
        trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        assert [trace["conversation"]] == conversations(on, str(ticket))
        parked, started = on.zendesk.notes(ticket)
        assert "not known" in parked
        assert trace["conversation"] in started
        assert await kept(redis, prefix, "dead-letters") == []


async def test_a_second_start_after_a_lost_one_makes_both_known(redis_url: str, prefix: str) -> None:
    """The policy retry may double; the one that the second answer named is the ticket's, the other is noted."""
    async with scene(redis_url, prefix, zendesk=RETRY) as on:
        on.jelou.faults.next_start(LOST_ANSWER)
        on.jelou.faults.next_event(HELD)
        ticket, _ = await zendesk_ticket(on, "open")
        await on.jelou.settle()
        trace = await on.bridge.traced(
            "zendesk", "acme", str(ticket), lambda seen: bool(seen["extra_conversations"]) and not seen["to_write"]
        )
        first, second = conversations(on, str(ticket))
        assert [start.metadata["bridgeAttempt"] for start in on.jelou.ledger.starts] == ["1", "2"]
        assert (trace["conversation"], trace["extra_conversations"]) == (second, [first])
        notes = on.zendesk.notes(ticket)
        assert [first in note for note in notes] == [False, True]
        assert "It was left open" in notes[1]
        assert {one.state for one in on.jelou.ledger.conversations.values()} == {"active"}


async def test_the_close_of_an_extra_conversation_closes_nothing_else(redis_url: str, prefix: str) -> None:
    """It is known to the ticket by its id, and is not the ticket's own."""
    async with scene(redis_url, prefix, scripts=RETRY) as on:
        on.jelou.faults.next_start(LOST_ANSWER)
        on.jelou.faults.next_event(HELD)
        await on.scripted("T-1")
        await on.until_phase("T-1", "open")
        await on.jelou.settle()
        await on.bridge.traced("standard-webhooks", "scripts", "T-1", lambda trace: bool(trace["extra_conversations"]))
        own = on.jelou.close("593987654321")
        assert (await on.until_phase("T-1", "closed"))["conversation"] == own.id
        on.jelou.close("593987654321")
        trace = await on.bridge.traced(
            "standard-webhooks", "scripts", "T-1", lambda trace: bool(told(trace, "ignored"))
        )
        assert reasons(trace, "ignored") == ["it closes another conversation"]


async def test_already_active_on_a_retry_is_evidence(redis_url: str, prefix: str) -> None:
    """Jelou refuses the second start because the first one worked: a person decides, and no third is made."""
    async with scene(redis_url, prefix, scripts=RETRY) as on:
        on.jelou.settings.when_active = "error"
        on.jelou.faults.next_start(LOST_ANSWER)
        on.jelou.faults.next_event(HELD)
        await on.scripted("T-1")
        trace = await on.until_phase("T-1", "parked")
        assert "an earlier try probably worked" in trace["reason"]
        assert "no answer (the connection broke), and no start event came in 0.1 s" in trace["reason"]
        await on.jelou.settle()
        trace = await on.until_phase("T-1", "open")
        assert conversations(on, "T-1") == [trace["conversation"]]


async def test_already_active_on_the_first_try_is_a_refusal(redis_url: str, prefix: str) -> None:
    """Nothing of ours can have made it, so there is nothing to be settled."""
    async with scene(redis_url, prefix) as on:
        on.jelou.settings.when_active = "error"
        on.jelou.hand_over("593987654321")
        await on.scripted("T-1")
        trace = await on.until_phase("T-1", "failed")
        assert "already has an active conversation" in trace["reason"]
        assert conversations(on, "T-1") == []


async def test_a_worker_that_died_while_sending_leaves_an_unknown_start(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """Whoever takes over does not repeat it blindly; the event that came meanwhile settles it."""
    cut_short = Limits(drain_s=0.05, sweep_s=0.1)
    call = Held()
    async with scene(redis_url, prefix, scripts=FIRM, limits=cut_short, leases=BRIEF_LANES, adapted=call) as on:
        on.jelou.faults.next_event(HELD)
        await on.scripted("T-1")
        await call.is_out()
        await on.bridge.lanes.drain()
        on.bridge.lanes.draining = False
        await due_now(redis, prefix, LANE, f"{ACCOUNT}/T-1")
        trace = await on.until_phase("T-1", "unknown")
        assert trace["reason"] == "a worker stopped between sending and noting the answer"
        await on.jelou.settle()
        trace = await on.until_phase("T-1", "open")
        assert line(trace) == ["sending", "unanswered", "to unknown", "waiting", "to open"]
        assert conversations(on, "T-1") == [trace["conversation"]]


async def test_an_event_during_the_call_settles_it_before_its_answer(redis_url: str, prefix: str) -> None:
    """The start event arrives first, the answer never: the finish finds the evidence beside the inbox."""
    call = Held(lost=True)
    async with scene(redis_url, prefix, scripts=FIRM, adapted=call) as on:
        on.jelou.faults.next_event(EventFault.named("early"))
        await on.scripted("T-1")
        await call.is_out()
        call.let_go()
        trace = await on.until_phase("T-1", "open")
        received = told(trace, "received", event="conversation.start")
        assert received[0]["at"] < told(trace, "unanswered")[0]["at"]
        assert conversations(on, "T-1") == [trace["conversation"]]


async def test_events_of_the_ticket_wait_behind_an_unknown_start(redis_url: str, prefix: str, redis: Redis) -> None:
    """They do not end its wait; a ticket that is solved meanwhile has its conversation closed, should there be one."""
    clock = WallClock()
    async with scene(redis_url, prefix, scripts=FIRM, adapted=clock) as on:
        on.jelou.faults.next_start(Fault.named("reset_after_accepting"))
        on.jelou.faults.next_event(HELD)
        await on.scripted("T-1")
        await on.until_phase("T-1", "unknown")
        solved = {"type": "ticket.solved", "data": {"ticket": {"id": "T-1", "status": "solved"}}}
        await on.signed(solved, "msg-solved")
        assert (await on.bridge.trace("standard-webhooks", "scripts", "T-1"))["due_in_s"] > FIRM_MS / 2_000
        clock.ahead_ms = FIRM_MS
        await due_now(redis, prefix, LANE, f"{ACCOUNT}/T-1")
        trace = await on.until_phase("T-1", "parked")
        assert line(trace) == ["sending", "unanswered", "to unknown", "waiting", "to parked"]
        assert told(trace, "moved", phase="parked")[0]["at"] - told(trace, "unanswered")[0]["at"] >= FIRM_MS
        await on.jelou.settle()
        await on.until_phase("T-1", "closed")
        [conversation] = on.jelou.ledger.conversations.values()
        assert conversation.state == "closed"


async def test_a_parked_start_shows_both_facts(redis_url: str, prefix: str) -> None:
    """What is known of the call, and what did not come, on the ticket, in the trace and among the dead letters."""
    async with scene(redis_url, prefix, zendesk=SHORT_WAITS) as on:
        on.jelou.faults.next_start(Fault.named("reset_before_accepting"))
        ticket, trace = await zendesk_ticket(on, "parked")
        [letter] = [Letter.load(text) for _, text in await on.bridge.app.store.records.letters(None, 10)]
        [note] = on.zendesk.notes(ticket)
        for said in (trace["reason"], letter.reason, note):
            assert "tart call has no answer (the connection broke)" in said
            assert "no start event came in 0.15 s" in said
        [unanswered] = told(trace, "unanswered")
        assert unanswered["known"] == "that the call went out, not whether Jelou started a conversation"
