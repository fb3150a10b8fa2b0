"""A helpdesk that does not tell what a ticket's status was before: what is open now may have been solved, or not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.domain import TicketReopened, Unrecognised
from bridge.helpdesks.zendesk import Zendesk
from tests.harness import eventually, scene
from tests.listed import listing
from tests.outcomes import told
from tests.talk import USER, closed, open_ticket, traced

if TYPE_CHECKING:
    from bridge.accounts import Account
    from bridge.domain import TicketEvent, Verified

pytestmark = pytest.mark.asyncio


class Forgetful(Zendesk):
    """The dialect of Zendesk, blind to the status before."""

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """The events; each change to a status that is not ended as a guess."""
        return [_guess(event) for event in super().read(verified, account, account_name)]


def _guess(event: TicketEvent) -> TicketEvent:
    if isinstance(event, Unrecognised) and event.ref and event.told == "ticket.status_changed":
        return TicketReopened(event.ref, event.fact, "open", event.by_bridge, guessed=True)
    return replace(event, guessed=True) if isinstance(event, TicketReopened) else event


def forgetful() -> Any:
    """A bridge with that dialect."""
    return listing(Forgetful())


async def test_a_ticket_that_had_ended_its_conversation_begins_the_next(redis_url: str, prefix: str) -> None:
    """It was solved, and is open: that is enough to know."""
    async with scene(redis_url, prefix, adapted=forgetful()) as on:
        ticket, _ = await open_ticket(on)
        on.zendesk.change(ticket, status="solved")
        await closed(on, ticket)
        on.zendesk.change(ticket, status="open")
        trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        assert trace["episode"] == 2


async def test_a_ticket_that_the_bridge_solved_begins_the_next(redis_url: str, prefix: str) -> None:
    """Jelou ended the conversation, so the ticket was solved: a person who opens it again wants one more."""
    async with scene(redis_url, prefix, adapted=forgetful()) as on:
        ticket, _ = await open_ticket(on)
        on.jelou.close(USER)
        await closed(on, ticket)

        async def solved() -> bool:
            return on.zendesk.desk.ticket(ticket).status == "solved"

        await eventually(solved)
        await traced(on, ticket, "ignored", event="ticket.solved")
        on.zendesk.change(ticket, status="open")
        trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        assert trace["episode"] == 2


async def test_a_ticket_that_stayed_open_begins_nothing(redis_url: str, prefix: str) -> None:
    """Jelou ended the conversation and nobody solved the ticket: its next change must not call the customer again."""
    async with scene(redis_url, prefix, adapted=forgetful(), zendesk={"write_back": {"closed_status": ""}}) as on:
        ticket, _ = await open_ticket(on)
        on.jelou.close(USER)
        await closed(on, ticket)
        on.zendesk.change(ticket, status="pending")
        trace = await traced(on, ticket, "ignored", event="ticket.reopened", reason="the ticket was not solved before")
        assert (trace["phase"], trace["episode"]) == ("closed", 1)


async def test_a_guess_does_not_hold_up_an_end(redis_url: str, prefix: str) -> None:
    """A late word of an earlier change leaves a conversation that goes on as it is."""
    async with scene(redis_url, prefix, adapted=forgetful()) as on:
        ticket, conversation = await open_ticket(on)
        on.zendesk.change(ticket, status="pending")
        trace = await traced(on, ticket, "ignored", event="ticket.reopened", reason="its conversation goes on")
        assert told(trace, "sending", action="close.conversation") == []
        on.zendesk.change(ticket, status="solved")
        await closed(on, ticket)
        assert conversation.state == "closed"
