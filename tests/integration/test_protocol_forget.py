"""Forgetting: everything goes at once, whatever it is doing; nothing is doubled and nothing comes back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from bridge.letters import Letter
from tests.steps import KEEP, LANE, LEASES, PROJECT

if TYPE_CHECKING:
    from bridge.protocol import Claimed
    from tests.steps import Steps

PHONE = "593987001234"
TICKET = "zendesk/acme/T-4711"
PERSONAL = (PHONE, "T-4711", "mariposa", "c-77", "r-77")


async def opened(steps: Steps, ticket: str = TICKET, **of: str) -> Claimed:
    """The ticket, just opened and in a worker's hands; full of what is to be forgotten."""
    await steps.accept("mariposa", ticket=ticket, fact="opened mariposa", person=PHONE, **of)
    [claimed] = (await steps.claim()).tickets
    return claimed


async def left(steps: Steps) -> list[str]:
    """What of the person is still to be found, in any key or value."""
    everything = await steps.everything()
    return [word for word in PERSONAL if word in everything]


def named(**how: Any) -> dict[str, Any]:
    """A finish that names everything."""
    who = {"room": f"{PROJECT}:r-77", "contact": f"{PROJECT}:1:b:{PHONE}", "person": PHONE}
    return {"adopt": ("c-77",), "open": True, "release": True, "entries": ("mariposa",), **who, **how}


def evidence(conversation: str) -> str:
    """A start event as it is stored."""
    return orjson.dumps({"event": {"project": PROJECT, "conversation_id": conversation, "user_id": PHONE}}).decode()


# --- everything goes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", ["", "closed", "failed"])
async def test_nothing_of_a_forgotten_person_is_left(steps: Steps, ended: str) -> None:
    """Open or ended: no key and no value holds their phone, their words, their ticket or their conversation."""
    claimed = await opened(steps)
    await steps.mark(claimed, contact=f"{PROJECT}:1:b:{PHONE}")
    await steps.finish(claimed, **named(ended=ended, bury=(("letter-1", "mariposa"),)))
    await steps.accept("mariposa again", ticket=TICKET)
    await steps.told(evidence("c-77"), conversation="c-77")
    assert await left(steps) == list(PERSONAL)
    found = await steps.forget(people=((PHONE, ()),))
    assert (found.tickets, found.orphans) == (1, 0)
    assert await left(steps) == []
    assert "letter-1" not in await steps.everything()
    assert await steps.due_in_ms(TICKET) is None


async def test_a_preview_tells_and_changes_nothing(steps: Steps) -> None:
    """What is there of it, in numbers; the wait, the holder and the tombstones are as before."""
    claimed = await opened(steps)
    await steps.finish(claimed, **named(bury=(("letter-1", "mariposa"),)))
    await steps.told(evidence("c-77"), conversation="c-77")
    await steps.claim()
    before = await steps.everything()
    found = await steps.forget(TICKET, preview=True)
    [trail] = found.shown
    assert (trail.ticket, trail.state, trail.held) == (TICKET, b'"done"', True)
    assert (trail.events, trail.entries, trail.letters) == (1, 3, 1)
    assert await steps.everything() == before


async def test_a_ticket_that_nobody_knows_is_not_forgotten(steps: Steps) -> None:
    """A slip of the pen must not silence a ticket that is yet to come."""
    assert (await steps.forget("zendesk/acme/T-1")).tickets == 0
    await steps.accept("opened", ticket="zendesk/acme/T-1", fact="opened")
    assert await steps.inbox("zendesk/acme/T-1") == ["opened"]


async def test_a_person_is_looked_for_in_the_accounts_where_that_is_the_person(steps: Steps) -> None:
    """A number without its country is somebody else in another account."""
    await opened(steps, "zendesk/acme/1")
    await opened(steps, "zendesk/acme-co/1")
    found = await steps.forget(people=((PHONE, ("zendesk/acme",)),))
    assert [one.ticket for one in found.shown] == ["zendesk/acme/1"]
    assert await steps.link("zendesk/acme-co/1") != {}


async def test_a_person_with_many_tickets_is_forgotten_in_several_rounds(steps: Steps) -> None:
    """Each is bounded; it is told how many there are."""
    for number in range(5):
        await opened(steps, f"zendesk/acme/{number}")
    rounds = [await steps.forget(people=((PHONE, ()),), most=2) for _ in range(3)]
    assert [(one.tickets, len(one.shown)) for one in rounds] == [(5, 2), (3, 2), (1, 1)]
    assert await left(steps) == []


async def test_another_person_keeps_everything(steps: Steps) -> None:
    """Of the same account, lane and room."""
    await steps.finish(await opened(steps), **named())
    await steps.accept("opened", ticket="other", person="ben")
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed, **named(adopt=("c-88",), contact="ben", person="ben"))
    await steps.forget(people=((PHONE, ()),))
    assert (await steps.told("close", conversation="c-88", kind="close")).ticket == "other"
    assert await steps.redis.smembers(steps.key("room", f"{PROJECT}:r-77")) == {b"other"}


async def test_orphans_of_the_person_go_and_their_conversation_is_known(steps: Steps) -> None:
    """What comes later in the same conversation is no orphan again."""
    await steps.told(evidence("c-77"), conversation="c-77")
    await steps.told(evidence(""), conversation="", contact=PHONE, kind="close")
    found = await steps.forget(orphans=((PROJECT, "c-77", "c-77"), (PROJECT, PHONE, "")))
    assert (found.tickets, found.orphans) == (0, 2)
    assert await left(steps) == []
    assert (await steps.told("hello", conversation="c-77", kind="message")).by == "removed"
    assert await left(steps) == []


# --- duplicates stay duplicates --------------------------------------------------------------------------------------


async def test_whatever_is_told_of_a_forgotten_ticket_is_accepted_and_not_kept(steps: Steps) -> None:
    """The same fact, another one, one that asks for nothing: no inbox, no timeline, nobody is woken."""
    await steps.finish(await opened(steps), **named())
    await steps.forget(TICKET)
    await steps.pass_ms(LEASES.lane_ms)
    for fact in ("opened mariposa", "another", ""):
        accepted = await steps.accept("mariposa", ticket=TICKET, fact=fact, person=PHONE)
        assert (accepted.status, accepted.wake) == ("accepted", ())
    await steps.accept("", ticket=TICKET)
    assert (await steps.claim()).tickets == ()
    assert await left(steps) == []


async def test_the_other_tickets_of_the_same_delivery_are_accepted(steps: Steps) -> None:
    """Only what is of the forgotten one is left out."""
    await steps.finish(await opened(steps), **named())
    await steps.forget(TICKET)
    accepted = await steps.deliver(steps.incoming(ticket=TICKET), steps.incoming("hello", ticket="other"))
    assert accepted.wake == ()
    assert await steps.inbox("other") == ["hello"]
    assert await left(steps) == []


async def test_a_forgotten_person_may_come_again(steps: Steps) -> None:
    """A new ticket is a new ticket: forgetting is no ban."""
    await steps.finish(await opened(steps), **named())
    await steps.forget(people=((PHONE, ()),))
    await steps.accept("opened", ticket="zendesk/acme/T-4712", fact="opened", person=PHONE)
    [claimed] = (await steps.claim()).tickets
    assert (await steps.mark(claimed, contact=f"{PROJECT}:1:b:{PHONE}")).verdict == "go"


@pytest.mark.parametrize("kind", ["start", "close", "message"])
@pytest.mark.parametrize("named_by", ["ticket", "conversation"])
async def test_late_events_of_a_forgotten_ticket_leave_nothing(steps: Steps, kind: str, named_by: str) -> None:
    """Accepted without an error; no link, no orphan."""
    await steps.finish(await opened(steps), **named())
    await steps.forget(TICKET)
    ticket = TICKET if named_by == "ticket" else ""
    accepted = await steps.told("mariposa", kind=kind, ticket=ticket, conversation="c-77", contact=PHONE)
    assert (accepted.status, accepted.ticket, accepted.by) == ("accepted", "", "removed")
    assert await left(steps) == []


async def test_a_person_cannot_bring_a_forgotten_ticket_back(steps: Steps) -> None:
    """Neither by a letter that is still on the screen, nor by giving it an orphan, nor by discarding."""
    await steps.finish(await opened(steps), **named(bury=(("letter-1", "mariposa"),)))
    await steps.forget(TICKET)
    records = steps.store.records
    await steps.told("start", conversation="c-88")
    assert await records.claim_orphan(PROJECT, "c-88", TICKET, LANE, "claimed") == ("removed", "")
    await records.discard_letter("letter-1", "why", TICKET, "discarded")
    assert await records.amend(letter(), b"", '"again"', [], "replayed") is None
    assert await left(steps) == []


def letter() -> Letter:
    """A letter as a screen may still show it."""
    return Letter(id="letter-1", ticket=TICKET, lane=LANE, action="add.note", reason="refused", at_ms=1)


# --- in a worker's hands ---------------------------------------------------------------------------------------------


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
    """Its event was accepted and not yet worked when the ticket was forgotten."""
    await opened(steps)
    await steps.told(evidence("c-77"), ticket=TICKET, conversation="c-77")
    await steps.forget(TICKET)
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


# --- it is told ------------------------------------------------------------------------------------------------------


async def test_a_worker_tells_what_was_forgotten(steps: Steps) -> None:
    """Once, by counts and tombstones: whoever asked for it, and from wherever."""
    await steps.finish(await opened(steps), **named(bury=(("letter-1", "mariposa"),)))
    await steps.told("start", conversation="c-88")
    await steps.forget(TICKET, orphans=((PROJECT, "c-88", "c-88"),))
    await steps.forget(TICKET)
    retired = [await steps.store.removals.retire(KEEP, [PROJECT]) for _ in range(2)]
    [[note], []] = [list(one.forgotten) for one in retired]
    assert (note["ticket"], note["dead_letter"], note["orphan"]) == (1, 1, 1)
    [tombstone] = note["tombstones"]
    assert await steps.redis.exists(steps.key("tombstone", tombstone))
