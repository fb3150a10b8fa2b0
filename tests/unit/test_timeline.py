"""A timeline's entries: kept for long, so they hold what happened and nothing of a person."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.timeline import entry, masked


def test_an_entry_says_when_and_what() -> None:
    """``at`` and ``what`` are always there, first, so that people can read them."""
    assert entry(17, "received") == '{"at":17,"what":"received"}'


def test_details_that_hold_nothing_are_left_out() -> None:
    """An empty text and nothing at all are no details; zero and no are."""
    told = orjson.loads(entry(1, "answered", action="add.note", id="", reason=None, ms=0, public=False))
    assert told == {"at": 1, "what": "answered", "action": "add.note", "ms": 0, "public": False}


@pytest.mark.parametrize(
    ("person", "shown"),
    [
        ("593987654321", "…321"),
        ("CO.13491208655302741918", "…918"),
        ("123456", "…456"),
        ("12345", "…"),
        ("", "…"),
    ],
)
def test_a_person_is_shown_in_part(person: str, shown: str) -> None:
    """Enough to tell two apart, not enough to call; a short id is not shown at all."""
    assert masked(person) == shown


@given(person=st.text(max_size=30))
def test_most_of_a_person_is_never_shown(person: str) -> None:
    """Three signs at most, and never as much as there is."""
    hidden = person[:-3]
    assert len(masked(person)) <= 4
    assert not hidden or not masked(person).endswith(person)
