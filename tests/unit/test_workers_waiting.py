"""What a ticket waits for: the first of its waits, firm only where all are; when it is given up, and what wakes it."""

from __future__ import annotations

import pytest

from bridge.domain import Phase
from bridge.errors import Ambiguous, CallError, Conflict, Denied, Gone, NotSent, Refused, Throttled
from bridge.links import Link
from bridge.owed import Side
from bridge.protocol import CallClass
from tests.claims import NOW_MS, claim
from workers.admit import jelou_gate
from workers.waiting import Wait, again_in, backoff_s, hopeless, overdue, together, try_again

DAY_MS = 86_400_000


def test_a_firm_and_a_soft_wait_together_are_soft() -> None:
    """A new event wakes a ticket of which one side may go on."""
    soft, firm = Wait("backoff", 2_000), Wait("Retry-After", 1_000, firm=True)
    for waits in ((soft, firm), (firm, soft)):
        both = together(waits)
        assert both is not None
        assert (both.reason, both.due_in_ms, both.firm) == ("Retry-After", 1_000, False)


def test_two_firm_waits_are_firm() -> None:
    """Nothing but evidence ends either."""
    both = together([Wait("a", 2_000, firm=True), Wait("b", 1_000, firm=True)])
    assert both is not None
    assert both.firm


def test_what_somebody_else_ends_is_known_whichever_wait_is_first() -> None:
    """A resume, or the other start of the person, wakes the ticket though its other side waits for less long."""
    both = together([Wait("a", 9, held="zendesk/acme"), Wait("b", 1), Wait("c", 5, behind="ana")])
    assert both is not None
    assert (both.reason, both.held, both.behind) == ("b", "zendesk/acme", "ana")
    assert together([]) is None


@pytest.mark.parametrize(
    ("error", "least_ms", "most_ms", "firm"),
    [
        (Throttled("x", retry_after_s=7.0), 7_000, 7_000, True),
        (Denied("x", status=403), 60_000, 60_000, False),
        (Conflict("x"), 100, 4_000, False),
        (Ambiguous("x"), 100, 4_000, False),
    ],
)
def test_it_waits_as_long_as_it_is_asked_to(error: CallError, least_ms: int, most_ms: int, firm: bool) -> None:
    """Else a while that grows with each try; only a time that was asked for cannot be cut short."""
    for _ in range(20):
        wait = again_in(error, "why", 2)
        assert least_ms <= wait.due_in_ms <= most_ms
        assert wait.firm is firm


def test_no_try_waits_longer_than_five_minutes() -> None:
    """Nor none at all."""
    assert all(0.1 <= backoff_s(tries) <= 300 for tries in (0, 1, 9, 16, 10_000))


@pytest.mark.parametrize(
    ("error", "young", "old"),
    [
        (Refused("x"), True, True),
        (Gone("x"), True, True),
        (NotSent("x"), False, True),
        (Throttled("x"), False, True),
        (Ambiguous("x"), False, True),
        (Denied("x", status=401), False, False),
    ],
)
def test_what_cannot_change_is_given_up_at_once_and_the_rest_after_a_day(
    error: CallError, young: bool, old: bool
) -> None:
    """Never for a refused credential: a person repairs that."""
    work = claim(Link()).work
    given_up = [hopeless(work, error, NOW_MS - ago) for ago in (DAY_MS, DAY_MS + 1)]
    assert given_up == [young, old]


def test_what_was_never_tried_is_not_overdue() -> None:
    """A pause or a long conversation is no failure."""
    work = claim(Link()).work
    assert [overdue(work, first) for first in (0, 1)] == [False, True]


@pytest.mark.parametrize(
    ("error", "keeps_place", "wait_ms"),
    [
        (NotSent("no connection"), True, 10_000),
        (Throttled("busy", retry_after_s=3.0), True, 10_000),
        (Throttled("busy", retry_after_s=30.0), True, 30_000),
        (Denied("x", status=401), True, 10_000),
        (Denied("x", status=403), False, 60_000),
        (NotSent("before the write", status=409), False, 0),
    ],
)
def test_what_failed_for_the_whole_destination_keeps_its_place(
    error: CallError, keeps_place: bool, wait_ms: int
) -> None:
    """It is woken when the destination is called again; a failure of the ticket's own waits by itself."""
    work = claim(Link(phase=Phase.OPEN)).work
    gate = work.asked[Side.JELOU] = jelou_gate(work, CallClass.LIVE)
    try_again(work, Side.JELOU, error, "why", 1)
    assert (gate.destination in work.wanted) is keeps_place
    assert not wait_ms or work.waits[Side.JELOU].due_in_ms == wait_ms
    assert work.holding(Side.JELOU)
