"""A support case from ticket to note, with a real django-helpdesk, real processes and a real Valkey.

Everything goes over the helpdesk's own API and its own webhooks; only Jelou is a twin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.acceptance.support_case import URGENT, USER_ID, ignored_comments, support_case
from tests.real_helpdesk import real_helpdesk_or_skip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.acceptance.support_case import SupportCase

pytestmark = [pytest.mark.helpdesk, pytest.mark.asyncio(loop_scope="module")]

OUR_OWN = "the bridge did this itself"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SupportCase]:
    """One helpdesk and one bridge for all cases; each case has a ticket of its own."""
    real_helpdesk_or_skip(request)
    async with support_case(tmp_path_factory.mktemp("case")) as case:
        yield case


async def test_an_urgent_ticket_is_taken_to_jelou_and_its_note_comes_back(case: SupportCase) -> None:
    """The customer is written to, in the right queue, and the agent finds the conversation on the ticket, once."""
    ticket = await case.customer_opens_a_ticket("No puedo entrar al portal", priority=URGENT)
    told = await case.is_opened(ticket)

    [conversation] = case.conversations_for(ticket)
    assert conversation.user_id == USER_ID
    assert (conversation.metadata or {})["ticketId"] == str(ticket)
    assert conversation.assignment == {"type": "queue", "target": "VIP"}
    assert conversation.initial_message == "Hola, recibimos su caso: No puedo entrar al portal"

    [note] = await case.notes_on(ticket)
    assert note["user"] == case.site.bot.id
    assert conversation.id in note["comment"]
    assert "queue VIP" in note["comment"]

    ticket_now = await case.agent_looks_at(ticket)
    assert ticket_now["custom_jelou_conversation_id"] == conversation.id
    assert ticket_now["title"] == "No puedo entrar al portal"
    assert (told["conversation"], told["rule"]) == (conversation.id, "urgent")


async def test_the_helpdesks_echo_of_our_note_is_seen_and_ignored(case: SupportCase) -> None:
    """Our own note comes back as a webhook; it starts nothing, and the timeline says why."""
    ticket = await case.customer_opens_a_ticket("Una pregunta")
    await case.is_opened(ticket)

    told = await case.has_ignored(ticket, 1)
    assert ignored_comments(told) == [OUR_OWN]
    assert (told["phase"], told["waits_for"]) == ("open", "")
    assert len(case.conversations_for(ticket)) == 1
    assert len(await case.notes_on(ticket)) == 1


async def test_a_ticket_that_is_not_urgent_goes_to_the_usual_queue(case: SupportCase) -> None:
    """Where no rule names the priority, the default decides."""
    ticket = await case.customer_opens_a_ticket("Una pregunta")
    await case.is_opened(ticket)
    [conversation] = case.conversations_for(ticket)
    assert conversation.assignment == {"type": "queue", "target": "SOPORTE"}


async def test_a_ticket_without_a_phone_tells_the_agent_what_is_missing(case: SupportCase) -> None:
    """No conversation is started, and the ticket itself says why, in words."""
    ticket = await case.customer_opens_a_ticket("Sin teléfono", phone="")
    told = await case.has_failed(ticket)
    assert told["says"] == "no conversation could be started"

    assert case.conversations_for(ticket) == []
    [note] = await case.notes_on(ticket)
    in_words = note["comment"].splitlines()[0]
    assert in_words == "No conversation was started in Jelou: the ticket has no usable phone number in requester.phone."
    assert (await case.agent_looks_at(ticket))["custom_jelou_conversation_id"] in {"", None}


async def test_braces_are_only_text(case: SupportCase) -> None:
    """What looks like a template, in a title or in an agent's words, is not filled in and breaks nothing."""
    title = "{{ 7 * 7 }} {% now 'Y' %} ${HOME} {requester}"
    ticket = await case.customer_opens_a_ticket(title)
    await case.is_opened(ticket)
    [conversation] = case.conversations_for(ticket)
    assert conversation.initial_message == f"Hola, recibimos su caso: {title}"

    await case.agent_writes(ticket, "Use {{ nombre }}, {% x %} y { así }.", public=False)
    told = await case.has_ignored(ticket, 2)
    assert ignored_comments(told).count(OUR_OWN) == 1
    assert len(case.conversations_for(ticket)) == 1
    assert len(await case.notes_on(ticket)) == 1
    assert (await case.agent_looks_at(ticket))["title"] == title
