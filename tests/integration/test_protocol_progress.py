"""What a claim has worked is stored with its marks: a worker that dies after one leaves nothing to be worked twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.steps import LEASES

if TYPE_CHECKING:
    from bridge.protocol import Claimed, Mark
    from tests.steps import Steps


async def three_in_hand(steps: Steps) -> Claimed:
    """A ticket with three events and two pieces of evidence, in a worker's hands."""
    for event in ("first", "second", "third"):
        await steps.accept(event)
    for event in ("started", "closed"):
        await steps.told(event, ticket="t", kind="start" if event == "started" else "close")
    [claimed] = (await steps.claim()).tickets
    return claimed


def marking(steps: Steps, claimed: Claimed, number: int = 1, **worked: Any) -> Mark:
    """A mark of what was worked so far."""
    return replace(steps.marking(claimed), number=number, **worked)


async def test_a_mark_cuts_what_its_state_stands_for(steps: Steps) -> None:
    """Whoever takes over from a dead worker finds the state and what it does not cover, and nothing else."""
    claimed = await three_in_hand(steps)
    mark = marking(steps, claimed, inbox_done=2, evidence_done=1, said=('"hello"',))
    assert (await steps.store.mark(mark)).verdict == "go"
    await steps.pass_ms(LEASES.ticket_ms)
    [successor] = (await steps.claim()).tickets
    assert (successor.state, successor.inbox, successor.evidence) == (b'"marked"', (b"third",), (b"closed",))
    assert await steps.store.transcript("t") == [b'"hello"']


async def test_a_mark_told_again_after_newer_events_cuts_and_tells_nothing_more(steps: Steps) -> None:
    """Its first answer was lost; meanwhile more has come, and stays."""
    claimed = await three_in_hand(steps)
    mark = marking(steps, claimed, inbox_done=1, evidence_done=1, said=('"hello"',))
    await steps.store.mark(mark)
    after = (await steps.timeline(), await steps.link())
    await steps.accept("fourth")
    assert (await steps.store.mark(mark)).verdict == "go"
    assert (await steps.inbox(), await steps.evidence()) == (["second", "third", "fourth"], ["closed"])
    assert ([one for one in await steps.timeline() if one != "received fourth"], await steps.link()) == after
    assert await steps.store.transcript("t") == [b'"hello"']


async def test_a_mark_told_again_keeps_its_moment(steps: Steps) -> None:
    """Its turn is not taken a second time, and what is left of the wait for it is told."""
    claimed = await three_in_hand(steps)
    await steps.store.mark(marking(steps, claimed))
    await steps.redis.hset(steps.key("link", "t"), "marked", f"1 {steps.now + 300}")
    await steps.pass_ms(100)
    verdict = await steps.store.mark(marking(steps, claimed))
    assert (verdict.verdict, verdict.detail) == ("go", "200")


async def test_each_mark_of_a_claim_cuts_from_where_the_one_before_stood(steps: Steps) -> None:
    """The counts are the claim's own: of what it was given, not of what is left."""
    claimed = await three_in_hand(steps)
    await steps.store.mark(marking(steps, claimed, 1, inbox_done=1))
    await steps.store.mark(marking(steps, claimed, 2, inbox_done=2, evidence_done=2))
    assert (await steps.inbox(), await steps.evidence()) == (["third"], [])


async def test_a_mark_that_may_not_go_cuts_nothing(steps: Steps) -> None:
    """Nothing of it is stored."""
    claimed = await three_in_hand(steps)
    await steps.store.pause("acme", "now")
    held_back = replace(steps.marking(claimed, contact="ana"), number=1, inbox_done=2, evidence_done=2)
    assert (await steps.store.mark(held_back)).verdict == "paused"
    assert (len(await steps.inbox()), len(await steps.evidence())) == (3, 2)


async def test_a_finish_cuts_what_the_marks_have_left(steps: Steps) -> None:
    """Of all that the claim worked; what came since stays."""
    claimed = await three_in_hand(steps)
    await steps.store.mark(marking(steps, claimed, inbox_done=1, evidence_done=1))
    await steps.accept("fourth")
    assert (await steps.finish(claimed, inbox_done=2, evidence_done=2)).done
    assert (await steps.inbox(), await steps.evidence()) == (["third", "fourth"], [])
    assert {"inbox_cut", "evidence_cut", "marked"}.isdisjoint(await steps.link())


async def test_a_successor_counts_anew(steps: Steps) -> None:
    """What the dead worker's marks had cut is none of its."""
    claimed = await three_in_hand(steps)
    await steps.store.mark(marking(steps, claimed, 1, inbox_done=2))
    await steps.pass_ms(LEASES.ticket_ms)
    await steps.accept("fourth")
    [successor] = (await steps.claim()).tickets
    assert (await steps.store.mark(marking(steps, successor, 1, inbox_done=1))).verdict == "go"
    assert await steps.inbox() == ["fourth"]


@pytest.mark.parametrize("worked", [0, 1, 2])
async def test_evidence_that_came_since_is_news_however_much_was_cut(steps: Steps, worked: int) -> None:
    """A start does not go out over it."""
    claimed = await three_in_hand(steps)
    await steps.store.mark(marking(steps, claimed, 1, evidence_done=worked))
    start = replace(steps.marking(claimed, contact="ana", evidence=2), number=2, evidence_done=worked)
    assert (await steps.store.mark(start)).verdict == "go"
    await steps.told("another", ticket="t", kind="close")
    again = replace(steps.marking(claimed, contact="ana", evidence=2), number=3, evidence_done=worked)
    assert (await steps.store.mark(again)).verdict == "news"


async def test_a_conversation_that_a_mark_names_is_found_by_its_next_events(steps: Steps) -> None:
    """The evidence that named it is cut with the mark; what comes next of the conversation still finds its ticket."""
    claimed = await three_in_hand(steps)
    await steps.told("hello", kind="message", conversation="c9")
    mark = replace(marking(steps, claimed, evidence_done=2), adopt=("c9",), project="soporte")
    await steps.store.mark(mark)
    assert await steps.inbox() == ["first", "second", "third", "hello"]
    assert (await steps.told("again", kind="message", conversation="c9")).ticket == "t"
