"""A connection to Redis that is reset just before it is written to is Redis away, and no fault of the bridge's."""

from __future__ import annotations

import pytest
import uvloop
from redis.asyncio import Redis

from bridge.errors import StoreUnavailable
from bridge.scripting import REDIS_CLOCK, Scripts


def test_a_write_on_a_connection_that_was_reset_is_tried_again(redis_url: str) -> None:
    """On the loop that the workers run on, which has an error of its own for it; the next try has a new connection."""

    async def written_after_a_reset() -> None:
        redis = Redis.from_url(redis_url, single_connection_client=True, socket_timeout=5)
        scripts = Scripts(redis, "closed", REDIS_CLOCK)
        await scripts.guard(redis.ping())
        assert redis.connection is not None
        redis.connection._writer.transport.abort()  # noqa: SLF001 - a reset, on time
        with pytest.raises(StoreUnavailable):
            await scripts.guard(redis.ping())
        assert await scripts.guard(redis.ping())
        await redis.aclose()

    uvloop.run(written_after_a_reset())
