"""Figures of what is due at a time: merges, closes, questions, and what it costs to wait for them."""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import orjson

from bridge.twins.faults import EventFault
from tests.bench.figures import Row, at_most
from tests.bench.measures import percentile
from tests.bench.peers import ASK, CLOSE
from tests.bench.starts import flooded
from tests.bench.talk import Words
from tests.bench.world import Setup, until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.bench.desks import Desk, Ticket
    from tests.bench.figures import Run
    from tests.bench.peers import Call, Peer
    from tests.bench.world import World

MERGE_S = 3.0
IDLE_S = 10.0
COMMANDS_MOST, USUAL_S = 25, 0.015
WEBHOOK_S = 0.05
"""A call may come so long before the answer to the webhook that asks for it is seen here."""


async def merged(run: Run) -> list[Row]:
    """6: a customer's word to the helpdesk, merged for as long as the default says; then solved to closed."""
    count, pause_s = run.pick(25, 60), 0.43
    desks = {"standard-webhooks/s": "a", "zendesk/z": "b"}
    async with run.world(Setup(desks, {"a": 5.0, "b": 5.0}, run.workers[0])) as world:
        tickets = await world.prepared(count)
        words, (scripted, zendesk) = Words(), world.desks.values()
        for ticket in tickets[scripted.path]:
            words.write(world, "a", ticket)
            await asyncio.sleep(pause_s)
        come = await words.come(scripted.peer, 15.0)
        await asyncio.sleep(run.pick(2.0, 10.0))
        plain = await _solved(world, scripted, tickets[scripted.path], 0.9)
        read = await _solved(world, zendesk, tickets[zendesk.path][: run.pick(8, 30)], 4.0)
    return [
        come.row(6, "customer's word to the helpdesk, merge of 3 s", 95, MERGE_S + 0.3),
        at_most(6, "solved to closed, without the calls' own time, p95", percentile(plain, 95), 0.5),
        at_most(6, "the same at Zendesk, where the ticket is read first", percentile(read, 95), 0.5),
    ]


async def _solved(world: World, desk: Desk, tickets: list[Ticket], pause_s: float) -> list[float]:
    """Seconds from our 202 to each close, without the calls about the ticket that came between."""
    taken: dict[str, float] = {}
    for ticket in tickets:
        taken[ticket.user] = await desk.solve(ticket)
        await asyncio.sleep(pause_s)
    jelou = world.jelou[world.setup.desks[desk.path]]
    await until(lambda: taken.keys() <= _closes(jelou.peer).keys(), 15.0)
    closed, end = _closes(jelou.peer), time.time()
    talks = {one.user_id: one.id for one in jelou.twin.ledger.conversations.values()}
    calls = [*desk.peer.calls, *jelou.peer.calls]
    return [
        _without(calls, (f"/{ticket.id}.json", talks[ticket.user]), taken[ticket.user], closed.get(ticket.user, end))
        for ticket in tickets
    ]


def _closes(peer: Peer) -> Mapping[str, float]:
    return {orjson.loads(call.body)["userId"]: call.at for call in peer.of(CLOSE)}


def _without(calls: Iterable[Call], about: tuple[str, ...], begin: float, end: float) -> float:
    """From the one to the other, without what calls about these took meanwhile."""
    some = (call for call in calls if begin - WEBHOOK_S <= call.at < end and call.path.endswith(about))
    return end - begin - sum(min(call.answered or end, end) - max(call.at, begin) for call in some)


async def idle(run: Run) -> list[Row]:
    """10: what a worker that has nothing to do asks of Redis."""
    async with run.world(flooded(1, 5.0, 1)) as world:
        await world.web.stop()
        await world.work()
        await asyncio.sleep(2)
        before = await _commands(world)
        await asyncio.sleep(IDLE_S)
        after = await _commands(world)
        asked = {name: (count - before.get(name, 0)) / IDLE_S for name, count in after.items()}
    a_second = sum(asked.values())
    most = ", ".join(f"{name} {asked[name]:.0f}" for name in sorted(asked, key=asked.__getitem__)[:-4:-1])
    was, held = f"{a_second:.0f} ({most})", a_second < COMMANDS_MOST
    what = "an idle worker's commands to Redis a second"
    return [Row(10, what, f"< {COMMANDS_MOST}", was, a_second, held)]


async def _commands(world: World) -> dict[str, int]:
    """How often each command ran, in scripts too, but for our own."""
    stats: Any = await world.redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): int(one["calls"]) for name, one in stats.items() if name != "cmdstat_info"}


async def first_start(run: Run) -> list[Row]:
    """10: from our 202 to Jelou's start in an idle bridge."""
    count = run.pick(12, 60)
    async with run.world(flooded(1, 5.0, 1)) as world:
        await world.work()
        taken: dict[str, float] = {}
        for _ in range(count):
            ticket, at = await world.desk.open()
            taken[ticket.name] = at
            await asyncio.sleep(0.5)
        peer = world.jelou["a"].peer
        await until(lambda: len(peer.started()) >= count, 10.0)
        started, end = peer.started(), time.time()
    delays = [max(0.0, started.get(name, end) - at) for name, at in taken.items()]
    usual = median(delays)
    was = f"{usual * 1000:.0f} ms (p95 {percentile(delays, 95) * 1000:.0f}, {count} tickets)"
    return [Row(10, "a start in an idle bridge, median", f"< {USUAL_S * 1000:g} ms", was, usual, usual < USUAL_S)]


async def silent(run: Run) -> list[Row]:
    """9: conversations that ended at Jelou without an event: how many are asked for in time."""
    count, within_s = run.pick((6, 135.0), (30, 900.0))
    project = run.pick({"look_every_s": 60}, {})
    async with run.world(Setup({"standard-webhooks/s": "a"}, workers=max(run.workers), project=project)) as world:
        [tickets] = (await world.prepared(count)).values()
        jelou = world.jelou["a"]
        jelou.twin.faults.sometimes_event("close", EventFault(copies=0), 1.0)
        for ticket in tickets:
            jelou.twin.close(ticket.user)
        ended = {one.id for one in jelou.twin.ledger.conversations.values()}
        asked: set[str] = set()

        def all_asked() -> bool:
            asked.update(call.path.rpartition("/")[2] for call in jelou.peer.of(ASK))
            return ended <= asked

        await until(all_asked, within_s)
    found = len(ended & asked)
    how = ", asked for each minute" if run.quick else ""
    what = f"conversations that ended silently, asked for within {within_s / 60:.0f} minutes{how}"
    return [Row(9, what, f"{count} of {count}", f"{found} of {count}", found / count, found == count)]
