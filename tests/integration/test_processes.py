"""Web and worker as real processes: a worker may be killed, stopped or doubled, and each ticket still gets its one."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson
from redis.asyncio import Redis

from bridge.twins.faults import Fault
from bridge.wiring import queue_on, store_on
from tests.harness import eventually
from tests.processes import BRISK, HASTY, PATIENT, another, is_open, kill, pid_of, processes

if TYPE_CHECKING:
    from tests.processes import Processes

TAKE_OVER_S = 15.0
"""The promise: a killed worker's tickets go on within this."""

PREFIX = "bridge"
WITHOUT_END = Fault.named("hang_after_accepting")


async def test_a_ticket_goes_on_within_15_s_of_its_workers_death(tmp_path: Path) -> None:
    """Killed while its start call is out, a worker leaves a ticket that the next one opens, with one conversation."""
    async with processes(tmp_path, jelou=PATIENT) as on:
        on.jelou.faults.next_start(WITHOUT_END)
        await on.deliver("T-1")
        await eventually(lambda: _told_of_its_start(on))
        before, killed_at = kill(on.worker), monotonic()
        told = await on.until("T-1", is_open, within_s=TAKE_OVER_S)
        took_s = monotonic() - killed_at
        assert took_s < TAKE_OVER_S
        assert [start.conversation_id for start in on.jelou.ledger.by_ticket("T-1")] == [told["conversation"]]
        assert pid_of(on.worker) != before


async def _told_of_its_start(on: Processes) -> bool:
    return [delivery.status for delivery in on.jelou.ledger.deliveries] == [202]


async def test_no_ticket_is_lost_or_doubled_when_a_worker_is_killed_in_a_drain(tmp_path: Path) -> None:
    """Of 300 queued tickets each ends with one conversation, wherever the kill found it."""
    tickets = _tickets(300)
    async with processes(tmp_path, account=HASTY, jelou=BRISK, worker_runs=False) as on:
        await _queue(on, tickets)
        await on.worker.start()
        await eventually(lambda: _started_at_least(on, 60))
        kill(on.worker)
        begun = len(on.jelou.ledger.starts)
        assert begun < len(tickets), "the kill came too late to be one in the middle"
        await on.all_open(tickets)


async def test_a_worker_that_was_stopped_and_wakes_writes_nothing(tmp_path: Path) -> None:
    """Stopped while its start call was out, it is taken over; when it wakes, its lease is lost and nothing changes."""
    async with processes(tmp_path, account={"confirm_wait_s": 1.0}, jelou=PATIENT) as on, AsyncExitStack() as stack:
        second = another(on.worker)
        stack.push_async_callback(second.stop)
        on.jelou.faults.next_start(Fault(accept=True, delay_s=4.0))
        await on.deliver("T-1")
        await eventually(lambda: _told_of_its_start(on))
        os.kill(pid_of(on.worker), signal.SIGSTOP)
        await second.start()
        before = await on.until("T-1", is_open)
        os.kill(pid_of(on.worker), signal.SIGCONT)
        await eventually(lambda: _logged(on.worker.log, b'"lease lost"'))
        told = await on.until("T-1", lambda told: is_open(told) and told["due_in_s"] is None)
        assert (told["conversation"], told["extra_conversations"]) == (before["conversation"], [])
        assert [start.conversation_id for start in on.jelou.ledger.by_ticket("T-1")] == [told["conversation"]]


async def _logged(log: str, line: bytes) -> bool:
    return line in await asyncio.to_thread(Path(log).read_bytes)


async def test_sigterm_lets_the_call_under_way_end(tmp_path: Path) -> None:
    """A worker that is told to stop waits for Jelou's answer, notes it, and ends with code 0."""
    async with processes(tmp_path, jelou=PATIENT) as on:
        on.jelou.faults.next_start(Fault(accept=True, delay_s=1.5))
        await on.deliver("T-1")
        await eventually(lambda: _told_of_its_start(on))
        await on.worker.stop()
        told = await on.trace("T-1")
        assert on.worker.process is not None
        assert on.worker.process.returncode == 0
        assert _what(told, "start.conversation") == ["sending", "answered"]
        assert told["phase"] in {"started", "open"}
        assert told["waits_for"] != "a worker has it in its hands"


async def test_sigterm_leaves_what_is_queued_to_the_next_worker(tmp_path: Path) -> None:
    """What a stopped worker did not get to is done by the next one; no start is unknown for a stop's sake."""
    tickets = _tickets(1_200)  # more than a worker holds at a time
    async with processes(tmp_path, worker_runs=False) as on:
        await _queue(on, tickets)
        await on.worker.start()
        await eventually(lambda: _started_at_least(on, 30))
        await on.worker.stop()
        await eventually(lambda: _is_woken(on))
        second = another(on.worker)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(second.stop)
            await second.start()
            await on.all_open(tickets)
        unanswered = [ticket for ticket in tickets if "unanswered" in _what(await on.trace(ticket))]
        assert on.worker.process is not None
        assert (unanswered, on.worker.process.returncode) == ([], 0)


async def _is_woken(on: Processes) -> bool:
    return await _wakeups(on) > 0


async def _wakeups(on: Processes) -> int:
    """The jobs that wait for whoever comes next, and those that the next sweep sends."""
    async with store_on(on.server.url, PREFIX, connections=2) as store, queue_on(on.server.url, PREFIX) as queue:
        swept = (await store.due()).wake
        for lane in swept:
            await queue.wake(lane)
    redis = Redis.from_url(on.server.url, decode_responses=True)
    jobs = await redis.zrange(f"{PREFIX}:jobs", 0, -1)
    # arq keeps those that a worker has taken in its list as well.
    waiting = [job for job in jobs if not await redis.exists(f"arq:in-progress:{job}")]
    await redis.aclose()
    return len(waiting)


async def test_two_workers_share_a_lane(tmp_path: Path) -> None:
    """Both work tickets of the same account, and no ticket is worked by both."""
    tickets = _tickets(700)
    async with processes(tmp_path, worker_runs=False) as on, AsyncExitStack() as stack:
        await _queue(on, tickets)
        second = another(on.worker)
        stack.push_async_callback(second.stop)
        await asyncio.gather(on.worker.start(), second.start())
        await on.all_open(tickets)
        await asyncio.gather(on.worker.stop(), second.stop())
        starts = [_started_by(on.worker.log), _started_by(second.log)]
    assert all(starts)
    assert sorted([*starts[0], *starts[1]]) == sorted(tickets)


def _tickets(count: int) -> list[str]:
    return [f"T-{number}" for number in range(count)]


async def _queue(on: Processes, tickets: list[str]) -> None:
    """Deliver them all, each of another customer."""
    room = asyncio.Semaphore(32)

    async def one(number: int, ticket: str) -> None:
        async with room:
            await on.deliver(ticket, phone=f"+5939{number:08d}")

    await asyncio.gather(*(one(number, ticket) for number, ticket in enumerate(tickets)))


async def _started_at_least(on: Processes, count: int) -> bool:
    return len(on.jelou.ledger.starts) >= count


def _what(told: dict[str, Any], action: str = "") -> list[str]:
    """What happened, by the timeline; only with this action where one is named."""
    return [one["what"] for one in told["timeline"] if not action or one.get("action") == action]


def _started_by(log: str) -> list[str]:
    """The tickets whose start this worker's log tells."""
    with open(log, "rb") as lines:  # noqa: PTH123 - a path as text
        worked = [told for line in lines if (told := orjson.loads(line))["event"] == "worked"]
    started = [
        told["ticket"] for told in worked if any(one["action"] == "start.conversation" for one in told["actions"])
    ]
    return [ticket.rpartition("/")[2] for ticket in started]
