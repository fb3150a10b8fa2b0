"""The window of a ticket's own rate, in Valkey, against a model of it: exact, and all of it is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from tests.turns import CLOCK

ASKED = """
local wait = window_wait(KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2]))
if wait == 0 then window_take(KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2])) end
return tostring(wait)
"""

asked = st.tuples(st.one_of(st.just(None), st.integers(0, 3_000)), st.booleans())
"""How many ms later, None for exactly when the last answer said; and whether it is one that gives way to others."""


@dataclass
class Model:
    """All calls that went out, and what is asked of them."""

    calls: int
    per_ms: int
    went: list[int] = field(default_factory=list)

    def asked(self, now: int, calls: int) -> int:
        """How long to wait; 0, and it goes."""
        inside = [at for at in self.went if at > now - self.per_ms]
        if len(inside) >= calls:
            return inside[-calls] + self.per_ms - now
        self.went.append(now)
        return 0

    def most(self) -> int:
        """How many went out in the fullest window."""
        return max((sum(at <= one < at + self.per_ms for one in self.went) for at in self.went), default=0)


class Window:
    """The two functions on a server, by a clock that moves when told."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.redis: Any = redis
        self.keys = [prefix, f"{prefix}:wrote:t"]
        self.redis.delete(self.keys[1])
        folder = resources.files("bridge.scripts")
        shared = "".join(folder.joinpath(name).read_text() for name in ("prelude.lua", "window.lua"))
        self.script = self.redis.register_script(f"{CLOCK}\n{shared}\n{ASKED}")

    def asked(self, now: int, calls: int, per_ms: int) -> int:
        """How long to wait; 0, and it goes."""
        self.redis.set(f"{self.keys[0]}:clock", now)
        return int(self.script(keys=self.keys, args=[calls, per_ms]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.integers(1, 7), per_ms=st.integers(500, 4_000), moves=st.lists(asked, max_size=60))
def test_the_window_is_exact(
    redis_url: str, prefix: str, calls: int, per_ms: int, moves: list[tuple[int | None, bool]]
) -> None:
    """It answers as the model, holds never more than is allowed, and who comes when it was told to goes."""
    with Redis.from_url(redis_url) as redis:
        window, model, now, wait = Window(redis, prefix), Model(calls, per_ms), 1_700_000_000_000, 0
        for later, gives_way in moves:
            now += wait if later is None else later
            limit = calls - calls // 3 if gives_way else calls
            wait = window.asked(now, limit, per_ms)
            assert wait == model.asked(now, limit)
        assert model.most() <= calls
        assert redis.llen(window.keys[1]) <= 2 * calls
        assert redis.pttl(window.keys[1]) <= per_ms


def test_all_that_is_allowed_is_used(redis_url: str, prefix: str) -> None:
    """Whoever waits as long as is said makes thirty calls in each ten minutes, in one burst or spread."""
    with Redis.from_url(redis_url) as redis:
        window, now, went = Window(redis, prefix), 1_700_000_000_000, 0
        end = now + 6_000_000
        while now < end:
            wait = window.asked(now, 30, 600_000)
            went, now = went + (wait == 0), now + wait
        assert went == 300
