"""Clocks that a test moves, so that it need not sit through a time nor race against one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bridge.scripting import REDIS_CLOCK
from bridge.store import Store

if TYPE_CHECKING:
    import pytest
    from redis.asyncio import Redis

    from bridge.wiring import App

TWO_DAYS_MS = 172_800_000
"""Longer than the day after which an account gives up."""

AHEAD_CLOCK = (
    REDIS_CLOCK.replace("function now()", "function real_now()")
    + "\nlocal function now() return real_now() + tonumber(redis.call('GET', KEYS[1] .. ':ahead') or 0) end"
)


@dataclass
class WallClock:
    """A bridge's wall clock, which may be put forward. The scripts in Redis keep their own."""

    ahead_ms: int = 0

    def __call__(self, app: App) -> App:
        """The same bridge, by this clock."""
        return replace(app, now_ms=lambda: app.now_ms() + self.ahead_ms)


class ServerClock:
    """The clock of the scripts in Redis, by which leases end; it may be put forward. The processes keep their own."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis
        self._prefix = prefix

    def __call__(self, app: App) -> App:
        """The same bridge, with scripts that go by this clock."""
        store = Store(self._redis, prefix=self._prefix, clock=AHEAD_CLOCK, leases=app.store.leases)
        return replace(app, store=store)

    async def pass_ms(self, by_ms: int) -> None:
        """Time passes there."""
        await self._redis.incrby(f"{self._prefix}:ahead", by_ms)


class LoopClock:
    """The clock of the running event loop, by which every time limit in it ends; it may be put forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        real = loop.time
        self.ahead_s = 0.0
        monkeypatch.setattr(loop, "time", lambda: real() + self.ahead_s)

    async def pass_s(self, by_s: float) -> None:
        """Time passes: what was due by then is done."""
        self.ahead_s += by_s
        for _ in range(TURNS):
            await asyncio.sleep(0)


TURNS = 20
"""Of the loop, so that an exception has come through a few tasks."""
