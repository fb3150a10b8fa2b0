"""A public reply that the helpdesk's list does not show yet is neither private nor gone: it is asked for again."""

from __future__ import annotations

import pytest

from tests.clocks import WallClock
from tests.harness import eventually, scene
from tests.outcomes import told
from tests.talk import QUICK, USER, heard, hears, open_ticket, traced

pytestmark = pytest.mark.asyncio

SAYS = {
    "en": "was not sent to the customer: the helpdesk told the bridge of it",
    "es": "no se envió al cliente: la mesa de ayuda avisó",
    "pt": "não foi enviada ao cliente: a central de ajuda avisou",
}


async def test_a_reply_that_is_shown_later_is_said_once(redis_url: str, prefix: str) -> None:
    """With the one behind it, in order."""
    async with scene(redis_url, prefix, zendesk=QUICK) as on:
        ticket, conversation = await open_ticket(on)
        on.zendesk.settings.comments_lag_s = 60.0
        on.zendesk.agent_writes(ticket, "uno")
        await traced(on, ticket, "waiting", reason="the helpdesk does not show the reply yet")
        on.zendesk.agent_writes(ticket, "dos")
        await traced(on, ticket, "received", event="agent.replied")
        assert heard(conversation) == []
        on.zendesk.settings.comments_lag_s = 0.0
        await hears(conversation, "uno", "dos")


@pytest.mark.parametrize("language", ["en", "es", "pt"])
async def test_a_reply_that_is_never_shown_is_told_and_kept(redis_url: str, prefix: str, language: str) -> None:
    """The note has the true reason, the letter the event; and the ticket goes on."""
    clock = WallClock()
    async with scene(redis_url, prefix, zendesk={**QUICK, "language": language}, adapted=clock) as on:
        ticket, conversation = await open_ticket(on)
        on.zendesk.settings.comments_lag_s = 3600.0
        on.zendesk.agent_writes(ticket, "uno")
        await traced(on, ticket, "waiting", reason="the helpdesk does not show the reply yet")
        clock.ahead_ms = 41_000
        on.jelou.customer_writes(USER, "hola")
        trace = await traced(on, ticket, "buried", reason="the helpdesk does not show the reply")
        assert told(trace, "ignored", reason="a private note stays in the helpdesk") == []

        async def noted() -> bool:
            return sum(SAYS[language] in note for note in on.zendesk.notes(ticket)) == 1

        await eventually(noted, lambda: str(on.zendesk.notes(ticket)))
        on.zendesk.settings.comments_lag_s = 0.0
        on.zendesk.agent_writes(ticket, "dos")
        await hears(conversation, "dos")


async def test_a_reply_made_private_is_not_waited_for(redis_url: str, prefix: str) -> None:
    """What is shown is taken as it is shown."""
    async with scene(redis_url, prefix) as on:
        ticket, conversation = await open_ticket(on)
        on.zendesk.agent_writes(ticket, "nota", public=False)
        on.zendesk.agent_writes(ticket, "uno")
        await hears(conversation, "uno")
        trace = await traced(on, ticket, "ignored", reason="a private note stays in the helpdesk")
        assert told(trace, "waiting", reason="the helpdesk does not show the reply yet") == []
