"""Jelou's events come early, late, twice, bare or forged: the ticket is the same in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.twins.faults import EventFault, Fault
from tests.harness import PROJECT, scene
from tests.outcomes import FIRM, SHORT_WAITS, conversations, kept, line, told

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.harness import Scene
    from tests.outcomes import Trace

USER = "593987654321"
STRAIGHT = ["sending", "answered", "to started", "waiting", "to open"]


async def started(on: Scene, fault: EventFault, *phases: str) -> Trace:
    """A ticket whose start event meets the fault."""
    on.jelou.faults.next_event(fault)
    await on.scripted("T-1")
    return await on.until_phase("T-1", *(phases or ("open",)))


async def event_statuses(on: Scene) -> list[int]:
    """What the bridge answered to each of Jelou's events."""
    await on.jelou.settle()
    return [delivery.status for delivery in on.jelou.ledger.deliveries]


@pytest.mark.parametrize("name", ["early", "late", "twice", "without_metadata"])
async def test_a_start_event_opens_the_ticket_once_whenever_it_comes(redis_url: str, prefix: str, name: str) -> None:
    """Before the answer, after it, doubled, or with nothing of ours in it."""
    async with scene(redis_url, prefix, scripts=FIRM) as on:
        trace = await started(on, EventFault.named(name))
        assert line(trace) == STRAIGHT
        assert conversations(on, "T-1") == [trace["conversation"]]
        assert set(await event_statuses(on)) == {202}


@pytest.mark.parametrize(
    ("fault", "by"),
    [
        (EventFault(metadata=False, early=True), "the one start in flight for this bot and user"),
        (EventFault(metadata=False, held=True), "conversation id"),
    ],
)
async def test_a_start_event_without_metadata_finds_its_ticket(
    redis_url: str, prefix: str, fault: EventFault, by: str
) -> None:
    """Before the answer by the one start in flight, after it by the conversation's id."""
    async with scene(redis_url, prefix, scripts=FIRM) as on:
        await started(on, fault, "started", "open")
        await on.jelou.settle()
        trace = await on.until_phase("T-1", "open")
        assert [one["by"] for one in told(trace, "received", event="conversation.start")] == [by]
        assert line(trace) == STRAIGHT


async def test_a_start_event_without_metadata_settles_an_unknown_start(redis_url: str, prefix: str) -> None:
    """The person's one start in flight is the one whose fate is unknown."""
    async with scene(redis_url, prefix, scripts=FIRM) as on:
        on.jelou.faults.next_start(Fault.named("reset_after_accepting"))
        trace = await started(on, EventFault(metadata=False, delay_s=0.2))
        assert conversations(on, "T-1") == [trace["conversation"]]


async def test_a_dropped_event_is_not_waited_for_for_ever(redis_url: str, prefix: str) -> None:
    """The answer named the conversation: after a while the ticket goes on without the event, and says so."""
    async with scene(redis_url, prefix, zendesk=SHORT_WAITS) as on:
        on.jelou.faults.next_event(EventFault.named("dropped"))
        ticket = on.zendesk.open_ticket("Hola", "+593987654321").id
        trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        [note] = on.zendesk.notes(ticket)
        assert trace["conversation"] in note
        assert "has not confirmed" in note
        assert trace["room"]


async def test_a_badly_signed_event_changes_nothing(redis_url: str, prefix: str) -> None:
    """It is answered 401, the ticket does not hear of it, and it is no orphan."""
    async with scene(redis_url, prefix, scripts=FIRM) as on:
        trace = await started(on, EventFault.named("badly_signed"), "started")
        assert await event_statuses(on) == [401]
        trace = await on.bridge.trace("standard-webhooks", "scripts", "T-1")
        assert (trace["phase"], told(trace, "received", event="conversation.start")) == ("started", [])


async def test_a_close_event_closes_the_ticket(redis_url: str, prefix: str) -> None:
    """With the reason that Jelou gives."""
    async with scene(redis_url, prefix) as on:
        await started(on, EventFault())
        on.jelou.close(USER)
        trace = await on.until_phase("T-1", "closed")
        assert (trace["reason"], line(trace)) == ("closed_by_operator", [*STRAIGHT, "to closed", "skipped"])


async def test_a_close_before_its_start_event_closes_the_ticket(redis_url: str, prefix: str) -> None:
    """Events may overtake each other: the ticket is told of its conversation, is closed, and stays closed."""
    async with scene(redis_url, prefix, zendesk=FIRM) as on:
        on.jelou.faults.next_event(EventFault.named("out_of_order"))
        ticket = on.zendesk.open_ticket("Hola", "+593987654321").id
        await on.until_phase(str(ticket), "started", kind="zendesk", account="acme")
        on.jelou.close(USER)
        await on.jelou.settle()
        trace = await on.bridge.traced("zendesk", "acme", str(ticket), _both_worked)
        assert trace["phase"] == "closed"
        started_note, package = on.zendesk.notes(ticket)
        assert started_note.startswith("Conversation started")
        assert package.startswith("Conversation ended")


def _both_worked(trace: Trace) -> bool:
    came = [told(trace, "received", event=f"conversation.{name}") for name in ("start", "close")]
    return all(came) and trace["due_in_s"] is None


async def test_a_close_while_a_start_is_unknown_is_kept_for_it(redis_url: str, prefix: str) -> None:
    """No ticket has named that conversation yet: the close is an orphan, until the start event names it."""
    async with scene(redis_url, prefix, scripts=FIRM) as on:
        on.jelou.faults.next_start(Fault.named("reset_after_accepting"))
        on.jelou.faults.next_event(EventFault.named("out_of_order"))
        await on.scripted("T-1")
        await on.until_phase("T-1", "unknown")
        on.jelou.close(USER)
        trace = await on.until_phase("T-1", "closed")
        assert line(trace) == ["sending", "unanswered", "to unknown", "waiting", "to open", "to closed", "skipped"]


async def test_a_customers_message_finds_its_ticket(redis_url: str, prefix: str) -> None:
    """By the conversation; where the account takes no writes, the timeline says so."""
    async with scene(redis_url, prefix, scripts={"messages": {"merge_s": 0}}) as on:
        await started(on, EventFault())
        on.jelou.customer_writes(USER, "Hola")
        trace = await on.bridge.traced(
            "standard-webhooks", "scripts", "T-1", lambda trace: bool(told(trace, "skipped"))
        )
        assert told(trace, "received", event="customer.wrote")[0]["by"] == "conversation id"
        assert trace["phase"] == "open"


async def test_a_conversation_nobody_asked_for_is_an_orphan(redis_url: str, prefix: str, redis: Redis) -> None:
    """The bot hands a customer over: 202, kept and listed, and no ticket is touched, not even the same person's."""
    async with scene(redis_url, prefix) as on:
        await started(on, EventFault())
        conversation = on.jelou.hand_over(USER)
        assert await event_statuses(on) == [202, 202]
        assert await kept(redis, prefix, "orphans", PROJECT) == [conversation.id]
        trace = await on.bridge.trace("standard-webhooks", "scripts", "T-1")
        assert (trace["phase"], trace["extra_conversations"]) == ("open", [])


async def test_a_start_of_another_ticket_system_is_an_orphan(redis_url: str, prefix: str, redis: Redis) -> None:
    """Somebody else's start may carry a ticketId as well; only our whole reference names a ticket."""
    async with scene(redis_url, prefix) as on:
        await on.start_elsewhere(USER, ticketId="T-1")
        assert await event_statuses(on) == [202]
        assert len(await kept(redis, prefix, "orphans", PROJECT)) == 1
        assert not (await on.bridge.trace("standard-webhooks", "scripts", "T-1"))["known"]
