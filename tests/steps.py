"""The store's steps one at a time, on a real Valkey and a clock that moves when told.

The tests of the protocol write their scenes with these; what is not said in a step has a default.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from bridge.correlate import Clues
from bridge.decisions import Decision
from bridge.protocol import Claimed, Finish, Incoming, Keep, Leases, Mark, StartLimits, Told, Whom
from bridge.store import Store

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from bridge.protocol import Accepted, Batch, Finished, Trails, Verdict

CLOCK = "local function now() return tonumber(redis.call('GET', KEYS[1] .. ':clock')) end"
HOUR_MS = 3_600_000
LEASES = Leases(ticket_ms=8_000, lane_ms=5_000)
"""Two numbers that differ, so that a test tells a ticket's lease from its lane's."""

LANE = "zendesk/acme~soporte"
PROJECT = "soporte"
DECISION = Decision("thing-1", "orphan", "claimed", 0, "ana")
"""What somebody decided about something."""

WAYS = ("ticket", "conversation", "starting", "room", "contact", "repeated")


DAY_MS = 86_400_000
KEEP = Keep(
    ended={"closed": 1 * DAY_MS, "failed": 2 * DAY_MS, "ignored": 3 * DAY_MS, "heard": 4 * DAY_MS},
    letters=5 * DAY_MS,
    orphans=6 * DAY_MS,
    tombstones=30 * DAY_MS,
    in_flight=20_000,
)


def keeping(**changes: Any) -> Keep:
    """Another retention than ``KEEP``."""
    return replace(KEEP, **changes)


async def content(redis: Any, key: bytes) -> str:
    """What stands under a key, of whichever type; nothing where it has gone since it was listed."""
    kind = (await redis.type(key)).decode()
    if kind == "none":
        return ""
    if kind == "list":
        return str(await redis.lrange(key, 0, -1))
    if kind == "zset":
        return str(await redis.zrange(key, 0, -1))
    return str(await {"string": redis.get, "hash": redis.hgetall, "set": redis.smembers}[kind](key))


class Steps:
    """One store, its clock, and a look at what it keeps."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.redis: Any = redis
        self.prefix = prefix
        self.store = Store(redis, prefix=prefix, clock=CLOCK, leases=LEASES)
        self.now = 1_000 * HOUR_MS
        self._numbers = itertools.count(1)

    async def pass_ms(self, by_ms: int) -> None:
        """Time passes."""
        self.now += by_ms
        await self.redis.set(f"{self.prefix}:clock", self.now)

    def key(self, *names: str) -> str:
        """A key of the store."""
        return ":".join((self.prefix, *names))

    # -- accepting ----------------------------------------------------------------------------------------------------

    def incoming(
        self, event: str = "", *, ticket: str = "t", fact: str = "", lane: str = LANE, person: str = ""
    ) -> Incoming:
        """One event of a delivery; an event without a name gets one of its own."""
        event = event or f"event-{next(self._numbers)}"
        return Incoming(ticket, lane, fact, event, f"received {event}", f"repeated {event}", person)

    async def deliver(self, *items: Incoming, seen: str = "", delivery: str = "", ttl_s: int = 600) -> Accepted:
        """A delivery of a helpdesk with these events."""
        number = next(self._numbers)
        return await self.store.accept(seen or f"seen-{number}", delivery or f"delivery-{number}", ttl_s, items)

    async def accept(self, event: str = "", **of: str) -> Accepted:
        """A delivery with one event."""
        return await self.deliver(self.incoming(event, **of))

    async def told(
        self,
        event: str = "",
        *,
        kind: str = "start",
        fact: str | None = None,
        seen: str = "",
        delivery: str = "",
        ttl_s: int = 600,
        also: tuple[str, ...] = (),
        **clues: str,
    ) -> Accepted:
        """An event of Jelou's. ``kind`` is start, close or message; ``clues`` those of ``bridge.correlate``."""
        number = next(self._numbers)
        event = event or f"{kind}-{number}"
        found = {"ticket": "", "conversation": "c1", "room": "", "contact": "", **clues}
        told = Told(
            PROJECT,
            f"{kind}:{event}" if fact is None else fact,
            event,
            is_start=kind == "start",
            is_evidence=kind != "message",
            clues=Clues(lane=LANE if found["ticket"] else "", also=also, **found),
            entries={way: f"by {way}" for way in WAYS},
        )
        return await self.store.accept_conversation(
            seen or f"seen-{number}", delivery or f"delivery-{number}", ttl_s, told
        )

    # -- working ------------------------------------------------------------------------------------------------------

    async def claim(self, lane: str = LANE, *, job: str = "job", most: int = 10, **bounds: int) -> Batch:
        """A job claims what is due."""
        return await self.store.claim(lane, job, most, **bounds)

    async def held(self, event: str = "", *, ticket: str = "t", lane: str = LANE) -> Claimed:
        """A ticket with one event, in a worker's hands."""
        await self.accept(event, ticket=ticket, lane=lane)
        return (await self.claim(lane, most=1)).tickets[0]

    async def two_of_one_person(self) -> tuple[Claimed, Claimed]:
        """Two tickets in workers' hands, first and second; the first is between mark and finish of ana's start."""
        first, second = await self.held(ticket="first"), await self.held(ticket="second")
        assert (await self.mark(first, contact="ana")).verdict == "go"
        return first, second

    async def mark(self, claimed: Claimed, state: str = '"marked"', **start: Any) -> Verdict:
        """The last word before a call; with ``start`` (contact, account, cap, count) that of a start."""
        return await self.store.mark(self.marking(claimed, state, **start))

    def marking(self, claimed: Claimed, state: str = '"marked"', **start: Any) -> Mark:
        """What ``mark`` asks of the store."""
        limits = StartLimits(**{"account": "acme", "contact": "ana", "cap": 100, "count": True, **start})
        return Mark(claimed.ticket, claimed.lane, claimed.token, state, ("sending",), limits if start else None)

    async def finish(self, claimed: Claimed, **how: Any) -> Finished:
        """The end of a claim; all it brought is done and nothing is waited for, unless told otherwise."""
        return await self.store.finish(self.finishing(claimed, **how))

    def finishing(self, claimed: Claimed, **how: Any) -> Finish:
        """What ``finish`` asks of the store."""
        told: dict[str, Any] = {
            "ticket": claimed.ticket,
            "lane": claimed.lane,
            "token": claimed.token,
            "state": '"done"',
            "inbox_done": len(claimed.inbox),
            "evidence_done": len(claimed.evidence),
            "left": claimed.left,
            "entries": (),
            "project": PROJECT,
        }
        return Finish(**told | how)

    async def waiting(self, wait: str, due_in_ms: int = 60_000, **how: Any) -> None:
        """A ticket that was worked and waits."""
        assert (await self.finish(await self.held(), wait=wait, due_in_ms=due_in_ms, **how)).done

    # -- removing -----------------------------------------------------------------------------------------------------

    async def retire(self, most: int = 10, **changes: Any) -> dict[str, int]:
        """A round of retention: each kind by its own days, 1 to 6; ``changes`` are of ``KEEP``, in ms."""
        return (await self.store.removals.retire(keeping(**changes), [PROJECT], most)).counts

    async def forget(self, *tickets: str, preview: bool = False, most: int = 10, **whom: Any) -> Trails:
        """Tickets are forgotten, and whoever else ``whom`` names."""
        return await self.store.removals.forget(Whom(tickets, **whom), keeping(), preview=preview, most=most)

    async def ended(self, how: str = "closed", ticket: str = "t", **finish: Any) -> None:
        """A ticket with one fact, opened, that came to its end."""
        await self.accept(f"opened {ticket}", ticket=ticket, fact=f"opened {ticket}")
        [claimed] = (await self.claim()).tickets
        await self.finish(claimed, ended=how, **finish)

    # -- looking ------------------------------------------------------------------------------------------------------

    async def due_in_ms(self, ticket: str = "t", lane: str = LANE) -> int | None:
        """When the ticket is due; None where it is in no lane."""
        due = await self.redis.zscore(self.key("lane", lane), ticket)
        return None if due is None else int(due) - self.now

    async def look_in_ms(self, lane: str = LANE) -> int | None:
        """When the sweep looks at the lane; None where it does not."""
        look = await self.redis.zscore(self.key("lanes"), lane)
        return None if look is None else int(look) - self.now

    async def inbox(self, ticket: str = "t") -> list[str]:
        """The ticket's events in order."""
        return await self._list("inbox", ticket)

    async def evidence(self, ticket: str = "t") -> list[str]:
        """What was recorded beside them."""
        return await self._list("evidence", ticket)

    async def timeline(self, ticket: str = "t") -> list[str]:
        """What is told of the ticket."""
        return await self._list("timeline", ticket)

    async def orphans(self, conversation: str = "c1") -> list[str]:
        """The events that found no ticket."""
        return [
            orjson.loads(one)[2] for one in await self.redis.lrange(self.key("orphan", PROJECT, conversation), 0, -1)
        ]

    async def link(self, ticket: str = "t") -> dict[str, str]:
        """The ticket's link as it is stored."""
        found = await self.redis.hgetall(self.key("link", ticket))
        return {name.decode(): value.decode() for name, value in found.items()}

    async def everything(self) -> str:
        """All keys of the store with their content, in one text; but for the number of steps, which each step moves."""
        found = {one async for one in self.redis.scan_iter(f"{self.prefix}:*")} - {self.key("sequence").encode()}
        return "\n".join([f"{key.decode()} = {await content(self.redis, key)}" for key in sorted(found)])

    async def _list(self, *names: str) -> list[str]:
        return [one.decode() for one in await self.redis.lrange(self.key(*names), 0, -1)]
