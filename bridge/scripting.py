"""The way to Redis: scripts run, answers guarded. ``bridge.store`` and ``bridge.records`` speak through it.

Raises StoreUnavailable where Redis cannot be reached or cannot take the write; nothing else of redis-py leaves here.
"""

from __future__ import annotations

import asyncio
from importlib import resources
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from redis import exceptions

from bridge.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis

T = TypeVar("T")

REDIS_CLOCK = "local function now() local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000) end"
"""The clock of the scripts. Tests give another text, so that time moves when told."""

SHARED = ("prelude.lua", "gate.lua", "removal.lua")
"""Put before every script."""

UNAVAILABLE = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.InvalidResponse, OSError)
CANNOT_TAKE = (exceptions.OutOfMemoryError, exceptions.ReadOnlyError, exceptions.NoPermissionError)
CANNOT_TAKE_CODES = ("OOM", "READONLY", "MISCONF", "MASTERDOWN", "NOREPLICAS")
"""redis-py has no class for some of them, and those raised inside a script keep their code as text."""


class Scripts:
    """The scripts on one Redis, under one prefix of keys."""

    def __init__(self, redis: Redis, prefix: str, clock: str) -> None:
        self.redis = redis
        self.prefix = prefix
        self._scripts = {name: redis.register_script(text) for name, text in _texts(clock).items()}

    async def run(self, name: str, *args: Any) -> Any:
        """Run a script, in one round trip."""
        return await self.guard(self._scripts[name](keys=[self.prefix], args=args))

    async def guard(self, answer: Any) -> Any:
        """The awaited answer, untyped: redis-py types one method for its clients of both kinds."""
        try:
            return await answer
        except UNAVAILABLE as error:
            raise StoreUnavailable(type(error).__name__) from error
        except exceptions.ResponseError as error:
            if isinstance(error, CANNOT_TAKE) or str(error).startswith(CANNOT_TAKE_CODES):
                raise StoreUnavailable(str(error)[:80]) from error
            raise


def as_text(value: bytes | str | None) -> str:
    """What Redis answered, as text; nothing is the empty text."""
    return value.decode() if isinstance(value, bytes) else (value or "")


def _texts(clock: str) -> dict[str, str]:
    folder = resources.files("bridge.scripts")
    prelude = f"{clock}\n{''.join(folder.joinpath(name).read_text() for name in SHARED)}"
    names = [one.name for one in folder.iterdir() if one.name.endswith(".lua") and one.name not in SHARED]
    return {name.removesuffix(".lua"): prelude + folder.joinpath(name).read_text() for name in names}


async def persistently(attempt: Callable[[], Awaitable[T]], for_s: float, pause_s: float = 0.1) -> T:
    """Try ``attempt`` again while the store is unavailable, for ``for_s`` in all; then raise StoreUnavailable.

    A server that answers nothing is cut off in time as well: the sender has a limit of its own.
    """
    last = StoreUnavailable("no answer in time")
    until = monotonic() + for_s
    try:
        async with asyncio.timeout(for_s):
            # By the clock as well: redis-py writes in asyncio.wait_for, and before Python 3.12 that swallows a
            # cancellation which comes just as the write is done.
            while monotonic() < until:
                try:
                    return await attempt()
                except StoreUnavailable as error:
                    last = error
                await asyncio.sleep(pause_s)
    except TimeoutError:
        pass
    raise last
