"""A worker that is killed between any two of its steps doubles, loses and reorders nothing that anybody wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.stage import FINE
from tests.world import TICKETS, World

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.stage import Conversation, Step

REF = next(iter(TICKETS))
CUSTOMER = ("first of the customer", "second of the customer", "third of the customer")
AGENT = ("first of the agent", "second of the agent")


class Killed:
    """One open conversation in which both write, while the worker is killed after so many steps."""

    def __init__(self, redis: Redis, prefix: str, kill_after: int) -> None:
        self.world = World(redis, prefix, messages={"to_ticket": "note", "merge_s": 0.0})
        self.left = kill_after
        self.killed = ""

    async def lived(self) -> None:
        """Opened and started; then both write, one after the other, and the worker dies once."""
        world = self.world
        await world.pass_ms(0)
        await world.open(REF, "opened")
        await self._work(count=False)
        [conversation] = world.sides.conversations
        await world.event(conversation, start=True)
        await self._work(count=False)
        await self._both_write(conversation)
        await self._work(count=True)

    async def _both_write(self, conversation: Conversation) -> None:
        for n, text in enumerate(CUSTOMER):
            await self.world.wrote(conversation, text)
            if n < len(AGENT):
                await self.world.replied(REF, AGENT[n])

    async def _work(self, *, count: bool) -> None:
        """Until nothing is in the lane."""
        world = self.world
        for _ in range(100):
            while world.jobs or world.stage.waiting():
                while world.jobs:
                    await world.job("one", world.jobs.pop())
                for step in world.stage.waiting():
                    await self._take(step, count=count)
            if not await world.redis.zcard(f"{world.prefix}:lane:zendesk/acme~soporte"):
                return
            await world.pass_ms(1_000)
            await world.sweep()
        pytest.fail("the ticket never left its lane")

    async def _take(self, step: Step, *, count: bool) -> None:
        if count and not self.killed:
            if self.left == 0:
                self.killed = step.label
                await self.world.kill("one")
                return
            self.left -= 1
        if not step.go.done() and step in self.world.stage.waiting():
            await self.world.go(step, FINE)

    # -- what stands there ------------------------------------------------------------------------------------------

    def at_the_helpdesk(self) -> list[str]:
        """What the customer wrote, as it stands on the ticket."""
        notes = "\n".join(self.world.sides.notes[REF.id])
        return [line for line in notes.splitlines() if line in CUSTOMER]

    def at_jelou(self) -> list[str]:
        """What the agent wrote, each message once by its id."""
        return list(dict.fromkeys(text for _, text in self.world.sides.messages))

    async def transcript(self) -> list[str]:
        """Who said what, for the note at the end."""
        return [orjson.loads(line)["text"] for line in await self.world.store.transcript(str(REF))]


@pytest.mark.parametrize("part", range(4))
async def test_each_word_stands_once_and_in_order(redis: Any, prefix: str, part: int) -> None:
    """Killed before each of its steps, one life after the other."""
    after, killed = part, "before the first"
    while killed:
        life = Killed(redis, f"{prefix}:{after}", after)
        await life.lived()
        killed = life.killed
        where = f"killed before step {after}: {killed}"
        assert life.world.log.bugs == [], where
        assert life.at_the_helpdesk() == list(CUSTOMER), where
        assert life.at_jelou() == list(AGENT), where
        ids: dict[str, str] = {}
        for name, text in life.world.sides.messages:
            assert ids.setdefault(name, text) == text, where
        assert sorted(await life.transcript()) == sorted((*CUSTOMER, *AGENT)), where
        after += 4
