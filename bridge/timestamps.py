"""Timestamps as senders write them, read into Unix milliseconds. Pure; nothing here raises for any text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Unit = Literal["s", "ms", "iso8601", "auto"]
"""``auto`` is a number of seconds or of milliseconds, told apart by its size."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_MOST_DIGITS: Final = 16
_MILLISECONDS_FROM: Final = 100_000_000_000
"""As seconds the year 5138, as milliseconds 1973: no sender of today is misread."""


def milliseconds(text: str, unit: Unit) -> int | None:
    """Unix milliseconds; None where the text is no timestamp of this unit."""
    return _READERS[unit](text)


def iso8601(text: str) -> int | None:
    """Unix milliseconds of an ISO 8601 date and time, cut to the millisecond; UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _since_1970(moment)


def zoned(text: str) -> int | None:
    """The same, where the text names its zone; None also where it does not: a local time of nobody knows where."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else _since_1970(moment)


def http_date(text: str) -> int | None:
    """Unix milliseconds of a ``Date`` header."""
    try:
        return _since_1970(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError):
        return None


def _since_1970(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND


def _digits(text: str) -> int | None:
    # int() alone would take signs, blanks, underscores and the digits of every script.
    return int(text) if len(text) <= _MOST_DIGITS and text.isascii() and text.isdigit() else None


def _seconds(text: str) -> int | None:
    number = _digits(text)
    return None if number is None else number * 1000


def _seconds_or_milliseconds(text: str) -> int | None:
    number = _digits(text)
    return number if number is None or number >= _MILLISECONDS_FROM else number * 1000


_READERS: Final[Mapping[Unit, Callable[[str], int | None]]] = {
    "s": _seconds,
    "ms": _digits,
    "iso8601": iso8601,
    "auto": _seconds_or_milliseconds,
}
