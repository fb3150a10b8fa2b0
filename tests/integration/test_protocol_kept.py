"""What the store keeps and counts where few look: who came last, whose a conversation is, what Redis has lost."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from bridge.decisions import Decision
from bridge.domain import TicketRef
from bridge.errors import StoreRefused
from bridge.journal import Entry
from bridge.letters import Letter
from bridge.protocol import Finish, Gate, Incoming, Mark
from bridge.store import Store
from tests.lost_data import set_back, snapshot
from tests.steps import CLOCK, LANE, LEASES, PROJECT, Steps
from tests.turns import DESTINATION, Desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from bridge.protocol import Claimed

HOUR_MS = 3_600_000
CLOSED = '{"phase":"closed"}'


# --- whose conversation it is ----------------------------------------------------------------------------------------


async def ended(steps: Steps, ticket: str, ago_ms: int) -> None:
    """The ticket's conversation with ana ended so long ago."""
    claimed = await steps.held(ticket=ticket)
    await steps.finish(claimed, state=CLOSED, contact="ana", ended_ms=ago_ms, back_ms=72 * HOUR_MS)


async def comes_back_to(steps: Steps) -> tuple[str, ...]:
    """What becomes of a conversation of ana's that no ticket asked for."""
    await steps.told(kind="message", conversation="c-9", contact="ana")
    return await steps.store.records.unasked("unasked/x", PROJECT, "c-9", "ana", "", "entry")


async def test_who_comes_back_comes_to_the_ticket_that_ended_last(steps: Steps) -> None:
    """Also after somebody wrote a note on an older one, which is worked again for it."""
    await ended(steps, "older", 2 * HOUR_MS)
    await ended(steps, "newer", HOUR_MS)
    await ended(steps, "older", 2 * HOUR_MS)
    assert (await comes_back_to(steps))[:2] == ("back", "newer")


async def test_a_ticket_that_ends_later_takes_the_place(steps: Steps) -> None:
    """Whichever was worked first."""
    await ended(steps, "older", 2 * HOUR_MS)
    await ended(steps, "newer", HOUR_MS)
    await ended(steps, "older", 0)
    assert (await comes_back_to(steps))[:2] == ("back", "older")


async def test_a_conversation_that_has_begun_is_seen_by_another_tickets_close(steps: Steps) -> None:
    """Before its ticket was worked: a close names the person, and would end it."""
    other = await steps.held(ticket="other")
    await steps.told(kind="start", ticket="t", contact="ana")
    verdict = await steps.mark(other, contact="ana", count=False, alone=True)
    assert (verdict.verdict, verdict.detail) == ("shared", "t")


async def test_a_close_with_nobody_elses_conversation_goes(steps: Steps) -> None:
    """The ticket's own is none of another's."""
    claimed = await steps.held(ticket="t")
    await steps.told(kind="start", ticket="t", contact="ana")
    await steps.told(kind="start", ticket="other", contact="luz", conversation="c2")
    assert (await steps.mark(claimed, contact="ana", count=False, alone=True)).verdict == "go"


async def test_a_number_of_any_letters_finds_its_ticket(steps: Steps) -> None:
    """People know the number alone, and write it as the helpdesk does."""
    for ticket_id in ("a/b", "T 1", "ñ~1", "50%"):
        await steps.accept(ticket=str(TicketRef("zendesk", "acme", ticket_id)))
        assert await steps.store.known_by(ticket_id, ["zendesk/acme", "zendesk/beta"]) == ["zendesk/acme"]


async def test_what_was_decided_about_a_forgotten_ticket_is_forgotten(steps: Steps) -> None:
    """A person typed the reason, and the ticket's number stands beside it; other tickets' decisions stay."""
    for ticket in ("t", "other"):
        letter = Letter(f"letter-{ticket}", ticket, LANE, "x", "y", 1)
        await steps.finish(await steps.held(ticket=ticket), bury=((letter.id, letter.dump()),))
        decision = Decision(letter.id, "letter", "discarded", 1, "ana", reason=f"{ticket} typed this", ticket=ticket)
        await steps.store.records.discard_letter(letter, "discarded", decision)
    await steps.forget("t")
    left = await steps.redis.hgetall(steps.key("decisions"))
    assert list(left) == [b"letter-other"]
    assert await steps.redis.zrange(steps.key("decisions-by-time"), 0, -1) == [b"letter-other"]


# --- a breaker whose time is over ------------------------------------------------------------------------------------


async def test_late_failures_do_not_open_a_breaker_for_longer(desk: Desk) -> None:
    """They were under way when it opened, and come back when its time is over: the next pause is the shortest again."""
    await desk.open("a", *(f"t{number:02}" for number in range(13)))
    batch = await desk.store.claim("a", "job", 13)
    gate = Gate(DESTINATION, "a", 1.0, 26)
    for one in batch.tickets:
        assert (await desk.store.mark(Mark(one.ticket, "a", one.token, "{}", (), gate=gate))).verdict == "go"
    await _fail(desk, batch.tickets[:10])
    until = await desk.until()
    await desk.at(until + 1_000)
    await _fail(desk, batch.tickets[10:])
    assert await desk.until() == until


async def _fail(desk: Desk, tickets: tuple[Claimed, ...]) -> None:
    for one in tickets:
        told = ((DESTINATION, "fail", 0, "why"),)
        await desk.store.finish(Finish(one.ticket, "a", one.token, "{}", 1, 0, 0, (), outcomes=told))


# --- a loss ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def other(redis: Redis, prefix: str) -> Store:
    """Another process' store."""
    return Store(redis, prefix=prefix, clock=CLOCK, leases=LEASES)


@pytest.fixture
async def syncing(steps: Steps) -> AsyncIterator[None]:
    """A server that has each step on its disk before it answers."""
    before = (await steps.redis.config_get("appendfsync"))["appendfsync"]
    await steps.redis.config_set("appendfsync", "always")
    yield
    await steps.redis.config_set("appendfsync", before)


async def put(store: Store, name: str) -> str:
    """A delivery with one event; its status."""
    item = Incoming("t", LANE, f"fact-{name}", f'"{name}"', f"received {name}", f"repeated {name}")
    return (await store.accept(f"seen-{name}", name, 600, [item])).status


async def restarted(steps: Steps) -> None:
    """The data is served by another run of the server."""
    await steps.redis.hset(steps.key("generation"), "run_id", "another-run")


async def lost(steps: Steps) -> list[Any]:
    """What was lost so far, the newest first."""
    return list(await steps.redis.lrange(steps.key("losses"), 0, -1))


async def test_starts_are_told_again_before_deliveries(steps: Steps) -> None:
    """Who claims a ticket that was put back must find that it has its conversation: else it would be started again."""
    await put(steps.store, "a")
    steps.store.testimony("t", LANE, "start.answered:a", '"answered"', "told", "ana")
    steps.store.generations.deliveries.note("broken", Entry("accept", ("no JSON",), monotonic()))
    await set_back(steps.redis, steps.prefix, {}, "clock")
    with pytest.raises(StoreRefused):
        await steps.store.generations.tick()
    assert await steps.evidence() == ['"answered"']


async def test_only_what_was_gone_counts_as_put_back(steps: Steps) -> None:
    """Half of what the process remembers is still there."""
    for name in ("a", "b"):
        await put(steps.store, name)
    kept = await snapshot(steps.redis, steps.prefix)
    for name in ("c", "d", "e"):
        await put(steps.store, name)
    await set_back(steps.redis, steps.prefix, kept, "clock")
    await restarted(steps)
    await steps.store.generations.tick()
    loss = await steps.store.generations.last_loss()
    assert loss is not None
    assert loss.put_back == 3


@pytest.mark.usefixtures("syncing")
async def test_a_restart_that_lost_nothing_has_nothing_told_again(steps: Steps) -> None:
    """Entering the new generation costs one step more, and not one for each delivery of the last minute."""
    for name in ("a", "b", "c"):
        await put(steps.store, name)
    before = int(await steps.redis.get(steps.key("sequence")))
    await restarted(steps)
    await put(steps.store, "d")
    assert int(await steps.redis.get(steps.key("sequence"))) == before + 1
    assert await lost(steps) == []


@pytest.mark.usefixtures("syncing")
async def test_a_loss_of_steps_that_went_together_is_noticed(steps: Steps) -> None:
    """What a process tells again goes in one round trip, and may be its last word before the next loss."""
    await put(steps.store, "a")
    kept = await snapshot(steps.redis, steps.prefix)
    scripts = steps.store._scripts  # noqa: SLF001 - what it is about
    await scripts.in_order([("tick", ("",)), ("tick", ("",))])
    await set_back(steps.redis, steps.prefix, kept, "clock")
    await restarted(steps)
    await put(steps.store, "a")
    assert len(await lost(steps)) == 1


@pytest.mark.usefixtures("syncing")
async def test_two_losses_in_a_row_are_two_and_a_restart_after_them_is_none(steps: Steps) -> None:
    """The steps go on from where they were, so that nobody takes the next restart for one more loss."""
    await put(steps.store, "a")
    for losses in (1, 2):
        kept = await snapshot(steps.redis, steps.prefix)
        for _ in range(20):
            await steps.store.generations.tick()
        await set_back(steps.redis, steps.prefix, kept, "clock")
        await restarted(steps)
        await steps.store.generations.tick()
        assert len(await lost(steps)) == losses
    await restarted(steps)
    await steps.store.generations.tick()
    assert len(await lost(steps)) == 2


async def test_after_a_restart_a_lane_is_woken_at_once(steps: Steps, other: Store) -> None:
    """Its job ended with the server: nobody waits for the end of what held it awake."""
    await steps.accept()
    assert (await steps.store.due()).wake == ()
    await restarted(steps)
    assert (await other.due()).wake == (LANE,)
