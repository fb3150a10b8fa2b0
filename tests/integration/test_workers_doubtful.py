"""A message of unknown fate is told as that, whatever ends its tries: the agent decides whether to write it again."""

from __future__ import annotations

import pytest

from bridge.twins.faults import Fault
from tests.harness import eventually, scene
from tests.outcomes import told
from tests.talk import USER, closed, heard, open_ticket, traced

pytestmark = pytest.mark.asyncio

NO_STATUS = {"write_back": {"closed_status": ""}}
UNKNOWN = {
    "en": "It is not known whether your message",
    "es": "No se sabe si su mensaje",
    "pt": "Não se sabe se a sua mensagem",
}
UNSENT = {"en": "did not reach", "es": "no llegó al cliente", "pt": "não chegou ao cliente"}


@pytest.mark.parametrize("language", ["en", "es", "pt"])
async def test_a_message_of_unknown_fate_whose_conversation_ends(redis_url: str, prefix: str, language: str) -> None:
    """It had arrived and its answer was lost: the note says unknown. The one behind it did not go, and is told so."""
    async with scene(redis_url, prefix, zendesk={**NO_STATUS, "language": language}) as on:
        ticket, conversation = await open_ticket(on)
        on.jelou.faults.next("send", Fault(accept=True, status=500, delay_s=0.6))
        on.zendesk.agent_writes(ticket, "uno")
        await traced(on, ticket, "sending", action="say.to.customer")
        on.zendesk.agent_writes(ticket, "dos")
        await traced(on, ticket, "received", event="agent.replied")
        on.jelou.close(USER)
        await closed(on, ticket)
        assert heard(conversation) == ["uno"]

        async def noted() -> bool:
            notes = on.zendesk.notes(ticket)
            return all(sum(text[language] in note for note in notes) == 1 for text in (UNKNOWN, UNSENT))

        await eventually(noted, lambda: str(on.zendesk.notes(ticket)))


async def test_a_refusal_after_an_unanswered_try_does_not_undo_that_try(redis_url: str, prefix: str) -> None:
    """The first try may have arrived: what Jelou says of the second is no proof that it did not."""
    async with scene(redis_url, prefix) as on:
        ticket, _ = await open_ticket(on)
        on.jelou.faults.next("send", Fault.named("reset_after_accepting"))
        on.jelou.faults.next("send", Fault(status=422))
        on.zendesk.agent_writes(ticket, "uno")
        await traced(on, ticket, "buried")

        async def noted() -> bool:
            return any(UNKNOWN["en"] in note for note in on.zendesk.notes(ticket))

        await eventually(noted, lambda: str(on.zendesk.notes(ticket)))
        assert not any(UNSENT["en"] in note for note in on.zendesk.notes(ticket))


async def test_a_message_that_certainly_did_not_go_is_told_as_that(redis_url: str, prefix: str) -> None:
    """A refusal of its first try is certain."""
    async with scene(redis_url, prefix) as on:
        ticket, _ = await open_ticket(on)
        on.jelou.faults.next("send", Fault(status=422))
        on.zendesk.agent_writes(ticket, "uno")
        trace = await traced(on, ticket, "buried")
        assert told(trace, "refused", action="say.to.customer") != []

        async def noted() -> bool:
            return any(UNSENT["en"] in note for note in on.zendesk.notes(ticket))

        await eventually(noted, lambda: str(on.zendesk.notes(ticket)))
