"""A conversation at Jelou that no ticket asked for gets one, once; where it cannot, a person is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp import web

from bridge.embedded import free_port
from bridge.twins.faults import EventFault, Fault
from tests.api_calls import Api
from tests.hand_overs import LANE, USER, acme, at_phase, one_ticket, orphans, trigger, wanted, worked, written
from tests.harness import PROJECT, STANDARD_SECRET, eventually, scene, serving
from tests.held import Held
from tests.outcomes import BRIEF_LANES, due_now, reasons, told
from workers.limits import Limits

if TYPE_CHECKING:
    from redis.asyncio import Redis


# --- it gets a ticket ------------------------------------------------------------------------------------------------


async def test_a_hand_over_gets_a_ticket(redis_url: str, prefix: str) -> None:
    """One, with the customer's phone, the queue's group, the message and our mark; then it is any ticket of ours."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted(groups={"VENTAS": "360007"})) as on:
        conversation = on.jelou.hand_over(USER, "Quiero comprar", "VENTAS")
        ticket = await one_ticket(on)
        trace = await at_phase(on, ticket, "open")
        assert (trace["conversation"], trace["assignment"]) == (conversation.id, "queue:VENTAS")
        on.jelou.customer_writes(USER, "¿Siguen ahí?")
        await written(ticket, conversation.id, "Quiero comprar", "¿Siguen ahí?")
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
        await written(ticket, "Hola")


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


async def test_a_worker_that_died_while_opening_leaves_no_second_ticket(
    redis: Redis, redis_url: str, prefix: str
) -> None:
    """Whoever takes over looks for the ticket first."""
    dies: dict[str, Any] = {"limits": Limits(drain_s=0.05, sweep_s=0.1), "leases": BRIEF_LANES}
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted(), **dies) as on:
        on.zendesk.faults.next("create_ticket", Fault.named("hang_after_accepting"))
        conversation = on.jelou.hand_over(USER, "Hola")
        ticket = await one_ticket(on)
        await on.bridge.lanes.drain()
        on.bridge.lanes.draining = False
        await due_now(redis, prefix, LANE, f"jelou/{PROJECT}/{conversation.id}")
        trace = await worked(on, conversation)
        assert [one["how"] for one in told(trace, "answered")] == ["found: an earlier try had arrived"]
        await at_phase(on, ticket, "open")
        assert len(on.zendesk.desk.tickets) == 1


async def test_where_nothing_can_be_looked_for_the_same_is_asked_again(redis_url: str, prefix: str) -> None:
    """A receiver of signed messages knows a repeat by its id: it is the same message, and one ticket is opened."""
    asked: list[tuple[str, str]] = []

    async def take(request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        if body["type"] != "ticket.open":
            return web.Response(status=204)
        asked.append((request.headers["webhook-id"], str(body["data"])))
        return web.json_response({"ticket": {"id": "A-7"}}, status=500 if len(asked) == 1 else 201)

    site = web.Application()
    site.router.add_post("/hook", take)
    async with serving(site, free_port()) as url:
        scripts = {"access": {"write_back_url": f"{url}/hook", "secret": STANDARD_SECRET}}
        async with scene(redis_url, prefix, scripts=scripts, jelou=wanted(account="standard-webhooks/scripts")) as on:
            conversation = on.jelou.hand_over(USER, "Hola")
            assert (await on.until_phase("A-7", "open"))["conversation"] == conversation.id
    assert (len(asked), len(set(asked))) == (2, 1)


async def test_a_start_waits_while_a_ticket_is_opened(redis_url: str, prefix: str) -> None:
    """Jelou may answer it with this very conversation: then there would be a ticket too many."""
    call = Held("/api/v2/tickets.json")
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted(), adapted=call) as on:
        conversation = on.jelou.hand_over(USER, "Hola")
        await call.is_out()
        await on.scripted("T-1")
        await on.bridge.traced("standard-webhooks", "scripts", "T-1", lambda trace: bool(told(trace, "waiting")))
        call.let_go()
        other = await on.until_phase("T-1", "open")
        busy = f"another start for the same person: jelou/{PROJECT}/{conversation.id}"
        assert reasons(other, "waiting")[0] == busy
        assert (await worked(on, conversation))["reason"].endswith("was opened for it")


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
        on.jelou.customer_writes(USER, "¿Hola?")
        await on.jelou.settle()
        assert await orphans(on) == [conversation.id]
        assert len(told(await on.bridge.trace("jelou", PROJECT, conversation.id), "received")) == 1
        shown = (await api.get(f"dead-letters/{letter['id']}")).json["replay"]
        assert shown["says"] == "would only open a ticket for the conversation, unless an earlier try had arrived"
        assert (await api.post(f"dead-letters/{letter['id']}/replay")).json["done"] is True
        await at_phase(on, await one_ticket(on), "open")
        assert (await api.post(f"dead-letters/{letter['id']}/replay")).json["does"] == "nothing"
        assert (len(on.zendesk.desk.tickets), await orphans(on)) == (1, [])


async def test_an_account_that_opens_no_tickets_says_so(redis_url: str, prefix: str) -> None:
    """Once; the conversation stays listed."""
    async with scene(redis_url, prefix, jelou=wanted(account="standard-webhooks/scripts")) as on:
        conversation = on.jelou.hand_over(USER, "Hola")
        trace = await on.bridge.traced("jelou", PROJECT, conversation.id, lambda trace: bool(told(trace, "buried")))
        assert reasons(trace, "buried") == ["this account opens no tickets"]
        assert await orphans(on) == [conversation.id]


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
