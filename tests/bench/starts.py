"""Figures of starts alone: how many, in which order, how evenly, and what becomes of them in an outage."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.bench.figures import Row, at_most
from tests.bench.measures import evenness, inverted, rate
from tests.bench.peers import START
from tests.bench.world import Setup, until

if TYPE_CHECKING:
    from tests.bench.desks import Ticket
    from tests.bench.figures import Run
    from tests.bench.world import World

LEAST_SHARE = 0.95
MOST_TO_LEAST = 1.3
FIRST_S = 6.0
PARKED_MOST = 3
UNKNOWN_S = 40.0
"""After so long it is settled what became of a start, or a person is asked."""

UNDER_WAY = {"new", "starting", "unknown", "started"}

MORE = 1.2
"""So many times as many wait as are counted: what is measured is the rate while something waits."""

PATIENCE = 1.3
"""So many times as long as it should take is waited; what has not come then does not count."""


def flooded(accounts: int, per_s: float, workers: int) -> Setup:
    """So many scripted accounts on one project."""
    desks = {f"standard-webhooks/s{number}": "a" for number in range(accounts)}
    return Setup(desks, {"a": per_s}, workers)


async def starts(run: Run) -> list[Row]:
    """1: starts a second while more wait than can be started, as share of what is allowed."""
    counts = run.pick({5: 40, 20: 160}, {5: 200, 20: 200})
    return [await _rate(run, per_s, count, *case) for per_s, count in counts.items() for case in run.cases]


async def many_starts(run: Run) -> list[Row]:
    """1: the same where so many are allowed that the machine counts."""
    counts, cases = run.pick(({100: 600}, run.cases[-1:]), ({100: 1_000, 1_000: 6_000}, run.cases))
    return [await _rate(run, per_s, count, *case) for per_s, count in counts.items() for case in cases]


async def _rate(run: Run, per_s: int, count: int, workers: int, accounts: int) -> Row:
    async with run.world(flooded(accounts, per_s, workers)) as world:
        each = math.ceil(MORE * count / accounts)
        await asyncio.gather(*(world.flood(desk, each) for desk in world.desks.values()))
        await world.work()
        times = await _called(world, count, PATIENCE * count / per_s + 3)
    share = rate(times[0], times[1]) / per_s
    what = f"starts a second, {per_s:,} allowed; {case_of(workers, accounts)}"
    was = f"{share * per_s:.2f} ({share:.0%})"
    return Row(1, what, f">= {LEAST_SHARE * per_s:g}", was, share, share >= LEAST_SHARE)


async def _called(world: World, count: int, within_s: float) -> tuple[list[float], float]:
    """When the starts came, and until when it was waited for more; 0 where all came."""
    peer = world.jelou["a"].peer
    complete = await until(lambda: sum(1 for _ in peer.of(START)) >= count, within_s)
    return [call.at for call in peer.of(START)][:count], 0.0 if complete else time.time()


def case_of(workers: int, accounts: int) -> str:
    """So many workers and accounts, in words."""
    return f"{workers} worker{'s' * (workers > 1)}, {accounts} account{'s' * (accounts > 1)}"


async def evenly(run: Run) -> list[Row]:
    """8: ten accounts on one project, each with more than can be started."""
    accounts, seconds = 10, run.pick(20.0, 60.0)
    async with run.world(flooded(accounts, 5.0, max(run.workers))) as world:
        await asyncio.gather(*(world.flood(desk, int(seconds)) for desk in world.desks.values()))
        await world.work()
        peer = world.jelou["a"].peer
        await until(lambda: bool(peer.calls), 10.0)
        await asyncio.sleep(seconds)
        begun = Counter(call.ticket.rpartition("/")[0] for call in peer.of(START))
        counts = [begun[path] for path in world.desks]
    value = evenness(counts)
    was = f"1 : {value:.2f} ({min(counts)} to {max(counts)})"
    return [
        Row(8, "ten accounts, all flooded: least against most starts", "<= 1 : 1.3", was, value, value <= MOST_TO_LEAST)
    ]


# --- outages ---------------------------------------------------------------------------------------------------------


async def refused(run: Run) -> list[Row]:
    """7: Jelou refuses connections while tickets come; then it is back."""
    outage_s, count = run.pick((20.0, 30), (120.0, 100))
    async with run.world(flooded(2, 5.0, max(run.workers))) as world:
        await world.work()
        jelou = world.jelou["a"]
        await jelou.twin.stop()
        taken = await _during(world, outage_s, count)
        await jelou.twin.start(jelou.port)
        back, due_s = time.time(), FIRST_S + count / 5
        await until(lambda: len(jelou.peer.started()) >= count, 5 * due_s)
        started, end = jelou.peer.started(), time.time()
    orders = [[started.get(one.name, end) for one in some] for some in _by_desk(taken)]
    wrong, pairs = map(sum, zip(*map(inverted, orders), strict=True))
    first = min((call.at for call in jelou.peer.calls if call.at >= back), default=end) - back
    last = max(started.get(one.name, end) for one in taken) - back
    came = "" if len(started) >= count else f" ({len(started)} of {count} came)"
    what = f"Jelou refused connections for {outage_s:.0f} s, {count} tickets:"
    return [
        Row(7, f"{what} pairs of an account in the wrong order", "0", f"{wrong} of {pairs}", wrong / pairs, not wrong),
        at_most(7, f"{what} first call after it is back", first, FIRST_S),
        at_most(7, f"{what} last start", last, due_s, more=came),
    ]


async def _during(world: World, outage_s: float, count: int) -> list[Ticket]:
    """So many tickets within an outage, one after the other, on each account in turn; in the order they were taken."""
    taken, desks, end = [], list(world.desks.values()), time.monotonic() + outage_s
    for number in range(count):
        ticket, _ = await desks[number % len(desks)].open()
        taken.append(ticket)
        await asyncio.sleep((end - time.monotonic()) / (count - number))
    return taken


def _by_desk(tickets: list[Ticket]) -> list[list[Ticket]]:
    paths = dict.fromkeys(one.account for one in tickets)
    return [[one for one in tickets if one.account == path] for path in paths]


async def gateway(run: Run) -> list[Row]:
    """7: a gateway answers 503 in Jelou's place, which says nothing of what became of the start behind it."""
    outage_s, count = run.pick((20.0, 30), (120.0, 100))
    async with run.world(flooded(2, 5.0, max(run.workers))) as world:
        await world.work()
        peer = world.jelou["a"].peer
        peer.gateway_down = True
        tickets = await _during(world, outage_s, count)
        peer.gateway_down = False
        phases = await _settled(world, tickets, UNKNOWN_S + count)
    left = phases["parked"] + phases["unknown"]
    each = ", ".join(f"{many} {phase}" for phase, many in sorted(phases.items()))
    what = f"a gateway answered 503 for {outage_s:.0f} s, {count} tickets: parked or unknown"
    return [Row(7, what, f"<= {PARKED_MOST}", f"{left} ({each})", left, left <= PARKED_MOST)]


async def _settled(world: World, tickets: list[Ticket], within_s: float) -> Counter[str]:
    """How many tickets are in each phase, once none is under way or the time is up."""
    end = time.monotonic() + within_s
    while True:
        phases = Counter([(await world.trace(one))["phase"] for one in tickets])
        if not phases.keys() & UNDER_WAY or time.monotonic() > end:
            return phases
        await asyncio.sleep(2)
