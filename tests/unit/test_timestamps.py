"""Timestamps: what senders write is read, and nothing else is."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.timestamps import Unit, milliseconds


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
