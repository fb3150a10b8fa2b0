"""A conversation that is somebody's after all, or whose customer is back, gets no ticket of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.twins.faults import EventFault, Fault
from tests.api_calls import Api
from tests.hand_overs import LANE, USER, acme, at_phase, closed, one_ticket, orphans, wanted, worked, written
from tests.harness import PROJECT, scene
from tests.held import Held
from tests.outcomes import due_now, kept, reasons

if TYPE_CHECKING:
    from redis.asyncio import Redis


# --- it is somebody's ------------------------------------------------------------------------------------------------


async def test_park_lists_it(redis: Redis, redis_url: str, prefix: str) -> None:
    """As it was: nothing is opened, and nothing of it is worked."""
    async with scene(redis_url, prefix, jelou={"unasked": {"account": "zendesk/acme"}}) as on:
        conversation = on.jelou.hand_over(USER, "Hola")
        await on.jelou.settle()
        assert await orphans(on) == [conversation.id]
        assert await redis.exists(f"{prefix}:lane:{LANE}") == 0
        assert on.zendesk.desk.tickets == {}


async def test_what_a_person_claims_is_theirs(redis: Redis, redis_url: str, prefix: str) -> None:
    """In the time that is waited, and no ticket is opened then."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted(wait_s=600)) as on:
        mine = on.zendesk.open_ticket("Mío")
        conversation = on.jelou.hand_over(USER, "Hola")
        await on.jelou.settle()
        api = Api(on.bridge)
        [orphan] = (await api.get("orphans")).json["orphans"]
        assert (await api.post(f"orphans/{orphan['id']}/claim", ticket=f"zendesk/acme/{mine.id}")).status == 200
        await due_now(redis, prefix, LANE, f"jelou/{PROJECT}/{conversation.id}")
        assert (await worked(on, conversation))["reason"] == f"it belongs to zendesk/acme/{mine.id} now"
        assert await kept(redis, prefix, "ended", "ignored") == [f"jelou/{PROJECT}/{conversation.id}"]
        assert len(on.zendesk.desk.tickets) == 1


async def test_a_start_of_ours_that_is_in_flight_is_waited_for(redis_url: str, prefix: str) -> None:
    """The customer writes before the start is answered: the conversation is that ticket's, and no other is opened."""
    call = Held()
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted(), adapted=call) as on:
        on.jelou.faults.next_event(EventFault.named("dropped"))
        await on.scripted("T-1")
        await call.is_out()
        on.jelou.customer_writes(USER, "Hola")
        conversation = on.jelou.ledger.active(on.jelou.settings.bot_id, USER)
        assert conversation is not None
        await on.bridge.traced("jelou", PROJECT, conversation.id, lambda trace: bool(reasons(trace, "waiting")))
        call.let_go()
        trace = await worked(on, conversation)
        assert trace["reason"] == "it belongs to standard-webhooks/scripts/T-1 now"
        assert reasons(trace, "waiting") == ["another start for the same person: standard-webhooks/scripts/T-1"]
        assert on.zendesk.desk.tickets == {}


# --- its customer is back --------------------------------------------------------------------------------------------


async def test_a_customer_who_comes_back_in_time_is_taken_to_the_same_ticket(redis_url: str, prefix: str) -> None:
    """Its next episode begins, the ticket is open again, and the one before is kept."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        first = on.jelou.hand_over(USER, "Hola")
        ticket = await one_ticket(on)
        await at_phase(on, ticket, "open")
        await closed(on, ticket)
        second = on.jelou.hand_over(USER, "Una cosa más")
        trace = await on.bridge.traced(
            "zendesk", "acme", str(ticket.id), lambda told: told["conversation"] == second.id and not told["to_write"]
        )
        assert (trace["phase"], trace["episode"]) == ("open", 2)
        assert [one["conversation"] for one in trace["past"]] == [first.id]
        await written(ticket, first.id, "Hola", second.id, "Una cosa más")
        assert (len(on.zendesk.desk.tickets), ticket.status) == (1, "open")
        assert (await worked(on, second))["reason"] == f"its customer came back to zendesk/acme/{ticket.id}"


async def test_a_customer_who_comes_back_later_gets_a_new_ticket(redis_url: str, prefix: str) -> None:
    """It names the earlier one."""
    async with scene(redis_url, prefix, zendesk=acme(reopen={"message_h": 0}), jelou=wanted()) as on:
        on.jelou.hand_over(USER, "Hola")
        ticket = await one_ticket(on)
        await at_phase(on, ticket, "open")
        await closed(on, ticket)
        second = on.jelou.hand_over(USER, "Otra cosa")
        other = await one_ticket(on, 1)
        assert (await at_phase(on, other, "open"))["conversation"] == second.id
        assert f"The customer came back. Earlier ticket: {ticket.id}" in other.description


async def test_a_second_conversation_beside_an_open_one_gets_its_own_ticket(redis_url: str, prefix: str) -> None:
    """What is open is not taken for what has ended."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        first = on.jelou.hand_over(USER, "Hola")
        ticket = await one_ticket(on)
        await at_phase(on, ticket, "open")
        second = on.jelou.hand_over(USER, "Otra cosa")
        other = await one_ticket(on, 1)
        assert (await at_phase(on, other, "open"))["conversation"] == second.id
        assert (await at_phase(on, ticket, "open"))["conversation"] == first.id
        assert "Earlier ticket" not in other.description


async def test_a_ticket_that_is_open_again_is_not_come_back_to(redis_url: str, prefix: str) -> None:
    """Its conversation goes on; another one beside it gets its own ticket."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        on.jelou.hand_over(USER, "Hola")
        ticket = await one_ticket(on)
        await at_phase(on, ticket, "open")
        await closed(on, ticket)
        await worked(on, on.jelou.hand_over(USER))
        second = await at_phase(on, ticket, "open")
        third = on.jelou.hand_over(USER, "Otra cosa")
        other = await one_ticket(on, 1)
        assert (await at_phase(on, other, "open"))["conversation"] == third.id
        assert (await at_phase(on, ticket, "open"))["conversation"] == second["conversation"]


@pytest.mark.parametrize("ended", ["closed for good", "deleted"])
async def test_a_ticket_that_takes_nothing_more_is_not_come_back_to(redis_url: str, prefix: str, ended: str) -> None:
    """What the customer writes would be given up there; the new ticket names it."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        on.jelou.hand_over(USER, "Hola")
        ticket = await one_ticket(on)
        await at_phase(on, ticket, "open")
        await closed(on, ticket)
        if ended == "deleted":
            on.zendesk.delete(ticket.id)
        else:
            on.zendesk.change(ticket.id, status="closed")
        second = on.jelou.hand_over(USER, "Otra cosa")
        other = await one_ticket(on, 0 if ended == "deleted" else 1)
        assert (await at_phase(on, other, "open"))["conversation"] == second.id
        assert f"Earlier ticket: {ticket.id}" in other.description


async def test_a_last_ticket_that_cannot_be_read_just_now_is_read_again(redis_url: str, prefix: str) -> None:
    """Nothing is opened meanwhile."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        on.jelou.hand_over(USER, "Hola")
        ticket = await one_ticket(on)
        await at_phase(on, ticket, "open")
        await closed(on, ticket)
        on.zendesk.faults.next("get_ticket", Fault.named("status", status=500))
        second = on.jelou.hand_over(USER, "Otra cosa")
        assert (await worked(on, second))["reason"] == f"its customer came back to zendesk/acme/{ticket.id}"
        assert len(on.zendesk.desk.tickets) == 1


async def test_who_was_forgotten_is_nobody_who_comes_back(redis: Redis, redis_url: str, prefix: str) -> None:
    """With the ticket goes the note that it was their last one."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        on.jelou.hand_over(USER, "Hola")
        ticket = await one_ticket(on)
        await at_phase(on, ticket, "open")
        await closed(on, ticket)
        assert len([key async for key in redis.scan_iter(f"{prefix}:last:*")]) == 1
        await Api(on.bridge).post("forget", user=USER)
        assert [key async for key in redis.scan_iter(f"{prefix}:last:*")] == []
        on.jelou.hand_over(USER, "Otra cosa")
        assert "Earlier ticket" not in (await one_ticket(on, 1)).description
