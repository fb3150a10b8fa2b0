"""The breaker of a destination: what opens it, for how long, and what closes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.protocol import Finish, Gate, Mark, Outcome
from tests.turns import DESTINATION, went

if TYPE_CHECKING:
    from bridge.protocol import Batch
    from tests.turns import Desk


async def failing(desk: Desk, outcome: str, count: int, ms: int = 0) -> None:
    """So many calls with this outcome, slowly enough for the pace."""
    for number in range(count):
        await desk.at(desk.now + 200)
        await desk.open("a", f"{outcome}{number}-{desk.now}")
        await desk.turn("a", outcome, ms=ms)


async def test_failures_open_the_breaker_and_a_probe_closes_it(desk: Desk) -> None:
    """Ten failures of ten open it; after its time it is asked by a harmless read, and its success lets all go."""
    await failing(desk, "fail", 10)
    await desk.open("a", "t1", "t2", "t3")
    held = await desk.turn("a")
    assert {one.verdict for one in held.values()} == {"broken"}
    assert {one.reason for one in held.values()} == {"why"}
    await desk.at(desk.now + 5_000)
    assert (await desk.store.due()).probes == ((DESTINATION, "t1"),)
    assert (await desk.store.due()).probes == ()
    await desk.open("b", "t4")
    assert (await desk.turn("b"))["t4"].verdict == "broken"
    await learned(desk, "ok")
    await desk.at(desk.now + 1_000)
    assert went(await desk.turn("a")) + went(await desk.turn("b")) == 3


async def test_where_there_is_no_harmless_read_the_first_is_the_probe(desk: Desk) -> None:
    """One call goes, the others wait for what becomes of it."""
    await failing(desk, "fail", 10)
    await desk.open("a", "t1", "t2", "t3")
    await desk.turn("a")
    await desk.at(desk.now + 5_000)
    await desk.store.due()
    await desk.store.probe_by_call(DESTINATION)
    assert list(await desk.turn("a", outcome="")) == ["t1"]
    await desk.at(desk.now + 1_000)
    assert not await desk.turn("a")
    await desk.open("b", "t4")
    assert (await desk.turn("b"))["t4"].verdict == "broken"


async def test_a_probe_whose_worker_died_is_made_again(desk: Desk) -> None:
    """Nobody hears what came of it: ten seconds later another one asks."""
    await failing(desk, "fail", 10)
    await desk.open("a", "t1")
    await desk.turn("a")
    await desk.at(desk.now + 5_000)
    assert (await desk.store.due()).probes
    await desk.at(desk.now + 10_000)
    assert (await desk.store.due()).probes


async def learned(desk: Desk, kind: str) -> None:
    """A probe came back with this."""
    await desk.store.rounds.pass_gate("probe", None, [Outcome(DESTINATION, kind, 0, "why")])


@pytest.mark.parametrize("kind", ["unknown", "refused"])
async def test_three_in_a_row_that_tell_of_the_whole_open_it(desk: Desk, kind: str) -> None:
    """Starts of unknown fate, and connections that are refused: a success between them begins the row anew."""
    for told in (kind, kind, "ok", kind, kind):
        await learned(desk, told)
    assert not await desk.store.breakers([DESTINATION])
    await learned(desk, kind)
    assert await desk.store.breakers([DESTINATION])


@pytest.mark.parametrize(
    ("kind", "expected"), [("fail", [5_000, 10_000, 15_000, 15_000]), ("refused", [5_000, 5_000, 5_000, 5_000])]
)
async def test_a_probe_that_fails_opens_it_again(desk: Desk, kind: str, expected: list[int]) -> None:
    """For longer each time, to a quarter of a minute; where no connection is made it is asked every five seconds."""
    await failing(desk, "fail", 10)
    await desk.open("b", "waiting")
    await desk.turn("b")
    spans = []
    for _ in expected:
        until = await desk.until()
        spans.append(until - desk.now)
        await desk.at(until)
        assert (await desk.store.due()).probes
        await learned(desk, kind)
    assert spans == [5_000, *expected[1:]]


async def test_some_failures_among_successes_do_not_open_it(desk: Desk) -> None:
    """A failure rate under a half is the other side's everyday."""
    for _ in range(12):
        await failing(desk, "ok", 2)
        await failing(desk, "fail", 1)
    await desk.open("a", "t")
    await desk.at(desk.now + 1_000)
    assert (await desk.turn("a"))["t"].verdict == "go"


@pytest.mark.parametrize(("outcome", "ms", "least"), [("denied", 0, 15_000), ("wait", 7_000, 7_000)])
async def test_one_is_enough(desk: Desk, outcome: str, ms: int, least: int) -> None:
    """A refused credential opens it at once, and a Retry-After is obeyed by every ticket of the destination."""
    await failing(desk, outcome, 1, ms)
    await desk.open("b", "t")
    verdict = (await desk.turn("b"))["t"]
    assert verdict.verdict == "broken"
    assert int(verdict.detail) >= least


async def test_a_time_to_wait_needs_no_probe(desk: Desk) -> None:
    """When the time we were asked to wait is over, all go on at the pace at once."""
    await failing(desk, "wait", 1, 3_000)
    await desk.open("b", "t1", "t2", "t3")
    await desk.turn("b")
    await desk.at(desk.now + 3_000)
    assert went(await desk.turn("b", outcome="")) == 3


async def test_a_success_forgets_the_failures(desk: Desk) -> None:
    """After the probe worked, all go on at the pace."""
    await failing(desk, "denied", 1)
    await desk.open("a", "t1", "t2")
    await desk.turn("a")
    await desk.at(desk.now + 15_000)
    await desk.store.due()
    await learned(desk, "ok")
    assert went(await desk.turn("a")) == 2
    await desk.open("a", "t3")
    await desk.at(desk.now + 1_000)
    assert (await desk.turn("a"))["t3"].verdict == "go"


# --- what was on its way when the breaker opened ---------------------------------------------------------------------


async def land(desk: Desk, lane: str, batch: Batch, *outcomes: tuple[str, int]) -> None:
    """Calls that went out together come back one after the other."""
    for one, (outcome, ms) in zip(batch.tickets, outcomes, strict=True):
        told = ((DESTINATION, outcome, ms, "why"),)
        await desk.store.finish(Finish(one.ticket, lane, one.token, "{}", 1, 0, 0, (), outcomes=told))


async def on_their_way(desk: Desk, count: int) -> Batch:
    """So many calls that are out at the same time."""
    await desk.open("a", *(f"t{number:02}" for number in range(count)))
    batch = await desk.store.claim("a", "job", count)
    gate = Gate(DESTINATION, "a", 1.0, 2 * count)
    for one in batch.tickets:
        assert (await desk.store.mark(Mark(one.ticket, "a", one.token, "{}", (), gate=gate))).verdict == "go"
    return batch


@pytest.mark.parametrize("late", [("ok", 0), ("fail", 0), ("wait", 1_000)])
async def test_a_time_to_wait_is_obeyed_in_full(desk: Desk, late: tuple[str, int]) -> None:
    """An answer that was on its way then, good or bad, and a shorter time to wait change nothing of it."""
    await land(desk, "a", await on_their_way(desk, 2), ("wait", 40_000), late)
    await desk.open("b", "t")
    assert int((await desk.turn("b"))["t"].detail) >= 40_000


async def test_a_longer_time_to_wait_holds(desk: Desk) -> None:
    """Of two answers that say how long, the one that asks for more is obeyed."""
    await land(desk, "a", await on_their_way(desk, 2), ("wait", 1_000), ("wait", 40_000))
    assert await desk.until() == desk.now + 40_000


async def test_failures_that_were_on_their_way_do_not_open_it_for_longer(desk: Desk) -> None:
    """Thirty calls fail together: it opens as for ten, and is probed after the shortest time."""
    await land(desk, "a", await on_their_way(desk, 30), *[("fail", 0)] * 30)
    assert await desk.until() == desk.now + 5_000


async def test_a_success_that_was_on_its_way_does_not_close_it(desk: Desk) -> None:
    """It tells of the time before; the probe tells of the time after."""
    await land(desk, "a", await on_their_way(desk, 2), ("denied", 0), ("ok", 0))
    await desk.open("b", "t")
    assert (await desk.turn("b"))["t"].verdict == "broken"


async def test_one_failure_after_the_probe_does_not_open_it_again(desk: Desk) -> None:
    """What failed before the probe worked counts no more."""
    await failing(desk, "fail", 10)
    await desk.at(desk.now + 6_000)
    await learned(desk, "ok")
    await failing(desk, "fail", 1)
    await desk.open("b", "t")
    assert (await desk.turn("b"))["t"].verdict == "go"


async def test_what_becomes_of_a_breaker_is_told_once(desk: Desk) -> None:
    """That it opened, with its reason, and that it closed, after how long: to one worker of all, for its log."""
    await failing(desk, "fail", 10)
    first, again = await desk.store.due(), await desk.store.due()
    assert [(one.destination, one.change, one.kind, one.reason) for one in first.changes] == [
        (DESTINATION, "opened", "fail", "why")
    ]
    assert again.changes == ()
    await desk.at(desk.now + 5_000)
    await learned(desk, "fail")
    assert (await desk.store.due()).changes == ()
    await desk.at(desk.now + 60_000)
    await learned(desk, "ok")
    [closed] = (await desk.store.due()).changes
    assert (closed.change, closed.reason, closed.ms >= 60_000) == ("closed", "why", True)


async def test_a_wait_that_is_asked_for_is_told_and_not_its_end(desk: Desk) -> None:
    """It is nobody's fault, and over by itself."""
    await failing(desk, "wait", 1, ms=2_000)
    assert [one.kind for one in (await desk.store.due()).changes] == ["wait"]
    await desk.at(desk.now + 3_000)
    await learned(desk, "ok")
    assert (await desk.store.due()).changes == ()
