"""A public reply that the helpdesk does not show yet: it is asked for again, and then its agent is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.notes import told
from workers.waiting import Wait

if TYPE_CHECKING:
    from bridge.domain import AgentReplied
    from workers.work import Work

UNSHOWN = "the helpdesk does not show the reply yet"
NOT_SHOWN = "the helpdesk does not show the reply"
"""Why one waits, and why it was given up."""

FIRST_MS, PATIENCE_MS = 1_000, 30_000
"""The first pause, and how long it is asked for: lists lag behind webhooks by seconds. What came after waits too."""


def waits_until_shown(work: Work) -> bool:
    """Whether the reply at the head of the inbox is not to be asked for before a time that has not come."""
    left_ms = work.link.unshown_due_ms - work.app.now_ms()
    if work.link.unshown_ms and left_ms > 0:
        work.wait_for(UNSHOWN, Wait(UNSHOWN, left_ms), known=True)
        return True
    return False


def ask_again(work: Work) -> bool:
    """Ask for it later, after a pause that grows with the time that has passed; False where that is over."""
    now = work.app.now_ms()
    first = work.link.unshown_ms or now
    left_ms = first + PATIENCE_MS - now
    if left_ms <= 0:
        return False
    pause_ms = min(max(FIRST_MS, 2 * (now - first)), left_ms)
    work.wait_for(UNSHOWN, Wait(UNSHOWN, pause_ms), known=first != now)
    work.link = replace(work.link, unshown_ms=first, unshown_due_ms=now + pause_ms)
    return True


def shown(work: Work) -> None:
    """The reply is not waited for any more."""
    work.link = replace(work.link, unshown_ms=0, unshown_due_ms=0)


def give_up(work: Work, event: AgentReplied) -> None:
    """It is kept where a person can replay it, and the ticket says so: nobody knows whether it was for the customer."""
    work.dead(NOT_SHOWN, f"{event.type} {event.fact}", event=work.next_raw)
    work.add(told(work.link, f"unshown:{event.fact}", work.pair.account, "unshown"))
