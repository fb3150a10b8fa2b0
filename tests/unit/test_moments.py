"""When what came had happened."""

from __future__ import annotations

import pytest

from bridge.domain import AgentReplied, ConversationClosed, Ticket, TicketOpened, TicketRef, TicketSolved
from bridge.events import Received
from workers.moments import changed_ms

REF = TicketRef("zendesk", "acme", "1")
SOLVED = Received(TicketSolved(REF, "status:solved:1", "solved"), "d-1", 5_000)
OPENED = Received(TicketOpened(REF, "opened", Ticket(REF, {}, created_ms=1_000)), "d-2", 9_000)
REPLIED = Received(AgentReplied(REF, "comment:1", "1", "Hola", public=True, at_ms=2_000), "d-3", 9_000)
EARLY = Received(AgentReplied(REF, "comment:2", "2", "Hola", public=True, at_ms=9_999), "d-4", 4_000)
CLOSED = Received(ConversationClosed("soporte", "close", "c", "r", "b", "u", 8_000), "d-5", 8_000)


@pytest.mark.parametrize(
    ("inbox", "newest_ms"),
    [
        ([], 0),
        ([CLOSED], 0),
        ([OPENED], 1_000),
        ([REPLIED], 2_000),
        ([EARLY], 4_000),
        ([SOLVED, REPLIED], 5_000),
    ],
)
def test_the_newest_change_is_what_its_helpdesk_told(inbox: list[Received], newest_ms: int) -> None:
    """At its own time, and when it was received where that is not told or later; what Jelou tells is no change."""
    assert changed_ms(inbox) == newest_ms
