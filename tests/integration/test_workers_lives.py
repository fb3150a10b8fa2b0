"""Workers sleep, end and hang: what they had in their hands goes on once, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import LeaseLost
from bridge.protocol import Leases
from bridge.twins.faults import Fault
from tests.clocks import ServerClock
from tests.harness import DEADLINE_S, PROJECT, Scene, eventually, scene
from tests.held import Held
from tests.outcomes import BRIEF_LANES, FIRM, HELD, conversations, due_now, line
from workers.limits import Limits
from workers.pair import Pair
from workers.ticket import work_ticket
from workers.work import Work

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.outcomes import Trace

KIND, ACCOUNT = "standard-webhooks", "scripts"
LANE = f"{KIND}/{ACCOUNT}~{PROJECT}"
TICKET = f"{KIND}/{ACCOUNT}/T-1"
PROLONGED_MS = 3_000
"""Less than half a lease, and more than a clock that nobody has put forward goes on meanwhile."""


async def phase(on: Scene, ticket: str, wanted: str) -> Trace:
    """The trace as soon as the link is in this phase, whatever is left to write."""
    return await on.bridge.traced(KIND, ACCOUNT, ticket, lambda trace: trace["phase"] == wanted)


# --- leases ----------------------------------------------------------------------------------------------------------


async def test_a_heartbeat_keeps_the_ticket_of_a_long_call(redis_url: str, prefix: str, redis: Redis) -> None:
    """The call takes three leases; nobody takes the ticket over, and the answer counts."""
    limits = Limits(heartbeat_s=0.1, sweep_s=0.1, drain_s=1.0)
    call, clock = Held(), ServerClock(redis, prefix)
    async with scene(redis_url, prefix, scripts=FIRM, limits=limits, adapted=lambda app: call(clock(app))) as on:
        on.jelou.faults.next_event(HELD)
        await on.scripted("T-1")
        await call.is_out()
        for _ in range(6):
            before = await lease_ends_ms(redis, prefix)
            await clock.pass_ms(on.bridge.app.store.leases.ticket_ms // 2)
            await eventually(partial(_is_prolonged, redis, prefix, before + PROLONGED_MS))
        call.let_go()
        await phase(on, "T-1", "started")
        await on.jelou.settle()
        trace = await on.until_phase("T-1", "open")
        assert line(trace) == ["sending", "answered", "to started", "waiting", "to open"]
        assert conversations(on, "T-1") == [trace["conversation"]]


async def lease_ends_ms(redis: Any, prefix: str) -> int:
    """When the lease of T-1 ends."""
    return int(await redis.zscore(f"{prefix}:lane:{LANE}", TICKET))


async def _is_prolonged(redis: Any, prefix: str, until_ms: int) -> bool:
    return await lease_ends_ms(redis, prefix) >= until_ms


async def test_without_a_heartbeat_the_ticket_is_taken_over_as_unknown(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """The call outlives its lease: another claim finds the mark, and the late answer or Jelou's event settles it."""
    limits = Limits(heartbeat_s=600, sweep_s=0.1, drain_s=1.0)
    call = Held()
    async with scene(redis_url, prefix, scripts=FIRM, limits=limits, leases=BRIEF_LANES, adapted=call) as on:
        on.jelou.faults.next_event(HELD)
        await on.scripted("T-1")
        await call.is_out()
        await due_now(redis, prefix, LANE, TICKET)
        await on.until_phase("T-1", "unknown")
        call.let_go()
        await phase(on, "T-1", "started")
        await on.jelou.settle()
        trace = await on.until_phase("T-1", "open")
        told = line(trace)
        assert (told[:4], told[-1]) == (["sending", "unanswered", "to unknown", "waiting"], "to open")
        assert conversations(on, "T-1") == [trace["conversation"]]
        assert b"bridge_leases_lost_total 1.0" in on.bridge.app.metrics.text()


async def test_a_lane_job_is_counted(redis_url: str, prefix: str) -> None:
    """So that one can see that jobs stay far fewer than events."""
    async with scene(redis_url, prefix) as on:
        await on.scripted("T-1")
        await on.until_phase("T-1", "open")
        counted = re.search(rb"^bridge_lane_jobs_total (\S+)$", on.bridge.app.metrics.text(), re.MULTILINE)
        assert counted
        assert float(counted[1]) >= 1


async def claimed_work(on: Scene, *, lease_s: float) -> Work:
    """A ticket in this test's own hands, as a worker with so much of its lease left has it."""
    await on.scripted("T-1")
    app = on.bridge.app
    [claimed] = (await app.store.claim(LANE, "job", 1)).tickets
    account = app.bridge.account(KIND, ACCOUNT)
    assert account is not None
    pair = Pair(app.helpdesks[KIND], account, app.bridge.jelou[PROJECT], PROJECT, f"{KIND}/scripts")
    return Work.take(app, claimed, pair, monotonic() + lease_s)


async def test_an_event_that_comes_after_the_claim_stops_the_start(redis_url: str, prefix: str) -> None:
    """An earlier try had worked, and its event arrives while this one is being prepared: there is no second one."""
    async with scene(redis_url, prefix, work=False) as on:
        work = await claimed_work(on, lease_s=60)
        await on.start_elsewhere("593987654321", bridgeTicket=work.claimed.ticket)
        await work_ticket(work)
        assert len(on.jelou.ledger.starts) == 1
        assert (await on.bridge.app.store.finish(work.finish())).done
        [again] = (await on.bridge.app.store.claim(LANE, "job", 1)).tickets
        assert len(again.evidence) == 1


async def test_a_lease_that_ends_before_the_bytes_sends_nothing(redis_url: str, prefix: str) -> None:
    """The mark was granted and the worker stopped: when it wakes, the call does not go out."""
    async with scene(redis_url, prefix, work=False, leases=Leases(ticket_ms=0)) as on:
        work = await claimed_work(on, lease_s=0)
        await work_ticket(work)
        assert on.jelou.ledger.starts == []
        assert work.wait is not None
        assert "lease had ended" in work.wait.reason


async def test_a_worker_that_was_told_of_its_loss_sends_nothing(redis_url: str, prefix: str) -> None:
    """The heartbeat says that the ticket is another's, whatever the worker's own clock says."""
    async with scene(redis_url, prefix, work=False) as on:
        work = await claimed_work(on, lease_s=60)
        work.lost = True
        await work_ticket(work)
        assert on.jelou.ledger.starts == []


async def test_a_heartbeat_gives_time_and_tells_of_a_loss(redis_url: str, prefix: str) -> None:
    """What is still held may send for another lease; what was taken over may not."""
    async with scene(redis_url, prefix, work=False) as on:
        work = await claimed_work(on, lease_s=0)
        on.bridge.lanes.works["one"] = work
        assert not work.may_send()
        await on.bridge.lanes.beat()
        assert work.may_send()
        assert (await on.bridge.app.store.finish(work.finish())).done
        await on.bridge.lanes.beat()
        assert not work.may_send()


async def test_a_worker_whose_ticket_was_taken_over_marks_nothing(redis_url: str, prefix: str) -> None:
    """It slept over its lease: another claim holds the ticket, and nothing is sent or written."""
    async with scene(redis_url, prefix, work=False, leases=Leases(ticket_ms=1)) as on:
        work = await claimed_work(on, lease_s=60)
        await eventually(lambda: _taken_over(on))
        with pytest.raises(LeaseLost):
            await work_ticket(work)
        assert not (await on.bridge.app.store.finish(work.finish())).done
        assert on.jelou.ledger.starts == []
        assert line(await on.bridge.trace(KIND, ACCOUNT, "T-1")) == []


async def _taken_over(on: Scene) -> bool:
    return len((await on.bridge.app.store.claim(LANE, "another", 1)).tickets) == 1


# --- ending ----------------------------------------------------------------------------------------------------------


async def test_a_drain_finishes_what_is_under_way_and_claims_nothing_more(redis_url: str, prefix: str) -> None:
    """The call's answer is kept; a ticket that comes meanwhile stays for others."""
    call, limits = Held(), Limits(drain_s=DEADLINE_S, sweep_s=0.1)
    async with scene(redis_url, prefix, scripts=FIRM, limits=limits, adapted=call) as on:
        on.jelou.faults.next_event(HELD)
        await on.scripted("T-1")
        await call.is_out()
        draining = asyncio.create_task(on.bridge.lanes.drain())
        await asyncio.sleep(0)
        await on.scripted("T-2", phone="+593987654322")
        call.let_go()
        await draining
        assert on.bridge.lanes.works == {}
        trace = await on.bridge.trace(KIND, ACCOUNT, "T-1")
        assert (trace["phase"], trace["conversation"]) == ("started", conversations(on, "T-1")[0])
        trace = await on.bridge.trace(KIND, ACCOUNT, "T-2")
        assert (trace["phase"], line(trace)) == ("new", [])
        assert trace["waits_for"].endswith("a worker to take it")


# --- hanging ---------------------------------------------------------------------------------------------------------


async def test_more_hung_lanes_than_slots_do_not_stop_another(redis_url: str, prefix: str) -> None:
    """Four lanes, each with more tickets than it may have in hand, all hang; two slots serve the fifth all the same."""
    hung: dict[str, dict[str, str]] = {f"hung-{n}": {} for n in range(4)}
    limits = Limits(slots=2, lane_most=1, no_room_ms=100, sweep_s=0.1, drain_s=0.1)
    async with scene(redis_url, prefix, more_scripts=hung, limits=limits) as on:
        on.jelou.faults.sometimes("start", Fault.named("hang_after_accepting", only="/hung-"), 1.0)
        for n, account in enumerate(hung):
            for m in range(3):
                await on.scripted(f"T-{m}", account=account, phone=f"+5939876540{n}{m}")
        await eventually(lambda: _in_hand(on, len(hung)))
        for n in range(3):
            await on.scripted(f"T-{n}", phone=f"+59398765432{n}")
            await on.until_phase(f"T-{n}", "open")


async def _in_hand(on: Scene, count: int) -> bool:
    return len(on.bridge.lanes.works) == count


async def test_a_hung_call_does_not_hold_back_its_own_lane(redis_url: str, prefix: str) -> None:
    """The tickets claimed with it are finished, and those that come later are claimed."""
    async with scene(redis_url, prefix, limits=Limits(drain_s=0.1)) as on:
        on.jelou.faults.sometimes("start", Fault.named("hang_after_accepting", only='"hung"'), 1.0)
        await on.scripted("hung", phone="+593987654000")
        for n in range(3):
            await on.scripted(f"T-{n}", phone=f"+59398765432{n}")
            await on.until_phase(f"T-{n}", "open")
