"""Support cases from the ticket to the note at the end, with a real django-helpdesk, real processes and a real Valkey.

Everything goes over the helpdesk's own API and its own webhooks; only Jelou is a twin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.acceptance.support_case import (
    GOODBYE,
    REOPENED,
    RESOLVED,
    URGENT,
    USER_ID,
    ignored_comments,
    support_case,
)
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
    assert in_words.startswith("No conversation was started in Jelou: the ticket has no usable phone number")
    assert "requester.phone" in in_words
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


async def test_a_whole_support_case(case: SupportCase) -> None:
    """Both write, the agent resolves and reopens, Jelou's operator closes: each message is there once and in order."""
    ticket = await case.customer_opens_a_ticket("No puedo facturar", phone="+593 99 111 2233")
    await case.is_opened(ticket)

    # The agent answers: what is public reaches the customer, with its file as a link; what is private does not.
    await case.agent_writes(ticket, "Hola, soy Marta.", public=True)
    await case.agent_writes(ticket, "Cliente difícil, con paciencia.", public=False)
    guide = await case.agent_sends(ticket, "Aquí está la guía.", "guia.txt", b"1. Entrar. 2. Facturar.")
    answers = ["Hola, soy Marta.", f"Aquí está la guía.\nguia.txt: {guide}"]
    await case.customer_hears(ticket, answers)

    # The customer writes three times in a row: one follow-up. A photo is a link that an agent can open.
    case.customer_writes(ticket, "Gracias", "Lo intento", "No funciona")
    words = "Gracias\nLo intento\nNo funciona"
    await case.agent_reads(ticket, words)
    case.customer_sends(ticket, "image", url="https://files.example.com/error.jpg", mime_type="image/jpeg")
    photo = "Image: https://files.example.com/error.jpg"
    await case.agent_reads(ticket, words, photo)

    # The agent resolves the ticket: goodbye, the end, and one note that tells how it went.
    await case.agent_sets(ticket, RESOLVED)
    told = await case.is_closed(ticket)
    [first] = case.conversations_for(ticket)
    assert (first.state, case.heard(ticket)) == ("closed", [[*answers, GOODBYE]])
    package = [
        *("Agent: Hola, soy Marta.", "Agent: Aquí está la guía.", f"guia.txt: {guide}"),
        *("Customer: Gracias", "Customer: Lo intento", "Customer: No funciona", f"Customer: {photo}"),
        f"Agent: {GOODBYE}",
    ]
    assert await case.packages_on(ticket) == ["\n".join(package)]
    assert (told["episode"], told["past"], told["to_say"], told["ending"]) == (1, [], 0, "")

    # It is reopened: a new conversation, of which the one before knows nothing.
    await case.agent_sets(ticket, REOPENED)
    told = await case.is_opened(ticket)
    first, second = case.conversations_for(ticket)
    assert (told["episode"], told["conversation"], second.state) == (2, second.id, "active")
    assert [(one["episode"], one["conversation"]) for one in told["past"]] == [(1, first.id)]
    await case.agent_writes(ticket, "¿Le sirvió?", public=True)
    await case.customer_hears(ticket, [*answers, GOODBYE], ["¿Le sirvió?"])
    case.customer_writes(ticket, "Sí, ya facturo.")
    await case.agent_reads(ticket, words, photo, "Sí, ya facturo.")

    # Jelou's operator closes it: the ticket is resolved, and the second conversation has a note of its own.
    case.operator_closes(ticket)
    await case.is_closed(ticket)
    assert (await case.agent_looks_at(ticket))["status"] == RESOLVED
    again = "Agent: ¿Le sirvió?\nCustomer: Sí, ya facturo."
    assert await case.packages_on(ticket) == ["\n".join(package), again]
    assert case.heard(ticket) == [[*answers, GOODBYE], ["¿Le sirvió?"]]
    await case.agent_reads(ticket, words, photo, "Sí, ya facturo.")
