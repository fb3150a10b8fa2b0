"""Who waits here for its turn at a gate, and when to look for it next. No I/O: ``workers.turnstile`` looks."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAUSE_LEAST_S = 0.02
"""Between two looks. What is granted in one is enough for longer, and a busy gate would be looked at all the time."""


@dataclass
class Turns:
    """The turns of this process. ``worker`` is its name at the gates; while it is empty nobody looks for grants."""

    worker: str = ""
    _waiting: dict[tuple[str, str], asyncio.Future[int]] = field(default_factory=dict)
    _nudge: asyncio.Event = field(default_factory=asyncio.Event)
    _look_at: float = 0.0
    resting: int = 0
    """How many tickets in this process wait for a call's turn or for its answer, and cost it nothing just now."""

    @contextmanager
    def rest(self) -> Iterator[None]:
        """One more ticket waits, for the length of the block."""
        self.resting += 1
        try:
            yield
        finally:
            self.resting -= 1

    def expect(self, in_ms: float) -> None:
        """Something is due then: look no later."""
        at = asyncio.get_running_loop().time() + in_ms / 1000
        if at < self._look_at:
            self._look_at = at
            self._nudge.set()

    async def pause(self, most_s: float, next_ms: int | None = None) -> None:
        """Until the next look: ``next_ms`` from now, when ``expect`` says so, and no later than ``most_s``."""
        loop = asyncio.get_running_loop()
        pause_s = most_s if next_ms is None else min(most_s, next_ms / 1000)
        least, self._look_at = loop.time() + PAUSE_LEAST_S, loop.time() + pause_s
        while (left_s := max(self._look_at, least) - loop.time()) > 0:
            self._nudge.clear()
            try:
                async with asyncio.timeout(left_s):
                    await self._nudge.wait()
            except TimeoutError:
                return

    async def granted(self, destination: str, ticket: str, within_s: float) -> float | None:
        """Seconds until the moment that it is granted; None where it is not granted in that time."""
        place = destination, ticket
        future = self._waiting[place] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within_s):
                in_ms: int = await future
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(place, None)
        return in_ms / 1000

    def tell(self, granted: Iterable[tuple[str, str, int]]) -> None:
        """Who waits here and may go after so many ms. Whoever waits no more asks again by itself."""
        for destination, ticket, in_ms in granted:
            future = self._waiting.get((destination, ticket))
            if future is not None and not future.done():
                future.set_result(in_ms)
