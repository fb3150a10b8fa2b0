"""Accepting: once per delivery and once per fact, in order, in one step with the word that wakes the lane."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.steps import LANE

if TYPE_CHECKING:
    from tests.steps import Steps


async def test_an_accepted_event_is_stored_due_and_told(steps: Steps) -> None:
    """One step leaves the event in the inbox, the ticket due now in its lane, and a line on its timeline."""
    accepted = await steps.accept("opened")
    assert (accepted.status, accepted.wake) == ("accepted", (LANE,))
    assert await steps.inbox() == ["opened"]
    assert await steps.due_in_ms() == 0
    assert await steps.timeline() == ["received opened"]


async def test_a_tickets_events_keep_the_order_they_came_in(steps: Steps) -> None:
    """What a claim brings is in the order of the deliveries."""
    for event in ("first", "second", "third"):
        await steps.accept(event)
    [claimed] = (await steps.claim()).tickets
    assert claimed.inbox == (b"first", b"second", b"third")


async def test_a_burst_of_events_sends_one_job(steps: Steps) -> None:
    """While a job is on its way, nobody sends another for the same lane."""
    woken = [accepted.wake for accepted in await asyncio.gather(*(steps.accept(ticket=f"t{n}") for n in range(5)))]
    assert sorted(woken) == [(), (), (), (), (LANE,)]


async def test_another_lane_is_woken_for_itself(steps: Steps) -> None:
    """A lane that is awake says nothing of another."""
    await steps.accept()
    assert (await steps.accept(ticket="u", lane="other")).wake == ("other",)


async def test_one_delivery_may_bring_events_of_several_tickets(steps: Steps) -> None:
    """All of them are stored in the same step, and each lane is named once."""
    items = [steps.incoming(ticket="a"), steps.incoming(ticket="b"), steps.incoming(ticket="c", lane="other")]
    accepted = await steps.deliver(*items)
    assert accepted.wake == (LANE, "other")
    assert [len(await steps.inbox(ticket)) for ticket in "abc"] == [1, 1, 1]


async def test_an_event_that_asks_for_nothing_is_only_told(steps: Steps) -> None:
    """No worker sees it: it leaves a line, and neither work nor a waking lane."""
    accepted = await steps.deliver(replace(steps.incoming("echo"), event=""))
    assert (accepted.status, accepted.wake) == ("accepted", ())
    assert await steps.timeline() == ["received echo"]
    assert await steps.inbox() == []
    assert await steps.due_in_ms() is None


# --- once per delivery -----------------------------------------------------------------------------------------------


async def test_a_delivery_told_again_is_a_duplicate_with_the_first_id(steps: Steps) -> None:
    """After a lost answer the sender tells it again; it is answered with the first id and changes nothing."""
    await steps.deliver(steps.incoming("opened"), seen="s", delivery="first")
    again = await steps.deliver(steps.incoming("opened"), seen="s", delivery="second")
    assert (again.status, again.id, again.wake) == ("duplicate", "first", ())
    assert await steps.inbox() == ["opened"]
    assert await steps.timeline() == ["received opened"]


async def test_an_event_of_jelous_told_again_is_a_duplicate_with_the_first_id(steps: Steps) -> None:
    """The same holds for Jelou's events, those without a ticket included."""
    await steps.told(ticket="t", seen="s", delivery="first")
    again = await steps.told(ticket="t", seen="s", delivery="second")
    assert (again.status, again.id) == ("duplicate", "first")
    assert len(await steps.evidence()) == 1
    await steps.told(conversation="c9", seen="orphan", delivery="first")
    again = await steps.told(conversation="c9", seen="orphan", delivery="second")
    assert (again.status, again.id) == ("duplicate", "first")
    assert len(await steps.orphans("c9")) == 1


async def test_many_copies_at_once_are_accepted_once(steps: Steps) -> None:
    """Copies that arrive together leave one event."""
    copies = (steps.deliver(steps.incoming("opened"), seen="s") for _ in range(8))
    statuses = [accepted.status for accepted in await asyncio.gather(*copies)]
    assert sorted(statuses) == ["accepted"] + ["duplicate"] * 7
    assert await steps.inbox() == ["opened"]


async def test_what_was_seen_is_forgotten_in_time(steps: Steps) -> None:
    """The key of a delivery expires after the time its sender was given; facts hold for ever."""
    await steps.deliver(steps.incoming("opened", fact="opened"), seen="theirs", ttl_s=600)
    await steps.told(ticket="t", seen="jelous", ttl_s=60)
    assert 0 < await steps.redis.ttl(steps.key("seen", "theirs")) <= 600
    assert 0 < await steps.redis.ttl(steps.key("seen", "jelous")) <= 60
    assert await steps.redis.ttl(steps.key("facts", "t")) == -1


# --- once per fact ---------------------------------------------------------------------------------------------------


async def test_a_fact_told_by_another_delivery_is_accepted_and_not_worked_twice(steps: Steps) -> None:
    """A trigger and a native event tell the same thing: the second is a line on the timeline."""
    await steps.accept("native", fact="opened")
    again = await steps.accept("trigger", fact="opened")
    assert (again.status, again.wake) == ("accepted", ())
    assert await steps.inbox() == ["native"]
    assert await steps.timeline() == ["received native", "repeated trigger"]


async def test_a_fact_belongs_to_its_ticket(steps: Steps) -> None:
    """Every ticket is opened once, so the same words for another ticket are news."""
    await steps.accept(fact="opened")
    await steps.accept(fact="opened", ticket="u")
    assert len(await steps.inbox("u")) == 1


async def test_an_event_without_a_fact_is_always_news(steps: Steps) -> None:
    """Where a sender tells nothing to know a repeat by, each delivery counts."""
    await steps.accept()
    await steps.accept()
    assert len(await steps.inbox()) == 2


async def test_a_fact_that_was_worked_stays_told(steps: Steps) -> None:
    """A repeat after the finish does not bring the ticket back."""
    await steps.accept(fact="opened")
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed)
    await steps.accept(fact="opened")
    assert await steps.due_in_ms() is None


@pytest.mark.parametrize("kind", ["start", "close", "message"])
async def test_a_fact_of_jelous_counts_once(steps: Steps, kind: str) -> None:
    """The same event in other bytes, with its timestamp changed for example, is told and not worked again."""
    await steps.told(ticket="t", kind=kind, fact="same")
    again = await steps.told(ticket="t", kind=kind, fact="same")
    assert (again.status, again.ticket, again.wake) == ("accepted", "t", ())
    assert len(await steps.evidence()) + len(await steps.inbox()) == 1
    assert await steps.timeline() == ["by ticket", "by repeated"]


# --- what is kept ----------------------------------------------------------------------------------------------------


async def test_a_ticket_stays_in_the_lane_it_began_in(steps: Steps) -> None:
    """A repaired configuration names another lane; the ticket's events do not part."""
    await steps.accept("first")
    await steps.claim()
    await steps.pass_ms(60_000)
    accepted = await steps.accept("second", lane="other")
    assert accepted.wake == ()
    assert await steps.due_in_ms(lane="other") is None
    await steps.accept("third", lane="other")
    [claimed] = (await steps.claim()).tickets
    assert claimed.inbox == (b"first", b"second", b"third")
    await steps.finish(claimed)
    await steps.accept("fourth", lane="other")
    assert await steps.due_in_ms() == 0


async def test_a_timeline_keeps_its_newest_thousand_entries(steps: Steps) -> None:
    """A ticket that loops does not fill the memory."""
    await steps.deliver(*(steps.incoming(f"e{n}") for n in range(1_010)))
    timeline = await steps.timeline()
    assert len(timeline) == 1_000
    assert timeline[-1] == "received e1009"
