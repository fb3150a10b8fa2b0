"""When the paced project could not be called as it should be, and whose fault that was: spans that its rows leave out.

Only what a fault of the plan or an answer of the twin explains is left out, and only so long as the bridge may take to
find that it is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.soak.plan import AWAY, GATEWAY
from tests.soak.spans import length_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.soak.records import Called, Records, Struck
    from tests.soak.spans import Span

PROBED_MS = 16_000
"""A destination that was away is asked again at most 15 s later."""

HELD_MS = 15_000
"""After a loss starts wait 5 s for what was sent before, then their tickets are looked at; then the first goes out."""

AGAIN_MS = 1_000
"""A connection to Redis is made anew, a worker that slept finds out what it missed."""

WAIT_MS = 1_500
"""The twin's 429 asks for a second."""

GIVEN_UP_S = 45.0
TOO_MANY = 429
SERVER_ERROR = 500

OUTAGE = "Jelou away, until its first answer"
REDIS = "Redis away or set back, until the first start"
WORKER = "a worker killed or stopped, until its tickets went on"
ASKED = "Jelou asked to wait (429)"


def left_out(records: Records) -> Mapping[str, list[Span]]:
    """By why they are left out."""
    calls = records.paced.calls if records.paced else ()
    return {
        OUTAGE: [_outage(one, calls) for one in records.struck if one.kind in {AWAY, GATEWAY}],
        REDIS: [_redis(one, calls) for one in records.struck if one.target == "redis"],
        WORKER: [_worker(one, records) for one in records.struck if one.target.startswith("worker")],
        ASKED: list(_asked(calls)),
    }


def holes(records: Records) -> list[Span]:
    """All of them."""
    return [span for spans in left_out(records).values() for span in spans]


def lengths(records: Records) -> Mapping[str, float]:
    """How many seconds each reason leaves out."""
    return {why: length_ms(spans) / 1000 for why, spans in left_out(records).items()}


def _outage(one: Struck, calls: Sequence[Called]) -> Span:
    answers = (call.answered_ms for call in calls if call.at_ms >= one.to_ms and 0 < call.status < SERVER_ERROR)
    return one.from_ms, _first(answers, one.to_ms, PROBED_MS)


def _redis(one: Struck, calls: Sequence[Called]) -> Span:
    if one.kind != "rollback redis":
        return one.from_ms, one.to_ms + AGAIN_MS
    return one.from_ms, _first((call.at_ms for call in calls if call.what == "start"), one.to_ms, HELD_MS)


def _first(times: Iterable[int], after_ms: int, most_ms: int) -> int:
    return min((at for at in times if after_ms <= at <= after_ms + most_ms), default=after_ms + most_ms)


def _worker(one: Struck, records: Records) -> Span:
    if one.kind == "stop worker":
        return one.from_ms, one.to_ms + AGAIN_MS
    its = (over for over in records.taken_over if abs(over.at_ms - one.from_ms) <= AGAIN_MS)
    after_s = max((GIVEN_UP_S if over.after_s is None else over.after_s for over in its), default=0.0)
    return one.from_ms, one.from_ms + after_s * 1000 + AGAIN_MS


def _asked(calls: Iterable[Called]) -> Iterator[Span]:
    for call in calls:
        if call.status == TOO_MANY:
            yield call.at_ms, call.answered_ms + WAIT_MS
