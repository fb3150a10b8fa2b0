"""What people look at and decide: dead letters and orphans in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import orjson

from bridge.scripting import as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.letters import Letter
    from bridge.scripting import Scripts


class Records:
    """The records of one store."""

    def __init__(self, scripts: Scripts, wake_ms: int) -> None:
        self._scripts = scripts
        self._wake_ms = wake_ms

    async def letters(self) -> list[bytes]:
        """All dead letters, as JSON texts."""
        return list(await self._scripts.guard(self._scripts.redis.hvals(f"{self._scripts.prefix}:dead-letters")))

    async def letter(self, letter_id: str) -> bytes | None:
        """One dead letter, or None."""
        found = self._scripts.redis.hget(f"{self._scripts.prefix}:dead-letters", letter_id)
        return cast("bytes | None", await self._scripts.guard(found))

    async def link(self, ticket: str) -> bytes:
        """The ticket's link as it is stored; empty where there is none."""
        found = self._scripts.redis.hget(f"{self._scripts.prefix}:link:{ticket}", "state")
        return cast("bytes | None", await self._scripts.guard(found)) or b""

    async def amend(self, letter: Letter, expected: bytes, state: str, events: Sequence[str], told: str) -> str | None:
        """Change the link to ``state`` if it still is ``expected`` and nobody has it, and take the letter away.

        Returns the lane to wake, or an empty text; None where it was changed meanwhile.
        """
        request = {
            "ticket": letter.ticket,
            "lane": letter.lane,
            "expected": expected.decode(),
            "state": state,
            "events": list(events),
            "entries": [told],
            "unbury": [letter.id],
            "wake_ms": self._wake_ms,
        }
        verdict, lane = map(as_text, await self._scripts.run("amend", orjson.dumps(request)))
        return lane if verdict == "done" else None

    async def discard_letter(self, letter_id: str, reason: str, ticket: str = "", told: str = "") -> None:
        """Take a letter from the list."""
        await self._scripts.run("discard", letter_id, reason, ticket, told)

    async def orphans(self, project: str) -> list[tuple[str, int, list[bytes]]]:
        """The project's orphans, oldest first: conversation, since when (ms), events as stored."""
        key = f"{self._scripts.prefix}:orphans:{project}"
        rows = await self._scripts.guard(self._scripts.redis.zrange(key, 0, -1, withscores=True))
        return [(as_text(name), int(at), await self._orphan(project, as_text(name))) for name, at in rows]

    async def _orphan(self, project: str, conversation: str) -> list[bytes]:
        key = f"{self._scripts.prefix}:orphan:{project}:{conversation}"
        return list(await self._scripts.guard(self._scripts.redis.lrange(key, 0, -1)))

    async def claim_orphan(self, project: str, conversation: str, ticket: str, lane: str, told: str) -> tuple[str, str]:
        """Give an orphan's events to a ticket: (done, lane to wake), (gone, '') or (taken, the other ticket)."""
        verdict, detail = await self._scripts.run(
            "claim_orphan", project, conversation, ticket, lane, told, self._wake_ms
        )
        return as_text(verdict), as_text(detail)

    async def discard_orphan(self, project: str, conversation: str) -> bool:
        """Forget an orphan; whether there was one."""
        async with self._scripts.redis.pipeline(transaction=True) as pipe:
            pipe.delete(f"{self._scripts.prefix}:orphan:{project}:{conversation}")
            pipe.zrem(f"{self._scripts.prefix}:orphans:{project}", conversation)
            return bool((await self._scripts.guard(pipe.execute()))[1])
