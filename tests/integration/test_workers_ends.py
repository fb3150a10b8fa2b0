"""The end of a conversation, from either side, and the episodes after it."""

from __future__ import annotations

import pytest

from bridge.domain import StartAnswered
from bridge.twins.faults import Fault
from tests.harness import eventually, scene
from tests.outcomes import HELD, Trace, told
from tests.talk import QUICK, USER, closed, hand_in, heard, hears, open_ticket, reads, traced

pytestmark = pytest.mark.asyncio


async def test_a_solved_ticket_ends_its_conversation_after_all_was_said(redis_url: str, prefix: str) -> None:
    """With the account's goodbye, and one package that tells how it went."""
    async with scene(redis_url, prefix, zendesk={**QUICK, "goodbye": "Adiós, caso {{ ticket.id }}"}) as on:
        ticket, conversation = await open_ticket(on)
        on.jelou.customer_writes(USER, "hola")
        await reads(on, ticket, "hola")
        on.zendesk.agent_writes(ticket, "Listo")
        on.zendesk.change(ticket, status="solved")
        await closed(on, ticket)
        assert conversation.state == "closed"
        assert heard(conversation) == ["Listo", f"Adiós, caso {ticket}"]
        [package] = [note for note in on.zendesk.notes(ticket) if note.startswith("Conversation ended")]
        lines = [line.partition("] ")[2] for line in package.splitlines() if line.startswith("[20")]
        assert lines == ["Customer: hola", "Agent: Listo", f"Agent: Adiós, caso {ticket}"]


async def test_a_close_gets_through_where_calls_are_few(redis_url: str, prefix: str) -> None:
    """The look before it takes the one call that the pace allows; it is not asked again each time it is let through."""
    async with scene(redis_url, prefix, jelou={"calls_per_s": 5.0}) as on:
        ticket, conversation = await open_ticket(on)
        on.zendesk.change(ticket, status="solved")
        trace = await closed(on, ticket)
        assert conversation.state == "closed"
        assert len(told(trace, "answered", action="get.conversation")) == 1


async def test_a_close_at_jelou_solves_the_ticket(redis_url: str, prefix: str) -> None:
    """Once: the echo of the status closes nothing again."""
    async with scene(redis_url, prefix) as on:
        ticket, _ = await open_ticket(on)
        on.jelou.close(USER)
        await closed(on, ticket)

        async def solved() -> bool:
            return on.zendesk.desk.ticket(ticket).status == "solved"

        await eventually(solved)
        trace = await traced(on, ticket, "ignored", event="ticket.solved")
        assert told(trace, "sending", action="close.conversation") == []


async def test_a_ticket_that_is_open_again_closes_nothing(redis_url: str, prefix: str) -> None:
    """The webhook says solved, the ticket itself does not any more: it is read before anything is closed."""
    async with scene(redis_url, prefix) as on:
        ticket, conversation = await open_ticket(on)
        on.zendesk.faults.sometimes("get_ticket", Fault.named("slow", delay_s=0.5), 1.0)
        on.zendesk.change(ticket, status="solved")
        on.zendesk.change(ticket, status="open")
        await traced(on, ticket, "ignored", event="ticket.solved", reason="the ticket is not solved any more")
        assert conversation.state == "active"


async def test_a_reopened_ticket_begins_its_next_episode(redis_url: str, prefix: str) -> None:
    """A new conversation, of which the trace knows the one before; replies go to the new one."""
    async with scene(redis_url, prefix) as on:
        ticket, first = await open_ticket(on)
        on.zendesk.change(ticket, status="solved")
        await closed(on, ticket)
        on.zendesk.change(ticket, status="open")
        trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        second = on.jelou.ledger.conversations[trace["conversation"]]
        assert second is not first
        assert (second.metadata or {})["bridgeEpisode"] == "2"
        on.zendesk.agent_writes(ticket, "Retomamos su caso")
        await hears(second, "Retomamos su caso")


async def test_a_reopened_ticket_is_not_solved_by_the_end_before(redis_url: str, prefix: str) -> None:
    """Jelou's operator ended the first conversation, and the helpdesk was away until the agent wanted the next one."""
    async with scene(redis_url, prefix) as on:
        ticket, _ = await open_ticket(on)
        on.zendesk.faults.next("update_ticket", Fault(status=429, retry_after="2"))
        on.jelou.close(USER)
        await traced(on, ticket, "refused", action="set.status")
        on.zendesk.change(ticket, status="solved")
        on.zendesk.change(ticket, status="open")
        trace = await traced(on, ticket, "moved", reason="the next episode begins")
        trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        assert told(trace, "skipped", key="1:closed") != []
        assert on.zendesk.desk.ticket(ticket).status == "open"


@pytest.mark.parametrize("worked", [True, False])
async def test_a_ticket_reopened_while_its_close_is_out_goes_on(redis_url: str, prefix: str, worked: bool) -> None:
    """Jelou is asked what became of the close: the next episode begins, or the conversation goes on."""
    async with scene(redis_url, prefix) as on:
        ticket, first = await open_ticket(on)
        on.jelou.faults.next("close", Fault(accept=worked, status=500, delay_s=1.5))
        if worked:
            on.jelou.faults.next_event(HELD, "close")
        on.zendesk.change(ticket, status="solved")
        await traced(on, ticket, "sending", action="close.conversation")
        on.zendesk.change(ticket, status="open")
        if not worked:
            await traced(on, ticket, "ignored", event="ticket.reopened", reason="its conversation goes on")
        trace = await on.bridge.traced("zendesk", "acme", str(ticket), lambda trace: _goes_on(trace, first.id, worked))
        assert on.zendesk.desk.ticket(ticket).status == "open"
        assert on.jelou.ledger.conversations[trace["conversation"]].state == "active"
        await on.jelou.settle()
        if not worked:
            on.jelou.close(USER)
            await closed(on, ticket)
            assert on.zendesk.desk.ticket(ticket).status == "solved"


def _goes_on(trace: Trace, first: str, worked: bool) -> bool:
    return trace["phase"] == "open" and (trace["conversation"] != first) is worked and not trace["to_write"]


async def test_a_late_close_does_not_end_the_next_episode(redis_url: str, prefix: str) -> None:
    """The close event of the first conversation comes when the second is open already."""
    async with scene(redis_url, prefix) as on:
        ticket, _ = await open_ticket(on)
        on.jelou.faults.next_event(HELD, "close")
        on.zendesk.change(ticket, status="solved")
        await closed(on, ticket)
        on.zendesk.change(ticket, status="open")
        await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        await on.jelou.settle()
        trace = await traced(on, ticket, "ignored", event="conversation.close")
        assert trace["phase"] == "open"


async def test_a_conversation_that_another_ticket_shares_is_left_open(redis_url: str, prefix: str) -> None:
    """A close hits by person, so the first ticket that is solved says so and leaves it to the other one."""
    async with scene(redis_url, prefix, zendesk={"confirm_wait_s": 0.3}) as on:
        first, conversation = await open_ticket(on)
        on.jelou.settings.when_active = "same"
        second, _ = await open_ticket(on)
        on.zendesk.change(second, status="solved")
        await closed(on, second)
        assert conversation.state == "active"
        assert any(f"ticket {first} of the same customer" in note for note in on.zendesk.notes(second))
        on.zendesk.change(first, status="solved")
        await closed(on, first)
        assert conversation.state == "closed"


async def test_a_late_answer_of_an_earlier_episode_changes_nothing_of_the_next(redis_url: str, prefix: str) -> None:
    """A worker that had lost it tells a start of the first episode: its conversation is said, and left open."""
    async with scene(redis_url, prefix) as on:
        ticket, _ = await open_ticket(on)
        on.zendesk.change(ticket, status="solved")
        await closed(on, ticket)
        on.zendesk.change(ticket, status="open")
        before = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        late = StartAnswered("a claim", "c-late", attempt=2, bot_id="bot-1", user_id=USER, episode=1)
        await hand_in(on, f"zendesk/acme/{ticket}", late)
        trace = await traced(on, ticket, "extra")
        assert (trace["phase"], trace["conversation"]) == ("open", before["conversation"])
        assert trace["extra_conversations"] == ["c-late"]
