"""Waking: no lane with work sleeps for long, whatever job is lost on the way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.steps import LANE, LEASES

if TYPE_CHECKING:
    from tests.steps import Steps


async def asleep(steps: Steps, lane: str = LANE) -> None:
    """A job of the lane has come and gone."""
    await steps.claim(lane)
    assert await steps.store.sleep(lane, "job")


# --- awake -----------------------------------------------------------------------------------------------------------


async def test_a_sleeping_lane_is_woken_and_a_waking_one_is_not(steps: Steps) -> None:
    """While a job claims, events send no other."""
    assert (await steps.accept()).wake == (LANE,)
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed)
    assert (await steps.accept(ticket="u")).wake == ()
    await steps.finish((await steps.claim()).tickets[0])
    await asleep(steps)
    assert (await steps.accept()).wake == (LANE,)


async def test_a_lane_whose_job_was_lost_is_woken_after_the_awake_lease(steps: Steps) -> None:
    """The word that a job is on its way holds for so long and no longer."""
    await steps.accept()
    await steps.pass_ms(LEASES.lane_ms - 1)
    assert (await steps.store.due()).wake == ()
    await steps.pass_ms(1)
    assert (await steps.store.due()).wake == (LANE,)


async def test_a_lane_whose_job_died_is_woken_after_the_awake_lease(steps: Steps) -> None:
    """The same for a job that claimed and was killed with a ticket still due."""
    await steps.deliver(steps.incoming(ticket="a"), steps.incoming(ticket="b"))
    await steps.claim(most=1)
    await steps.pass_ms(LEASES.lane_ms)
    assert (await steps.store.due()).wake == (LANE,)


async def test_a_claim_prolongs_the_lanes_awake(steps: Steps) -> None:
    """A job that goes on claiming stays known."""
    await steps.accept()
    await steps.claim()
    await steps.pass_ms(LEASES.lane_ms - 1)
    await steps.claim()
    await steps.pass_ms(LEASES.lane_ms - 1)
    assert (await steps.accept(ticket="u")).wake == ()


async def test_a_heartbeat_prolongs_the_lanes_awake(steps: Steps) -> None:
    """A job that waits for room claims nothing and stays known all the same; one that is gone does not come back."""
    await steps.claim()
    await steps.pass_ms(LEASES.lane_ms - 1)
    await steps.store.beat([], [(LANE, "job"), (LANE, "gone")])
    await steps.pass_ms(LEASES.lane_ms - 1)
    assert (await steps.accept()).wake == ()
    await steps.store.sleep(LANE, "job", not_before_ms=0)
    await steps.pass_ms(1)
    assert (await steps.accept(ticket="u")).wake == (LANE,)


async def test_a_lane_sleeps_when_its_last_job_does(steps: Steps) -> None:
    """Two workers are at it: the end of one is not the end of both."""
    await steps.claim(job="one")
    await steps.claim(job="two")
    await steps.store.sleep(LANE, "one")
    assert (await steps.accept()).wake == ()
    await steps.claim(job="two")
    await steps.store.sleep(LANE, "two")
    assert (await steps.accept(ticket="u")).wake == (LANE,)


# --- wake and sleep in one step --------------------------------------------------------------------------------------


async def test_an_event_between_nothing_left_and_sleep_is_not_slept_over(steps: Steps) -> None:
    """Accept found the lane awake and sent no job; so the job must go on."""
    batch = await steps.claim()
    assert (batch.tickets, batch.more) == ((), 0)
    assert (await steps.accept()).wake == ()
    assert not await steps.store.sleep(LANE, "job")
    assert len((await steps.claim()).tickets) == 1


@pytest.mark.parametrize("turn", range(8))
async def test_sleep_and_accept_at_once_lose_no_wake_up(steps: Steps, turn: int) -> None:
    """Either the job goes on or the event sends a new one, and never neither."""
    await steps.claim()
    if turn % 2:
        slept, accepted = await asyncio.gather(steps.store.sleep(LANE, "job"), steps.accept())
    else:
        accepted, slept = await asyncio.gather(steps.accept(), steps.store.sleep(LANE, "job"))
    assert slept is bool(accepted.wake)


async def test_a_ticket_that_comes_due_between_claim_and_sleep_is_not_slept_over(steps: Steps) -> None:
    """A wait that ends just then is work like any other."""
    await steps.waiting("firm", due_in_ms=10)
    await steps.claim()
    await steps.pass_ms(10)
    assert not await steps.store.sleep(LANE, "job")


# --- the lane's next look --------------------------------------------------------------------------------------------


async def test_going_to_sleep_registers_the_next_due_time(steps: Steps) -> None:
    """Retries and waits fire on time though no event comes."""
    await steps.waiting("firm", due_in_ms=60_000)
    await asleep(steps)
    await steps.pass_ms(59_999)
    assert (await steps.store.due()).wake == ()
    await steps.pass_ms(1)
    assert (await steps.store.due()).wake == (LANE,)


async def test_a_finish_registers_the_next_due_time_of_a_sleeping_lane(steps: Steps) -> None:
    """A ticket worked after its lane's job was gone comes due before its lease would have ended."""
    claimed = await steps.held()
    await asleep(steps)
    assert await steps.look_in_ms() == LEASES.ticket_ms
    await steps.finish(claimed, wait="backoff", due_in_ms=100)
    await steps.pass_ms(100)
    assert (await steps.store.due()).wake == (LANE,)


async def test_a_later_due_time_does_not_put_the_next_look_off(steps: Steps) -> None:
    """The lane is looked at for the first of its tickets."""
    soon, late = await steps.held(ticket="soon"), await steps.held(ticket="late")
    await asleep(steps)
    await steps.finish(soon, wait="backoff", due_in_ms=100)
    await steps.finish(late, wait="backoff", due_in_ms=60_000)
    assert await steps.look_in_ms() == 100


async def test_a_dead_workers_tickets_wake_their_lane_when_the_lease_ends(steps: Steps) -> None:
    """Nobody scans for claims: the lease is the due time."""
    await steps.held()
    await asleep(steps)
    await steps.pass_ms(LEASES.ticket_ms - 1)
    assert (await steps.store.due()).wake == ()
    await steps.pass_ms(1)
    assert (await steps.store.due()).wake == (LANE,)
    assert len((await steps.claim()).tickets) == 1


async def test_a_lane_without_tickets_is_not_looked_at(steps: Steps) -> None:
    """It leaves the global set when it sleeps, and comes back with its next event."""
    await steps.finish(await steps.held())
    await asleep(steps)
    assert await steps.look_in_ms() is None
    await steps.accept()
    assert await steps.look_in_ms() == 0


async def test_a_lane_that_emptied_by_itself_is_forgotten_by_the_sweep(steps: Steps) -> None:
    """Its last ticket was finished after its job was gone."""
    claimed = await steps.held()
    await asleep(steps)
    await steps.finish(claimed)
    await steps.pass_ms(LEASES.ticket_ms)
    assert (await steps.store.due()).wake == ()
    assert await steps.look_in_ms() is None


async def test_a_look_that_is_too_early_is_put_off(steps: Steps) -> None:
    """A heartbeat moved the lease on: the sweep looks again when it ends."""
    claimed = await steps.held()
    await asleep(steps)
    await steps.pass_ms(LEASES.ticket_ms - 1)
    await steps.store.beat([(claimed.ticket, claimed.lane, claimed.token)], [])
    await steps.pass_ms(1)
    assert (await steps.store.due()).wake == ()
    assert await steps.look_in_ms() == LEASES.ticket_ms - 1


# --- the sweep -------------------------------------------------------------------------------------------------------


async def test_a_lane_is_woken_once(steps: Steps) -> None:
    """The sweep notes that a job is on its way, so that two sweepers send one."""
    await steps.accept()
    await steps.pass_ms(LEASES.lane_ms)
    looks = await asyncio.gather(*(steps.store.due() for _ in range(3)))
    assert sorted(len(look.wake) for look in looks) == [0, 0, 1]


async def test_a_busy_lane_does_not_hide_the_others(steps: Steps) -> None:
    """A sweep that takes one lane at a time comes to the next one though the first is always due."""
    await steps.deliver(*(steps.incoming(ticket=f"t{n}", lane="busy") for n in range(3)))
    await steps.claim("busy", most=1)
    await steps.pass_ms(1)
    await steps.waiting("firm", due_in_ms=1)
    await asleep(steps)
    await steps.pass_ms(1)
    assert (await steps.store.due(most=1)).wake == ()
    assert (await steps.store.due(most=1)).wake == (LANE,)


async def test_a_busy_lane_is_looked_at_again_when_its_job_ends(steps: Steps) -> None:
    """Its awake token is all the proof there is."""
    await steps.deliver(steps.incoming(ticket="a"), steps.incoming(ticket="b"))
    await steps.claim(most=1)
    await steps.store.due()
    assert await steps.look_in_ms() == LEASES.lane_ms


# --- making room -----------------------------------------------------------------------------------------------------


async def test_a_lane_that_makes_room_stays_awake_in_name(steps: Steps) -> None:
    """Its next job is on its way: events send no other, and the sweep neither."""
    await steps.deliver(steps.incoming(ticket="a"), steps.incoming(ticket="b"))
    await steps.claim(most=1)
    await steps.store.hand_over(LANE, "job")
    assert (await steps.accept(ticket="c")).wake == ()
    assert (await steps.store.due()).wake == ()


async def test_a_hand_over_whose_job_was_lost_is_made_good(steps: Steps) -> None:
    """The word that it is on its way ends like any other."""
    await steps.deliver(steps.incoming(ticket="a"), steps.incoming(ticket="b"))
    await steps.claim(most=1)
    await steps.store.hand_over(LANE, "job")
    await steps.pass_ms(LEASES.lane_ms)
    assert (await steps.store.due()).wake == (LANE,)


async def test_a_lane_without_room_holds_no_slot_and_is_not_woken_for_a_while(steps: Steps) -> None:
    """It sleeps though tickets are due; neither events nor the sweep send a job before the time is over."""
    await steps.deliver(steps.incoming(ticket="a"), steps.incoming(ticket="b"))
    await steps.claim(most=1)
    assert await steps.store.sleep(LANE, "job", not_before_ms=500)
    assert (await steps.accept(ticket="c")).wake == ()
    await steps.pass_ms(499)
    assert (await steps.store.due()).wake == ()
    await steps.pass_ms(1)
    assert (await steps.store.due()).wake == (LANE,)


async def test_a_job_that_claims_nothing_is_on_its_way_no_more(steps: Steps) -> None:
    """It came and had no room at all: the lane is looked at when that time is over, not when the word would end."""
    await steps.accept()
    assert await steps.store.sleep(LANE, "job", not_before_ms=500)
    await steps.pass_ms(500)
    assert (await steps.store.due()).wake == (LANE,)


async def test_a_claim_ends_the_time_without_room(steps: Steps) -> None:
    """Another worker that has room makes the lane an ordinary one again."""
    await steps.accept()
    await steps.store.sleep(LANE, "job", not_before_ms=60_000)
    await steps.finish((await steps.claim(job="another")).tickets[0])
    await steps.store.sleep(LANE, "another")
    assert (await steps.accept()).wake == (LANE,)
