"""Freshdesk with a bridge and a Jelou: thin webhooks in, notes and updates out, and nobody is mailed."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from bridge.embedded import free_port
from tests.api_calls import Api
from tests.freshdesk_site import CUSTOMER, FreshdeskSite
from tests.harness import PROJECT, Running, configuration, eventually, jelou_twin, project, running
from tests.talk import PHONE, USER, hears

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin
    from bridge.twins.ledger import Conversation

pytestmark = pytest.mark.asyncio


class Both(NamedTuple):
    """Freshdesk, the bridge and Jelou."""

    desk: FreshdeskSite
    bridge: Running
    jelou: JelouTwin

    async def phase(self, number: int, phase: str) -> dict[str, Any]:
        """The ticket's trace when its link is there and nothing is left to write."""
        return await self.bridge.traced(
            "freshdesk", "acme", str(number), lambda told: told["phase"] == phase and not told["to_write"]
        )

    async def opened(self) -> tuple[int, Conversation]:
        """A ticket with its open conversation."""
        trace = await self.phase(await self.desk.opened(1187), "open")
        return 1187, self.jelou.ledger.conversations[trace["conversation"]]


@asynccontextmanager
async def both(
    redis_url: str, prefix: str, *, jelou: dict[str, Any] | None = None, **changes: Any
) -> AsyncIterator[Both]:
    """All three, until the end of the block; ``jelou`` changes the project, what else there is the account."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    desk = FreshdeskSite(f"{url}/webhooks/helpdesks/freshdesk/acme", PHONE)
    async with desk, jelou_twin(f"{url}/webhooks/jelou/{PROJECT}") as peer:
        bridge = configuration(
            project(peer, **(jelou or {})), {"freshdesk": {"acme": desk.account(PROJECT, **changes)}}
        )
        async with running(bridge, redis_url, prefix, port=port) as run:
            yield Both(desk, run, peer)


async def test_a_new_ticket_starts_a_conversation(redis_url: str, prefix: str) -> None:
    """Told by its number alone, it is read for the phone; note, field and tag stand there, beside the tags it had."""
    async with both(redis_url, prefix) as on:
        number, conversation = await on.opened()
        assert on.desk.tickets[number]["tags"] == ["vip", "jelou"]
        assert on.desk.tickets[number]["custom_fields"] == {"cf_conversation": conversation.id}
        [note] = on.desk.notes(number)
        assert note["private"]
        assert conversation.id in note["body"]


async def test_agent_and_customer_hear_each_other_and_nobody_is_mailed(redis_url: str, prefix: str) -> None:
    """Two replies in the same words are two; the customer's answer stands there as theirs."""
    async with both(redis_url, prefix) as on:
        number, conversation = await on.opened()
        on.desk.writes(number, "¿Ya funciona?")
        await on.desk.tell(number, "{reply_sent:sent}")
        await hears(conversation, "¿Ya funciona?")
        on.jelou.customer_writes(USER, "<b>No</b>\nNada")

        async def stands() -> bool:
            return len(on.desk.notes(number)) == 2

        await eventually(stands)
        answer = on.desk.notes(number)[-1]
        assert (answer["user_id"], answer["incoming"], answer["private"]) == (CUSTOMER, True, False)
        assert answer["body"].startswith("<div>&lt;b&gt;No&lt;/b&gt;<br>Nada<br>[jelou-bridge:")
        await on.desk.tell(number, "{note_type:public}")
        on.desk.writes(number, "¿Y ahora?")
        await on.desk.tell(number, "{reply_sent:sent}")
        await hears(conversation, "¿Ya funciona?", "¿Y ahora?")
        assert on.desk.mails == []


async def test_a_reply_is_said_although_the_bridge_wrote_after_it(redis_url: str, prefix: str) -> None:
    """A webhook names no comment; by the time it comes, the newest may be ours, or an agent's private note."""
    async with both(redis_url, prefix) as on:
        number, conversation = await on.opened()
        on.desk.writes(number, "Ya quedó")
        on.desk.writes(number, "Es un cliente difícil", private=True)
        on.desk.writes(number, "[jelou-bridge:0000000000000000]", incoming=True, user_id=CUSTOMER)
        await on.desk.tell(number, "{reply_sent:sent}")
        await hears(conversation, "Ya quedó")


async def test_two_replies_are_said_once_each_although_the_first_is_heard_of_late(redis_url: str, prefix: str) -> None:
    """Both stand there when the first webhook is worked; what was said long before is not dug out."""
    async with both(redis_url, prefix) as on:
        number, conversation = await on.opened()
        on.desk.writes(number, "de ayer")
        on.desk.clock += 600
        for text in ("uno", "dos"):
            on.desk.writes(number, text)
        for _ in range(2):
            await on.desk.tell(number, "{reply_sent:sent}")
        on.desk.writes(number, "tres")
        await on.desk.tell(number, "{reply_sent:sent}")
        await hears(conversation, "uno", "dos", "tres")


async def test_a_reply_on_a_later_page_is_said(redis_url: str, prefix: str) -> None:
    """Freshdesk lists the oldest first."""
    async with both(redis_url, prefix) as on:
        on.desk.page = 2
        number, conversation = await on.opened()
        for text in ("uno", "dos", "tres"):
            on.desk.writes(number, text, private=True)
        on.desk.writes(number, "Ya quedó")
        await on.desk.tell(number, "{reply_sent:sent}")
        await hears(conversation, "Ya quedó")


async def test_a_solved_ticket_ends_its_conversation(redis_url: str, prefix: str) -> None:
    """Also where Freshdesk tells another change first."""
    async with both(redis_url, prefix) as on:
        number, conversation = await on.opened()
        on.desk.tickets[number]["status"] = 5
        await on.desk.tell(number, "{priority:{from:1,to:3}}")
        await on.phase(number, "closed")
        assert conversation.state == "closed"


async def test_an_ended_conversation_resolves_its_ticket(redis_url: str, prefix: str) -> None:
    """By Freshdesk's number for it."""
    async with both(redis_url, prefix) as on:
        number, _ = await on.opened()
        on.jelou.close(USER)
        await on.phase(number, "closed")
        assert on.desk.tickets[number]["status"] == 4


async def test_a_conversation_without_a_ticket_gets_one(redis_url: str, prefix: str) -> None:
    """For the customer's number, with our mark as a tag; what they wrote stands in its description."""
    wanted = {"unasked": {"then": "open_ticket", "account": "freshdesk/acme", "wait_s": 0.0}}
    async with both(redis_url, prefix, jelou=wanted) as on:
        conversation = on.jelou.hand_over(USER, "Quiero <comprar>")

        async def there() -> bool:
            return len(on.desk.tickets) == 1

        await eventually(there)
        [(number, ticket)] = on.desk.tickets.items()
        assert (await on.phase(number, "open"))["conversation"] == conversation.id
        assert ticket["phone"] == PHONE
        assert "Quiero &lt;comprar&gt;" in ticket["description"]
        assert ticket["tags"][:2] == ["jelou", ticket["description"].rpartition("[")[2].rstrip("]")]


async def test_what_no_webhook_brought_is_found(redis_url: str, prefix: str) -> None:
    """Freshdesk sends nothing twice: a ticket, then a reply, then the end, each by looking."""
    async with both(redis_url, prefix, reconcile={"enabled": False}) as on:
        number = on.desk.opens(1187)
        assert (await look(on))["fed"] == 1
        trace = await on.phase(number, "open")
        on.desk.writes(number, "Ya quedó")
        assert (await look(on))["fed"] == 1
        await hears(on.jelou.ledger.conversations[trace["conversation"]], "Ya quedó")
        assert (await look(on))["fed"] == 0
        on.desk.tickets[number] |= {"status": 4, "updated_at": on.desk.now()}
        assert (await look(on))["fed"] == 1
        await on.phase(number, "closed")


async def look(on: Both) -> dict[str, Any]:
    """Compare the last two hours with what the bridge knows."""
    return dict((await Api(on.bridge).post("accounts/freshdesk/acme/reconcile", since_s=7_200)).json)
