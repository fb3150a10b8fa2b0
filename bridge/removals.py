"""What leaves Redis for good: what has been kept for as long as it is to be kept, and what a person asks to forget.

Nothing of it holds Redis for long: each script takes a little, and is run again for the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from bridge.protocol import Retired, Trail, Trails
from bridge.scripting import as_text, new_hash_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from bridge.protocol import Keep, Whom
    from bridge.scripting import Scripts

MOST = 50
"""Tickets, letters and orphans that one script looks at: some 5 ms, for which no other script runs."""

DECISIONS_MOST = 200
"""Decisions that one script reads."""

TICKETS_MOST = 2_000
"""Tickets whose decisions are looked for at a time."""


class Removals:
    """The removals of one store."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def retire(self, keep: Keep, projects: Sequence[str], most: int = MOST) -> Retired:
        """Remove what is over, looking at ``most``. Safe from several processes at once."""
        request = self._request(keep) | {
            "most": most,
            "ended": dict(keep.ended),
            "letters_ms": keep.letters,
            "orphans_ms": keep.orphans,
            "projects": list(projects),
        }
        counts, dropped, more, *notes = await self._scripts.run("retire", orjson.dumps(request))
        texts = list(map(as_text, dropped))
        return Retired(
            orjson.loads(counts),
            tuple(map(orjson.loads, notes)),
            dropped=dict(zip(texts[::2], map(int, texts[1::2]), strict=True)),
            more=more == 1,
        )

    async def forget(self, whom: Whom, keep: Keep, *, preview: bool, most: int = MOST) -> Trails:
        """Remove what is kept of them, ``most`` in one script. ``preview``: only look, and show as many."""
        names = list(dict.fromkeys([*whom.tickets, *[name async for name in self._tickets(whom)]]))
        if not preview:
            await self._forget_decisions(names, [person for person, _ in whom.people])
        found: dict[str, Trail] = {}
        orphans = 0
        # Once at least: what could not be read goes whoever is meant.
        for tickets, some_orphans in _batches(names, whom.orphans, most):
            orphans += await self._forget(tickets, some_orphans, keep, found, preview=preview)
        shown = list(found.values())
        return Trails(len(shown), orphans, tuple(shown[:most] if preview else shown))

    async def _forget(
        self,
        tickets: Sequence[str],
        orphans: Sequence[tuple[str, str, str]],
        keep: Keep,
        found: dict[str, Trail],
        *,
        preview: bool,
    ) -> int:
        """One batch, until nothing is left of it. Adds to ``found``; returns how many of the orphans there were."""
        told: int | None = None
        while told is None or tickets:
            request = self._request(keep) | {"tickets": tickets, "orphans": orphans, "preview": preview}
            there, *rows = await self._scripts.run("forget", orjson.dumps(request))
            told = there if told is None else told
            for row in rows:
                found.setdefault(as_text(row[0]), _trail(row))
            tickets = [as_text(row[0]) for row in rows if row[-1] == 1]
        return told

    async def _tickets(self, whom: Whom) -> AsyncIterator[str]:
        """The tickets of people, as they are noted; never all in one step of Redis'."""
        for person, accounts in whom.people:
            key = f"{self._scripts.prefix}:person:{person}"
            cursor = None
            while cursor != 0:
                cursor, names = await self._scripts.guard(self._scripts.redis.sscan(key, cursor or 0, count=500))
                for name in map(as_text, names):
                    if not accounts or name.startswith(tuple(f"{account}/" for account in accounts)):
                        yield name

    async def _forget_decisions(self, tickets: Sequence[str], people: Sequence[str]) -> None:
        for first in range(0, max(len(tickets), 1), TICKETS_MOST):
            some = tickets[first : first + TICKETS_MOST]
            newer, more = 0, True
            while more:
                request = {"tickets": some, "people": people, "newer": newer, "most": DECISIONS_MOST}
                stay, left = await self._scripts.run("forget_decisions", orjson.dumps(request))
                newer, more = newer + stay, left == 1

    @staticmethod
    def _request(keep: Keep) -> dict[str, Any]:
        return {
            "tombstone_ms": keep.tombstones,
            "in_flight_ms": keep.in_flight,
            "hash_key": new_hash_key(),
        }


def _batches(
    tickets: Sequence[str], orphans: Sequence[tuple[str, str, str]], most: int
) -> Iterator[tuple[Sequence[str], Sequence[tuple[str, str, str]]]]:
    """Both cut into pieces of ``most``; one piece at least."""
    for first in range(0, max(len(tickets), len(orphans), 1), most):
        yield tickets[first : first + most], orphans[first : first + most]


def _trail(row: list[Any]) -> Trail:
    ticket, state, held, events, entries, letters, _ = row
    return Trail(as_text(ticket), state, held == 1, events, entries, letters)
