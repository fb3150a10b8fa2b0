"""What a process knows of handed-over secrets: never older than a second, and asked for by one at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from bridge.errors import StoreUnavailable
from bridge.handover import FRESH_S, HEARD_S, Handover
from bridge.rotations import Rotation, Rotations, digest_of

NOTHING = Rotation()
NEW = Rotation(secrets=("new", "old"), until_ms=10_000, rotated_ms=1_000, digest=digest_of("new"))


@dataclass
class Asked:
    """A Redis that counts its questions, and answers when it is let."""

    told: Rotation = NOTHING
    away: bool = False
    questions: int = 0
    let: asyncio.Event = field(default_factory=asyncio.Event)

    async def known(self, _project: str) -> Rotation:
        """As ``Rotations.known``."""
        self.questions += 1
        await self.let.wait()
        if self.away:
            msg = "away"
            raise StoreUnavailable(msg)
        return self.told


@dataclass
class Process:
    """A process at a moment that the test sets."""

    redis: Asked = field(default_factory=Asked)
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.redis.let.set()
        rotations = cast("Rotations", self.redis)
        self.handover = Handover(rotations, lambda: self.now_s, lambda: round(self.now_s * 1000))


async def test_an_answer_is_good_for_a_second() -> None:
    """And then it is asked again; what is asked for sooner is asked sooner."""
    process = Process()
    for process.now_s in (0.0, 0.5, FRESH_S - 0.01):
        assert await process.handover.known("p") == Rotation()
    process.redis.told = NEW
    process.now_s = FRESH_S
    assert await process.handover.known("p") == NEW
    assert process.redis.questions == 2
    process.now_s += 0.1
    await process.handover.known("p", 0.1)
    assert process.redis.questions == 3


async def test_many_share_one_question() -> None:
    """Also while its answer is on its way, and when one of those who wait goes away."""
    process = Process()
    process.redis.let.clear()
    many = [asyncio.create_task(process.handover.known("p")) for _ in range(20)]
    await asyncio.sleep(0)
    many[0].cancel()
    process.redis.let.set()
    assert await asyncio.gather(*many[1:]) == [Rotation()] * 19
    assert process.redis.questions == 1


async def test_a_redis_that_is_away_is_asked_once_a_second_too() -> None:
    """Strangers must not make the process knock on it all the time."""
    process = Process(Asked(away=True))
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await process.handover.known("p")
    assert (process.redis.questions, process.handover.fresh("p")) == (1, None)
    process.redis.away = False
    process.now_s = FRESH_S
    assert await process.handover.known("p") == Rotation()


async def test_what_is_known_is_told_without_asking() -> None:
    """As long as it is fresh."""
    process = Process()
    assert process.handover.fresh("p") is None
    await process.handover.known("p")
    assert process.handover.fresh("p") == Rotation()
    process.now_s = FRESH_S
    assert (process.handover.fresh("p"), process.redis.questions) == (None, 1)


async def test_a_redis_that_was_emptied_takes_nothing_from_who_knew() -> None:
    """For the grace time the process goes on accepting what it was handed, and hears of the next rotation."""
    process = Process(Asked(NEW))
    await process.handover.known("p")
    process.now_s, process.redis.told = 9.0, Rotation(rotating=True)
    assert await process.handover.known("p") == replace(NEW, rotating=True)
    process.now_s = 10.0
    assert await process.handover.known("p") == Rotation(rotating=True)


def test_what_was_noted_is_heard_before_jelou_is_asked() -> None:
    """The wait is longer than the oldest answer that any process may still go by."""
    assert HEARD_S > FRESH_S


def test_a_digest_tells_secrets_apart_and_none_of_them() -> None:
    """The same secret is found again; its text is not in it."""
    assert digest_of("a") == digest_of("a") != digest_of("b")
    assert "secret" not in digest_of("secret")
