"""The queue before every call while workers of the version before, which do not know it, are at the same tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from bridge.protocol import CallClass
from tests.turns import DESTINATION, five_a_second

if TYPE_CHECKING:
    from collections.abc import Awaitable

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
    await desk.store.look()
    assert await asked(desk, "last") == "go"
    assert not await desk.redis.exists(f"{desk.prefix}:places:{DESTINATION}", f"{desk.prefix}:at:{tickets[0]}")
