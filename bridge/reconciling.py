"""The reconciler: asks a helpdesk what has changed, and feeds what no webhook brought through the webhooks' own door.

Several senders never try again. Facts make it harmless to look at the same change twice, beside the webhooks and
beside another look; what was forgotten stays forgotten. Its calls pass the gate of the account, in a lane of its own:
they keep the vendor's limit together with the tickets' calls, and delay no ticket by more than one turn.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from bridge.admission import reconciled
from bridge.credentials import with_credential
from bridge.domain import AgentReplied, TicketOpened
from bridge.errors import BridgeError, CallError, StoreUnavailable, Unreadable
from bridge.gates import caller_gate, explained, list_gate, outcome
from bridge.granting import Whose
from bridge.marks import judged
from bridge.missed import COUNTED, FED, UNREADABLE, WOULD_BE_FED, Bounds, ahead_ms, is_unread, verdict, wanted
from bridge.protocol import shown
from bridge.steps import in_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.accounts import Account
    from bridge.domain import Call, Changes, Reply, TicketEvent, TicketRef
    from bridge.ports import Helpdesk
    from bridge.protocol import Gate, Incoming, Outcome
    from bridge.wiring import App

T = TypeVar("T")

PAGES_MOST = 200
"""In one look. What is behind is looked at by the next."""

SHOWN_MOST = 500
SEEN_S = 600
LOOK_S = 0.25
"""Between two looks whether its turn has come: nobody tells it, and a turn that is not used in time is over."""

PATIENCE_S = 60.0
"""How long a call waits for its turn. A row that is longer has no room for what may wait."""


class NotListedError(BridgeError):
    """This helpdesk has no list of changed tickets, or the account has no access to it."""


class NotCalledError(BridgeError):
    """The helpdesk is not called just now; the text says why."""


@dataclass(frozen=True, slots=True)
class Missed:
    """One event that no webhook had brought, and what was done."""

    ticket: str
    event: str
    done: str


@dataclass(slots=True)
class Looked:
    """What a look came to. ``missed`` shows the first so many; ``fed`` and ``left`` count all."""

    account: str
    since_ms: int
    dry_run: bool
    tickets: int = 0
    known: int = 0
    forgotten: int = 0
    fed: int = 0
    left: int = 0
    missed: list[Missed] = field(default_factory=list)
    complete: bool = False
    problem: str = ""


class Reconciler:
    """One look at one account (``kind/name``). ``late``: a ticket is started however long ago it was opened.

    The comments of a live ticket are read where it changed later than is known of it: our own notes change it, too.
    ``whole``: of every live ticket that changed. A write of ours hides what an agent wrote before it. Raises
    NotListedError.
    """

    def __init__(
        self, app: App, account: str, since_ms: int, *, dry_run: bool = False, late: bool = False, whole: bool = False
    ) -> None:
        kind, name = account.split("/")
        self._app, self._name = app, name
        self._dialect: Helpdesk = app.helpdesks[kind]
        self._account: Account = app.bridge.helpdesks[kind][name]
        self._caller = f"reconciler:{account}"
        whose = (self._dialect, self._account, account, self._caller)
        self._whose = Whose(self._dialect, self._account, account)
        self._gate, self._list_gate = caller_gate(*whose), list_gate(*whose)
        self._bounds = Bounds(since_ms, app.now_ms(), late)
        self._whole = whole
        self._asked_ms = 0
        self.looked = Looked(account, since_ms, dry_run)
        if self._list("") is None:
            msg = f"{account}: there is no list of changed tickets to ask for (another helpdesk, or no access)"
            raise NotListedError(msg)

    def _list(self, after: str) -> Call | None:
        return self._dialect.changed(self._account, self._bounds.since_ms, after)

    async def all(self, pages: int = PAGES_MOST) -> Looked:
        """Look at everything. What stops it stands in ``problem``, and what was fed until then stays fed."""
        after = ""
        try:
            for _ in range(pages):
                after = await self.page(after)
                if not after:
                    self.looked.complete = True
                    return self.looked
        except (CallError, NotCalledError) as error:
            self.looked.problem = str(error)
            return self.looked
        self.looked.problem = f"more than {pages} pages have changed; look again with a shorter time"
        return self.looked

    async def page(self, after: str) -> str:
        """Look at one page; the name of the next, empty at the end. Raises CallError, NotCalledError."""
        call = self._list(after)
        if call is None:
            return ""
        told, ahead = await self._ask("list.changes", self._list_gate, call, self._changes)
        self.looked.tickets += len(told.tickets)
        for ref in await self._sorted(told.events, self._changed(told, ahead)):
            await self._sorted(await self._comments(ref), {})
        return told.after if told.after != after else ""

    def _changes(self, reply: Reply) -> tuple[Changes, int]:
        ahead = ahead_ms(reply, self._asked_ms, self._app.now_ms())
        told = self._dialect.changes(self._account, self._name, reply)
        return replace(told, events=tuple(judged(one, self._app.bridge.mark_keys) for one in told.events)), ahead

    def _changed(self, told: Changes, ahead: int) -> dict[TicketRef, int]:
        """When each of the tickets changed, by our clock; 0 where that does not matter or is not told."""
        known = {} if self._whole else told.changed_ms
        return {ref: changed_ms - ahead if (changed_ms := known.get(ref, 0)) else 0 for ref in told.tickets}

    async def _comments(self, ref: TicketRef) -> Sequence[TicketEvent]:
        call = self._dialect.fetch_comments(self._account, ref)
        if call is None:
            return ()
        try:
            found = await in_steps(
                lambda one, judge: self._ask("list.comments", self._gate, one, judge),
                call,
                lambda replies: (
                    self._dialect.comments_more(self._account, ref, replies)
                    or self._dialect.fetched_comments(self._account, ref, *replies)
                ),
            )
            return [judged(one, self._app.bridge.mark_keys) for one in found]
        except CallError as error:
            # One ticket that cannot be read must not hide the others; the next look overlaps this one.
            self._show(
                "left", Missed(str(ref), AgentReplied.type, f"left: its comments cannot be read: {error.reason}")
            )
            return ()

    # -- feeding ------------------------------------------------------------------------------------------------------

    async def _sorted(self, told: Sequence[TicketEvent], tickets: Mapping[TicketRef, int]) -> list[TicketRef]:
        """Feed what is missed. Returns those of the tickets, with when they changed, whose comments are to be read."""
        events = [event for event in told if wanted(event)]
        asked = [(str(event.ref), event.fact) for event in events] + [(str(ref), "") for ref in tickets]
        if not asked:
            return []
        found = await self._app.store.rounds.known(asked)
        delivery = uuid4().hex
        items: list[Incoming] = []
        for event, known in zip(events, found, strict=False):
            if known.verdict == "new":
                items += self._missed(event, verdict(event, known.state, self._account, self._bounds), delivery)
            else:
                self._count(COUNTED[known.verdict])
        await self._feed(delivery, items)
        changed = zip(tickets.items(), found[len(events) :], strict=True)
        return [ref for (ref, ms), known in changed if known.verdict != "gone" and is_unread(known.state, ms)]

    def _missed(self, event: TicketEvent, becomes: str, delivery: str) -> list[Incoming]:
        items: list[Incoming] = []
        if becomes == FED:
            try:
                items = [reconciled(event, delivery, self._account, self._bounds.now_ms, self._told_ms(event))]
            except Unreadable:
                becomes = UNREADABLE
        if items:
            self._show("fed", Missed(str(event.ref), event.type, WOULD_BE_FED if self.looked.dry_run else FED))
        elif becomes:
            self._show("left", Missed(str(event.ref), event.type, becomes))
        return items

    def _show(self, what: str, missed: Missed) -> None:
        self._count(what)
        if len(self.looked.missed) < SHOWN_MOST:
            self.looked.missed.append(missed)

    def _told_ms(self, event: TicketEvent) -> int:
        """When it counts as told. Where a ticket's creation is not told, it was within the time that is looked at."""
        if not self._bounds.late or not isinstance(event, TicketOpened):
            return self._bounds.now_ms
        return min(event.ticket.created_ms or self._bounds.since_ms, self._bounds.now_ms)

    def _count(self, what: str) -> None:
        setattr(self.looked, what, getattr(self.looked, what) + 1)

    async def _feed(self, delivery: str, items: Sequence[Incoming]) -> None:
        if self.looked.dry_run or not items:
            return
        accepted = await self._app.store.accept(f"{self._caller}:{delivery}", delivery, SEEN_S, items)
        for lane in accepted.wake:
            # The sweep wakes the lane if this is lost.
            with suppress(StoreUnavailable):
                await self._app.queue.wake(lane)

    # -- calling ------------------------------------------------------------------------------------------------------

    async def _ask(self, action: str, gate: Gate, call: Call, judge: Callable[[Reply], T]) -> T:
        """Make a call when the gate lets it, and tell the breaker what became of it."""
        await self._turn(gate)
        self._asked_ms = self._app.now_ms()
        try:
            answer = judge(await self._app.granting.send(self._app.http, self._whose, call))
        except CallError as failed:
            error = explained(gate, failed)
            await self._tell(action, type(error).__name__, with_credential(self._app.bridge, outcome(gate, error)))
            raise error from None
        await self._tell(action, "done", outcome(gate, None))
        return answer

    async def _tell(self, action: str, how: str, learned: Outcome) -> None:
        self._app.metrics.calls.labels(self.looked.account, action, how).inc()
        await self._app.store.rounds.pass_gate(self._caller, None, [learned])

    async def _turn(self, gate: Gate) -> None:
        until = self._app.monotonic() + PATIENCE_S
        while True:
            told = await self._app.store.rounds.pass_gate(self._caller, gate, ())
            destination, wait_s = shown(gate.destination), int(told.detail) / 1000
            if told.verdict == "go":
                await asyncio.sleep(wait_s)
                return
            if told.verdict == "broken":
                msg = f"{destination} is not called just now: {told.reason}"
                raise NotCalledError(msg)
            # Its small share gives it a turn, however long the queue before it is.
            if self._app.monotonic() >= until:
                msg = f"{destination} has no room at its pace just now"
                raise NotCalledError(msg)
            await asyncio.sleep(min(wait_s, LOOK_S))


def reconcilable(app: App) -> list[str]:
    """The accounts whose helpdesk has a list of changed tickets."""
    return [
        f"{kind}/{name}"
        for kind, named in app.bridge.helpdesks.items()
        for name, account in named.items()
        if app.helpdesks[kind].changed(account, 0, "") is not None
    ]
