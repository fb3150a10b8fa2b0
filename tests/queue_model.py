"""The queue of one destination in a few plain lists: what ``scripts/queue.lua`` and ``gate.lua`` are to do."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

CLASSES = ("begun", "live", "settle", "start", "field", "quiet")
SHARES = {"settle": 10, "start": 12, "field": 30, "quiet": 30}
GRANTED_MS, SLACK_MS = 2_000, 50


@dataclass(frozen=True)
class Waiting:
    """One that waits. ``since`` orders those of a lane."""

    name: str
    call_class: str
    lane: str
    since: float


@dataclass
class QueueModel:
    """Time comes in; nothing is granted ahead of its moment."""

    interval_ms: float
    burst: int
    quiet_ms: float = 0.0
    waiting: dict[str, Waiting] = field(default_factory=dict)
    granted: dict[str, tuple[Waiting, float]] = field(default_factory=dict)
    tat: float = 0.0
    last: dict[str, float] = field(default_factory=dict)
    turns: dict[tuple[str, str], float] = field(default_factory=dict)
    had: dict[tuple[str, str], float] = field(default_factory=dict)
    at_turn: dict[str, float] = field(default_factory=dict)

    def ask(self, name: str, call_class: str, lane: str, now: float, since: float) -> str:
        """``go`` or ``paced``."""
        if self._at_once(call_class, now) or self._used(name, now):
            return "go"
        self._enqueue(Waiting(name, call_class, lane, since))
        self.look(now)
        return "go" if self._used(name, now) else "paced"

    def before(self, name: str) -> dict[str, int]:
        """How many stand before one that waits, by class."""
        own = self.waiting[name]
        counts = {
            one: sum(other.call_class == one for other in self.waiting.values())
            for one in CLASSES[: CLASSES.index(own.call_class)]
        }
        counts[own.call_class] = sum(
            other.since < own.since for other in self.waiting.values() if other.call_class == own.call_class
        )
        return {one: count for one, count in counts.items() if count}

    def look(self, now: float) -> None:
        """Grant all that the pace allows now."""
        self.granted = {name: kept for name, kept in self.granted.items() if kept[1] > now - GRANTED_MS}
        while call_class := self._next_class(now):
            at = self._moment(call_class, now)
            if at > now:
                return
            self.tat = max(self.tat, at) + self.interval_ms
            self._grant(call_class, at)

    def _at_once(self, call_class: str, now: float) -> bool:
        """Nobody waits, and the pace has room."""
        if self.waiting or self.granted or call_class == "quiet" or self._moment(call_class, now) > now:
            return False
        self.tat = max(self.tat, now) + self.interval_ms
        self.last[call_class] = now
        return True

    def _used(self, name: str, now: float) -> bool:
        in_time = max(self.burst * self.interval_ms, SLACK_MS)
        if name not in self.granted or now > self.granted[name][1] + in_time:
            return False
        del self.granted[name]
        return True

    def _enqueue(self, new: Waiting) -> None:
        late = self.granted.pop(new.name, None)
        old = late[0] if late else self.waiting.get(new.name)
        if old and CLASSES.index(old.call_class) <= CLASSES.index(new.call_class):
            new = Waiting(new.name, old.call_class, new.lane if late else old.lane, old.since)
        if new == self.waiting.get(new.name):
            return
        self._leave(new.name)
        self.waiting[new.name] = new
        place = new.call_class, new.lane
        if place not in self.turns:
            others = [turn for (one, _), turn in self.turns.items() if one == new.call_class]
            least = min(others, default=self.at_turn.get(new.call_class, 0.0))
            self.turns[place] = max(least, self.had.get(place, 0.0))

    def _leave(self, name: str) -> None:
        old = self.waiting.pop(name, None)
        if old is None:
            return
        place = old.call_class, old.lane
        if not any((one.call_class, one.lane) == place for one in self.waiting.values()):
            self.had[place] = self.turns.pop(place)

    def _next_class(self, now: float) -> str:
        best = ""
        for call_class in CLASSES:
            mine = [one.since for one in self.waiting.values() if one.call_class == call_class]
            last = self.last.get(call_class, 0.0)
            if not mine or (call_class == "quiet" and self.quiet_ms and now < last + self.quiet_ms):
                continue
            if not best:
                best = call_class
            elif now >= max(last, min(mine)) + SHARES.get(call_class, math.inf) * self.interval_ms:
                return call_class
        return best

    def _moment(self, call_class: str, now: float) -> float:
        worse = CLASSES.index(call_class) > CLASSES.index("settle")
        burst = math.ceil(self.burst / 2) if worse else self.burst
        return max(now, self.tat - (burst - 1) * self.interval_ms)

    def _grant(self, call_class: str, at: float) -> None:
        _, lane = min((turn, lane) for (one, lane), turn in self.turns.items() if one == call_class)
        mine = [one for one in self.waiting.values() if (one.call_class, one.lane) == (call_class, lane)]
        first = min(mine, key=lambda one: (one.since, one.name))
        self.last[call_class] = at
        self.at_turn[call_class] = self.turns[call_class, lane]
        self.turns[call_class, lane] += 1
        self._leave(first.name)
        self.granted[first.name] = first, at
