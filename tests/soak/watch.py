"""Watches while a soak runs: how soon a dead worker's tickets go on, and how many jobs arq ran."""

from __future__ import annotations

import asyncio
import contextlib
import re
from time import monotonic
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientTimeout
from redis import exceptions

from bridge.twins.ledger import now_ms
from tests.soak.records import TakenOver

if TYPE_CHECKING:
    from tests.soak.world import World

LOOK_S = 0.2
GIVE_UP_S = 45.0
COUNT_S = 2.0
JOBS = re.compile(r"^bridge_lane_jobs_total (\S+)$", re.MULTILINE)
PREFIX = "bridge"
AWAY = (exceptions.RedisError, OSError)


class Watch:
    """The watch of one run. It asks Redis past the proxy."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._following: set[asyncio.Task[None]] = set()
        self._jobs: dict[int, int] = {}
        self.taken_over: list[TakenOver] = []

    @property
    def jobs(self) -> int:
        """Jobs that all workers ran, those that were killed included, as far as they were counted."""
        return sum(self._jobs.values())

    # -- take-over ----------------------------------------------------------------------------------------------------

    def follow(self, kind: str) -> None:
        """From now on, see when each ticket that is in a worker's hands goes on."""
        task = asyncio.create_task(self._follow(kind, monotonic(), now_ms()))
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def followed(self) -> None:
        """Wait until all of them have gone on, or have been given up."""
        if self._following:
            await asyncio.wait(set(self._following))

    async def _follow(self, kind: str, since: float, at_ms: int) -> None:
        held = await self._held()
        while held and monotonic() - since < GIVE_UP_S:
            await asyncio.sleep(LOOK_S)
            with contextlib.suppress(*AWAY):
                now = await self._look(list(held))
                for ticket in [ticket for ticket, seen in now.items() if seen != held[ticket]]:
                    del held[ticket]
                    self.taken_over.append(TakenOver(ticket, kind, round(monotonic() - since, 2), at_ms))
        self.taken_over += [TakenOver(ticket, kind, None, at_ms) for ticket in held]

    async def _held(self) -> dict[str, tuple[bytes | None, int]]:
        """The tickets in a worker's hands: holder, and how much was told of each."""
        while True:
            with contextlib.suppress(*AWAY):
                seen = await self._look(await self._scheduled())
                return {ticket: (holder, told) for ticket, (holder, told) in seen.items() if holder}
            await asyncio.sleep(LOOK_S)

    async def _scheduled(self) -> list[str]:
        async with self._world.redis.pipeline(transaction=False) as pipe:
            for account in self._world.setup.accounts.values():
                pipe.zrange(f"{PREFIX}:lane:{account.lane}", 0, -1)
            lanes = await pipe.execute()
        return [ticket.decode() for lane in lanes for ticket in lane]

    async def _look(self, tickets: list[str]) -> dict[str, tuple[bytes | None, int]]:
        async with self._world.redis.pipeline(transaction=False) as pipe:
            for ticket in tickets:
                pipe.hget(f"{PREFIX}:link:{ticket}", "holder")
                pipe.llen(f"{PREFIX}:timeline:{ticket}")
            found = await pipe.execute()
        return dict(zip(tickets, zip(found[::2], found[1::2], strict=True), strict=True))

    async def left(self) -> list[str]:
        """The tickets that still have something to do. Raises RedisError."""
        return await self._scheduled()

    # -- jobs ---------------------------------------------------------------------------------------------------------

    async def keep_counting(self) -> None:
        """Until cancelled: a killed worker takes its count along, so it is asked often."""
        while True:
            await self.count_jobs()
            await asyncio.sleep(COUNT_S)

    async def count_jobs(self) -> None:
        """Ask each worker that answers."""
        for name, child in self._world.bridge.items():
            if name != "web" and child.process is not None:
                pid = child.process.pid
                with contextlib.suppress(ClientError, TimeoutError, OSError):
                    self._jobs[pid] = max(self._jobs.get(pid, 0), await self._counted(child.port))

    async def _counted(self, port: int) -> int:
        url = f"http://127.0.0.1:{port}/metrics"
        async with self._world.session.get(url, timeout=ClientTimeout(1)) as answer:
            found = JOBS.search(await answer.text())
        return int(float(found[1])) if found else 0
