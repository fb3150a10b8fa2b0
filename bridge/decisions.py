"""What a person decided about a dead letter or an orphan, kept when the thing itself is gone. Pure.

The last decision on each is kept for ninety days; a letter's also stands on its ticket's timeline, as long as that is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import orjson

from bridge import stored


@dataclass(frozen=True, slots=True)
class Decision:
    """``what`` was done to the thing ``id``: replayed, discarded, claimed, or settled (it had nothing left to do).

    ``thing`` is dead-letter or orphan; ``because`` is why it was there, ``reason`` what the person said.
    """

    id: str
    thing: str
    what: str
    at_ms: int
    by: str
    ticket: str = ""
    about: str = ""
    because: str = ""
    reason: str = ""

    def dump(self) -> str:
        """As JSON text; ``load`` reads it back."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def load(cls, text: bytes | str) -> Decision:
        """Read what ``dump`` wrote, in whichever version."""
        return stored.read(cls, orjson.loads(text))

    def in_words(self) -> str:
        """For whoever comes later: ``it was discarded on 2026-11-20 at 14:02 UTC by ana: a test ticket``."""
        at = datetime.fromtimestamp(self.at_ms / 1000, UTC).strftime("%Y-%m-%d at %H:%M UTC")
        by = f" by {self.by}" if self.by else ""
        return f"it was {self.what} on {at}{by}{f': {self.reason}' if self.reason else ''}"
