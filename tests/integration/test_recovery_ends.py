"""Redis loses how a conversation ended: the ticket keeps the status that its agent gave it, and its next episode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.domain import EndAsked
from tests.harness import eventually
from tests.lost_data import NOTES, forgetful, on_its_own, restored
from tests.outcomes import told
from tests.talk import USER, closed, hand_in, open_ticket, traced

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness import Scene

ACME: dict[str, str] = {"kind": "zendesk", "account": "acme"}


async def has_status(on: Scene, ticket: int, status: str) -> None:
    """Until the ticket has this status."""

    async def has() -> bool:
        return on.zendesk.desk.ticket(ticket).status == status

    await eventually(has, lambda: on.zendesk.desk.ticket(ticket).status)


@pytest.mark.parametrize("remembered", [True, False])
async def test_a_close_of_ours_does_not_solve_a_reopened_ticket(tmp_path: Path, remembered: bool) -> None:
    """Jelou's event of it comes again, and reads as if an operator had ended the conversation.

    Whether the worker still knows of its close and of the next start or not.
    """
    async with on_its_own(tmp_path, zendesk=NOTES) as bridge:
        on = bridge.on
        ticket, _ = await open_ticket(on)
        copy = bridge.copy("open")
        on.zendesk.change(ticket, status="solved")
        await closed(on, ticket)
        on.zendesk.change(ticket, status="open")
        before = await on.until_phase(str(ticket), "open", **ACME)
        if not remembered:
            forgetful(bridge, deliveries=False)
        await restored(bridge.server, copy)
        await bridge.noticed("rolled back")
        trace = await traced(on, ticket, "ignored", event="ticket.reopened")
        assert (trace["phase"], trace["conversation"]) == ("open", before["conversation"])
        assert told(trace, "sending", action="set.status") == []
        assert on.zendesk.desk.ticket(ticket).status == "open"
        assert on.jelou.ledger.conversations[before["conversation"]].state == "active"


async def test_a_worker_tells_that_the_ticket_had_asked_for_the_end(tmp_path: Path) -> None:
    """Though Jelou's event was told again before: the status waits until all workers have told what they had done."""
    async with on_its_own(tmp_path, zendesk=NOTES) as bridge:
        on = bridge.on
        ticket, conversation = await open_ticket(on)
        copy = bridge.copy("open")
        on.zendesk.change(ticket, status="solved")
        await closed(on, ticket)
        forgetful(bridge, deliveries=False)
        await bridge.gone_worker()
        await restored(bridge.server, copy)
        await traced(on, ticket, "moved", phase="closed")
        await hand_in(on, f"zendesk/acme/{ticket}", EndAsked(conversation.id))
        trace = await traced(on, ticket, "skipped", key="1:closed", how="the ticket itself had asked for the end")
        assert told(trace, "sending", action="set.status") == []


async def test_a_status_that_nobody_can_vouch_for_is_left_to_the_agent(tmp_path: Path) -> None:
    """A worker of before never tells: the ticket may have asked for the end, and be open again."""
    async with on_its_own(tmp_path, zendesk=NOTES) as bridge:
        on = bridge.on
        ticket, _ = await open_ticket(on)
        copy = bridge.copy("open")
        await bridge.gone_worker()
        await on.bridge.lanes.drain()
        on.jelou.close(USER)
        await on.jelou.settle()
        await restored(bridge.server, copy)
        on.bridge.lanes.draining = False
        trace = await traced(on, ticket, "skipped", key="1:closed")
        assert told(trace, "sending", action="set.status") == []
        await closed(on, ticket)
        assert any(note.startswith("Conversation ended") for note in on.zendesk.notes(ticket))


async def test_an_end_at_jelou_that_redis_lost_still_solves_the_ticket(tmp_path: Path) -> None:
    """All that could have known better have told: it was Jelou's operator."""
    async with on_its_own(tmp_path, zendesk=NOTES) as bridge:
        on = bridge.on
        ticket, _ = await open_ticket(on)
        copy = bridge.copy("open")
        await on.bridge.lanes.drain()
        on.jelou.close(USER)
        await on.jelou.settle()
        await restored(bridge.server, copy)
        on.bridge.lanes.draining = False
        await has_status(on, ticket, "solved")


async def test_an_end_that_is_known_again_is_looked_at_again(tmp_path: Path) -> None:
    """The copy knows the ticket as just read, and its conversation as just looked at; both are long past.

    Nobody remembers the next episode: a close would hit its conversation, since it names a person.
    """
    slow: dict[str, Any] = {"calls_per_s": 1.0}
    async with on_its_own(tmp_path, zendesk=NOTES, jelou=slow) as bridge:
        on = bridge.on
        ticket, _ = await open_ticket(on)
        on.zendesk.change(ticket, status="solved")
        await on.bridge.traced("zendesk", "acme", str(ticket), _looked)
        copy = bridge.copy("to be closed")
        await closed(on, ticket)
        on.zendesk.change(ticket, status="open")
        before = await on.until_phase(str(ticket), "open", **ACME)
        forgetful(bridge)
        await restored(bridge.server, copy)
        trace = await traced(on, ticket, "ignored", reason="the ticket is not solved any more")
        assert told(trace, "sending", action="close.conversation") == []
        assert on.jelou.ledger.conversations[before["conversation"]].state == "active"


async def test_an_end_that_is_known_again_is_read_once(tmp_path: Path) -> None:
    """The ticket is solved as before: its conversation is closed, and the helpdesk is not asked over and over."""
    slow: dict[str, Any] = {"calls_per_s": 1.0}
    async with on_its_own(tmp_path, zendesk=NOTES, jelou=slow) as bridge:
        on = bridge.on
        ticket, conversation = await open_ticket(on)
        on.zendesk.change(ticket, status="solved")
        before = await on.bridge.traced("zendesk", "acme", str(ticket), _looked)
        copy = bridge.copy("to be closed")
        await on.scripted("lost", phone="+593987000009")
        await restored(bridge.server, copy)
        await bridge.noticed("rolled back")
        trace = await closed(on, ticket)
        assert conversation.state == "closed"
        assert len(told(trace, "fetched")) == len(told(before, "fetched")) + 1


def _looked(trace: dict[str, Any]) -> bool:
    """Whether the conversation was looked at, and its close waits for the pace."""
    return bool(told(trace, "answered", action="get.conversation")) and trace["timeline"][-1]["what"] == "waiting"
