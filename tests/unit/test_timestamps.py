"""Timestamps: what senders write is read, and nothing else is."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.timestamps import Unit, http_date, milliseconds, zoned


@pytest.mark.parametrize(
    ("text", "unit", "found"),
    [
        ("1795184405", "s", 1_795_184_405_000),
        ("1795184405201", "ms", 1_795_184_405_201),
        ("1795184405", "auto", 1_795_184_405_000),
        ("1795184405201", "auto", 1_795_184_405_201),
        ("2026-11-20T14:20:05Z", "iso8601", 1_795_184_405_000),
        ("2026-11-20T14:20:05.118204112Z", "iso8601", 1_795_184_405_118),
        ("2026-11-20T09:20:05-05:00", "iso8601", 1_795_184_405_000),
        ("2026-11-20T14:20:05", "iso8601", 1_795_184_405_000),
        ("2026-11-20T14:20Z", "iso8601", 1_795_184_400_000),
        ("0001-01-01T00:00:00+23:59", "iso8601", -62_135_683_140_000),
        ("", "iso8601", None),
        ("yesterday", "iso8601", None),
        ("1795184405.5", "s", None),
        ("-1", "ms", None),
        ("17951844052017951", "ms", None),
    ],
)
def test_each_unit_is_read(text: str, unit: Unit, found: int | None) -> None:
    """Seconds, milliseconds and ISO 8601 become Unix milliseconds; the rest is no timestamp."""
    assert milliseconds(text, unit) == found


@given(text=st.text(st.characters()) | st.datetimes().map(str), unit=st.sampled_from(get_args(Unit)))
def test_any_text_is_a_moment_or_none(text: str, unit: Unit) -> None:
    """No text makes reading a timestamp raise."""
    found = milliseconds(text, unit)
    assert found is None or isinstance(found, int)


@pytest.mark.parametrize(
    ("text", "moment_ms"),
    [
        ("2026-11-20T14:20:05Z", 1_795_184_405_000),
        ("2026-11-20T09:20:05.201-0500", 1_795_184_405_201),
        ("2026-11-20T14:20:05", None),
        ("2026-11-20", None),
        ("", None),
        ("x", None),
    ],
)
def test_a_time_that_is_compared_names_its_zone(text: str, moment_ms: int | None) -> None:
    """A local time of nobody knows where would be hours off."""
    assert zoned(text) == moment_ms


@pytest.mark.parametrize(
    ("text", "moment_ms"),
    [
        ("Fri, 20 Nov 2026 14:20:05 GMT", 1_795_184_405_000),
        ("Fri, 20 Nov 2026 14:20:05 -0000", 1_795_184_405_000),
        ("Fri, 20 Nov 2026 25:20:05 GMT", None),
        ("", None),
        ("x", None),
    ],
)
def test_a_date_header_is_read(text: str, moment_ms: int | None) -> None:
    """Or is none, whatever a server writes."""
    assert http_date(text) == moment_ms


@given(text=st.text(st.characters()) | st.datetimes().map(str))
def test_any_text_is_a_compared_time_or_none(text: str) -> None:
    """Nothing is raised for any of them."""
    for found in (zoned(text), http_date(text)):
        assert found is None or isinstance(found, int)
