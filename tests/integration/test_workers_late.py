"""A worker that lost its ticket while the start was out hands in what it learned: a late answer is evidence."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge import events
from bridge.domain import StartAnswered
from bridge.links import Link
from bridge.timeline import entry
from bridge.twins.faults import EventFault, Fault
from tests.harness import PROJECT, eventually, scene
from tests.held import Held
from tests.outcomes import BRIEF_LANES, FIRM, SHORT_WAITS, conversations, due_now, kept, line, reasons, told
from workers.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

    from bridge.domain import Call, Reply
    from bridge.wiring import App
    from tests.harness import Scene

KIND, ACCOUNT = "standard-webhooks", "scripts"
LANE = f"{KIND}/{ACCOUNT}~{PROJECT}"
TICKET = f"{KIND}/{ACCOUNT}/T-1"
NO_HEARTBEAT: dict[str, Any] = {
    "limits": Limits(heartbeat_s=600, sweep_s=0.05, drain_s=1.0),
    "leases": BRIEF_LANES,
}
"""A worker that keeps no ticket longer than one lease; ``due_now`` ends that."""

DROPPED = EventFault.named("dropped")
PATIENT = FIRM | {"confirm_wait_s": 0.1}
"""An account that waits long for what may settle an unknown start, and not long for what confirms a known one."""


class Stopped:
    """An HTTP client whose process is stopped before the bytes of its first start call, until it is woken."""

    def __init__(self, app: App) -> None:
        self.http = app.http
        self.stopped = asyncio.Event()
        self.woken = asyncio.Event()
        self.starts = 0
        self.slept_s = 0.0

    async def send(self, call: Call, allowed: Callable[[], bool] = lambda: True) -> Reply:
        """As the real one, only later."""
        if call.url.endswith("/start"):
            self.starts += 1
            if self.starts == 1:
                self.stopped.set()
                await self.woken.wait()
        return await self.http.send(call, allowed)


async def hand_in(on: Scene, claim: str, conversation: str = "", *, reason: str = "it was refused") -> None:
    """A worker that has lost T-1 hands in what it knows of the try of this claim."""
    known = StartAnswered(claim, conversation, reason)
    app = on.bridge.app
    wake = await app.store.testify(
        TICKET, LANE, f"{known.type}:{claim}", events.dump(known, "", 1), entry(1, "received")
    )
    if wake:
        await app.queue.wake(wake)


async def last_claim(redis: Any, prefix: str) -> str:
    """The name of T-1's last try."""
    return Link.load(await redis.hget(f"{prefix}:link:{TICKET}", "state")).claim


async def test_a_late_answer_settles_an_unknown_start(redis_url: str, prefix: str, redis: Redis) -> None:
    """The lease ended while the call was out and the event never came: the answer names the conversation."""
    call = Held()
    async with scene(redis_url, prefix, scripts=PATIENT, adapted=call, **NO_HEARTBEAT) as on:
        on.jelou.faults.next_event(DROPPED)
        await on.scripted("T-1")
        await call.is_out()
        await due_now(redis, prefix, LANE, TICKET)
        await on.until_phase("T-1", "unknown")
        call.let_go()
        trace = await on.until_phase("T-1", "open")
        wanted = ["sending", "unanswered", "to unknown", "waiting", "to started", "waiting", "answered", "to open"]
        assert line(trace) == wanted
        assert told(trace, "received", event="start.answered")[0]["conversation"] == trace["conversation"]
        assert conversations(on, "T-1") == [trace["conversation"]]


async def test_a_call_that_never_went_out_is_made_by_the_next_worker(redis_url: str, prefix: str, redis: Redis) -> None:
    """A worker stopped between mark and bytes sends nothing when it wakes, and says so: no person is asked."""
    stopped: list[Stopped] = []

    def sleepy(app: App) -> App:
        stopped.append(Stopped(app))
        slept = replace(app, monotonic=lambda: app.monotonic() + stopped[0].slept_s)
        return replace(slept, http=stopped[0])  # type: ignore[arg-type]

    async with scene(redis_url, prefix, scripts=FIRM, adapted=sleepy, **NO_HEARTBEAT) as on:
        await on.scripted("T-1")
        await stopped[0].stopped.wait()
        await due_now(redis, prefix, LANE, TICKET)
        await on.bridge.traced(KIND, ACCOUNT, "T-1", lambda trace: trace["phase"] == "unknown")
        assert on.jelou.ledger.starts == []
        stopped[0].slept_s = 2 * on.bridge.app.store.leases.ticket_ms / 1000
        stopped[0].woken.set()
        trace = await on.until_phase("T-1", "open")
        assert reasons(trace, "received")[1:2] == ["the lease had ended before the call went out"]
        assert [one["attempt"] for one in told(trace, "sending")] == [1, 1]
        assert conversations(on, "T-1") == [trace["conversation"]]


async def test_certainty_takes_a_parked_ticket_from_the_persons_desk(redis_url: str, prefix: str, redis: Redis) -> None:
    """Nothing had happened: the start is made after all, and the letter is gone."""
    async with scene(redis_url, prefix, scripts=SHORT_WAITS) as on:
        on.jelou.faults.next_start(Fault.named("reset_before_accepting"))
        await on.scripted("T-1")
        await on.until_phase("T-1", "parked")
        assert len(await kept(redis, prefix, "dead-letters")) == 1
        await hand_in(on, await last_claim(redis, prefix))
        trace = await on.until_phase("T-1", "open")
        assert conversations(on, "T-1") == [trace["conversation"]]
        assert await kept(redis, prefix, "dead-letters") == []


async def test_what_is_certain_of_one_try_says_nothing_of_another(redis_url: str, prefix: str, redis: Redis) -> None:
    """Told of another claim, or told again: an unknown start stays unknown, and a conversation stays the ticket's."""
    async with scene(redis_url, prefix, scripts=FIRM) as on:
        on.jelou.faults.next_start(Fault.named("reset_before_accepting"), times=2)
        await on.scripted("T-1")
        await on.until_phase("T-1", "unknown")
        first = await last_claim(redis, prefix)
        await hand_in(on, "another claim")
        await eventually(lambda: _applied(redis, prefix))
        trace = await on.bridge.trace(KIND, ACCOUNT, "T-1")
        assert (trace["phase"], line(trace).count("to new")) == ("unknown", 0)
        await hand_in(on, first)
        await on.bridge.traced(KIND, ACCOUNT, "T-1", lambda trace: len(told(trace, "unanswered")) == 2)
        await hand_in(on, first)
        trace = await on.until_phase("T-1", "unknown")
        assert (await last_claim(redis, prefix) != first, line(trace).count("to new")) == (True, 1)
        assert conversations(on, "T-1") == []


async def _applied(redis: Any, prefix: str) -> bool:
    left = await redis.exists(f"{prefix}:evidence:{TICKET}")
    return not left and not await redis.hexists(f"{prefix}:link:{TICKET}", "holder")


async def test_a_late_answer_of_a_second_conversation_is_told(redis_url: str, prefix: str) -> None:
    """A try that was given up had worked: its conversation is known to the ticket as an extra one, once."""
    async with scene(redis_url, prefix, scripts=FIRM) as on:
        await on.scripted("T-1")
        before = await on.until_phase("T-1", "open")
        for claim in ("first", "second"):
            await hand_in(on, claim, "c-late")
        await hand_in(on, "third", before["conversation"])
        trace = await on.bridge.traced(KIND, ACCOUNT, "T-1", lambda trace: trace["due_in_s"] is None)
        assert (trace["phase"], trace["conversation"]) == ("open", before["conversation"])
        assert trace["extra_conversations"] == ["c-late"]
        assert len(told(trace, "extra")) == 1
