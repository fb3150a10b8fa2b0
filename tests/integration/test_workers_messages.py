"""Both directions while a conversation is open: replies to the customer, messages to the ticket, in order, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.twins.faults import EventFault, Fault
from tests.harness import eventually, scene
from tests.outcomes import reasons, told

if TYPE_CHECKING:
    from bridge.twins.ledger import Conversation
    from tests.harness import Scene
    from tests.outcomes import Trace

pytestmark = pytest.mark.asyncio

PHONE, USER = "+593987654321", "593987654321"
QUICK: dict[str, Any] = {"messages": {"merge_s": 0.2}}


async def open_ticket(on: Scene) -> tuple[int, Conversation]:
    """A ticket of Zendesk's with its open conversation."""
    ticket = on.zendesk.open_ticket("No puedo entrar", PHONE).id
    trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
    return ticket, on.jelou.ledger.conversations[trace["conversation"]]


async def closed(on: Scene, ticket: int) -> Trace:
    """The ticket's trace when its conversation is over and all is written."""
    return await on.until_phase(str(ticket), "closed", kind="zendesk", account="acme")


def heard(conversation: Conversation) -> list[str]:
    """What the customer got, in order: texts, and the addresses of media."""
    by_bridge = [one.content for one in conversation.messages if one.by == "bridge"]
    return [content.get("body") or content["url"] for content in by_bridge]


async def hears(conversation: Conversation, *texts: str) -> None:
    """Until the customer has got exactly this."""

    async def got() -> bool:
        return heard(conversation) == list(texts)

    await eventually(got, lambda: str(heard(conversation)))


def read(on: Scene, ticket: int) -> list[str]:
    """What stands on the ticket of the customer's, without marks, in order; an update is one text."""
    requester = on.zendesk.desk.ticket(ticket).requester_id
    comments = on.zendesk.desk.ticket(ticket).comments[1:]
    return [one.body.rpartition("\n[jelou-bridge:")[0] for one in comments if one.author_id == requester]


async def reads(on: Scene, ticket: int, *texts: str) -> None:
    """Until the ticket shows exactly these updates."""

    async def shown() -> bool:
        return read(on, ticket) == list(texts)

    await eventually(shown, lambda: str(read(on, ticket)))


async def traced(on: Scene, ticket: int, what: str, **detail: Any) -> Trace:
    """The ticket's trace as soon as its timeline tells this."""
    return await on.bridge.traced("zendesk", "acme", str(ticket), lambda trace: bool(told(trace, what, **detail)))


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
        on.jelou.faults.next_event(EventFault.named("late", delay_s=0.6))
        ticket = on.zendesk.open_ticket("Hola", PHONE).id
        await on.bridge.traced("zendesk", "acme", str(ticket), lambda trace: trace["phase"] == "started")
        on.zendesk.agent_writes(ticket, "Ya le ayudo")
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


# --- ends ------------------------------------------------------------------------------------------------------------


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


async def test_a_late_close_does_not_end_the_next_episode(redis_url: str, prefix: str) -> None:
    """The close event of the first conversation comes when the second is open already."""
    async with scene(redis_url, prefix) as on:
        ticket, _ = await open_ticket(on)
        on.jelou.faults.next_event(EventFault.named("late", delay_s=1.0))
        on.zendesk.change(ticket, status="solved")
        await closed(on, ticket)
        on.zendesk.change(ticket, status="open")
        await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
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
