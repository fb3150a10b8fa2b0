"""What must hold of the ends of conversations: rows of the soak's table. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain import CloseConversation
from tests.soak.findings import Example, Finding, none_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.soak.records import Records, Started, Ticket

UNTOLD = frozenset({"parked", "failed"})
"""Phases in which a ticket's conversation is not known to the bridge, so that it cannot end it."""


def packages(records: Records) -> Finding:
    """One note at the end of each conversation."""
    return none_of(
        Example(one.name, f"{one.packages} close packages in {one.episode} episodes")
        for one in records.tickets.values()
        if one.packages > one.episode
    )


def stayed_open(records: Records) -> Finding:
    """A solved ticket ends its conversation, but for one that would be another ticket's."""
    return none_of(
        Example(one.name, f"{start.conversation} is open, and the ticket was solved")
        for one in records.tickets.values()
        for start in _to_be_ended(one)
        if not start.ended_ms and not _excused(one)
    )


def _to_be_ended(ticket: Ticket) -> Iterable[Started]:
    """The ticket's own conversations from before it was solved for good. One beyond is a person's to close."""
    if ticket.reopened and max(ticket.reopened) >= max(ticket.solved, default=0):
        return
    for start in ticket.starts:
        later = any(start.at_ms <= solved for solved in ticket.solved)
        if later and start.conversation in ticket.conversations:
            yield start


def _excused(ticket: Ticket) -> bool:
    left_open = any(told["what"] == "left open" for told in ticket.timeline)
    return left_open or ticket.phase in UNTOLD or CloseConversation.type in ticket.letters


def closed_wrongly(records: Records) -> Finding:
    """A close names a person, not a conversation: late, it would hit a newer one of theirs."""
    return none_of(
        Example(one.name, f"{start.conversation} was closed by the bridge, and the ticket was not solved")
        for one in records.tickets.values()
        for start in one.starts
        if start.ended_by == "bridge" and start.delivered_ms and not _asked_for(one, start)
    )


def _asked_for(ticket: Ticket, start: Started) -> bool:
    return any(start.at_ms <= solved <= start.ended_ms for solved in ticket.solved)
