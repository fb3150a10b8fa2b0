"""arq: wake-ups for lanes, and what may wait for a free slot. The truth is the lane.

A job that is lost or late costs a second, no event. It carries a lane's name and nothing of a customer. Each has a
fresh id: the same id would be refused until the finished job has returned.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson
from arq.connections import ArqRedis
from arq.cron import cron
from arq.worker import Worker, func

from bridge.errors import StoreUnavailable
from bridge.scripting import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from arq.cron import CronJob
    from arq.typing import WorkerCoroutine
    from redis.asyncio import ConnectionPool

JOB = "work_lane"
POLL_S = 0.005
"""An idle bridge is to start a conversation within 15 ms at the median; arq's own half a second is for other work."""

BUSY_POLL_S = 0.05
"""The same while tickets are in this worker's hands: a lane that has just woken waits for a busy worker anyway."""

JOB_TIMEOUT_S = 60
"""A lane's job yields after a few seconds; one that does not is a bug, and arq ends it."""


ANY_TRY = 1_000
"""A job of a worker that was killed is run again by arq one day; it finds nothing to claim, and that is no failure."""


CRON_KEPT_S = 60
"""How long it is known that a cron's turn was had: a worker whose clock is behind must not have it again."""


@dataclass(frozen=True, slots=True)
class Cron:
    """What one worker of all does at these seconds of each minute. It needs a free slot, and may wait for one."""

    name: str
    step: Callable[[], Awaitable[None]]
    seconds: frozenset[int]
    timeout_s: float = 900.0
    """A page of a slow account, with the comments of all its tickets, must fit in."""


def to_end() -> bool:
    """Whether the task that asks was cancelled, and went on: a loop asks before its next turn.

    asyncio.wait_for on Python 3.11, with which redis-py sends, can lose a cancellation.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Worker(Worker):
    """arq's worker, which looks less often while it has its hands full.

    A job that runs stays in arq's queue, and each look at it costs three round trips; a busy loop is never behind its
    poll_delay and would look without a pause. The pause is in ``heart_beat`` because that ends each look.
    """

    busy: Callable[[], bool] = staticmethod(lambda: False)

    async def heart_beat(self) -> None:
        """As arq's, and a pause while busy. The last one once the loop was cancelled."""
        await super().heart_beat()
        if to_end():
            raise asyncio.CancelledError
        if self.busy():
            await asyncio.sleep(BUSY_POLL_S)


class Queue:
    """Sends wake-ups. One per process."""

    def __init__(self, connections: ConnectionPool, prefix: str = "bridge") -> None:
        # Not arq's create_pool: that one asks Redis at once, and a process is to start, and answer, while it is away.
        self._name = f"{prefix}:jobs"
        self._pool = ArqRedis(
            connections,
            job_serializer=orjson.dumps,
            job_deserializer=orjson.loads,
            default_queue_name=self._name,
        )

    async def wake(self, lane: str) -> None:
        """Send a job for the lane. Raises StoreUnavailable; then the sweep wakes the lane within a second."""
        try:
            await self._pool.enqueue_job(JOB, lane)
        except UNAVAILABLE as error:
            raise StoreUnavailable(type(error).__name__) from error

    def worker(
        self,
        work_lane: Callable[[str], Awaitable[None]],
        slots: int,
        busy: Callable[[], bool],
        crons: Sequence[Cron] = (),
    ) -> Worker:
        """An arq worker that runs ``work_lane`` for each job; signals, start and end are the caller's."""

        async def job(_: dict[str, Any], lane: str) -> None:
            await work_lane(lane)

        coroutine = cast("WorkerCoroutine", job)
        function = func(coroutine, name=JOB, timeout=JOB_TIMEOUT_S, keep_result=0, max_tries=ANY_TRY)
        worker = _Worker(
            functions=[function],
            cron_jobs=list(map(_cron_job, crons)),
            redis_pool=self._pool,
            queue_name=self._name,
            handle_signals=False,
            max_jobs=slots,
            poll_delay=POLL_S,
            job_serializer=orjson.dumps,
            job_deserializer=orjson.loads,
            log_results=False,
        )
        worker.busy = busy
        return worker


def _cron_job(one: Cron) -> CronJob:
    async def job(_: dict[str, Any]) -> None:
        await one.step()

    return cron(
        cast("WorkerCoroutine", job),
        name=one.name,
        second=set(one.seconds),
        timeout=one.timeout_s,
        keep_result=CRON_KEPT_S,
    )
