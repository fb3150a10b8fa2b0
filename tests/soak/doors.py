"""The web's own rows: what strangers get, and how long genuine senders wait for their answer beside them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.measures import percentile
from tests.soak.findings import Example, Finding, none_of
from tests.soak.spans import touched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.soak.records import Answered, Records
    from tests.soak.spans import Span

STRUCK = frozenset({"web", "webhooks", "redis"})
"""What an answer needs; while one of them is struck, it may take long."""

AFTER_MS = 2_000
"""What was held up by a fault is answered by then."""

ANSWER_MOST_S = 0.5
ANSWER_OF = 99
REFUSED = 400
TAKEN = 202


def strangers_taken(records: Records) -> Finding:
    """A body that nobody has proven is never taken."""
    taken = sum(count for status, count in records.stranger.items() if 0 < status < REFUSED)
    return Finding(f"{taken} of {sum(records.stranger.values())}", held=taken == 0)


def late_answers(records: Records) -> Finding:
    """A genuine sender does not wait for strangers."""
    judged = _undisturbed(records)
    waits = [one.after_ms / 1000 for one in judged]
    if not waits:
        return Finding("none", held=True)
    worst, longest = percentile(waits, ANSWER_OF), max(judged, key=lambda one: one.after_ms)
    told = Example("", f"the longest took {longest.after_ms} ms and was answered {longest.status or 'nothing'}")
    slow = worst >= ANSWER_MOST_S
    return Finding(f"{worst:.2f} s of {len(waits):,}", not slow, (told,) if slow else ())


def refused(records: Records) -> Finding:
    """What strikes nothing that an answer needs costs no sender a delivery; nor does a fault that is over."""
    bad = [one for one in _undisturbed(records) if one.status != TAKEN]
    return none_of(Example("", f"answered {one.status or 'nothing'} after {one.after_ms} ms") for one in bad)


def _undisturbed(records: Records) -> list[Answered]:
    out = list(_faults(records))
    return [one for one in records.answered if not touched((one.at_ms, one.at_ms + one.after_ms), out)]


def _faults(records: Records) -> Iterator[Span]:
    return ((one.from_ms, one.to_ms + AFTER_MS) for one in records.struck if one.target in STRUCK)
