"""Pace as numbers: what a vendor allows in a window is never exceeded, whatever window is looked at."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import Ambiguous, CallError, Conflict, Denied, NotSent, Refused, Throttled
from bridge.gates import account_gate, explained, in_words, outcome, paced
from bridge.helpdesks import REGISTRY
from bridge.protocol import CallClass, Gate

JELOU = Gate("jelou:soporte", "lane", 200.0, 1)
DESK = Gate("helpdesk:zendesk/acme", "lane", 200.0, 1)


def greedy(interval_ms: float, burst: int, count: int) -> list[float]:
    """When calls go that never wait longer than the gate makes them: its arithmetic, the clock aside."""
    return [max(0.0, (number - burst + 1) * interval_ms) for number in range(count)]


@given(calls=st.integers(1, 1_000), at_once=st.floats(0, 1), window_ms=st.sampled_from([1_000.0, 60_000.0, 600_000.0]))
def test_no_window_holds_more_than_is_allowed(calls: int, at_once: float, window_ms: float) -> None:
    """The first one included, with its burst."""
    sent = greedy(*paced(calls, window_ms, at_once=at_once), calls * 3)
    most = max(bisect_left(sent, begun + window_ms - 0.001) - number for number, begun in enumerate(sent))
    assert most <= calls


@pytest.mark.parametrize(("at_once", "per_ms"), [(0.02, 1_000.0), (0.04, 60_000.0)])
def test_nearly_all_of_what_is_allowed_can_be_used(at_once: float, per_ms: float) -> None:
    """What may go at once costs less than a twentieth of the pace, whichever a vendor allows."""
    for calls in range(1, 10_001):
        interval_ms, _ = paced(calls, per_ms, at_once=at_once)
        assert per_ms / interval_ms >= 0.95 * calls


def test_the_limit_of_ten_seconds_is_kept_beside_the_minutes() -> None:
    """HubSpot counts ten seconds; of an account that may more in a minute, its part of that."""
    for calls_per_minute, in_ten_s in ((0, 100), (1_140, 190)):
        account = REGISTRY["hubspot"].settings.model_validate(HUBSPOT | {"calls_per_minute": calls_per_minute})
        [(interval_ms, burst)] = account_gate(REGISTRY["hubspot"], account, "hubspot/acme", "a", CallClass.LIVE).rates
        assert 10_000 / interval_ms + burst - 1 == pytest.approx(in_ten_s)


HUBSPOT = {"project": "soporte", "verification": {"secrets": ["made-up"], "public_url": "https://bridge.example.com/h"}}


@pytest.mark.parametrize(("calls", "gap_ms"), [(5, 200.0), (0.5, 2_000.0), (1, 1_000.0)])
def test_a_small_rate_is_spread_evenly(calls: float, gap_ms: float) -> None:
    """Jelou's five a second are one every 200 ms."""
    assert paced(calls, 1_000, at_once=0.1) == (gap_ms, 1)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (None, "ok"),
        (Refused("no", status=422), "ok"),
        (Conflict("at the same moment", status=409), "ok"),
        (NotSent("no connection"), "refused"),
        (NotSent("no access token", status=500), "fail"),
        (Ambiguous("no answer"), "fail"),
        (Throttled("wait", status=429, retry_after_s=7), "wait"),
        (Denied("no", status=401), "denied"),
        (Denied("no", status=403), "fail"),
    ],
)
def test_the_breaker_learns_what_a_call_tells(error: CallError | None, kind: str) -> None:
    """A refused request shows that the other side works; a 403 or a 409 may be about one ticket alone."""
    assert outcome(DESK, error).kind == kind


def test_a_start_of_unknown_fate_tells_of_the_project() -> None:
    """Each may have begun a conversation: few of them are enough to stop."""
    assert outcome(DESK, Ambiguous("no answer"), starts=True).kind == "unknown"


def test_what_stands_before_a_call_is_said_in_words() -> None:
    """By class, the best first."""
    assert in_words({"start": 3, "live": 12}) == "12 calls of live conversations, 3 starts"
    assert in_words({}) == ""


def test_a_time_to_wait_is_told_in_full() -> None:
    """In ms."""
    assert outcome(DESK, Throttled("wait", status=429, retry_after_s=90)).ms == 90_000


@pytest.mark.parametrize(("gate", "where"), [(JELOU, "jelou.soporte.api_key"), (DESK, "helpdesks.zendesk.acme.access")])
def test_a_refused_credential_is_named(gate: Gate, where: str) -> None:
    """By where it stands in the configuration; any other error says what it said."""
    assert where in explained(gate, Denied("answered 401", status=401)).reason
    error = Refused("no", status=422)
    assert explained(gate, error) is error
