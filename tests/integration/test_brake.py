"""The brake on starts: all accounts paused, a limit of starts a minute; what each stops, and that it is not lost."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from bridge.brake import Pause, StartLimit
from bridge.protocol import EVERY
from tests.lost_data import set_back
from tests.outcomes import kept
from tests.steps import HOUR_MS, LANE, Steps

if TYPE_CHECKING:
    from bridge.protocol import Claimed

BY = Pause(1, "ana", "Jelou migrates")
MINUTE_MS = 60_000


async def verdict(steps: Steps, claimed: Claimed, account: str = "acme", **start: Any) -> str:
    """What a start hears."""
    return (await steps.mark(claimed, account=account, contact=claimed.ticket, **start)).verdict


async def held_back(steps: Steps, claimed: Claimed, name: str, due_in_ms: int = HOUR_MS) -> None:
    """The ticket waits under this name."""
    assert (await steps.finish(claimed, inbox_done=0, left=1, wait="firm", due_in_ms=due_in_ms, held=name)).done


# --- all accounts ----------------------------------------------------------------------------------------------------


async def test_a_pause_of_all_stops_starts_and_nothing_else(steps: Steps) -> None:
    """Of every account, configured or not; a close goes out."""
    await steps.store.brake.pause_all(["acme"], BY)
    claimed = await steps.held()
    assert await verdict(steps, claimed) == "paused"
    assert await verdict(steps, claimed, "configured-later") == "paused"
    assert await verdict(steps, claimed, "", alone=True, cap=0, count=False) == "go"


async def test_workers_of_the_version_before_find_each_account_paused(steps: Steps) -> None:
    """They look for the account's own name."""
    await steps.store.brake.pause_all(["zendesk/acme", "zendesk/other"], BY)
    assert set(await kept(steps.redis, steps.prefix, "paused")) == {EVERY, "zendesk/acme", "zendesk/other"}
    await steps.store.brake.resume_all()
    assert not await steps.redis.exists(steps.key("paused"))


async def test_the_end_of_the_pause_lets_all_go_that_waited(steps: Steps) -> None:
    """At once: tickets held by a new worker and by one of the version before."""
    await steps.store.brake.pause_all(["acme"], BY)
    await steps.accept(ticket="new")
    await steps.accept(ticket="old")
    for claimed in (await steps.claim()).tickets:
        await held_back(steps, claimed, EVERY if claimed.ticket == "new" else "acme")
    assert await steps.due_in_ms("new") == await steps.due_in_ms("old") == HOUR_MS
    await steps.redis.delete(steps.key("awake", LANE))
    assert await steps.store.brake.resume_all() == [LANE]
    assert (await steps.due_in_ms("new"), await steps.due_in_ms("old")) == (0, 0)


async def test_what_was_paused_by_name_stays_so_when_all_go_on(steps: Steps) -> None:
    """Before or after all were; and one name alone does not go on while all are paused."""
    brake, claimed = steps.store.brake, await steps.held()
    await brake.pause("before", BY)
    await brake.pause_all(["before", "after", "acme"], BY)
    await brake.pause("after", BY)
    await brake.resume("acme")
    assert await verdict(steps, claimed) == "paused"
    await brake.resume_all()
    assert [await verdict(steps, claimed, name) for name in ("before", "after", "acme")] == ["paused", "paused", "go"]


async def test_one_resumed_while_all_are_paused_goes_on_with_them(steps: Steps) -> None:
    """Its own pause is over; it is no exception of the others'."""
    brake, claimed = steps.store.brake, await steps.held()
    await brake.pause("acme", BY)
    await brake.pause_all(["acme"], BY)
    await brake.resume("acme")
    assert await verdict(steps, claimed) == "paused"
    assert (await brake.brakes()).own("acme") is None
    await brake.resume_all()
    assert await verdict(steps, claimed) == "go"


async def test_a_pause_tells_who_and_why_and_since_when(steps: Steps) -> None:
    """What a version before this one stored tells the time alone, or nothing."""
    await steps.store.pause("iso", "2026-12-01T05:00:00+00:00")
    await steps.store.pause("other", "now")
    await steps.store.pause("number", "5")
    await steps.store.brake.pause("acme", BY)
    brakes = await steps.store.brake.brakes()
    assert (brakes.of("acme"), brakes.of("iso"), brakes.of("nobody")) == (BY, Pause(1_796_101_200_000), None)
    assert brakes.of("other") == brakes.of("number") == Pause()


async def test_the_brake_is_put_back_after_a_loss(steps: Steps) -> None:
    """By any process that has seen it, whatever it is: a brake is not lost in silence."""
    brake = steps.store.brake
    await brake.pause_all(["acme"], BY)
    await brake.limit(StartLimit(1, steps.now + HOUR_MS))
    await steps.store.generations.tick()
    before = await steps.redis.hgetall(steps.key("paused"))
    await set_back(steps.redis, steps.prefix, {}, "clock")
    claimed = await steps.held()
    assert await steps.redis.hgetall(steps.key("paused")) == before
    assert await verdict(steps, claimed) == "paused"


async def test_the_brake_is_put_back_by_whoever_has_seen_it(steps: Steps, redis: Any) -> None:
    """The process that finds the loss first has only just begun, and looked at nothing yet."""
    other = Steps(redis, steps.prefix)
    await steps.store.brake.pause_all(["acme"], BY)
    await steps.store.generations.tick()
    await other.store.generations.enter()
    await set_back(steps.redis, steps.prefix, {}, "clock")
    await other.accept("first to find it")
    assert not await steps.redis.exists(steps.key("paused"))
    await steps.store.generations.tick()
    assert await verdict(steps, (await steps.claim()).tickets[0]) == "paused"


# --- starts a minute -------------------------------------------------------------------------------------------------


async def limited(steps: Steps, per_minute: int, for_ms: int = 24 * HOUR_MS) -> None:
    """So many starts a minute."""
    await steps.store.brake.limit(StartLimit(per_minute, steps.now + for_ms))


async def started(steps: Steps, within_ms: int) -> list[tuple[int, str]]:
    """What starts, and when, where each ticket asks when it was told to."""
    found, until = [], steps.now + within_ms
    while steps.now < until:
        for claimed in (await steps.claim()).tickets:
            told = await steps.mark(claimed, account=claimed.ticket, contact=claimed.ticket)
            if told.verdict == "go":
                found.append((steps.now, claimed.ticket))
                await steps.finish(claimed)
            else:
                assert told.verdict == "limited"
                await held_back(steps, claimed, "limit", int(told.detail))
        await steps.pass_ms(500)
    return found


async def test_no_minute_has_more_starts_than_the_limit_of_all_accounts(steps: Steps) -> None:
    """They go in the order in which they came, at a distance, and the limit is used up."""
    await limited(steps, 6)
    tickets = [f"t{n:02}" for n in range(12)]
    for ticket in reversed(tickets):
        await steps.accept(ticket=ticket)
        await steps.pass_ms(1)
    found = await started(steps, 3 * MINUTE_MS)
    assert [ticket for _, ticket in found] == tickets[::-1]
    times = [at for at, _ in found]
    assert all(later - at >= 10_000 for at, later in pairwise(times))
    assert times[-1] - times[0] <= 11 * 11_000


async def test_a_start_of_an_hour_of_waiting_is_no_flood_afterwards(steps: Steps) -> None:
    """Who comes late, held by something else meanwhile, has saved up no turns."""
    await limited(steps, 6)
    for n in range(8):
        await steps.accept(ticket=f"t{n}")
    for claimed in (await steps.claim()).tickets:
        told = await steps.mark(claimed, account="a", contact=claimed.ticket)
        if told.verdict == "limited":
            await held_back(steps, claimed, "limit", int(told.detail))
        else:
            await steps.finish(claimed)
    await steps.pass_ms(HOUR_MS)
    assert len(await started(steps, MINUTE_MS)) <= 6


async def test_who_does_not_come_in_time_holds_up_the_others_for_a_moment_only(steps: Steps) -> None:
    """A ticket that was solved or forgotten while it waited."""
    await limited(steps, 6)
    first = await steps.held(ticket="first")
    assert await verdict(steps, first) == "go"
    await steps.finish(first)
    solved = await steps.held(ticket="solved")
    assert await verdict(steps, solved) == "limited"
    await steps.finish(solved)
    await steps.accept(ticket="next")
    assert [ticket for _, ticket in await started(steps, 40_000)] == ["next"]
    await steps.forget("solved", "next", "first")
    assert not await steps.redis.exists(steps.key("open-line"))


@pytest.mark.parametrize("how", ["off", "another"])
async def test_who_waits_for_the_limit_asks_again_when_it_changes(steps: Steps, how: str) -> None:
    """At once, however long it was to wait."""
    await limited(steps, 1)
    assert await verdict(steps, await steps.held(ticket="first")) == "go"
    second = await steps.held(ticket="second")
    told = await steps.mark(second, account="acme", contact="second")
    assert (told.verdict, int(told.detail)) == ("limited", MINUTE_MS)
    await held_back(steps, second, "limit", MINUTE_MS)
    await (steps.store.brake.no_limit() if how == "off" else limited(steps, 60))
    assert await steps.due_in_ms("second") == 0
    [again] = (await steps.claim()).tickets
    assert await verdict(steps, again) == ("go" if how == "off" else "limited")


async def test_the_limit_ends_by_itself(steps: Steps) -> None:
    """Nobody waits longer than it lasts."""
    await limited(steps, 1, for_ms=5_000)
    assert await verdict(steps, await steps.held(ticket="first")) == "go"
    second = await steps.held(ticket="second")
    told = await steps.mark(second, account="acme", contact="second")
    assert int(told.detail) == 5_000
    await steps.pass_ms(5_000)
    assert [await verdict(steps, one) for one in (second, await steps.held(ticket="third"))] == ["go", "go"]


async def test_a_retry_and_a_close_are_not_held_by_the_limit(steps: Steps) -> None:
    """A try of unknown fate is settled, and a mark whose answer was lost is the same start."""
    await limited(steps, 1)
    claimed = await steps.held()
    assert await verdict(steps, claimed) == "go"
    assert await verdict(steps, claimed) == "go"
    other = await steps.held(ticket="other")
    assert await verdict(steps, other, count=False) == "go"
    assert await verdict(steps, other, "", alone=True, cap=0, count=False) == "go"


async def test_the_first_start_over_the_cap_of_an_hour_is_told_as_the_first(steps: Steps) -> None:
    """Once an hour and account, for the log."""
    first, second = await steps.held(ticket="first"), await steps.held(ticket="second")
    for account, news in (("acme", ["new", ""]), ("other", ["new", ""])):
        told = [await steps.mark(one, account=account, contact=one.ticket, cap=0) for one in (first, second)]
        assert [(one.verdict, one.new) for one in told] == [("capped", new) for new in news]
    await steps.pass_ms(HOUR_MS)
    assert (await steps.mark(await steps.held(ticket="third"), contact="third", cap=0)).new == "new"
