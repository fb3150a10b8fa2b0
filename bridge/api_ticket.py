"""What ``/api/tickets`` answers, as a model. Times are Unix ms."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from bridge.api_shapes import Shape


class PastTold(Shape):
    """An episode that has ended; a time is null where it is not known."""

    episode: int
    conversation: str
    opened: int | None
    closed: int | None
    reason: str


class TurnTold(Shape):
    """Its place in the queue for calls to one destination. ``reason`` says why that is not called just now."""

    destination: str
    class_: str = Field(alias="class", description="begun, live, settle, start, field or quiet; the best goes first.")
    before: dict[str, int] = Field(description="How many calls of which class stand before it.")
    expected_s: float
    reason: str


class TicketTold(Shape):
    """Where a ticket is, and why. ``says`` and ``waits_for`` are for people; the timeline is in order."""

    known: bool
    ticket: str
    phase: str
    says: str
    reason: str
    episode: int = Field(description="Which conversation of the ticket this is: a reopened ticket begins the next.")
    conversation: str
    opened_at: int | None
    closed_at: int | None
    past: list[PastTold] = Field(description="The episodes before, oldest first.")
    room: bool
    assignment: str
    rule: str
    extra_conversations: list[str]
    shared_with: str
    to_write: list[str]
    to_say: int = Field(description="So many messages are not with the customer yet.")
    ending: str = Field(description="Why the conversation is to end once all is said; empty while it is not.")
    window: str = Field(description="What WhatsApp's closed 24-hour window waits for; empty while it is open.")
    fuse: str = Field(description="Why the fuse has tripped; empty while it holds.")
    gone: str = Field(description="Why the ticket takes no more writes; empty while it does.")
    waits_for: str
    refused: list[str] = Field(description="Refused deliveries that may have been this ticket's, in words.")
    turns: list[TurnTold] = Field(description="Where it waits for a call.")
    due_at: int | None = Field(description="When it is tried or looked at next; null where nobody knows.")
    given_up_at: int | None = Field(description="When what is tried again is given up; null where it never is.")
    due_in_s: float | None
    account_configured: bool
    timeline: list[dict[str, Any]]
