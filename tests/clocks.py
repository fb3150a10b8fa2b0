"""Clocks that a test moves, so that it need not sit through a time nor race against one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from bridge.wiring import App

TWO_DAYS_MS = 172_800_000
"""Longer than the day after which an account gives up."""


@dataclass
class WallClock:
    """A bridge's wall clock, which may be put forward. The scripts in Redis keep their own."""

    ahead_ms: int = 0

    def __call__(self, app: App) -> App:
        """The same bridge, by this clock."""
        return replace(app, now_ms=lambda: app.now_ms() + self.ahead_ms)


class LoopClock:
    """The clock of the running event loop, by which every time limit in it ends; it may be put forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        real = loop.time
        self.ahead_s = 0.0
        monkeypatch.setattr(loop, "time", lambda: real() + self.ahead_s)

    async def pass_s(self, by_s: float) -> None:
        """Time passes: what was due by then is done."""
        self.ahead_s += by_s
        for _ in range(TURNS):
            await asyncio.sleep(0)


TURNS = 20
"""Of the loop, so that an exception has come through a few tasks."""
