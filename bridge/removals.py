"""What leaves Redis for good: what has been kept for as long as it is to be kept, and what a person asks to forget."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import orjson

from bridge.protocol import Retired, Trail, Trails
from bridge.scripting import as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.protocol import Keep, Whom
    from bridge.scripting import Scripts

MOST = 50
"""Removed of each kind in one script, so that no other script waits for long."""

HASH_KEY_BYTES = 32


class Removals:
    """The removals of one store."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def retire(self, keep: Keep, projects: Sequence[str], most: int = MOST) -> Retired:
        """Remove what is over, ``most`` of each kind. Safe from several processes at once."""
        request = self._request(keep, most) | {
            "ended": dict(keep.ended),
            "letters_ms": keep.letters,
            "orphans_ms": keep.orphans,
            "projects": list(projects),
        }
        counts, *notes = await self._scripts.run("retire", orjson.dumps(request))
        return Retired(orjson.loads(counts), tuple(map(orjson.loads, notes)))

    async def forget(self, whom: Whom, keep: Keep, *, preview: bool, most: int = MOST) -> Trails:
        """Remove what is kept of them, at most ``most`` tickets: repeat while more are left. ``preview``: only look."""
        request = self._request(keep, most) | {
            "tickets": whom.tickets,
            "people": whom.people,
            "orphans": whom.orphans,
            "preview": preview,
        }
        tickets, orphans, *rows = await self._scripts.run("forget", orjson.dumps(request))
        return Trails(tickets, orphans, tuple(map(_trail, rows)))

    @staticmethod
    def _request(keep: Keep, most: int) -> dict[str, Any]:
        return {
            "most": most,
            "tombstone_ms": keep.tombstones,
            "in_flight_ms": keep.in_flight,
            "hash_key": secrets.token_hex(HASH_KEY_BYTES),
        }


def _trail(row: list[Any]) -> Trail:
    ticket, state, held, events, entries, letters = row
    return Trail(as_text(ticket), state, held == 1, events, entries, letters)
