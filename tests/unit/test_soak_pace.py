"""Each row of the soak on pace can say no: made-up ledgers that break it, and those that only look so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.soak import pace
from tests.soak.faulty import ASKED, OUTAGE, REDIS, WORKER, left_out
from tests.soak.plan import AWAY, GATEWAY
from tests.soak.records import Called, Destination, Records, Started, Stood, Struck, TakenOver, Ticket, Wrote
from tests.soak.spans import length_ms, merged, touched, windows, without

ACCOUNT = "standard-webhooks/p00"
DESK = "zendesk/gama"
EVERY_MS = 200


def ticket(number: int, taken_ms: int = 1_000, account: str = ACCOUNT, **changes: Any) -> Ticket:
    """A ticket of the paced project, taken then."""
    told = {"policy": "park", "project": "medido", "phone": f"59{number}", "opened": (taken_ms - 10, taken_ms)}
    return Ticket(**{"name": f"{account}/T-{number}", **told, **changes})


def start(number: int, at_ms: int, account: str = ACCOUNT) -> Called:
    """The start of a ticket, answered in 100 ms."""
    return Called(at_ms, "start", f"{account}/T-{number}", f"59{number}", at_ms + 100, 200)


def other(at_ms: int, status: int = 200) -> Called:
    """Another call, of nobody's."""
    return Called(at_ms, "other", answered_ms=at_ms + 100, status=status)


def records(tickets: list[Ticket], calls: list[Called], **changes: Any) -> Records:
    """A run of five calls a second."""
    paced = Destination("jelou medido", 5.0, 1.0, tuple(calls))
    return Records(**{"tickets": {one.name: one for one in tickets}, "paced": paced, **changes})


def evenly(count: int, from_ms: int = 2_000, every_ms: int = EVERY_MS) -> list[int]:
    """The times of so many calls."""
    return [from_ms + number * every_ms for number in range(count)]


# --- spans -----------------------------------------------------------------------------------------------------------


def test_spans_are_put_together_and_holes_are_cut_out() -> None:
    """Whatever their order, and where they overlap."""
    assert merged([(5, 9), (1, 3), (2, 4), (7, 8), (6, 6)]) == [(1, 4), (5, 9)]
    assert without([(0, 10), (20, 30)], [(3, 5), (9, 22), (4, 6), (40, 50)]) == [(0, 3), (6, 9), (22, 30)]
    assert (length_ms([(0, 5), (3, 7)]), without([(2, 3)], [(0, 9)])) == (7, [])
    assert [touched((4, 6), [hole]) for hole in ((0, 3), (0, 4), (5, 5), (7, 9))] == [False, True, True, False]


def test_windows_lie_within_a_span_and_begin_where_most_may_be() -> None:
    """At each time that is counted, at the beginning, and so that they end with the span."""
    assert list(windows([15, 18, 29], [(10, 30)], 10)) == [(10, 20), (15, 25), (18, 28), (20, 30)]
    assert list(windows([11], [(10, 15)], 10)) == []


# --- windows ---------------------------------------------------------------------------------------------------------


def test_more_calls_than_are_allowed_in_any_window_are_found() -> None:
    """Five and a burst in a second, and what a process that got no time can bunch."""
    assert pace.too_many(records([], [other(at) for at in evenly(100)])).figure == "5 in 1 s, 50 in 10 s, 100 in 60 s"
    allowed = [other(1_000 + at) for at in range(8)]
    assert pace.too_many(records([], allowed)).held
    assert not pace.too_many(records([], [*allowed, other(1_999)])).held


def test_a_pace_a_little_too_fast_is_found_in_the_long_windows() -> None:
    """Six a second for twenty are too many."""
    found = pace.too_many(records([], [other(at) for at in evenly(120, every_ms=167)]))
    assert [one.why for one in found.examples] == ["60 calls in 10 s, at most 53.5 are allowed"]


def test_a_helpdesk_account_has_a_pace_as_well() -> None:
    """A hundred a minute and five at once."""
    desk = Destination(DESK, 100, 60.0, tuple(other(at) for at in evenly(110, every_ms=500)))
    found = pace.too_many(records([], [], desks=(desk,)))
    assert [one.why for one in found.examples] == ["110 calls in 60 s, at most 105.8 are allowed"]


# --- order -----------------------------------------------------------------------------------------------------------

SOON, LATE = ticket(2, 3_000), ticket(1, 1_000)
OVERTAKEN = [start(2, 9_000), start(1, 9_500)]


def test_a_start_that_overtakes_is_found() -> None:
    """It was accepted two seconds later."""
    found = pace.overtaken(records([SOON, LATE], OVERTAKEN))
    assert [(one.ticket, one.why) for one in found.examples] == [
        (f"{ACCOUNT}/T-1", f"was started 0.5 s after {ACCOUNT}/T-2")
    ]


READ = Called(1_100, "read", "T-1", answered_ms=8_900, status=200)
EXCUSED: dict[str, Records] = {
    "accepted at nearly the same time": records([SOON, ticket(1, 2_500)], OVERTAKEN),
    "of another account": records([SOON, ticket(1, account="zendesk/gama")], [start(2, 9_000), start(1, 9_500, DESK)]),
    "refused before": records([SOON, LATE], [Called(8_500, "start", f"{ACCOUNT}/T-1", status=429), *OVERTAKEN]),
    "its fate was open": records([SOON, ticket(1, doubts=((7_000, 7_500),))], OVERTAKEN),
    "parked": records([SOON, ticket(1, phase="parked")], OVERTAKEN),
    "in the hands of a worker that was killed": records(
        [SOON, LATE], OVERTAKEN, taken_over=(TakenOver(LATE.name, "kill worker", 9.0, 4_000),)
    ),
    "behind another start of the same person": records(
        [SOON, LATE, ticket(3, 500, phone=LATE.phone, starts=(Started("c", 1, 8_900),))], OVERTAKEN
    ),
    "its ticket was read late": records(
        [ticket(2, 3_000, DESK), ticket(1, 1_000, DESK)],
        [start(2, 9_000, DESK), start(1, 9_500, DESK)],
        desks=(Destination(DESK, 100, 60.0, (READ,)),),
    ),
    "Redis was set back behind it": records(
        [SOON, LATE],
        [start(2, 29_000), start(1, 29_500)],
        struck=(Struck("rollback redis", "redis", 500, 2_000),),
    ),
    "in somebody's hands while Redis was away": records(
        [SOON, LATE], OVERTAKEN, struck=(Struck("restart redis", "redis", 1_500, 2_000),)
    ),
    "Jelou went away just then": records([SOON, LATE], OVERTAKEN, struck=(Struck(AWAY, "medido", 8_900, 9_400),)),
}


@pytest.mark.parametrize("whole", EXCUSED.values(), ids=EXCUSED)
def test_one_that_could_not_be_started_may_be_overtaken(whole: Records) -> None:
    """It was not its turn that it waited for."""
    assert pace.overtaken(whole).held


ALL_THE_SAME: dict[str, Records] = {
    "a fate that was open later": records([SOON, ticket(1, doubts=((9_500, 9_900),))], OVERTAKEN),
    "a worker killed later": records(
        [SOON, LATE], OVERTAKEN, taken_over=(TakenOver(LATE.name, "kill worker", 9.0, 9_600),)
    ),
    "Redis was set back long after it was accepted": records(
        [ticket(2, 3_000), LATE],
        [start(2, 29_000), start(1, 29_500)],
        struck=(Struck("rollback redis", "redis", 9_000, 12_000),),
    ),
    "Redis was away long before": records(
        [ticket(2, 23_000), LATE],
        [start(2, 29_000), start(1, 29_500)],
        struck=(Struck("restart redis", "redis", 1_500, 2_000),),
    ),
    "an outage before": records(
        [SOON, LATE], [other(5_500), *OVERTAKEN], struck=(Struck(AWAY, "medido", 3_000, 5_000),)
    ),
    "another start of the same person, long before": records(
        [SOON, LATE, ticket(3, 1, phone=LATE.phone, starts=(Started("c", 1, 100),))], OVERTAKEN
    ),
}


@pytest.mark.parametrize("whole", ALL_THE_SAME.values(), ids=ALL_THE_SAME)
def test_what_was_over_or_came_later_excuses_nothing(whole: Records) -> None:
    """After an outage as well the first to come is the first."""
    assert not pace.overtaken(whole).held


# --- use -------------------------------------------------------------------------------------------------------------


def queue(times: list[int], **changes: Any) -> Records:
    """Tickets that came all at once, and were started at these times."""
    tickets = [ticket(number) for number in range(len(times))]
    return records(tickets, [start(number, at) for number, at in enumerate(times)], **changes)


def test_the_pace_is_used_while_starts_wait() -> None:
    """Fully, or the row says so."""
    assert pace.unused(queue(evenly(50))).figure == "100.0% in 1 spans of 10 s"
    found = pace.unused(queue(evenly(50, every_ms=220)))
    assert (found.held, found.figure) == (False, "90.9% in 1 spans of 11 s")


def test_a_pause_is_found() -> None:
    """Three seconds in which nothing was started, though twenty waited."""
    assert not pace.unused(queue([*evenly(20), *evenly(20, from_ms=9_000)])).held


def test_nothing_is_said_of_a_start_that_waits_for_something_else() -> None:
    """Nor where each goes at once, nor of less than five seconds."""
    assert pace.unused(records([ticket(1, phase="parked")], [start(1, 90_000)])).figure == "never so long"
    assert pace.unused(queue([1_200, 1_400, 5_900])).figure == "never so long"


def test_a_span_of_faults_is_left_out_and_no_more() -> None:
    """The outage until its first answer; what comes after counts."""
    times = [*evenly(10), *evenly(40, from_ms=30_000)]
    whole = queue(times, struck=(Struck(AWAY, "medido", 3_900, 29_500),))
    assert (pace.unused(queue(times)).held, pace.unused(whole).held) == (False, True)
    assert not pace.unused(queue(times, struck=(Struck(AWAY, "medido", 3_900, 10_000),))).held


# --- left out --------------------------------------------------------------------------------------------------------


def spans(why: str, calls: list[Called], *struck: Struck, **changes: Any) -> list[tuple[float, float]]:
    """What is left out for this reason."""
    return left_out(records([], calls, struck=struck, **changes))[why]


def test_an_outage_ends_with_the_first_answer_of_jelous_own() -> None:
    """A gateway's 503 is none, and after sixteen seconds the bridge is to blame."""
    gateway = Struck(GATEWAY, "medido", 1_000, 9_000)
    assert spans(OUTAGE, [other(2_000), other(9_500, 503), other(11_000, 404)], gateway) == [(1_000, 11_100)]
    assert spans(OUTAGE, [other(60_000)], gateway) == [(1_000, 25_000)]


def test_redis_is_away_until_a_second_after_and_a_loss_until_the_first_start() -> None:
    """At most fifteen seconds."""
    restart, rollback = Struck("restart redis", "redis", 1_000, 3_000), Struck("rollback redis", "redis", 1_000, 3_000)
    assert spans(REDIS, [], restart) == [(1_000, 4_000)]
    assert spans(REDIS, [start(1, 2_000), other(4_000), start(2, 7_000)], rollback) == [(1_000, 7_000)]
    assert spans(REDIS, [], rollback) == [(1_000, 18_000)]


def test_a_killed_workers_tickets_are_waited_for() -> None:
    """Those of this kill alone; one that sleeps is waited for until it wakes."""
    over = (TakenOver("a", "kill worker", 3.0, 1_010), TakenOver("b", "kill worker", 9.0, 20_000))
    kill, stop = Struck("kill worker", "worker 1", 1_000, 10_000), Struck("stop worker", "worker 2", 1_000, 12_000)
    assert spans(WORKER, [], kill, taken_over=over) == [(1_000, 5_000)]
    assert spans(WORKER, [], stop, taken_over=over) == [(1_000, 13_000)]


def test_a_wait_that_jelou_asked_for_is_left_out() -> None:
    """A second, as its answer says."""
    assert spans(ASKED, [other(5_000, 429), other(9_000)]) == [(5_000, 6_600)]


# --- live conversations ----------------------------------------------------------------------------------------------


def answering(number: int, taken_ms: int, at_ms: int, account: str = ACCOUNT) -> Ticket:
    """A ticket with a conversation whose agent's reply was taken, and reached Jelou."""
    text = f"respuesta {number}"
    replies, said = (Wrote(text, taken_ms - 10, taken_ms),), (Stood(text, at_ms),)
    begun = Started(f"c{number}", 1, 100, delivered_ms=200)
    return ticket(number, 50, account, starts=(begun,), replies=replies, said=said)


def test_a_reply_that_waits_is_found() -> None:
    """With its ticket."""
    whole = records([answering(1, 1_000, 1_300), answering(2, 1_000, 7_000)], [])
    found = pace.late_replies(whole)
    assert (found.held, found.figure) == (False, "6.0 s of 2, 0 more in faults")
    assert [one.ticket for one in found.examples] == [f"{ACCOUNT}/T-2"]


def test_a_reply_waits_for_its_own_tickets_calls_and_in_faults() -> None:
    """Its conversation's event, the answer of the call before; an outage."""
    one = answering(1, 1_000, 7_000)
    before = Called(6_000, "send", person=one.phone, answered_ms=6_300, status=200)
    own = Called(6_800, "send", person=one.phone, answered_ms=7_000, status=200)
    assert pace.late_replies(records([one], [before, own])).figure == "0.5 s of 1, 0 more in faults"
    away = Struck(AWAY, "medido", 2_000, 5_000)
    assert pace.late_replies(records([one], [], struck=(away,))).figure == "none"


def shared(start_every_ms: int, account: str = ACCOUNT, **changes: Any) -> Records:
    """Replies that are due for ten seconds, and the starts among their calls."""
    starts = [start(90, at) for at in evenly(50, every_ms=start_every_ms) if at < 12_000]
    sends = [other(at) for at in evenly(50)]
    return records([answering(1, 1_500, 12_000, account)], [*starts, *sends], **changes)


def test_starts_that_take_more_than_their_share_are_found() -> None:
    """One in two seconds is theirs."""
    assert pace.crowded_out(shared(2_400)).held
    found = pace.crowded_out(shared(1_000))
    assert (found.held, found.figure) == (False, "11 of 11 windows")
    assert found.examples[0].why == "2 starts among 12 calls from 2000 on"


def test_nothing_is_said_of_shares_while_no_reply_is_known_to_be_due() -> None:
    """In an outage, or while the ticket may still have to be read."""
    away = Struck(AWAY, "medido", 1_000, 12_000)
    assert pace.crowded_out(shared(1_000, struck=(away,))).figure == "0 of 0 windows"
    assert pace.crowded_out(shared(1_000, DESK)).figure == "0 of 0 windows"


def test_a_reply_that_was_in_hand_when_redis_went_may_wait_for_its_lease() -> None:
    """Eight seconds after the fault at the most, and no reply that came after it."""
    for kind in ("rollback redis", "fail over redis"):
        before = Struck(kind, "redis", 3_000, 4_500)
        assert pace.crowded_out(shared(1_000, struck=(before,))).figure == "0 of 0 windows"
    long_ago = Struck("restart redis", "redis", 2_000, 3_000)
    assert not pace.crowded_out(shared(1_000, struck=(long_ago,))).held
