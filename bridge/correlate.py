"""Which ticket an event of Jelou's belongs to. Pure: it reads clues, the store looks them up in one step.

The order is the certainty: our own metadata, then the conversation's id, then (start events) the one start in flight
for that bot and user, then (events that name no conversation) room or bot and user where exactly one ticket is open.
An event without a ticket is an orphan; the finish that creates its link adopts it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.domain import ConversationClosed, ConversationStarted, CustomerWrote, TicketRef
from bridge.phones import spellings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.accounts import Bridge

TICKET_ID, TICKET, EPISODE, ATTEMPT = "ticketId", "bridgeTicket", "bridgeEpisode", "bridgeAttempt"
"""Our keys in a conversation's metadata. ``ticketId`` is for people and other software; ``bridgeTicket`` is the whole
reference, by which we know our own starts: somebody else's start may carry a ``ticketId`` as well."""

Located = ConversationStarted | CustomerWrote | ConversationClosed


@dataclass(frozen=True, slots=True)
class Clues:
    """What an event tells of where it belongs. Empty texts are no clue. ``room`` and ``contact`` are index keys."""

    ticket: str
    lane: str
    conversation: str
    room: str
    contact: str
    also: tuple[str, ...] = ()
    """The other keys of the same person."""


def metadata(ref: TicketRef, episode: int, attempt: int) -> dict[str, str]:
    """What a start carries, so that its event finds the ticket and tells which try it was."""
    return {TICKET_ID: ref.id, TICKET: str(ref), EPISODE: str(episode), ATTEMPT: str(attempt)}


def contact_key(project: str, bot_id: str, user_id: str) -> str:
    """Index key of one person at one bot. Starts and closes of the same key never run at the same time."""
    return f"{project}:{len(bot_id)}:{bot_id}:{user_id}" if bot_id and user_id else ""


def other_keys(contact: str, *ids: str) -> tuple[str, ...]:
    """All other index keys of this key's person, who may have these ids as well: one for each way to write one."""
    found = re.match(r"([^:]*):(\d{1,6}):", contact)
    if not found:
        return ()
    project, length = found[1], int(found[2])
    bot, own = contact[found.end() : found.end() + length], contact[found.end() + length + 1 :]
    keys = (contact_key(project, bot, user) for one in (own, *ids) for user in spellings(one))
    return tuple(dict.fromkeys(key for key in keys if key != contact))


def other_ids(*ids: str) -> tuple[str, ...]:
    """All other ids of the person whose first id this is: each way to write one of them."""
    return tuple(dict.fromkeys(user for one in ids for user in spellings(one) if user != ids[0]))


def room_key(project: str, room_id: str) -> str:
    """Index key of one room."""
    return f"{project}:{room_id}" if room_id else ""


def lane_name(ref: TicketRef, project: str) -> str:
    """The lane of a pair of helpdesk account and Jelou project."""
    return f"{ref.kind}/{ref.account}~{project}"


def our_ticket(told: Mapping[str, Any], project: str, bridge: Bridge) -> TicketRef | None:
    """The ticket named by our own metadata; None for somebody else's, or for an account that is not on this project."""
    try:
        ref = TicketRef.parse(told.get(TICKET, ""))
    except (ValueError, AttributeError):
        return None
    account = bridge.account(ref.kind, ref.account)
    return ref if account and account.project == project else None


def clues(event: Located, bridge: Bridge) -> Clues:
    """Everything in the event that can tell its ticket."""
    ref = our_ticket(event.metadata, event.project, bridge) if isinstance(event, ConversationStarted) else None
    contact = contact_key(event.project, event.bot_id, event.user_id)
    return Clues(
        ticket=str(ref) if ref else "",
        lane=lane_name(ref, event.project) if ref else "",
        conversation=event.conversation_id,
        room=room_key(event.project, event.room_id),
        contact=contact,
        also=other_keys(contact),
    )
