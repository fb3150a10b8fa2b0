"""Tickets at the gate, turn by turn, on a clock that moves when told."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from bridge.protocol import Finish, Gate, Incoming, Mark
from bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from redis.asyncio import Redis

    from bridge.protocol import Claimed, Verdict

CLOCK = "local function now() return tonumber(redis.call('GET', KEYS[1] .. ':clock')) end"
DESTINATION = "jelou:soporte"


class Desk:
    """A store whose clock moves when told, with tickets in lanes and a gate of five calls a second."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.redis = redis
        self.prefix = prefix
        self.store = Store(redis, prefix=prefix, clock=CLOCK)
        self.now = 1_000_000

    async def at(self, now: int) -> None:
        """Move the clock."""
        self.now = now
        await self.redis.set(f"{self.prefix}:clock", now)

    async def until(self) -> int:
        """When the breaker lets a probe go."""
        key = f"{self.prefix}:breaker:{DESTINATION}"
        found = await cast("Awaitable[bytes]", self.redis.hget(key, "until"))
        return int(found)

    async def open(self, lane: str, *tickets: str) -> None:
        """Give each ticket an event."""
        for ticket in tickets:
            await self.store.accept(f"d-{ticket}", ticket, 60, [Incoming(ticket, lane, "f", '"e"', "{}", "{}")])

    async def pass_by(self, claimed: Claimed, gate: Gate) -> Verdict:
        """Try a call at this gate with a ticket in hand, and keep it in hand."""
        return await self.store.mark(Mark(claimed.ticket, claimed.lane, claimed.token, "{}", (), gate=gate))

    async def turn(self, lane: str, outcome: str = "ok", gate: Gate | None = None, ms: int = 0) -> dict[str, Verdict]:
        """Look, claim what is due in the lane, try each call, finish each ticket; the verdicts by ticket."""
        await self.store.due()
        batch = await self.store.claim(lane, "job", 2_000)
        verdicts: dict[str, Verdict] = {}
        for one in batch.tickets:
            gate = gate or five_a_second(lane)
            verdict = verdicts[one.ticket] = await self.pass_by(one, gate)
            await self._finish(one, gate, verdict, outcome, ms)
        return verdicts

    async def _finish(self, one: Claimed, gate: Gate, verdict: Verdict, outcome: str, ms: int) -> None:
        went, waits = verdict.verdict == "go", verdict.verdict in {"paced", "broken"}
        finish = Finish(one.ticket, one.lane, one.token, "{}", int(went), 0, 0, ())
        await self.store.finish(
            replace(
                finish,
                outcomes=((gate.destination, outcome, ms, "why"),) if went and outcome else (),
                wait="" if went else "firm",
                due_in_ms=0 if went else FAR_MS,
                wanted=(gate.destination,) if waits else (),
            )
        )


FAR_MS = 3_600_000
"""No ticket asks again by itself while a test looks: each comes because it was granted its turn."""


def five_a_second(lane: str, *more: tuple[str, float, int], burst: int = 5, **changes: Any) -> Gate:
    """Five calls a second, five at once, each granted at its moment."""
    return Gate(DESTINATION, lane, 200.0, burst, more, lead_ms=0, **changes)


def went(verdicts: dict[str, Verdict]) -> int:
    """How many calls went out."""
    return Counter(one.verdict for one in verdicts.values())["go"]
