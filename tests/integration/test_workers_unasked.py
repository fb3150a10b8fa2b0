"""A conversation at Jelou that no ticket asked for gets one, once, or goes back to the ticket of its customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from bridge.twins import zendesk_events
from bridge.twins.faults import EventFault, Fault
from tests.api_calls import Api
from tests.harness import PROJECT, eventually, scene
from tests.outcomes import due_now, reasons, told

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from bridge.twins.ledger import Conversation
    from bridge.twins.zendesk_desk import Ticket
    from tests.harness import Scene
    from tests.outcomes import Trace

USER = "593987654321"
LANE = f"jelou/{PROJECT}~{PROJECT}"


def wanted(**changes: Any) -> dict[str, Any]:
    """A project that opens tickets, at once."""
    return {"unasked": {"then": "open_ticket", "account": "zendesk/acme", "wait_s": 0.0, **changes}}


def acme(**changes: Any) -> dict[str, Any]:
    """An account that does not wait for more of what a customer writes."""
    return {"messages": {"merge_s": 0.0}, **changes}


async def one_ticket(on: Scene, number: int = 0) -> Ticket:
    """The ticket that was opened as the ``number`` th, as soon as it is there."""

    async def there() -> bool:
        return len(on.zendesk.desk.tickets) > number

    await eventually(there)
    return list(on.zendesk.desk.tickets.values())[number]


async def at_phase(on: Scene, ticket: Ticket, *phases: str) -> Trace:
    """The trace of a Zendesk ticket."""
    return await on.until_phase(str(ticket.id), *phases, kind="zendesk", account="acme")


async def worked(on: Scene, conversation: Conversation, *phases: str) -> Trace:
    """The trace of the conversation itself, when all is done or given up."""
    return await on.bridge.traced(
        "jelou", PROJECT, conversation.id, lambda trace: trace["phase"] in (phases or ("ignored",))
    )


async def written(on: Scene, ticket: Ticket, *texts: str) -> None:
    """Until all of these stand on the ticket, in this order, each on a comment behind its description."""

    async def there() -> bool:
        all_of_it = "\n".join(comment.body for comment in ticket.comments[1:])
        places = [all_of_it.find(text) for text in texts]
        return -1 not in places and places == sorted(places)

    await eventually(there, lambda: str([comment.body for comment in ticket.comments]))


async def closed(on: Scene, ticket: Ticket) -> Trace:
    """Jelou ends the ticket's conversation."""
    on.jelou.close(USER)
    return await at_phase(on, ticket, "closed")


async def orphans(on: Scene) -> list[str]:
    """The conversations that are listed."""
    return [one["conversation"] for one in (await Api(on.bridge).get("orphans")).json["orphans"]]


# --- it gets a ticket ------------------------------------------------------------------------------------------------


async def test_a_hand_over_gets_a_ticket(redis_url: str, prefix: str) -> None:
    """One, with the customer's phone, the queue's group, the message and our mark; then it is any ticket of ours."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted(groups={"VENTAS": "360007"})) as on:
        conversation = on.jelou.hand_over(USER, "Quiero comprar", "VENTAS")
        ticket = await one_ticket(on)
        trace = await at_phase(on, ticket, "open")
        assert (trace["conversation"], trace["assignment"]) == (conversation.id, "queue:VENTAS")
        on.jelou.customer_writes(USER, "¿Siguen ahí?")
        await written(on, ticket, conversation.id, "Quiero comprar", "¿Siguen ahí?")
        assert on.zendesk.desk.users[ticket.requester_id].phone == f"+{USER}"
        assert (ticket.group_id, "Quiero comprar" in ticket.description) == (360007, True)
        assert ticket.subject.startswith("Conversation with ")
        assert (await worked(on, conversation))["reason"] == f"zendesk/acme/{ticket.id} was opened for it"
        assert await orphans(on) == []
        on.zendesk.agent_writes(ticket.id, "Claro que sí")

        async def arrived() -> bool:
            return [one.content["body"] for one in conversation.messages if one.by == "bridge"] == ["Claro que sí"]

        await eventually(arrived)
        assert (len(on.zendesk.desk.tickets), len(on.jelou.ledger.starts)) == (1, 0)


async def test_a_message_alone_is_enough(redis_url: str, prefix: str) -> None:
    """Whether a bot's hand-over tells a start event is not known."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        on.jelou.faults.next_event(EventFault.named("dropped"))
        conversation = on.jelou.hand_over(USER, "Hola")
        ticket = await one_ticket(on)
        assert (await at_phase(on, ticket, "open"))["conversation"] == conversation.id
        await written(on, ticket, "Hola")


async def test_events_that_come_twice_open_one_ticket(redis_url: str, prefix: str) -> None:
    """Neither a repeat nor more of the conversation is another one."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted(wait_s=0.3)) as on:
        on.jelou.faults.next_event(EventFault.named("twice"))
        on.jelou.faults.next_event(EventFault.named("twice"), "message")
        conversation = on.jelou.hand_over(USER, "Hola")
        await worked(on, conversation)
        await at_phase(on, await one_ticket(on), "open")
        assert len(on.zendesk.desk.tickets) == 1


@pytest.mark.parametrize("fault", ["reset_after_accepting", "error_after_accepting", "unreadable_after_accepting"])
async def test_a_ticket_of_unknown_fate_is_looked_for(redis_url: str, prefix: str, fault: str) -> None:
    """Opened and not told so, it is found by its mark."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        on.zendesk.faults.next("create_ticket", Fault.named(fault))
        conversation = on.jelou.hand_over(USER, "Hola")
        trace = await worked(on, conversation)
        assert [one["how"] for one in told(trace, "answered")] == ["found: an earlier try had arrived"]
        await at_phase(on, await one_ticket(on), "open")
        assert len(on.zendesk.desk.tickets) == 1


async def test_a_helpdesk_that_is_away_is_tried_again(redis_url: str, prefix: str) -> None:
    """What certainly opened nothing is simply repeated."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        on.zendesk.faults.next("create_ticket", Fault.named("throttled"))
        await worked(on, on.jelou.hand_over(USER, "Hola"))
        await at_phase(on, await one_ticket(on), "open")
        assert len(on.zendesk.desk.tickets) == 1


@pytest.mark.parametrize("thin", [False, True])
async def test_its_own_webhook_starts_nothing(redis_url: str, prefix: str, *, thin: bool) -> None:
    """Early, before the ticket has its conversation, it is known by its mark: also where it must be read for that."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        if thin:
            on.zendesk.settings.subscriptions = frozenset()
        on.zendesk.faults.next("create_ticket", Fault(accept=True, reset=True))
        on.zendesk.faults.next("list_tickets", Fault.named("throttled"))
        on.jelou.hand_over(USER, "Hola")
        ticket = await one_ticket(on)
        if thin:
            await trigger(on, ticket)
        early = await on.bridge.traced("zendesk", "acme", str(ticket.id), lambda trace: bool(told(trace, "ignored")))
        assert told(early, "given") == []
        await at_phase(on, ticket, "open")
        assert on.jelou.ledger.starts == []


async def trigger(on: Scene, ticket: Ticket) -> None:
    """A webhook that tells of a new ticket no more than its number."""
    body = orjson.dumps({"event": "ticket.created", "ticket_id": str(ticket.id)})
    headers = zendesk_events.headers(on.zendesk.settings, zendesk_events.short_id(), body, rightly=True)
    assert (await on.bridge.post("/webhooks/helpdesks/zendesk/acme", body, headers))[0] == 202


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
        assert len(on.zendesk.desk.tickets) == 1


async def test_a_start_of_ours_that_is_in_flight_is_waited_for(redis_url: str, prefix: str) -> None:
    """The customer writes before the start is answered: the conversation is that ticket's, and no other is opened."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        on.jelou.faults.next_start(Fault(accept=True, delay_s=1.0))
        on.jelou.faults.next_event(EventFault.named("dropped"))
        await on.scripted("T-1")

        async def begun() -> bool:
            return on.jelou.ledger.active(on.jelou.settings.bot_id, USER) is not None

        await eventually(begun)
        on.jelou.customer_writes(USER, "Hola")
        conversation = on.jelou.ledger.active(on.jelou.settings.bot_id, USER)
        assert conversation is not None
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
        assert trace["phase"] == "open"
        await written(on, ticket, first.id, "Hola", second.id, "Una cosa más")
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


# --- it gets none ----------------------------------------------------------------------------------------------------


async def test_a_refusal_is_a_dead_letter(redis_url: str, prefix: str) -> None:
    """The conversation stays listed; a replay opens the ticket by the settings as they are now, once."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        on.zendesk.faults.next("create_ticket", Fault.named("status", status=422))
        conversation = on.jelou.hand_over(USER, "Hola")
        api = Api(on.bridge)

        async def buried() -> bool:
            return bool((await api.get("dead-letters")).json["dead_letters"])

        await eventually(buried)
        [letter] = (await api.get("dead-letters")).json["dead_letters"]
        assert (letter["ticket"], letter["action"]) == (f"jelou/{PROJECT}/{conversation.id}", "open.ticket")
        assert await orphans(on) == [conversation.id]
        shown = (await api.get(f"dead-letters/{letter['id']}")).json["replay"]
        assert shown["says"] == "would only open a ticket for the conversation, unless an earlier try had arrived"
        assert (await api.post(f"dead-letters/{letter['id']}/replay")).json["done"] is True
        await at_phase(on, await one_ticket(on), "open")
        assert (await api.post(f"dead-letters/{letter['id']}/replay")).json["does"] == "nothing"
        assert (len(on.zendesk.desk.tickets), await orphans(on)) == (1, [])


async def test_a_forgotten_person_gets_no_ticket(redis: Redis, redis_url: str, prefix: str) -> None:
    """Neither the conversation nor the name under which it was worked is left, and its next event is not kept."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted(wait_s=600)) as on:
        on.jelou.hand_over(USER, "mariposa")
        await on.jelou.settle()
        gone = (await Api(on.bridge).post("forget", user=USER)).json
        assert ([one["ticket"].split("/")[0] for one in gone["tickets"]], gone["orphans"]) == (["jelou"], 1)
        on.jelou.customer_writes(USER, "otra vez")
        await on.jelou.settle()
        assert await orphans(on) == []
        assert [key async for key in redis.scan_iter(f"{prefix}:*jelou/{PROJECT}/*")] == []
        assert await redis.zcard(f"{prefix}:lane:{LANE}") == 0
