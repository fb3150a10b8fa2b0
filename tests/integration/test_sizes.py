"""What a ticket takes in Redis is what deploy/README.md reckons with, measured on a real server."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.forgetting import Forgetting
from bridge.policies import Retention
from tests.harness import eventually, scene

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.harness import Scene

ROOT = Path(__file__).parents[2]
COUNT = 6
WORDS = "Hola, necesito ayuda con mi pedido 4711, que no ha llegado todavia. "
ANSWER = "Buenos dias, ya lo hemos enviado: llega este jueves por la tarde a su casa. "
SHARED = ("gate", "breaker", "pace", "heard", "turn", "generation", "jobs", "workers", "paused", "lanes", "forgotten")
"""There is one of each, however many tickets there are."""
TOLERANCE = 0.25


def table() -> dict[str, int]:
    """The bytes that the document tells, by what of."""
    [told] = re.findall(
        r"^## What Redis must hold$(.+?)^## ", (ROOT / "deploy/README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    rows = re.findall(r"^\| an? (\w+)[^|]*\| ([\d,]+) \|", told, re.MULTILINE)
    return {name: int(size.replace(",", "")) for name, size in rows}


async def measured(redis: Any, prefix: str) -> tuple[float, float]:
    """Bytes of one ticket, and of one webhook that is known."""
    tickets, seen = 0, []
    async for key in redis.scan_iter(f"{prefix}:*"):
        kind = key.decode().split(":")[1]
        size = await redis.memory_usage(key, samples=0) or 0
        if kind == "seen":
            seen.append(size)
        elif kind not in SHARED:
            tickets += size
    return tickets / COUNT, sum(seen) / max(len(seen), 1)


async def test_the_sizes_in_the_document_are_those_of_a_real_server(redis_url: str, redis: Redis, prefix: str) -> None:
    """A ticket that waits, one that is open, one that is closed, and what is left of one that has gone."""
    found: dict[str, float] = {}
    async with scene(redis_url, prefix, zendesk={"messages": {"merge_s": 0.0}}) as on:
        people = await waiting(on)
        found["waiting"], _ = await measured(redis, prefix)
        await talked(on, people)
        found["open"], _ = await measured(redis, prefix)
        await closed(on, people)
        found["closed"], found["webhook"] = await measured(redis, prefix)
        forgetting = Forgetting(on.bridge.app.store, on.bridge.app.bridge)
        for ticket in people.values():
            await forgetting.forget(await forgetting.whom(ticket=f"acme/{ticket}"))
        found["removed"], _ = await measured(redis, prefix)
    told = table()
    assert told.keys() == found.keys()
    rough = {name: (told[name], round(size)) for name, size in found.items() if abs(size / told[name] - 1) > TOLERANCE}
    assert rough == {}, f"told and measured: {rough}"


async def waiting(on: Scene) -> dict[str, int]:
    """The tickets of some people, all waiting."""
    await on.bridge.app.store.pause("zendesk/acme", "now")
    names = [f"59398{number:07}" for number in range(COUNT)]
    people = {name: on.zendesk.open_ticket(WORDS, f"+{name}").id for name in names}
    for ticket in people.values():
        await on.bridge.traced("zendesk", "acme", str(ticket), lambda told: "paused" in told["waits_for"])
    await on.zendesk.settle()
    return people


async def closed(on: Scene, people: dict[str, int]) -> None:
    """All conversations have ended."""
    for person in people:
        on.jelou.close(person)
    for ticket in people.values():
        await on.until_phase(str(ticket), "closed", kind="zendesk", account="acme")
    await on.zendesk.settle()


async def talked(on: Scene, people: dict[str, int]) -> None:
    """Each of them has written three times and was answered three times."""
    for lane in await on.bridge.app.store.resume("zendesk/acme"):
        await on.bridge.app.queue.wake(lane)
    for ticket in people.values():
        await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
    for number in range(3):
        for person, ticket in people.items():
            on.jelou.customer_writes(person, f"{WORDS}{number}")
            on.zendesk.agent_writes(ticket, f"{ANSWER}{number}")
        await on.jelou.settle()
        await on.zendesk.settle()
        await eventually(partial(answered, on, people, number + 1))


async def answered(on: Scene, people: dict[str, int], times: int) -> bool:
    """Whether both sides have had so many messages of each of them."""
    traces = [await on.bridge.trace("zendesk", "acme", str(ticket)) for ticket in people.values()]
    done = [[one.get("action") for one in trace["timeline"] if one["what"] == "answered"] for trace in traces]
    return all(min(one.count("say.to.customer"), one.count("add.reply")) >= times for one in done)


def test_the_shipped_memory_is_enough_for_the_company_in_the_document() -> None:
    """With the defaults of retention, before starts would wait."""
    size, kept = table(), Retention()
    conf = (ROOT / "deploy/base/valkey.conf").read_text()
    [maxmemory] = re.findall(r"^maxmemory (\d+)mb$", conf, re.MULTILINE)
    [per_day] = re.findall(r"\*\*([\d,]+) tickets a day\*\*", (ROOT / "deploy/README.md").read_text())
    a_day = int(per_day.replace(",", ""))
    webhooks = a_day * 15 * 7 * size["webhook"]
    total = a_day * (kept.closed_days * size["closed"] + kept.tombstones_days * size["removed"]) + webhooks
    assert total < int(maxmemory) * 2**20 * 0.85
