"""Claiming: for a lease, by a token of its own, within bounds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.store import Store
from tests.steps import LEASES

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.steps import Steps


async def test_a_claimed_tickets_due_time_is_its_lease(steps: Steps) -> None:
    """It comes back by itself when the lease ends, and not before."""
    await steps.held()
    assert await steps.due_in_ms() == LEASES.ticket_ms
    assert (await steps.claim()).tickets == ()
    await steps.pass_ms(LEASES.ticket_ms)
    assert len((await steps.claim()).tickets) == 1


async def test_an_event_does_not_lower_the_due_time_of_a_claimed_ticket(steps: Steps) -> None:
    """What comes while a worker has the ticket waits for that worker's finish, evidence too."""
    await steps.held()
    await steps.accept()
    assert await steps.due_in_ms() == LEASES.ticket_ms
    await steps.told(ticket="t")
    assert await steps.due_in_ms() == LEASES.ticket_ms
    assert (await steps.claim()).tickets == ()


async def test_an_event_for_a_claimed_ticket_wakes_nobody(steps: Steps) -> None:
    """Even where the lane sleeps: there is nothing that a job could claim."""
    await steps.held()
    assert await steps.store.sleep("zendesk/acme~soporte", "job")
    assert (await steps.accept()).wake == ()


async def test_the_holder_is_a_token_of_the_claim_and_not_of_the_worker(steps: Steps) -> None:
    """One worker that claims the same ticket twice, because it slept, holds it by its second claim alone."""
    before = await steps.held()
    await steps.pass_ms(LEASES.ticket_ms)
    [after] = (await steps.claim(job="job")).tickets
    assert before.token != after.token
    assert not (await steps.finish(before)).done
    assert (await steps.finish(after)).done


async def test_two_workers_share_a_lane_without_talking(steps: Steps) -> None:
    """Claims at the same time never bring the same ticket."""
    await steps.deliver(*(steps.incoming(ticket=f"t{n}") for n in range(40)))
    batches = await asyncio.gather(*(steps.claim(job=f"job-{n}", most=10) for n in range(6)))
    claimed = [one.ticket for batch in batches for one in batch.tickets]
    assert len(claimed) == len(set(claimed)) == 40


async def test_a_claim_takes_the_longest_due_first(steps: Steps) -> None:
    """Nobody waits behind tickets that came later."""
    for ticket in ("old", "older-than-none", "new"):
        await steps.accept(ticket=ticket)
        await steps.pass_ms(1)
    assert [one.ticket for one in (await steps.claim(most=2)).tickets] == ["old", "older-than-none"]


async def test_another_event_does_not_put_a_due_ticket_behind_the_others(steps: Steps) -> None:
    """A ticket that is written to often is as due as before."""
    for ticket in ("old", "new"):
        await steps.accept(ticket=ticket)
        await steps.pass_ms(1)
    await steps.accept(ticket="old")
    assert [one.ticket for one in (await steps.claim(most=1)).tickets] == ["old"]


async def test_a_claim_is_bounded_by_tickets_and_tells_how_many_are_left(steps: Steps) -> None:
    """What is not taken stays due."""
    await steps.deliver(*(steps.incoming(ticket=f"t{n}") for n in range(5)))
    batch = await steps.claim(most=2)
    assert (len(batch.tickets), batch.more) == (2, 3)
    batch = await steps.claim(most=10)
    assert (len(batch.tickets), batch.more) == (3, 0)


async def test_a_claim_is_bounded_by_bytes(steps: Steps) -> None:
    """It ends before the ticket that would go over, which stays due and unheld."""
    await steps.deliver(*(steps.incoming("x" * 400, ticket=f"t{n}") for n in range(3)))
    batch = await steps.claim(most_bytes=1_000)
    assert ([one.ticket for one in batch.tickets], batch.more) == (["t0", "t1"], 1)
    assert await steps.due_in_ms("t2") == 0
    assert "holder" not in await steps.link("t2")


async def test_evidence_counts_among_a_claims_bytes(steps: Steps) -> None:
    """It is brought as well, so it is weighed as well."""
    await steps.accept("x" * 400, ticket="a")
    await steps.told("x" * 400, ticket="a")
    await steps.accept("x" * 400, ticket="b")
    assert [one.ticket for one in (await steps.claim(most_bytes=1_000)).tickets] == ["a"]


async def test_one_ticket_is_always_taken_however_heavy(steps: Steps) -> None:
    """A ticket over the bound alone would otherwise never be worked."""
    await steps.accept("x" * 5_000)
    assert len((await steps.claim(most_bytes=1_000)).tickets) == 1


async def test_a_long_inbox_is_read_in_parts(steps: Steps) -> None:
    """A claim brings the head of it and says how much waits behind; the finish makes the rest due at once."""
    await steps.deliver(*(steps.incoming(f"e{n}") for n in range(5)))
    [claimed] = (await steps.claim(inbox_most=3)).tickets
    assert (claimed.inbox, claimed.left) == ((b"e0", b"e1", b"e2"), 2)
    await steps.finish(claimed)
    [claimed] = (await steps.claim(inbox_most=3)).tickets
    assert (claimed.inbox, claimed.left) == ((b"e3", b"e4"), 0)


async def test_claims_without_a_finish_are_counted(steps: Steps) -> None:
    """A ticket that kills its worker is known by it; a finish begins the count anew."""
    await steps.accept()
    for number in (1, 2, 3):
        [claimed] = (await steps.claim()).tickets
        assert claimed.claims == number
        await steps.pass_ms(LEASES.ticket_ms)
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed)
    assert (await steps.held()).claims == 1


async def test_a_claim_brings_the_state_of_the_last_finish(steps: Steps) -> None:
    """A new ticket has none."""
    claimed = await steps.held()
    assert claimed.state == b""
    await steps.finish(claimed, state='"kept"')
    assert (await steps.held()).state == b'"kept"'


async def test_a_heartbeat_prolongs_what_is_held_and_tells_what_is_lost(steps: Steps) -> None:
    """The beat moves the lease on for the holder alone."""
    await steps.accept(ticket="kept")
    await steps.accept(ticket="lost")
    mine = (await steps.claim()).tickets
    await steps.pass_ms(LEASES.ticket_ms)
    await steps.claim(most=2)
    held = [(one.ticket, one.lane, one.token) for one in mine]
    assert await steps.store.beat(held, []) == [False, False]
    await steps.pass_ms(LEASES.ticket_ms)
    [kept] = (await steps.claim(most=1)).tickets
    await steps.pass_ms(LEASES.ticket_ms - 1)
    assert await steps.store.beat([(kept.ticket, kept.lane, kept.token)], []) == [True]
    assert await steps.due_in_ms(kept.ticket) == LEASES.ticket_ms


async def test_a_heartbeat_after_the_finish_brings_no_ticket_back(steps: Steps) -> None:
    """A beat that is late for a finish changes nothing."""
    claimed = await steps.held()
    await steps.finish(claimed)
    assert await steps.store.beat([(claimed.ticket, claimed.lane, claimed.token)], []) == [False]
    assert await steps.due_in_ms() is None


async def test_time_is_the_servers(steps: Steps, redis: Redis, prefix: str) -> None:
    """In production the scripts ask Redis for the time, so that workers whose clocks differ agree."""
    steps.store = Store(redis, prefix=prefix, leases=LEASES)
    await steps.waiting("firm", due_in_ms=60_000)
    due_in_ms = (await steps.store.trace("t", "acme")).due_in_ms
    assert due_in_ms is not None
    assert 50_000 < due_in_ms <= 60_000
