"""A ticket that is kept while its start waits: what is read back, for how long it counts, and what is not kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import Ticket, TicketRef
from bridge.links import Link
from bridge.snapshots import FRESH_MS, MOST_BYTES, Snapshot

REF = TicketRef("zendesk", "acme", "7")
READ_MS = 1_700_000_000_000
FIELDS = {"id": "7", "tags": ["vip"], "requester": {"phone": "+593987654321"}, "custom": {"plan": None}}


def snapshot(**fields: Any) -> Snapshot:
    """Of a ticket with these fields beside the usual ones."""
    return Snapshot(Ticket(REF, FIELDS | fields, 1_699_999_999_000, by_bridge=True), READ_MS)


def test_it_is_read_back_as_it_was() -> None:
    """Through the link in which it is stored."""
    stored = Link(snapshot=snapshot().dump()).dump()
    assert Snapshot.load(Link.load(stored).snapshot, REF) == snapshot()


def test_what_another_version_adds_is_left_aside() -> None:
    """Workers of two versions share it during an update."""
    text = orjson.dumps(orjson.loads(snapshot().dump()) | {"from_the_future": 1}).decode()
    assert Snapshot.load(text, REF) == snapshot()


json_values = st.recursive(st.none() | st.integers(-9, 9) | st.text(), st.lists)


@given(st.text() | json_values.map(lambda value: orjson.dumps(value).decode()))
def test_what_cannot_be_read_is_none(text: str) -> None:
    """Then the ticket is read again."""
    assert Snapshot.load(text, REF) is None


@pytest.mark.parametrize("missing", ["fields", "created_ms", "by_bridge", "read_ms"])
def test_a_part_of_one_is_none(missing: str) -> None:
    """Whichever part it is, or if it is of another kind."""
    whole = orjson.loads(snapshot().dump())
    assert Snapshot.load(orjson.dumps(whole | {"fields": [1]}).decode(), REF) is None
    del whole[missing]
    assert Snapshot.load(orjson.dumps(whole).decode(), REF) is None


@pytest.mark.parametrize(
    ("after_ms", "fresh"), [(0, True), (FRESH_MS - 1, True), (FRESH_MS, False), (-FRESH_MS, False)]
)
def test_it_counts_for_ten_minutes(after_ms: int, *, fresh: bool) -> None:
    """Nor does one count that a clock far ahead has dated."""
    assert snapshot().fresh(READ_MS + after_ms, 0) is fresh


def test_it_counts_until_a_change_is_told() -> None:
    """A tag or a field asks for nothing, and may be what a rule looks at."""
    kept = Snapshot.load(replace(snapshot(), changes=2).dump(), REF)
    assert kept is not None
    assert (kept.fresh(READ_MS, 2), kept.fresh(READ_MS, 3)) == (True, False)


def test_one_that_is_too_big_or_too_deep_is_not_kept() -> None:
    """The link must be stored all the same."""
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    assert snapshot(subject="x" * MOST_BYTES).dump() == ""
    assert snapshot(custom=deep).dump() == ""
