"""What is counted in ledgers of calls: percentiles, windows, shares, orders. Pure; times are seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WINDOWS_S = (1.0, 10.0, 60.0)
BURST = 0.05
"""Of a second's calls, or of a minute's where the limit is by the minute: so many more may come in any window."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``calls`` in ``per_s``, on top of a burst."""

    calls: float
    per_s: float

    def most(self, window_s: float) -> float:
        """The most calls of any window of this length."""
        return self.calls * window_s / self.per_s + max(1.0, BURST * self.calls)


def percentile(values: Iterable[float], of: float) -> float:
    """The nearest rank, ``of`` from 0 to 100; nan of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * of / 100) - 1)] if ordered else math.nan


def rate(times: Sequence[float], until: float = 0.0) -> float:
    """Calls a second, from the first to the last, or to ``until`` where more were to come. 0 of less than two."""
    if len(times) <= 1:
        return 0.0
    return (len(times) - 1) / max(max(until, *times) - min(times), 1e-9)


def fullest(times: Iterable[float], window_s: float) -> int:
    """The most calls in any window of this length, its end not included."""
    ordered, most, begin = sorted(times), 0, 0
    for end, at in enumerate(ordered):
        while at - ordered[begin] >= window_s:
            begin += 1
        most = max(most, end - begin + 1)
    return most


def over(times: Sequence[float], limit: Limit, window_s: float) -> float:
    """How many calls the fullest window of this length holds over the most; less than 0 where there was room."""
    return fullest(times, window_s) - limit.most(window_s)


def inverted(order: Sequence[float]) -> tuple[int, int]:
    """Pairs in the wrong order, and all pairs; ``order`` are the times of things in the order they should have."""
    pairs = list(combinations(order, 2))
    return sum(first > second for first, second in pairs), len(pairs)


def merged(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same time without overlaps, in order."""
    found: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def most_while(times: Sequence[float], spans: Iterable[tuple[float, float]], window_s: float) -> int:
    """The most of these calls in any window of this length that lies in one of the spans, its end not included."""
    return max((_most_in(times, *span, window_s) for span in merged(spans)), default=0)


def _most_in(times: Sequence[float], begin: float, end: float, window_s: float) -> int:
    if end - begin < window_s:
        return 0
    # A window with the most calls can be moved until it begins at a call, or ends where the span does.
    starts = [at for at in times if begin <= at <= end - window_s] + [end - window_s]
    return max(sum(start <= at < start + window_s for at in times) for start in starts)


def evenness(counts: Iterable[int]) -> float:
    """How many times as much the one with most has as the one with least; infinite where one has nothing."""
    ordered = sorted(counts)
    return ordered[-1] / ordered[0] if ordered and ordered[0] else math.inf
