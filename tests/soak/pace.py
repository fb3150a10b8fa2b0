"""What must hold of a paced project's calls, judged from what its destinations saw: rows of the soak's table. Pure.

Left out are the spans of ``faulty``, but for the windows: no fault excuses more calls than are allowed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from bridge.domain import StartConversation
from tests.bench.measures import WINDOWS_S, Limit, fullest, percentile
from tests.soak.faulty import holes
from tests.soak.findings import Example, Finding, none_of
from tests.soak.messages import ROLLBACK
from tests.soak.spans import count, length_ms, touched, windows, without

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.soak.records import Called, Destination, Records, Struck, Ticket

BUNCHED_S = 0.5
"""Where many processes share two cores, calls that were granted one after the other come together: one process waits so
long for its turn."""

USED, USED_LEAST_MS = 0.95, 5_000
SHARE, SHARED_MS = 0.1, 2_000
REPLY_MOST_S, REPLY_OF = 5.0, 99
ORDER_MS = 1_000
LEASE_MS = 8_000
"""What a worker held while Redis was away comes due again when its lease ends."""

READY_MS = 500
"""From its being ready until a worker has seen that it is."""

QUEUED_MS = 1_000
"""A start that has waited so long is in the queue, and not just on its way."""


# --- windows ---------------------------------------------------------------------------------------------------------


def too_many(records: Records) -> Finding:
    """Never more than the rate times the window and the burst, at the project and its helpdesk accounts."""
    found = [one for place in _places(records) for one in _fullest(place)]
    figure = ", ".join(f"{most} in {long:g} s" for place, long, most, _ in found if place == records.paced)
    over = (
        Example(place.name, f"{most} calls in {long:g} s, at most {allowed:.1f} are allowed")
        for place, long, most, allowed in found
        if most > allowed
    )
    examples = tuple(over)
    return Finding(figure or "nothing", not examples, examples)


def _places(records: Records) -> Iterator[Destination]:
    yield from (records.paced, *records.desks) if records.paced else ()


def _fullest(place: Destination) -> Iterator[tuple[Destination, float, int, float]]:
    limit, times = Limit(place.limit, place.per_s), [one.at_ms for one in place.calls]
    for long in WINDOWS_S:
        yield place, long, fullest(times, long * 1000), limit.most(long) + BUNCHED_S * place.limit / place.per_s


# --- starts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Queued:
    """A ticket's first start: when it was taken (from, to), could be started, and was first called for (Unix ms)."""

    ticket: Ticket
    began_ms: int
    taken_ms: int
    ready_ms: int
    at_ms: int


def queued(records: Records) -> list[Queued]:
    """The first start of each ticket of the paced project that was started, in the order in which they came."""
    first = {call.ticket: call.at_ms for call in reversed(_calls(records, "start"))}
    reads = _reads(records)
    found = []
    for name, one in records.tickets.items():
        if name in first:
            ready = max((at for at in reads[name] if at <= first[name]), default=one.opened[1])
            found.append(Queued(one, *one.opened, max(ready, one.opened[1]), first[name]))
    return sorted(found, key=lambda one: one.at_ms)


def _calls(records: Records, *what: str) -> list[Called]:
    calls = records.paced.calls if records.paced else ()
    return sorted((one for one in calls if not what or one.what in what), key=lambda one: one.at_ms)


def _reads(records: Records) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for desk in records.desks:
        for call in desk.calls:
            if call.what == "read" and call.answered_ms:
                found[f"{desk.name}/{call.ticket}"].append(call.answered_ms)
    return found


def overtaken(records: Records) -> Finding:
    """In an account the first to come is the first to be started, unless it could not be."""
    lines: defaultdict[str, list[Queued]] = defaultdict(list)
    for one in queued(records):
        lines[one.ticket.name.rpartition("/")[0]].append(one)
    out = holes(records)
    return none_of(
        Example(late.ticket.name, f"was started {(late.at_ms - soon.at_ms) / 1000:.1f} s after {soon.ticket.name}")
        for line in lines.values()
        for soon, late in combinations(line, 2)
        if _before(late, soon) and not _excused(records, late, soon) and not touched((soon.at_ms, soon.at_ms), out)
    )


def _before(one: Queued, other: Queued) -> bool:
    return one.taken_ms + ORDER_MS < other.began_ms and one.ready_ms + READY_MS < other.at_ms


def _excused(records: Records, late: Queued, soon: Queued) -> bool:
    redis = [one for one in records.struck if one.target == "redis" and one.from_ms <= soon.at_ms]
    return is_held(records, late) or any(_lost(one, late) or _held(one, late, soon) for one in redis)


def _lost(one: Struck, late: Queued) -> bool:
    return one.kind == ROLLBACK and one.from_ms - ORDER_MS <= late.taken_ms <= one.to_ms


def _held(one: Struck, late: Queued, soon: Queued) -> bool:
    return late.taken_ms <= one.to_ms and soon.at_ms <= one.to_ms + LEASE_MS


def is_held(records: Records, one: Queued) -> bool:
    """Whether something other than its turn held back this start: a fate that is open, a person, a worker's end."""
    ticket = one.ticket
    unknown = any(to <= one.at_ms for _, to in ticket.doubts)
    in_hand = any(over.ticket == ticket.name and over.at_ms <= one.at_ms for over in records.taken_over)
    buried = StartConversation.type in ticket.letters
    return unknown or in_hand or buried or ticket.phase == "parked" or _behind_another(records, one)


def _behind_another(records: Records, one: Queued) -> bool:
    """Another ticket of the same person was being started meanwhile, or its fate was open."""
    others = (other for other in records.tickets.values() if other.phone == one.ticket.phone)
    return any(
        (start.at_ms <= one.at_ms and start.at_ms >= one.taken_ms - READY_MS) or other.doubts or other.phase == "parked"
        for other in others
        if other.name != one.ticket.name and other.project == one.ticket.project
        for start in other.starts
    )


# --- use -------------------------------------------------------------------------------------------------------------


def unused(records: Records) -> Finding:
    """While starts wait that could be made, the pace is used."""
    waits = [(one.ready_ms + QUEUED_MS, one.at_ms) for one in queued(records) if not is_held(records, one)]
    spans = [one for one in without(waits, holes(records)) if one[1] - one[0] >= USED_LEAST_MS]
    times, limit = [one.at_ms for one in _calls(records)], records.paced.limit if records.paced else 0.0
    made, could = sum(count(times, one) for one in spans), length_ms(spans) / 1000 * limit
    examples = tuple(
        Example("", f"{count(times, one)} calls in {(one[1] - one[0]) / 1000:.1f} s from {one[0]:.0f} on")
        for one in spans
        # One call more or less is a matter of where the span begins.
        if count(times, one) + 1 < USED * limit * (one[1] - one[0]) / 1000
    )
    used = made / could if could else 1.0
    figure = f"{used:.1%} in {len(spans)} spans of {length_ms(spans) / 1000:.0f} s" if spans else "never so long"
    return Finding(figure, used >= USED and not examples, examples)


# --- live conversations ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """An agent's reply: since when it could be said, and when it reached Jelou (Unix ms)."""

    ticket: Ticket
    since_ms: int
    at_ms: int


def replies(records: Records) -> Iterator[Due]:
    """Those of the paced project that reached Jelou, each from when nothing of its own ticket stood before it."""
    calls = _calls(records)
    for one in records.tickets.values():
        if records.paced and records.paced.name.endswith(one.project):
            of_one = [call for call in calls if call.person == one.phone]
            stood = {said.text: said.at_ms for said in reversed(one.said)}
            for reply in one.replies:
                if reply.text in stood:
                    at_ms = _came(of_one, stood[reply.text])
                    yield Due(one, max(reply.taken_ms, _own(one, of_one, at_ms)), at_ms)


def _came(calls: Sequence[Called], stood_ms: int) -> int:
    """When the call came by which a message stands there: the peer takes its time before it is in the ledger."""
    sent = (one.at_ms for one in calls if one.what == "send" and one.at_ms <= stood_ms <= (one.answered_ms or stood_ms))
    return max(sent, default=stood_ms)


def _own(ticket: Ticket, calls: Sequence[Called], at_ms: int) -> int:
    """When all that its own person was called for before was over: the events of a start, the answers of calls."""
    told = (start.delivered_ms or at_ms for start in ticket.starts if start.at_ms <= at_ms)
    answered = (one.answered_ms or at_ms for one in calls if one.at_ms < at_ms and one.answered_ms <= at_ms)
    return max((*told, *answered), default=0)


def late_replies(records: Records) -> Finding:
    """An agent's reply does not wait behind new tickets."""
    out, all_of = holes(records), list(replies(records))
    judged = [one for one in all_of if not touched((one.since_ms, one.at_ms), out)]
    waits = [(one.at_ms - one.since_ms) / 1000 for one in judged]
    worst = percentile(waits, REPLY_OF)
    figure = f"{worst:.1f} s of {len(waits)}, {len(all_of) - len(judged)} more in faults" if waits else "none"
    slow = tuple(
        Example(one.ticket.name, f"its reply reached Jelou after {wait:.1f} s")
        for one, wait in zip(judged, waits, strict=True)
        if wait >= REPLY_MOST_S
    )
    return Finding(figure, not waits or worst < REPLY_MOST_S, slow)


def _leased(records: Records, one: Due) -> bool:
    """A ticket that was in hand when Redis went may be in nobody's hands until that lease ends."""
    redis = (struck for struck in records.struck if struck.target == "redis")
    return any(one.since_ms <= struck.to_ms and one.at_ms <= struck.to_ms + LEASE_MS for struck in redis)


def crowded_out(records: Records) -> Finding:
    """While a reply was due all the time, starts got no more than their share."""
    due = [
        (one.since_ms + READY_MS, one.at_ms)
        for one in replies(records)
        # Where the ticket has to be read first, nobody outside knows when its reply was due at Jelou.
        if not one.ticket.name.startswith("zendesk/") and not _leased(records, one)
    ]
    calls, starts = ([one.at_ms for one in _calls(records, *what)] for what in ((), ("start",)))
    spans = without(due, holes(records))
    judged = list(windows(starts, spans, SHARED_MS))
    over = [one for one in judged if count(starts, one) > max(1.0, SHARE * count(calls, one))]
    examples = tuple(
        Example("", f"{count(starts, one)} starts among {count(calls, one)} calls from {one[0]:.0f} on") for one in over
    )
    return Finding(f"{len(over)} of {len(judged)} windows", not over, examples)
