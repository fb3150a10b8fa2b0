"""Redis away, told by the process as a whole: once for each reason, then each minute, then that it is back.

Every path to Redis tells here what became of its command, so that no path has to say it by itself.
"""

from __future__ import annotations

import time
from contextvars import Context
from typing import TYPE_CHECKING, Any

from bridge.redis_errors import UNREACHED, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

AGAIN_S = 60.0
CALM_S = 2.0
"""So long nothing must have failed before it is said to be back: what was on its way may still fail."""

MIXED_S = 60.0
"""The same where some commands are answered and others are not, as those of a full server."""


REASONS_MOST = 10
"""Of one outage. There are a dozen in all (``bridge/redis_errors.py``)."""


class Outage:
    """What this process knows of its Redis. Silent without a ``log``: a command says itself what is wrong."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self.log: FilteringBoundLogger | None = None
        self.counted: Callable[[str], None] = lambda _: None
        """Told the reason of each error, as a word."""
        self._since: float | None = None
        self._failed = self._told = self._answered = self._ended = 0.0
        self._failures = 0
        self._mixed = False
        self._reasons: set[str] = set()

    def met(self, error: BaseException, reason: str) -> None:
        """The same where the error comes from Redis itself: it is counted here, once, and told wherever it gets to."""
        self.counted(reason_of(error))
        self.failed(reason)

    def failed(self, reason: str) -> None:
        """A command was not carried out; ``reason`` names the server."""
        now = self._monotonic()
        if self._since is None:
            self._begin(now)
            self._reasons.add(_kind(reason))
            self._tell("error", "redis unavailable", reason=reason)
        elif now - self._told >= AGAIN_S or self._is_new(reason):
            self._told = now
            self._tell("error", "redis still unavailable", reason=reason, **self._so_far(now))
        self._mixed = self._mixed or self._answered > self._failed
        self._failed, self._answered = now, 0.0
        self._failures += 1

    def answered(self) -> None:
        """A command was carried out."""
        if self._since is None:
            return
        now = self._monotonic()
        self._answered = self._answered or now
        if now - self._failed >= (MIXED_S if self._mixed else CALM_S):
            so_far, self._since, self._ended = self._so_far(self._answered), None, now
            self._tell("warning", "redis back", says=f"back after {so_far['for_s']} s", **so_far)

    def _is_new(self, reason: str) -> bool:
        """A server that could not be reached and now is full has another cure. A few are told, not each of many."""
        kind = _kind(reason)
        if kind in self._reasons or len(self._reasons) >= REASONS_MOST:
            return False
        self._reasons.add(kind)
        return True

    def _begin(self, now: float) -> None:
        # One that comes back at once was never over.
        self._mixed = bool(self._ended) and now - self._ended < MIXED_S
        self._since = self._told = now
        self._failures, self._answered = 0, 0.0
        self._reasons.clear()

    def _so_far(self, now: float) -> dict[str, int]:
        return {"for_s": round(now - (self._since or now)), "failures": self._failures}

    def _tell(self, level: str, event: str, **facts: Any) -> None:
        """Of no ticket, whichever it was that met it."""
        if self.log is not None:
            Context().run(getattr(self.log, level), event, **facts)


def _kind(reason: str) -> str:
    return "unreached" if any(words in reason for words in UNREACHED) else reason
