"""Silence: told when a sender that normally sends does not, and not at night, at weekends or on the first day."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import policies
from bridge.silence import BUCKET_MS, DAY, expected, last_ms, silence, usual

POLICY = policies.Silence()
NOW = 20_000 * DAY
"""Midnight of some day, in buckets of ten minutes."""


def days(count: int, per_bucket: int, *, hours: range = range(24), until: int = NOW) -> dict[int, int]:
    """So many days of deliveries before midnight, in these hours of each, up to the bucket ``until``."""
    buckets = range(NOW - count * DAY, until)
    return {bucket: per_bucket for bucket in buckets if bucket % DAY // 6 in hours}


def at(bucket: float) -> int:
    """A time in ms."""
    return int(bucket * BUCKET_MS)


def test_twenty_minutes_of_nothing_are_told_where_forty_are_usual() -> None:
    """With the time of the last delivery and how many are missed."""
    counts = days(8, 20, until=NOW - 2)
    found = silence(counts, at(NOW), POLICY)
    assert found
    assert (found.since_ms, found.missed) == (at(NOW - 2), 40)
    assert silence(counts, at(NOW - 0.5), POLICY) is None


@given(st.integers(1, 500), st.integers(0, 10 * DAY))
def test_whoever_was_just_heard_is_not_silent(count: int, ahead: int) -> None:
    """Whatever was before, one delivery ends it."""
    counts = {**days(8, 20), NOW + ahead: count}
    assert silence(counts, at(NOW + ahead + 1), POLICY) is None


@given(st.dictionaries(st.integers(NOW - 15 * DAY, NOW - 1), st.integers(0, 1_000), max_size=60))
def test_whoever_is_silent_stays_so_until_heard_while_days_are_alike(counts: dict[int, int]) -> None:
    """A night, in which little is usual, ends nothing: what is missed is added up."""
    steps = [silence(counts, at(NOW + hours * 6), POLICY) for hours in range(24)]
    told = [one is not None for one in steps]
    assert told == sorted(told)
    missed = [one.missed for one in steps if one]
    assert missed == sorted(missed)


@given(st.lists(st.integers(0, 100), min_size=DAY, max_size=DAY), st.integers(0, DAY - 1))
def test_a_day_like_the_others_is_never_silent(pattern: list[int], hour: int) -> None:
    """Nights are as quiet as nights are: whatever comes at its usual time misses nothing."""
    counts = {NOW + day * DAY + place: count for day in range(-8, 1) for place, count in enumerate(pattern) if count}
    heard = {bucket: count for bucket, count in counts.items() if bucket < NOW + hour}
    assert silence(heard, at(NOW + hour), POLICY) is None


def test_a_weekend_like_the_one_before_is_not_silent() -> None:
    """The median of seven days is a working day's; a week ago it was a weekend."""
    working = [day for day in range(-15, 0) if day % 7 not in {0, 1}]
    counts = {NOW + day * DAY + place: 20 for day in working for place in range(48, 108)}
    weekend = [day for day in range(-7, 0) if day % 7 in {0, 1}]
    assert weekend
    for day in weekend:
        heard = {bucket: count for bucket, count in counts.items() if bucket < NOW + day * DAY}
        assert silence(heard, at(NOW + day * DAY + 80), POLICY) is None
    broken = {bucket: count for bucket, count in counts.items() if bucket < NOW - 4 * DAY}
    assert silence(broken, at(NOW - 4 * DAY + 80), POLICY)


def test_a_quiet_sender_is_noticed_later() -> None:
    """Two in an hour are no alarm after twenty minutes, and one after six hours."""
    counts = dict.fromkeys(range(NOW - 8 * DAY, NOW, 6), 2)
    assert silence(counts, at(NOW + 12), POLICY) is None
    assert silence(counts, at(NOW + 36), POLICY)


@pytest.mark.parametrize("history", [0, 0.5])
def test_on_the_first_day_nothing_is_usual(history: float) -> None:
    """Nobody knows yet."""
    first = NOW - int(history * DAY)
    assert silence(dict.fromkeys(range(first, NOW - 6), 20), at(NOW), POLICY) is None


def test_with_less_than_a_week_the_days_there_are_count() -> None:
    """From the second day on."""
    counts = dict.fromkeys(range(NOW - DAY - 6, NOW - 3), 20)
    found = silence(counts, at(NOW), POLICY)
    assert found
    assert found.missed == 60


def test_it_may_be_switched_off_or_told_later() -> None:
    """As the account says."""
    counts = days(8, 20, until=NOW - 2)
    assert silence(counts, at(NOW), policies.Silence(enabled=False)) is None
    assert silence(counts, at(NOW), policies.Silence(silent_s=3_600)) is None
    assert silence(counts, at(NOW), policies.Silence(least=41)) is None


def test_what_is_usual_is_told() -> None:
    """In the last minutes, whole buckets of ten."""
    counts = days(8, 20)
    assert expected(counts, at(NOW), 1_200) == 40
    assert usual({}, NOW) == 0
    assert (last_ms({}), last_ms({NOW: 0}), last_ms({NOW - 1: 1})) == (0, 0, at(NOW))
