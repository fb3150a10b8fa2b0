"""Tickets at the gate, turn by turn, on a clock that moves when told."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

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
        """Claim what is due in the lane, try each call, finish each ticket; the verdicts by ticket."""
        batch = await self.store.claim(lane, "job", 100)
        verdicts: dict[str, Verdict] = {}
        for one in batch.tickets:
            mark = Mark(one.ticket, lane, one.token, "{}", (), gate=gate or five_a_second(lane))
            verdict = verdicts[one.ticket] = await self.store.mark(mark)
            went = verdict.verdict == "go"
            outcomes = ((DESTINATION, outcome, ms, "why"),) if went and outcome else ()
            wait, due = ("", 0) if went else ("firm", int(verdict.detail))
            await self.store.finish(
                Finish(
                    one.ticket, lane, one.token, "{}", int(went), 0, 0, (), wait=wait, due_in_ms=due, outcomes=outcomes
                )
            )
        return verdicts


def five_a_second(lane: str, *more: tuple[str, float, int]) -> Gate:
    """Five calls a second, five at once."""
    return Gate(DESTINATION, lane, 200.0, 5, more)


def went(verdicts: dict[str, Verdict]) -> int:
    """How many calls went out."""
    return Counter(one.verdict for one in verdicts.values())["go"]
