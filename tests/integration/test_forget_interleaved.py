"""Forgetting and retention in any order with everything else: one start, and nothing of the forgotten ever again."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tests.personal import PHONE, TICKET, evidence, left, named
from tests.steps import DAY_MS, Steps

if TYPE_CHECKING:
    from bridge.protocol import Claimed

_numbers = itertools.count(1)


@dataclass
class World:
    """Workers that do as ours do, a Jelou that tells of each start, and somebody who asks to forget."""

    steps: Steps
    hands: list[Claimed] = field(default_factory=list)
    marked: list[Claimed] = field(default_factory=list)
    sent: int = 0
    told: bool = False
    forgotten: bool = False

    async def accept(self) -> None:
        """The ticket is told, for the first time or again."""
        await self.steps.accept("mariposa", ticket=TICKET, fact="opened mariposa", person=PHONE)

    async def claim(self) -> None:
        """A worker takes what is due."""
        self.hands += (await self.steps.claim()).tickets

    async def mark(self) -> None:
        """It asks before it sends; what was sent before, or is over, is not sent."""
        claimed = self.hands.pop(0) if self.hands else None
        if claimed is None:
            return
        if claimed.state or not claimed.inbox:
            state = claimed.state.decode().replace("marked", "unknown")
            adopt = ("c-77",) if claimed.evidence else ()
            await self.steps.finish(claimed, **named(adopt=adopt, state=state, wait="firm", due_in_ms=9_000))
        elif (await self.steps.mark(claimed, contact=PHONE)).verdict == "go":
            self.marked.append(claimed)
            self.sent += 1

    async def finish(self) -> None:
        """The answer has come; the conversation ends at once."""
        if self.marked:
            await self.steps.finish(self.marked.pop(0), **named(ended="closed", open=False, contact=PHONE))

    async def work(self) -> None:
        """All of it without a break."""
        await self.claim()
        await self.mark()
        await self.finish()

    async def die(self) -> None:
        """A worker is killed with what it has in its hands."""
        self.hands.clear()
        self.marked.clear()

    async def start_event(self) -> None:
        """Jelou's own event, by our metadata."""
        if self.sent:
            self.told = True
            await self.steps.told(evidence("c-77"), fact="start c-77", ticket=TICKET, conversation="c-77")

    async def message(self) -> None:
        """The customer writes in the conversation that was told."""
        if self.told:
            await self.steps.told("mariposa", kind="message", conversation="c-77", contact=PHONE)

    async def forget(self) -> None:
        """Everything is to go."""
        found = await self.steps.forget(people=((PHONE, ()),))
        self.forgotten = self.forgotten or found.tickets > 0

    async def wait(self) -> None:
        """A lease ends."""
        await self.steps.pass_ms(10_000)

    async def retire(self) -> None:
        """The days of what is over have passed."""
        await self.steps.pass_ms(DAY_MS)
        await self.steps.retire()


WHAT = [name for name in vars(World) if not name.startswith("_") and callable(getattr(World, name))]


async def happens(redis_url: str, order: list[str]) -> None:
    """All of it, in this order, on keys of its own."""
    async with Redis.from_url(redis_url) as redis:
        world = World(Steps(redis, f"interleaved-{next(_numbers)}"))
        await world.steps.pass_ms(0)
        for name in order:
            await getattr(world, name)()
            assert world.sent <= 1
            assert not (world.forgotten and await left(world.steps))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(order=st.lists(st.sampled_from(WHAT), max_size=10).map(lambda rest: ["accept", "claim", "mark", *rest]))
def test_whatever_happens_in_whichever_order(redis_url: str, order: list[str]) -> None:
    """A ticket starts once at most, and once it was forgotten nothing that comes is kept."""
    asyncio.run(happens(redis_url, order))
