"""Forgetting: everything goes at once, whatever it is doing; nothing is doubled and nothing comes back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.letters import Letter
from bridge.protocol import Gate, Incoming
from tests.personal import PERSONAL, PHONE, TICKET, evidence, left, named, opened
from tests.steps import DECISION, KEEP, LANE, LEASES, PROJECT

if TYPE_CHECKING:
    from tests.steps import Steps

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


async def test_what_was_only_told_goes_too(steps: Steps) -> None:
    """A timeline without a link, and the note by which it would end."""
    await steps.deliver(Incoming(TICKET, LANE, fact="", event="", entry="mariposa", repeated=""))
    assert (await steps.forget(TICKET)).tickets == 1
    assert await left(steps) == []


async def test_a_claimed_orphan_a_marked_letter_and_a_tickets_own_pace_go_too(steps: Steps) -> None:
    """Whatever named the ticket, and by whichever step."""
    await steps.told(evidence("c-77"), conversation="c-77")
    claimed = await opened(steps)
    # As a worker of the version before keeps it.
    await steps.redis.set(steps.key("pace", "ticket", TICKET), "1")
    gate = Gate("helpdesk:acme", LANE, interval_ms=1, burst=5, more=((f"ticket:{TICKET}", 1_000, 5),))
    await steps.store.mark(replace(steps.marking(claimed), bury=(("letter-1", "mariposa"),), gate=gate))
    assert (await steps.store.records.claim_orphan(PROJECT, "c-77", TICKET, LANE, "claimed", DECISION))[0] == "done"
    assert f"wrote:{TICKET}" in await steps.everything()
    assert (await steps.forget(TICKET)).shown[0].letters == 1
    assert await left(steps) == []
    assert "letter-1" not in await steps.everything()


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


async def test_a_person_with_many_tickets_is_forgotten_in_several_scripts(steps: Steps) -> None:
    """Each is bounded; a look shows some, and how many there are."""
    for number in range(5):
        await opened(steps, f"zendesk/acme/{number}")
    found = await steps.forget(people=((PHONE, ()),), most=2, preview=True)
    assert (found.tickets, len(found.shown)) == (5, 2)
    before = await calls(steps.redis, "evalsha")
    found = await steps.forget(people=((PHONE, ()),), most=2)
    assert (found.tickets, len(found.shown)) == (5, 5)
    assert await calls(steps.redis, "evalsha") - before >= 3
    assert await left(steps) == []


async def calls(redis: Any, command: str) -> int:
    """How often the server was asked for it."""
    return int((await redis.info("commandstats"))[f"cmdstat_{command}"]["calls"])


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
    assert await records.claim_orphan(PROJECT, "c-88", TICKET, LANE, "claimed", DECISION) == ("removed", "")
    assert await records.discard_letter(letter(), "discarded", DECISION) == "gone"
    assert (await records.amend(letter(), b"", '"again"', [], "replayed", DECISION))[0] == "gone"
    assert await left(steps) == []


def letter() -> Letter:
    """A letter as a screen may still show it."""
    return Letter(id="letter-1", ticket=TICKET, lane=LANE, action="add.note", reason="refused", at_ms=1)


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
