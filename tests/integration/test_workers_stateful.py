"""Both workers, both directions, any order: deliveries and answers repeated, late and lost, workers asleep and killed.

Whatever hypothesis draws, the same tickets end in the same links, and at the other sides the same was done, once.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from bridge.desk import Desk, Wanted
from bridge.domain import Phase
from bridge.links import LIVE, ORDER, Link
from tests.stage import FATES, FINE, Quiet
from tests.world import TICKETS, World

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.stage import Conversation, Step

WORKERS = ("one", "two")
REFS = tuple(TICKETS)
KNOWN = LIVE | {Phase.CLOSED}
WRITTEN = {"1:note:started", "1:field", "1:tag", "1:closed", "1:note:package"}
SAID = {"1:note:parked"}
"""What a ticket may have been told on the way."""

HAPPENINGS = {
    "go": 12,
    "go_on": 4,
    "live": 8,
    "deliver": 2,
    "start_event": 1,
    "close_event": 1,
    "sleep": 3,
    "wake": 1,
    "kill": 1,
    "lose": 1,
}
"""What may happen, and how often beside the others."""

ROW = st.lists(st.sampled_from([name for name, times in HAPPENINGS.items() for _ in range(times)]), min_size=50)
_numbers = itertools.count(1)


class Run:
    """One row of happenings, and what must hold after each of them and in the end."""

    def __init__(self, redis_url: str, data: st.DataObject) -> None:
        self.data = data
        self.loop = Quiet()
        self.redis = Redis.from_url(redis_url)
        self.world = World(self.redis, f"world-{next(_numbers)}")
        self.asleep = ""
        self.opened: set[Any] = set()
        self.told: set[tuple[str, bool]] = set()
        self.seen: dict[str, Link] = {}
        self.do(self.world.pass_ms(0))

    def do(self, step: Coroutine[Any, Any, Any]) -> Any:
        """Run until every worker waits for its turn again."""
        return self.loop.run_until_complete(step)

    def one_of(self, *of: Any) -> Any:
        """Any of these."""
        return self.data.draw(st.sampled_from(of))

    def happens(self, name: str) -> None:
        """One happening, and what holds after it."""
        getattr(self, name)()
        self.no_link_moves_backwards()
        self.nothing_is_done_twice()
        assert self.world.log.bugs == []

    # -- what comes in ------------------------------------------------------------------------------------------------

    def deliver(self) -> None:
        """A webhook of the helpdesk; the same fact may be told by another delivery as well."""
        ref = self.one_of(*REFS)
        self.opened.add(ref)
        self.do(self.world.open(ref, f"{ref}{self.one_of('', '-again')}"))

    def start_event(self) -> None:
        """Jelou's event, before the answer to the call or long after, once or many times."""
        if known := self.world.sides.conversations:
            self.do(self._tell(self.one_of(*known), start=True))

    async def _tell(self, one: Conversation, *, start: bool) -> None:
        self.told.add((one.id, start))
        await self.world.event(one, start=start)

    def close_event(self) -> None:
        """The same of the end, which may come before the beginning."""
        if known := self.world.sides.conversations:
            self.do(self._tell(self.one_of(*known), start=False))

    # -- the workers --------------------------------------------------------------------------------------------------

    def go(self) -> None:
        """Any one step is taken; of a call, its fate is drawn."""
        if waiting := self._steps():
            self._take(waiting[self.one_of(*range(len(waiting)))])

    def _take(self, step: Step) -> None:
        fate = self.one_of(*FATES) if step.label.startswith("bytes") else FINE
        note(f"{step.worker}: {step.label} {fate}")
        self.do(self.world.go(step, fate))

    def _steps(self) -> list[Step]:
        return [step for step in self.world.stage.waiting() if step.worker != self.asleep]

    def go_on(self) -> None:
        """A worker goes on for a while; its calls go well."""
        worker = self.one_of(*self._awake())
        for _ in range(self.one_of(3, 6, 12)):
            for step in self._of(worker):
                self.do(self.world.go(step))

    def _of(self, worker: str) -> list[Step]:
        return [step for step in self.world.stage.waiting() if step.worker == worker]

    def live(self) -> None:
        """Time passes: who is awake keeps its leases, sleeping lanes are looked at, somebody takes what there is."""
        for _ in range(self.one_of(1, 1, 2, 5, 12)):
            self.do(self.world.pass_ms(2_000))
            for name in self._awake():
                self.do(self.world.workers[name].beat())
        self.do(self.world.sweep())
        while self.world.jobs:
            self.do(self.world.job(self.one_of(*self._awake()), self.world.jobs.pop()))

    def _awake(self) -> list[str]:
        return [name for name in WORKERS if name != self.asleep]

    def sleep(self) -> None:
        """A worker that has something in its hands is stopped: its leases may end there."""
        if not self.asleep and (waiting := self.world.stage.waiting()):
            self.asleep = waiting[self.one_of(*range(len(waiting)))].worker

    def wake(self) -> None:
        """It goes on with what it was about to do."""
        self.asleep = ""

    def lose(self) -> None:
        """The jobs that were on their way are lost."""
        self.world.jobs.clear()

    def kill(self) -> None:
        """A worker is killed between any two of its steps."""
        self.do(self.world.kill(self.one_of(*WORKERS)))

    # -- what always holds --------------------------------------------------------------------------------------------

    def no_link_moves_backwards(self) -> None:
        """By the order of the phases: only what has no conversation returns to the beginning, or is at its next try."""
        for ticket, link in self.do(self._links()).items():
            before = self.seen.get(ticket, Link())
            if ORDER.index(link.phase) < ORDER.index(before.phase):
                assert before.phase not in KNOWN
                assert link.phase is Phase.NEW or link.claim != before.claim
            assert before.conversation in {"", link.conversation}
            self.seen[ticket] = link

    async def _links(self) -> dict[str, Link]:
        async with self.redis.pipeline(transaction=False) as pipe:
            for ref in TICKETS:
                pipe.hget(f"{self.world.prefix}:link:{ref}", "state")
            states = await pipe.execute()
        return {str(ref): Link.load(state or b"") for ref, state in zip(TICKETS, states, strict=True)}

    def nothing_is_done_twice(self) -> None:
        """One conversation per ticket, and no note a second time."""
        started = [one.ticket for one in self.world.sides.conversations]
        assert len(started) == len(set(started))
        for notes in self.world.sides.notes.values():
            assert len(notes) == len(set(notes))

    # -- the end ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Nothing is left running."""
        for worker in WORKERS:
            self.do(self.world.kill(worker))
        self.do(self.redis.aclose())
        self.loop.close()

    def end(self) -> None:
        """All evidence comes, workers do their work, a person decides what is parked."""
        self.do(self._end())

    async def _end(self) -> None:
        for _ in range(2):
            await self._evidence(start=True)
            await self._drain()
            await self._decide()
        await self._evidence(start=False)
        await self._drain()
        # Who slept through all of it wakes now, and does what it was about to do.
        self.asleep = ""
        await self._drain()

    async def _evidence(self, *, start: bool) -> None:
        """What was told already is not told again: it must not have been forgotten."""
        for one in self.world.sides.conversations:
            if (one.id, start) not in self.told:
                await self._tell(one, start=start)

    async def _drain(self) -> None:
        """The workers that are awake as they should be, until nothing is in any lane."""
        for _ in range(400):
            await self.world.pass_ms(1_000)
            await self.world.sweep()
            while self.world.jobs or self._steps():
                for worker in self._awake():
                    await self.world.workers[worker].beat()
                while self.world.jobs:
                    await self.world.job(self._awake()[0], self.world.jobs.pop())
                for step in self._steps():
                    await self.world.go(step)
            lanes = [f"{self.world.prefix}:lane:zendesk/{name}~soporte" for name in ("acme", "beta")]
            if not any([await self.world.redis.zcard(lane) for lane in lanes]):
                return
        pytest.fail("a ticket never left its lane")

    async def _decide(self) -> None:
        """A person replays what is parked; Jelou has no conversation for it, else its event had settled it."""
        world = self.world
        desk = Desk(world.store.records, world.bridge, world.wake, lambda: world.now)
        for letter in await desk.every(Wanted()):
            assert letter.ticket not in {one.ticket for one in world.sides.conversations}
            await desk.replay(letter)

    def all_are_alike(self) -> None:
        """Each ticket that was opened has had its conversation, and its link knows it."""
        sides = self.world.sides
        conversations = {one.ticket: one.id for one in sides.conversations}
        for ref in self.opened:
            link = self.seen[str(ref)]
            assert (link.phase, link.conversation) == (Phase.CLOSED, conversations[str(ref)])
            assert (link.todo, link.receipts.keys() - SAID) == ((), WRITTEN)
            [note] = [text for text in sides.notes[ref.id] if text.startswith("Conversation started")]
            assert link.conversation in note
            assert len([text for text in sides.notes[ref.id] if text.startswith("Conversation ended")]) == 1
            assert (sides.fields[ref.id], sides.tags[ref.id]) == (link.conversation, {"jelou"})


def test_every_order_of_things_ends_alike(redis_url: str) -> None:
    """One start, one note, one field and one tag for each ticket, and a link that knows its conversation."""

    @settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(ROW, st.data())
    def any_row(row: list[str], data: st.DataObject) -> None:
        run = Run(redis_url, data)
        try:
            for name in ("deliver", "live", *row, "end"):
                run.happens(name)
            run.all_are_alike()
        finally:
            run.close()

    any_row()
