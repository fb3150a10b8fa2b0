"""What holds starts back, in this worker's log: when it is first seen, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.brake import noted
from bridge.protocol import LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.wiring import App


@dataclass
class BrakeLog:
    """What was seen last."""

    app: App
    _seen: Mapping[str, str] = field(default_factory=dict)

    def tell(self, paused: Mapping[str, str]) -> None:
        """A line for each change since the last look; a process that starts tells what it finds."""
        before, self._seen = self._seen, dict(paused)
        for name in sorted(name for name, text in paused.items() if before.get(name) != text):
            self._begun(name, paused[name])
        for name in sorted(before.keys() - paused.keys()):
            self._over(name, before[name])

    def _begun(self, name: str, text: str) -> None:
        if told := noted(name, text):
            self.app.log.warning("starts limited" if name == LIMIT else "starts paused", **told)

    def _over(self, name: str, text: str) -> None:
        if told := noted(name, text):
            self.app.log.info("starts not limited" if name == LIMIT else "starts resumed", **told)
