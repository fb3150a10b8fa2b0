"""Deliveries that proved their sender and could not be read: kept in Redis for a while, for ``bridge simulate``.

Such a body holds what a customer wrote and names no ticket: it goes by itself, after ``retention.unread_hours``, and
all of them go when anybody is forgotten. What proved the sender is not kept.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge import stored
from bridge.domain import Delivery
from bridge.scripting import as_text

if TYPE_CHECKING:
    from bridge.scripting import Scripts

MOST: Final = 200
"""So many are kept; the oldest go first."""

BYTES_MOST: Final = 262_144
"""Of one body; a longer one is kept cut."""

SHOWN: Final = ("content-type", "user-agent")
"""Headers that are kept, and all that begin with ``x-`` unless they prove the sender."""


@dataclass(frozen=True, slots=True)
class Unread:
    """One of them. ``problem`` says why, and holds nothing of the body."""

    id: str
    sender: str
    at_ms: int
    problem: str
    method: str
    url: str
    body: str = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def delivery(self) -> Delivery:
        """As it was received, but for its proof."""
        body = self.body.encode("utf-8", "surrogateescape")
        return Delivery(self.sender, self.method, self.url, self.headers, {}, body, self.at_ms)


def unread(delivery: Delivery, delivery_id: str, problem: str, proven_by: set[str]) -> Unread:
    """What is kept of a delivery; ``proven_by`` are the headers with its proof, in lower case."""
    told = {name: value for name, value in delivery.headers.items() if name in SHOWN or name.startswith("x-")}
    return Unread(
        id=delivery_id,
        sender=delivery.sender,
        at_ms=delivery.received_ms,
        problem=problem,
        method=delivery.method,
        url=delivery.url.partition("?")[0],
        body=delivery.body[:BYTES_MOST].decode("utf-8", "surrogateescape"),
        headers={name: value for name, value in told.items() if name not in proven_by},
    )


class Unreads:
    """Those of one store."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def _key(self, *names: str) -> str:
        return ":".join((self._scripts.prefix, "unread", *names))

    async def keep(self, one: Unread, hours: float) -> None:
        """Keep it for so long; for no time at all where ``hours`` is 0."""
        if not hours:
            return
        for_ms = round(hours * 3_600_000)
        async with self._scripts.redis.pipeline(transaction=False) as pipe:
            pipe.set(self._key(one.id), _dump(one), px=for_ms)
            pipe.zadd(self._key(), {one.id: one.at_ms})
            pipe.zremrangebyscore(self._key(), "-inf", one.at_ms - for_ms)
            pipe.zremrangebyrank(self._key(), 0, -MOST - 1)
            await self._scripts.guard(pipe.execute())

    async def all(self) -> list[Unread]:
        """All that are kept, newest first."""
        redis, guard = self._scripts.redis, self._scripts.guard
        names = [as_text(one) for one in await guard(redis.zrevrange(self._key(), 0, -1))]
        texts: list[Any] = await guard(redis.mget([self._key(one) for one in names])) if names else []
        return [_load(one) for one in texts if one is not None]

    async def one(self, delivery_id: str) -> Unread | None:
        """One of them, or None."""
        found = await self._scripts.guard(self._scripts.redis.get(self._key(delivery_id)))
        return None if found is None else _load(found)


def _dump(one: Unread) -> bytes:
    # A body need not be UTF-8; Latin-1 carries any bytes through JSON and back.
    raw = one.body.encode("utf-8", "surrogateescape").decode("latin-1")
    return orjson.dumps({**asdict(one), "body": raw})


def _load(text: bytes) -> Unread:
    one = stored.read(Unread, orjson.loads(text))
    return replace(one, body=one.body.encode("latin-1").decode("utf-8", "surrogateescape"))
