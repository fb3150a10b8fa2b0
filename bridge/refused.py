"""The refused deliveries that are kept in Redis, a day each: a hash of each sender's, and the senders by time."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import orjson

from bridge import stored
from bridge.pages import Page, Place, spelled
from bridge.refusals import DAY_MS, LATELY_MS, PER_REASON, UNKNOWN, RefusedDelivery
from bridge.scripting import as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.refusals import Asked
    from bridge.scripting import Scripts


class RefusedDeliveries:
    """Those of one store."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def keep(self, some: Sequence[RefusedDelivery], now_ms: int) -> None:
        """Count these with those that are kept already."""
        items = [{"one": asdict(one), "field": _field(one)} for one in _newest(some)]
        told = {"items": items, "since_ms": now_ms - DAY_MS, "keep_ms": DAY_MS, "most": PER_REASON}
        await self._scripts.run("keep_refused", orjson.dumps(told))

    async def of(self, senders: Sequence[str], now_ms: int) -> list[RefusedDelivery]:
        """These senders', newest first."""
        return await self._of(senders, now_ms)

    async def all(self, now_ms: int) -> list[RefusedDelivery]:
        """All senders', newest first."""
        key = f"{self._scripts.prefix}:refused"
        names = await self._scripts.guard(self._scripts.redis.zrange(key, 0, -1))
        return await self._of(list(map(as_text, names)), now_ms)

    async def lately(self, now_ms: int) -> list[RefusedDelivery]:
        """Those of known senders within ``LATELY_MS``, newest first. One command where there are none."""
        since, redis = now_ms - LATELY_MS, self._scripts.redis
        names = await self._scripts.guard(redis.zrangebyscore(f"{self._scripts.prefix}:refused", since, "+inf"))
        found = await self._of([name for name in map(as_text, names) if name != UNKNOWN], now_ms)
        return [one for one in found if one.last_ms >= since]

    async def page(self, asked: Asked, *, after: Place | None, most: int, now_ms: int) -> Page[RefusedDelivery]:
        """Those that are asked for, newest first, behind the place where the last page ended."""
        found = await (self.of([asked.sender], now_ms) if asked.sender else self.all(now_ms))
        wanted = [one for one in found if asked.reason in {"", one.reason}]
        rest = [one for one in wanted if after is None or _place(one) < after]
        shown = rest[:most]
        return Page(shown, spelled(_place(shown[-1])) if len(rest) > most else "")

    async def _of(self, senders: Sequence[str], now_ms: int) -> list[RefusedDelivery]:
        if not senders:
            return []
        async with self._scripts.redis.pipeline(transaction=False) as pipe:
            for sender in senders:
                pipe.hgetall(f"{self._scripts.prefix}:refused:{sender}")
            found = await self._scripts.guard(pipe.execute())
        every = [stored.read(RefusedDelivery, orjson.loads(text)) for texts in found for text in texts.values()]
        return sorted((one for one in every if one.last_ms > now_ms - DAY_MS), key=_place, reverse=True)


def _newest(some: Sequence[RefusedDelivery]) -> list[RefusedDelivery]:
    """Of each sender and reason as many as are kept: the others would hold Redis only to be removed."""
    alike: dict[tuple[str, str], list[RefusedDelivery]] = {}
    for one in sorted(some, key=_place, reverse=True):
        alike.setdefault((one.sender, one.reason), []).append(one)
    return [one for group in alike.values() for one in group[:PER_REASON]]


def _place(one: RefusedDelivery) -> Place:
    return Place(one.last_ms, f"{one.sender} {_field(one)}")


def _field(one: RefusedDelivery) -> str:
    return " ".join(map(str, one.key[1:]))
