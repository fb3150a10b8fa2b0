"""Retention: what has come to its end goes after its time, and what is told of it again starts nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bridge.domain import Phase
from bridge.letters import Letter
from bridge.links import ENDED
from bridge.protocol import Incoming
from tests.steps import DAY_MS, DECISION, KEEP, LANE, LEASES

if TYPE_CHECKING:
    from tests.steps import Steps

PARKED = '{"action": "parked", "ticket": "t"}'
WHERE = {"conversation": "c-77", "room": "soporte:r-77", "contact": "soporte:1:b:593987001234"}


def test_only_what_is_over_can_end() -> None:
    """A link that is open, not certain or parked names no end, whatever else is configured."""
    assert set(Phase) - ENDED.keys() == {Phase.STARTING, Phase.UNKNOWN, Phase.STARTED, Phase.OPEN, Phase.PARKED}


@pytest.mark.parametrize("how", ["closed", "failed", "ignored"])
async def test_a_ticket_goes_after_the_days_of_its_end(steps: Steps, how: str) -> None:
    """Not a moment before; each end has days of its own."""
    await steps.ended(how)
    await steps.pass_ms(KEEP.ended[how] - 1)
    assert await steps.retire() == {}
    await steps.pass_ms(1)
    assert await steps.retire() == {how: 1}
    assert await steps.retire() == {}
    assert await steps.timeline() == []


async def test_a_ticket_that_is_only_told_of_goes_as_well(steps: Steps) -> None:
    """An echo, or an event that asks for nothing, leaves a timeline without a link; no finish would ever end it."""
    await steps.deliver(nothing())
    await steps.pass_ms(KEEP.ended["heard"])
    assert await steps.retire() == {"heard": 1}
    assert "only told" not in await steps.everything()


async def test_a_ticket_with_a_link_is_not_ended_by_what_is_only_told(steps: Steps) -> None:
    """It has a conversation, and an echo after it says nothing about its end."""
    await steps.deliver(nothing())
    await steps.finish(await steps.held(), open=True)
    await steps.deliver(nothing())
    await steps.pass_ms(99 * DAY_MS)
    assert await steps.retire() == {}
    assert (await steps.link())["state"] == '"done"'


def nothing() -> Incoming:
    """An event that asks for nothing."""
    return Incoming("t", LANE, fact="", event="", entry="only told", repeated="")


async def test_the_days_count_from_the_last_finish(steps: Steps) -> None:
    """What was still worked yesterday is not old."""
    await steps.ended()
    await steps.pass_ms(DAY_MS - 1)
    await steps.finish(await steps.held(), ended="closed")
    await steps.pass_ms(DAY_MS - 1)
    assert await steps.retire() == {}
    await steps.pass_ms(1)
    assert await steps.retire() == {"closed": 1}


async def test_other_days_count_for_what_is_kept_already(steps: Steps) -> None:
    """A changed configuration holds from the next round on."""
    await steps.ended()
    await steps.pass_ms(5)
    assert await steps.retire(ended={"closed": 6}) == {}
    assert await steps.retire(ended={"closed": 5}) == {"closed": 1}


# --- what stays ------------------------------------------------------------------------------------------------------


async def test_what_begins_again_stays(steps: Steps) -> None:
    """A replay or an event brought the ticket to life: the end it had is no more."""
    await steps.ended("failed")
    await steps.finish(await steps.held("more"), ended="")
    assert await steps.link() == {"state": '"done"', "lane": LANE}
    assert await steps.redis.zcard(steps.key("ended", "failed")) == 0
    await steps.pass_ms(99 * DAY_MS)
    assert await steps.retire() == {}
    assert await steps.timeline() != []


async def test_what_a_person_replays_stays(steps: Steps) -> None:
    """It is in its lane again, without an event of its own."""
    letter = Letter(id="letter-1", ticket="t", lane=LANE, action="add.note", reason="refused", at_ms=1)
    await steps.ended("failed", bury=((letter.id, letter.dump()),))
    await steps.pass_ms(99 * DAY_MS)
    told = await steps.store.records.amend(letter, b'"done"', '"again"', [], "replayed", DECISION)
    assert told[0] == "done"
    assert await steps.retire() == {}
    assert (await steps.link())["state"] == '"again"'


async def test_a_note_that_is_not_true_removes_nothing(steps: Steps) -> None:
    """The link itself is asked how it ended."""
    await steps.finish(await steps.held(), ended="")
    await steps.redis.zadd(steps.key("ended", "closed"), {"t": 0})
    assert await steps.retire() == {}
    assert (await steps.link())["state"] == '"done"'


@pytest.mark.parametrize("how", ["waits in its lane", "is held", "has evidence"])
async def test_what_has_something_to_do_stays(steps: Steps, how: str) -> None:
    """However old it is; it goes after its next end."""
    await steps.ended()
    await steps.pass_ms(99 * DAY_MS)
    if how == "has evidence":
        await steps.told(ticket="t")
    else:
        await steps.accept("more")
    held = (await steps.claim()).tickets if how == "is held" else ()
    assert await steps.retire() == {}
    [claimed] = held or (await steps.claim()).tickets
    assert (await steps.finish(claimed, ended="closed")).done
    await steps.pass_ms(DAY_MS)
    assert await steps.retire() == {"closed": 1}


async def test_what_waits_has_not_ended(steps: Steps) -> None:
    """A failed ticket whose note is still to be written is not over."""
    await steps.finish(await steps.held(), ended="failed", wait="backoff", due_in_ms=99 * DAY_MS)
    assert await steps.redis.zcard(steps.key("ended", "failed")) == 0
    await steps.pass_ms(98 * DAY_MS)
    assert await steps.retire() == {}


async def test_a_ticket_stays_as_long_as_its_dead_letter(steps: Steps) -> None:
    """Its replay needs the link. When the letter goes, by its days or by a person, the ticket follows."""
    await steps.ended("failed", bury=(("letter-1", '{"action": "start.conversation"}'),))
    await steps.pass_ms(KEEP.letters - 1)
    assert await steps.retire() == {}
    await steps.pass_ms(1)
    assert await steps.retire() == {"dead_letter": 1}
    await steps.pass_ms(3_600_000)
    assert await steps.retire() == {"failed": 1}
    assert "letter-1" not in await steps.everything()


async def test_one_that_stays_does_not_stand_before_the_others(steps: Steps) -> None:
    """A round takes few; tickets that cannot go yet are looked at again later."""
    await steps.ended("failed", bury=(("letter-1", '{"action": "start.conversation"}'),))
    await steps.pass_ms(1)
    await steps.ended("failed", ticket="other")
    await steps.pass_ms(KEEP.ended["failed"])
    assert await steps.retire(most=1) == {}
    assert await steps.retire(most=1) == {"failed": 1}
    assert await steps.timeline() != []


async def test_a_parked_tickets_letter_stays(steps: Steps) -> None:
    """It is what a person decides by, and it does not stand before the others."""
    await steps.finish(await steps.held(), bury=(("letter-1", PARKED),))
    await steps.pass_ms(1)
    await steps.finish(await steps.held(), bury=(("letter-2", '"not an object"'),))
    await steps.pass_ms(KEEP.letters)
    assert await steps.retire(most=1) == {}
    assert await steps.retire(most=1) == {"dead_letter": 1}
    assert await steps.redis.hkeys(steps.key("dead-letters")) == [b"letter-1"]


# --- how it goes -----------------------------------------------------------------------------------------------------


async def test_a_round_is_bounded(steps: Steps) -> None:
    """No script removes more than it is told to, whatever has piled up."""
    for number in range(5):
        await steps.ended(ticket=f"t{number}")
    await steps.pass_ms(DAY_MS)
    assert [await steps.retire(most=2) for _ in range(4)] == [{"closed": 2}, {"closed": 2}, {"closed": 1}, {}]


async def test_several_workers_remove_each_ticket_once(steps: Steps) -> None:
    """Their counts add up."""
    for number in range(6):
        await steps.ended(ticket=f"t{number}")
    await steps.pass_ms(DAY_MS)
    rounds = await asyncio.gather(*(steps.retire(most=4) for _ in range(3)))
    assert sum(counts.get("closed", 0) for counts in rounds) == 6


async def test_an_orphan_goes_after_its_last_event(steps: Steps) -> None:
    """A conversation that still tells something is not over."""
    await steps.told("start", conversation="c-77")
    await steps.pass_ms(KEEP.orphans - 1)
    await steps.told("hello", conversation="c-77", kind="message")
    await steps.pass_ms(KEEP.orphans - 1)
    assert await steps.retire() == {}
    await steps.pass_ms(1)
    assert await steps.retire() == {"orphan": 1}
    assert "c-77" not in await steps.everything()


async def test_nothing_names_a_removed_ticket(steps: Steps) -> None:
    """Keys, indexes, persons, locks and waits: every place it ever stood in; what is left is hashed."""
    await steps.accept("opened", ticket="a/b/T-4711", fact="opened", person="593987001234")
    [claimed] = (await steps.claim()).tickets
    await steps.mark(claimed, contact=WHERE["contact"])
    await steps.finish(claimed, adopt=("c-77",), open=True, release=True, entries=("said",), **named())
    await steps.told(conversation="c-77", fact="told", kind="close")
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed, ended="closed", open=False, **named())
    assert "T-4711" in await steps.everything()
    await steps.pass_ms(DAY_MS)
    assert await steps.retire() == {"closed": 1}
    left = await steps.everything()
    assert [word for word in ("T-4711", "593987001234", "c-77", "r-77", "opened", "said") if word in left] == []


def named() -> dict[str, str]:
    """How a finish names a customer and a room."""
    return {name: WHERE[name] for name in ("room", "contact")} | {"person": "593987001234"}


async def test_two_tickets_of_one_person_go_one_by_one(steps: Steps) -> None:
    """What names the other one stays."""
    for ticket in ("old", "new"):
        await steps.accept(ticket=ticket, person="ana")
        [claimed] = (await steps.claim()).tickets
        await steps.finish(claimed, ended="closed" if ticket == "old" else "", open=True, **named())
    await steps.pass_ms(DAY_MS)
    assert await steps.retire() == {"closed": 1}
    for key in (("person", "ana"), ("room", WHERE["room"]), ("contact", WHERE["contact"])):
        assert await steps.redis.smembers(steps.key(*key)) == {b"new"}


async def test_a_shared_conversation_stays_its_first_tickets(steps: Steps) -> None:
    """The second one goes without it."""
    await steps.finish(await steps.held(ticket="first"), adopt=("c-1",), open=True)
    await steps.ended(ticket="second", adopt=("c-1",))
    await steps.pass_ms(DAY_MS)
    assert await steps.retire() == {"closed": 1}
    assert (await steps.told("close", conversation="c-1", kind="close")).ticket == "first"


async def test_a_resumed_account_does_not_bring_it_back(steps: Steps) -> None:
    """A ticket that was held by a pause once is not among the held any more."""
    await steps.store.pause("acme", "now")
    await steps.waiting("firm", held="acme")
    await steps.told(ticket="t")
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed, ended="closed")
    await steps.pass_ms(DAY_MS)
    assert await steps.retire() == {"closed": 1}
    assert await steps.store.resume("acme") == []
    assert await steps.link() == {}


async def test_a_lost_lease_ends_no_ticket(steps: Steps) -> None:
    """Only the finish that counts says how a ticket ended."""
    claimed = await steps.held()
    await steps.pass_ms(LEASES.ticket_ms)
    await steps.claim()
    await steps.finish(claimed, ended="closed")
    await steps.pass_ms(DAY_MS)
    assert await steps.retire() == {}
