"""The link between a ticket and its conversation: its phases, and the table of moves between them. Pure.

The rules:

- A move that the table does not name is not made: the link stays, and the caller says so on the timeline.
- Evidence (a start or close event of Jelou's) counts in every phase, parked and failed included.
- An answer that comes after its worker lost the ticket is evidence too: a conversation, or the word that nothing
  happened. The latter counts only for the try it speaks of (``claim``).
- Moves go to the right in ``ORDER``; those of ``BACK`` alone return to NEW, and none of them from a conversation that
  is known. So a late event never moves a link backwards: CLOSED stays closed, OPEN stays open.
- A ticket that is reopened, or whose customer comes back, begins its next *episode*: a new link, where what was known
  of the episode before stands among ``past``. That is no move, and only a CLOSED link has a next episode. Events of a
  past conversation change nothing any more.
- STARTING found at a claim means that the worker before died after its mark: that is UNKNOWN, never a blind repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import orjson

from bridge import stored
from bridge.domain import Assignment, Phase, StartConversation
from bridge.fuse import Traffic  # noqa: TC001 - a link is read by its annotations
from bridge.owed import Ending, File, Hold, Past, Say, Todo
from bridge.phones import person_key


class Signal(StrEnum):
    """What can happen to a link."""

    MARKED = "marked"
    ANSWERED = "answered"
    NOTHING_HAPPENED = "nothing happened"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    START_SEEN = "start seen"
    CLOSE_SEEN = "close seen"
    TRY_AGAIN = "try again"
    PARK = "park"
    UNCONFIRMED = "unconfirmed"
    IGNORE = "ignore"
    FAIL = "fail"
    REPLAY = "replay"


MOVES: dict[tuple[Phase, Signal], Phase] = {
    (Phase.NEW, Signal.MARKED): Phase.STARTING,
    (Phase.NEW, Signal.IGNORE): Phase.IGNORED,
    (Phase.NEW, Signal.FAIL): Phase.FAILED,
    (Phase.NEW, Signal.UNANSWERED): Phase.UNKNOWN,
    (Phase.NEW, Signal.START_SEEN): Phase.OPEN,
    (Phase.NEW, Signal.ANSWERED): Phase.STARTED,
    (Phase.STARTING, Signal.ANSWERED): Phase.STARTED,
    (Phase.STARTING, Signal.NOTHING_HAPPENED): Phase.NEW,
    (Phase.STARTING, Signal.REFUSED): Phase.FAILED,
    (Phase.STARTING, Signal.UNANSWERED): Phase.UNKNOWN,
    (Phase.STARTING, Signal.START_SEEN): Phase.OPEN,
    (Phase.UNKNOWN, Signal.START_SEEN): Phase.OPEN,
    (Phase.UNKNOWN, Signal.ANSWERED): Phase.STARTED,
    (Phase.UNKNOWN, Signal.NOTHING_HAPPENED): Phase.NEW,
    (Phase.UNKNOWN, Signal.TRY_AGAIN): Phase.NEW,
    (Phase.UNKNOWN, Signal.PARK): Phase.PARKED,
    (Phase.STARTED, Signal.START_SEEN): Phase.OPEN,
    (Phase.STARTED, Signal.UNCONFIRMED): Phase.OPEN,
    (Phase.STARTED, Signal.CLOSE_SEEN): Phase.CLOSED,
    (Phase.OPEN, Signal.CLOSE_SEEN): Phase.CLOSED,
    (Phase.PARKED, Signal.START_SEEN): Phase.OPEN,
    (Phase.PARKED, Signal.ANSWERED): Phase.STARTED,
    (Phase.PARKED, Signal.NOTHING_HAPPENED): Phase.NEW,
    (Phase.FAILED, Signal.START_SEEN): Phase.OPEN,
    (Phase.FAILED, Signal.ANSWERED): Phase.STARTED,
    (Phase.IGNORED, Signal.START_SEEN): Phase.OPEN,
    (Phase.IGNORED, Signal.ANSWERED): Phase.STARTED,
    (Phase.FAILED, Signal.REPLAY): Phase.NEW,
    (Phase.PARKED, Signal.REPLAY): Phase.NEW,
}

ORDER = (
    Phase.NEW,
    Phase.STARTING,
    Phase.UNKNOWN,
    Phase.PARKED,
    Phase.FAILED,
    Phase.IGNORED,
    Phase.STARTED,
    Phase.OPEN,
    Phase.CLOSED,
)
"""The phases by how much is known of the ticket's conversation."""

BACK = frozenset({Signal.NOTHING_HAPPENED, Signal.TRY_AGAIN, Signal.REPLAY})
"""What returns a link to NEW: certainty that there is no conversation, the account's policy, or a person."""

IN_FLIGHT = frozenset({Phase.STARTING, Phase.UNKNOWN})
"""Phases in which no other start for the same bot and user may begin."""

LIVE = frozenset({Phase.STARTED, Phase.OPEN})
"""Phases in which the ticket has a conversation that is not known to be closed."""

SOLVED = "solved"
"""The outcome of a conversation that the bridge ended because its ticket was solved."""


WANTED, ASKED = "template wanted", "customer asked to write"
"""The 24-hour window is closed: a template is to be sent; it has been sent, and the messages wait for the answer."""

ENDED = {Phase.CLOSED: "closed", Phase.FAILED: "failed", Phase.IGNORED: "ignored", Phase.NEW: "ignored"}
"""How a ticket with nothing left to do has ended, for its retention. What is in no such phase is kept."""


@dataclass(frozen=True, slots=True)
class Link:
    """What is known of one ticket's conversation. Frozen; every change is a new value.

    ``covered`` counts the events at the head of the inbox that the frozen ``start`` stands for. ``claim`` is the token
    of the claim that marked the last start: the try's own name. ``receipts`` maps an action's key to the other side's
    id. ``extra`` are conversations of ours beyond the first. ``first_try_ms`` is when the start was first tried, 0
    while none is: a pause or a long conversation is no failure; ``read_tries`` and ``read_first_ms`` are the same for
    reading the helpdesk. ``born_ms`` is the earliest time that is known of the ticket. ``requester`` and ``name`` are
    the customer's id in the helpdesk and name. ``left`` is how much of the inbox the last finish left. Times in ms.
    """

    phase: Phase = Phase.NEW
    attempt: int = 0
    episode: int = 1
    conversation: str = ""
    room: str = ""
    bot: str = ""
    user: str = ""
    rule: str = ""
    assignment: Assignment | None = None
    start: StartConversation | None = None
    covered: int = 0
    claim: str = ""
    since_ms: int = 0
    tries: int = 0
    first_try_ms: int = 0
    reason: str = ""
    confirmed: bool = False
    extra: tuple[str, ...] = ()
    shared_with: str = ""
    born_ms: int = 0
    receipts: dict[str, str] = field(default_factory=dict)
    todo: tuple[Todo, ...] = ()
    says: tuple[Say, ...] = ()
    ending: Ending | None = None
    past: tuple[Past, ...] = ()
    holds: dict[str, Hold] = field(default_factory=dict)
    left: int = 0
    read_tries: int = 0
    read_first_ms: int = 0
    requester: str = ""
    name: str = ""
    opened_ms: int = 0
    closed_ms: int = 0
    closing: bool = False
    """Whether a close of ours may be out. The conversation's end is then the ticket's own doing, and says nothing of
    its status."""
    outcome: str = ""
    """How the conversation ended, in Jelou's word or one of ours; for the close package."""
    packaged: bool = True
    """False from the end of a conversation until its close package is on its way to the ticket."""
    gone: str = ""
    """Why the ticket takes no more writes; empty while it does."""
    fuse: str = ""
    """Why the fuse has tripped; empty while it holds."""
    traffic: Traffic = ()
    carried: tuple[str, ...] = ()
    """The facts of the last comments that were said, or are about to be."""
    window: str = ""
    """Of WhatsApp: WANTED, ASKED, or empty while it is open as far as is known. What the customer writes opens it."""
    shown: str = ""
    """What the status field says, or is to say."""
    snapshot: str = ""
    """The ticket as it was read, while its start waits; see ``bridge/snapshots.py``."""
    written: dict[str, str] = field(default_factory=dict)
    """What was written last to a field of the ticket; nothing of a field whose last write is of unknown fate."""
    rate_limited: dict[str, int] = field(default_factory=dict)
    """Until when the ticket's own rate takes no more writes, by ``notes.WRITES`` and ``notes.FIELDS``; in ms."""
    look: bool = False
    """Whether Jelou is to be asked if the conversation is still open. Kept until it has answered."""
    active_ms: int = 0
    """When something was last heard or said in the conversation; 0 where that is not known."""
    changed_ms: int = 0
    """When the ticket changed last as far as is known: by a delivery about it, or by a write of ours."""
    looked_ms: int = 0
    """When it was last looked for whether a write of ours stands on the ticket already."""
    unstarted_ms: int = 0
    """When the ticket was asked after a loss of Redis' data, and told of no conversation from before it."""
    faults: int = 0
    """How many times in a row a fault of the bridge's own ended the work on the ticket."""
    fault_ms: int = 0
    """When the first of them was; 0 while there is none."""
    fault_in: str = ""
    """In which step the last of them was."""
    fuse_until_ms: int = 0
    """When the fuse lets go by itself; 0 where an older version has tripped it."""
    fuse_times: int = 0
    """How many times in a row it has tripped."""
    asked_by: str = ""
    """The requester with whom the conversation began, as ``bridge.requesters`` names them; else the first one read."""
    other_requester: str = ""
    """The requester that the ticket has now, where that is another person: replies wait for a person's decision."""
    contact_id: str = ""
    """The customer's id as Jelou tells it for the conversation, where it is another than ``user``."""
    requester_ms: int = 0
    """When the requester was last read for a reply."""
    fault: str = ""
    """Why the whole ticket waits for a person after too many of them; empty while it is worked."""
    files: dict[str, File] = field(default_factory=dict)
    """What is known of the files among ``says``, by the id of the message."""
    start_wait: str = ""
    """Why the start waits, of ``bridge.start_waits``; empty while none does."""
    keyed: bool = False
    """Whether all marks on the ticket have a signature: it is younger than ``mark_keys``."""
    wrote: tuple[str, ...] = ()
    """The helpdesk's ids of what the bridge wrote last."""
    unshown_ms: int = 0
    """When the next reply was first asked for and not shown; 0 while none is waited for."""
    unshown_due_ms: int = 0
    """When it is asked for again."""
    early: tuple[str, ...] = ()
    """Replies that came before anything else of their ticket, as they stood in the inbox: they wait for its opening."""
    early_ms: int = 0
    """When the first of them came."""

    def moved(self, signal: Signal, **changes: Any) -> Link:
        """The link after ``signal``, with ``changes``; the same link where the table has no such move."""
        phase = MOVES.get((self.phase, signal))
        return self if phase is None else replace(self, phase=phase, **changes)

    def next_episode(self) -> Link:
        """The link as its next episode begins, with what this one was among ``past``; the same where it is not over."""
        if self.phase is not Phase.CLOSED:
            return self
        ended = Past(self.episode, self.conversation, self.opened_ms, self.closed_ms, self.reason)
        kept = {name: getattr(self, name) for name in _LASTING}
        return Link(episode=self.episode + 1, past=(*self.past, ended), **kept)

    @property
    def to(self) -> str:
        """The customer's id that Jelou is told: by which it knows them itself, else the one we began with."""
        return self.contact_id or self.user

    def met(self, user: str) -> Link:
        """The link, with how Jelou calls the customer of its own conversation."""
        return replace(self, contact_id=user) if user and self.user and user != self.to else self

    def with_customer(self, user: str) -> Link:
        """The link of a conversation that came to the ticket: its customer, who may be the same under another id."""
        if not user:
            return self
        known = {person_key(one) for one in (self.user, self.contact_id) if one}
        return self.met(user) if person_key(user) in known else replace(self, user=user, contact_id="")

    def knew(self, conversation: str) -> bool:
        """Whether this is a conversation of an earlier episode."""
        return any(one.conversation == conversation for one in self.past)

    def dump(self) -> str:
        """As JSON text; ``load`` reads it back."""
        return orjson.dumps(self).decode()

    @classmethod
    def load(cls, text: bytes | str) -> Link:
        """Read what ``dump`` wrote, in whichever version; an empty text is a new link."""
        if not text:
            return cls()
        return stored.read(cls, orjson.loads(text))


_LASTING = (
    "bot",
    "user",
    "room",
    "rule",
    "assignment",
    "born_ms",
    "receipts",
    "todo",
    "holds",
    "left",
    "requester",
    "asked_by",
    "contact_id",
    "name",
    "gone",
    "fuse",
    "fuse_until_ms",
    "fuse_times",
    "traffic",
    "carried",
    "packaged",
    "shown",
    "written",
    "rate_limited",
    "changed_ms",
    "faults",
    "fault_ms",
    "fault_in",
    "fault",
    "keyed",
    "wrote",
)
"""What outlives an episode: the person, what is owed to the ticket, and what was seen of it."""
