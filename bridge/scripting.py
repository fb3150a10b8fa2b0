"""The way to Redis: scripts run, answers guarded. ``bridge.store`` and ``bridge.records`` speak through it.

Raises StoreUnavailable where Redis cannot be reached or cannot take the write, and StoreRefused where it refuses a step
of ours (``bridge.redis_errors``); nothing of redis-py leaves here.
"""

from __future__ import annotations

import asyncio
import secrets
from functools import cache
from importlib import resources
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from bridge import fullness, redis_errors
from bridge.errors import StoreRefused, StoreUnavailable, UnusableRedis
from bridge.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from redis.asyncio import Redis

T = TypeVar("T")

REDIS_CLOCK = "local function now() local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000) end"
"""The clock of the scripts. Tests give another text, so that time moves when told."""

SHARED = ("prelude.lua", "orphans.lua", "progress.lua", "window.lua", "queue.lua", "gate.lua", "removal.lua")
"""Put before every script."""

READING = frozenset({"overview"})
"""Scripts that write nothing, and so run where Redis takes no writes."""

UNFENCED = frozenset({"join"}) | READING
"""Scripts that run whatever generation the data is in."""

STALE = "GENERATION"
STALE_WORDS = "the data is not what this process knew"
FENCE = f"""
local generation = redis.call('HMGET', GENERATION, 'id', 'run_id')
if P .. 'generation:' .. (generation[1] or '') ~= KEYS[2] or generation[2] ~= run_id() then
  return redis.error_reply('{STALE} {STALE_WORDS}')
end
"""
"""Put between the shared part and a script: what was decided upon data that is gone is not carried out."""

STEP = """
local function step()
{text}
end
local answer = step()
if type(answer) == 'table' and answer.err then return answer end
return {{redis.call('INCR', SEQUENCE), answer}}
"""
"""Each step has a number, so that whoever was answered one knows later whether the data still holds it."""

ALONE = """
local function step()
{text}
end
return step()
"""
"""The same for one that is not fenced. In a function of its own: Lua has room for 200 local names in each."""

HASH_KEY_BYTES = 32

ACCEPTING = frozenset({"accept", "accept_conversation"})
"""Scripts that bring something new. A full Redis refuses them whole, before their first write; all others release
memory or finish what was begun, and run all the same. Told again after a loss they do as well: see ``again``."""

REFUSED_WHEN_FULL, RUNS_WHEN_FULL, WRITES_NOTHING = "#!lua\n", "#!lua flags=allow-oom\n", "#!lua flags=no-writes\n"
"""Must be the first bytes of a script; servers before 7.0 know no such line."""

CONFIRM_MS = 1_000
CONFIRMATIONS: dict[str, tuple[str | int, ...]] = {
    "": (),
    "aof": ("WAITAOF", 1, 0, CONFIRM_MS),
    "replica": ("WAIT", 1, CONFIRM_MS),
}
"""What an accepted delivery must have reached: nothing more than the server, its append-only file, or a replica."""


class StaleGenerationError(StoreUnavailable):
    """The data is of another generation than this process entered; nothing was done."""


async def _nowhere() -> None:
    """There is nothing to enter."""


class Scripts:
    """The scripts on one Redis, under one prefix of keys.

    ``enter`` is called before the first script, and when the data turns out to be of another generation; it sets
    ``generation``, and ``entered`` when all is told again that was lost: no step of ``run`` overtakes that. ``highest``
    is the greatest number of a step that was answered.
    """

    def __init__(self, redis: Redis, prefix: str, clock: str, confirm: str = "") -> None:
        self.redis = redis
        self.address = redis_errors.address(redis.connection_pool)
        self.prefix = prefix
        self.outage = Outage()
        self._confirmation = CONFIRMATIONS[confirm]
        self.generation = ""
        self.entered = False
        self.highest = 0
        self.enter: Callable[[], Awaitable[None]] = _nowhere
        self._scripts = {name: redis.register_script(text) for name, text in _texts(clock).items()}

    async def run(self, name: str, *args: Any, confirmed: bool = False) -> Any:
        """Run a script, in one round trip. After a loss the process enters the new generation first.

        ``confirmed``: raises StoreUnavailable unless the step has reached what ``confirm`` asks for.
        """
        if not self.entered:
            await self.enter()
        known = self.generation
        try:
            return await self.once(name, *args, confirmed=confirmed)
        except StaleGenerationError:
            # Somebody else of this process may have noticed it before.
            self.entered = self.entered and self.generation != known
            await self.enter()
        return await self.once(name, *args, confirmed=confirmed)

    async def once(self, name: str, *args: Any, confirmed: bool = False) -> Any:
        """Run a script as it is. Raises StaleGenerationError where the generation has ended; then it did nothing."""
        answer = await (self._confirmed(name, args) if confirmed else self.unfenced(name, *args))
        self.highest = max(self.highest, answer[0])
        return answer[1] if len(answer) > 1 else None

    async def in_order(self, steps: Sequence[tuple[str, tuple[str | bytes, ...]]]) -> list[Any]:
        """Run scripts one after the other, in one round trip: (name, arguments)... . Raises as ``once``.

        On one connection: on several, a later one can overtake.
        """
        if not steps:
            return []
        async with self.redis.pipeline(transaction=False) as pipe:
            for name, args in steps:
                await self._scripts[name](keys=self._keys(), args=args, client=pipe)
            answers = await self.guard(pipe.execute(raise_on_error=False))
        for one in answers:
            if isinstance(one, Exception):
                raise self._understood(one) from None
            self.highest = max(self.highest, one[0])
        return [one[1] if len(one) > 1 else None for one in answers]

    async def unfenced(self, name: str, *args: Any) -> Any:
        """Run a script and return all it answers."""
        return await self.guard(self._scripts[name](keys=self._keys(), args=args))

    def _keys(self) -> list[str]:
        """The generation goes as a key of ours, so that a user with rights on those alone may name it."""
        return [self.prefix, f"{self.prefix}:generation:{self.generation}"]

    async def _confirmed(self, name: str, args: tuple[Any, ...]) -> Any:
        """The script and the wait for it on one connection: the server waits for what that connection wrote.

        A repeat is a step as well, so one whose first time was not confirmed waits for it again.
        """
        if not self._confirmation:
            return await self.unfenced(name, *args)
        async with self.redis.pipeline(transaction=False) as pipe:
            await self._scripts[name](keys=self._keys(), args=args, client=pipe)
            pipe.execute_command(*self._confirmation)
            answer, reached = await self.guard(pipe.execute(raise_on_error=False))
        for one in (answer, reached):
            if isinstance(one, Exception):
                raise self._understood(one) from None
        if (reached[0] if isinstance(reached, list) else reached) < 1:
            msg = f"written, and not confirmed by {self._confirmation[0]} in time"
            raise StoreUnavailable(msg)
        return answer

    async def info(self) -> dict[str, Any]:
        """What the server says of itself. Raises UnusableRedis for one that the bridge cannot use."""
        told: dict[str, Any] = await self.guard(self.redis.info())
        if why := redis_errors.unusable(told):
            raise UnusableRedis(f"Redis at {self.address} {why}")
        return told

    async def synced(self) -> bool:
        """Whether this server is known to have each step on its disk before it answers. Managed ones do not tell.

        Not after a failover: a replica follows later. A master that was one tells of it in ``master_replid2``.
        """
        info = await self.info()
        if not info.get("aof_enabled") or str(info.get("master_replid2", 0)).strip("0"):
            return False
        try:
            fsync = await self.guard(self.redis.config_get("appendfsync"))
        except (StoreRefused, StoreUnavailable):
            return False
        return bool(fsync.get("appendfsync") == "always")

    async def guard(self, answer: Any) -> Any:
        """The awaited answer, untyped: redis-py types one method for its clients of both kinds."""
        try:
            answered = await answer
        except redis_errors.ERRORS as error:
            meant = self._understood(error)
            if meant is error:
                raise
            raise meant from None
        self.outage.answered()
        return answered

    def _understood(self, error: Exception) -> BaseException:
        """What an error of redis-py's means to us; itself where it is a bug of ours."""
        if redis_errors.code(error) == STALE:
            return StaleGenerationError(STALE_WORDS)
        meant = redis_errors.understood(error, self.address)
        if isinstance(meant, StoreUnavailable):
            self.outage.met(error, str(meant))
        return meant


def as_text(value: bytes | str | None) -> str:
    """What Redis answered, as text; nothing is the empty text."""
    return value.decode() if isinstance(value, bytes) else (value or "")


def new_hash_key() -> str:
    """What tombstones are hashed with, where there is no such key yet."""
    return secrets.token_hex(HASH_KEY_BYTES)


def again(script: str) -> str:
    """The script under which an accepted delivery is put back after a loss, into a full Redis too."""
    return f"{script}_again"


@cache
def _texts(clock: str) -> dict[str, str]:
    folder = resources.files("bridge.scripts")
    shared = f"{clock}\n{fullness.lua()}{''.join(folder.joinpath(name).read_text() for name in SHARED)}"
    names = [one.name for one in folder.iterdir() if one.name.endswith(".lua") and one.name not in SHARED]
    own = {name.removesuffix(".lua"): folder.joinpath(name).read_text() for name in names}
    steps = {
        name: ALONE.format(text=text) if name in UNFENCED else FENCE + STEP.format(text=text)
        for name, text in own.items()
    }
    head = f"local AGAIN = false\n{shared}"
    texts = {name: f"{_first_line(name)}{head}{text}" for name, text in steps.items()}
    told_again = {again(name): f"{RUNS_WHEN_FULL}local AGAIN = true\n{shared}{steps[name]}" for name in ACCEPTING}
    return texts | told_again


def _first_line(name: str) -> str:
    if name in READING:
        return WRITES_NOTHING
    return REFUSED_WHEN_FULL if name in ACCEPTING else RUNS_WHEN_FULL


async def persistently(attempt: Callable[[], Awaitable[T]], for_s: float, pause_s: float = 0.1) -> T:
    """Try ``attempt`` again while the store is unavailable, for ``for_s`` in all; then raise StoreUnavailable.

    At once where it will not pass by itself.

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
                    if not error.transient:
                        raise
                    last = error
                await asyncio.sleep(pause_s)
    except TimeoutError:
        pass
    raise last
