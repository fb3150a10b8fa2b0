"""Redis: lanes, inboxes, links, indexes, timelines, each step of the protocol one script.

Every step that must not be torn is one Lua script on one primary. Time is Redis' own, taken inside the scripts;
durations go in, instants stay there. The keys are named in ``scripts/prelude.lua``. Raises StoreUnavailable.
"""

from __future__ import annotations

from dataclasses import asdict
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import orjson

from bridge import fullness
from bridge.brake import Brake, held
from bridge.coalesce import Coalesced
from bridge.correlate import other_keys
from bridge.generations import Generations
from bridge.heartbeats import Heartbeats
from bridge.journal import Entry
from bridge.overview import Overviews, has_worker, no_worker
from bridge.protocol import (
    EVERY,
    Accepted,
    Batch,
    Breaker,
    BreakerChange,
    Claimed,
    Due,
    Finished,
    Leases,
    Retry,
    Shaken,
    Trace,
    Turn,
    Verdict,
)
from bridge.records import Records
from bridge.refused import RefusedDeliveries
from bridge.removals import Removals
from bridge.rotations import Rotations
from bridge.rounds import Rounds
from bridge.scripting import REDIS_CLOCK, Scripts, again, as_text
from bridge.unread import Unreads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from redis.asyncio import Redis

    from bridge.protocol import Finish, Incoming, Mark, Told


def _json(value: Any) -> bytes:
    return orjson.dumps(value)


class Store:
    """The store. Made once per process by the wiring; ``accept`` is safe to repeat with the same arguments.

    ``confirm`` says what an accepted delivery must have reached before it is answered; see ``bridge.scripting``.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        prefix: str = "bridge",
        clock: str = REDIS_CLOCK,
        leases: Leases = Leases(),
        confirm: str = "",
    ) -> None:
        self._scripts = Scripts(redis, prefix, clock, confirm)
        self.generations = Generations(self._scripts)
        self.outage = self._scripts.outage
        self.leases = leases
        self.records = Records(self._scripts, leases.lane_ms)
        self.removals = Removals(self._scripts)
        self.rounds = Rounds(self._scripts)
        self.brake = Brake(self._scripts, leases.lane_ms)
        self.rotations = Rotations(self._scripts)
        self.unread = Unreads(self._scripts)
        self.heartbeats = Heartbeats(self._scripts)
        self.overviews = Overviews(self._scripts)
        self.refused = RefusedDeliveries(self._scripts)
        self.mark: Callable[[Mark], Awaitable[Verdict]] = Coalesced(self._mark_all)
        self.finish: Callable[[Finish], Awaitable[Finished]] = Coalesced(self._finish_all)

    # -- accepting --------------------------------------------------------------------------------------------------

    async def accept(
        self, seen: str, delivery_id: str, ttl_s: int, items: Sequence[Incoming], *, sender: str = ""
    ) -> Accepted:
        """Store a helpdesk's delivery once: one round trip. ``seen`` is the key under which a repeat is known.

        ``sender`` is heard of by it; empty where it was not the sender who told it.
        """
        request = self._request(seen, delivery_id, ttl_s, sender) | {"items": [asdict(item) for item in items]}
        status, first_id, *wake = await self._kept("accept", seen, request)
        return Accepted(as_text(status), as_text(first_id), wake=tuple(map(as_text, wake)))

    async def accept_conversation(
        self, seen: str, delivery_id: str, ttl_s: int, told: Told, *, sender: str = ""
    ) -> Accepted:
        """Store an event of Jelou's once, for its ticket or among the orphans: one round trip."""
        request = self._request(seen, delivery_id, ttl_s, sender) | asdict(told) | asdict(told.clues)
        status, first_id, ticket, by, wake = map(as_text, await self._kept("accept_conversation", seen, request))
        return Accepted(status, first_id, ticket, by, (wake,) if wake else ())

    async def _kept(self, script: str, seen: str, request: dict[str, Any]) -> Any:
        """Store a delivery, and keep it in the journal: whoever was told 202 is not told so in vain."""
        text = _json(request)
        answer = await self._scripts.run(script, text, confirmed=True)
        self.generations.deliveries.note(seen, Entry(again(script), (text,), monotonic()))
        return answer

    def _request(self, seen: str, delivery_id: str, ttl_s: int, sender: str) -> dict[str, Any]:
        return {
            "sender": sender,
            "seen": seen,
            "id": delivery_id,
            "ttl_s": ttl_s,
            "wake_ms": self.leases.lane_ms,
        }

    # -- working ----------------------------------------------------------------------------------------------------

    async def claim(
        self, lane: str, awake_token: str, most: int, *, most_bytes: int = 4_000_000, inbox_most: int = 32
    ) -> Batch:
        """Take up to ``most`` due tickets of the lane, for the lease. Each claim has a token of its own."""
        token = uuid4().hex
        lease_ms, lane_ms = self.leases.ticket_ms, self.leases.lane_ms
        answer = await self._scripts.run(
            "claim", lane, token, lease_ms, most, most_bytes, inbox_most, awake_token, lane_ms
        )
        more, shaken, *rows = answer
        lost = Shaken(shaken[0], shaken[1], shaken[2] == 1)
        return Batch(tuple(_claimed(lane, token, row, lost) for row in rows), more)

    async def _mark_all(self, marks: Sequence[Mark]) -> Sequence[Verdict]:
        answer = await self._scripts.run("mark", _marks(marks), self.leases.ticket_ms)
        return [Verdict(*map(as_text, row)) for row in answer]

    async def _finish_all(self, finishes: Sequence[Finish]) -> Sequence[Finished]:
        answer = await self._scripts.run("finish", _json(finishes), self.leases.lane_ms)
        return [Finished(row[0] == b"done", tuple(map(as_text, row[1:]))) for row in answer]

    async def beat(self, held: Sequence[tuple[str, str, str]], lanes: Sequence[tuple[str, str]]) -> list[bool]:
        """Prolong what is held: (ticket, lane, token)... and (lane, awake token)... . Tells which are still held."""
        answer = await self._scripts.run("beat", _json(held), self.leases.ticket_ms, _json(lanes), self.leases.lane_ms)
        return [kept == 1 for kept in answer]

    async def testify(self, ticket: str, lane: str, fact: str, event: str, told: str, contact: str = "") -> str:
        """Hand in evidence that is not Jelou's event, once per ``fact``, whoever holds the ticket.

        ``event`` is the JSON text of ``bridge.events``, ``told`` the timeline's, ``contact`` whose conversation it
        tells of, if of one. Returns the lane to wake, or an empty text.
        """
        wake_ms = self.leases.lane_ms
        also = orjson.dumps(other_keys(contact))
        return as_text(await self._scripts.run("testify", ticket, lane, fact, event, told, wake_ms, contact, also))

    def testimony(self, ticket: str, lane: str, fact: str, event: str, told: str, contact: str = "") -> None:
        """Keep in memory what ``testify`` is to hand in should Redis lose what it knows.

        Of conversations that began the newest per ticket; what tells of none is kept beside it, by its fact.
        """
        also = orjson.dumps(other_keys(contact)).decode()
        args = (ticket, lane, fact, event, told, str(self.leases.lane_ms), contact, also)
        self.generations.starts.note(ticket if contact else f"{ticket} {fact}", Entry("testify", args, monotonic()))

    def no_testimony(self, ticket: str) -> None:
        """The start certainly did nothing: there is nothing to hand in."""
        self.generations.starts.forget(ticket)

    # -- waking -----------------------------------------------------------------------------------------------------

    async def sleep(self, lane: str, awake_token: str, *, not_before_ms: int = 0) -> bool:
        """Let the lane sleep until its next due time. False: something is due, go on."""
        return bool(await self._scripts.run("sleep", lane, awake_token, not_before_ms, self.leases.lane_ms) == 1)

    async def hand_over(self, lane: str, awake_token: str) -> None:
        """End this job of a lane that has more to do; the caller sends the next one."""
        await self._scripts.run("sleep", lane, awake_token, -1, self.leases.lane_ms)

    async def due(self, worker: str = "", most: int = 200) -> Due:
        """Grant what the paces allow, and find the lanes that have something due and nobody at it.

        Each such lane is noted as being woken. ``worker`` hears what the tickets in its hands were granted.
        """
        next_ms, wake, granted, probes, changes = await self._scripts.run("due", self.leases.lane_ms, most, worker)
        return Due(
            next_ms if next_ms >= 0 else None,
            tuple(map(as_text, wake)),
            tuple((as_text(at), as_text(name), int(ms)) for at, name, ms in _grouped(granted, 3)),
            tuple((as_text(at), as_text(name)) for at, name in _grouped(probes, 2)),
            tuple(BreakerChange(**orjson.loads(text)) for text in changes),
        )

    async def probe_by_call(self, destination: str) -> None:
        """There is no harmless read at this broken destination: whoever waits first may try."""
        await self._scripts.run("probe_by_call", destination)

    async def retry(self, destination: str) -> Retry:
        """What kept it from being called is repaired: have it asked at once. A wait that it asked for is obeyed."""
        outcome, for_ms, reason = map(as_text, await self._scripts.run("retry", destination))
        return Retry(outcome, int(for_ms), reason)

    async def refused_credentials(self, destinations: Sequence[str]) -> dict[str, str]:
        """Those of the destinations that refuse the credential, with the hash of the one that they refused."""
        async with self._scripts.redis.pipeline(transaction=False) as pipe:
            for one in destinations:
                pipe.hmget(f"{self._scripts.prefix}:breaker:{one}", ["kind", "credential"])
            found = await self._scripts.guard(pipe.execute())
        return {
            one: as_text(digest) for one, (kind, digest) in zip(destinations, found, strict=True) if kind == b"denied"
        }

    async def pause(self, account: str, since: str) -> None:
        """Hold back the account's starts. Everything else goes on; nothing is lost."""
        await self._scripts.guard(self._scripts.redis.hset(f"{self._scripts.prefix}:paused", account, since))

    async def resume(self, account: str) -> list[str]:
        """Let the account's starts go on. Returns the lanes to wake."""
        return await self.brake.resume(account)

    # -- looking ----------------------------------------------------------------------------------------------------

    async def trace(self, ticket: str, account: str) -> Trace:
        """Everything known of one ticket. Reads only."""
        key = self._scripts.prefix
        lane = as_text(await self._scripts.guard(self._scripts.redis.hget(f"{key}:link:{ticket}", "lane")))
        async with self._scripts.redis.pipeline(transaction=True) as pipe:
            pipe.hmget(f"{key}:link:{ticket}", ["state", "wait", "holder", "shared_with"])
            pipe.llen(f"{key}:inbox:{ticket}")
            pipe.zscore(f"{key}:lane:{lane}", ticket)
            pipe.time()
            pipe.hmget(f"{key}:paused", [account, EVERY])
            pipe.lrange(f"{key}:timeline:{ticket}", 0, -1)
            pipe.zrange(f"{key}:workers", -1, -1, withscores=True)
            pipe.get(f"{key}:worker-seen")
            told = await self._scripts.guard(pipe.execute())
        link, waiting, due, (now_s, now_us), paused, entries, workers, seen = told
        state, wait, holder, shared_with = link
        now_ms = now_s * 1000 + now_us // 1000
        due_in = None if due is None else int(due) - now_ms
        worker_ms = int(workers[0][1]) if workers else -1
        return Trace(
            known=bool(lane or entries),
            state=state or b"",
            lane=lane,
            wait=as_text(wait),
            held=holder is not None,
            shared_with=as_text(shared_with),
            waiting=waiting,
            due_in_ms=due_in,
            paused=held(account, *paused),
            entries=tuple(entries),
            turns=await self._turns(ticket),
            no_worker="" if has_worker(worker_ms, now_ms) else no_worker(max(worker_ms, int(seen or -1))),
            now_ms=now_ms,
        )

    async def _turns(self, ticket: str) -> tuple[Turn, ...]:
        rows = await self._scripts.run("turns_of", ticket)
        return tuple(
            Turn(as_text(at), as_text(name), ms, orjson.loads(before), as_text(reason))
            for at, name, ms, before, reason in rows
        )

    async def transcript(self, ticket: str) -> list[bytes]:
        """What was said in the ticket's conversation, as JSON lines in order. Reads only."""
        key = f"{self._scripts.prefix}:transcript:{ticket}"
        return list(await self._scripts.guard(self._scripts.redis.lrange(key, 0, -1)))

    async def breakers(self, destinations: Sequence[str]) -> list[Breaker]:
        """Those of the destinations that are not called just now. Reads only."""
        async with self._scripts.redis.pipeline(transaction=False) as pipe:
            pipe.time()
            for one in destinations:
                pipe.hmget(f"{self._scripts.prefix}:breaker:{one}", ["until", "reason", "kind"])
            (now_s, now_us), *found = await self._scripts.guard(pipe.execute())
        now = now_s * 1000 + now_us // 1000
        told = [
            (one, float(till or 0) - now, *map(as_text, why))
            for one, (till, *why) in zip(destinations, found, strict=True)
        ]
        return [
            Breaker(one, reason, max(0, round(left)))
            for one, left, reason, kind in told
            if left > 0 or kind in {"fail", "denied"}
        ]

    async def ping(self) -> None:
        """Answers when Redis does."""
        await self._scripts.guard(self._scripts.redis.ping())

    async def writable(self) -> None:
        """Raises StoreUnavailable, with the reason, where Redis takes no writes now: full, read-only, not saving."""
        await self._scripts.guard(self._scripts.redis.set(f"{self._scripts.prefix}:writable", 1, px=1))

    async def server(self) -> dict[str, Any]:
        """What the server says of itself, by INFO: managed servers forbid CONFIG.

        Raises UnusableRedis where it runs in cluster mode, or is too old.
        """
        told = await self._scripts.info()
        return {
            "version": told.get("valkey_version") or told.get("redis_version"),
            "append_only_file": bool(told.get("aof_enabled")),
            "eviction": told.get("maxmemory_policy"),
            "role": told.get("role"),
            "memory": fullness.share(told.get("used_memory", 0), told.get("maxmemory", 0)),
            "memory_bytes": told.get("used_memory", 0),
            "max_memory_bytes": told.get("maxmemory", 0),
        }

    async def known_by(self, ticket_id: str, accounts: Sequence[str]) -> list[str]:
        """Which of the accounts (``kind/name``) have a ticket of this id: for people who know only the number."""
        names = [f"{account}/{quote(ticket_id, safe='-._~')}" for account in accounts]
        async with self._scripts.redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.exists(f"{self._scripts.prefix}:link:{name}", f"{self._scripts.prefix}:timeline:{name}")
            found = await self._scripts.guard(pipe.execute())
        return [account for account, count in zip(accounts, found, strict=True) if count]


def _marks(marks: Sequence[Mark]) -> bytes:
    """Lua's cjson reads null as a value that is not false."""
    return _json(marks).replace(b'"start":null', b'"start":false').replace(b'"gate":null', b'"gate":false')


def _grouped(flat: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (flat[at : at + size] for at in range(0, len(flat), size))


def _claimed(lane: str, token: str, row: list[Any], shaken: Shaken) -> Claimed:
    ticket, state, shared_with, claims, left, inbox, evidence, places, changes, busy_ms = row
    return Claimed(
        ticket=as_text(ticket),
        lane=lane,
        token=token,
        state=state,
        shared_with=as_text(shared_with),
        claims=claims,
        left=left,
        inbox=tuple(inbox),
        evidence=tuple(evidence),
        shaken=shaken,
        places=tuple((as_text(at), in_ms) for at, in_ms in places),
        changes=changes,
        busy_ms=busy_ms,
    )
