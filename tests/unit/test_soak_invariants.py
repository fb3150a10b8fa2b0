"""Each row of the soak's table can fail: made-up records that break it, and those that only look so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.soak.invariants import INVARIANTS, judged
from tests.soak.records import Records, Started, Stood, Struck, Suffered, TakenOver, Ticket, Wrote

if TYPE_CHECKING:
    from tests.soak.findings import Finding

NAME = "standard-webhooks/s01/T-1"
MARK = "[jelou-bridge:1]"
(
    LOST,
    PARK,
    KNOWN,
    LATE,
    PARKED,
    JOBS,
    NOTES,
    MESSAGES,
    SET_BACK,
    UNSAID,
    LEAKED,
    UNWRITTEN,
    PACKAGES,
    STAYED_OPEN,
    CLOSED_WRONGLY,
    REASONS,
    TAKE_OVER,
    SILENT,
    UNSETTLED,
    *PACE,
) = range(len(INVARIANTS))
"""Those on pace have a file of their own."""


def started(number: int = 1, **changes: Any) -> Started:
    """The conversation of a try, each a second after the one before; its event was delivered at once."""
    told: dict[str, Any] = {
        "conversation": f"c{number}",
        "attempt": number,
        "at_ms": number * 1000,
        "delivered_ms": number * 1000 + 9,
    }
    return Started(**told | changes)


def ticket(**changes: Any) -> Ticket:
    """A ticket as it should be at the end."""
    told = {"name": NAME, "policy": "park", "project": "norte", "starts": (started(),), "notes": (MARK,)}
    return Ticket(**{"planned": (MARK,), **told, **changes})


def taken(*texts: str) -> tuple[Wrote, ...]:
    """Messages that the bridge took, one after the other."""
    return tuple(Wrote(text, number * 100, number * 100 + 50) for number, text in enumerate(texts, start=1))


def stood(*texts: str, at_ms: int = 5_000) -> tuple[Stood, ...]:
    """Messages where they were to be brought."""
    return tuple(Stood(text, at_ms + number) for number, text in enumerate(texts))


def records(one: Ticket | None = None, **changes: Any) -> Records:
    """A run with one ticket in which everything held."""
    told = {"events": 10, "jobs": 1, "taken_over": (TakenOver(NAME, "kill worker", 9.0),)}
    return Records(**{"tickets": {NAME: one or ticket()}, **told, **changes})


def found(row: int, whole: Records) -> Finding:
    """What a row finds."""
    return judged(whole)[row][1]


def test_a_good_run_holds() -> None:
    """All rows, with nothing to show for."""
    assert [row.name for row, finding in judged(records()) if not finding.held or finding.examples] == []


SOLVED: dict[str, Any] = {"solved": (2_000,), "conversations": frozenset({"c1"})}
CLOSED = started(ended_ms=3_000, ended_by="bridge")
ROLLBACK = Struck("rollback redis", "redis", 4_900, 5_500)

BROKEN: dict[str, tuple[int, Records]] = {
    "nothing came of it": (LOST, records(ticket(starts=()))),
    "only a note of it was buried": (LOST, records(ticket(starts=(), letters={"note.add 1:note:started": "x y"}))),
    "park doubled": (PARK, records(ticket(starts=(started(1, delivered_ms=0), started(2))))),
    "retry doubled what was known": (KNOWN, records(ticket(policy="retry", starts=(started(1), started(2))))),
    "parked in spite of its event": (PARKED, records(ticket(phase="parked"))),
    "parked without a fault": (PARKED, records(ticket(phase="parked", starts=(), doubts=((5_000, 9_000),)))),
    "a job for each event": (JOBS, records(jobs=10)),
    "jobs were not counted": (JOBS, records(jobs=0)),
    "a note twice": (NOTES, records(ticket(notes=(MARK, MARK)))),
    "notes out of order": (NOTES, records(ticket(notes=("b", "a"), planned=("a", "b")))),
    "parked without a reason": (REASONS, records(ticket(phase="parked", reason=""))),
    "buried without a reason": (REASONS, records(ticket(letters={"start.conversation": "?"}))),
    "taken over late": (TAKE_OVER, records(taken_over=(TakenOver(NAME, "kill worker", 15.1),))),
    "never taken over": (TAKE_OVER, records(taken_over=(TakenOver(NAME, "stop worker", None),))),
    "said twice": (MESSAGES, records(ticket(replies=taken("a"), said=stood("a", "a")))),
    "said in another order": (MESSAGES, records(ticket(replies=taken("a", "b"), said=stood("b", "a")))),
    "written twice": (MESSAGES, records(ticket(wrote=taken("a"), written=stood("a", "a")))),
    "written in another order": (MESSAGES, records(ticket(wrote=taken("a", "b"), written=stood("b", "a")))),
    "never said": (UNSAID, records(ticket(replies=taken("a", "b"), said=stood("a")))),
    "a private note was said": (LEAKED, records(ticket(privates=("p",), said=stood("p")))),
    "never written": (UNWRITTEN, records(ticket(wrote=taken("a")))),
    "only a note was buried": (UNWRITTEN, records(ticket(wrote=taken("a"), letters={"add.note 1:note:x": "x y"}))),
    "two close packages": (PACKAGES, records(ticket(packages=2))),
    "solved and still open": (STAYED_OPEN, records(ticket(**SOLVED, starts=(started(),)))),
    "solved, reopened, solved and still open": (
        STAYED_OPEN,
        records(ticket(conversations=frozenset({"c1"}), solved=(2_000, 9_000), reopened=(3_000,))),
    ),
    "closed though not solved": (CLOSED_WRONGLY, records(ticket(starts=(CLOSED,)))),
    "closed though solved before it began": (CLOSED_WRONGLY, records(ticket(starts=(CLOSED,), solved=(500,)))),
    "no note": (SILENT, records(ticket(notes=()))),
    "not settled": (UNSETTLED, records(ticket(busy=True))),
}


@pytest.mark.parametrize(("row", "whole"), BROKEN.values(), ids=BROKEN)
def test_a_breach_is_found(row: int, whole: Records) -> None:
    """With the ticket, so that a person can go on from there."""
    finding = found(row, whole)
    assert not finding.held
    assert {one.ticket for one in finding.examples} == (set() if row == JOBS else {NAME})


STALL = Struck("stall jelou connections", "norte", 4_000, 6_000)
OPEN = ticket(phase="parked", starts=(), reason="no start event came", doubts=((5_000, 9_000),))
FINE: dict[str, tuple[int, Records]] = {
    "buried": (LOST, records(ticket(starts=(), letters={"start.conversation": "no phone"}))),
    "parked": (LOST, records(OPEN)),
    "retry, and no event of the first": (
        KNOWN,
        records(ticket(policy="retry", starts=(started(1, delivered_ms=0), started(2)))),
    ),
    "retry, and the event came later": (
        KNOWN,
        records(ticket(policy="retry", starts=(started(1, delivered_ms=2_500), started(2)))),
    ),
    "a note that a rolled-back timeline does not know": (NOTES, records(ticket(planned=()))),
    "another episode, another conversation": (PARK, records(ticket(starts=(started(1), started(2, episode=2))))),
    "said twice, the first while Redis lost it": (
        MESSAGES,
        records(ticket(replies=taken("a"), said=stood("a", "a")), struck=(ROLLBACK,)),
    ),
    "written while both were on their way": (
        MESSAGES,
        records(ticket(wrote=(Wrote("a", 1, 9), Wrote("b", 5, 7)), written=stood("b", "a"))),
    ),
    "not said, and a note says so": (UNSAID, records(ticket(replies=taken("a"), unsent=1))),
    "not said, and the ticket waits for a person": (UNSAID, records(replace(OPEN, replies=taken("a")))),
    "not written, and listed": (UNWRITTEN, records(ticket(wrote=taken("a")), orphans=frozenset({"a"}))),
    "not written, and buried": (
        UNWRITTEN,
        records(ticket(wrote=taken("a"), letters={"add.reply message:1": "the ticket is gone"})),
    ),
    "a package an episode": (PACKAGES, records(ticket(packages=2, episode=2))),
    "solved and closed": (STAYED_OPEN, records(ticket(**SOLVED, starts=(CLOSED,)))),
    "solved and left open": (STAYED_OPEN, records(ticket(**SOLVED, timeline=({"what": "left open"},)))),
    "solved and reopened": (STAYED_OPEN, records(ticket(**SOLVED, reopened=(3_000,)))),
    "closed because it was solved": (CLOSED_WRONGLY, records(ticket(**SOLVED, starts=(CLOSED,)))),
    "closed by an operator": (CLOSED_WRONGLY, records(ticket(starts=(replace(CLOSED, ended_by="operator"),)))),
    "the same conversation twice": (PARK, records(ticket(starts=(started(1), started(1, attempt=2))))),
    "parked behind a stalled Jelou": (PARKED, records(OPEN, struck=(STALL,))),
    "parked behind a killed worker": (
        PARKED,
        records(OPEN, struck=(replace(STALL, kind="kill worker", target="worker 2"),)),
    ),
    "parked by a fault of Jelou's own": (PARKED, records(OPEN, suffered=(Suffered("reset_after_accepting", NAME),))),
}


@pytest.mark.parametrize(("row", "whole"), FINE.values(), ids=FINE)
def test_what_the_rules_allow_is_no_breach(row: int, whole: Records) -> None:
    """Park and retry are what the account asked for."""
    assert found(row, whole).held


ELSEWHERE: dict[str, Records] = {
    "at another Jelou": records(OPEN, struck=(replace(STALL, target="sur"),)),
    "long before": records(OPEN, struck=(replace(STALL, from_ms=0, to_ms=1_000),)),
    "long after": records(OPEN, struck=(replace(STALL, from_ms=20_000, to_ms=30_000),)),
    "a fault that is certain": records(OPEN, suffered=(Suffered("throttled", NAME),)),
    "a fault of another ticket": records(OPEN, suffered=(Suffered("reset_after_accepting", "other"),)),
}


@pytest.mark.parametrize("whole", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_fault_elsewhere_explains_nothing(whole: Records) -> None:
    """Only what struck this call, at its time, leaves its fate open."""
    assert not found(PARKED, whole).held


LATE_TRY = (started(2), started(1, conversation="c0", at_ms=30_000))


def test_bytes_of_a_stopped_worker_are_counted_apart() -> None:
    """An earlier try that reaches Jelou after a later one: its lease check was before the stop, its bytes after."""
    stop = Struck("stop worker", "worker 1", 10_000, 29_990)
    whole = records(ticket(policy="retry", starts=LATE_TRY), struck=(stop,))
    assert found(KNOWN, whole).held
    assert [one.why for one in found(LATE, whole).examples] == [
        "try 1 reached Jelou after try 2, 10 ms after worker 1 had woken up"
    ]


def test_the_same_try_twice_is_a_breach() -> None:
    """No lease explains it, whoever woke up."""
    twice = (started(1), started(1, conversation="c0", at_ms=2_000))
    stop = Struck("stop worker", "worker 1", 1, 2_000)
    assert not found(KNOWN, records(ticket(policy="retry", starts=twice), struck=(stop,))).held


@pytest.mark.parametrize("woken_ms", [20_000, 33_000])
def test_an_earlier_try_that_nobody_had_stopped_is_a_breach(woken_ms: int) -> None:
    """Long awake, or asleep until after it: then the lease was not asked."""
    stop = Struck("stop worker", "worker 1", 10_000, woken_ms)
    whole = records(ticket(policy="retry", starts=LATE_TRY), struck=(stop,))
    assert (found(KNOWN, whole).held, found(LATE, whole).examples) == (False, ())


def test_what_came_of_a_loss_is_counted_apart() -> None:
    """It is shown, and breaks nothing; a message that came twice long after the loss is a breach all the same."""
    twice = ticket(wrote=taken("a"), written=stood("a", "a"))
    assert [one.why for one in found(SET_BACK, records(twice, struck=(ROLLBACK,))).examples] == [
        "'a' stands there 2 times"
    ]
    later = records(twice, struck=(replace(ROLLBACK, from_ms=1, to_ms=900),))
    assert (found(MESSAGES, later).held, found(SET_BACK, later).examples) == (False, ())


def test_a_note_that_came_while_redis_lost_it_may_stand_before_an_earlier_one() -> None:
    """It is planned anew, as a later one, and known by its mark."""
    one = ticket(notes=("b", "a"), planned=("a", "b"), unsure_notes=frozenset({"b"}))
    assert found(NOTES, records(one)).held
