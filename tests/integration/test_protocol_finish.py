"""Finishing: what was done is kept, and the ticket is due again only when it has something to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.steps import LANE, LEASES

if TYPE_CHECKING:
    from tests.steps import Steps


async def test_a_ticket_with_nothing_new_leaves_its_lane(steps: Steps) -> None:
    """All it had is worked: it is in no lane and in nobody's hands."""
    finished = await steps.finish(await steps.held())
    assert (finished.done, finished.wake) == (True, ())
    assert await steps.due_in_ms() is None
    assert await steps.inbox() == []
    assert await steps.link() == {"state": '"done"', "lane": LANE}


async def test_a_ticket_is_due_now_where_something_new_came(steps: Steps) -> None:
    """What came during the claim is neither trimmed nor made to wait."""
    claimed = await steps.held("first")
    await steps.accept("second")
    await steps.finish(claimed)
    assert await steps.inbox() == ["second"]
    assert await steps.due_in_ms() == 0


@pytest.mark.parametrize("wait", ["backoff", "firm"])
async def test_a_waiting_ticket_goes_to_its_own_due_time(steps: Steps, wait: str) -> None:
    """Its unfinished event does not make it due at once, or it would spin."""
    claimed = await steps.held()
    await steps.finish(claimed, inbox_done=0, left=1, wait=wait, due_in_ms=7_000)
    assert await steps.due_in_ms() == 7_000
    await steps.pass_ms(6_999)
    assert (await steps.claim()).tickets == ()
    await steps.pass_ms(1)
    assert len((await steps.claim()).tickets) == 1


# --- what ends a wait ------------------------------------------------------------------------------------------------


async def test_a_new_event_ends_plain_backoff(steps: Steps) -> None:
    """It may be what the ticket needed, so there is no reason to wait for it."""
    await steps.waiting("backoff")
    await steps.accept()
    assert await steps.due_in_ms() == 0


async def test_an_event_during_the_claim_ends_plain_backoff(steps: Steps) -> None:
    """It came before the wait began; the finish sees more in the inbox than its claim left."""
    claimed = await steps.held()
    await steps.accept()
    await steps.finish(claimed, inbox_done=0, left=1, wait="backoff", due_in_ms=60_000)
    assert await steps.due_in_ms() == 0


async def test_a_new_event_does_not_end_a_firm_wait(steps: Steps) -> None:
    """An unknown's wait, a Retry-After and a park last as long as they must; nobody is woken."""
    await steps.waiting("firm")
    assert (await steps.accept()).wake == ()
    assert await steps.due_in_ms() == 60_000


async def test_an_event_during_the_claim_does_not_end_a_firm_wait(steps: Steps) -> None:
    """The same where it came just before the wait began."""
    claimed = await steps.held()
    await steps.accept()
    await steps.finish(claimed, inbox_done=0, left=1, wait="firm", due_in_ms=60_000)
    assert await steps.due_in_ms() == 60_000


@pytest.mark.parametrize("kind", ["start", "close"])
async def test_evidence_ends_a_firm_wait(steps: Steps, kind: str) -> None:
    """A start or close event of Jelou's settles what was waited for: the lane is woken."""
    await steps.waiting("firm")
    await steps.store.sleep(LANE, "job")
    assert (await steps.told(ticket="t", kind=kind)).wake == (LANE,)
    assert await steps.due_in_ms() == 0


async def test_a_customers_message_does_not_end_a_firm_wait(steps: Steps) -> None:
    """It settles nothing, so it queues like any event."""
    await steps.waiting("firm")
    await steps.told(ticket="t", kind="message")
    assert await steps.due_in_ms() == 60_000


async def test_evidence_during_the_claim_ends_a_firm_wait(steps: Steps) -> None:
    """It came before the finish that wanted to wait for it."""
    claimed = await steps.held()
    await steps.told("start", ticket="t")
    await steps.finish(claimed, wait="firm", due_in_ms=60_000)
    assert await steps.due_in_ms() == 0
    assert await steps.evidence() == ["start"]


async def test_evidence_that_is_left_does_not_end_the_wait_it_is_left_for(steps: Steps) -> None:
    """A claim that could not work its evidence keeps it and waits; only more evidence ends that wait."""
    await steps.told(ticket="t")
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed, evidence_done=0, evidence_left=1, wait="firm", due_in_ms=60_000)
    assert await steps.due_in_ms() == 60_000
    assert len(await steps.evidence()) == 1
    await steps.told(ticket="t", kind="close")
    assert await steps.due_in_ms() == 0


async def test_a_claim_ends_the_kind_of_wait(steps: Steps) -> None:
    """A firm wait that is over is not held against the next event."""
    await steps.waiting("firm")
    await steps.pass_ms(60_000)
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed)
    await steps.accept()
    assert await steps.due_in_ms() == 0


# --- lost ------------------------------------------------------------------------------------------------------------


async def test_a_finish_whose_lease_was_lost_writes_nothing(steps: Steps) -> None:
    """Another claim holds the ticket: inbox, link, timeline, index and dead letters stay as they are."""
    before = await steps.held("opened")
    await steps.pass_ms(LEASES.ticket_ms)
    await steps.claim()
    link = await steps.link()
    finished = await steps.finish(
        before, entries=("too late",), adopt=("c1",), contact="ana", open=True, bury=(("d1", "dead"),)
    )
    assert (finished.done, finished.wake) == (False, ())
    assert await steps.inbox() == ["opened"]
    assert await steps.link() == link
    assert await steps.timeline() == ["received opened"]
    assert not await steps.redis.exists(
        steps.key("conversation", "soporte", "c1"), steps.key("contact", "ana"), steps.key("dead-letters")
    )


async def test_a_lost_finish_does_not_affect_the_others_of_its_batch(steps: Steps) -> None:
    """Finishes of one round trip are judged one by one."""
    tickets = [await steps.held(ticket=ticket) for ticket in ("a", "b", "c")]
    await steps.pass_ms(LEASES.ticket_ms)
    await steps.store.beat([(one.ticket, one.lane, one.token) for one in (tickets[0], tickets[2])], [])
    await steps.claim()
    finished = await asyncio.gather(*map(steps.finish, tickets))
    assert [one.done for one in finished] == [True, False, True]
    assert await steps.due_in_ms("a") is None
    assert await steps.inbox("b") != []


async def test_a_finish_after_the_lease_counts_while_nobody_took_over(steps: Steps) -> None:
    """The ticket is still this claim's: what was done is not thrown away."""
    claimed = await steps.held()
    await steps.pass_ms(LEASES.ticket_ms + 1)
    assert (await steps.finish(claimed)).done


async def test_a_finish_counts_once(steps: Steps) -> None:
    """A second finish of the same claim finds that it holds nothing."""
    claimed = await steps.held()
    await steps.finish(claimed, entries=("done",))
    assert not (await steps.finish(claimed, entries=("done",))).done
    assert (await steps.timeline()).count("done") == 1


# --- what is kept ----------------------------------------------------------------------------------------------------


async def test_only_what_was_done_is_trimmed(steps: Steps) -> None:
    """A batch's slow call holds back its own events alone; evidence and inbox are counted apart."""
    await steps.deliver(*(steps.incoming(f"e{n}") for n in range(3)))
    await steps.told("start", ticket="t")
    await steps.told("close", ticket="t", kind="close")
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed, inbox_done=2, left=1, evidence_done=1, evidence_left=1, wait="firm", due_in_ms=1)
    assert await steps.inbox() == ["e2"]
    assert await steps.evidence() == ["close"]


async def test_a_finish_tells_and_buries(steps: Steps) -> None:
    """What is given up is listed with its reason, by time."""
    await steps.finish(await steps.held(), entries=("one", "two"), bury=(("d1", '"why"'),))
    assert (await steps.timeline())[-2:] == ["one", "two"]
    assert await steps.redis.hgetall(steps.key("dead-letters")) == {b"d1": b'"why"'}
    assert await steps.redis.zscore(steps.key("dead-letters-by-time"), "d1") == steps.now


async def test_a_finish_takes_back_what_is_settled(steps: Steps) -> None:
    """A dead letter of the ticket that evidence has answered is not asked about any more; the others are."""
    await steps.finish(await steps.held(), bury=(("d1", '"why"'), ("d2", '"why"')))
    await steps.finish(await steps.held(), unbury=("d1", "unheard"))
    assert await steps.redis.hkeys(steps.key("dead-letters")) == [b"d2"]
    assert await steps.redis.zrange(steps.key("dead-letters-by-time"), 0, -1) == [b"d2"]


async def test_a_finish_wakes_a_sleeping_lane_for_what_came_meanwhile(steps: Steps) -> None:
    """The job is gone, nobody was woken for a claimed ticket: the finish says so."""
    claimed = await steps.held()
    await steps.accept()
    await steps.store.sleep(LANE, "job")
    assert (await steps.finish(claimed)).wake == (LANE,)


async def test_a_finish_wakes_nobody_while_its_job_is_awake(steps: Steps) -> None:
    """The job that claimed the ticket claims again by itself."""
    claimed = await steps.held()
    await steps.accept()
    assert (await steps.finish(claimed)).wake == ()
    assert len((await steps.claim()).tickets) == 1
