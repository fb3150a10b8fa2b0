"""Faults of our own in what runs again and again: each is counted, and logged at the 1st, 2nd, 4th, 8th … of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.wiring import App

ROW_S = 60.0
"""Failures that are further apart are none of a row."""


class Faults:
    """The failures in a row of one loop, named for the log. Its loop goes on, whatever one round raises."""

    def __init__(self, app: App, name: str) -> None:
        self._app = app
        self._name = name
        self.times = 0
        self._last_s = 0.0

    async def guard(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take the step. Nothing but a cancellation leaves here."""
        try:
            await step()
        except StoreUnavailable as error:
            self._app.metrics.redis_failures.inc()
            self._app.store.outage.failed(str(error))
        except Exception:
            self._app.metrics.faults.labels("").inc()
            if self.again():
                self._app.log.exception("bug", where=self._name, times=self.times)
        else:
            self.times = 0

    def again(self, now: float = 0.0) -> bool:
        """Count one more; whether it is to be logged. ``now``: of a loop that tells no success, where time tells it."""
        self.times = 1 if now - self._last_s > ROW_S else self.times + 1
        self._last_s = now
        return self.times & (self.times - 1) == 0
