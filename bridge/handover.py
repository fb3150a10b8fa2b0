"""A project's handed-over secrets as one process knows them: at most a second old, and one question at a time.

Whoever sends wrong signatures costs at most one question to Redis in a second, whether or not Redis answers.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.rotations import Rotation, Rotations

FRESH_S = 1.0
HEARD_S = 1.5
"""After this, every process that is asked knows what was noted: an answer is no older than ``FRESH_S``, and a question
takes no longer than that."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, when it was asked, and what came of it: the error where Redis did not answer."""

    at_s: float
    answer: asyncio.Task[Rotation | StoreUnavailable]


class Handover:
    """What this process knows of each project's rotation. ``monotonic`` in s, ``now_ms`` in Unix ms."""

    def __init__(self, rotations: Rotations, monotonic: Callable[[], float], now_ms: Callable[[], int]) -> None:
        self._rotations = rotations
        self._monotonic = monotonic
        self._now_ms = now_ms
        self._asked: dict[str, _Asked] = {}
        self._last: dict[str, Rotation] = {}

    async def known(self, project: str, within_s: float = FRESH_S) -> Rotation:
        """What is known, no older than ``within_s``. Raises StoreUnavailable."""
        asked = self._asked.get(project)
        if asked is None or (asked.answer.done() and self._monotonic() - asked.at_s >= within_s):
            asked = self._asked[project] = _Asked(self._monotonic(), asyncio.create_task(self._ask(project)))
        # Shielded: others wait for the same answer.
        answer = await asyncio.shield(asked.answer)
        if isinstance(answer, StoreUnavailable):
            raise StoreUnavailable(str(answer))
        return answer

    def fresh(self, project: str) -> Rotation | None:
        """What is known without asking; None where that is nothing, or too old."""
        asked = self._asked.get(project)
        if asked is None or not asked.answer.done() or self._monotonic() - asked.at_s >= FRESH_S:
            return None
        answer = asked.answer.result()
        return None if isinstance(answer, StoreUnavailable) else answer

    async def _ask(self, project: str) -> Rotation | StoreUnavailable:
        try:
            async with asyncio.timeout(FRESH_S):
                found = await self._rotations.known(project)
        except StoreUnavailable as error:
            return error
        except TimeoutError:
            return StoreUnavailable("no answer in time")
        return self._kept(project, found)

    def _kept(self, project: str, found: Rotation) -> Rotation:
        """A Redis that was emptied does not take from this process what it had been handed."""
        last = self._last.get(project)
        if found.secrets:
            self._last[project] = found
        elif last and last.until_ms > self._now_ms():
            return replace(last, rotating=found.rotating)
        return found
