"""Redis may lose what it said it had: a flush, a start from an old file, a failover to a late replica.

The data carries a generation. Each script names the one its process knows, and does nothing in another. A process
that finds itself in a new one enters it (``scripts/join.lua``), and where something was lost it tells again what it
keeps in its journals: deliveries it has answered 202 for, and starts and ends it has asked Jelou for. Every step of
both is harmless to repeat; each process keeps its own order, and between two of them there is none. Until all workers
that were alive have told, starts pause; ``workers/recovery.py`` says what comes then.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from bridge.journal import Entry, Journal
from bridge.scripting import again, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.scripting import Scripts

DELIVERIES_S = 60.0
STARTS_S = 120.0
"""Longer than deliveries: a delivery that is put back must find what became of its start."""

JOURNAL_BYTES = 16 * 1024 * 1024
"""Of each journal. Under a flood it reaches back less far; what is put back is counted, so that it can be told."""

TOGETHER = 64
"""Entries told again at a time."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What Redis lost. ``kind``: flushed, rolled back, or unvouched (restarted, and nobody knows whether all is there).

    Lost is what was written between ``since_ms`` and ``at_ms``, ``steps`` of it for certain. ``put_back`` deliveries
    and ``testified`` starts and ends were told again by the processes; ``awaited`` workers have not told theirs.
    """

    id: str
    kind: str
    at_ms: int
    since_ms: int
    steps: int
    put_back: int
    testified: int
    awaited: int


@dataclass(slots=True)
class Remembered:
    """What this process last saw of the data, in case it is gone: the newest sign of life, workers, paused accounts."""

    alive_ms: int = 0
    workers: list[tuple[str, int]] = field(default_factory=list)
    paused: list[tuple[str, str]] = field(default_factory=list)


class Generations:
    """The generation of one process' store. ``worker`` is its id as a worker, empty for any other process.

    ``memory`` is how full Redis was at the last sign of life, in thousandths; see ``bridge.fullness``. ``paused`` is
    what held starts back then; see ``bridge.brake``.
    """

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        scripts.enter = self.enter
        self.worker = ""
        self.memory = 0
        self.paused: dict[str, str] = {}
        self.deliveries = Journal(DELIVERIES_S, JOURNAL_BYTES)
        self.starts = Journal(STARTS_S, JOURNAL_BYTES)
        self.lost: Callable[[Loss], None] = lambda _: None
        self._remembered = Remembered()
        self._loss = ""
        self._wakes: set[str] = set()
        self._entering = asyncio.Lock()

    async def enter(self) -> None:
        """Enter the present generation; where something was lost, tell again what is in the journals.

        One that did not get to its end is begun anew by whoever comes next.
        """
        async with self._entering:
            if not self._scripts.entered:
                await self._join()
                self._scripts.entered = True

    async def _join(self) -> None:
        scripts = self._scripts
        known = scripts.generation
        remembered = self._remembered
        if self.worker and known:
            remembered.workers.append((self.worker, remembered.alive_ms))
        told = orjson.dumps(remembered)
        synced = int(await scripts.synced())
        answer = await scripts.unfenced("join", uuid4().hex, scripts.highest, synced, told)
        scripts.generation, loss = map(as_text, answer[:2])
        self._remembered.alive_ms = answer[2]
        if known and loss != self._loss:
            await self._tell_again(loss)
        self._loss = loss

    async def _tell_again(self, loss: str) -> None:
        """Starts before deliveries: a ticket that is put back must find that it has its conversation."""
        await self._hold_back_again()
        starts, deliveries = self.starts.entries(monotonic()), self.deliveries.entries(monotonic())
        await self._all(starts)
        answers = await self._all(deliveries)
        put_back = sum(as_text(answer[0]) != "duplicate" for answer in answers)
        await self._scripts.once("testified", loss, self.worker, put_back, len(starts))
        self._wakes.update(lane for pair in zip(deliveries, answers, strict=True) for lane in _lanes(*pair))
        found = await self.last_loss()
        if found is not None:
            self.lost(found)

    async def _hold_back_again(self) -> None:
        """What held starts back when this process last looked; who began the generation may not have looked yet."""
        async with self._scripts.redis.pipeline(transaction=False) as pipe:
            for name, text in self._remembered.paused:
                pipe.hsetnx(f"{self._scripts.prefix}:paused", name, text)
            await self._scripts.guard(pipe.execute())

    async def _all(self, entries: Sequence[Entry]) -> list[Any]:
        answers: list[Any] = []
        for first in range(0, len(entries), TOGETHER):
            some = entries[first : first + TOGETHER]
            answers += await self._scripts.in_order([(one.script, one.args) for one in some])
        return answers

    async def tick(self) -> list[str]:
        """Give a sign of life, and remember what is there. Returns lanes to wake for what was put back."""
        now, workers, paused, self.memory = await self._scripts.run("tick", self.worker)
        self.paused = dict(_pairs(paused))
        self._remembered = Remembered(
            now,
            [(name, int(at)) for name, at in _pairs(workers)],
            list(self.paused.items()),
        )
        wakes, self._wakes = self._wakes, set()
        return sorted(wakes)

    async def leave(self) -> None:
        """This worker has finished all it had: nobody has to wait for its word."""
        if self.worker and self._scripts.generation:
            await self._scripts.run("leave", self.worker)

    async def last_loss(self) -> Loss | None:
        """The last time that something was lost, or None."""
        key = self._scripts.prefix
        async with self._scripts.redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(f"{key}:loss")
            pipe.scard(f"{key}:awaited")
            told, awaited = await self._scripts.guard(pipe.execute())
        if not told:
            return None
        known = {as_text(name): as_text(value) for name, value in told.items()}
        return Loss(
            id=known.get("id", ""),
            kind=known.get("kind", ""),
            at_ms=int(known.get("at", 0)),
            since_ms=int(float(known.get("since", 0))),
            steps=int(known.get("steps", 0)),
            put_back=int(known.get("put_back", 0)),
            testified=int(known.get("testified", 0)),
            awaited=awaited,
        )


def _pairs(flat: Sequence[bytes]) -> list[tuple[str, str]]:
    texts = list(map(as_text, flat))
    return list(zip(texts[::2], texts[1::2], strict=True))


LANES_FROM = {again("accept"): 2, again("accept_conversation"): 4}
"""Where in a script's answer the lanes to wake begin."""


def _lanes(entry: Entry, answer: Sequence[bytes]) -> list[str]:
    return [lane for lane in map(as_text, answer[LANES_FROM[entry.script] :]) if lane]
