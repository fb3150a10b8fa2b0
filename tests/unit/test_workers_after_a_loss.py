"""After a loss of Redis': what a ticket says of its conversation is believed where Jelou knows it, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.domain import Phase, Ticket, TicketOpened, TicketReopened
from bridge.links import Link
from bridge.owed import Past
from bridge.protocol import Shaken
from tests.claims import NOW_MS, REF, USER, Claim, answer, claim, conversation_is, ticket_is
from workers.recovery import shaken

LOST = Shaken(NOW_MS - 60_000)
OPENED = TicketOpened(REF, "opened", Ticket(REF, {"id": "1", "requester": {"phone": f"+{USER}"}}, NOW_MS - 100_000))
FIELD = {"write_back": {"field": "external_id", "note": False, "closed_status": ""}}
STARTED = answer({"data": {"conversationId": "c-new"}})
NO_NOTES = answer({"comments": []})


@pytest.mark.parametrize(
    ("after_ms", "looked_at"), [(-1, True), (0, True), (1_000, True), (2_000, True), (2_001, False)]
)
def test_a_ticket_born_within_two_seconds_of_the_loss_may_be_older(after_ms: int, looked_at: bool) -> None:
    """Our clock and Redis' are apart by up to that."""
    work = claim(Link(born_ms=LOST.at_ms + after_ms), shaken=LOST).work
    assert shaken(work) is looked_at


def test_a_ticket_is_looked_at_for_a_day() -> None:
    """What was not told again by then never will be."""
    ages = [claim(Link(born_ms=1), shaken=Shaken(NOW_MS - age_ms)).work for age_ms in (86_399_999, 86_400_000)]
    assert [shaken(one) for one in ages] == [True, False]


async def told(field: str, at_jelou: Any, before: Link | None = None, *more: Any) -> Claim:
    """What becomes of a start whose ticket names a conversation in its field."""
    sides = {
        "/conversations/start": STARTED,
        "/conversations/": at_jelou,
        "/comments": NO_NOTES,
        "/tickets/1": ticket_is("open", external_id=field),
        "PUT": answer({"ticket": {"id": 1}}),
    }
    event = more[0] if more else OPENED
    return await claim(before or Link(born_ms=1), event, sides=sides, account=FIELD, shaken=LOST).go()


async def test_what_the_field_says_is_believed_where_jelou_knows_it() -> None:
    """It was started before the loss: nothing is started."""
    done = await told("c-1", conversation_is("ACTIVE"))
    assert (done.called("/start"), done.link.phase, done.link.conversation) == (0, Phase.OPEN, "c-1")


async def test_what_an_agent_typed_into_the_field_is_no_conversation() -> None:
    """Jelou does not know it: the ticket is started."""
    done = await told("abc", answer({"message": "not found"}, 404))
    assert (done.called("/start"), done.link.conversation) == (1, "c-new")


async def test_a_field_that_still_names_the_past_conversation_is_not_believed() -> None:
    """A reopened ticket must not be bound to the conversation that has ended."""
    before = Link(phase=Phase.CLOSED, episode=2, conversation="c-2", bot="bot-1", user=USER, past=(Past(1, "c-1"),))
    for field in ("c-1", "c-2"):
        reopened = TicketReopened(REF, "status:open:2", "open")
        done = await told(field, conversation_is("CLOSED"), replace(before, born_ms=1), reopened)
        assert (done.called("/start"), done.link.conversation, done.link.episode) == (1, "c-new", 3)
