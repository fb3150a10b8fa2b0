"""What several of the integration tests begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.steps import Steps
from tests.turns import Desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis


@pytest.fixture
async def steps(redis: Redis, prefix: str) -> Steps:
    """A store whose clock stands still until it is told to move."""
    steps = Steps(redis, prefix)
    await steps.pass_ms(0)
    return steps


@pytest.fixture
async def desk(redis: Redis, prefix: str) -> Desk:
    """A desk at its first moment."""
    desk = Desk(redis, prefix)
    await desk.at(desk.now)
    return desk


@pytest.fixture
async def stored(redis: Redis, prefix: str) -> AsyncIterator[None]:
    """Fails where the test left anything in Redis, but for the web's own sign of life and what was refused."""
    yield
    life = {f"{prefix}:{name}".encode() for name in ("alive", "generation", "sequence")}
    left = {key async for key in redis.scan_iter(f"{prefix}:*")} - life
    beside = (f"{prefix}:unread".encode(), f"{prefix}:refused".encode())
    assert not {key for key in left if not key.startswith(beside)}
