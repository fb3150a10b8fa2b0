"""Carries events in the background: in their own time, or as the fault of an event says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import ClientSession, DummyCookieJar, TCPConnector

from bridge.twins.faults import NO_EVENT_FAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bridge.twins.faults import EventFault

    Deliver = Callable[[EventFault], Coroutine[None, None, None]]

CONNECTIONS = 64


class Courier:
    """Owns every delivery that is under way. A delivery records its own outcome and raises nothing."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[str, list[tuple[Deliver, EventFault]]] = {}

    @property
    def session(self) -> ClientSession:
        """The connections to the webhook; made when first needed."""
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=CONNECTIONS), cookie_jar=DummyCookieJar(), auto_decompress=False
            )
        return self._session

    def dispatch(self, key: str, deliver: Deliver, fault: EventFault = NO_EVENT_FAULT) -> asyncio.Task[None] | None:
        """Set an event on its way. ``key`` names what it is about; a held one follows the next of the same key.

        Returns the delivery to be waited for where the event is to be early, else None.
        """
        if fault.held:
            self._held.setdefault(key, []).append((deliver, fault))
            return None
        task = self._spawn(self._carry(key, deliver, fault))
        return task if fault.early else None

    async def settle(self) -> None:
        """Wait until every event has been delivered, those held back and those due later included."""
        while self._tasks or self._held:
            if not self._tasks:
                self._release(*self._held)
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        """Cancel what is under way and close the connections."""
        self._held.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _carry(self, key: str, deliver: Deliver, fault: EventFault) -> None:
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if fault.copies == 1:
            await deliver(fault)
        else:
            await asyncio.gather(*(deliver(fault) for _ in range(fault.copies)))
        if self._held:
            self._release(key)

    def _release(self, *keys: str) -> None:
        for key in keys:
            for deliver, fault in self._held.pop(key, ()):
                self._spawn(deliver(fault))

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
