"""A ticket is forgotten in a worker's hands: what was not sent is not, and what was sent is written nowhere."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.personal import PHONE, TICKET, evidence, left, named, opened
from tests.steps import KEEP

if TYPE_CHECKING:
    from tests.steps import Steps


async def test_a_worker_that_has_not_sent_yet_sends_nothing(steps: Steps) -> None:
    """Its mark says that the ticket is lost, and its heartbeat too."""
    claimed = await opened(steps)
    await steps.forget(TICKET)
    assert (await steps.mark(claimed, contact=PHONE)).verdict == "lost"
    assert await steps.store.beat([(claimed.ticket, claimed.lane, claimed.token)], []) == [False]
    assert await left(steps) == []


async def test_a_worker_that_has_sent_writes_nothing(steps: Steps) -> None:
    """The finish of the claim before is lost: link, index, letters and lane stay as empty as they are."""
    claimed = await opened(steps)
    await steps.mark(claimed, contact=PHONE)
    await steps.forget(TICKET)
    finished = await steps.finish(claimed, **named(bury=(("letter-1", "mariposa"),), wait="firm", due_in_ms=5))
    assert (finished.done, finished.wake) == (False, ())
    await steps.pass_ms(99_000)
    assert (await steps.claim()).tickets == ()
    assert await left(steps) == []


@pytest.mark.parametrize("turn", range(6))
async def test_finish_and_forget_at_once(steps: Steps, turn: int) -> None:
    """Whichever script runs first, nothing is left."""
    claimed = await opened(steps)
    await steps.mark(claimed, contact=PHONE)
    both = [steps.finish(claimed, **named()), steps.forget(TICKET), steps.told("late", ticket=TICKET)]
    await asyncio.gather(*(both if turn % 2 else reversed(both)))
    assert await left(steps) == []


async def test_another_start_of_the_person_waits_for_a_forgotten_one(steps: Steps) -> None:
    """A call that is out cannot be called back: until its fate would be settled, no second one goes to that room."""
    await steps.mark(await opened(steps), contact=PHONE)
    await steps.forget(TICKET)
    await steps.accept("opened", ticket="new", fact="opened")
    [claimed] = (await steps.claim()).tickets
    verdict = await steps.mark(claimed, contact=PHONE)
    assert (verdict.verdict, verdict.detail) == ("busy", "a forgotten ticket")
    await steps.finish(claimed, inbox_done=0, left=1, wait="firm", due_in_ms=30_000, behind=PHONE)
    assert await steps.due_in_ms("new") == 30_000
    [lock] = [key async for key in steps.redis.scan_iter(steps.key("tombstone", "*")) if await is_text(steps, key)]
    assert 0 < await steps.redis.pttl(lock) <= KEEP.in_flight
    await steps.redis.delete(lock)
    await steps.pass_ms(30_000)
    [claimed] = (await steps.claim()).tickets
    assert (await steps.mark(claimed, contact=PHONE)).verdict == "go"


async def is_text(steps: Steps, key: bytes) -> bool:
    """Whether a tombstone is that of a start or a conversation."""
    return bool(await steps.redis.type(key) == b"string")


async def test_a_start_that_is_not_out_leaves_no_place_behind(steps: Steps) -> None:
    """Who waits for nobody is not made to wait."""
    claimed = await opened(steps)
    await steps.mark(claimed, contact=PHONE)
    await steps.finish(claimed, **named(contact=PHONE))
    await steps.forget(TICKET)
    await steps.accept("opened", ticket="new", fact="opened")
    [claimed] = (await steps.claim()).tickets
    assert (await steps.mark(claimed, contact=PHONE)).verdict == "go"


@pytest.mark.parametrize("clue", ["its metadata", "the start in flight"])
async def test_the_start_event_of_a_forgotten_start_is_known(steps: Steps, clue: str) -> None:
    """And with it the conversation: what the customer wrote there before and after is not kept."""
    await steps.mark(await opened(steps), contact=PHONE)
    await steps.forget(TICKET)
    assert (await steps.told("mariposa", kind="message", conversation="c-77")).status == "orphaned"
    ticket, contact = (TICKET, "") if clue == "its metadata" else ("", PHONE)
    assert (await steps.told("start", conversation="c-77", ticket=ticket, contact=contact)).by == "removed"
    assert (await steps.told("mariposa", kind="message", conversation="c-77")).by == "removed"
    assert await left(steps) == []


async def test_a_conversation_that_only_evidence_has_named_is_known(steps: Steps) -> None:
    """Its event was accepted and not worked when the ticket was forgotten; a message in it was an orphan so far."""
    await opened(steps)
    await steps.told(evidence("c-77"), ticket=TICKET, conversation="c-77")
    assert (await steps.told("mariposa", kind="message", conversation="c-77")).status == "orphaned"
    await steps.forget(TICKET)
    assert await left(steps) == []
    assert (await steps.told("mariposa", kind="message", conversation="c-77")).by == "removed"
    assert await left(steps) == []


async def test_who_waits_behind_or_is_held_goes_too(steps: Steps) -> None:
    """The lists of those that wait hold them no more."""
    first, second = await steps.two_of_one_person()
    await steps.finish(second, wait="firm", due_in_ms=60_000, behind="ana", person="ana")
    await steps.store.pause("acme", "now")
    await steps.finish(await steps.held(ticket="third"), wait="firm", due_in_ms=60_000, held="acme", person="ana")
    assert (await steps.forget(people=(("ana", ()),))).tickets == 2
    await steps.finish(first, contact="ana", release=True)
    assert await steps.store.resume("acme") == []
    assert (await steps.link("second"), await steps.link("third")) == ({}, {})
