"""A lane's job: claim what is due, work all of it at once, until nothing is due. The job holds a slot only for that.

Tickets are worked in tasks of the process, not of the job: a slow call holds back neither its batch nor its lane, and
a lane whose calls all hang gives its slot back, so that more hung lanes than slots do not stop the others.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from bridge import events, logs, unasked
from bridge.domain import TicketRef
from bridge.errors import LeaseLost, StoreUnavailable
from bridge.scripting import persistently
from bridge.timeline import entry
from workers.aside import UNCONFIGURED, UNFINISHED, UNREADABLE, Aside, aside
from workers.faults import held
from workers.pair import Pair
from workers.ticket import work_ticket
from workers.waiting import Wait
from workers.work import Work

if TYPE_CHECKING:
    from bridge.protocol import Claimed
    from bridge.wiring import App
    from workers.limits import Limits

MORE_HANDS = 256
"""Due tickets beyond a claim from which a second job is sent, so that other workers join in."""

BUSY_TICKETS = 32
AWAY_MS = 500
FINISH_PATIENCE_S = 30.0
LEAVE_PATIENCE_S = 5.0
DRAIN_LOOK_S = 0.01
ROOM_LOOK_S = 0.02
"""Between two looks whether enough tickets wait for an answer by now; one that lands is noticed at once."""


class Lanes:
    """All lanes in this worker's hands."""

    def __init__(self, app: App, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self.jobs: dict[str, str] = {}
        self.works: dict[str, Work] = {}
        self._flights: dict[str, set[asyncio.Task[None]]] = {}
        self._landed = asyncio.Condition()
        self._aside = Aside()
        self.draining = False

    def busy(self) -> bool:
        """Whether so much is in this worker's hands that new lanes may wait a little."""
        return len(self.works) >= BUSY_TICKETS

    # -- the job --------------------------------------------------------------------------------------------------

    async def run(self, lane: str) -> None:
        """The arq job. Never raises: what is not done comes due again."""
        token = uuid4().hex
        self.jobs[token] = lane
        self._app.metrics.jobs.inc()
        try:
            await self._turn(lane, token)
        except StoreUnavailable as error:
            self._app.metrics.redis_failures.inc()
            self._app.store.outage.failed(str(error))
            self._app.log.info("lane left", lane=lane, reason=str(error))
            await self._leave(lane, token)
        finally:
            del self.jobs[token]

    async def _leave(self, lane: str, token: str) -> None:
        """Give the lane up as soon as Redis is back; else it would count as awake until its lease ends."""
        with suppress(StoreUnavailable):
            await persistently(lambda: self._app.store.sleep(lane, token, not_before_ms=1), LEAVE_PATIENCE_S)

    async def _turn(self, lane: str, token: str) -> None:
        until = self._app.monotonic() + self._limits.turn_s
        asked = False
        while not self.draining:
            room = self._room(lane)
            if room <= 0 and not await self._room_soon(lane):
                await self._app.store.sleep(lane, token, not_before_ms=self._limits.no_room_ms)
                return
            if self._app.monotonic() > until:
                await self._app.store.hand_over(lane, token)
                await self._app.queue.wake(lane)
                return
            if room > 0:
                more = await self._claim(lane, token, room)
                if more == 0 and await self._app.store.sleep(lane, token):
                    # While it was awake nobody reckoned with what is due in it next.
                    self._app.turns.expect(0)
                    return
                if more > MORE_HANDS and not asked:
                    asked = True
                    await self._app.queue.wake(lane)
        # Draining: another worker's sweep wakes the lane; a job sent from here would come back here.
        await self._app.store.sleep(lane, token, not_before_ms=1)

    def _room(self, lane: str) -> int:
        """How many tickets of the lane may be claimed now. A few at a time would cost a round trip each: then none."""
        held, at_once = len(self.works), self._limits.at_once
        room = at_once - (held - self._app.turns.resting)
        mine = self._limits.lane_most - len(self._flights.get(lane, ()))
        return min(mine, self._limits.worker_most - held, room if room >= at_once // 4 else 0)

    async def _room_soon(self, lane: str) -> bool:
        """Wait shortly for room: tickets land, or wait for an answer; False when there was none."""
        try:
            async with asyncio.timeout(self._limits.no_room_ms / 1000):
                while self._room(lane) <= 0:
                    await self._landing()
        except TimeoutError:
            return False
        return True

    async def _landing(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(ROOM_LOOK_S), self._landed:
                await self._landed.wait()

    async def _claim(self, lane: str, token: str, room: int) -> int:
        """Claim and launch. Returns how many tickets are still due."""
        deadline = self._app.monotonic() + self._app.store.leases.ticket_ms / 1000
        batch = await self._app.store.claim(lane, token, room)
        for claimed in batch.tickets:
            self._launch(claimed, deadline)
        # The tasks begin before the next claim's round trip.
        await asyncio.sleep(0)
        return batch.more

    # -- the tickets ----------------------------------------------------------------------------------------------

    def _launch(self, claimed: Claimed, deadline: float) -> None:
        flights = self._flights.setdefault(claimed.lane, set())
        task = asyncio.create_task(self._work(claimed, deadline))
        flights.add(task)
        task.add_done_callback(flights.discard)

    async def _work(self, claimed: Claimed, deadline: float) -> None:
        begun = self._app.monotonic()
        logs.about(ticket=claimed.ticket, lane=claimed.lane)
        work = self._taken(claimed, deadline)
        if isinstance(work, str):
            await self._set_aside(claimed, work)
            return
        key = f"{claimed.token}/{claimed.ticket}"
        self.works[key] = work
        try:
            await self._held(work)
            self._aside.end(claimed.ticket)
        except StoreUnavailable as error:
            self._left(error)
        except Exception:
            self._app.log.exception("bug")
            await self._set_aside(claimed, UNFINISHED)
        finally:
            del self.works[key]
            async with self._landed:
                self._landed.notify_all()
        self._log(work, begun)

    def _pair(self, ref: TicketRef) -> Pair | None:
        found = unasked.account_of(ref, self._app.bridge)
        if found is None:
            return None
        kind, name, account = found
        project = self._app.bridge.jelou[account.project]
        return Pair(self._app.helpdesks[kind], account, project, account.project, f"{kind}/{name}")

    def _taken(self, claimed: Claimed, deadline: float) -> Work | str:
        """The claim as work, or why it cannot be worked by this version with this configuration."""
        try:
            pair = self._pair(TicketRef.parse(claimed.ticket))
            return Work.take(self._app, claimed, pair, deadline) if pair else UNCONFIGURED
        except Exception:
            # Whatever it is, the lease must not end it again and again.
            if not self._aside.times(claimed.ticket):
                self._app.log.exception("unreadable")
            return UNREADABLE

    async def _set_aside(self, claimed: Claimed, reason: str) -> None:
        """The ticket keeps everything, and is looked at again; its timeline is told once, not every minute."""
        times = self._aside.one_more(claimed.ticket, reason)
        try:
            await self._app.store.finish(aside(self._app, claimed, reason, times))
        except StoreUnavailable as error:
            self._left(error)

    def _left(self, error: StoreUnavailable) -> None:
        self._app.metrics.redis_failures.inc()
        self._app.store.outage.failed(str(error))
        self._app.log.info("ticket left", reason=str(error))

    async def _held(self, work: Work) -> None:
        try:
            await self._worked(work)
        except LeaseLost:
            self._app.metrics.lost.inc()
            self._app.log.warning("lease lost")
            await self._testify(work)

    async def _testify(self, work: Work) -> None:
        """What this worker learned too late is evidence for whoever has the ticket now."""
        known, claimed, now = work.known, work.claimed, self._app.now_ms()
        if known is None:
            return
        event = events.dump(known, "", now)
        told = entry(now, "received", event=known.type, conversation=known.conversation_id, reason=known.reason)
        wake = await persistently(
            lambda: self._app.store.testify(claimed.ticket, claimed.lane, f"{known.type}:{known.claim}", event, told),
            FINISH_PATIENCE_S,
        )
        if wake:
            await self._app.queue.wake(wake)

    async def _worked(self, work: Work) -> None:
        try:
            # One that was set aside for it once need not kill as many workers again.
            if work.claimed.claims > (1 if work.link.faults else self._limits.poison_claims):
                held(work, f"claimed {work.claimed.claims} times without an end")
            else:
                await work_ticket(work)
        except LeaseLost:
            raise
        except StoreUnavailable:
            # A mark was not answered, so its call did not go out: the finish unsays whatever of the mark was stored.
            work.waits["redis"] = Wait("Redis did not answer", AWAY_MS)
        except Exception as error:
            # A bug of ours must not spin, nor take its lane along: the ticket waits longer each time.
            self._app.log.exception("bug", step=work.step, times=work.link.faults + 1)
            held(work, f"a fault in the bridge: {type(error).__name__}")
        # What was done must not be forgotten because Redis restarts just now. Fenced by the claim's token, a finish
        # may be repeated: one that arrived and was not answered reads as a lost lease, and all is stored.
        finish = work.finish()
        finished = await persistently(lambda: self._app.store.finish(finish), FINISH_PATIENCE_S)
        if not finished.done:
            raise LeaseLost
        if finish.wait:
            self._app.turns.expect(0 if finish.requeue else finish.due_in_ms)
        for lane in finished.wake:
            await self._app.queue.wake(lane)

    def _log(self, work: Work, begun: float) -> None:
        self._app.metrics.worked.labels(work.account, work.link.phase.value).inc()
        self._app.log.info(
            "worked",
            phase=work.link.phase.value,
            conversation=work.link.conversation,
            attempt=work.link.attempt,
            events=work.done,
            evidence=len(work.evidence),
            actions=work.actions,
            waits_for=work.wait.reason if work.wait else "",
            next_try_ms=work.wait.due_in_ms if work.wait else 0,
            ms=round((self._app.monotonic() - begun) * 1000, 1),
        )

    # -- holding and ending ---------------------------------------------------------------------------------------

    async def beat(self) -> None:
        """Prolong every lease; what is lost is told to its work before its next bytes."""
        works = list(self.works.values())
        if not works and not self.jobs:
            return
        held = [(work.claimed.ticket, work.claimed.lane, work.claimed.token) for work in works]
        deadline = self._app.monotonic() + self._app.store.leases.ticket_ms / 1000
        kept = await self._app.store.beat(held, [(lane, token) for token, lane in self.jobs.items()])
        for work, still_ours in zip(works, kept, strict=True):
            if still_ours:
                work.deadline = deadline
            else:
                work.lost = True

    async def drain(self) -> None:
        """Claim nothing more and let what is under way land, as long as ``drain_s``; then it is cut off."""
        self.draining = True
        until = self._app.monotonic() + self._limits.drain_s
        # A claim that was on its way still launches what it brings.
        while self.jobs and self._app.monotonic() < until:
            await asyncio.sleep(DRAIN_LOOK_S)
        tasks = [task for flights in self._flights.values() for task in flights]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=max(0.0, until - self._app.monotonic()))
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
