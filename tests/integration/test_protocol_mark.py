"""Marking: the last word before a call goes out, and what may hold a start back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.steps import HOUR_MS, LANE, LEASES

if TYPE_CHECKING:
    from tests.steps import Steps


async def test_a_mark_freezes_the_plan_and_tells(steps: Steps) -> None:
    """What goes out is stored before it goes out, so that a dead worker's successor knows."""
    claimed = await steps.held()
    assert (await steps.mark(claimed, '"starting"', contact="ana")).verdict == "go"
    assert (await steps.link())["state"] == '"starting"'
    assert (await steps.timeline())[-1] == "sending"


async def test_the_lease_begins_anew_at_the_mark(steps: Steps) -> None:
    """The call has all of it, however long the planning took."""
    claimed = await steps.held()
    await steps.pass_ms(LEASES.ticket_ms - 1)
    await steps.mark(claimed)
    assert await steps.due_in_ms() == LEASES.ticket_ms


async def test_a_mark_told_again_is_the_same_mark(steps: Steps) -> None:
    """After a lost answer the worker asks again with its token: it may go, and is counted once."""
    claimed = await steps.held()
    verdicts = [await steps.mark(claimed, contact="ana", cap=2) for _ in range(3)]
    assert [one.verdict for one in verdicts] == ["go", "go", "go"]
    assert await started(steps, "another", cap=2) == ("go", "0")


async def test_what_was_given_up_before_a_mark_is_buried_with_it(steps: Steps) -> None:
    """The claim may end with the call; what the plan had given up is listed by then."""
    claimed = await steps.held()
    await steps.store.mark(replace(steps.marking(claimed), bury=(("d1", '"why"'),)))
    assert await steps.redis.hgetall(steps.key("dead-letters")) == {b"d1": b'"why"'}
    assert await steps.redis.zscore(steps.key("dead-letters-by-time"), "d1") == steps.now


async def test_a_lost_holder_is_told_so(steps: Steps) -> None:
    """A worker that slept over its lease sends nothing: the ticket is another's."""
    before = await steps.held()
    await steps.pass_ms(LEASES.ticket_ms)
    [after] = (await steps.claim()).tickets
    assert (await steps.mark(before, contact="ana")).verdict == "lost"
    assert (await steps.mark(after, contact="ana")).verdict == "go"


async def test_a_finished_claim_marks_nothing(steps: Steps) -> None:
    """Nobody holds the ticket then."""
    claimed = await steps.held()
    await steps.finish(claimed)
    assert (await steps.mark(claimed)).verdict == "lost"


@pytest.mark.parametrize("why", ["lost", "paused", "capped", "busy"])
async def test_nothing_is_written_unless_the_verdict_is_go(steps: Steps, why: str) -> None:
    """State, timeline, lease, lock and count stay as they are."""
    claimed = await steps.held("opened")
    await held_back(steps, why)
    await steps.pass_ms(1)
    link = await steps.link()
    verdict = await steps.mark(claimed, contact="ana", cap=1)
    assert verdict.verdict == why
    assert await steps.link() == link
    assert await steps.timeline() == ["received opened"]
    assert await steps.redis.get(steps.key("starting", "ana")) == (b"other" if why == "busy" else None)


async def held_back(steps: Steps, why: str) -> None:
    """Bring about what holds the next start of ana's back."""
    if why == "lost":
        await steps.pass_ms(LEASES.ticket_ms)
        await steps.claim()
    elif why == "paused":
        await steps.store.pause("acme", "now")
    else:
        other = await steps.held(ticket="other")
        await steps.mark(other, contact="ana" if why == "busy" else "ben", cap=1)


async def test_one_lost_mark_does_not_affect_the_others_of_its_batch(steps: Steps) -> None:
    """Marks of one round trip are judged one by one."""
    lost = await steps.held(ticket="lost")
    await steps.pass_ms(LEASES.ticket_ms)
    await steps.claim()
    tickets = [await steps.held(ticket="a"), lost, await steps.held(ticket="b")]
    verdicts = await asyncio.gather(*(steps.mark(one, contact=one.ticket) for one in tickets))
    assert [one.verdict for one in verdicts] == ["go", "lost", "go"]


# --- evidence --------------------------------------------------------------------------------------------------------


async def test_evidence_that_came_since_the_claim_holds_a_start_back(steps: Steps) -> None:
    """Jelou's event may come between claim and mark: then the ticket may have its conversation, and looks again."""
    claimed = await steps.held()
    await steps.told(ticket="t")
    assert (await steps.mark(claimed, contact="ana", evidence=0)).verdict == "news"
    await steps.finish(claimed, inbox_done=0, left=1, wait="firm")
    assert await steps.due_in_ms() == 0


async def test_evidence_that_the_claim_has_seen_holds_nothing_back(steps: Steps) -> None:
    """Nor does any where no start goes out: a note is right in every phase."""
    await steps.told(ticket="t")
    claimed = await steps.held()
    assert (await steps.mark(claimed, contact="ana", evidence=1)).verdict == "go"
    await steps.told(ticket="t")
    assert (await steps.mark(claimed)).verdict == "go"


# --- paused ----------------------------------------------------------------------------------------------------------


async def test_a_paused_accounts_starts_are_held_back(steps: Steps) -> None:
    """Starts alone, and of that account alone."""
    await steps.store.pause("acme", "now")
    claimed = await steps.held()
    assert (await steps.mark(claimed, account="acme")).verdict == "paused"
    assert (await steps.mark(claimed)).verdict == "go"
    assert (await steps.mark(claimed, account="other")).verdict == "go"


# --- capped ----------------------------------------------------------------------------------------------------------


async def started(steps: Steps, ticket: str, *, cap: int, **start: Any) -> tuple[str, str]:
    """What a start of its own person is told."""
    verdict = await steps.mark(await steps.held(ticket=ticket), contact=ticket, cap=cap, **start)
    return verdict.verdict, verdict.detail


async def test_an_account_is_capped_until_the_next_hour(steps: Steps) -> None:
    """So many starts in a clock hour, and how long until the next one is told; then they go on."""
    await steps.pass_ms(HOUR_MS - 1_500)
    assert [await started(steps, ticket, cap=2) for ticket in ("a", "b")] == [("go", "0"), ("go", "0")]
    assert await started(steps, "c", cap=2) == ("capped", "1500")
    await steps.pass_ms(1_500)
    assert await started(steps, "d", cap=2) == ("go", "0")


async def test_an_accounts_cap_is_its_own(steps: Steps) -> None:
    """Another account's starts do not count."""
    await started(steps, "a", cap=1, account="theirs")
    assert await started(steps, "b", cap=1, account="ours") == ("go", "0")


async def test_a_retry_of_an_unknown_start_is_not_counted_again(steps: Steps) -> None:
    """It is the same ticket's start, and the cap does not hold it back either."""
    await started(steps, "a", cap=1)
    assert await started(steps, "b", cap=1, count=False) == ("go", "0")
    assert await started(steps, "c", cap=1) == ("capped", str(HOUR_MS))


async def test_a_start_that_did_not_happen_gives_its_place_back(steps: Steps) -> None:
    """Jelou was certainly not reached: the next ticket of the hour may start."""
    claimed = await steps.held(ticket="a")
    await steps.mark(claimed, contact="a", cap=1)
    await steps.finish(claimed, uncount="acme")
    assert await started(steps, "b", cap=1) == ("go", "0")
    assert (await started(steps, "c", cap=1))[0] == "capped"


async def test_no_more_places_are_given_back_than_were_taken(steps: Steps) -> None:
    """The hour may have changed between the start and its end."""
    await steps.finish(await steps.held(), uncount="acme")
    await started(steps, "a", cap=1)
    assert (await started(steps, "b", cap=1))[0] == "capped"


async def test_the_hours_count_is_forgotten(steps: Steps) -> None:
    """Its key expires when the hour is long over."""
    await started(steps, "a", cap=1)
    [counter] = await steps.redis.keys(steps.key("starts", "acme", "*"))
    assert 3_600 < await steps.redis.ttl(counter) <= 7_200


# --- busy: one start per person --------------------------------------------------------------------------------------


async def test_two_starts_of_one_person_do_not_run_at_the_same_time(steps: Steps) -> None:
    """The second is told who is before it; one of another person is not held back."""
    _, second = await steps.two_of_one_person()
    verdict = await steps.mark(second, contact="ana")
    assert (verdict.verdict, verdict.detail) == ("busy", "first")
    assert (await steps.mark(second, contact="ben")).verdict == "go"


async def test_two_marks_of_one_person_in_one_batch_are_one(steps: Steps) -> None:
    """The first of them takes the turn."""
    tickets = [await steps.held(ticket=f"t{n}") for n in range(4)]
    verdicts = await asyncio.gather(*(steps.mark(one, contact="ana") for one in tickets))
    assert [one.verdict for one in verdicts] == ["go", "busy", "busy", "busy"]


async def test_a_ticket_is_not_behind_itself(steps: Steps) -> None:
    """Its own retry, after an unknown, finds its own turn."""
    first, _ = await steps.two_of_one_person()
    await steps.finish(first, wait="firm", due_in_ms=1)
    await steps.pass_ms(1)
    [again] = (await steps.claim()).tickets
    assert (await steps.mark(again, contact="ana")).verdict == "go"


async def test_the_turn_outlasts_a_dead_worker(steps: Steps) -> None:
    """Nobody knows what became of its call, so the other ticket waits until that is settled."""
    await steps.two_of_one_person()
    await steps.pass_ms(10 * LEASES.ticket_ms)
    claimed = {one.ticket: one for one in (await steps.claim()).tickets}
    assert (await steps.mark(claimed["second"], contact="ana")).verdict == "busy"
    await steps.finish(claimed["first"], contact="ana", release=True)
    assert (await steps.mark(claimed["second"], contact="ana")).verdict == "go"


async def test_an_unknown_start_keeps_the_turn(steps: Steps) -> None:
    """A finish that does not release leaves the person's next ticket waiting."""
    first, second = await steps.two_of_one_person()
    await steps.finish(first, contact="ana", wait="firm", due_in_ms=60_000)
    assert (await steps.mark(second, contact="ana")).verdict == "busy"


@pytest.mark.parametrize("told", ["by a worker", "by Jelou"])
async def test_a_close_spares_a_conversation_that_is_told_of_and_not_worked(steps: Steps, told: str) -> None:
    """After a loss it is known by what was put back alone. A close names a person, so it would hit that one as well."""
    closing = await steps.held(ticket="solved")
    if told == "by Jelou":
        await steps.told(ticket="other", contact="ana")
    else:
        await steps.store.testify("other", LANE, "told", '"answered"', "told", "ana")
    verdict = await steps.mark(closing, contact="ana", alone=True)
    assert (verdict.verdict, verdict.detail) == ("shared", "other")
    [other] = (await steps.claim()).tickets
    await steps.finish(other, contact="ana")
    assert (await steps.mark(closing, contact="ana", alone=True)).verdict == "go"
