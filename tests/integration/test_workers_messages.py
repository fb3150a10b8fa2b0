"""Both directions while a conversation is open: replies to the customer, messages to the ticket, in order, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.links import Link
from bridge.twins.faults import Fault
from tests.harness import STANDARD_SECRET, eventually, scene
from tests.outcomes import HELD, reasons, told
from tests.talk import PHONE, QUICK, USER, closed, heard, hears, open_ticket, read, reads, traced
from tests.webhook_receiver import WebhookReceiver

if TYPE_CHECKING:
    from tests.outcomes import Trace

pytestmark = pytest.mark.asyncio


# --- to the customer -------------------------------------------------------------------------------------------------


async def test_public_replies_reach_the_customer_in_order(redis_url: str, prefix: str) -> None:
    """Each once; a private note never leaves the helpdesk, and the timeline says so."""
    async with scene(redis_url, prefix) as on:
        ticket, conversation = await open_ticket(on)
        on.zendesk.agent_writes(ticket, "Hola, soy Marta")
        on.zendesk.agent_writes(ticket, "El cliente es difícil", public=False)
        on.zendesk.agent_writes(ticket, "¿Qué error ve?")
        await hears(conversation, "Hola, soy Marta", "¿Qué error ve?")
        trace = await traced(
            on, ticket, "ignored", event="agent.replied", reason="a private note stays in the helpdesk"
        )
        assert len(told(trace, "answered", action="say.to.customer")) == 2


async def test_a_message_of_unknown_fate_is_sent_with_the_same_id(redis_url: str, prefix: str) -> None:
    """Jelou may know the repeat by it; after it worked once, the next one follows."""
    async with scene(redis_url, prefix) as on:
        ticket, conversation = await open_ticket(on)
        on.jelou.faults.next("send", Fault.named("reset_before_accepting"))
        on.zendesk.agent_writes(ticket, "uno")
        on.zendesk.agent_writes(ticket, "dos")
        await hears(conversation, "uno", "dos")
        trace = await traced(on, ticket, "answered", action="say.to.customer")
        first, again, *_ = told(trace, "sending", action="say.to.customer")
        assert first["message"] == again["message"]


async def test_a_message_that_never_gets_an_answer_is_told_to_the_agent(redis_url: str, prefix: str) -> None:
    """After all its tries a note says so, once, and it is among the dead letters; later messages go on."""
    async with scene(redis_url, prefix, zendesk={"messages": {"tries": 2}}) as on:
        ticket, conversation = await open_ticket(on)
        for _ in range(2):
            on.jelou.faults.next("send", Fault.named("reset_before_accepting"))
        on.zendesk.agent_writes(ticket, "uno")
        trace = await traced(on, ticket, "buried")
        assert reasons(trace, "buried") == ["it is not known whether it arrived"]
        on.zendesk.agent_writes(ticket, "dos")
        await hears(conversation, "dos")
        notes = [note for note in on.zendesk.notes(ticket) if "not known whether your message" in note]
        assert len(notes) == 1


async def test_a_reply_waits_for_the_room(redis_url: str, prefix: str) -> None:
    """Written before Jelou's start event came, it is said when that has told the room."""
    async with scene(redis_url, prefix) as on:
        on.jelou.faults.next_event(HELD)
        ticket = on.zendesk.open_ticket("Hola", PHONE).id
        await on.bridge.traced("zendesk", "acme", str(ticket), lambda trace: trace["phase"] == "started")
        on.zendesk.agent_writes(ticket, "Ya le ayudo")
        await traced(on, ticket, "received", event="agent.replied")
        await on.jelou.settle()
        [conversation] = on.jelou.ledger.conversations.values()
        await hears(conversation, "Ya le ayudo")


async def test_a_helpdesk_that_is_away_holds_back_no_reply(redis_url: str, prefix: str) -> None:
    """Each side waits on its own: what is not read from the helpdesk goes to the customer all the same."""
    async with scene(redis_url, prefix, scripts=QUICK) as on:
        await on.scripted("T-1")
        trace = await on.until_phase("T-1", "open")
        conversation = on.jelou.ledger.conversations[trace["conversation"]]
        comment = {"id": "c-1", "body": "Hola, soy Marta", "public": True}
        body = {"type": "comment.added", "data": {"ticket": {"id": "T-1"}, "comment": comment}}
        await on.signed(body, "msg-c-1")
        await on.signed(body, "msg-c-1-again")
        await hears(conversation, "Hola, soy Marta")


async def test_a_reply_after_the_end_is_told_to_the_agent(redis_url: str, prefix: str) -> None:
    """A note says what happened and what to do; nothing is sent into a conversation that is over."""
    async with scene(redis_url, prefix, zendesk={"write_back": {"closed_status": ""}}) as on:
        ticket, conversation = await open_ticket(on)
        on.jelou.close(USER)
        await closed(on, ticket)
        on.zendesk.agent_writes(ticket, "¿Sigue ahí?")
        await traced(on, ticket, "refused", event="agent.replied")

        async def noted() -> bool:
            return "conversation has ended in Jelou meanwhile" in on.zendesk.notes(ticket)[-1]

        await eventually(noted)
        assert heard(conversation) == []


# --- to the ticket ---------------------------------------------------------------------------------------------------


async def test_messages_close_together_are_one_update_of_the_ticket(redis_url: str, prefix: str) -> None:
    """In the customer's own name, in order; what comes later is another update."""
    async with scene(redis_url, prefix, zendesk=QUICK) as on:
        ticket, _ = await open_ticket(on)
        for text in ("hola", "no puedo entrar", "¿me ayuda?"):
            on.jelou.customer_writes(USER, text)
        await reads(on, ticket, "hola\nno puedo entrar\n¿me ayuda?")
        on.jelou.customer_writes(USER, "gracias")
        await reads(on, ticket, "hola\nno puedo entrar\n¿me ayuda?", "gracias")


async def test_a_file_and_an_unknown_type_are_readable(redis_url: str, prefix: str) -> None:
    """A link with its caption, and a line that names the type."""
    async with scene(redis_url, prefix, zendesk=QUICK) as on:
        ticket, _ = await open_ticket(on)
        image = {"url": "https://files.example.com/a.jpg", "mime_type": "image/jpeg", "caption": "el error"}
        on.jelou.customer_writes(USER, message_type="image", content=image)
        on.jelou.customer_writes(USER, message_type="hologram", content={"x": 1})

        async def shown() -> bool:
            text = "\n".join(read(on, ticket))
            return "https://files.example.com/a.jpg" in text and "el error" in text and "hologram" in text

        await eventually(shown, lambda: str(read(on, ticket)))


async def test_a_write_of_unknown_fate_is_looked_for(redis_url: str, prefix: str) -> None:
    """The update stood on the ticket although its answer was lost: it does not stand there twice."""
    async with scene(redis_url, prefix, zendesk=QUICK) as on:
        ticket, _ = await open_ticket(on)
        on.zendesk.faults.next("update_ticket", Fault.named("reset_after_accepting"))
        on.jelou.customer_writes(USER, "hola")
        await traced(on, ticket, "answered", how="found: an earlier try had arrived")
        assert read(on, ticket) == ["hola"]


async def test_an_account_may_want_notes_or_nothing(redis_url: str, prefix: str) -> None:
    """As a note it says whose words they are."""
    async with scene(redis_url, prefix, zendesk={"messages": {"to_ticket": "note", "merge_s": 0}}) as on:
        ticket, _ = await open_ticket(on)
        on.jelou.customer_writes(USER, "hola")

        async def noted() -> bool:
            return any("(via Jelou):\nhola" in note for note in on.zendesk.notes(ticket))

        await eventually(noted, lambda: str(on.zendesk.notes(ticket)))
        assert read(on, ticket) == []


async def test_the_tickets_own_rate_is_kept_by_merging(redis_url: str, prefix: str) -> None:
    """Zendesk takes so many updates of a ticket in ten minutes: what comes beyond the rate is one update, later."""
    busy = {"messages": {"merge_s": 0}, "ticket_pace": {"calls": 12, "per_s": 600}}
    async with scene(redis_url, prefix, zendesk=busy) as on:
        ticket, _ = await open_ticket(on)
        texts = [f"mensaje {number}" for number in range(20)]
        for text in texts:
            on.jelou.customer_writes(USER, text)
            await on.jelou.settle()

        def waits(trace: Trace) -> bool:
            received = told(trace, "received", event="customer.wrote")
            return len(received) == len(texts) and len(trace["to_write"]) == 1 and "own rate" in trace["waits_for"]

        await on.bridge.traced("zendesk", "acme", str(ticket), waits)
        shown = "\n".join(read(on, ticket)).splitlines()
        assert shown == texts[: len(shown)]
        assert len(read(on, ticket)) < 10


async def test_what_may_be_on_the_ticket_takes_no_more(redis_url: str, redis: Any, prefix: str) -> None:
    """It is marked before it goes out: a receiver that knows its id would take a longer one as the same."""
    async with WebhookReceiver() as desk:
        scripts = {**QUICK, "access": {"write_back_url": desk.url, "secret": STANDARD_SECRET}}
        async with scene(redis_url, prefix, scripts=scripts) as on:
            await on.scripted("T-1")
            await on.until_phase("T-1", "open")
            desk.answer(204, delay_s=30.0)
            on.jelou.customer_writes(USER, "hola")
            await desk.arrived.wait()
            [todo] = Link.load(await redis.hget(f"{prefix}:link:standard-webhooks/scripts/T-1", "state")).todo
            assert (todo.text, todo.sent) == ("hola", True)


async def test_a_look_does_not_use_up_the_turn_of_the_write(redis_url: str, prefix: str) -> None:
    """At one call a time: what was looked for and not found is written at the next turn, not looked for again."""
    slow = {**QUICK, "calls_per_minute": 19, "write_back": {"note": False}}
    async with scene(redis_url, prefix, zendesk=slow) as on:
        on.zendesk.faults.next("update_ticket", Fault.named("reset_before_accepting"))
        ticket = on.zendesk.open_ticket("Hola", PHONE).id
        await on.bridge.traced("zendesk", "acme", str(ticket), lambda trace: trace["phase"] == "open")
        on.jelou.customer_writes(USER, "hola")
        await reads(on, ticket, "hola")
