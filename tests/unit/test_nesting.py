"""JSON is read as deep as it can be written again, and no deeper."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bridge.domain import Reply
from bridge.errors import Ambiguous
from bridge.jelou_answers import body_of
from bridge.nesting import DEEPEST, TooDeep, loaded
from bridge.replies import reply_json, reply_object


def nested(depth: int, *, lists: bool) -> Any:
    """Objects or lists of so many levels."""
    value: Any = 1
    for _ in range(depth):
        value = [value] if lists else {"a": value}
    return value


def raw(depth: int, *, lists: bool) -> bytes:
    """The same as bytes, which no writer would make of it."""
    return b"[" * depth + b"1" + b"]" * depth if lists else b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("depth", [0, 1, DEEPEST - 1, DEEPEST])
def test_what_nests_as_deep_as_allowed_is_read(depth: int, lists: bool) -> None:
    """To the level."""
    assert loaded(raw(depth, lists=lists)) == nested(depth, lists=lists)


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("depth", [DEEPEST + 1, 254, 400, 1000])
def test_what_nests_deeper_is_refused(depth: int, lists: bool) -> None:
    """Whether the parser would take it or not."""
    with pytest.raises((TooDeep, orjson.JSONDecodeError)):
        loaded(raw(depth, lists=lists))


def test_what_is_wide_is_not_deep() -> None:
    """Many objects beside each other, and brackets within texts, are no levels."""
    wide = [{"a": ["{[" * 500]}] * 1000
    assert loaded(orjson.dumps(wide)) == wide


@pytest.mark.parametrize("depth", [DEEPEST + 1, 254, 400, 100_000])
def test_an_answer_that_nests_deeper_is_no_answer(depth: int) -> None:
    """Of a helpdesk: ambiguous, as any other that cannot be read. Of Jelou: one that says nothing."""
    reply = Reply(200, {}, raw(depth, lists=False))
    assert (reply_json(reply), body_of(reply)) == (None, {})
    with pytest.raises(Ambiguous):
        reply_object(reply)
