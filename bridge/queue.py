"""arq: wake-ups for lanes, and what may wait for a free slot. The truth is the lane.

A job that is lost or late costs a second, no event. It carries a lane's name and nothing of a customer. Each has a
fresh id: the same id would be refused until the finished job has returned. An idle worker waits for the bell
(``bridge.bell``), and looks at the queue now and then for what did not ring.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import time_ns
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import orjson
from arq.connections import ArqRedis
from arq.constants import expires_extra_ms, job_key_prefix
from arq.cron import cron
from arq.jobs import serialize_job
from arq.worker import Worker, func

from bridge import redis_errors
from bridge.bell import Bell, Listener
from bridge.errors import StoreUnavailable
from bridge.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from arq.cron import CronJob
    from arq.typing import WorkerCoroutine
    from redis.asyncio import ConnectionPool

JOB = "work_lane"
LOOK_S = 0.5
"""How often an idle worker looks unasked: for a ring that was lost, jobs that are due later, and a sender of a version
before this one, which does not ring."""

POLL_S = 0.005
"""Between two looks at least, however often it rings."""

BUSY_POLL_S = 0.05
"""The same while tickets are in this worker's hands: a lane that has just woken waits for a busy worker anyway."""

EARLY_MS = 1_000
"""So much before now a job is due: by a clock that is behind ours, a worker would take it for one of later."""

SEND_S = 5.0
"""Longer than Redis may take for it (``bridge.connections``)."""

END_S = 1.0
JOBS_END_S = 5.0
"""How long arq's loop and its jobs may take to end by themselves."""

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

    On Python 3.11 asyncio.wait_for can lose a cancellation: arq awaits its jobs with it, redis-py asks Sentinels.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Worker(Worker):
    """arq's worker, which waits for the bell while it is idle and looks less often while it has its hands full.

    A job that runs stays in arq's queue, and each look at it costs three round trips; a busy loop is never behind its
    poll_delay and would look without a pause. The pause is in ``heart_beat`` because that ends each look.
    """

    busy: Callable[[], bool] = staticmethod(lambda: False)
    look_s = LOOK_S
    listener: Listener

    ending = False

    async def async_run(self) -> None:
        """As arq's. Cancelled, it takes no further job, and ends once those in hand have noted their end.

        Not arq's cancellation of its loop and nothing else: its jobs would go on after the pool was closed.
        """
        self.main_task = asyncio.create_task(self.main())
        try:
            await asyncio.shield(self.main_task)
        finally:
            self.ending = True
            await self.listener.close()
            await self._end()

    async def _end(self) -> None:
        loop = {self.main_task} if self.main_task else set()
        await asyncio.wait(loop, timeout=END_S)
        for task in loop:
            while not task.done():
                task.cancel()
                await asyncio.wait(loop, timeout=END_S)
        # Not cancelled: what a job has claimed, and not launched yet, would be held until the lease ends.
        if self.tasks:
            await asyncio.wait(self.tasks.values(), timeout=JOBS_END_S)

    async def heart_beat(self) -> None:
        """As arq's, and a pause. The last one once the loop is to end."""
        await super().heart_beat()
        self._ends_here()
        await self._pause()
        self._ends_here()

    def _ends_here(self) -> None:
        if self.ending:
            raise asyncio.CancelledError

    def idle(self) -> bool:
        """Whether a job would be begun at once."""
        return not self.busy() and self.job_counter < self.max_jobs

    async def _pause(self) -> None:
        if self.idle():
            await self.listener.wait(self.look_s)
        if self.busy():
            await asyncio.sleep(BUSY_POLL_S)
        elif not self.idle():
            await asyncio.wait(self.tasks.values(), timeout=BUSY_POLL_S, return_when=asyncio.FIRST_COMPLETED)


async def _to_its_end(sending: Coroutine[Any, Any, None]) -> None:
    """Send it even if whoever sends it is cancelled meanwhile, and let that wait.

    redis-py 5 never gives back the connection of a pipeline that is cancelled while it tidies up.
    """
    task = asyncio.create_task(sending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=SEND_S)
        if task.done() and not task.cancelled():
            task.exception()
        raise


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
        self.bell = Bell(self._pool, prefix)
        self.outage = Outage()

    async def wake(self, lane: str) -> None:
        """Send a job for the lane. Raises StoreUnavailable; then the sweep wakes the lane within a second."""
        try:
            await _to_its_end(self._send(lane))
        except redis_errors.ERRORS as error:
            meant = self.understood(error)
            if meant is error:
                raise
            raise meant from None

    def understood(self, error: BaseException) -> BaseException:
        """What an error of redis-py's, or of arq's for it, means to us."""
        meant = redis_errors.understood(error, redis_errors.address(self._pool.connection_pool))
        if isinstance(meant, StoreUnavailable):
            self.outage.met(error, str(meant))
        return meant

    async def _send(self, lane: str) -> None:
        """As arq's enqueue_job, but for its two questions whether a fresh id is taken; with the ring, in one step."""
        job_id, now_ms = uuid4().hex, time_ns() // 1_000_000
        job = serialize_job(JOB, (lane,), {}, None, now_ms, serializer=orjson.dumps)
        async with self._pool.pipeline(transaction=True) as pipe:
            pipe.psetex(f"{job_key_prefix}{job_id}", expires_extra_ms, job)
            pipe.zadd(self._name, {job_id: now_ms - EARLY_MS})
            self.bell.ring(pipe)
            await pipe.execute()

    def worker(
        self,
        work_lane: Callable[[str], Awaitable[None]],
        slots: int,
        busy: Callable[[], bool],
        crons: Sequence[Cron] = (),
        *,
        look_s: float = LOOK_S,
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
        worker.busy, worker.look_s = busy, look_s
        worker.listener = Listener(self.bell, worker.idle)
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
