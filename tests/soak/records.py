"""What is known after a soak, as values: of each ticket from both sides, and of everything that was done to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that was carried out: ``kind`` struck ``target`` from ``from_ms`` to ``to_ms`` (Unix ms)."""

    kind: str
    target: str
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Suffered:
    """A fault of a Jelou twin that struck a call for this ticket."""

    name: str
    ticket: str


@dataclass(frozen=True, slots=True)
class Called:
    """A call as its destination saw it: when it came and when it was answered (Unix ms), 0 where it never was.

    ``what`` is start, send, close, read (of a ticket) or other; ``ticket`` is a start's or a read's, ``person`` the one
    whom a call to Jelou is about. ``status`` is 0 where no answer arrived.
    """

    at_ms: int
    what: str
    ticket: str = ""
    person: str = ""
    answered_ms: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class Destination:
    """All calls to one destination that has a pace: ``limit`` of them in ``per_s``."""

    name: str
    limit: float
    per_s: float
    calls: tuple[Called, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """A genuine delivery: when it was sent (Unix ms), after how many ms it was answered and how; 0 where it was not."""

    at_ms: int
    after_ms: int
    status: int


@dataclass(frozen=True, slots=True)
class Started:
    """One conversation at Jelou, by the start call that asked for it.

    ``attempt`` is the bridge's number of the try; ``told`` what the caller heard; ``delivered_ms`` when the bridge
    answered 202 to its start event, 0 where it never did. ``ended_by`` is bridge or operator, empty while it is open.
    """

    conversation: str
    attempt: int
    at_ms: int
    told: str = "200"
    delivered_ms: int = 0
    episode: int = 1
    ended_ms: int = 0
    ended_by: str = ""


@dataclass(frozen=True, slots=True)
class Wrote:
    """A message that the bridge took: when it began to be told, and when it was answered 202 (Unix ms)."""

    text: str
    began_ms: int
    taken_ms: int


@dataclass(frozen=True, slots=True)
class Stood:
    """A message where it was to be brought, and since when (Unix ms)."""

    text: str
    at_ms: int

    def within(self, one: Struck) -> bool:
        """Whether it came while this fault struck."""
        return one.from_ms <= self.at_ms <= one.to_ms


@dataclass(frozen=True, slots=True)
class Ticket:
    """One acknowledged ticket: what the bridge says of it, and what the other sides know.

    ``unsure_notes`` are the marks of notes that came while Redis lost that they were written.
    ``phase`` and ``reason`` are the link's, ``letters`` the reasons of its dead letters by action, ``notes`` the marks
    at the helpdesk and ``planned`` those on the timeline, both in their order. ``doubts`` are the times (from, to) at
    which a start was out and not answered. ``conversations`` are the link's own, an
    episode one, without those that a retry began beyond.

    ``opened`` is when it began to be told and when it was first taken, ``phone`` whose it is.
    ``replies`` and ``privates`` are what agents wrote, ``said`` what the bridge brought to Jelou for the ticket;
    ``wrote`` is what customers wrote in its conversations and the bridge took, ``written`` what of theirs stands on the
    ticket, each in its order. ``unsent`` counts the notes that say a reply did not arrive, ``packages`` the close
    packages; ``solved`` and ``reopened`` are times (Unix ms).
    """

    name: str
    policy: str
    project: str
    phase: str = "open"
    reason: str = ""
    starts: tuple[Started, ...] = ()
    letters: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    planned: tuple[str, ...] = ()
    unsure_notes: frozenset[str] = frozenset()
    doubts: tuple[tuple[int, int], ...] = ()
    conversations: frozenset[str] = frozenset()
    episode: int = 1
    replies: tuple[Wrote, ...] = ()
    privates: tuple[str, ...] = ()
    said: tuple[Stood, ...] = ()
    wrote: tuple[Wrote, ...] = ()
    written: tuple[Stood, ...] = ()
    unsent: int = 0
    packages: int = 0
    solved: tuple[int, ...] = ()
    reopened: tuple[int, ...] = ()
    busy: bool = False
    opened: tuple[int, int] = (0, 0)
    phone: str = ""
    timeline: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A ticket in a worker's hands when that was killed or stopped, and how long until it went on (None: never).

    ``at_ms`` is when it was killed or stopped (Unix ms).
    """

    ticket: str
    kind: str
    after_s: float | None
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Records:
    """One run. ``events`` counts deliveries that the bridge took, ``jobs`` those that arq ran.

    ``paced`` is the Jelou project at the default pace, ``desks`` the helpdesk accounts on it.
    ``orphans`` are the texts of events that no ticket was found for; ``resent`` counts messages that came to Jelou
    again with the id they had before. ``stranger`` counts the answers to strangers' bodies by status.
    """

    tickets: Mapping[str, Ticket]
    struck: tuple[Struck, ...] = ()
    suffered: tuple[Suffered, ...] = ()
    taken_over: tuple[TakenOver, ...] = ()
    injected: Mapping[str, int] = field(default_factory=dict)
    events: int = 0
    jobs: int = 0
    duplicates: int = 0
    orphans: frozenset[str] = frozenset()
    resent: int = 0
    paced: Destination | None = None
    desks: tuple[Destination, ...] = ()
    settled_s: float = 0.0
    answered: tuple[Answered, ...] = ()
    stranger: Mapping[int, int] = field(default_factory=dict)
