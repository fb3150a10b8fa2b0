"""Quiet hours end when the clock of their zone says so, also in the nights on which that clock is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.policies import QuietHours
from bridge.quiet import ends_ms

ZONES = """
America/Guayaquil America/New_York America/Santiago America/Asuncion America/Sao_Paulo America/Havana Europe/Madrid
Europe/Dublin Africa/Casablanca Asia/Tehran Asia/Beirut Australia/Lord_Howe Pacific/Apia Pacific/Chatham UTC
"""


def hours(begin: str = "21:00", end: str = "07:30", zone: str = "America/Guayaquil") -> QuietHours:
    """Quiet hours as a person writes them."""
    return QuietHours.model_validate({"from": begin, "to": end, "timezone": zone})


def ms(told: str, zone: str = "America/Guayaquil", fold: int = 0) -> int:
    """The moment at which the clock of a zone shows this."""
    return int(datetime.fromisoformat(told).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-04-14 20:59:59.999", ""),
        ("2026-04-14 21:00", "2026-04-15 07:30"),
        ("2026-04-14 23:59:59", "2026-04-15 07:30"),
        ("2026-04-15 00:00", "2026-04-15 07:30"),
        ("2026-04-15 07:29:59.999", "2026-04-15 07:30"),
        ("2026-04-15 07:30", ""),
        ("2026-12-31 22:00", "2027-01-01 07:30"),
    ],
)
def test_a_night_ends_in_the_morning(now: str, end: str) -> None:
    """To the millisecond at both ends; over midnight and the new year."""
    assert ends_ms(hours(), ms(now)) == (ms(end) if end else 0)


def test_a_midday_is_quiet_too() -> None:
    """Hours of one day, and all day but an hour."""
    assert ends_ms(hours("12:00", "14:00"), ms("2026-04-14 13:00")) == ms("2026-04-14 14:00")
    assert ends_ms(hours("12:00", "14:00"), ms("2026-04-14 14:00")) == 0
    assert ends_ms(hours("10:00", "09:00"), ms("2026-04-14 10:00")) == ms("2026-04-15 09:00")


def test_an_hour_that_is_left_out_ends_it() -> None:
    """New York puts its clock from 02:00 to 03:00: an end at 02:30 is that moment."""
    quiet = hours("21:00", "02:30", "America/New_York")
    assert ends_ms(quiet, ms("2026-03-08 01:00", "America/New_York")) == ms("2026-03-08 03:00", "America/New_York")


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    """It ends at the first 01:30, and is quiet again when the clock is put back over it."""
    zone, quiet = "America/New_York", hours("21:00", "01:30", "America/New_York")
    first, second = (ms("2026-11-01 01:30", zone, fold) for fold in (0, 1))
    assert ends_ms(quiet, ms("2026-11-01 00:30", zone)) == first
    assert ends_ms(quiet, first) == 0
    assert ends_ms(quiet, ms("2026-11-01 01:10", zone, fold=1)) == second == first + 3_600_000


def shown(at_ms: int, zone: str) -> str:
    """What a clock on the wall shows, as text that can be compared."""
    return (
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone)).strftime("%H:%M")
    )


def looked_up(begin: str, end: str, zone: str, now_ms: int) -> int:
    """The same by looking at the clock minute by minute."""

    def quiet(at_ms: int) -> bool:
        clock = shown(at_ms, zone)
        return begin <= clock < end if begin < end else clock >= begin or clock < end

    if not quiet(now_ms):
        return 0
    next_ms = (now_ms // 60_000 + 1) * 60_000
    while quiet(next_ms):
        next_ms += 60_000
    return next_ms


CLOCKS = st.times().map(lambda at: at.strftime("%H:%M"))


@given(
    zone=st.sampled_from(ZONES.split()),
    begin=CLOCKS,
    end=CLOCKS,
    now_ms=st.integers(ms("2008-01-01", "UTC"), ms("2030-01-01", "UTC")),
)
@example(zone="Pacific/Apia", begin="21:00", end="07:30", now_ms=ms("2011-12-29 23:00", "Pacific/Apia"))
@example(zone="America/New_York", begin="03:00", end="02:30", now_ms=ms("2026-03-08 01:00", "America/New_York"))
@example(zone="Australia/Lord_Howe", begin="01:00", end="02:15", now_ms=ms("2026-10-04 01:30", "Australia/Lord_Howe"))
@example(zone="America/New_York", begin="03:00", end="01:30", now_ms=ms("2026-11-01 01:10", "America/New_York", 1))
@example(zone="America/Santiago", begin="21:00", end="00:30", now_ms=ms("2026-09-05 23:00", "America/Santiago"))
def test_it_ends_when_a_clock_on_the_wall_says_so(zone: str, begin: str, end: str, now_ms: int) -> None:
    """In every zone, in every night, whichever hours are quiet."""
    if begin != end:
        assert ends_ms(hours(begin, end, zone), now_ms) == looked_up(begin, end, zone, now_ms)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"timezone": "America/Guayaqil"}, "is no time zone that is known; write it as America/Guayaquil"),
        ({"timezone": "America"}, "is no time zone"),
        ({"timezone": "../etc/passwd"}, "is no time zone"),
        ({"timezone": "/etc/localtime"}, "is no time zone"),
        ({"timezone": ""}, "is no time zone"),
        ({"timezone": "x\0y"}, "is no time zone"),
        ({"from": "21:00Z"}, "without a zone"),
        ({"to": 450}, "in quotes"),
        ({"from": "07:30"}, "from and to are the same"),
    ],
)
def test_hours_that_are_none_are_refused(told: dict[str, Any], words: str) -> None:
    """In words for the person who wrote them."""
    with pytest.raises(ValidationError, match=words):
        QuietHours.model_validate({"from": "21:00", "to": "07:30", "timezone": "UTC", **told})
