"""A ticket that is opened again, and evidence that comes late: which conversation is whose, and which one ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from bridge.domain import ConversationClosed, ConversationStarted, Phase, TicketReopened, TicketSolved
from bridge.errors import Ambiguous
from bridge.links import Link
from bridge.owed import Ending, Hold, Past, Say, Side
from tests.claims import NOW_MS, REF, USER, Claim, answer, claim, conversation_is, ticket_is
from tests.harness import PROJECT

STARTED = answer({"data": {"conversationId": "c-2"}})
WRITES = {"PUT": answer({"audit": {"events": []}}), "POST https://acme": answer({})}


def link(phase: Phase, **known: Any) -> Link:
    """A ticket whose first conversation began a while ago."""
    told: dict[str, Any] = {
        "phase": phase, "conversation": "c-1", "room": "r-1", "bot": "bot-1", "user": USER, "confirmed": True,
        "opened_ms": NOW_MS - 600_000, "born_ms": NOW_MS - 600_000,
    }  # fmt: skip
    return Link(**(told | known))


def second(phase: Phase, **known: Any) -> Link:
    """The same in its second episode, which has no conversation yet."""
    return link(phase, episode=2, conversation="", past=(Past(1, "c-1"),), **known)


def reopened(*, guessed: bool = False) -> TicketReopened:
    """The helpdesk tells that the ticket is open."""
    return TicketReopened(REF, "status:open:2", "open", guessed=guessed)


def starts(done: Claim) -> list[dict[str, Any]]:
    """What Jelou was asked to start."""
    return [orjson.loads(call.body) for call in done.line.calls if call.url.endswith("/conversations/start")]


# --- a ticket that is opened again -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["solved", "closed"])
async def test_a_ticket_that_was_solved_again_starts_nothing(status: str) -> None:
    """Before a worker looked: the customer gets no conversation about a finished ticket."""
    done = await claim(link(Phase.CLOSED), reopened(), sides={"/tickets/1": ticket_is(status)}).go()
    assert done.told("ignored") == ["the ticket is solved again"]
    assert (starts(done), done.link.episode, done.work.done) == ([], 1, 1)


async def test_a_ticket_that_is_open_begins_its_next_conversation() -> None:
    """One, with the person and the bot of the one before, though both were changed meanwhile."""
    sides = {"/conversations/start": STARTED, "/tickets/1": ticket_is("open", requester_id=9)}
    done = await claim(link(Phase.CLOSED), reopened(), sides=sides, bot_id="bot-9").go()
    [start] = starts(done)
    assert (start["botId"], start["userId"], start["metadata"]["bridgeEpisode"]) == ("bot-1", USER, "2")
    assert (done.link.phase, done.link.conversation) == (Phase.STARTED, "c-2")


async def test_a_reopening_does_not_take_the_close_package_away() -> None:
    """It ended a moment before: its package is on the ticket as the first conversation's, and the second's will be."""
    sides = {
        "/conversations/start": STARTED,
        "GET https://acme": ticket_is("open"),
        "PUT": answer({"audit": {"events": [{"type": "Comment", "id": 1}]}}),
    }
    before = link(Phase.CLOSED, packaged=False, closed_ms=NOW_MS - 1_000)
    done = await claim(before, reopened(), sides=sides, account={"write_back": {"tag": "", "field": ""}}).go()
    notes = [orjson.loads(call.body)["ticket"]["comment"]["body"] for call in done.line.calls if call.method == "PUT"]
    assert (sum("1:note:package" in key for key in done.link.receipts), len(starts(done))) == (1, 1)
    assert notes
    assert done.link.packaged
    assert not done.work.transcribed


async def test_a_reopening_does_not_forget_what_was_not_said() -> None:
    """The conversation ended before a reply went out: the ticket says so, and the next conversation begins."""
    sides = {"/conversations/start": STARTED, "/tickets/1": ticket_is("open")}
    done = await claim(link(Phase.CLOSED, says=(SAY,)), reopened(), sides=sides).go()
    assert done.told("refused") == ["the conversation is closed"]
    assert (len(starts(done)), done.link.says) == (1, ())


ENDING = Ending("the ticket is solved", read_ms=NOW_MS)


@pytest.mark.parametrize(("guessed", "closes"), [(True, 1), (False, 0)])
async def test_a_guess_does_not_take_back_an_end(guessed: bool, closes: int) -> None:
    """A change of a field may look like a reopening; only a reopening that is told keeps the conversation."""
    sides = {"/conversations/close": answer({"data": {}}), "/conversations/c-1": conversation_is("ACTIVE")}
    done = await claim(link(Phase.OPEN, ending=ENDING), reopened(guessed=guessed), sides=sides).go()
    assert done.called("/conversations/close") == closes
    assert done.link.phase is (Phase.CLOSED if guessed else Phase.OPEN)
    assert done.told("ignored") == ["its conversation goes on"]


async def test_a_guess_does_not_take_back_an_end_that_waits() -> None:
    """Held back by the pace: the end is still owed afterwards."""
    held = {"jelou": Hold(NOW_MS + 5_000, "the pace", firm=True)}
    done = await claim(link(Phase.OPEN, ending=ENDING, holds=held), reopened(guessed=True)).go()
    assert done.link.ending == ENDING


# --- the end, when all is said ---------------------------------------------------------------------------------------

SAY = Say("m-1", "text", {"text": "Hola"}, "31")
ACTIVE = {"/conversations/c-1": conversation_is("ACTIVE"), "/conversations/close": answer({"data": {}})}


@pytest.mark.parametrize(
    "waits", [{"room": ""}, {"window": "customer asked to write"}], ids=["for its room", "for the customer's answer"]
)
async def test_a_conversation_ends_when_all_is_said(waits: dict[str, str]) -> None:
    """A reply that waits is not cut off by the ticket's end."""
    sides = ACTIVE | {"/conversations/c-1": conversation_is("ACTIVE", room=""), "/tickets/1": ticket_is("solved")}
    solved = TicketSolved(REF, "status:solved:2", "solved")
    done = await claim(link(Phase.OPEN, says=(SAY,), **waits), solved, sides=sides).go()
    assert (done.called("/conversations/close"), done.link.says) == (0, (SAY,))
    assert done.link.ending is not None


async def test_a_conversation_in_which_all_is_said_ends() -> None:
    """With what was still to be said before it."""
    sides = ACTIVE | {"/send": answer({"success": True}), "/tickets/1": ticket_is("solved")}
    solved = TicketSolved(REF, "status:solved:2", "solved")
    done = await claim(link(Phase.OPEN, says=(SAY,)), solved, sides=sides).go()
    went = [call.url.rpartition("/")[2] for call in done.line.calls if call.method == "POST"]
    assert (went, done.link.phase) == (["send", "close"], Phase.CLOSED)


async def test_a_close_that_nobody_answered_is_looked_after() -> None:
    """It may have worked: what the next try does is for Jelou's word to say."""
    sides = ACTIVE | {"/conversations/close": Ambiguous("reset")}
    done = await claim(link(Phase.OPEN, ending=replace(ENDING, looked_ms=NOW_MS)), sides=sides).go()
    assert done.link.ending is not None
    assert (done.link.closing, done.link.ending.looked_ms, done.link.ending.tries) == (True, 0, 1)


async def test_a_conversation_that_had_ended_is_not_closed_again() -> None:
    """A close names the customer, and would hit a newer conversation of theirs."""
    sides = {"/conversations/c-1": conversation_is("CLOSED")}
    done = await claim(link(Phase.OPEN, ending=ENDING), sides=sides).go()
    assert (done.called("/close"), done.link.phase) == (0, Phase.CLOSED)


# --- evidence that comes late ----------------------------------------------------------------------------------------


def start_seen(conversation: str, episode: int) -> ConversationStarted:
    """Jelou tells that a conversation of ours has begun."""
    where = ("r-9", "bot-1", USER, NOW_MS)
    metadata = {"bridgeEpisode": str(episode)}
    return ConversationStarted(PROJECT, f"conversation.start:{conversation}", conversation, *where, metadata=metadata)


@pytest.mark.parametrize("phase", [Phase.NEW, Phase.UNKNOWN, Phase.PARKED, Phase.OPEN])
async def test_a_late_start_of_an_earlier_episode_is_an_extra(phase: Phase) -> None:
    """A second conversation of the first episode is not the second one's, whatever is known of that."""
    before = second(phase)
    before = replace(before, conversation="c-2") if phase is Phase.OPEN else before
    done = claim(before, evidence=[start_seen("c-1b", 1)])
    held = replace(done.link, holds={side: Hold(NOW_MS + 60_000, "later", firm=True) for side in Side})
    done.work.link = held
    await done.go()
    assert (done.link.conversation, done.link.extra) == (before.conversation, ("c-1b",))
    assert done.link.phase is before.phase


async def test_the_start_of_this_episode_is_its_conversation() -> None:
    """However unknown its fate was."""
    done = await claim(second(Phase.UNKNOWN), evidence=[start_seen("c-2", 2)]).go()
    assert (done.link.phase, done.link.conversation, done.link.extra) == (Phase.OPEN, "c-2", ())


async def test_a_late_close_of_a_past_conversation_ends_nothing() -> None:
    """Of the first of three, too."""
    past = (Past(1, "c-1"), Past(2, "c-2"))
    third = link(Phase.OPEN, episode=3, conversation="c-3", past=past)
    late = ConversationClosed(PROJECT, "conversation.close:c-1", "c-1", "r-1", "bot-1", USER, NOW_MS)
    done = await claim(third, evidence=[late]).go()
    assert (done.link.phase, done.link.conversation) == (Phase.OPEN, "c-3")
