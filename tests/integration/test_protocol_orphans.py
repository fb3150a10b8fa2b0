"""Orphans: an event before its link and the finish that creates the link do not miss each other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.steps import LANE, PROJECT

if TYPE_CHECKING:
    from tests.steps import Steps


async def test_an_event_without_a_ticket_is_kept_and_listed(steps: Steps) -> None:
    """It is accepted, wakes nobody, and stands among the project's orphans by the time it came."""
    accepted = await steps.told("start", conversation="c1")
    assert (accepted.status, accepted.ticket, accepted.wake) == ("orphaned", "", ())
    assert await steps.orphans("c1") == ["start"]
    assert await steps.redis.zscore(steps.key("orphans", PROJECT), "c1") == steps.now


async def test_an_event_that_names_no_conversation_is_listed_by_its_contact(steps: Steps) -> None:
    """Somebody can still find it by the person."""
    await steps.told("close", conversation="", contact="ana", kind="close")
    assert await steps.orphans("ana") == ["close"]


async def test_the_event_first_then_the_finish(steps: Steps) -> None:
    """The finish that names the conversation adopts what came before it, and looks again at once."""
    claimed = await steps.held()
    await steps.told("close", conversation="c1", kind="close")
    await steps.told("hello", conversation="c1", kind="message")
    await steps.finish(claimed, adopt=("c1",))
    assert await steps.due_in_ms() == 0
    [claimed] = (await steps.claim()).tickets
    assert (claimed.evidence, claimed.inbox) == ((b"close",), (b"hello",))
    assert await steps.orphans("c1") == []
    assert await steps.redis.zcard(steps.key("orphans", PROJECT)) == 0
    assert (await steps.timeline())[-2:] == ["by conversation", "by conversation"]


async def test_the_finish_first_then_the_event(steps: Steps) -> None:
    """The event finds the conversation in the index."""
    await steps.finish(await steps.held(), adopt=("c1",))
    accepted = await steps.told("close", conversation="c1", kind="close")
    assert (accepted.ticket, accepted.by) == ("t", "conversation")
    assert await steps.evidence() == ["close"]


@pytest.mark.parametrize("turn", range(8))
async def test_both_at_once_do_not_miss_each_other(steps: Steps, turn: int) -> None:
    """Whichever script runs first, the event ends with the ticket and the ticket is due."""
    claimed = await steps.held()
    both = [steps.finish(claimed, adopt=("c1",)), steps.told("close", conversation="c1", kind="close")]
    await asyncio.gather(*(both if turn % 2 else reversed(both)))
    assert await steps.evidence() == ["close"]
    assert await steps.orphans("c1") == []
    assert await steps.due_in_ms() == 0


@pytest.mark.parametrize("wait", ["backoff", "firm"])
async def test_adopted_evidence_ends_the_wait_of_the_same_finish(steps: Steps, wait: str) -> None:
    """The start event that a ticket is about to wait for may be among the orphans."""
    claimed = await steps.held()
    await steps.told("start", conversation="c1")
    await steps.finish(claimed, adopt=("c1",), wait=wait, due_in_ms=60_000)
    assert await steps.due_in_ms() == 0


async def test_adoption_keeps_the_facts(steps: Steps) -> None:
    """A repeat of an adopted event stays a repeat."""
    claimed = await steps.held()
    await steps.told("close", conversation="c1", kind="close", fact="closed")
    await steps.finish(claimed, adopt=("c1",))
    await steps.told("close again", conversation="c1", kind="close", fact="closed")
    assert await steps.evidence() == ["close"]
    assert (await steps.timeline())[-1] == "by repeated"


async def test_an_orphan_told_twice_is_adopted_once(steps: Steps) -> None:
    """Among the orphans nobody knows facts yet; the adoption does."""
    claimed = await steps.held()
    for event in ("close", "close again"):
        await steps.told(event, conversation="c1", kind="close", fact="closed")
    await steps.finish(claimed, adopt=("c1",))
    assert await steps.evidence() == ["close"]


async def test_an_orphan_whose_fact_the_ticket_knows_is_not_adopted(steps: Steps) -> None:
    """The same event came before, by our metadata."""
    await steps.told("start", ticket="t", conversation="c1", fact="started")
    await steps.told("start without metadata", conversation="c1", fact="started")
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed, adopt=("c1",))
    assert await steps.evidence() == []
    assert await steps.due_in_ms() is None


async def test_orphans_are_adopted_by_the_conversations_own_ticket(steps: Steps) -> None:
    """A ticket that only shares the conversation leaves them."""
    first, second = await steps.held(ticket="first"), await steps.held(ticket="second")
    await steps.finish(first, adopt=("c1",))
    await steps.redis.delete(steps.key("conversation", PROJECT, "c1"))
    await steps.told("close", conversation="c1", kind="close")
    await steps.redis.set(steps.key("conversation", PROJECT, "c1"), "first")
    await steps.finish(second, adopt=("c1",))
    assert await steps.evidence("second") == []
    assert await steps.orphans("c1") == ["close"]


async def test_a_finish_adopts_each_conversation_it_names(steps: Steps) -> None:
    """A start that was tried again may have made two."""
    claimed = await steps.held()
    await steps.told("one", conversation="c1", kind="close")
    await steps.told("two", conversation="c2", kind="close")
    await steps.finish(claimed, adopt=("c1", "c2"))
    assert await steps.evidence() == ["one", "two"]


async def test_an_adoption_wakes_a_lane_that_sleeps(steps: Steps) -> None:
    """The job that claimed the ticket is gone; the finish says who is to be woken."""
    claimed = await steps.held()
    await steps.told("close", conversation="c1", kind="close")
    await steps.store.sleep(LANE, "job")
    assert (await steps.finish(claimed, adopt=("c1",))).wake == (LANE,)
