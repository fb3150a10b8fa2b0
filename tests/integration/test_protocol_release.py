"""What a start waited for ends: a turn that is given back, a pause that is over. Those that wait go on at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.steps import HOUR_MS, LANE

if TYPE_CHECKING:
    from tests.steps import Steps


async def test_release_wakes_those_behind(steps: Steps) -> None:
    """They waited firmly, and are due the moment the turn is free."""
    first, second = await steps.two_of_one_person()
    await steps.finish(second, wait="firm", due_in_ms=30_000, behind="ana")
    assert await steps.due_in_ms("second") == 30_000
    await steps.store.sleep(LANE, "job")
    assert (await steps.finish(first, contact="ana", release=True)).wake == (LANE,)
    assert await steps.due_in_ms("second") == 0


async def test_a_waiter_that_finishes_after_the_release_does_not_wait(steps: Steps) -> None:
    """What it was told at its mark has ended meanwhile."""
    first, second = await steps.two_of_one_person()
    assert (await steps.mark(second, contact="ana")).verdict == "busy"
    await steps.finish(first, contact="ana", release=True)
    await steps.finish(second, wait="firm", due_in_ms=30_000, behind="ana")
    assert await steps.due_in_ms("second") == 0


async def test_release_wakes_a_ticket_of_another_lane(steps: Steps) -> None:
    """One person may write to two helpdesks of one project."""
    first = await steps.held(ticket="first")
    other = await steps.held(ticket="other", lane="theirs")
    await steps.mark(first, contact="ana")
    await steps.finish(other, wait="firm", due_in_ms=30_000, behind="ana")
    await steps.store.sleep("theirs", "job")
    assert (await steps.finish(first, contact="ana", release=True)).wake == ("theirs",)
    assert await steps.due_in_ms("other", "theirs") == 0


async def test_release_wakes_nobody_for_a_ticket_in_a_workers_hands(steps: Steps) -> None:
    """Evidence ended its wait already: whoever has it looks again by itself."""
    first, second = await steps.two_of_one_person()
    await steps.finish(second, wait="firm", due_in_ms=30_000, behind="ana")
    await steps.told(ticket="second")
    await steps.claim()
    await steps.store.sleep(LANE, "job")
    assert (await steps.finish(first, contact="ana", release=True)).wake == ()


async def test_who_was_woken_once_is_behind_no_more(steps: Steps) -> None:
    """The end of a later start of the same person does not end what the ticket waits for by then."""
    first, second = await steps.two_of_one_person()
    await steps.finish(second, wait="firm", due_in_ms=30_000, behind="ana")
    await steps.finish(first, contact="ana", release=True)
    [second] = (await steps.claim()).tickets
    await steps.finish(second, wait="firm", due_in_ms=60_000)
    third = await steps.held(ticket="third")
    await steps.mark(third, contact="ana")
    await steps.finish(third, contact="ana", release=True)
    assert await steps.due_in_ms("second") == 60_000


async def test_only_who_has_the_turn_gives_it_back(steps: Steps) -> None:
    """The finish of a ticket that merely shares the person frees nothing."""
    _, second = await steps.two_of_one_person()
    await steps.finish(second, contact="ana", release=True)
    third = await steps.held(ticket="third")
    assert (await steps.mark(third, contact="ana")).verdict == "busy"


async def test_resume_wakes_those_held(steps: Steps) -> None:
    """They are due at once, each lane is named once, and they are held no more."""
    await steps.store.pause("acme", "now")
    for ticket in ("a", "b"):
        await steps.finish(await steps.held(ticket=ticket), wait="firm", due_in_ms=HOUR_MS, held="acme")
    await steps.store.sleep(LANE, "job")
    assert await steps.store.resume("acme") == [LANE]
    assert [await steps.due_in_ms(ticket) for ticket in ("a", "b")] == [0, 0]
    assert (await steps.mark((await steps.claim()).tickets[0], account="acme")).verdict == "go"


async def test_a_held_ticket_that_finishes_after_the_resume_does_not_wait(steps: Steps) -> None:
    """The pause that its mark met is over."""
    await steps.store.pause("acme", "now")
    claimed = await steps.held()
    assert (await steps.mark(claimed, account="acme")).verdict == "paused"
    assert await steps.store.resume("acme") == []
    await steps.finish(claimed, wait="firm", due_in_ms=HOUR_MS, held="acme")
    assert await steps.due_in_ms() == 0


async def test_resume_wakes_its_own_account_alone(steps: Steps) -> None:
    """Another account's pause goes on."""
    await steps.store.pause("theirs", "now")
    await steps.finish(await steps.held(), wait="firm", due_in_ms=HOUR_MS, held="theirs")
    await steps.store.resume("acme")
    assert await steps.due_in_ms() == HOUR_MS
