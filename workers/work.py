"""One claimed ticket in a worker's hands: its link, what is done with it, and what is told of it at the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bridge import correlate, events, notes, stored
from bridge.domain import Phase, SetStatus, StartAnswered, TicketRef
from bridge.letters import Letter, letter_id, start_ids
from bridge.links import ENDED, IN_FLIGHT, LIVE, Link, Signal
from bridge.owed import Hold, Side, side_at
from bridge.protocol import Finish, Mark
from bridge.renewing import of_says
from bridge.scripting import persistently
from bridge.snapshots import Snapshot
from bridge.start_waits import Cause, known
from bridge.timeline import entry
from bridge.unasked import KIND
from workers.looks import active_ms, next_look
from workers.moments import born_ms, changed_ms
from workers.waiting import Wait, together

if TYPE_CHECKING:
    from bridge.events import Received
    from bridge.owed import Say, Todo
    from bridge.protocol import Claimed, Gate, Outcome, StartLimits, Verdict
    from bridge.wiring import App
    from workers.pair import Pair

MARK_PATIENCE_S = 3.0
"""Longer than one command may take, so that a slow one is answered and not cut off."""


@dataclass(slots=True)
class Work:
    """Everything that is known and done during one claim. Only ``mark`` and ``finish`` make it durable."""

    app: App
    claimed: Claimed
    ref: TicketRef
    pair: Pair
    link: Link
    deadline: float
    inbox: list[Received]
    evidence: list[Received]
    entries: list[str] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)
    done: int = 0
    applied: int = 0
    waits: dict[str, Wait] = field(default_factory=dict)
    """What each side waits for; nothing more is done for it in this claim."""
    waited: dict[str, str] = field(default_factory=dict)
    """What each side waited for until this claim."""
    named: tuple[str, ...] = ()
    bury: list[tuple[str, str]] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    """The ids of letters after which no person need look any more."""
    uncount: str = ""
    person: str = ""
    outcomes: list[Outcome] = field(default_factory=list)
    lost: bool = False
    known: StartAnswered | None = None
    """What is certain of this claim's start: evidence for whoever has the ticket, should it be lost meanwhile."""
    unparked: bool = False
    news: bool = False
    """Whether the inbox holds more than the last finish left."""
    said: list[str] = field(default_factory=list)
    """Lines for the transcript that are not stored yet."""
    marks: int = 0
    """How many marks there were in this claim."""
    transcribed: bool = False
    """Whether the transcript has been used up."""
    asked: dict[Side, Gate] = field(default_factory=dict)
    """The last gate that was asked for each side."""
    moments: dict[str, float] = field(default_factory=dict)
    """From when on a call may go to a destination that was granted with the claim, by our own clock."""
    wanted: set[str] = field(default_factory=set)
    """The destinations at which a place is kept: a call waits there."""
    again: dict[str, Gate] = field(default_factory=dict)
    """Of these, where a call is to be made again."""
    step: str = ""
    """What is being done, by its name; for what is to be given up where it fails."""
    writing: str = ""
    """The key of the write-back that was tried last."""
    look_in_ms: int = 0
    """In how long the ticket is to be looked at, whatever it waits for; 0: when that is over."""
    start_told: bool = False
    """Whether this claim has found that the start waits, and that the ticket is to be told."""
    early: Received | None = None
    """The reply that is worked before what stands in the inbox: it came before its ticket."""
    snapshot: Snapshot | None = None
    """The ticket as it was read for the event at the head of the inbox. Nothing was told of it since."""

    @classmethod
    def take(cls, app: App, claimed: Claimed, pair: Pair, deadline: float) -> Work:
        """Read what the claim brought. Raises ValueError, TypeError for what this version cannot act upon.

        In a phase that it does not know, nobody here can say what may be sent: the ticket is a newer version's.
        """
        link = Link.load(claimed.state) if claimed.state else Link(keyed=bool(app.bridge.mark_keys))
        if not stored.is_known(link.phase):
            msg = f"no phase {link.phase.value}"
            raise ValueError(msg)
        inbox, evidence = ([events.load(text) for text in texts] for texts in (claimed.inbox, claimed.evidence))
        if not link.born_ms and (inbox or evidence):
            link = replace(link, born_ms=min(born_ms(received) for received in (*inbox, *evidence)))
        link = replace(link, changed_ms=max(link.changed_ms, changed_ms(inbox)))
        news = len(inbox) + claimed.left > link.left
        # Who waits for a turn asks again at each claim, and stands where it stood.
        over = {side_at(at) for at, _ in claimed.places}
        link = _woken(link, over | {Side.JELOU} if evidence else over, news=news)
        ref = TicketRef.parse(claimed.ticket)
        return cls(
            app=app,
            claimed=claimed,
            ref=ref,
            pair=pair,
            link=replace(link, snapshot="", shared_with=claimed.shared_with or link.shared_with),
            deadline=deadline,
            inbox=inbox,
            evidence=evidence,
            news=news,
            moments={at: app.monotonic() + in_ms / 1000 for at, in_ms in claimed.places if in_ms >= 0},
            snapshot=None if news or evidence else Snapshot.load(link.snapshot, ref),
        )

    # -- reading --------------------------------------------------------------------------------------------------

    @property
    def next(self) -> Received | None:
        """The event at the head of what is not yet worked."""
        if self.early:
            return self.early
        return self.inbox[self.done] if self.done < len(self.inbox) else None

    @property
    def next_raw(self) -> bytes:
        """The same as it is stored."""
        if self.early:
            return self.link.early[0].encode()
        return self.claimed.inbox[self.done] if self.done < len(self.inbox) else b""

    @property
    def account(self) -> str:
        """The helpdesk account as people name it: kind/name."""
        return self.pair.account_name

    @property
    def contact(self) -> str:
        """Index key of the customer at the bot; empty until it is known."""
        return correlate.contact_key(self.pair.project_name, self.link.bot, self.link.user)

    @property
    def also(self) -> tuple[str, ...]:
        """Its other keys: by every way to write the customer's id."""
        return correlate.other_keys(self.contact, self.link.contact_id)

    def may_send(self) -> bool:
        """Asked right before the bytes: whether the ticket is still ours, by our own clock."""
        return not self.lost and self.app.monotonic() < self.deadline

    @property
    def wait(self) -> Wait | None:
        """What the ticket as a whole waits for."""
        return together(self.waits.values())

    @property
    def start_wait(self) -> Wait | None:
        """What the ticket's start waits for; None where none waits, or none is known to be asked for."""
        if self.link.phase is not Phase.NEW or self.ref.kind == KIND:
            return None
        if (fault := self.waits.get("fault")) and (self.link.start or self.link.start_wait):
            return replace(fault, cause=Cause.FAULT)
        return self.waits.get(Side.JELOU)

    # -- telling --------------------------------------------------------------------------------------------------

    def tell(self, what: str, **detail: Any) -> None:
        """An entry for the timeline."""
        self.entries.append(entry(self.app.now_ms(), what, **detail))

    def move(self, signal: Signal, **changes: Any) -> bool:
        """Move the link, and say so; False where its phase has no such move."""
        before = self.link.phase
        moved = self.link.moved(signal, **changes)
        if moved is self.link:
            return False
        self.link = moved
        if moved.phase is not before:
            self.tell("moved", phase=moved.phase.value, reason=moved.reason)
        return True

    def next_episode(self) -> None:
        """The ticket begins its next episode, where this one is over. A status that this one asked for is past."""
        self.drop_closed_status("the next episode begins")
        self.link = self.link.next_episode()
        self.tell("moved", phase=self.link.phase.value, reason="the next episode begins", episode=self.link.episode)

    def consume(self, count: int = 1) -> None:
        """So many events at the head are worked. What was read of the ticket for them is not kept."""
        if self.early:
            self.early, self.link = None, replace(self.link, early=self.link.early[1:])
        else:
            self.done += count
        self.snapshot = None

    def add(self, todo: tuple[Todo, ...]) -> None:
        """More to write back."""
        if todo:
            self.link = replace(self.link, todo=(*self.link.todo, *todo))

    def drop_closed_status(self, reason: str) -> None:
        """The status that the conversation's end asks for is not written any more, where it is not yet."""
        key = notes.closed_key(self.link)
        kept = tuple(todo for todo in self.link.todo if todo.key != key)
        if len(kept) < len(self.link.todo):
            self.link = replace(self.link, todo=kept, receipts={**self.link.receipts, key: ""})
            self.tell("skipped", action=SetStatus.type, key=key, how=reason)

    def hold(self, side: Side, wait: Wait, *, known: bool = False, **detail: str) -> None:
        """Nothing more for this side until the wait is over, in this claim or a later one.

        ``known``: it waited for the same before, and the timeline says so already.
        """
        until = self.app.now_ms() + wait.due_in_ms
        # What somebody else ends (a resume, another ticket's start) is asked for again at each claim.
        if wait.due_in_ms and not wait.held and not wait.behind:
            hold = Hold(until, wait.reason, wait.firm)
            self.link = replace(self.link, holds={**self.link.holds, side.value: hold})
        if side is Side.JELOU and self.link.phase is Phase.NEW:
            self.link = replace(self.link, start_wait=wait.cause)
        self.wait_for(side, wait, known=known, **detail)

    def wait_for(self, what: str, wait: Wait, *, known: bool, **detail: str) -> None:
        """The same for what is less than a side: the rest of its side goes on, and the next claim asks again."""
        self.waits[what] = wait
        if not known:
            until = None if wait.open_ended else self.app.now_ms() + wait.due_in_ms
            self.tell(
                "waiting", reason=wait.reason, until=until, **{name: text for name, text in detail.items() if text}
            )

    def requeue(self, side: Side, wait: Wait) -> None:
        """The side's last call is to be made again as soon as its destination can be called: it keeps its place."""
        gate = self.asked[side]
        self.again[gate.destination] = gate
        self.wanted.add(gate.destination)
        self.hold(side, wait)

    def holding(self, side: Side) -> bool:
        """Whether the side is to be left alone; asked only where there is something to do for it."""
        hold = self.link.holds.get(side)
        if side in self.waits or hold is None:
            return side in self.waits
        left_ms = hold.until_ms - self.app.now_ms()
        if left_ms > 0:
            cause = known(self.link.start_wait) if side is Side.JELOU else ""
            self.waits[side] = Wait(hold.reason, left_ms, firm=hold.firm, cause=cause)
        else:
            self.waited[side] = hold.reason
            self.let_go(side)
        return left_ms > 0

    def let_go(self, side: Side) -> None:
        """The side's wait is over."""
        self.link = replace(self.link, holds={name: one for name, one in self.link.holds.items() if name != side})

    def dead(
        self, reason: str, action: str, *, event: bytes = b"", todo: Todo | None = None, say: Say | None = None
    ) -> None:
        """Give something up, with its reason, where it can be listed and replayed."""
        letter = self.letter(reason, action, event=event, todo=todo, say=say)
        self.tell("buried", action=action, reason=reason, letter=letter.id)
        self.app.metrics.buried.labels(self.account).inc()
        self.app.log.warning("buried", action=action, reason=reason, letter=letter.id)

    def letter(
        self, reason: str, action: str, *, event: bytes = b"", todo: Todo | None = None, say: Say | None = None
    ) -> Letter:
        """A letter for whoever looks what waits for a person."""
        letter = Letter(
            id=letter_id(self.ref, action),
            ticket=str(self.ref),
            lane=self.claimed.lane,
            action=action,
            reason=reason,
            at_ms=self.app.now_ms(),
            event=event.decode(),
            todo=todo,
            say=say,
        )
        self.bury.append((letter.id, letter.dump()))
        return letter

    # -- durable --------------------------------------------------------------------------------------------------

    async def mark(self, link: Link, gate: Gate, start: StartLimits | None, sending: dict[str, Any] | None) -> Verdict:
        """Freeze ``link`` as it will be while the call is out. The lease begins anew when the verdict is go."""
        told = [entry(self.app.now_ms(), "sending", **sending)] if sending else []
        deadline = self.app.monotonic() + self.app.store.leases.ticket_ms / 1000
        claimed = self.claimed
        self.marks += 1
        mark = Mark(
            ticket=claimed.ticket,
            lane=claimed.lane,
            token=claimed.token,
            number=self.marks,
            state=replace(link, left=self._left()).dump(),
            inbox_done=self.done,
            evidence_done=self.applied,
            entries=(*self.entries, *told),
            gate=gate,
            start=start,
            bury=tuple(self.bury),
            unbury=self._unbury(),
            said=tuple(self.said),
            transcribed=self.transcribed,
            adopt=self.named,
            project=self.pair.project_name,
        )
        # Again with the same number it is the same mark: an answer that was lost must not look like an unknown start.
        verdict = await persistently(lambda: self.app.store.mark(mark), MARK_PATIENCE_S)
        if verdict.verdict == "go":
            self.link, self.deadline = link, deadline
            for stored_now in (self.entries, self.bury, self.said):
                stored_now.clear()
            # What is said from now on is of the next transcript.
            self.transcribed = False
        return verdict

    def finish(self) -> Finish:
        """What to store at the end of this claim."""
        left = self._left()
        snapshot = self.snapshot.dump() if self.snapshot else ""
        wait, start_wait = self.wait, self.start_wait.cause if self.start_wait else ""
        link = replace(
            self.link,
            left=left,
            snapshot=snapshot,
            active_ms=active_ms(self),
            files=of_says(self.link),
            start_wait=start_wait,
        )
        return Finish(
            ticket=self.claimed.ticket,
            lane=self.claimed.lane,
            token=self.claimed.token,
            state=link.dump(),
            inbox_done=self.done,
            evidence_done=self.applied,
            left=left,
            evidence_left=len(self.evidence) - self.applied,
            entries=tuple(self.entries),
            # While there is a conversation, each new event is looked at: the other side may not be waiting.
            wait="" if wait is None else "firm" if wait.firm and link.phase not in LIVE else "backoff",
            due_in_ms=min(wait.due_in_ms, self.look_in_ms or wait.due_in_ms) if wait else 0,
            account=self.account,
            start_wait=start_wait,
            release=bool(link.user) and link.phase not in IN_FLIGHT,
            adopt=self.named,
            project=self.pair.project_name,
            room=correlate.room_key(self.pair.project_name, link.room),
            contact=self.contact,
            also=self.also,
            person=link.user or self.person,
            people=correlate.other_ids(link.user or self.person, link.contact_id),
            ended=ENDED.get(link.phase, ""),
            open=link.phase in LIVE,
            look=next_look(self, link),
            said=tuple(self.said),
            transcribed=self.transcribed,
            ended_ms=max(0, self.app.now_ms() - link.closed_ms) if link.phase is Phase.CLOSED else -1,
            back_ms=round(self.pair.account.reopen.message_h * 3_600_000),
            behind=wait.behind if wait else "",
            behind_also=correlate.other_keys(wait.behind) if wait else (),
            held=wait.held if wait else "",
            uncount=self.uncount,
            outcomes=tuple(one.dump() for one in self.outcomes),
            bury=tuple(self.bury),
            wanted=tuple(self.wanted),
            requeue=tuple(self.again.values()),
            unbury=self._unbury(),
        )

    def _left(self) -> int:
        """How much of the inbox is not worked."""
        return len(self.inbox) - self.done + self.claimed.left

    def _unbury(self) -> tuple[str, ...]:
        return (*self.settled, *(start_ids(self.ref) if self._settled() else ()))

    def _settled(self) -> bool:
        """Whether no person need look after the start any more."""
        return bool(self.named or self.unparked) and self.link.phase not in {Phase.PARKED, Phase.FAILED}


def _woken(link: Link, over: set[Side], *, news: bool) -> Link:
    """The link without the holds of these sides, and without plain backoff where news have come."""
    ends = over | {side for side, hold in link.holds.items() if news and not hold.firm}
    return replace(link, holds={side: hold for side, hold in link.holds.items() if side not in ends}) if ends else link
