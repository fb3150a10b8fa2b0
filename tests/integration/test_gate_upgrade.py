"""The queue before every call while workers of the version before, which do not know it, are at the same tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from bridge.protocol import CallClass
from tests.turns import DESTINATION, five_a_second

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.turns import Desk

TICKETS = [f"t{number}" for number in range(600)]


async def waits(desk: Desk, ticket: str) -> None:
    """The ticket has asked for its call, and has its place."""
    await desk.open("a", ticket)
    (claimed,) = (await desk.store.claim("a", "job", 2_000)).tickets
    assert (await desk.pass_by(claimed, five_a_second("a", burst=1))).verdict == "paced"


async def finished_before(desk: Desk, ticket: str) -> None:
    """A worker of the version before has made its call and finished it: the place is not known to it."""
    link = f"{desk.prefix}:link:{ticket}"
    await desk.redis.zrem(f"{desk.prefix}:lane:a", ticket)
    await cast("Awaitable[int]", desk.redis.hdel(link, "holder", "claims"))


async def asked(desk: Desk, name: str) -> str:
    """The verdict for one who asks in the last class."""
    gate = five_a_second("z", burst=1, call_class=CallClass.QUIET, caller=True)
    return (await desk.store.rounds.pass_gate(name, gate, ())).verdict


@pytest.mark.parametrize("tickets", [TICKETS[:1], TICKETS])
async def test_a_place_that_an_older_worker_left_costs_nothing_of_the_pace(desk: Desk, tickets: list[str]) -> None:
    """Its ticket has nothing to do any more; the next moment is for who still waits, however many such places stand."""
    assert await asked(desk, "first") == "go"
    for ticket in tickets:
        await waits(desk, ticket)
        await finished_before(desk, ticket)
    assert await asked(desk, "last") == "paced"
    await desk.at(desk.now + 200)
    await desk.store.due()
    assert await asked(desk, "last") == "go"
    assert not await desk.redis.exists(f"{desk.prefix}:places:{DESTINATION}", f"{desk.prefix}:at:{tickets[0]}")


# --- a ticket's own rate ---------------------------------------------------------------------------------------------

CALLS, PER_MS, EACH_MS = 30, 600_000, 9_000
BEFORE_AT_ONCE, BEFORE_MS = 9, PER_MS / 22
"""How the version before keeps Zendesk's thirty updates of a ticket in ten minutes."""


async def wrote_before(desk: Desk) -> bool:
    """Whether a worker of the version before writes to the ticket now."""
    key = f"{desk.prefix}:pace:ticket:t"
    tat = max(float(await desk.redis.get(key) or 0), desk.now)
    if tat - (BEFORE_AT_ONCE - 1) * BEFORE_MS > desk.now:
        return False
    tat += BEFORE_MS
    await desk.redis.set(key, str(tat), px=int(tat - desk.now) + 60_000)
    return True


async def writes(desk: Desk) -> bool:
    """Whether one of this version does."""
    gate = five_a_second("a", ("ticket:t", PER_MS, CALLS), caller=True)
    return (await desk.store.rounds.pass_gate("t", gate, ())).verdict == "go"


async def written(desk: Desk, minutes: int, *writers: Callable[[Desk], Awaitable[bool]]) -> list[int]:
    """When it was written to, by these in turn, each as often as it may."""
    times = []
    for number in range(minutes * 60_000 // EACH_MS):
        await desk.at(desk.now + EACH_MS)
        times += [desk.now] if await writers[number % len(writers)](desk) else []
    return times


def fullest(times: Sequence[int]) -> int:
    """The most writes in any ten minutes."""
    return max(sum(at <= one < at + PER_MS for one in times) for at in times)


async def test_what_older_workers_wrote_to_a_ticket_counts(desk: Desk) -> None:
    """One update too many is answered 429, and the whole account waits; after ten minutes all of the rate is used."""
    times = await written(desk, 12, wrote_before)
    times += await written(desk, 2, wrote_before, writes)
    times += await written(desk, 12, writes)
    assert fullest(times) <= CALLS
    assert len(await written(desk, 20, writes)) == 2 * CALLS


async def test_a_ticket_that_no_older_worker_wrote_to_has_all_of_its_rate(desk: Desk) -> None:
    """What the version before kept is not begun anew."""
    assert len(await written(desk, 5, writes)) == CALLS
    assert not await desk.redis.exists(f"{desk.prefix}:pace:ticket:t")
