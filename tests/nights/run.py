"""Makes nights, looks, cures, looks again."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.harness import scene
from tests.nights.night import On, server
from tests.nights.nights import NIGHTS, deliver
from tests.nights.signs import PLACES, Log, Observer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nights.night import Night
    from tests.nights.signs import Seen

NAMED_S, CURED_S = 30.0, 60.0
LOOK_S = 0.25


@dataclass
class Outcome:
    """What a night showed. ``named``: the places that named it; ``strange``: other nights that were named, where."""

    night: str
    named: set[str] = field(default_factory=set)
    strange: set[tuple[str, str]] = field(default_factory=set)
    left: set[tuple[str, str]] = field(default_factory=set)
    named_s: float = 0.0
    cured_s: float = 0.0
    seen: Seen = field(default_factory=dict)


def named(seen: Seen) -> set[tuple[str, str]]:
    """Every night that is named, and where."""
    return {(night.name, place) for night in NIGHTS for place in night.named_in(seen)}


async def rehearse(night: Night, redis_url: str, prefix: str, folder: Path) -> Outcome:
    """One night, from the evening to the morning."""
    outcome, log = Outcome(night.name), Log()
    async with AsyncExitStack() as stack:
        own = await stack.enter_async_context(server(folder)) if night.alone else (None, None)
        url = own[0].url if own[0] else redis_url
        async with scene(url, prefix, adapted=log.adapt, **night.scene) as there:
            on = On(there, *own)
            observer = Observer(there.bridge, log, on.ticket)
            await observer.begin()
            await night.make(on)
            observer.ticket = on.ticket
            await until_named(night, observer, outcome)
            if night.cure:
                await night.cure(on)
                await until_cured(night, observer, outcome)
        if night.again is not None:
            async with scene(url, prefix, adapted=log.adapt, **night.again) as there:
                await until_cured(night, Observer(there.bridge, log, on.ticket), outcome)
    return outcome


async def until_named(night: Night, observer: Observer, outcome: Outcome) -> None:
    """Each place with a sign shows it, and no place that of another night."""
    began = time.monotonic()
    while outcome.named != set(night.signs) and time.monotonic() - began < NAMED_S:
        await asyncio.sleep(LOOK_S)
        outcome.seen = await observer.look()
        outcome.named |= night.named_in(outcome.seen)
    outcome.named_s = time.monotonic() - began
    # What is shown in two places is written one after the other.
    await asyncio.sleep(LOOK_S)
    outcome.seen = await observer.look()
    outcome.strange = {one for one in named(outcome.seen) if one[0] != night.name}


async def until_cured(night: Night, observer: Observer, outcome: Outcome) -> None:
    """No place names any night, in what is new."""
    began = time.monotonic()
    while True:
        await observer.begin()
        await asyncio.sleep(2 * LOOK_S)
        seen = await observer.look()
        outcome.left = named(seen) - {(night.name, place) for place in night.lasting}
        outcome.cured_s = time.monotonic() - began
        if not outcome.left or outcome.cured_s > CURED_S:
            break
    if outcome.left:
        outcome.seen = seen


async def healthy(redis_url: str, prefix: str, for_s: float) -> set[tuple[str, str]]:
    """What a healthy bridge that works names: nothing."""
    log, found = Log(), set()
    async with scene(redis_url, prefix, adapted=log.adapt) as there:
        on = On(there, None, None)  # type: ignore[arg-type]
        observer = Observer(there.bridge, log, on.ticket)
        await observer.begin()
        ends, number = time.monotonic() + for_s, 0
        while time.monotonic() < ends:
            number += 1
            await deliver(on, f"T-{number}")
            await asyncio.sleep(LOOK_S)
            found |= named(await observer.look())
    return found


async def all_nights(
    redis_url: str, prefix: str, folder: Path, healthy_s: float
) -> tuple[list[Outcome], set[tuple[str, str]]]:
    """All of them at the same time, beside a healthy one."""
    well = asyncio.create_task(healthy(redis_url, f"{prefix}-well", healthy_s))
    outcomes = await asyncio.gather(
        *(rehearse(night, redis_url, f"{prefix}-{n}", folder / str(n)) for n, night in enumerate(NIGHTS))
    )
    return outcomes, await well


def table() -> str:
    """What names what, for the documents: that it is so is what the nights show."""
    rows = [f"| Night | {' | '.join(PLACES)} | Fix |", f"| --- |{' --- |' * (len(PLACES) + 1)}"]
    for night in NIGHTS:
        cells = " | ".join("names it" if place in night.signs else "" for place in PLACES)
        rows.append(f"| {night.name} | {cells} | {night.fix} |")
    return "\n".join(rows)


def failures(outcomes: list[Outcome], well: set[tuple[str, str]]) -> list[str]:
    """What was not as it must be, in words."""
    found = [f"a healthy bridge names {one}" for one in sorted(well)]
    for night, one in zip(NIGHTS, outcomes, strict=True):
        missing = set(night.signs) - one.named
        for what, which in (("not named in", missing), ("also named", one.strange), ("after the cure", one.left)):
            found += [f"{one.night}: {what} {sorted(which)}: {one.seen}"] if which else []
    return found
