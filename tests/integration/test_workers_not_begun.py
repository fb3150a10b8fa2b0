"""A ticket that nobody waits for any more starts nothing: solved before its conversation could begin."""

from __future__ import annotations

import pytest

from bridge.twins.faults import Fault
from tests.harness import scene
from tests.outcomes import told
from tests.talk import PHONE, traced

pytestmark = pytest.mark.asyncio

REASON = "the ticket was solved before its conversation began"
SOLVED = {"type": "ticket.solved", "data": {"ticket": {"id": "T-1", "status": "solved"}}}
REOPENED = {"type": "ticket.reopened", "data": {"ticket": {"id": "T-1", "status": "open"}}}


async def test_a_ticket_solved_while_its_start_waits_starts_nothing(redis_url: str, prefix: str) -> None:
    """It is read when the pause ends. Reopened, its first conversation begins."""
    async with scene(redis_url, prefix) as on:
        store = on.bridge.app.store
        await store.pause("zendesk/acme", "now")
        ticket = on.zendesk.open_ticket("Hola", PHONE).id
        await traced(on, ticket, "waiting", reason="the account is paused")
        on.zendesk.change(ticket, status="solved")
        await traced(on, ticket, "received", event="ticket.solved")
        for lane in await store.resume("zendesk/acme"):
            await on.bridge.app.queue.wake(lane)
        await traced(on, ticket, "ignored", event="ticket.opened", reason=REASON)
        assert not on.jelou.ledger.conversations
        on.zendesk.change(ticket, status="open")
        await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        assert len(on.jelou.ledger.conversations) == 1


@pytest.mark.parametrize("reopened", [True, False])
async def test_a_ticket_that_cannot_be_read_goes_by_what_came_behind(
    redis_url: str, prefix: str, reopened: bool
) -> None:
    """The helpdesk has no call to ask: the last that it told counts."""
    async with scene(redis_url, prefix) as on:
        store = on.bridge.app.store
        await store.pause("standard-webhooks/scripts", "now")
        await on.scripted("T-1", status="open")
        await on.bridge.traced("standard-webhooks", "scripts", "T-1", lambda trace: bool(told(trace, "waiting")))
        await on.signed(SOLVED, "msg-solved")
        if reopened:
            await on.signed(REOPENED, "msg-open")
        for lane in await store.resume("standard-webhooks/scripts"):
            await on.bridge.app.queue.wake(lane)
        if reopened:
            await on.until_phase("T-1", "open")
        else:
            await on.bridge.traced(
                "standard-webhooks", "scripts", "T-1", lambda trace: bool(told(trace, "ignored", reason=REASON))
            )
        assert len(on.jelou.ledger.conversations) == int(reopened)


async def test_a_ticket_that_is_solved_when_it_is_read_starts_nothing(redis_url: str, prefix: str) -> None:
    """Its webhook was late: by now nobody waits."""
    async with scene(redis_url, prefix) as on:
        on.zendesk.faults.sometimes("get_ticket", Fault.named("slow", delay_s=0.3), 1.0)
        ticket = on.zendesk.open_ticket("Hola", PHONE).id
        on.zendesk.change(ticket, status="closed")
        await traced(on, ticket, "ignored", event="ticket.opened", reason=REASON)
        assert not on.jelou.ledger.conversations
