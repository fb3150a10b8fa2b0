"""A GLPI and a Jelou with the bridge between them, from the first webhook to the last write."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bridge.embedded import free_port
from tests.glpi_desk import CUSTOMER, SECRET, GlpiDesk, glpi_desk
from tests.harness import PROJECT, configuration, eventually, jelou_twin, project, running
from tests.outcomes import told
from tests.talk import USER, heard, hears

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin
    from bridge.twins.ledger import Conversation
    from tests.harness import Running
    from tests.outcomes import Trace

pytestmark = pytest.mark.asyncio


def account(desk: GlpiDesk) -> dict[str, Any]:
    """An account at this helpdesk."""
    return {
        "project": PROJECT,
        "verification": {"secrets": [SECRET]},
        "access": {
            "base_url": desk.url,
            "client_id": "c",
            "client_secret": "s",
            "username": "jelou",
            "password": "p",
            "request_type_id": 9,
        },
        "start_when": [{"name": "all new"}],
        "initial_message": "Hola {{ requester.name }}: {{ ticket.subject }}",
        "write_back": {"field": "external_id"},
        "messages": {"merge_s": 0.2},
        "calls_per_minute": 60_000,
    }


@dataclass
class Scene:
    """Both sides, and the bridge."""

    bridge: Running
    jelou: JelouTwin
    desk: GlpiDesk

    async def until(self, ticket: int, phase: str, episode: int = 1) -> dict[str, Any]:
        """The trace of a ticket in this phase, with nothing left to write."""
        return await self.bridge.traced(
            "glpi",
            "main",
            str(ticket),
            lambda trace: (trace["phase"], trace["episode"], bool(trace["to_write"])) == (phase, episode, False),
        )

    async def traced(self, ticket: int, what: str, **detail: Any) -> Trace:
        """The ticket's trace as soon as its timeline tells this."""
        return await self.bridge.traced("glpi", "main", str(ticket), lambda trace: bool(told(trace, what, **detail)))

    async def opened(self) -> tuple[int, Conversation]:
        """A ticket with its open conversation."""
        ticket = await self.desk.open_ticket("No puedo entrar al portal")
        trace = await self.until(ticket, "open")
        return ticket, self.jelou.ledger.conversations[trace["conversation"]]


@asynccontextmanager
async def scene(redis_url: str, prefix: str) -> AsyncIterator[Scene]:
    """All of it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with (
        glpi_desk(f"{url}/webhooks/helpdesks/glpi/main") as desk,
        jelou_twin(f"{url}/webhooks/jelou/{PROJECT}") as peer,
    ):
        told = configuration(project(peer), {"glpi": {"main": account(desk)}})
        async with running(told, redis_url, prefix, port=port) as run:
            yield Scene(run, peer, desk)


async def test_a_ticket_becomes_a_conversation_with_its_requester(redis_url: str, prefix: str) -> None:
    """By the mobile number of GLPI's user; the ticket gets a private note and the conversation's id."""
    async with scene(redis_url, prefix) as on:
        ticket, conversation = await on.opened()
        assert conversation.user_id == USER
        [note] = on.desk.notes(ticket)
        assert note.startswith("<p>")
        assert conversation.id in note
        assert on.desk.tickets[ticket]["external_id"] == conversation.id
        assert all(item["is_private"] for _, item in on.desk.timelines[ticket])
        assert set(on.desk.answers) == {202}


async def test_words_go_both_ways_and_nobody_hears_their_own(redis_url: str, prefix: str) -> None:
    """An agent's reaches the customer as plain text, the customer's stands on the ticket under their name."""
    async with scene(redis_url, prefix) as on:
        ticket, conversation = await on.opened()
        await on.desk.agent_writes(ticket, "<p>Ya <b>reiniciamos</b> su clave</p>")
        await on.desk.agent_writes(ticket, "<p>privado</p>", is_private=True)
        await on.desk.agent_writes(ticket, "<p>desde GLPI</p>", user=CUSTOMER)
        on.jelou.customer_writes(USER, "Gracias <3")
        await on.desk.agent_writes(ticket, "<p>De nada</p>")
        await hears(conversation, "Ya reiniciamos su clave", "De nada")

        async def written() -> bool:
            return any("<br>Gracias &lt;3<br>" in note for note in on.desk.notes(ticket))

        await eventually(written, lambda: str(on.desk.notes(ticket)))
        trace = await on.until(ticket, "open")
        assert not told(trace, "fuse")


async def test_a_solution_says_its_text_and_ends_the_conversation(redis_url: str, prefix: str) -> None:
    """And a ticket that is opened again begins the next, while our own notes and their updates begin nothing."""
    async with scene(redis_url, prefix) as on:
        ticket, conversation = await on.opened()
        await on.desk.agent_solves(ticket, "<p>Se cambió la clave</p>")
        await on.until(ticket, "closed")
        assert conversation.state == "closed"
        assert heard(conversation) == ["Se cambió la clave"]
        trace = await on.traced(ticket, "ignored", event="agent.replied", reason="it was said already")
        assert told(trace, "refused") == []
        assert len(on.jelou.ledger.conversations) == 1
        await on.desk.change(ticket, 2)
        await on.until(ticket, "open", episode=2)
        assert len(on.jelou.ledger.conversations) == 2


async def test_a_close_at_jelou_solves_the_ticket(redis_url: str, prefix: str) -> None:
    """The updates that this raises, open ones and solved ones, call nobody again."""
    async with scene(redis_url, prefix) as on:
        ticket, _ = await on.opened()
        on.jelou.close(USER)
        await on.until(ticket, "closed")

        async def solved() -> bool:
            return bool(on.desk.tickets[ticket]["status"]["id"] == 5)

        await eventually(solved)
        await on.desk.agent_writes(ticket, "<p>nota</p>", is_private=True)
        await on.until(ticket, "closed")
        assert len(on.jelou.ledger.conversations) == 1
