"""WhatsApp's 24-hour window, quiet hours, doubts about an open conversation, and the status field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.domain import Doubted
from bridge.twins.faults import EventFault
from tests.harness import eventually, scene
from tests.outcomes import reasons, told
from tests.talk import USER, hand_in, heard, hears, open_ticket, traced

if TYPE_CHECKING:
    from tests.harness import Scene

pytestmark = pytest.mark.asyncio

TEMPLATE: dict[str, Any] = {"name": "retomar", "parameters": ["{{ ticket.subject }}"]}


def with_templates(on: Scene) -> None:
    """Jelou's general API takes the project's Basic, and the customer's window is closed."""
    on.jelou.settings.basic = "client:secret"
    on.jelou.settings.windows_closed = {USER}


async def test_outside_the_window_the_agent_is_told_what_to_do(redis_url: str, prefix: str) -> None:
    """Without a template: the message is given up with its reason, and a note says it in an agent's words."""
    async with scene(redis_url, prefix) as on:
        ticket, conversation = await open_ticket(on)
        on.jelou.settings.windows_closed = {USER}
        on.zendesk.agent_writes(ticket, "Hola")
        trace = await traced(on, ticket, "buried")
        assert "more than 24 hours ago" in reasons(trace, "buried")[0]

        async def noted() -> bool:
            return "WhatsApp only delivers templates" in on.zendesk.notes(ticket)[-1]

        await eventually(noted, lambda: str(on.zendesk.notes(ticket)))
        assert heard(conversation) == []


async def test_a_template_asks_the_customer_and_the_messages_follow(redis_url: str, prefix: str) -> None:
    """Sent once, however many messages wait; when the customer answers, they go out in order."""
    basic = {"username": "client", "password": "secret"}
    async with scene(redis_url, prefix, jelou={"basic": basic}, zendesk={"template": TEMPLATE}) as on:
        with_templates(on)
        on.jelou.settings.windows_closed = set()
        ticket, conversation = await open_ticket(on)
        on.jelou.settings.windows_closed = {USER}
        on.zendesk.agent_writes(ticket, "uno")
        on.zendesk.agent_writes(ticket, "dos")
        await hears(conversation, "retomar")
        assert conversation.messages[-1].content["parameters"] == ["No puedo entrar"]
        await traced(on, ticket, "answered", action="send.template")
        on.jelou.customer_writes(USER, "sí, dígame")
        await hears(conversation, "retomar", "uno", "dos")
        notes = [note for note in on.zendesk.notes(ticket) if "template retomar was sent" in note]
        assert len(notes) == 1


async def test_a_start_in_quiet_hours_waits_for_their_end(redis_url: str, prefix: str) -> None:
    """It is accepted and says for what it waits; nothing is sent."""
    now = datetime.now(UTC)
    hours = {"from": f"{now - timedelta(hours=1):%H:%M}", "to": f"{now + timedelta(hours=2):%H:%M}", "timezone": "UTC"}
    async with scene(redis_url, prefix, scripts={"quiet_hours": hours}) as on:
        await on.scripted("T-1")
        trace = await on.bridge.traced(
            "standard-webhooks", "scripts", "T-1", lambda trace: "quiet hours" in trace["waits_for"]
        )
        assert trace["phase"] == "new"
        assert trace["due_in_s"] > 3_000
        assert on.jelou.ledger.starts == []


async def test_a_close_that_nobody_told_is_found_when_it_is_doubted(redis_url: str, prefix: str) -> None:
    """Jelou's close event was lost; asked, Jelou says that the conversation is over."""
    async with scene(redis_url, prefix) as on:
        ticket, conversation = await open_ticket(on)
        name = f"zendesk/acme/{ticket}"
        on.jelou.faults.next_event(EventFault.named("dropped"), "close")
        on.jelou.close(USER)
        await hand_in(on, name, Doubted(conversation.id))
        trace = await on.until_phase(str(ticket), "closed", kind="zendesk", account="acme")
        assert trace["reason"] == "it had ended at Jelou, and no event said so"


async def test_a_conversation_that_goes_on_stays_open_when_it_is_doubted(redis_url: str, prefix: str) -> None:
    """Jelou is asked, and nothing changes."""
    async with scene(redis_url, prefix) as on:
        ticket, conversation = await open_ticket(on)
        await hand_in(on, f"zendesk/acme/{ticket}", Doubted(conversation.id))
        trace = await traced(on, ticket, "answered", action="get.conversation", state="active")
        assert trace["phase"] == "open"


async def test_the_status_field_is_kept_up_to_date(redis_url: str, prefix: str) -> None:
    """In the account's language, from the start to the end, never as one more note."""
    wanted = {"status_field": "360001", "note": False}
    async with scene(redis_url, prefix, zendesk={"language": "es", "write_back": wanted}) as on:
        ticket, conversation = await open_ticket(on)

        async def says(text: str) -> bool:
            return bool(on.zendesk.desk.ticket(ticket).custom_fields.get(360001) == text)

        link = f"https://apps.example.com/c/{conversation.id}"
        await eventually(lambda: says(f"Iniciada: {link}"))
        on.jelou.close(USER)
        await eventually(lambda: says("Cerrada"))
        assert on.zendesk.notes(ticket) == []


async def test_a_ticket_that_failed_says_why_in_its_field(redis_url: str, prefix: str) -> None:
    """The phone number is missing, and the field says so."""
    async with scene(redis_url, prefix, zendesk={"write_back": {"status_field": "360001"}}) as on:
        ticket = on.zendesk.open_ticket("Sin teléfono", None).id
        trace = await on.until_phase(str(ticket), "failed", kind="zendesk", account="acme")
        assert "no usable phone" in trace["reason"]
        assert told(trace, "answered", key="status") != []
        assert str(on.zendesk.desk.ticket(ticket).custom_fields[360001]).startswith("Failed: the ticket has no usable")
