"""An Intercom ticket becomes a conversation, in both directions, and nothing that the bridge writes comes round."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.chat_text import plain
from bridge.embedded import free_port
from tests.harness import PROJECT, configuration, eventually, jelou_twin, project, running
from tests.intercom_desk import ADMIN, CONTACT, PHONE, SECRET, TICKET, TOKEN, Desk, intercom
from tests.talk import hears

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin
    from bridge.twins.ledger import Conversation
    from tests.harness import Running

USER = PHONE.removeprefix("+")


@dataclass
class Line:
    """An Intercom and a Jelou, with the bridge between them."""

    desk: Desk
    jelou: JelouTwin
    bridge: Running

    async def until(self, *phases: str) -> dict[str, Any]:
        """The ticket's trace in one of these phases, with nothing left to write."""
        return await self.bridge.traced(
            "intercom", "app", TICKET, lambda told: told["phase"] in phases and not told["to_write"]
        )

    async def begun(self) -> Conversation:
        """The conversation of a ticket that was opened just now."""
        await self.desk.opens()
        return self.jelou.ledger.conversations[(await self.until("open"))["conversation"]]


def account(desk: Desk) -> dict[str, Any]:
    """The tests' account."""
    return {
        "project": PROJECT,
        "verification": {"secrets": [SECRET]},
        "access": {"base_url": desk.url, "token": TOKEN, "admin_id": ADMIN, "app_package_code": "ours-1"},
        "start_when": [{"name": "support", "when": {"type": "soporte"}}],
        "initial_message": "Hola {{ requester.name }}: {{ ticket.subject }}",
        "write_back": {"field": "Jelou", "tag": "jelou"},
        "messages": {"merge_s": 0.2},
        "calls_per_minute": 60_000,
    }


@asynccontextmanager
async def line(redis_url: str, prefix: str, **values: Any) -> AsyncIterator[Line]:
    """All three, until the end of the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with (
        intercom(f"{url}/webhooks/helpdesks/intercom/app", **values) as desk,
        jelou_twin(f"{url}/webhooks/jelou/{PROJECT}") as jelou,
    ):
        told = configuration(project(jelou), {"intercom": {"app": account(desk)}})
        async with running(told, redis_url, prefix, port=port) as run:
            yield Line(desk, jelou, run)


async def written(desk: Desk, kind: str, author: str, *texts: str) -> None:
    """Until this author has written exactly these texts, without their marks."""

    def found() -> list[str]:
        return [plain(one, "html").rpartition("\n[jelou-bridge:")[0] for one in desk.texts(kind, author)]

    async def shown() -> bool:
        return found() == list(texts)

    await eventually(shown, lambda: str(found()))


async def test_a_ticket_starts_a_conversation_that_stands_on_it(redis_url: str, prefix: str) -> None:
    """The phone is the contact's; the note, the attribute and the tag are written once."""
    async with line(redis_url, prefix) as on:
        conversation = await on.begun()
        assert conversation.user_id == USER
        assert on.desk.attributes["Jelou"] == conversation.id
        assert on.desk.tags == ["id-of-jelou"]
        [note] = on.desk.texts("note", ADMIN)
        assert conversation.id in note
        assert set(on.desk.answered) == {202}


async def test_both_ends_read_what_the_other_wrote(redis_url: str, prefix: str) -> None:
    """An agent's first reply assigns the ticket; the customer's words are the contact's, once, and go no further."""
    async with line(redis_url, prefix) as on:
        conversation = await on.begun()
        begun = [one.content["body"] for one in conversation.messages if one.by == "bridge"]
        await on.desk.replies("Ya lo <b>reviso</b>", kind="assignment")
        await hears(conversation, *begun, "Ya lo reviso")
        on.jelou.customer_writes(USER, "a < b, gracias")
        await written(on.desk, "comment", CONTACT, "a < b, gracias")
        await on.desk.replies("De nada")
        await hears(conversation, *begun, "Ya lo reviso", "De nada")
        await written(on.desk, "comment", CONTACT, "a < b, gracias")


async def test_a_back_office_ticket_gets_the_customers_words_as_a_note(redis_url: str, prefix: str) -> None:
    """Contacts cannot write there; the note says whose words they are."""
    async with line(redis_url, prefix, category="Back-office") as on:
        await on.begun()
        on.jelou.customer_writes(USER, "Sigo esperando")

        async def noted() -> bool:
            return len(on.desk.texts("note", ADMIN)) > 1

        await eventually(noted)
        note = plain(on.desk.texts("note", ADMIN)[1], "html")
        assert note.startswith("Customer")
        assert "Sigo esperando" in note
        assert on.desk.texts("comment", CONTACT) == []


async def test_an_ended_conversation_resolves_its_ticket_and_begins_no_other(redis_url: str, prefix: str) -> None:
    """The state is looked up by the ticket's type; its own echo changes nothing."""
    async with line(redis_url, prefix) as on:
        conversation = await on.begun()
        on.jelou.close(USER)
        await on.until("closed")

        async def resolved() -> bool:
            return on.desk.status == "resolved"

        await eventually(resolved, lambda: str(dict(on.desk.calls)))
        await on.until("closed")
        assert list(on.jelou.ledger.conversations) == [conversation.id]


async def test_a_resolved_ticket_ends_its_conversation(redis_url: str, prefix: str) -> None:
    """Whoever resolved it in Intercom."""
    async with line(redis_url, prefix) as on:
        await on.begun()
        await on.desk.becomes("resolved", {"type": "admin", "id": "5"})
        await on.until("closed")
