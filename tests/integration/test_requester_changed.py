"""A ticket whose requester is changed: replies stay from the person before, until somebody decides; nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api_calls import Api
from tests.harness import eventually, scene
from tests.outcomes import told
from tests.talk import PHONE, QUICK, USER, closed, heard, hears, open_ticket, traced

if TYPE_CHECKING:
    from tests.harness import Scene

pytestmark = pytest.mark.asyncio


def give(on: Scene, ticket: int, phone: str) -> int:
    """The ticket gets another requester, with this number."""
    user = on.zendesk.desk.add_user("Ben", phone=phone)
    on.zendesk.change(ticket, requester_id=user.id)
    return user.id


async def noted(on: Scene, ticket: int, text: str) -> int:
    """As soon as a note says this; how many do."""

    def notes() -> list[str]:
        return [one.body for one in on.zendesk.desk.ticket(ticket).comments if not one.public and text in one.body]

    async def there() -> bool:
        return bool(notes())

    await eventually(there)
    return len(notes())


async def decide(on: Scene, ticket: int, what: str) -> Any:
    """By the API."""
    return await Api(on.bridge).post(f"tickets/zendesk/acme/{ticket}/decide", decision=what, by="ana")


async def held(on: Scene, ticket: int, *texts: str) -> None:
    """The agent writes these, and they are held."""
    for number, text in enumerate(texts, 1):
        on.zendesk.agent_writes(ticket, text)
        await _waiting(on, number)


async def _waiting(on: Scene, count: int) -> None:
    async def there() -> bool:
        letters = (await Api(on.bridge).get("dead-letters")).json["dead_letters"]
        return len([one for one in letters if one["action"].startswith("held.reply")]) == count

    await eventually(there)


async def test_replies_to_another_requester_are_held_and_told_once(redis_url: str, prefix: str) -> None:
    """Each is kept, in order; what the customer writes still comes; the person who decides lets all go on."""
    async with scene(redis_url, prefix, zendesk=QUICK) as on:
        ticket, conversation = await open_ticket(on)
        give(on, ticket, "+593987654399")
        await held(on, ticket, "Para Ben", "Y esto")
        assert await noted(on, ticket, "requester of this ticket was changed") == 1
        assert heard(conversation) == []
        on.jelou.customer_writes(USER, "¿Hola?")

        async def written() -> bool:
            return any("¿Hola?" in one.body for one in on.zendesk.desk.ticket(ticket).comments)

        await eventually(written)
        answer = await decide(on, ticket, "same-person")
        assert (answer.status, answer.json["says"]) == (200, "2 replies go on to the customer")
        await hears(conversation, "Para Ben", "Y esto")
        on.zendesk.agent_writes(ticket, "Sigue")
        await hears(conversation, "Para Ben", "Y esto", "Sigue")
        assert (await decide(on, ticket, "same-person")).status == 404


async def test_the_end_can_be_decided(redis_url: str, prefix: str) -> None:
    """The conversation ends, what was held is not sent; reopened, the ticket speaks with its requester."""
    async with scene(redis_url, prefix, zendesk=QUICK) as on:
        ticket, conversation = await open_ticket(on)
        give(on, ticket, "+593987654399")
        await held(on, ticket, "Para Ben")
        assert (await decide(on, ticket, "end")).status == 200
        await closed(on, ticket)
        assert (conversation.state, heard(conversation)) == ("closed", [])
        on.zendesk.change(ticket, status="solved")
        await traced(on, ticket, "ignored", event="ticket.solved")
        on.zendesk.change(ticket, status="open")
        trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        again = on.jelou.ledger.conversations[trace["conversation"]]
        assert (trace["episode"], again.user_id) == (2, "593987654399")


async def test_a_merged_user_is_the_same_person(redis_url: str, prefix: str) -> None:
    """Another id with the same number: the reply arrives, and nobody is asked."""
    async with scene(redis_url, prefix, zendesk=QUICK) as on:
        ticket, conversation = await open_ticket(on)
        give(on, ticket, PHONE)
        on.zendesk.agent_writes(ticket, "Hola")
        await hears(conversation, "Hola")
        trace = await traced(on, ticket, "requester")
        assert told(trace, "buried") == []


async def test_the_requester_given_back_goes_on(redis_url: str, prefix: str) -> None:
    """A mistake that was mended needs no decision for what is written then."""
    async with scene(redis_url, prefix, zendesk=QUICK) as on:
        ticket, conversation = await open_ticket(on)
        before = on.zendesk.desk.ticket(ticket).requester_id
        give(on, ticket, "+593987654399")
        await held(on, ticket, "Para Ben")
        on.zendesk.change(ticket, requester_id=before)
        on.zendesk.agent_writes(ticket, "Para Ana")
        await hears(conversation, "Para Ana")


async def test_a_reply_with_the_same_requester_costs_no_read(redis_url: str, prefix: str) -> None:
    """The positive twin: the delivery itself tells who it is."""
    async with scene(redis_url, prefix, zendesk=QUICK) as on:
        ticket, conversation = await open_ticket(on)
        on.zendesk.agent_writes(ticket, "Hola")
        await hears(conversation, "Hola")
        trace = await traced(on, ticket, "answered", action="say.to.customer")
        assert len(told(trace, "fetched")) == 1
