"""The web or Redis is killed while tickets flow: both sides come back by themselves, and nothing accepted is lost."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.harness import eventually
from tests.processes import kill, pid_of, processes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.processes import Processes

SOON_SURE = {"confirm_wait_s": 2.0}
"""An account that does not wait long for start events: those that Jelou posts into an outage do not come again."""

Answered = dict[int, list[str]]
"""Tickets by the status that their sender was answered; 0 where there was no answer."""

PACE_S = 0.02
FLOW_MOST = 2_000


async def test_nothing_accepted_is_lost_when_the_web_is_killed(tmp_path: Path) -> None:
    """Every ticket answered 202 before or after the kill gets its one conversation."""
    async with processes(tmp_path, account=SOON_SURE) as on:
        async with flow(on) as answered:
            await eventually(lambda: more_than(answered, 50))
            before, seen = kill(on.web), len(answered[202])
            await eventually(lambda: more_than(answered, seen + 50))
        assert pid_of(on.web) != before
        await on.all_open(answered[202])


async def test_both_processes_come_back_after_redis_was_killed(tmp_path: Path) -> None:
    """Neither has to be started again; each sender hears 202, and gets one conversation, or 503 and comes again."""
    async with processes(tmp_path, account=SOON_SURE) as on:
        before = [pid_of(on.web), pid_of(on.worker)]
        async with flow(on) as answered:
            await eventually(lambda: more_than(answered, 50))
            await away(on, 3.0)
            seen = len(answered[202])
            await eventually(lambda: more_than(answered, seen + 50))
        refused = answered[503][0]
        await on.deliver(refused)
        await on.all_open([*answered[202], refused])
        assert answered.keys() == {202, 503}
        assert [pid_of(on.web), pid_of(on.worker)] == before
        assert on.jelou.ledger.counts()["tickets_doubled"] == 0


async def away(on: Processes, for_s: float) -> None:
    """Redis is killed, and started again on its folder and port after this time."""
    on.server.kill()
    await asyncio.sleep(for_s)
    await on.server.start()


async def more_than(answered: Answered, count: int) -> bool:
    """Whether so many tickets were answered 202."""
    return len(answered[202]) > count


@asynccontextmanager
async def flow(on: Processes) -> AsyncIterator[Answered]:
    """Tickets that keep coming until the end of the block, each of another customer; the tickets by their answer."""
    answered: Answered = defaultdict(list)

    async def one(number: int) -> None:
        answered[await on.send(f"T-{number}", phone=f"+5939{number:08d}")].append(f"T-{number}")

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(FLOW_MOST):
                if ended.is_set():
                    return
                group.create_task(one(number))
                await asyncio.sleep(PACE_S)

    ended = asyncio.Event()
    flowing = asyncio.create_task(all_of_them())
    try:
        yield answered
    finally:
        ended.set()
        await flowing
