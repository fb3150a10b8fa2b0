"""Whether a sender is silent: it sends nothing, and on the days before it did at this time of day. Pure.

Counted by ten minutes (``HEARD_MS`` in scripts/prelude.lua). What is missed is added up from the last delivery on, so
that a night ends no alarm and a quiet sender is noticed too, only later. Usual for ten minutes is the median of the
same ten minutes on the seven days before, or what it was a week ago if that is less: weekends are quiet every week.
With less than a week of history it is the median of the days there are; on the first day nothing is usual.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge import policies

BUCKET_MS: Final = 600_000
DAY: Final = 144
"""Buckets in a day."""

WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing has come since ``since_ms``; ``missed`` is how many would have, as the days before were."""

    since_ms: int
    missed: int


def last_ms(counts: Mapping[int, int]) -> int:
    """The end of the ten minutes in which something came last; 0 where nothing ever did."""
    heard = [bucket for bucket, count in counts.items() if count > 0]
    return (max(heard) + 1) * BUCKET_MS if heard else 0


def usual(counts: Mapping[int, int], bucket: int) -> float:
    """How many normally come in these ten minutes; 0 where nobody knows."""
    first = min(counts, default=bucket)
    days = [counts.get(bucket - day * DAY, 0) for day in range(1, WEEK + 1) if bucket - day * DAY >= first]
    if not days:
        return 0.0
    return min(float(median(days)), days[-1]) if len(days) == WEEK else float(median(days))


def expected(counts: Mapping[int, int], now_ms: int, for_s: float) -> int:
    """How many normally come in the last ``for_s``, whole buckets of it."""
    last = now_ms // BUCKET_MS
    return round(sum(usual(counts, bucket) for bucket in range(last - max(1, int(for_s * 1000) // BUCKET_MS), last)))


def silence(counts: Mapping[int, int], now_ms: int, policy: policies.Silence) -> Silence | None:
    """Whether it is silent now. None where it is not, or where that is not to be told."""
    since = last_ms(counts)
    if not policy.enabled or not since or now_ms - since < policy.silent_s * 1000:
        return None
    missed = round(sum(usual(counts, bucket) for bucket in range(since // BUCKET_MS, now_ms // BUCKET_MS)))
    return Silence(since, missed) if missed >= policy.least else None
