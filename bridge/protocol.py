"""What goes into the store's scripts and what comes out, as values. The scripts say what each step promises."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.correlate import Clues


@dataclass(frozen=True, slots=True)
class Leases:
    """How long things are held, in ms. ``config`` checks that they fit together; see ``workers.limits``."""

    ticket_ms: int = 8_000
    lane_ms: int = 8_000


@dataclass(frozen=True, slots=True)
class Incoming:
    """One event of a helpdesk's delivery, for one ticket. ``event``, ``entry``, ``repeated`` are JSON texts."""

    ticket: str
    lane: str
    fact: str
    event: str
    entry: str
    repeated: str
    person: str = ""
    """The customer's id at Jelou, as far as the event tells it."""
    people: tuple[str, ...] = ()
    """Other ways to write it."""
    warnings: tuple[tuple[str, str], ...] = ()
    """Facts, each with the entry that it tells once."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event of Jelou's: ``entries`` by each way to find its ticket, ``unasked`` what begins where there is none."""

    project: str
    fact: str
    event: str
    is_start: bool
    is_evidence: bool
    clues: Clues
    entries: dict[str, str]
    unasked: tuple[Incoming, ...] = ()
    unasked_ms: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a delivery. ``status``: accepted, orphaned or duplicate; ``id`` is that of the first time."""

    status: str
    id: str
    ticket: str = ""
    by: str = ""
    wake: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shaken:
    """When data was lost last (0: never), and for how long starts still pause because of it.

    ``uncertain``: nobody knows all that was sent before. A worker that was alive then has not told, or the loss
    reaches further back than the journals of the processes.
    """

    at_ms: int = 0
    hold_ms: int = 0
    uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """One ticket of a claim. ``inbox`` and ``evidence`` are JSON texts; ``left`` events wait unread behind them."""

    ticket: str
    lane: str
    token: str
    state: bytes
    shared_with: str
    claims: int
    left: int
    inbox: tuple[bytes, ...]
    evidence: tuple[bytes, ...]
    shaken: Shaken = Shaken()
    places: tuple[tuple[str, int], ...] = ()
    """The destinations at which it waits for a call, each with the ms until its moment; -1 where it has none yet."""
    changes: int = 0
    """How many changes were told of it that ask for nothing: tags, fields."""
    busy_ms: int = 0
    """For how long it has had something to do, by the server's clock."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a claim took, and how many more tickets of the lane are due."""

    tickets: tuple[Claimed, ...]
    more: int


EVERY, LIMIT = "*", "limit"
"""Among the paused accounts: that all are, and the limit of starts a minute. No account has such a name."""


@dataclass(frozen=True, slots=True)
class StartLimits:
    """What may hold a start back: a pause, another start for the same person, the account's hourly cap, a limit of all.

    ``evidence`` is how much of it the claim saw: a start does not go out where more has come since. Below 0 all may.
    ``alone`` is for a close, which hits by bot and user: no other ticket may have a conversation of theirs open.
    ``also`` are the other keys of the same person, see ``bridge.correlate.other_keys``.
    """

    account: str
    contact: str
    cap: int
    count: bool
    evidence: int = -1
    alone: bool = False
    also: tuple[str, ...] = ()


class CallClass(StrEnum):
    """What a call is for, best first: a better one goes before all others that wait, whatever their account.

    Each but the first two keeps a small share; see ``scripts/queue.lua``.
    """

    BEGUN = "begun"
    """It follows one that went out just now, of a read or write that takes several."""
    LIVE = "live"
    """A live conversation: an agent's reply and its read, a customer's words, a solve and its close, a note."""
    SETTLE = "settle"
    """What settles a start of unknown fate."""
    START = "start"
    FIELD = "field"
    """What only informs: tags, fields, statuses."""
    QUIET = "quiet"
    """Whether something was missed: the reconciler's calls, questions about quiet conversations."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a call must pass: the breaker and the pace of its destination, in its place in the queue there.

    ``lane`` is whose turn it is within a class: the lanes of a destination take turns. ``interval_ms`` is the time
    between two calls, ``burst`` how many may go at once; ``rates`` are further limits of the destination, ``more`` of
    this call alone (key, interval_ms, burst; a ticket's own: key, per_ms, calls). ``quiet_ms`` is the least time
    between two calls of class QUIET.
    """

    destination: str
    lane: str
    interval_ms: float
    burst: int
    more: tuple[tuple[str, float, int], ...] = ()
    call_class: CallClass = CallClass.START
    rates: tuple[tuple[float, int], ...] = ()
    quiet_ms: float = 0.0
    lead_ms: int = 400
    """A call is granted its moment so long before it, so that the way to a worker costs nothing of the pace."""
    exact: bool = False
    """Whether to come back at that moment: what is noted as sent is to go out at once."""
    caller: bool = False
    """Whether it is asked for by something that is no ticket."""
    worker: str = ""
    """Who is told of the grant where the wait is no longer than ``hand_ms``."""
    hand_ms: int = 0


def jelou_destination(project: str) -> str:
    """A Jelou project as the gates know it; ``shown`` is what people read."""
    return f"jelou:{project}"


def helpdesk_destination(account: str) -> str:
    """The same for a helpdesk account, ``kind/name``."""
    return f"helpdesk:{account}"


def shown(destination: str) -> str:
    """A destination as people read it everywhere: ``jelou/soporte``, ``zendesk/acme``. Its stored name stays."""
    side, _, name = destination.partition(":")
    return f"jelou/{name}" if side == "jelou" else name


@dataclass(frozen=True, slots=True)
class Breaker:
    """A destination that is not called just now: why, and for how many ms more; 0 while a probe is awaited."""

    destination: str
    reason: str
    for_ms: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call, for the breaker of its destination: ok, fail, denied, or wait (for ``ms``).

    ``credential`` is a hash of the one that was denied; see ``bridge/credentials.py``.
    """

    destination: str
    kind: str
    ms: int
    reason: str
    credential: str = ""

    def dump(self) -> tuple[str | int, ...]:
        """As the scripts take it."""
        return (self.destination, self.kind, self.ms, self.reason, self.credential)


@dataclass(frozen=True, slots=True)
class Retry:
    """What came of trying a destination again: tried, called (nothing was wrong), or wait (it asked for ``for_ms``)."""

    outcome: str
    for_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Mark:
    """The last word before a call goes out, with all that the claim has worked so far.

    ``number`` counts the marks of a claim: one that is told again is the same mark. 0 is none that is told again.
    """

    ticket: str
    lane: str
    token: str
    state: str
    entries: tuple[str, ...]
    start: StartLimits | None = None
    bury: tuple[tuple[str, str], ...] = ()
    gate: Gate | None = None
    number: int = 0
    inbox_done: int = 0
    evidence_done: int = 0
    unbury: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    transcribed: bool = False
    adopt: tuple[str, ...] = ()
    project: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``go`` (after ``detail`` ms), ``soon`` (ask again then), or why not.

    Lost, news, paused (``detail``: what is), capped and limited (``detail`` ms), busy or shared (the other), full
    (``detail`` thousandths), recovering, ticket (its own rate), paced, broken. ``news`` is evidence that came since the
    claim; the other is the ticket whose start is awaited. The last four have ``detail`` ms to wait, as far as can be
    said; ``reason`` says why the breaker is open, or, as JSON, how many calls of which class stand before this one.
    ``new``: it did not wait there before; of capped, that it is the first of its hour.
    """

    verdict: str
    detail: str
    reason: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """What was done in a claim, and what the ticket waits for now. ``scripts/finish.lua`` says what each field is."""

    ticket: str
    lane: str
    token: str
    state: str
    inbox_done: int
    evidence_done: int
    left: int
    entries: tuple[str, ...]
    evidence_left: int = 0
    wait: str = ""
    due_in_ms: int = 0
    release: bool = False
    adopt: tuple[str, ...] = ()
    project: str = ""
    room: str = ""
    contact: str = ""
    also: tuple[str, ...] = ()
    open: bool = False
    look: tuple[int, int, bool] = (0, 0, False)
    person: str = ""
    people: tuple[str, ...] = ()
    ended: str = ""
    behind: str = ""
    behind_also: tuple[str, ...] = ()
    held: str = ""
    uncount: str = ""
    outcomes: tuple[tuple[str | int, ...], ...] = ()
    unbury: tuple[str, ...] = ()
    bury: tuple[tuple[str, str], ...] = ()
    said: tuple[str, ...] = ()
    transcribed: bool = False
    ended_ms: int = -1
    back_ms: int = 0
    account: str = ""
    start_wait: str = ""
    """Why its start waits, of ``bridge.start_waits``; empty where none does."""
    wanted: tuple[str, ...] = ()
    """The destinations at which it keeps its place."""
    requeue: tuple[Gate, ...] = ()
    """Of calls that are to be made again, as soon as their destination can be called."""


@dataclass(frozen=True, slots=True)
class BreakerChange:
    """A breaker has ``opened`` for ``ms``, or ``closed`` after so long; ``kind`` is fail, denied or wait."""

    destination: str
    change: str
    kind: str
    reason: str
    ms: float


@dataclass(frozen=True, slots=True)
class Due:
    """What is due now.

    Lanes to ``wake``; what this worker's tickets were ``granted``, as (destination, ticket, ms until its moment); where
    a harmless read is to be made (``probes``: destination, and who waits first there).
    ``next_ms`` is in how long something is due next, None where nothing is waited for.
    """

    next_ms: int | None
    wake: tuple[str, ...]
    granted: tuple[tuple[str, str, int], ...] = ()
    probes: tuple[tuple[str, str], ...] = ()
    changes: tuple[BreakerChange, ...] = ()
    """What became of breakers since the last look of any worker, to be logged."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Whether the finish was ours to write, and the lanes to wake."""

    done: bool
    wake: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A ticket's place in the queue of a destination: how long it may take, and ``before``: how many calls by class.

    ``reason`` is why the destination is not called just now, empty while it is.
    """

    destination: str
    call_class: str
    expected_ms: int
    before: Mapping[str, int]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything the store knows of one ticket, at ``now_ms``. ``due_in_ms`` is None where nothing is to be done.

    ``paused`` says what holds its account's starts back; empty while nothing does.
    """

    known: bool
    state: bytes
    lane: str
    wait: str
    held: bool
    shared_with: str
    waiting: int
    due_in_ms: int | None
    paused: str
    entries: tuple[bytes, ...] = field(default=(), repr=False)
    turns: tuple[Turn, ...] = ()
    no_worker: str = ""
    """That no worker is alive, in words; empty while one is."""
    now_ms: int = 0


@dataclass(frozen=True, slots=True)
class Keep:
    """How long things are kept, in ms. ``ended`` by how a ticket ended; ``in_flight`` is the longest start's fate."""

    ended: Mapping[str, int]
    letters: int
    orphans: int
    tombstones: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Retired:
    """What one round of retention removed, by kind, and what was forgotten since the round before: a note each time.

    ``dropped``: how many orphans of each project went meanwhile, because there were too many. ``more``: there may be.
    """

    counts: dict[str, int]
    forgotten: tuple[dict[str, Any], ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    more: bool = False


@dataclass(frozen=True, slots=True)
class Whom:
    """Whose traces: ``tickets`` by name, ``people`` with the accounts they are looked for in (none: all).

    ``orphans`` are (project, its id in the list, conversation or empty).
    """

    tickets: tuple[str, ...] = ()
    people: tuple[tuple[str, tuple[str, ...]], ...] = ()
    orphans: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Trail:
    """What is kept of one ticket. ``held`` says that a worker has it in its hands; ``events`` wait to be worked."""

    ticket: str
    state: bytes = field(repr=False)
    held: bool
    events: int
    entries: int
    letters: int


@dataclass(frozen=True, slots=True)
class Trails:
    """What was found: ``tickets`` in all, of which a preview has a few ``shown``; ``orphans``."""

    tickets: int
    orphans: int
    shown: tuple[Trail, ...]
