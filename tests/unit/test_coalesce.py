"""Coalescing: many requests, few runs, and each request its own result."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.coalesce import Coalesced

if TYPE_CHECKING:
    from collections.abc import Sequence


class BrokenError(Exception):
    """What a run may end in."""


@dataclass
class Runs:
    """Runs that note what each was asked, wait while ``gate`` is closed, and end in ``failing`` where it is set."""

    asked: list[list[int]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    failing: BrokenError | None = None

    def __post_init__(self) -> None:
        """Open at first."""
        self.gate.set()

    async def __call__(self, requests: Sequence[int]) -> Sequence[str]:
        """One run: each number as its text."""
        self.asked.append(list(requests))
        await self.gate.wait()
        if self.failing:
            raise self.failing
        return [str(request) for request in requests]


async def turns(count: int = 3) -> None:
    """Let everything that can go on go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_request_alone_goes_at_once() -> None:
    """No timer is waited for."""
    runs = Runs()
    assert await Coalesced(runs)(7) == "7"
    assert runs.asked == [[7]]


async def test_requests_of_the_same_turn_go_together() -> None:
    """Each gets its own result."""
    runs = Runs()
    ask = Coalesced(runs)
    assert await asyncio.gather(*map(ask, range(5))) == ["0", "1", "2", "3", "4"]
    assert runs.asked == [[0, 1, 2, 3, 4]]


async def test_what_is_asked_while_a_run_is_under_way_goes_in_the_next() -> None:
    """One run at a time."""
    runs = Runs()
    ask = Coalesced(runs)
    runs.gate.clear()
    first = asyncio.create_task(ask(1))
    await turns()
    later = [asyncio.create_task(ask(number)) for number in (2, 3)]
    await turns()
    assert runs.asked == [[1]]
    runs.gate.set()
    assert await asyncio.gather(first, *later) == ["1", "2", "3"]
    assert runs.asked == [[1], [2, 3]]


async def test_a_run_carries_no_more_than_most() -> None:
    """The rest goes in the runs after it, in the order it was asked."""
    runs = Runs()
    await asyncio.gather(*map(Coalesced(runs, most=2), range(5)))
    assert runs.asked == [[0, 1], [2, 3], [4]]


async def test_the_error_of_a_run_is_raised_for_each_of_its_requests() -> None:
    """And for no other: the next run is another chance."""
    away = BrokenError("away")
    runs = Runs(failing=away)
    ask = Coalesced(runs)
    first, second = await asyncio.gather(ask(1), ask(2), return_exceptions=True)
    assert first is second is away
    runs.failing = None
    assert await ask(3) == "3"


async def test_a_request_that_is_given_up_does_not_affect_the_others() -> None:
    """Its run goes on; the others get their results."""
    runs = Runs()
    ask = Coalesced(runs)
    runs.gate.clear()
    given_up, kept = asyncio.create_task(ask(1)), asyncio.create_task(ask(2))
    await turns()
    given_up.cancel()
    await turns()
    runs.gate.set()
    assert await kept == "2"
    with pytest.raises(asyncio.CancelledError):
        await given_up


async def test_a_request_that_is_given_up_before_its_failing_run_ends_is_left_alone() -> None:
    """Nobody waits for it any more, so nobody is told."""
    runs = Runs(failing=BrokenError("away"))
    ask = Coalesced(runs)
    runs.gate.clear()
    given_up, kept = asyncio.create_task(ask(1)), asyncio.create_task(ask(2))
    await turns()
    given_up.cancel()
    runs.gate.set()
    with pytest.raises(BrokenError):
        await kept


@given(st.lists(st.integers(0, 99), max_size=40), st.integers(1, 8))
def test_however_many_each_request_gets_its_own_result(requests: list[int], most: int) -> None:
    """In order, none twice, none left out, and never more than fit in a run."""
    runs = Runs()

    async def ask_all() -> list[str]:
        return await asyncio.gather(*map(Coalesced(runs, most=most), requests))

    assert asyncio.run(ask_all()) == [str(request) for request in requests]
    assert [one for run in runs.asked for one in run] == requests
    assert all(0 < len(run) <= most for run in runs.asked)
