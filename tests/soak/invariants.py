"""What must hold after a soak, as a table: each row measures the records and says what it found. Pure."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

from bridge.domain import StartConversation
from tests.soak import doors, ends, messages, pace
from tests.soak.findings import Example, Finding, Invariant, none_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.soak.records import Records, Started, Struck, Ticket

TAKE_OVER_S = 15.0
FAR_FEWER = 0.75
"""arq jobs for each event and each call that waits for its turn, at the most: a turn may have to wake its lane."""

OPEN_FATES = frozenset(
    {
        "hang_after_accepting",
        "reset_after_accepting",
        "error_after_accepting",
        "unreadable_after_accepting",
        "not_json",
    }
)
"""Faults of a Jelou twin after which nobody can know whether the start worked."""

WOKEN_MS = 2_000
"""What a worker that woke up had still to send is sent by then."""

MARGIN_MS = 1_000
"""A connection that was cut just before is noticed by the call that uses it."""


# --- conversations ---------------------------------------------------------------------------------------------------


def lost(records: Records) -> Finding:
    """Acknowledged, and nothing came of it."""
    return none_of(
        Example(one.name, f"no conversation; it is {one.phase} {one.reason}".strip())
        for one in records.tickets.values()
        if not one.starts and StartConversation.type not in one.letters and one.phase != "parked"
    )


def doubled_parking(records: Records) -> Finding:
    """The policy `park` never doubles."""
    return none_of(Example(one.name, _conversations(one)) for one in _with(records, "park") if _doubled(one))


def doubled_known(records: Records) -> Finding:
    """The policy `retry` doubles only where the first one's event had not come."""
    return none_of(
        Example(ticket.name, f"{_conversations(ticket)}; the event of {first.conversation} was taken before")
        for ticket, first, second in _doubled_knowingly(records)
        if not _woken(records, first, second)
    )


def doubled_late(records: Records) -> Finding:
    """Counted, not forbidden: no lease check can be the very last thing before the bytes."""
    found = tuple(
        Example(ticket.name, f"try {second.attempt} reached Jelou after try {first.attempt}, {evidence}")
        for ticket, first, second in _doubled_knowingly(records)
        if (evidence := _woken(records, first, second))
    )
    return Finding(str(len(found)), held=True, examples=found)


def _doubled_knowingly(records: Records) -> Iterable[tuple[Ticket, Started, Started]]:
    """Two conversations of one ticket, where the bridge had taken the event of the first when the second began."""
    return (
        (ticket, first, second)
        for ticket in _with(records, "retry")
        for first, second in combinations(ticket.starts, 2)
        if first.episode == second.episode
        and first.conversation != second.conversation
        and 0 < first.delivered_ms <= second.at_ms
    )


def _woken(records: Records, first: Started, second: Started) -> str:
    """The evidence that an earlier try came late because its worker had been stopped; empty where there is none."""
    if second.attempt >= first.attempt:
        return ""
    stops = (one for one in records.struck if one.kind == "stop worker")
    woken = (one for one in stops if abs(second.at_ms - one.to_ms) <= WOKEN_MS)
    return next((f"{second.at_ms - one.to_ms} ms after {one.target} had woken up" for one in woken), "")


def _with(records: Records, policy: str) -> Iterable[Ticket]:
    return (one for one in records.tickets.values() if one.policy == policy)


def _doubled(ticket: Ticket) -> bool:
    """Whether one episode has more than one conversation."""
    found = {(start.episode, start.conversation) for start in ticket.starts}
    return len(found) > len({episode for episode, _ in found})


def _conversations(ticket: Ticket) -> str:
    return ", ".join(f"try {one.attempt} started {one.conversation}" for one in ticket.starts)


# --- parked and buried -----------------------------------------------------------------------------------------------


def parked_wrongly(records: Records) -> Finding:
    """Parked only for an open fate that a fault explains, and only while there is no evidence."""
    parked = [one for one in records.tickets.values() if one.phase == "parked"]
    suffered = {one.ticket for one in records.suffered if one.name in OPEN_FATES}
    wrong = ((one, _wrongly_parked(records, one, suffered)) for one in parked)
    return none_of(Example(one.name, why) for one, why in wrong if why)


def _wrongly_parked(records: Records, ticket: Ticket, suffered: set[str]) -> str:
    now = (start for start in ticket.starts if start.episode == ticket.episode)
    delivered = [start.conversation for start in now if start.delivered_ms]
    if delivered:
        return f"the start event of {delivered[0]} was delivered"
    if ticket.name in suffered or any(_explained(records, ticket, doubt) for doubt in ticket.doubts):
        return ""
    return f"no fault left its fate open: {ticket.reason}"


def _explained(records: Records, ticket: Ticket, doubt: tuple[int, int]) -> bool:
    return any(_touches(one, ticket.project) and _overlap(one, doubt) for one in records.struck)


def _touches(one: Struck, project: str) -> bool:
    return one.target == project or "worker" in one.target or one.target == "redis"


def _overlap(one: Struck, doubt: tuple[int, int]) -> bool:
    return one.from_ms - MARGIN_MS <= doubt[1] and doubt[0] <= one.to_ms + MARGIN_MS


def unexplained(records: Records) -> Finding:
    """Whatever is given up or waits for a person says why."""
    return none_of(
        Example(one.name, f"no reason for {what}")
        for one in records.tickets.values()
        for what, reason in _given_up(one)
        if len(reason.split()) < 2
    )


def _given_up(ticket: Ticket) -> Iterable[tuple[str, str]]:
    if ticket.phase in {"parked", "failed"}:
        yield ticket.phase, ticket.reason
    yield from ticket.letters.items()


# --- notes -----------------------------------------------------------------------------------------------------------


def notes_wrong(records: Records) -> Finding:
    """Each note once, and all in the order in which they were written."""
    return none_of(
        Example(one.name, why) for one in records.tickets.values() for why in (*_twice(one), *_out_of_order(one))
    )


def _twice(ticket: Ticket) -> list[str]:
    return [f"note {mark} stands there {count} times" for mark, count in Counter(ticket.notes).items() if count > 1]


def _out_of_order(ticket: Ticket) -> list[str]:
    # A timeline that was rolled back with Redis may not know a note that stands on the ticket, or know it as later.
    known = {*ticket.planned} - ticket.unsure_notes
    there = [mark for mark in dict.fromkeys(ticket.notes) if mark in known]
    wanted = [mark for mark in ticket.planned if mark in there]
    return [] if there == wanted else [f"notes {there} were written as {wanted}"]


def silent(records: Records) -> Finding:
    """A ticket that has its conversation says so."""
    return none_of(
        Example(one.name, f"it is {one.phase} and has no note")
        for one in records.tickets.values()
        if one.phase == "open" and not one.notes and not one.letters
    )


# --- the whole -------------------------------------------------------------------------------------------------------


def jobs(records: Records) -> Finding:
    """Lanes are woken, not events; one with a pace sleeps until its next call may go."""
    places = (*records.desks, *([records.paced] if records.paced else []))
    paced = sum(len(place.calls) for place in places)
    share = records.jobs / max(records.events + paced, 1)
    figure = f"{records.jobs:,} for {records.events:,} events and {paced:,} paced calls ({share:.0%})"
    return Finding(figure, 0 < share < FAR_FEWER)


def take_over(records: Records) -> Finding:
    """Measured for every ticket in a worker's hands at a kill or stop."""
    slow = [one for one in records.taken_over if one.after_s is None or one.after_s >= TAKE_OVER_S]
    longest = max((one.after_s or 0.0 for one in records.taken_over), default=0.0)
    told = tuple(Example(one.ticket, f"{one.kind}: {_after(one.after_s)}") for one in slow)
    return Finding(f"{longest:.1f} s over {len(records.taken_over)} tickets", not slow, told)


def _after(after_s: float | None) -> str:
    return "it never went on" if after_s is None else f"it went on after {after_s} s"


def unsettled(records: Records) -> Finding:
    """Everything must come to an end, or the other rows judge too early."""
    return none_of(
        Example(one.name, f"it is {one.phase} {one.reason}".strip()) for one in records.tickets.values() if one.busy
    )


INVARIANTS = (
    Invariant("acknowledged tickets with no conversation, not buried and not parked", "0", lost),
    Invariant("tickets with more than one conversation, policy `park`", "0", doubled_parking),
    Invariant(
        "tickets with more than one conversation, policy `retry`, where the start event was delivered before",
        "0",
        doubled_known,
    ),
    Invariant(
        "of these apart: a worker was stopped between its last lease check and its bytes", "counted", doubled_late
    ),
    Invariant(
        "parked tickets without an injected fault that left their fate open, or with evidence delivered",
        "0",
        parked_wrongly,
    ),
    Invariant("arq jobs run", f"under {FAR_FEWER:.0%} of the events and the calls with a pace", jobs),
    Invariant("notes twice on one ticket for one event; messages out of order", "0", notes_wrong),
    Invariant("messages twice with customer or ticket, or out of order", "0", messages.wrong),
    Invariant("of these apart: Redis was set back behind what was said or written", "counted", messages.wrong_by_loss),
    Invariant("agents' replies that a customer never got, and no note says so", "0", messages.replies_lost),
    Invariant("agents' private notes that reached a customer", "0", messages.leaked),
    Invariant("customers' messages that their ticket lacks", "0", messages.writes_lost),
    Invariant("close packages beyond one per episode", "0", ends.packages),
    Invariant("conversations of solved tickets that stayed open", "0", ends.stayed_open),
    Invariant("conversations that the bridge closed and no solved ticket asked for", "0", ends.closed_wrongly),
    Invariant("tickets parked or buried without a reason a person can read", "0", unexplained),
    Invariant(
        "longest time from a kill to the next progress of a taken-over ticket", f"under {TAKE_OVER_S:.0f} s", take_over
    ),
    Invariant("open tickets without their note", "0", silent),
    Invariant("tickets that had not settled in time", "0", unsettled),
    Invariant("most calls of the paced project in a window", "the rate x the time + the burst", pace.too_many),
    Invariant("its pace that was used while starts waited", f"over {pace.USED:.0%}", pace.unused),
    Invariant("its starts that overtook one accepted over a second before them", "0", pace.overtaken),
    Invariant("its windows of 2 s in which a reply was due and starts got over a tenth", "0", pace.crowded_out),
    Invariant("strangers' bodies that were taken", "0", doors.strangers_taken),
    Invariant("a genuine delivery's answer beside them, p99", f"under {doors.ANSWER_MOST_S} s", doors.late_answers),
    Invariant("genuine deliveries refused while nothing that an answer needs is struck", "0", doors.refused),
    Invariant("an agent's reply to Jelou, p99", f"under {pace.REPLY_MOST_S:.0f} s", pace.late_replies),
)
"""The order is that of what matters most to whoever opened the ticket."""


def judged(records: Records) -> list[tuple[Invariant, Finding]]:
    """Every row with what it found."""
    return [(one, one.measure(records)) for one in INVARIANTS]
