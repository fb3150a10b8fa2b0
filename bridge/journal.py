"""What a process has done lately, kept in its memory for the case that Redis forgets it. Pure: time comes in."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """One step that can be repeated without harm: the script and what it was given. ``at_s`` is a monotonic time."""

    script: str
    args: tuple[str | bytes, ...]
    at_s: float

    @property
    def bytes(self) -> int:
        """What it weighs."""
        return sum(map(len, self.args))


@dataclass(slots=True)
class Journal:
    """The newest entries, oldest first: at most ``keep_s`` seconds and ``most_bytes`` of them."""

    keep_s: float
    most_bytes: int
    _entries: OrderedDict[str, Entry] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def note(self, key: str, entry: Entry) -> None:
        """Keep the entry, in the place of an earlier one of this key."""
        self.forget(key)
        self._entries[key] = entry
        self._bytes += entry.bytes
        while self._too_much(entry.at_s):
            self._drop(*self._entries.popitem(last=False))

    def forget(self, key: str) -> None:
        """Keep it no longer; harmless where it is not kept."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._drop(key, entry)

    def entries(self, now_s: float) -> list[Entry]:
        """What is young enough at ``now_s``."""
        return [entry for entry in self._entries.values() if now_s - entry.at_s <= self.keep_s]

    def _too_much(self, now_s: float) -> bool:
        if len(self._entries) <= 1:
            return False
        oldest = next(iter(self._entries.values()))
        return self._bytes > self.most_bytes or now_s - oldest.at_s > self.keep_s

    def _drop(self, _key: str, entry: Entry) -> None:
        self._bytes -= entry.bytes
