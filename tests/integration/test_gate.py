"""The gate before every call: pace shared by all workers and fair between lanes, and a breaker per destination."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

import pytest

from bridge.protocol import Finish, Gate, Incoming, Mark
from bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from redis.asyncio import Redis

    from bridge.protocol import Verdict

CLOCK = "local function now() return tonumber(redis.call('GET', KEYS[1] .. ':clock')) end"
DESTINATION = "jelou:soporte"


class Desk:
    """A store whose clock moves when told, with tickets in lanes and a gate of five calls a second."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.redis = redis
        self.prefix = prefix
        self.store = Store(redis, prefix=prefix, clock=CLOCK)
        self.now = 1_000_000

    async def at(self, now: int) -> None:
        """Move the clock."""
        self.now = now
        await self.redis.set(f"{self.prefix}:clock", now)

    async def until(self) -> int:
        """When the breaker lets a probe go."""
        key = f"{self.prefix}:breaker:{DESTINATION}"
        found = await cast("Awaitable[bytes]", self.redis.hget(key, "until"))
        return int(found)

    async def open(self, lane: str, *tickets: str) -> None:
        """Give each ticket an event."""
        for ticket in tickets:
            await self.store.accept(f"d-{ticket}", ticket, 60, [Incoming(ticket, lane, "f", '"e"', "{}", "{}")])

    async def turn(self, lane: str, outcome: str = "ok", gate: Gate | None = None, ms: int = 0) -> dict[str, Verdict]:
        """Claim what is due in the lane, try each call, finish each ticket; the verdicts by ticket."""
        batch = await self.store.claim(lane, "job", 100)
        verdicts: dict[str, Verdict] = {}
        for one in batch.tickets:
            mark = Mark(one.ticket, lane, one.token, "{}", (), gate=gate or five_a_second(lane))
            verdict = verdicts[one.ticket] = await self.store.mark(mark)
            went = verdict.verdict == "go"
            outcomes = ((DESTINATION, outcome, ms, "why"),) if went and outcome else ()
            wait, due = ("", 0) if went else ("firm", int(verdict.detail))
            await self.store.finish(
                Finish(
                    one.ticket, lane, one.token, "{}", int(went), 0, 0, (), wait=wait, due_in_ms=due, outcomes=outcomes
                )
            )
        return verdicts


def five_a_second(lane: str, *more: tuple[str, float, int]) -> Gate:
    """Five calls a second, five at once."""
    return Gate(DESTINATION, lane, 200.0, 5, more)


def went(verdicts: dict[str, Verdict]) -> int:
    """How many calls went out."""
    return Counter(one.verdict for one in verdicts.values())["go"]


@pytest.fixture
async def desk(redis: Redis, prefix: str) -> Desk:
    """A desk at its first moment."""
    desk = Desk(redis, prefix)
    await desk.at(desk.now)
    return desk


async def test_a_burst_goes_and_the_rest_gets_slots(desk: Desk) -> None:
    """Five of twenty go at once; the others wait one interval more each, and nobody asks twice."""
    await desk.open("a", *(f"t{number:02}" for number in range(20)))
    first = await desk.turn("a")
    waits = sorted(int(one.detail) for one in first.values() if one.verdict == "paced")
    assert went(first) == 5
    assert waits == [200 * (number + 1) for number in range(15)]
    gone = []
    for tick in range(1, 17):
        await desk.at(1_000_000 + 200 * tick)
        gone.append(went(await desk.turn("a")))
    assert gone == [1] * 15 + [0]


async def test_who_comes_later_does_not_overtake_its_own_lane(desk: Desk) -> None:
    """A new ticket takes its place behind those of its lane that wait, even when it is claimed first."""
    await desk.open("a", *(f"t{number}" for number in range(8)))
    first = await desk.turn("a")
    [waiting] = [ticket for ticket, verdict in first.items() if verdict.detail == "200"]
    await desk.at(desk.now + 199)
    await desk.open("a", "late")
    await desk.at(desk.now + 51)
    verdicts = await desk.turn("a")
    assert verdicts[waiting].verdict == "go"
    assert verdicts["late"].verdict == "paced"


async def test_a_slot_is_for_one_call(desk: Desk) -> None:
    """A ticket that had its turn stands at the end of the row with its next call."""
    await desk.open("a", *(f"t{number}" for number in range(8)))
    waits = {verdict.detail: ticket for ticket, verdict in (await desk.turn("a")).items()}
    await desk.at(desk.now + 200)
    assert (await desk.turn("a"))[waits["200"]].verdict == "go"
    await desk.at(desk.now + 199)
    again = Incoming(waits["200"], "a", "again", '"e"', "{}", "{}")
    await desk.store.accept("d-again", "again", 60, [again])
    await desk.at(desk.now + 51)
    verdicts = await desk.turn("a")
    assert verdicts[waits["400"]].verdict == "go"
    assert verdicts[waits["200"]].verdict == "paced"


async def test_a_call_elsewhere_does_not_cost_a_ticket_its_turn(desk: Desk) -> None:
    """A ticket that is read from the helpdesk before each try to start it gets through all the same."""
    elsewhere = Gate("helpdesk:acme", "a", 1.0, 1_000)
    await desk.open("a", *(f"t{number}" for number in range(8)))
    waits = {verdict.detail: ticket for ticket, verdict in (await desk.turn("a")).items()}
    await desk.at(desk.now + 200)
    [claimed] = (await desk.store.claim("a", "job", 1)).tickets
    marks = [Mark(claimed.ticket, "a", claimed.token, "{}", (), gate=one) for one in (elsewhere, five_a_second("a"))]
    assert claimed.ticket == waits["200"]
    assert [(await desk.store.mark(mark)).verdict for mark in marks] == ["go", "go"]


async def test_each_waiting_lane_widens_the_slots(desk: Desk) -> None:
    """While another lane waits as well, the slots of a lane are two intervals apart: together they fit the pace."""
    await desk.open("a", *(f"a{number}" for number in range(8)))
    await desk.turn("a")
    await desk.open("b", "b0", "b1", "b2")
    waits = sorted(int(verdict.detail) for verdict in (await desk.turn("b")).values())
    assert waits == [200, 600, 1_000]


async def test_a_flood_in_one_lane_does_not_delay_another(desk: Desk) -> None:
    """With two hundred tickets waiting in one lane, a ticket of another one goes within two intervals."""
    await desk.open("flood", *(f"f{number}" for number in range(200)))
    await desk.turn("flood")
    await desk.open("calm", "only")
    for tick in range(3):
        await desk.at(1_000_000 + 200 * tick)
        if went(await desk.turn("calm")):
            return
        await desk.turn("flood")
    pytest.fail("the calm lane waits for the flood")


async def test_two_floods_share_the_pace(desk: Desk) -> None:
    """Two flooded lanes get about half each, and together never more than the pace allows."""
    await desk.open("a", *(f"a{number}" for number in range(100)))
    await desk.open("b", *(f"b{number}" for number in range(100)))
    gone: Counter[str] = Counter()
    for tick in range(100):
        await desk.at(1_000_000 + 200 * tick)
        for lane in ("a", "b") if tick % 2 else ("b", "a"):
            gone[lane] += went(await desk.turn(lane))
    assert 95 <= gone.total() <= 105
    assert min(gone.values()) >= 35


async def test_a_ticket_has_a_rate_of_its_own(desk: Desk) -> None:
    """A vendor's limit on one ticket holds that ticket back, and takes nothing of the account's pace."""
    rate = (("ticket:t1", 20_000.0, 1),)
    for number, expected in ((1, "go"), (2, "paced")):
        await desk.store.accept(f"x{number}", "x", 60, [Incoming("t1", "a", f"f{number}", '"e"', "{}", "{}")])
        verdict = (await desk.turn("a", gate=five_a_second("a", *rate)))["t1"]
        assert verdict.verdict == expected
    assert int(verdict.detail) == 20_000
    await desk.open("a", "t2")
    assert (await desk.turn("a"))["t2"].verdict == "go"


async def failing(desk: Desk, outcome: str, count: int, ms: int = 0) -> None:
    """So many calls with this outcome, slowly enough for the pace."""
    for number in range(count):
        await desk.at(desk.now + 200)
        await desk.open("a", f"{outcome}{number}-{desk.now}")
        await desk.turn("a", outcome, ms=ms)


async def test_failures_open_the_breaker_and_a_probe_closes_it(desk: Desk) -> None:
    """Ten failures of ten open it; after its time one call goes, the others wait for it; its success lets all go."""
    await failing(desk, "fail", 10)
    await desk.open("a", "t1", "t2", "t3")
    held = await desk.turn("a")
    assert {one.verdict for one in held.values()} == {"broken"}
    assert {one.reason for one in held.values()} == {"why"}
    await desk.at(desk.now + 6_000)
    probing = await desk.turn("a", outcome="")
    assert went(probing) == 1
    await desk.open("b", "t4")
    assert (await desk.turn("b"))["t4"].verdict == "broken"


async def test_a_probe_that_fails_opens_it_for_longer(desk: Desk) -> None:
    """Each failed probe doubles the time, to a minute at most."""
    await failing(desk, "fail", 10)
    spans = []
    for _ in range(5):
        until = await desk.until()
        spans.append(until - desk.now)
        await desk.at(until + 1_000)
        await desk.open("a", f"probe-{desk.now}")
        await desk.turn("a", "fail")
    assert spans == [5_000, 10_000, 20_000, 40_000, 60_000]


async def test_calls_that_were_out_when_it_opened_do_not_open_it_for_longer(desk: Desk) -> None:
    """Thirty calls that fail together are one outage: a probe goes after five seconds, not after a minute."""
    tickets = [f"t{number}" for number in range(30)]
    await desk.open("a", *tickets)
    batch = await desk.store.claim("a", "job", 100)
    finishes = [
        Finish(one.ticket, "a", one.token, "{}", 1, 0, 0, (), outcomes=((DESTINATION, "fail", 0, "why"),))
        for one in batch.tickets
    ]
    for one in finishes:
        await desk.store.finish(one)
    assert await desk.until() - desk.now == 5_000


async def test_some_failures_among_successes_do_not_open_it(desk: Desk) -> None:
    """A failure rate under a half is the other side's everyday."""
    for _ in range(12):
        await failing(desk, "ok", 2)
        await failing(desk, "fail", 1)
    await desk.open("a", "t")
    await desk.at(desk.now + 1_000)
    assert (await desk.turn("a"))["t"].verdict == "go"


@pytest.mark.parametrize(("outcome", "ms", "least"), [("denied", 0, 60_000), ("wait", 7_000, 7_000)])
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
    await desk.at(desk.now + 4_000)
    assert went(await desk.turn("b", outcome="")) == 3


async def test_a_success_forgets_the_failures(desk: Desk) -> None:
    """After the probe worked, all go on at the pace."""
    await failing(desk, "denied", 1)
    await desk.open("a", "t1", "t2")
    await desk.turn("a")
    await desk.at(desk.now + 70_000)
    assert went(await desk.turn("a")) == 2
    await desk.open("a", "t3")
    await desk.at(desk.now + 1_000)
    assert (await desk.turn("a"))["t3"].verdict == "go"
