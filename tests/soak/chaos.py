"""Carries out the plan's faults, notes when each struck, and makes everything well again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from operator import attrgetter
from typing import TYPE_CHECKING

from tests.soak.plan import AWAY, GATEWAY, HANG, Step, outages
from tests.soak.records import Struck

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bridge.processes import Child
    from tests.soak.proxy import Proxy
    from tests.soak.watch import Watch
    from tests.soak.world import World

LATENCY_S = 0.04
COPY_AGE_S = 1.5
"""How old the copy is from which a rolled-back Redis comes up."""


def now_ms() -> int:
    """Unix milliseconds, as the bridge writes them."""
    return time.time_ns() // 1_000_000


def send_signal(child: Child, number: signal.Signals) -> None:
    """Send a signal to the process as it is now; one that has just ended is let be."""
    if child.process is not None and child.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.process.pid, number)


class Chaos:
    """The faults of one run. ``struck`` holds those that were carried out."""

    def __init__(self, world: World, watch: Watch) -> None:
        self._world = world
        self._watch = watch
        self._tasks: set[asyncio.Task[None]] = set()
        self.struck: list[Struck] = []

    async def run(self, steps: Sequence[Step]) -> None:
        """Carry the steps out at their times; returns when the last one is over. Raises what one of them raises."""
        begun = time.monotonic()
        setup = self._world.setup
        hang = Step(0.0, HANG, setup.hangs, setup.hang_s)
        away = outages(setup.faults_s, setup.paced, setup.away_s, setup.gateway_s)
        async with asyncio.TaskGroup() as group:
            for step in sorted((hang, *away, *steps), key=attrgetter("at_s")):
                await asyncio.sleep(begun + step.at_s - time.monotonic())
                group.create_task(self._carry_out(step))

    async def _carry_out(self, step: Step) -> None:
        from_ms = now_ms()
        await ACTIONS[step.kind](self, step)
        self.struck.append(Struck(step.kind, step.target, from_ms, now_ms()))

    async def heal(self) -> None:
        """Undo everything. Repeatable, and safe in the middle of a step."""
        for child in self._world.bridge.values():
            send_signal(child, signal.SIGCONT)
        for proxy in self._world.proxies.values():
            await proxy.heal()
        self._world.receiver.faulty = False
        await self._world.limit_memory(0)
        await self._gateway(down=False)

    # -- processes ----------------------------------------------------------------------------------------------------

    async def kill(self, step: Step) -> None:
        """SIGKILL; its supervisor brings it back."""
        child = self._world.bridge[step.target]
        await self._watch.count_jobs()
        send_signal(child, signal.SIGKILL)
        if step.target != "web":
            self._watch.follow(step.kind)
        await asyncio.sleep(step.for_s)

    async def stop(self, step: Step) -> None:
        """SIGSTOP, and SIGCONT when its leases are over."""
        child = self._world.bridge[step.target]
        send_signal(child, signal.SIGSTOP)
        self._watch.follow(step.kind)
        await asyncio.sleep(step.for_s)
        send_signal(child, signal.SIGCONT)

    # -- Redis --------------------------------------------------------------------------------------------------------

    async def restart(self, step: Step) -> None:
        """SIGKILL, and up again from the append-only file."""
        await self._world.revive()
        await asyncio.sleep(step.for_s)

    async def rollback(self, step: Step) -> None:
        """SIGKILL, and up again from an append-only file that lacks what was written last."""
        copy = self._world.folder / f"copy-{now_ms()}"
        await asyncio.to_thread(shutil.copytree, self._world.server.folder / "appendonlydir", copy)
        await asyncio.sleep(COPY_AGE_S)
        await self._world.restore(copy)
        await asyncio.sleep(max(0.0, step.for_s - COPY_AGE_S))

    async def fail_over(self, step: Step) -> None:
        """Another server takes over under the same name; the old one lives on and refuses to be written to."""
        await self._world.fail_over()
        await asyncio.sleep(step.for_s)

    async def fill(self, step: Step) -> None:
        """It may hold no more than it does; nothing of it is dropped."""
        used = (await self._world.redis.info("memory"))["used_memory"]
        await self._world.limit_memory(used)
        await asyncio.sleep(step.for_s)
        await self._world.limit_memory(0)

    # -- connections --------------------------------------------------------------------------------------------------

    async def reset(self, step: Step) -> None:
        """Every connection there is."""
        self._proxy(step).reset()
        await asyncio.sleep(step.for_s)

    async def stall(self, step: Step) -> None:
        """Nothing is handed on."""
        self._proxy(step).stall()
        await asyncio.sleep(step.for_s)
        await self._proxy(step).heal()

    async def refuse(self, step: Step) -> None:
        """Nobody is listening."""
        await self._proxy(step).refuse()
        await asyncio.sleep(step.for_s)
        await self._proxy(step).heal()

    async def slow(self, step: Step) -> None:
        """Everything takes longer."""
        self._proxy(step).latency_s = LATENCY_S
        await asyncio.sleep(step.for_s)
        self._proxy(step).latency_s = 0.0

    async def gateway(self, step: Step) -> None:
        """A gateway answers 503 in Jelou's place, with a page of its own and without Jelou's envelope."""
        await self._gateway(down=True)
        await asyncio.sleep(step.for_s)
        await self._gateway(down=False)

    async def _gateway(self, *, down: bool) -> None:
        await self._world.ask(self._world.setup.paced, "POST", "/twin/gateway", {"down": down})

    def _proxy(self, step: Step) -> Proxy:
        return self._world.proxies[step.target]


ACTIONS: dict[str, Callable[[Chaos, Step], Awaitable[None]]] = {
    HANG: Chaos.stall,
    AWAY: Chaos.refuse,
    GATEWAY: Chaos.gateway,
    "kill worker": Chaos.kill,
    "stop worker": Chaos.stop,
    "kill web": Chaos.kill,
    "restart redis": Chaos.restart,
    "rollback redis": Chaos.rollback,
    "fail over redis": Chaos.fail_over,
    "fill redis": Chaos.fill,
    "reset redis connections": Chaos.reset,
    "stall redis connections": Chaos.stall,
    "slow redis connections": Chaos.slow,
    "reset jelou connections": Chaos.reset,
    "stall jelou connections": Chaos.stall,
    "refuse jelou connections": Chaos.refuse,
    "slow jelou connections": Chaos.slow,
    "reset helpdesk connections": Chaos.reset,
    "stall helpdesk connections": Chaos.stall,
    "refuse helpdesk connections": Chaos.refuse,
    "reset webhook connections": Chaos.reset,
    "stall webhook connections": Chaos.stall,
}
