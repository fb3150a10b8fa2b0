"""Evidence does not queue: a start or close event of Jelou's is brought beside the inbox, in every phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.domain import Phase
from bridge.links import Link
from tests.steps import HOUR_MS, LANE, LEASES, PROJECT

if TYPE_CHECKING:
    from tests.steps import Steps


async def test_evidence_stands_beside_the_inbox(steps: Steps) -> None:
    """It does not stand behind the event that waits for it."""
    await steps.accept("opened")
    await steps.accept("replied")
    await steps.told("start", ticket="t")
    [claimed] = (await steps.claim()).tickets
    assert claimed.inbox == (b"opened", b"replied")
    assert claimed.evidence == (b"start",)


async def test_a_customers_message_queues(steps: Steps) -> None:
    """It settles nothing, so it keeps its place among the events."""
    await steps.accept("opened")
    await steps.told("hello", ticket="t", kind="message")
    [claimed] = (await steps.claim()).tickets
    assert (claimed.inbox, claimed.evidence) == ((b"opened", b"hello"), ())


async def test_evidence_is_brought_however_long_the_inbox(steps: Steps) -> None:
    """A claim that reads a part of the inbox reads all the evidence."""
    await steps.deliver(*(steps.incoming() for _ in range(5)))
    await steps.told("start", ticket="t")
    [claimed] = (await steps.claim(inbox_most=2)).tickets
    assert (claimed.left, claimed.evidence) == (3, (b"start",))


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("wait", ["", "backoff", "firm"])
async def test_evidence_is_brought_in_every_phase(steps: Steps, phase: Phase, wait: str) -> None:
    """Parked, failed, closed: whatever the link is and waits for, the next claim brings what came."""
    await steps.waiting(wait, state=Link(phase=phase).dump())
    await steps.told("start", ticket="t")
    [claimed] = (await steps.claim()).tickets
    assert Link.load(claimed.state).phase is phase
    assert claimed.evidence == (b"start",)


async def test_evidence_for_an_unheard_ticket_is_kept(steps: Steps) -> None:
    """Jelou may tell of a ticket sooner than its helpdesk: our metadata names its lane as well."""
    accepted = await steps.told("start", ticket="t")
    assert (accepted.status, accepted.ticket, accepted.wake) == ("accepted", "t", (LANE,))
    [claimed] = (await steps.claim()).tickets
    assert claimed.evidence == (b"start",)


# --- which ticket ----------------------------------------------------------------------------------------------------


async def indexed(steps: Steps, ticket: str, *, room: str = "room", contact: str = "ana", open_: bool = True) -> None:
    """A ticket whose conversation has the ticket's name, in this room, with this contact."""
    claimed = await steps.held(ticket=ticket)
    await steps.finish(claimed, adopt=(f"c-{ticket}",), room=room, contact=contact, open=open_)


async def test_our_metadata_decides_before_anything_else(steps: Steps) -> None:
    """The ticket that the start call named is certain; the index only remembers."""
    await indexed(steps, "t")
    accepted = await steps.told(ticket="u", conversation="c-t", room="room", contact="ana")
    assert (accepted.ticket, accepted.by) == ("u", "ticket")


async def test_the_conversation_decides_next(steps: Steps) -> None:
    """An event without metadata finds its ticket by the id of the conversation."""
    await indexed(steps, "t")
    await indexed(steps, "u", contact="ben")
    accepted = await steps.told(conversation="c-t", kind="close", contact="ben")
    assert (accepted.ticket, accepted.by) == ("t", "conversation")
    assert (await steps.timeline("t"))[-1] == "by conversation"


async def test_a_start_without_metadata_is_that_of_the_one_start_in_flight(steps: Steps) -> None:
    """Starts of one person do not run at the same time, so there is one candidate at most."""
    claimed = await steps.held()
    await steps.mark(claimed, contact="ana")
    accepted = await steps.told(contact="ana")
    assert (accepted.ticket, accepted.by) == ("t", "starting")


async def test_a_start_that_nobody_asked_for_is_an_orphan(steps: Steps) -> None:
    """A bot that hands over starts a conversation of its own; an open ticket of the same person is no reason."""
    await indexed(steps, "t")
    accepted = await steps.told(conversation="theirs", room="room", contact="ana")
    assert (accepted.status, accepted.ticket) == ("orphaned", "")


@pytest.mark.parametrize("kind", ["close", "message"])
async def test_a_named_conversation_is_not_guessed_by_room_or_contact(steps: Steps, kind: str) -> None:
    """It waits for the ticket that names it: a guess could close or answer another one."""
    await indexed(steps, "t")
    accepted = await steps.told(conversation="unheard", kind=kind, room="room", contact="ana")
    assert accepted.status == "orphaned"


async def test_an_unnamed_conversation_is_that_of_the_one_open_ticket_of_its_room(steps: Steps) -> None:
    """Only an event that names no conversation is matched by its room."""
    await indexed(steps, "t")
    accepted = await steps.told(conversation="", kind="close", room="room", contact="somebody")
    assert (accepted.ticket, accepted.by) == ("t", "room")


async def test_without_a_room_it_is_that_of_the_one_open_ticket_of_its_contact(steps: Steps) -> None:
    """Bot and user are the weakest clue, and taken last."""
    await indexed(steps, "t")
    accepted = await steps.told(conversation="", kind="close", contact="ana")
    assert (accepted.ticket, accepted.by) == ("t", "contact")


async def test_two_candidates_are_none(steps: Steps) -> None:
    """Where two tickets of the person are open, nothing is guessed."""
    await indexed(steps, "t")
    await indexed(steps, "u")
    accepted = await steps.told(conversation="", kind="close", room="room", contact="ana")
    assert accepted.status == "orphaned"


async def test_a_closed_ticket_is_no_candidate(steps: Steps) -> None:
    """The finish that closes a link takes it out of room and contact; its conversation stays its own."""
    await indexed(steps, "t")
    await indexed(steps, "u")
    await indexed(steps, "t", open_=False)
    accepted = await steps.told(conversation="", kind="close", room="room", contact="ana")
    assert accepted.ticket == "u"
    assert (await steps.told(conversation="c-t", kind="close")).ticket == "t"


async def just_ended(steps: Steps, ticket: str, *, contact: str = "ana") -> None:
    """A ticket whose conversation with this contact has just ended."""
    claimed = await steps.held(ticket=ticket)
    await steps.finish(claimed, contact=contact, open=False, ended_ms=0, back_ms=HOUR_MS)


async def test_the_unnamed_end_of_what_has_just_ended_is_no_orphan(steps: Steps) -> None:
    """Our own close comes back as an event; after ten minutes nobody knows whose it is."""
    await just_ended(steps, "t")
    accepted = await steps.told(conversation="", kind="close", contact="ana")
    assert (accepted.ticket, accepted.by) == ("t", "contact")
    await steps.pass_ms(600_000)
    assert (await steps.told(conversation="", kind="close", contact="ana")).status == "orphaned"


async def test_the_unnamed_end_is_not_that_of_an_ended_ticket_while_others_are_open(steps: Steps) -> None:
    """With one open it may be that one's; with two nothing is guessed. A message never is."""
    await just_ended(steps, "t")
    assert (await steps.told(conversation="", kind="message", contact="ana")).status == "orphaned"
    await indexed(steps, "u")
    await indexed(steps, "v")
    await indexed(steps, "w", contact="ben")
    await just_ended(steps, "x", contact="ben")
    assert (await steps.told(conversation="", kind="close", contact="ben")).ticket == "w"
    assert (await steps.told(conversation="", kind="close", contact="ana")).status == "orphaned"


# --- one conversation, several tickets -------------------------------------------------------------------------------


async def test_a_second_ticket_of_a_conversation_shares_it(steps: Steps) -> None:
    """The index stays with the ticket that named the conversation first; the second one's next claim says so."""
    first = await steps.held(ticket="first")
    second = await steps.held(ticket="second")
    await steps.finish(first, adopt=("c1",))
    await steps.finish(second, adopt=("c1",))
    assert (await steps.told(kind="close")).ticket == "first"
    await steps.accept(ticket="second")
    shared = {one.ticket: one.shared_with for one in (await steps.claim()).tickets}
    assert shared == {"first": "", "second": "first"}


async def test_the_end_of_a_shared_conversation_reaches_every_ticket_of_it(steps: Steps) -> None:
    """Each once, whatever it waits for; a start or a message is the first one's alone."""
    for ticket in ("first", "second"):
        await steps.finish(await steps.held(ticket=ticket), adopt=("c1",), wait="firm", due_in_ms=60_000)
    await steps.told("start", kind="start")
    await steps.told("message", kind="message")
    assert await steps.evidence("second") == []
    for _ in range(2):
        await steps.told("close", kind="close", fact="close c1")
    assert await steps.evidence("first") == ["start", "close"]
    assert await steps.evidence("second") == ["close"]
    assert await steps.due_in_ms("second") == 0


async def test_a_ticket_that_names_its_conversation_again_does_not_share_it(steps: Steps) -> None:
    """The start's answer and the start's event name the same one."""
    for _ in range(2):
        await steps.finish(await steps.held(), adopt=("c1",))
    assert (await steps.held()).shared_with == ""


async def test_a_conversation_belongs_to_its_project(steps: Steps) -> None:
    """Two Jelou projects may give out the same id."""
    await steps.finish(await steps.held(), adopt=("c1",), project="another")
    assert (await steps.told(kind="close")).status == "orphaned"
    assert await steps.redis.exists(steps.key("orphan", PROJECT, "c1"))


# --- evidence of the bridge's own ------------------------------------------------------------------------------------


async def hand_in(steps: Steps) -> str:
    """A worker that has lost the ticket hands in what it knows; the lane to wake."""
    return await steps.store.testify("t", LANE, "f1", "known f1", "told")


async def test_what_a_worker_hands_in_is_evidence_once(steps: Steps) -> None:
    """Beside the inbox, told on the timeline, and a repeat is none."""
    await steps.held()
    for _ in range(2):
        await hand_in(steps)
    assert (await steps.evidence(), (await steps.timeline()).count("told")) == (["known f1"], 1)


async def test_what_is_handed_in_ends_every_wait(steps: Steps) -> None:
    """Whoever waits firmly is due at once, and its lane is woken."""
    await steps.waiting("firm")
    await steps.store.sleep(LANE, "job")
    assert await hand_in(steps) == LANE
    assert await steps.due_in_ms() == 0


async def test_who_holds_the_ticket_finds_what_is_handed_in(steps: Steps) -> None:
    """Its lease is left alone; the end of its claim looks again."""
    held = await steps.held()
    assert await hand_in(steps) == ""
    assert await steps.due_in_ms() == LEASES.ticket_ms
    await steps.finish(held, wait="firm", due_in_ms=60_000)
    assert await steps.due_in_ms() == 0
