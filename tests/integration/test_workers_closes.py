"""A close event that names no conversation was found by room or person: it ends what it is of, and nothing else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson
import pytest

from bridge.twins.jelou_events import signed_headers
from tests.harness import PROJECT, scene
from tests.outcomes import HELD, told
from tests.talk import USER, closed, hears, open_ticket, traced

if TYPE_CHECKING:
    from bridge.twins.ledger import Conversation
    from tests.harness import Scene

pytestmark = pytest.mark.asyncio


async def told_of_an_end(on: Scene, conversation: Conversation, at_ms: int = 0) -> None:
    """Jelou's close event as it may come: with room, bot and contact, and without the conversation."""
    about = {
        "event": "conversation.close",
        "room_id": conversation.room_id,
        "bot": {"id": conversation.bot_id},
        "contact": {"id": conversation.user_id},
        "value": {"reason": "closed_by_operator"},
    }
    body = orjson.dumps(about | ({"timestamp": at_ms} if at_ms else {}))
    assert on.jelou.integration
    status, _ = await on.bridge.post(
        f"/webhooks/jelou/{PROJECT}", body, signed_headers(on.jelou.integration, body, rightly=True)
    )
    assert status == 202


@pytest.mark.parametrize("timed", [True, False])
async def test_a_late_close_of_the_episode_before_ends_nothing(redis_url: str, prefix: str, timed: bool) -> None:
    """Signed before the next conversation began, or without a time: the ticket is neither ended nor solved."""
    async with scene(redis_url, prefix) as on:
        ticket, first = await open_ticket(on)
        on.jelou.faults.next_event(HELD, "close")
        on.zendesk.change(ticket, status="solved")
        await closed(on, ticket)
        ended_ms = int(time.time() * 1000)
        on.zendesk.change(ticket, status="open")
        trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        second = on.jelou.ledger.conversations[trace["conversation"]]
        await told_of_an_end(on, first, ended_ms if timed else 0)
        if timed:
            await traced(on, ticket, "ignored", reason="it is older than the ticket's conversation")
        else:
            await traced(on, ticket, "answered", action="get.conversation", state="active")
        on.zendesk.agent_writes(ticket, "Retomamos su caso")
        await hears(second, "Retomamos su caso")
        assert on.zendesk.desk.ticket(ticket).status == "open"


@pytest.mark.parametrize("timed", [True, False])
async def test_a_close_without_an_id_ends_what_jelou_has_as_closed(redis_url: str, prefix: str, timed: bool) -> None:
    """With its reason, and the ticket is solved as by any other close event."""
    async with scene(redis_url, prefix) as on:
        ticket, conversation = await open_ticket(on)
        on.jelou.faults.next_event(HELD, "close")
        on.jelou.close(USER)
        await told_of_an_end(on, conversation, int(time.time() * 1000) + 1 if timed else 0)
        trace = await closed(on, ticket)
        assert trace["reason"] == "closed_by_operator"
        assert len(told(trace, "answered", action="get.conversation")) == 1
        assert on.zendesk.desk.ticket(ticket).status == "solved"


async def test_our_own_close_leaves_no_orphan_where_jelou_tells_no_id(redis_url: str, prefix: str) -> None:
    """The ticket that has ended knows of it, and nothing comes of it."""
    async with scene(redis_url, prefix) as on:
        ticket, conversation = await open_ticket(on)
        on.jelou.faults.next_event(HELD, "close")
        on.zendesk.change(ticket, status="solved")
        await closed(on, ticket)
        await told_of_an_end(on, conversation)
        trace = await traced(on, ticket, "ignored", event="conversation.close", reason="the link is closed")
        assert trace["phase"] == "closed"
