"""What several of the integration tests begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.steps import Steps
from tests.turns import Desk

if TYPE_CHECKING:
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
