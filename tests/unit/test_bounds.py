"""Limits where they bind, as numbers: one more is too many, and the last one is not."""

from __future__ import annotations

from typing import Any

import pytest

from bridge import generations
from bridge.customer_text import line_of
from bridge.domain import AgentReplied, CustomerWrote, TicketRef
from bridge.errors import SignatureRejected, Throttled
from bridge.fuse import digest
from bridge.gates import list_gate, outcome
from bridge.helpdesks import REGISTRY
from bridge.journal import Entry, Journal
from bridge.protocol import Gate
from bridge.say import whole
from bridge.signatures import Timestamp
from bridge.timestamps import milliseconds
from tests.senders import NOW_MS, delivered

REF = TicketRef("zendesk", "acme", "7")


def line(message_type: str, content: Any) -> str:
    """A customer's message as it stands on the ticket."""
    wrote = CustomerWrote("soporte", "message:1", "c-1", "r-1", "b-1", "u-1", 1, "1", message_type, content)
    return line_of(wrote, "en")


# --- what a customer sends -------------------------------------------------------------------------------------------


def test_a_card_of_many_people_is_twenty_lines() -> None:
    """One with thousands would make a comment that the helpdesk refuses."""
    people = [{"name": f"person-{number}"} for number in range(21)]
    lines = line("contacts", {"contacts": people}).split("\n")
    assert (len(lines), "person-19" in lines[-1]) == (20, True)


def test_a_person_of_many_numbers_has_twenty() -> None:
    """The first ones."""
    phones = [{"phone": f"n{number}."} for number in range(21)]
    told = line("contacts", {"contacts": [{"name": "Ana", "phones": phones}]})
    assert ("n19." in told, "n20." in told) == (True, False)


def test_the_name_of_an_unknown_type_is_forty_letters() -> None:
    """What Jelou calls it is told, and no more than a line of it."""
    told = line("x" * 41, {})
    assert ("x" * 40 in told, "x" * 41 in told) == (True, False)


def test_a_text_of_twelve_letters_tells_a_loop() -> None:
    """A shorter one is said by people on both sides by themselves."""
    assert (digest("x" * 12) != "", digest("x" * 11)) == (True, "")


# --- how near in time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("apart_ms", "meant"), [(60_000, True), (60_001, False)])
def test_a_comment_a_minute_away_is_meant(apart_ms: int, meant: bool) -> None:
    """Of one that tells no id."""
    told = AgentReplied(REF, "comment:now", "", "Hi", public=True, partial=True, at_ms=1_000_000)
    shown = AgentReplied(REF, "comment:1", "1", "Hi", public=True, at_ms=1_000_000 - apart_ms)
    assert ([one.comment_id for one in whole(told, [shown])] == ["1"]) is meant


@pytest.mark.parametrize("side", [-1, 1])
def test_a_delivery_signed_five_minutes_away_is_taken(side: int) -> None:
    """On either side of our clock; a millisecond more is not."""
    signed = Timestamp(header="X-At", unit="ms")
    signed.check(delivered(b"{}", headers={"X-At": str(NOW_MS + side * 300_000)}), NOW_MS)
    with pytest.raises(SignatureRejected):
        signed.check(delivered(b"{}", headers={"X-At": str(NOW_MS + side * 300_001)}), NOW_MS)


@pytest.mark.parametrize(("text", "ms"), [("100000000000", 100_000_000_000), ("99999999999", 99_999_999_999_000)])
def test_a_number_of_twelve_digits_is_milliseconds(text: str, ms: int) -> None:
    """One of eleven is seconds."""
    assert milliseconds(text, "auto") == ms


def test_an_entry_as_old_as_is_kept_is_told() -> None:
    """A moment older, and it is not."""
    journal = Journal(keep_s=60.0, most_bytes=1_000)
    journal.note("a", Entry("accept", ("a",), 0.0))
    assert [len(journal.entries(at_s)) for at_s in (60.0, 60.001)] == [1, 0]


def test_starts_are_remembered_longer_than_deliveries() -> None:
    """A delivery that is put back must find what became of its start: two minutes against one."""
    starts, deliveries = (Journal(of, 1_000) for of in (generations.STARTS_S, generations.DELIVERIES_S))
    for journal in (starts, deliveries):
        journal.note("a", Entry("accept", ("a",), 0.0))
    assert [[len(one.entries(at_s)) for at_s in (60.0, 90.0)] for one in (starts, deliveries)] == [[1, 1], [1, 0]]


# --- how many calls --------------------------------------------------------------------------------------------------


def listing(calls_per_minute: int) -> tuple[float, int]:
    """Interval in ms and burst of the calls that list what has changed at Zendesk."""
    dialect = REGISTRY["zendesk"]
    told = {"project": "p", "verification": {"secrets": ["made-up"]}, "calls_per_minute": calls_per_minute}
    [(_, interval_ms, burst)] = list_gate(dialect, dialect.settings.model_validate(told), "zendesk/acme", "web").more
    return interval_ms, burst


@pytest.mark.parametrize(("calls_per_minute", "most"), [(100, 10), (200, 20), (19, 1), (9, 1), (5, 1), (1, 1)])
def test_what_lists_changes_takes_a_tenth(calls_per_minute: int, most: int) -> None:
    """Of any minute, with its burst; of an account that may call little one a minute, and not none."""
    interval_ms, burst = listing(calls_per_minute)
    assert 60_000 / interval_ms + burst - 1 == pytest.approx(most)


def test_zendesk_lists_no_more_than_ten_times_a_minute() -> None:
    """At the pace that is its default: it allows ten incremental exports, and a 429 would hold back all calls."""
    interval_ms, burst = listing(0)
    assert 60_000 / interval_ms + burst - 1 <= 10


def test_a_helpdesk_that_asks_to_wait_and_not_how_long_is_left_alone_for_a_second() -> None:
    """Else it would be called on and on."""
    gate = Gate("helpdesk:zendesk/acme", "lane", 200.0, 1)
    assert [outcome(gate, Throttled("busy", retry_after_s=s)).ms for s in (0.0, 7.0)] == [1_000, 7_000]
