"""The close package: one note that says how a conversation went, when it is over. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

import orjson

from bridge import stored
from bridge.wording import in_words, known, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.domain import Assignment
    from bridge.policies import Language

MOST: Final = 20_000
"""Characters. A comment of Zendesk's takes 65,535, others less, and nobody reads more."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the transcript: when, who, what."""

    at_ms: int
    who: Literal["agent", "customer"]
    text: str

    @classmethod
    def load(cls, text: bytes) -> Entry:
        """A line of the transcript as it is stored, by whichever version."""
        return stored.read(cls, orjson.loads(text))


def close_package(
    entries: Sequence[Entry],
    language: Language,
    *,
    outcome: str = "",
    assignment: Assignment | None = None,
    started_ms: int = 0,
    ended_ms: int = 0,
    most: int = MOST,
) -> str:
    """The note's text, at most ``most`` characters; where the transcript is longer, its middle is left out and counted.

    Times are in UTC; one that is 0 is not known and not said. ``outcome`` is Jelou's word, or one of ours.
    """
    lines = [
        say(language, "package"),
        say(language, "package.outcome", outcome=_outcome(outcome, language)),
        say(language, "package.assigned", to=in_words(language, assignment)),
        *_times(entries, language, started_ms, ended_ms),
        _counts(entries, language),
    ]
    if entries:
        head = "\n".join((*lines, "", say(language, "package.transcript"), ""))
        lines = [head + "\n".join(_transcript(entries, language, most - len(head)))]
    return "\n".join(lines)[: max(most, 0)]


def _outcome(outcome: str, language: Language) -> str:
    return known(language, f"outcome.{outcome or 'not_told'}", outcome)


def _times(entries: Sequence[Entry], language: Language, started_ms: int, ended_ms: int) -> Iterable[str]:
    if started_ms:
        yield say(language, "package.started", at=_at(started_ms))
    if ended_ms:
        yield say(language, "package.ended", at=_at(ended_ms))
    if started_ms and ended_ms:
        yield say(language, "package.lasted", duration=duration(ended_ms - started_ms))
    waited_ms = first_answer_ms(entries)
    if waited_ms is not None:
        yield say(language, "package.first_answer", duration=duration(waited_ms))


def first_answer_ms(entries: Iterable[Entry]) -> int | None:
    """How long the customer's first message waited for an agent's; None where it was not answered."""
    asked_ms = None
    for entry in entries:
        if entry.who == "customer" and asked_ms is None:
            asked_ms = entry.at_ms
        if entry.who == "agent" and asked_ms is not None:
            return max(0, entry.at_ms - asked_ms)
    return None


def _counts(entries: Iterable[Entry], language: Language) -> str:
    who = [entry.who for entry in entries]
    return say(language, "package.messages", customer=who.count("customer"), agent=who.count("agent"))


def _at(at_ms: int) -> str:
    try:
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        # No year that people know.
        return f"{at_ms} ms"


def duration(ms: int) -> str:
    """For people, in its two largest units: "1 h 5 min", "12 s". The abbreviations are those of all our languages."""
    left = max(0, ms) // 1000
    told = []
    for unit, seconds in UNITS:
        count, left = divmod(left, seconds)
        told.append((count, unit))
    first = next((at for at, (count, _) in enumerate(told) if count), len(told) - 1)
    return " ".join(f"{count} {unit}" for count, unit in told[first : first + 2] if count or first == len(told) - 1)


UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


# --- the transcript --------------------------------------------------------------------------------------------------


def _transcript(entries: Sequence[Entry], language: Language, room: int) -> list[str]:
    lines = [_line(entry, language) for entry in entries]
    if _length(lines) <= room:
        return lines
    left = max(0, room - len(say(language, "package.cut", messages=len(lines))) - 1)
    # No single message takes the room of all others.
    lines = [_shortened(line, left // 4) for line in lines]
    first = _fitting(lines, left // 2)
    last = _fitting(lines[len(first) :][::-1], left - _length(first))[::-1]
    out = len(lines) - len(first) - len(last)
    return [*first, *([say(language, "package.cut", messages=out)] if out else []), *last]


def _line(entry: Entry, language: Language) -> str:
    who = say(language, "package.agent" if entry.who == "agent" else "package.customer")
    text = entry.text.strip().replace("\n", "\n  ")
    return f"[{_at(entry.at_ms).removesuffix(' UTC')}] {who}: {text}"


def _length(lines: Iterable[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _shortened(line: str, most: int) -> str:
    return line if len(line) <= most else f"{line[: max(0, most - 1)]}\u2026"


def _fitting(lines: Iterable[str], room: int) -> list[str]:
    found: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        found.append(line)
    return found
