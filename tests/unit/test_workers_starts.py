"""A start in a worker's hands: what is certain of it at each moment, and what a refusal after a replay means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.domain import Phase, StartAnswered, StartConversation, Ticket, TicketOpened
from bridge.errors import Ambiguous, LeaseLost, NotSent
from bridge.links import Link, Signal
from bridge.protocol import Verdict
from bridge.translate import start_conversation
from tests.claims import NOW_MS, REF, USER, Claim, answer, claim, conversation_is

TICKET = Ticket(REF, {"id": "1", "requester": {"phone": f"+{USER}"}}, NOW_MS - 1_000)
OPENED = TicketOpened(REF, "opened", TICKET)
START = "/conversations/start"
REFUSED = answer({"message": "bad request"}, 400)
ACTIVE = answer({"message": "The user has an active conversation"}, 422)
STARTED = answer({"data": {"conversationId": "c-1"}})


def started(*answers: Any, link: Link | None = None) -> Claim:
    """A ticket that was opened, or whose start is to be made again, and Jelou's answers."""
    events = [] if link else [OPENED]
    sides = {START: list(answers), "/conversations/c-1": conversation_is("ACTIVE")}
    return claim(link or Link(), *events, sides=sides)


async def test_a_start_whose_mark_found_the_ticket_lost_certainly_did_not_go_out() -> None:
    """The mark was stored and its answer lost, and the lease ended: the next worker must not take it for unknown."""
    held = started()
    held.store.verdicts = [Verdict("lost", "")]
    with pytest.raises(LeaseLost):
        await held.go()
    assert held.work.known == StartAnswered("token", "", "the call had not gone out")
    assert held.called(START) == 0


@pytest.mark.parametrize(("fate", "certain"), [(NotSent("no connection"), True), (Ambiguous("reset"), False)])
async def test_what_is_certain_of_a_start_is_what_its_answer_tells(fate: Exception, certain: bool) -> None:
    """No connection did nothing; of one that went out nothing is certain, and nothing is handed in."""
    held = started(fate)
    await held.go()
    assert (held.work.known is not None) is certain
    assert held.link.phase is (Phase.NEW if certain else Phase.UNKNOWN)


async def test_a_start_that_was_refused_counts_as_no_try() -> None:
    """Replayed, "already active" is not the proof that the refused one worked: it failed, and is not parked."""
    first = await started(REFUSED).go()
    assert (first.link.phase, first.link.attempt) == (Phase.FAILED, 0)
    again = replace(first.link.moved(Signal.REPLAY), start=frozen(), holds={})
    second = await started(ACTIVE, link=again).go()
    assert (second.link.phase, second.called(START)) == (Phase.FAILED, 1)


async def test_already_active_after_a_start_of_unknown_fate_is_parked() -> None:
    """That one probably worked: a person decides."""
    unknown = Link(attempt=1, start=frozen(), user=USER, bot="bot-1", reason="no answer", first_try_ms=NOW_MS)
    done = await started(ACTIVE, link=unknown).go()
    assert (done.link.phase, done.called(START)) == (Phase.PARKED, 1)


def frozen() -> StartConversation:
    """The start of this ticket."""
    pair = claim(Link()).work.pair
    return start_conversation(REF, TICKET, pair.account, pair.project, 1)
