"""A fault of the bridge's own does not spin: it waits longer each time, is told once, and is given up in the end."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bridge.desk import Wanted
from bridge.faults import Faults
from bridge.helpdesks import REGISTRY
from bridge.links import Link
from tests.harness import PROJECT, Scene, eventually, scene
from tests.integration.test_desk import desk
from tests.integration.test_workers_set_aside import Faulty
from tests.outcomes import due_now, line, reasons, told
from tests.webhooks import get
from workers.aside import LISTED_AT, UNREADABLE
from workers.faults import wait_ms

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from bridge.letters import Letter
    from bridge.wiring import App

LANE = f"zendesk/acme~{PROJECT}"
FAULT = "a fault in the bridge: RuntimeError"


class Broken:
    """A scene with one ticket over which the bridge has a fault."""

    def __init__(self, on: Scene, redis: Redis, prefix: str, faulty: Faulty) -> None:
        self.on, self._redis, self._prefix, self.faulty = on, redis, prefix, faulty
        self.id = str(on.zendesk.open_ticket("Hola", "+593987654321").id)
        faulty.broken.add(self.id)

    async def seen(self, times: int) -> dict[str, Any]:
        """The trace after so many tries, each as soon as the one before was over."""
        for time in range(1, times + 1):
            await eventually(partial(self._tried, time), lambda: f"{self.faulty.calls}")
            if time < times:
                await self.again()
        return await self.trace()

    async def _tried(self, times: int) -> bool:
        trace = await self.trace()
        held = await self._redis.hget(f"{self._prefix}:link:zendesk/acme/{self.id}", "holder")  # type: ignore[misc]
        return self.faulty.calls.count(self.id) >= times and not held and bool(trace["timeline"])

    async def again(self) -> None:
        """Its wait is over."""
        await due_now(self._redis, self._prefix, LANE, f"zendesk/acme/{self.id}")

    async def trace(self) -> dict[str, Any]:
        """What is told of it."""
        return await self.on.bridge.trace("zendesk", "acme", self.id)

    async def link(self) -> Link:
        """What is stored of it."""
        state: Any = await self._redis.hget(f"{self._prefix}:link:zendesk/acme/{self.id}", "state")  # type: ignore[misc]
        return Link.load(state)

    async def letters(self) -> list[Letter]:
        """Those that are listed for it."""
        return (await desk(self.on).dead_letters(Wanted(ticket=self.id))).items


def with_bug(faulty: Faulty) -> Any:
    """The parts of a bridge whose Zendesk has a bug."""

    def adapted(app: App) -> App:
        return replace(app, helpdesks={**REGISTRY, "zendesk": faulty})

    return adapted


def test_each_wait_is_twice_the_one_before_up_to_an_hour() -> None:
    """From a minute on."""
    minutes = [wait_ms(faults) // 60_000 for faults in (1, 2, 3, 4, 5, 6, 7, 8, 100)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_a_fault_that_goes_on_is_told_once_and_waits_longer(redis_url: str, prefix: str, redis: Redis) -> None:
    """A row of three is one line on the timeline, and counted; once repaired, nothing is left of it."""
    faulty = Faulty()
    async with scene(redis_url, prefix, adapted=with_bug(faulty)) as on:
        broken = Broken(on, redis, prefix, faulty)
        trace = await broken.seen(3)
        assert (reasons(trace, "waiting"), trace["due_in_s"] > 180) == ([FAULT], True)
        assert 'bridge_faults_total{account="zendesk/acme"} 3.0' in (await get(on.bridge, "/metrics")).body.decode()
        faulty.broken.clear()
        await broken.again()
        await on.until_phase(broken.id, "open", kind="zendesk", account="acme")
        assert ((await broken.link()).faults, await broken.letters()) == (0, [])


async def test_what_fails_at_the_horizon_is_given_up_and_can_be_replayed(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """It is listed with its reason and its event; the ticket is told; nothing tries it again by itself."""
    faulty = Faulty()
    async with scene(redis_url, prefix, zendesk={"horizon_s": 0.001}, adapted=with_bug(faulty)) as on:
        broken = Broken(on, redis, prefix, faulty)
        await broken.seen(1)
        await broken.again()
        trace = await on.until_phase(broken.id, "failed", kind="zendesk", account="acme")
        [letter] = await broken.letters()
        assert (letter.reason, bool(letter.event), len(told(trace, "buried"))) == (FAULT, True, 1)
        assert trace["due_in_s"] is None
        faulty.broken.clear()
        await desk(on).replay(letter)
        await on.until_phase(broken.id, "open", kind="zendesk", account="acme")
        assert await broken.letters() == []


async def test_a_ticket_that_nobody_can_read_is_listed_after_some_looks(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """While versions run side by side it waits in silence; then a person is asked, once."""
    faulty = Faulty()
    async with scene(redis_url, prefix, adapted=with_bug(faulty)) as on:
        broken = Broken(on, redis, prefix, faulty)
        await broken.seen(1)
        key = f"{prefix}:link:zendesk/acme/{broken.id}"
        good = await redis.hget(key, "state")  # type: ignore[misc]
        await redis.hset(key, "state", "{")  # type: ignore[misc]
        for times in range(1, LISTED_AT + 2):
            await broken.again()
            await eventually(partial(_looked, on, times))
        assert [one.reason for one in await broken.letters()] == [UNREADABLE]
        faulty.broken.clear()
        await redis.hset(key, "state", good)  # type: ignore[misc]
        await broken.again()
        trace = await on.until_phase(broken.id, "open", kind="zendesk", account="acme")
        assert line(trace).count("buried") == 1


async def _looked(on: Scene, times: int) -> bool:
    text = (await get(on.bridge, "/metrics")).body.decode()
    return f'bridge_faults_total{{account="zendesk/acme"}} {times + 1}.0' in text


async def test_a_loop_that_fails_again_and_again_is_logged_more_and_more_seldom(redis_url: str, prefix: str) -> None:
    """The 1st, 2nd, 4th and 8th of a row; after a success the row begins anew."""
    async with scene(redis_url, prefix, work=False) as on:
        faults = Faults(on.bridge.app, "sweep")
        assert [faults.again() for _ in range(9)] == [True, True, False, True, False, False, False, True, False]

        async def fine() -> None:
            """Nothing fails."""

        await faults.guard(fine)
        assert faults.again()
