"""The look at what is due, just when it is due: grants at the gates, lanes to wake, broken destinations to be tried.

Not an arq cron: those need a free slot. Every worker looks; what one has granted or woken the next finds done.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.credentials import try_repaired
from bridge.gates import credential
from bridge.protocol import shown
from workers.probing import probe

if TYPE_CHECKING:
    from bridge.protocol import BreakerChange, Due
    from bridge.wiring import App


class Turnstile:
    """The looks of one worker, at least every ``most_s``: another process may have set something due and died."""

    def __init__(self, app: App, most_s: float) -> None:
        self._app = app
        self._most_s = most_s
        self._next_ms: int | None = 0
        self._repaired = False
        self._probes: set[asyncio.Task[None]] = set()

    async def pause(self) -> None:
        """Until the next look is worth it."""
        next_ms, self._next_ms = self._next_ms, None
        await self._app.turns.pause(self._most_s, next_ms)

    async def look(self) -> None:
        """Grant, wake, try. Raises StoreUnavailable; then the next look does it."""
        if not self._repaired:
            await try_repaired(self._app)
            self._repaired = True
        due = await self._app.store.due(self._app.turns.worker)
        self._next_ms = due.next_ms
        self._app.turns.tell(due.granted)
        self._probe(due)
        for change in due.changes:
            told(self._app, change)
        for lane in due.wake:
            await self._app.queue.wake(lane)

    async def close(self) -> None:
        """Make no more probes: what they ask with is closed next."""
        for task in self._probes:
            task.cancel()
        await asyncio.gather(*self._probes, return_exceptions=True)

    def _probe(self, due: Due) -> None:
        for destination, name in due.probes:
            task = asyncio.create_task(probe(self._app, destination, name))
            self._probes.add(task)
            task.add_done_callback(self._probes.discard)


def told(app: App, change: BreakerChange) -> None:
    """A line of the log: one for each outage and its end, whatever it costs in tries."""
    facts = {"destination": shown(change.destination), "reason": change.reason}
    seconds = round(change.ms / 1000, 1)
    if change.change == "closed":
        app.log.warning("breaker closed", says=f"called again after {seconds:g} s", **facts)
    elif change.kind == "denied":
        app.log.error("credential refused", setting=credential(change.destination), **facts)
    elif change.kind == "wait":
        app.log.info("asked to wait", for_s=seconds, **facts)
    else:
        app.log.warning("breaker opened", for_s=seconds, **facts)
