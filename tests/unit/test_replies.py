"""Answers: each status code means one error, and Retry-After is obeyed as it was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import Reply
from bridge.errors import Ambiguous, CallError, Denied, Gone, Refused, Throttled, UserNotFound
from bridge.replies import LONGEST_WAIT_S, Because, raise_for, reply_list, reply_object, retry_after_s

if TYPE_CHECKING:
    from bridge.replies import Meanings

NOW = "Fri, 20 Nov 2026 14:20:05 GMT"
IN_A_MINUTE = "Fri, 20 Nov 2026 14:21:05 GMT"


def answered(status: int, body: bytes = b"", **headers: str) -> Reply:
    """An answer; header names are written with underscores."""
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def error_of(reply: Reply, overrides: Meanings | None = None) -> CallError:
    """The error an answer means."""
    with pytest.raises(CallError) as caught:
        raise_for(reply, overrides or {})
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success_raises_nothing(status: int) -> None:
    """Any 2xx is an answer to go on with."""
    raise_for(answered(status))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (100, Ambiguous),
        (199, Ambiguous),
        *((status, Refused) for status in (300, 301, 302, 303, 304, 307, 308, 399)),
        *((status, Refused) for status in (400, 402, 404, 405, 409, 413, 415, 422, 451, 499)),
        *((status, Denied) for status in (401, 403)),
        (408, Ambiguous),
        (410, Gone),
        (429, Throttled),
        *((status, Ambiguous) for status in (500, 501, 502, 503, 504, 520, 599)),
        (600, Ambiguous),
        (0, Ambiguous),
    ],
)
def test_each_code_means_one_error(status: int, error: type[CallError]) -> None:
    """What cannot have happened is certain, what may have happened is ambiguous, and a redirect is not followed."""
    found = error_of(answered(status))
    assert type(found) is error
    assert found.status == status


def test_unavailable_is_certain_only_when_it_says_when() -> None:
    """A 503 with a time to come back was not worked; a bare one may come from a gateway that passed the body on."""
    assert type(error_of(answered(503, retry_after="7"))) is Throttled
    assert type(error_of(answered(503, retry_after="soon"))) is Ambiguous


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("0", 0.0),
        (" 31 ", 31.0),
        ("1.5", 1.5),
        ("99999999999", LONGEST_WAIT_S),
        ("9" * 5000, LONGEST_WAIT_S),
        (IN_A_MINUTE, 60.0),
        ("Fri, 20 Nov 2026 14:20:00 GMT", 0.0),
        ("Mon, 20 Nov 2028 14:20:00 GMT", LONGEST_WAIT_S),
        ("", None),
        ("-5", None),
        (".", None),
        ("nan", None),
        ("inf", None),
        ("²", None),
        ("٣", None),
        ("soon", None),
        ("Fri, 99 Nov 2026 14:21:05 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(said: str, wait_s: float | None) -> None:
    """Both forms of the header are read, at most a day is waited, and anything else counts as not said."""
    assert retry_after_s(answered(429, retry_after=said, date=NOW)) == wait_s


@pytest.mark.parametrize("date", ["", "now", "Fri, 20 Nov 2026 14:20:05 -0000"])
def test_a_date_without_a_clock_beside_it_says_nothing(date: str) -> None:
    """A moment to come back at is measured by the answer's own clock, or not at all."""
    assert retry_after_s(answered(429, retry_after=IN_A_MINUTE, date=date)) is None


def test_the_wait_comes_with_the_error() -> None:
    """Whoever catches the error knows how long to wait."""
    assert error_of(answered(429, retry_after="31")).retry_after_s == 31
    assert error_of(answered(429)).retry_after_s == 0


def test_a_dialect_overrides_single_codes() -> None:
    """A class or a function of the whole answer takes the place of the table, for its own code alone."""
    overrides: Meanings = {404: UserNotFound, 422: lambda reply: Gone if b"closed" in reply.body else Refused}
    assert type(error_of(answered(404), overrides)) is UserNotFound
    assert type(error_of(answered(422, b"closed"), overrides)) is Gone
    assert type(error_of(answered(422, b"odd"), overrides)) is Refused
    assert type(error_of(answered(429), overrides)) is Throttled


def test_no_value_of_an_answer_stands_in_its_error() -> None:
    """An error may be logged: it tells the code and nothing of the body."""
    assert str(error_of(answered(422, b'{"phone":"+593987654321"}', x_note="secret"))) == "answered 422"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"<html>", b"\xff", b'{"a":'])
def test_a_success_without_an_object_is_ambiguous(body: bytes) -> None:
    """A page from something in between does not prove that the write was done, nor that it was not."""
    with pytest.raises(Ambiguous):
        reply_object(answered(200, body))


def test_an_object_is_read() -> None:
    """The JSON object of an answer comes as it is."""
    assert reply_object(answered(200, b'{"id": 1}')) == {"id": 1}


@given(st.integers(-1, 1000), st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text() | st.just(NOW)))
def test_any_answer_is_success_or_one_error(status: int, headers: dict[str, str]) -> None:
    """No status and no header makes the table raise anything of its own."""
    try:
        raise_for(Reply(status, headers))
    except CallError as error:
        assert 0 <= error.retry_after_s <= LONGEST_WAIT_S  # noqa: PT017 - that nothing else is raised is the point
    else:
        assert 200 <= status < 300


def test_a_reason_says_why_where_it_is_known() -> None:
    """Beside the status code, in the table's words; a function may know it from the answer."""
    why = Because(Gone, "the ticket is deleted")
    assert str(error_of(answered(404), {404: why})) == "answered 404: the ticket is deleted"
    assert type(error_of(answered(404), {404: lambda _: why})) is Gone
    assert str(error_of(answered(404), {404: Gone})) == "answered 404"


def test_a_limit_that_says_no_time_is_waited_for_as_the_table_says() -> None:
    """``Retry-After`` says it better, where it is there."""
    limited = Because(Throttled, "the limit DAILY", 1_800.0)
    assert error_of(answered(429), {429: limited}).retry_after_s == 1_800.0
    assert error_of(answered(429, retry_after="7"), {429: limited}).retry_after_s == 7.0


def test_a_list_is_read_for_its_objects() -> None:
    """What is no object in it says nothing."""
    assert reply_list(answered(200, b'[{"id": 1}, null, "x", {"id": 2}]')) == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"<html>", b"[", b'"x"'])
def test_a_success_without_a_list_is_ambiguous(body: bytes) -> None:
    """Something between us may have answered."""
    with pytest.raises(Ambiguous, match="200 without a JSON list"):
        reply_list(answered(200, body))
