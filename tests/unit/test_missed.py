"""What is missed of a helpdesk's list, and how far it was looked at."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.accounts import Account
from bridge.domain import (
    AgentReplied,
    Phase,
    Reply,
    Ticket,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.links import Link
from bridge.missed import (
    BACK_MOST_MS,
    FED,
    LEFT,
    OVERLAP_MS,
    SLACK_MS,
    UNDATED,
    WHOLE_S,
    Bounds,
    Window,
    ahead_ms,
    is_unread,
    verdict,
    wanted,
    whole,
)
from bridge.policies import Reconcile

REF = TicketRef("zendesk", "acme", "1")
HOUR = 3_600_000
NOW = 1_000 * HOUR
POLICY = Reconcile(every_s=300, look_back_s=7_200)
BOUNDS = Bounds(NOW - HOUR, NOW, late=False)
ACCOUNT = Account.model_validate({"project": "soporte", "start_when": [{"max_age_s": 600}, {"max_age_s": 900}]})


def state(phase: Phase) -> bytes:
    """A link in this phase, as stored."""
    return Link(phase=phase).dump().encode()


def opened(ago_ms: int, **of: Any) -> TicketOpened:
    """A ticket that was opened so long ago."""
    return TicketOpened(REF, "opened", Ticket(REF, {}, created_ms=NOW - ago_ms), **of)


def replied(**of: Any) -> AgentReplied:
    """A public reply of just now."""
    return AgentReplied(
        **{"ref": REF, "fact": "comment:1", "comment_id": "1", "text": "", "public": True, "at_ms": NOW, **of}
    )


@pytest.mark.parametrize(
    ("event", "missed"),
    [
        (opened(0), True),
        (opened(0, by_bridge=True), False),
        (TicketOpened(REF, "", Ticket(REF, {})), False),
        (replied(), True),
        (replied(public=False), False),
        (replied(by_bridge=True), False),
        (Unrecognised(REF, "told", "ticket.changed"), False),
        (Unrecognised(None, "told", "ticket.changed"), False),
    ],
)
def test_what_asks_for_nothing_is_not_missed(event: Any, missed: bool) -> None:
    """Notes, echoes, what nobody acts upon, and what would be news each time it is looked at."""
    assert wanted(event) is missed


@pytest.mark.parametrize(
    ("ago_ms", "late", "becomes"),
    [
        (0, False, FED),
        (900_000, False, FED),
        (900_001, False, LEFT),
        (900_001, True, FED),
        (HOUR + 1, True, ""),
        (HOUR + 1, False, ""),
    ],
)
def test_an_opened_ticket_is_missed_within_the_time_looked_at(ago_ms: int, late: bool, becomes: str) -> None:
    """What is older than every start rule allows is left to a person, who asks for it."""
    assert verdict(opened(ago_ms), b"", ACCOUNT, Bounds(NOW - HOUR, NOW, late)) == becomes


def test_an_account_that_starts_nothing_misses_no_ticket() -> None:
    """Starting is opt-in."""
    assert verdict(opened(0), b"", Account(project="soporte"), BOUNDS) == ""


@pytest.mark.parametrize(
    ("event", "phases"),
    [
        (replied(), {Phase.STARTED, Phase.OPEN}),
        (TicketSolved(REF, "f", "solved"), {Phase.STARTED, Phase.OPEN, Phase.STARTING, Phase.UNKNOWN, Phase.PARKED}),
        (TicketReopened(REF, "f", "open"), {Phase.CLOSED}),
    ],
)
def test_other_events_are_missed_where_they_change_something(event: Any, phases: set[Phase]) -> None:
    """By the phase of the link; a ticket that the bridge does not know is none of its business."""
    assert {phase for phase in Phase if verdict(event, state(phase), ACCOUNT, BOUNDS)} == phases
    assert verdict(event, b"", ACCOUNT, BOUNDS) == ""


def test_an_old_reply_is_not_sent_after_the_fact() -> None:
    """Nor one of which nobody knows how old it is; that one is told."""
    assert verdict(replied(at_ms=NOW - HOUR - 1), state(Phase.OPEN), ACCOUNT, BOUNDS) == ""
    assert verdict(replied(at_ms=0), state(Phase.OPEN), ACCOUNT, BOUNDS) == UNDATED


def test_the_comments_of_a_live_ticket_may_be_unread() -> None:
    """Started or open."""
    assert {phase for phase in Phase if is_unread(state(phase), NOW)} == {Phase.STARTED, Phase.OPEN}
    assert not is_unread(b"", NOW)


@pytest.mark.parametrize(
    ("changed_ms", "unread"),
    [(NOW - HOUR, False), (NOW, False), (NOW + SLACK_MS, False), (NOW + SLACK_MS + 1, True), (0, True), (-1, True)],
)
def test_what_changed_later_than_is_known_is_unread(changed_ms: int, unread: bool) -> None:
    """What a delivery or a write of ours explains is not; what tells no time may be."""
    assert is_unread(Link(phase=Phase.OPEN, changed_ms=NOW).dump().encode(), changed_ms) is unread
    assert is_unread(state(Phase.OPEN), changed_ms)


DATE, DATE_MS = "Fri, 20 Nov 2026 14:20:05 GMT", 1_795_184_405_000


@pytest.mark.parametrize(
    ("asked", "answered", "ahead"),
    [
        (0, 400, 0),
        (-300, 100, 0),
        (900, 1_300, 0),
        (1_500, 1_900, -500),
        (-2_000, -1_600, 1_600),
        (3_600_000, 3_600_400, -3_599_000),
        (-3_600_400, -3_600_000, 3_600_000),
        (-5_000, 1_000, 0),
    ],
)
def test_a_clock_is_ahead_by_what_its_answer_proves(asked: int, answered: int, ahead: int) -> None:
    """The date is cut to the second and written on the way: clocks that may agree are taken to."""
    assert ahead_ms(Reply(200, {"date": DATE}), DATE_MS + asked, DATE_MS + answered) == ahead


def test_an_answer_without_a_date_proves_nothing() -> None:
    """Nor does one with a date that is none."""
    assert ahead_ms(Reply(200), NOW, NOW) == ahead_ms(Reply(200, {"date": "today"}), NOW, NOW) == 0


# --- how far ---------------------------------------------------------------------------------------------------------


def test_the_first_look_reaches_as_far_as_is_configured() -> None:
    """And is noted page by page, to its end."""
    first = Window().next(NOW, POLICY)
    assert first == Window(0, NOW - 7_200_000, NOW)
    assert Window.load(first.at("2").dump()) == Window(0, NOW - 7_200_000, NOW, "2")
    assert first.at("2").at("") == Window(until_ms=NOW)


def test_the_next_look_begins_where_the_last_one_did() -> None:
    """With some overlap, and not before its time."""
    known = Window(until_ms=NOW)
    assert known.next(NOW + 299_999, POLICY) is None
    assert known.next(NOW + 300_000, POLICY) == Window(NOW, NOW - OVERLAP_MS, NOW + 300_000)


def test_a_whole_look_comes_round_less_often() -> None:
    """Never more often than the others."""
    assert (whole(POLICY).every_s, whole(POLICY).look_back_s) == (WHOLE_S, POLICY.look_back_s)
    assert whole(Reconcile(every_s=3_600)).every_s == 3_600


def test_a_gap_is_covered_up_to_a_day() -> None:
    """What is older is a person's to look for."""
    assert Window(until_ms=NOW - 5 * HOUR).next(NOW, POLICY) == Window(NOW - 5 * HOUR, NOW - 5 * HOUR - OVERLAP_MS, NOW)
    assert Window(until_ms=NOW - 50 * HOUR).next(NOW, POLICY) == Window(NOW - 50 * HOUR, NOW - BACK_MOST_MS, NOW)


def test_a_look_that_was_broken_off_goes_on() -> None:
    """At once, and for no longer than a day."""
    broken = Window(0, NOW - HOUR, NOW, "3")
    assert broken.next(NOW + 1_000, POLICY) is broken
    assert broken.again().next(NOW + 1_000, POLICY) == Window(0, NOW - HOUR, NOW)
    assert broken.next(NOW + BACK_MOST_MS, POLICY) == Window(0, NOW + BACK_MOST_MS - 7_200_000, NOW + BACK_MOST_MS)


def test_a_look_of_a_persons_counts_where_it_leaves_no_gap() -> None:
    """One that begins behind the last one does not."""
    known = Window(until_ms=NOW)
    assert known.covered(NOW - HOUR, NOW + HOUR).until_ms == NOW + HOUR
    assert known.covered(NOW + 1, NOW + HOUR) == known
