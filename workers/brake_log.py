"""What holds starts back, in this worker's log: when it is first seen, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge import fullness
from bridge.brake import noted
from bridge.protocol import LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.wiring import App

ROOM = fullness.STARTS_AT - 20
"""Below this it is over: what goes to and fro at the border is one time."""


@dataclass
class BrakeLog:
    """What was seen last."""

    app: App
    _seen: Mapping[str, str] = field(default_factory=dict)
    _held_back: int = 0

    def tell(self, paused: Mapping[str, str], memory: int = 0) -> None:
        """A line for each change since the last look; a process that starts tells what it finds."""
        self._tell_memory(memory)
        before, self._seen = self._seen, dict(paused)
        for name in sorted(name for name, text in paused.items() if before.get(name) != text):
            self._begun(name, paused[name])
        for name in sorted(before.keys() - paused.keys()):
            self._over(name, before[name])

    def _tell_memory(self, used: int) -> None:
        steps = sum(used >= at for at in fullness.WORDS)
        if steps > self._held_back:
            self._held_back = steps
            self.app.log.warning("redis full", says=fullness.in_words(used))
        elif self._held_back and used < ROOM:
            self._held_back = 0
            self.app.log.warning("redis has room", says="starts and deliveries go on")

    def _begun(self, name: str, text: str) -> None:
        if told := noted(name, text):
            self.app.log.warning("starts limited" if name == LIMIT else "starts paused", **told)

    def _over(self, name: str, text: str) -> None:
        if told := noted(name, text):
            self.app.log.info("starts not limited" if name == LIMIT else "starts resumed", **told)
