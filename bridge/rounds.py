"""What goes round by itself and remembers it in Redis: the reconciler's windows, its calls, who is silent.

``bridge.reconciling`` and ``bridge.hearing`` decide; here it is kept. Raises StoreUnavailable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from bridge.protocol import EVERY, LIMIT, Verdict
from bridge.scripting import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.protocol import Gate, Outcome
    from bridge.scripting import Scripts


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a fact that a helpdesk tells: ``verdict`` new, known or gone; ``state`` is the ticket's link."""

    verdict: str
    state: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A ticket whose conversation is held to be open, and that Jelou is to be asked for."""

    ticket: str
    lane: str
    state: bytes = field(repr=False)


class Rounds:
    """The rounds on one store."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def _key(self, *names: str) -> str:
        return ":".join((self._scripts.prefix, *names))

    # -- the reconciler -----------------------------------------------------------------------------------------------

    async def pass_gate(self, name: str, gate: Gate | None, outcomes: Sequence[Outcome]) -> Verdict:
        """Ask for a call that changes nothing of a ticket: go, soon, paced or broken; see ``Verdict``.

        ``name`` is a ticket that is held, or a caller of its own.

        ``outcomes`` tell the breaker what became of calls before; without a gate that is all.
        """
        told = [one.dump() for one in outcomes]
        asked = orjson.dumps(gate or False)
        return Verdict(*map(as_text, await self._scripts.run("pass_gate", name, asked, orjson.dumps(told))))

    async def known(self, facts: Sequence[tuple[str, str]]) -> list[Known]:
        """Of each (ticket, fact) whether it is new, with the ticket's link. Reads only."""
        found = await self._scripts.run("known", orjson.dumps(facts))
        return [Known(as_text(verdict), state) for verdict, state in found]

    async def doubt(self, project: str, account: str, older_ms: int, most: int, *, preview: bool) -> list[Doubt]:
        """Take the open conversations of which nobody has asked Jelou for so long. ``preview``: only look."""
        found = await self._scripts.run("doubt", project, account, older_ms, most, int(preview))
        return [Doubt(as_text(ticket), as_text(lane), state) for ticket, lane, state in found]

    async def looks_due(self, project: str, first_ms: int, most: int) -> list[Doubt]:
        """Take the open conversations that Jelou is to be asked for by now."""
        found = await self._scripts.run("looks_due", project, first_ms, most)
        return [Doubt(as_text(ticket), as_text(lane), state) for ticket, lane, state in found]

    async def window(self, account: str) -> bytes:
        """What was noted of the account's last look, as JSON text; empty where there was none."""
        return await self._scripts.guard(self._scripts.redis.hget(self._key("reconciled"), account)) or b""

    async def windows(self) -> dict[str, bytes]:
        """The same of all accounts."""
        return await self._all("reconciled")

    async def note_window(self, account: str, window: bytes) -> None:
        """Note how far the account was looked at."""
        await self._scripts.guard(self._scripts.redis.hset(self._key("reconciled"), mapping={account: window}))

    async def take_turn(self, name: str, for_ms: int) -> bool:
        """Whether it is this process' turn: nobody else's for so long, or until it is given back."""
        return bool(await self._scripts.run("take_turn", name, for_ms))

    async def keep_turn(self, name: str, for_ms: int) -> None:
        """Keep the turn for so long: nobody has it meanwhile."""
        await self._scripts.guard(self._scripts.redis.set(self._key("turn", name), 1, px=for_ms))

    async def give_back(self, name: str) -> None:
        """The next one may have its turn."""
        await self._scripts.guard(self._scripts.redis.delete(self._key("turn", name)))

    # -- silence ------------------------------------------------------------------------------------------------------

    async def heard(self, senders: Sequence[str]) -> dict[str, dict[int, int]]:
        """Of each sender how many deliveries came, by ten minutes since 1970."""
        async with self._scripts.redis.pipeline(transaction=False) as pipe:
            for sender in senders:
                pipe.hgetall(self._key("heard", sender))
            found = await self._scripts.guard(pipe.execute())
        return {
            sender: {int(bucket): int(count) for bucket, count in counts.items()}
            for sender, counts in zip(senders, found, strict=True)
        }

    async def silent(self) -> dict[str, bytes]:
        """Who is silent, with what was noted of it as JSON text."""
        return await self._all("silent")

    async def note_silent(self, begun: Mapping[str, bytes], ended: Sequence[str]) -> None:
        """Note who is silent from now on, and who is not any more."""
        async with self._scripts.redis.pipeline(transaction=False) as pipe:
            if begun:
                pipe.hset(self._key("silent"), mapping=dict(begun))
            if ended:
                pipe.hdel(self._key("silent"), *ended)
            await self._scripts.guard(pipe.execute())

    async def paused(self) -> set[str]:
        """The accounts whose starts are held back."""
        return set(await self._all("paused")) - {EVERY, LIMIT}

    async def _all(self, *names: str) -> dict[str, bytes]:
        found: dict[bytes, Any] = await self._scripts.guard(self._scripts.redis.hgetall(self._key(*names)))
        return {as_text(name): value for name, value in found.items()}
