"""What people look at and decide: dead letters and orphans in Redis, and what was decided about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson

from bridge.correlate import other_keys
from bridge.pages import Place
from bridge.scripting import as_text, new_hash_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.decisions import Decision
    from bridge.letters import Letter
    from bridge.scripting import Scripts


class Records:
    """The records of one store."""

    def __init__(self, scripts: Scripts, wake_ms: int) -> None:
        self._scripts = scripts
        self._wake_ms = wake_ms

    def _key(self, *names: str) -> str:
        return ":".join((self._scripts.prefix, *names))

    async def _page(self, name: str, after: Place | None, most: int) -> list[Place]:
        at, behind = (str(after.at_ms), after.name) if after else ("+inf", "")
        found = await self._scripts.run("page", name, at, behind, most)
        return [Place(int(at), as_text(one)) for one, at in zip(found[::2], found[1::2], strict=True)]

    async def _texts(self, name: str, ids: Sequence[str]) -> list[bytes | None]:
        if not ids:
            return []
        return list(await self._scripts.guard(self._scripts.redis.hmget(self._key(name), list(ids))))

    async def _told(self, name: str, after: Place | None, most: int) -> list[tuple[Place, bytes]]:
        places = await self._page(f"{name}-by-time", after, most)
        texts = await self._texts(name, [place.name for place in places])
        # One that went between the two looks is left out.
        return [(place, text) for place, text in zip(places, texts, strict=True) if text is not None]

    # -- dead letters -------------------------------------------------------------------------------------------------

    async def letters(self, after: Place | None, most: int) -> list[tuple[Place, bytes]]:
        """Up to ``most`` dead letters, newest first, behind ``after``, as JSON texts."""
        return await self._told("dead-letters", after, most)

    async def letter(self, letter_id: str) -> bytes | None:
        """One dead letter, or None."""
        return (await self._texts("dead-letters", [letter_id]))[0]

    async def link(self, ticket: str) -> bytes:
        """The ticket's link as it is stored; empty where there is none."""
        found = self._scripts.redis.hget(self._key("link", ticket), "state")
        return cast("bytes | None", await self._scripts.guard(found)) or b""

    async def amend(
        self, letter: Letter, expected: bytes, state: str, events: Sequence[str], told: str, decision: Decision
    ) -> tuple[str, str]:
        """Change the link to ``state`` if it still is ``expected`` and nobody has it, and take the letter away.

        Returns the verdict and the lane to wake, or an empty text; the verdict is done, gone or changed.
        """
        request = {
            "ticket": letter.ticket,
            "lane": letter.lane,
            "expected": expected.decode(),
            "state": state,
            "events": list(events),
            "entries": [told],
            "letter": letter.id,
            "at_ms": letter.at_ms,
            "decision": decision.dump(),
            "wake_ms": self._wake_ms,
        }
        verdict, lane = map(as_text, await self._scripts.run("amend", orjson.dumps(request)))
        return verdict, lane

    async def discard_letter(self, letter: Letter, told: str, decision: Decision) -> str:
        """Take a letter from the list if it still is this one: done, gone or changed."""
        return await self._decided("discard", letter.id, letter.at_ms, letter.ticket, told, decision.dump())

    async def _decided(self, script: str, *args: Any) -> str:
        return as_text(await self._scripts.run(script, *args))

    # -- decisions ----------------------------------------------------------------------------------------------------

    async def decision(self, thing_id: str) -> bytes | None:
        """What was last decided about this letter or orphan, or None."""
        return (await self._texts("decisions", [thing_id]))[0]

    async def decisions(self, after: Place | None, most: int) -> list[tuple[Place, bytes]]:
        """Up to ``most`` decisions, newest first, behind ``after``, as JSON texts."""
        return await self._told("decisions", after, most)

    # -- orphans ------------------------------------------------------------------------------------------------------

    async def orphans(self, project: str, after: Place | None, most: int) -> list[tuple[Place, list[bytes]]]:
        """Up to ``most`` orphans of the project, newest first: its name in the store, and its events as stored."""
        places = await self._page(f"orphans:{project}", after, most)
        async with self._scripts.redis.pipeline(transaction=False) as pipe:
            for place in places:
                pipe.lrange(self._key("orphan", project, place.name), 0, -1)
            texts = await self._scripts.guard(pipe.execute())
        return [(place, found) for place, found in zip(places, texts, strict=True) if found]

    async def orphan(self, project: str, name: str) -> list[bytes]:
        """The events of one orphan as stored; none where there is no such."""
        return list(await self._scripts.guard(self._scripts.redis.lrange(self._key("orphan", project, name), 0, -1)))

    async def orphan_names(self, project: str) -> list[str]:
        """The names of all orphans of the project."""
        found = await self._scripts.guard(self._scripts.redis.zrange(self._key("orphans", project), 0, -1))
        return list(map(as_text, found))

    async def claim_orphan(  # noqa: PLR0917 - as the script takes them
        self, project: str, name: str, ticket: str, lane: str, told: str, decision: Decision, people: Sequence[str] = ()
    ) -> tuple[str, str]:
        """Give an orphan's events to a ticket: (done, lane to wake), (gone, '') or (taken, the other ticket).

        ``people``: whose events they are; see ``scripts/forget_decisions.lua``.
        """
        decided = decision.id, decision.dump(), orjson.dumps(people), new_hash_key()
        verdict, detail = await self._scripts.run(
            "claim_orphan", project, name, ticket, lane, told, self._wake_ms, *decided
        )
        return as_text(verdict), as_text(detail)

    async def unasked(
        self, ticket: str, project: str, conversation: str, contact: str, back_to: str, told: str
    ) -> tuple[str, str, str]:
        """What becomes of an orphan that is worked as ``ticket``: (verdict, a ticket or '', lane to wake or '').

        The verdicts are those of ``scripts/unasked.lua``: gone, busy, back, given, open.
        """
        also = orjson.dumps(other_keys(contact))
        args = (ticket, project, conversation, contact, back_to, told, self._wake_ms, also)
        verdict, other, wake = await self._scripts.run("unasked", *args)
        return as_text(verdict), as_text(other), as_text(wake)

    async def give_orphan(self, project: str, conversation: str, ticket: str, lane: str, told: str) -> tuple[str, str]:
        """Give an orphan to the ticket that was opened for it: (done, lane to wake or '') or (gone, '')."""
        args = (project, conversation, ticket, lane, told, self._wake_ms)
        verdict, wake = await self._scripts.run("give_orphan", *args)
        return as_text(verdict), as_text(wake)

    async def discard_orphan(
        self, project: str, name: str, seen: int, decision: Decision, people: Sequence[str] = ()
    ) -> str:
        """Forget an orphan of which ``seen`` events were shown: done, gone or changed. ``people`` as above."""
        decided = decision.id, decision.dump(), orjson.dumps(people), new_hash_key()
        return await self._decided("discard_orphan", project, name, seen, *decided)
