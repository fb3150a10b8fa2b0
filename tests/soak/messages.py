"""What must hold of the messages that passed between agents and customers: rows of the soak's table. Pure."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from typing import TYPE_CHECKING

from bridge.domain import AddReply
from tests.soak.findings import Example, Finding, none_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.soak.records import Records, Stood, Ticket, Wrote


ROLLBACK = "rollback redis"


def wrong(records: Records) -> Finding:
    """Each message once, all in the order in which they were taken; where Redis lost nothing of it meanwhile."""
    found = ((one, why) for one, why, losses in _wrong(records) if not _lost(records, losses))
    return none_of(Example(one.name, why) for one, why in found)


def wrong_by_loss(records: Records) -> Finding:
    """Counted, not forbidden: what Redis has lost, the bridge does again."""
    found = ((one, why) for one, why, losses in _wrong(records) if _lost(records, losses))
    examples = tuple(Example(one.name, why) for one, why in found)
    return Finding(str(len(examples)), held=True, examples=examples)


def _wrong(records: Records) -> Iterable[tuple[Ticket, str, list[int]]]:
    """What is wrong with which ticket, and the times of which Redis would have to have lost one to explain it."""
    for one in records.tickets.values():
        for there, wanted in ((one.said, one.replies), (one.written, one.wrote)):
            for why, losses in (*_twice(there), *_overtaken(there, wanted)):
                yield one, why, losses


def _lost(records: Records, times_ms: list[int]) -> bool:
    losses = [one for one in records.struck if one.kind == ROLLBACK]
    return any(one.from_ms <= at_ms <= one.to_ms for one in losses for at_ms in times_ms)


def replies_lost(records: Records) -> Finding:
    """One that could not be said any more is told to the agent; with a parked ticket it waits for a person."""
    return none_of(
        Example(one.name, f"the customer has no {reply.text!r}")
        for one in records.tickets.values()
        for reply in one.replies
        if one.phase != "parked" and reply.text not in _texts(one.said) and not one.unsent
    )


def leaked(records: Records) -> Finding:
    """What agents write for each other stays in the helpdesk."""
    return none_of(
        Example(one.name, f"the customer has {text!r}")
        for one in records.tickets.values()
        for text in _texts(one.said) & {*one.privates}
    )


def writes_lost(records: Records) -> Finding:
    """What the bridge took of a customer stands on the ticket, or is listed where a person finds it."""
    return none_of(
        Example(one.name, f"the ticket has no {wrote.text!r}")
        for one in records.tickets.values()
        for wrote in one.wrote
        if wrote.text not in _texts(one.written) and not _listed(records, one, wrote)
    )


def _texts(there: Iterable[Stood]) -> set[str]:
    return {one.text for one in there}


def _listed(records: Records, ticket: Ticket, wrote: Wrote) -> bool:
    buried = any(action.startswith(AddReply.type) for action in ticket.letters)
    return wrote.text in records.orphans or buried


def _twice(there: Sequence[Stood]) -> Iterable[tuple[str, list[int]]]:
    for text, count in Counter(one.text for one in there).items():
        if count > 1:
            yield f"{text!r} stands there {count} times", [one.at_ms for one in there if one.text == text]


def _overtaken(there: Sequence[Stood], wanted: Sequence[Wrote]) -> Iterable[tuple[str, list[int]]]:
    """Of two that were under way at the same time, nobody can say which is the first."""
    place = {one.text: at for at, one in reversed([*enumerate(there)])}
    for first, second in permutations((one for one in wanted if one.text in place), 2):
        if first.taken_ms < second.began_ms and place[first.text] > place[second.text]:
            yield f"{first.text!r} stands after {second.text!r}", [first.taken_ms]
