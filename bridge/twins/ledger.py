"""What really happened at Jelou: every start it accepted, whatever the caller was told, and what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from bridge.twins.answers import TAKEN

Json = dict[str, Any]


def now_ms() -> int:
    """Tell the time in Unix milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Message:
    """One message of a conversation. ``by`` is customer or bridge; ``at_ms`` Unix milliseconds."""

    id: str
    by: str
    type: str
    content: Json
    at_ms: int = field(default_factory=now_ms)


@dataclass(slots=True)
class Conversation:
    """One conversation. ``metadata`` and ``assignment`` are as they were sent, None where they were not.

    ``ended_by`` is bridge or operator, empty while it is active.
    """

    id: str
    bot_id: str
    user_id: str
    initial_message: str | None = None
    metadata: Json | None = None
    assignment: Json | None = None
    state: str = "active"
    started_ms: int = field(default_factory=now_ms)
    ended_ms: int = 0
    ended_reason: str = ""
    ended_by: str = ""
    messages: list[Message] = field(default_factory=list)
    room_id: str = ""

    def __post_init__(self) -> None:
        # One room per bot and user, as Jelou's widget names them.
        self.room_id = f"G:{self.bot_id}:{self.user_id}"


@dataclass(slots=True)
class Start:
    """One start call that was accepted.

    ``told`` is what its caller heard: a status, ``reset``, ``nothing``, or empty while the answer is held back.
    ``new`` is False where the call was answered with a conversation that was active already.
    """

    conversation_id: str
    user_id: str
    metadata: Json
    new: bool = True
    told: str = ""
    at_ms: int = field(default_factory=now_ms)

    @property
    def ticket_id(self) -> str:
        """The ticket it was started for, empty where the metadata tells none."""
        return str(self.metadata.get("ticketId", ""))


@dataclass(slots=True)
class EventDelivery:
    """One event posted. ``status`` is the webhook's answer, 0 where there was none and ``problem`` names why.

    ``at_ms`` is when that was known; ``message_id`` is empty but for a message.
    """

    event: str
    conversation_id: str
    status: int
    problem: str
    took_ms: int
    at_ms: int = field(default_factory=now_ms)
    message_id: str = ""


class Ledger:
    """Conversations by id, starts and deliveries in the order they happened, and how often each sent id came."""

    def __init__(self) -> None:
        self.conversations: dict[str, Conversation] = {}
        self.starts: list[Start] = []
        self.deliveries: list[EventDelivery] = []
        self.sends: dict[str, int] = {}
        self._active: dict[tuple[str, str], list[Conversation]] = {}
        self._by_ticket: dict[str, list[Start]] = {}

    def open(self, conversation: Conversation) -> None:
        """Enter a conversation that has begun."""
        self.conversations[conversation.id] = conversation
        self._active.setdefault((conversation.bot_id, conversation.user_id), []).append(conversation)

    def record(self, start: Start) -> None:
        """Enter a start call that was accepted."""
        self.starts.append(start)
        self._by_ticket.setdefault(start.ticket_id, []).append(start)

    def active(self, bot_id: str, user_id: str) -> Conversation | None:
        """Find the newest conversation of these two that has not ended."""
        found = self._active.get((bot_id, user_id))
        return found[-1] if found else None

    def sent_again(self, message_id: str) -> bool:
        """Enter that a message was sent; whether one with this id came before."""
        self.sends[message_id] = self.sends.get(message_id, 0) + 1
        return self.sends[message_id] > 1

    def end(self, conversation: Conversation, reason: str, by: str) -> None:
        """Enter that a conversation has ended, by the bridge or an operator."""
        conversation.state = "closed"
        conversation.ended_ms = now_ms()
        conversation.ended_reason = reason
        conversation.ended_by = by
        self._active[conversation.bot_id, conversation.user_id].remove(conversation)

    def by_ticket(self, ticket_id: str) -> list[Start]:
        """Every start accepted for this ticket: more than one is a doubled conversation."""
        return list(self._by_ticket.get(ticket_id, ()))

    def tickets(self) -> dict[str, list[str]]:
        """List the conversations of each ticket, each once, in the order they began."""
        return {
            ticket: list(dict.fromkeys(start.conversation_id for start in starts))
            for ticket, starts in self._by_ticket.items()
            if ticket
        }

    def counts(self) -> dict[str, int]:
        """How much there is of everything, for who does not want to read it all."""
        tickets = self.tickets()
        return {
            "starts": len(self.starts),
            "conversations": len(self.conversations),
            "tickets": len(tickets),
            "tickets_doubled": sum(len(ids) > 1 for ids in tickets.values()),
            "messages": sum(len(conversation.messages) for conversation in self.conversations.values()),
            "events": len(self.deliveries),
            "events_refused": sum(delivery.status not in TAKEN for delivery in self.deliveries),
        }

    def told(self, ticket_id: str | None = None) -> Json:
        """Give the whole, or the part of one ticket, ready for JSON."""
        starts = self.starts if ticket_id is None else self.by_ticket(ticket_id)
        ids = {start.conversation_id for start in starts} if ticket_id is not None else set(self.conversations)
        return {
            "conversations": [conversation for key, conversation in self.conversations.items() if key in ids],
            "starts": starts,
            "deliveries": [delivery for delivery in self.deliveries if delivery.conversation_id in ids],
            "sends": self.sends,
        }

    def clear(self) -> None:
        """Forget everything."""
        for kept in (self.conversations, self.starts, self.deliveries, self.sends, self._active, self._by_ticket):
            kept.clear()
