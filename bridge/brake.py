"""The brake on starts: pauses of one account or of all, a limit of starts a minute, and what waits because of them.

All of it stands in one hash in Redis, so it holds for all workers from the next start on, survives restarts, and is put
back after a loss of Redis' data by any process that has seen it (``bridge/generations.py``). Where Redis loses it while
no process runs, it is lost. Raises StoreUnavailable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from bridge import stored
from bridge.protocol import EVERY, LIMIT
from bridge.scripting import as_text
from bridge.start_waits import LATE_MS, known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.scripting import Scripts

RESUMED_MOST = 1_000
"""Tickets that one script lets go on."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when starts are held back, by whom and why. ``all``: an account that is, because all are."""

    since_ms: int = 0
    by: str = ""
    why: str = ""
    all: bool = False


@dataclass(frozen=True, slots=True)
class StartLimit:
    """So many starts a minute, of all accounts together, until then."""

    per_minute: int = 0
    until_ms: int = 0
    since_ms: int = 0
    by: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Brakes:
    """What holds starts back: ``every`` account, some by name, and the limit of all."""

    every: Pause | None
    accounts: Mapping[str, Pause]
    limit: StartLimit | None

    def of(self, account: str) -> Pause | None:
        """What holds this account; its own pause before that of all."""
        return self.own(account) or self.every or self.accounts.get(account)

    def own(self, account: str) -> Pause | None:
        """The pause of this account alone."""
        found = self.accounts.get(account)
        return found if found and not found.all else None


@dataclass(frozen=True, slots=True)
class WaitingStarts:
    """The starts of an account that wait for one cause: how many, how many of them long, and the first since when."""

    account: str
    cause: str
    count: int
    late: int
    oldest_ms: int


class Brake:
    """The brake on one store. What lets starts go on returns the lanes to wake."""

    def __init__(self, scripts: Scripts, lane_ms: int) -> None:
        self._scripts = scripts
        self._lane_ms = lane_ms

    async def pause(self, account: str, pause: Pause) -> None:
        """Hold back the account's starts."""
        await self._set({account: pause})

    async def pause_all(self, accounts: Iterable[str], pause: Pause) -> None:
        """Hold back all starts. Workers of the version before know accounts alone, so these are noted as well."""
        await self._set({EVERY: pause})
        async with self._scripts.redis.pipeline(transaction=False) as pipe:
            for account in accounts:
                pipe.hsetnx(self._key(), account, orjson.dumps(replace(pause, all=True)).decode())
            await self._scripts.guard(pipe.execute())

    async def resume(self, account: str) -> list[str]:
        """Let the account's own starts go on; not where all are paused."""
        brakes = await self.brakes()
        if brakes.every and account in brakes.accounts:
            await self._set({account: replace(brakes.every, all=True)})
            return []
        return await self._let_go(account)

    async def resume_all(self) -> list[str]:
        """Let the starts go on of all accounts that are not paused by name."""
        held = [name for name, one in (await self.brakes()).accounts.items() if one.all]
        await self._scripts.guard(self._scripts.redis.hdel(self._key(), EVERY, *held))
        return [lane for name in (EVERY, *held) for lane in await self._let_go(name)]

    async def limit(self, limit: StartLimit) -> list[str]:
        """So many starts a minute from now on; who waits for another limit asks again."""
        await self._set({LIMIT: limit})
        return await self._let_go(LIMIT, keep=True)

    async def no_limit(self) -> list[str]:
        """As many starts a minute as the pace allows."""
        return await self._let_go(LIMIT)

    async def now_ms(self) -> int:
        """By the server's clock, which ends the limit."""
        now_s, _ = await self._scripts.guard(self._scripts.redis.time())
        return int(now_s) * 1_000

    async def brakes(self) -> Brakes:
        """What holds starts back now. Reads only."""
        async with self._scripts.redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(self._key())
            pipe.time()
            found, (now_s, _) = await self._scripts.guard(pipe.execute())
        told = {as_text(name): text for name, text in found.items()}
        every, limit = told.pop(EVERY, None), told.pop(LIMIT, None)
        return Brakes(
            _pause(every) if every else None,
            {account: _pause(text) for account, text in told.items()},
            _in_force(limit, now_s * 1_000) if limit else None,
        )

    async def waiting(self, accounts: Sequence[str] = ()) -> tuple[list[WaitingStarts], dict[str, int]]:
        """The starts that wait; and of these accounts how many conversations were started in this hour."""
        rows, started = await self._scripts.run("starts_waiting", LATE_MS, orjson.dumps(accounts))
        waiting = [
            WaitingStarts(as_text(account), known(as_text(cause)), *map(int, numbers))
            for account, cause, *numbers in rows
        ]
        return waiting, dict(zip(accounts, map(int, started), strict=True))

    async def _let_go(self, name: str, *, keep: bool = False) -> list[str]:
        lanes: list[str] = []
        more = 1
        while more:
            more, *wake = await self._scripts.run("resume", name, self._lane_ms, RESUMED_MOST, int(keep))
            lanes += map(as_text, wake)
        return lanes

    async def _set(self, told: Mapping[str, Pause | StartLimit]) -> None:
        texts = {name: orjson.dumps(one) for name, one in told.items()}
        await self._scripts.guard(self._scripts.redis.hset(self._key(), mapping=texts))

    def _key(self) -> str:
        return f"{self._scripts.prefix}:paused"


def _in_force(text: bytes, now_ms: int) -> StartLimit | None:
    limit = stored.read(StartLimit, orjson.loads(text))
    return limit if limit.until_ms > now_ms else None


def _pause(text: bytes) -> Pause:
    """A version before this one stored the time alone."""
    try:
        found = orjson.loads(text)
    except ValueError:
        found = None
    return stored.read(Pause, found) if isinstance(found, dict) else Pause(_since(as_text(text)))


def _since(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1_000)
    except ValueError:
        return 0


# --- in words --------------------------------------------------------------------------------------------------------


def moment(at_ms: int) -> str:
    """A moment for people: 2026-12-01 04:55 UTC."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def told(one: Pause | StartLimit) -> str:
    """Since when, by whom and why, as far as is known."""
    since = f" since {moment(one.since_ms)}" if one.since_ms else ""
    by = f" by {one.by}" if one.by else ""
    return f"{since}{by}{f' ({one.why})' if one.why else ''}"


def held(account: str, own: bytes | None, every: bytes | None) -> str:
    """Why the starts of an account are held back, by what is stored; empty where they are not."""
    if every:
        return f"all accounts are paused{told(_pause(every))}: bridge resume --all lets their starts go on"
    return f"the account is paused{told(_pause(own))}: bridge resume {account} lets its starts go on" if own else ""


def noted(name: str, text: str) -> dict[str, str | int]:
    """What is stored under this name, for a log line; nothing of an account that is held because all are.

    Without the person's words.
    """
    if name == LIMIT:
        limit = stored.read(StartLimit, orjson.loads(text))
        return {"per_minute": limit.per_minute, "until": moment(limit.until_ms), "by": limit.by}
    pause = _pause(text.encode())
    return {} if pause.all else {"account": "all" if name == EVERY else name, "by": pause.by}
