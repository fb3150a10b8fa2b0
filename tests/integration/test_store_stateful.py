"""The store's scripts under every interleaving: several workers on a real Valkey, driven by hypothesis.

The workers here do what ``workers/`` does, with the other side replaced by a ledger: claim, mark, send, finish; they
crash at every step, stop and wake late, and the other side's evidence comes early, late, twice or never.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from redis.asyncio import Redis

from bridge.correlate import Clues
from bridge.protocol import Claimed, Finish, Incoming, Leases, Mark, StartLimits, Told
from bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable

CLOCK = "local function now() return tonumber(redis.call('GET', KEYS[1] .. ':clock')) end"
LEASES = Leases(ticket_ms=8_000, lane_ms=8_000)
LANES = ("lane-a", "lane-b")
TICKETS = {f"t{number}": LANES[number % 2] for number in range(4)}
CONTACTS = {"t0": "ana", "t1": "ben", "t2": "ana", "t3": "eva"}
UNKNOWN_WAIT_MS = 30_000
_numbers = itertools.count(1)


@dataclass(frozen=True)
class State:
    """What the model's worker keeps in a link: events done, and the one whose fate may be unknown."""

    done: tuple[str, ...] = ()
    sending: str = ""
    unknown_since: int = 0
    parked: tuple[str, ...] = ()

    def dump(self) -> str:
        """As JSON."""
        return orjson.dumps(self).decode()

    @classmethod
    def load(cls, text: bytes) -> State:
        """From JSON."""
        known: dict[str, Any] = orjson.loads(text or b"{}")
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in known.items()
        }
        return cls(**fields)


async def _as_coroutine(step: Awaitable[Any]) -> Any:
    return await step


@dataclass
class Hand:
    """One claimed ticket in a worker's hands. ``deadline`` is that worker's own reading of its lease."""

    claimed: Claimed
    state: State
    deadline: int
    step: str = "claimed"
    wait_for: str = ""


@dataclass
class World:
    """What really happened, kept outside the store."""

    now: int = 1_000_000
    accepted: dict[str, list[str]] = field(default_factory=lambda: {ticket: [] for ticket in TICKETS})
    sent: dict[str, list[str]] = field(default_factory=lambda: {ticket: [] for ticket in TICKETS})
    evidence_owed: list[tuple[str, str]] = field(default_factory=list)
    faulted: set[str] = field(default_factory=set)
    deliveries: list[tuple[str, str, str]] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)


class Protocol(RuleBasedStateMachine):
    """Accept, duplicate, claim, send, crash, sleep, wake, evidence, finish, in any order."""

    redis_url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.redis = Redis.from_url(self.redis_url)
        self.prefix = f"stateful-{next(_numbers)}"
        self.store = Store(self.redis, prefix=self.prefix, clock=CLOCK, leases=LEASES)
        self.world = World()
        self.hands: list[Hand] = []
        self.numbers = itertools.count(1)
        self.advance(0)

    def do(self, step: Awaitable[Any]) -> Any:
        """Run one step of the store."""
        return self.loop.run_until_complete(_as_coroutine(step))

    def advance(self, by_ms: int) -> None:
        """The clock moves when told."""
        self.world.now += by_ms
        self.do(self.redis.set(f"{self.prefix}:clock", self.world.now))

    # -- the helpdesk ---------------------------------------------------------------------------------------------

    @rule(ticket=st.sampled_from(sorted(TICKETS)), lost_job=st.booleans())
    def accept(self, ticket: str, lost_job: bool) -> None:
        """A new event; the job that should wake its lane may be lost on the way."""
        event = f"e{next(self.numbers)}"
        self.world.accepted[ticket].append(event)
        self.world.deliveries.append((event, ticket, f"fact-{event}"))
        self._deliver(f"d-{event}", ticket, event, f"fact-{event}", lost_job=lost_job)

    @precondition(lambda self: self.world.deliveries)
    @rule(data=st.data(), same_delivery=st.booleans())
    def repeat(self, data: st.DataObject, same_delivery: bool) -> None:
        """The same delivery again, or the same fact told by another delivery."""
        event, ticket, fact = data.draw(st.sampled_from(self.world.deliveries))
        seen = f"d-{event}" if same_delivery else f"d-again-{next(self.numbers)}"
        accepted = self._deliver(seen, ticket, event, fact, lost_job=False)
        assert accepted.status == ("duplicate" if same_delivery else "accepted")

    def _deliver(self, seen: str, ticket: str, event: str, fact: str, *, lost_job: bool) -> Any:
        item = Incoming(ticket, TICKETS[ticket], fact, orjson.dumps(event).decode(), '{"what":"received"}', "{}")
        accepted = self.do(self.store.accept(seen, seen, 600, [item]))
        if not lost_job:
            self.world.jobs.extend(accepted.wake)
        return accepted

    # -- the workers ----------------------------------------------------------------------------------------------

    @rule(lane=st.sampled_from(LANES), most=st.integers(1, 3))
    def claim(self, lane: str, most: int) -> None:
        """A job claims. It may run without having been sent: an old one that arq runs again."""
        if lane in self.world.jobs:
            self.world.jobs.remove(lane)
        deadline = self.world.now + LEASES.ticket_ms
        batch = self.do(self.store.claim(lane, "job", most))
        for claimed in batch.tickets:
            assert all(hand.claimed.ticket != claimed.ticket or hand.deadline <= self.world.now for hand in self.hands)
            self.hands.append(self._settled(Hand(claimed, State.load(claimed.state), deadline)))

    def _settled(self, hand: Hand) -> Hand:
        """Evidence first, in every phase; a mark without its finish is an unknown."""
        for text in hand.claimed.evidence:
            event = orjson.loads(text)
            if event == hand.state.sending or event in hand.state.parked:
                left = tuple(one for one in hand.state.parked if one != event)
                hand.state = replace(hand.state, done=(*hand.state.done, event), sending="", parked=left)
                hand.step = "sent"
        if hand.state.sending and hand.step != "sent":
            hand.step = "unknown"
        return hand

    def _events(self, hand: Hand) -> list[str]:
        """What the inbox still asks for: what is done or parked is only to be trimmed."""
        handled = {*hand.state.done, *hand.state.parked}
        return [one for one in map(orjson.loads, hand.claimed.inbox) if one not in handled]

    def _hand(self, data: st.DataObject, *steps: str) -> Hand | None:
        ready = [hand for hand in self.hands if hand.step in steps]
        return data.draw(st.sampled_from(ready)) if ready else None

    @precondition(lambda self: any(hand.step == "claimed" for hand in self.hands))
    @rule(data=st.data())
    def mark(self, data: st.DataObject) -> None:
        """The mark before the bytes; a worker that slept over its lease is told so here."""
        hand = self._hand(data, "claimed")
        assert hand is not None
        events = self._events(hand)
        if not events:
            hand.step = "sent"
            return
        state = replace(hand.state, sending=events[0], unknown_since=self.world.now)
        limits = StartLimits("account", CONTACTS[hand.claimed.ticket], 10_000, count=True)
        deadline = self.world.now + LEASES.ticket_ms
        mark = Mark(hand.claimed.ticket, hand.claimed.lane, hand.claimed.token, state.dump(), (), limits)
        verdict = self.do(self.store.mark(mark))
        if verdict.verdict == "lost":
            self.hands.remove(hand)
        elif verdict.verdict == "busy":
            hand.step, hand.wait_for = "sent", CONTACTS[hand.claimed.ticket]
        else:
            assert verdict.verdict == "go"
            hand.state, hand.step, hand.deadline = state, "marked", deadline

    @precondition(lambda self: any(hand.step == "marked" for hand in self.hands))
    @rule(data=st.data(), answered=st.booleans())
    def send(self, data: st.DataObject, answered: bool) -> None:
        """The bytes go out only before the lease's deadline; the answer may be lost."""
        hand = self._hand(data, "marked")
        assert hand is not None
        event = hand.state.sending
        if self.world.now >= hand.deadline:
            self.hands.remove(hand)
            self.world.faulted.add(event)
            return
        self.world.sent[hand.claimed.ticket].append(event)
        self.world.evidence_owed.append((hand.claimed.ticket, event))
        if answered:
            hand.state = replace(hand.state, done=(*hand.state.done, event), sending="")
            hand.step = "sent"
        else:
            self.world.faulted.add(event)
            hand.step = "unknown"

    @precondition(lambda self: any(hand.step in {"sent", "unknown"} for hand in self.hands))
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """What was done is kept; an unknown waits for its evidence, then a person decides."""
        hand = self._hand(data, "sent", "unknown")
        assert hand is not None
        self.hands.remove(hand)
        self._finish(hand)

    def _finish(self, hand: Hand) -> None:
        state, wait, due_in = hand.state, "", 0
        if hand.step == "unknown":
            due_in = state.unknown_since + UNKNOWN_WAIT_MS - self.world.now
            wait = "firm"
            if due_in <= 0:
                state = replace(state, sending="", parked=(*state.parked, state.sending))
                wait = ""
        elif hand.wait_for:
            wait, due_in = "firm", 60_000
        handled = {*state.done, *state.parked, state.sending}
        inbox = list(map(orjson.loads, hand.claimed.inbox))
        covered = len(list(itertools.takewhile(handled.__contains__, inbox)))
        finished = self.do(
            self.store.finish(
                Finish(
                    ticket=hand.claimed.ticket,
                    lane=hand.claimed.lane,
                    token=hand.claimed.token,
                    state=state.dump(),
                    inbox_done=covered,
                    evidence_done=len(hand.claimed.evidence),
                    left=len(inbox) - covered + hand.claimed.left,
                    entries=(),
                    wait=wait,
                    due_in_ms=due_in,
                    contact=CONTACTS[hand.claimed.ticket],
                    release=not state.sending,
                    behind=hand.wait_for,
                )
            )
        )
        self.world.jobs.extend(finished.wake)

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """A worker is killed with a ticket in its hands, at whatever step."""
        hand = data.draw(st.sampled_from(self.hands))
        self.hands.remove(hand)
        if hand.state.sending:
            self.world.faulted.add(hand.state.sending)

    @rule(lane=st.sampled_from(LANES), room=st.booleans())
    def sleep(self, lane: str, room: bool) -> None:
        """A job finds nothing to claim, or has no room."""
        if not self.do(self.store.sleep(lane, "job", not_before_ms=0 if room else 500)):
            self.claim(lane, 3)

    @rule()
    def beat(self) -> None:
        """The heartbeat prolongs what is still held and tells what is not."""
        held = [(hand.claimed.ticket, hand.claimed.lane, hand.claimed.token) for hand in self.hands]
        now = self.world.now
        for hand, kept in zip(list(self.hands), self.do(self.store.beat(held, [])), strict=True):
            if kept:
                hand.deadline = now + LEASES.ticket_ms

    @rule()
    def sweep(self) -> None:
        """The once-a-second look at sleeping lanes."""
        self.world.jobs.extend(self.do(self.store.due()).wake)

    # -- the other side, and time -----------------------------------------------------------------------------------

    @precondition(lambda self: self.world.evidence_owed)
    @rule(data=st.data(), again=st.booleans())
    def evidence(self, data: st.DataObject, again: bool) -> None:
        """The other side's own event: before our answer, after it, twice."""
        owed = data.draw(st.sampled_from(self.world.evidence_owed))
        if not again:
            self.world.evidence_owed.remove(owed)
        self._tell(*owed)

    def _tell(self, ticket: str, event: str) -> None:
        lines = dict.fromkeys(("ticket", "conversation", "starting", "room", "contact", "repeated"), "{}")
        clues = Clues(ticket, TICKETS[ticket], f"c-{event}", "", CONTACTS[ticket])
        told = Told(
            "project",
            f"seen-{event}",
            orjson.dumps(event).decode(),
            is_start=True,
            is_evidence=True,
            clues=clues,
            entries=lines,
        )
        seen = f"j-{next(self.numbers)}"
        self.world.jobs.extend(self.do(self.store.accept_conversation(seen, seen, 600, told)).wake)

    @rule(by_ms=st.sampled_from([1, 500, 4_000, 8_001, 31_000]))
    def tick(self, by_ms: int) -> None:
        """Time passes: a lease may end under a worker that is only asleep."""
        self.advance(by_ms)

    # -- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def nothing_twice(self) -> None:
        """No event is sent twice."""
        for sent in self.world.sent.values():
            assert len(sent) == len(set(sent))

    @invariant()
    def in_order(self) -> None:
        """A ticket's events go out in the order they came."""
        for ticket, sent in self.world.sent.items():
            order = [self.world.accepted[ticket].index(event) for event in sent]
            assert order == sorted(order)

    @invariant()
    def one_start_per_person(self) -> None:
        """Two tickets of one person are never between mark and finish at the same time, unless a lease has ended."""
        busy = [
            CONTACTS[hand.claimed.ticket]
            for hand in self.hands
            if hand.step == "marked" and hand.deadline > self.world.now
        ]
        assert len(busy) == len(set(busy))

    @invariant()
    def no_lane_with_work_sleeps(self) -> None:
        """Each lane with a ticket in it is looked at in time: by a job of its own, or by the sweep."""
        for lane in LANES:
            first = self.do(self.redis.zrange(f"{self.prefix}:lane:{lane}", 0, 0, withscores=True))
            if not first:
                continue
            look = self.do(self.redis.zscore(f"{self.prefix}:lanes", lane))
            awake = self.do(self.redis.zrange(f"{self.prefix}:awake:{lane}", -1, -1, withscores=True))
            assert look is not None, lane
            assert look <= max(first[0][1], awake[0][1] if awake else 0, self.world.now + 500), lane

    def teardown(self) -> None:
        """In the end every event is done, or parked because a fault left its fate open and no evidence came."""
        for owed in self.world.evidence_owed:
            self._tell(*owed)
        self._drain()
        for ticket, accepted in self.world.accepted.items():
            state = State.load(self.do(self.redis.hget(f"{self.prefix}:link:{ticket}", "state")) or b"")
            assert sorted({*state.done, *state.parked}) == sorted(accepted)
            assert set(state.parked) <= self.world.faulted - set(self.world.sent[ticket])
            assert set(self.world.sent[ticket]) <= set(state.done)
            assert len(state.done) == len(set(state.done))
        self.do(self.redis.aclose())
        self.loop.close()

    def _drain(self) -> None:
        """Honest workers, fed by the sweep alone, until nothing is in any lane."""
        self.world.faulted.update(hand.state.sending for hand in self.hands if hand.state.sending)
        self.hands.clear()
        for _ in range(400):
            self.advance(1_000)
            for lane in self.do(self.store.due()).wake:
                self._work(lane)
            if not any(self.do(self.redis.zcard(f"{self.prefix}:lane:{lane}")) for lane in LANES):
                return
        pytest.fail("a ticket never left its lane")

    def _work(self, lane: str) -> None:
        while True:
            batch = self.do(self.store.claim(lane, "honest", 4))
            for claimed in batch.tickets:
                self._work_one(self._settled(Hand(claimed, State.load(claimed.state), self.world.now + 8_000)))
            if not batch.tickets and self.do(self.store.sleep(lane, "honest")):
                return

    def _work_one(self, hand: Hand) -> None:
        if hand.step == "claimed" and (events := self._events(hand)):
            state = replace(hand.state, sending=events[0], unknown_since=self.world.now)
            limits = StartLimits("account", CONTACTS[hand.claimed.ticket], 10_000, count=True)
            mark = Mark(hand.claimed.ticket, hand.claimed.lane, hand.claimed.token, state.dump(), (), limits)
            if self.do(self.store.mark(mark)).verdict == "go":
                self.world.sent[hand.claimed.ticket].append(events[0])
                hand.state = replace(state, done=(*state.done, events[0]), sending="")
            else:
                hand.wait_for = CONTACTS[hand.claimed.ticket]
        if hand.step != "unknown":
            hand.step = "sent"
        self._finish(hand)


def test_the_protocol_holds_under_every_interleaving(redis_url: str) -> None:
    """No event is lost, none is worked twice, order holds and no lane with work sleeps, whatever happens when."""
    Protocol.redis_url = redis_url
    run_state_machine_as_test(
        Protocol,
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
