"""What holds a start back: a pause, an hourly cap, another start for the same person; and what lets it go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.twins.faults import Fault
from tests.clocks import WallClock
from tests.harness import PROJECT, scene
from tests.held import Held
from tests.outcomes import FIRM, FIRM_MS, SHORT_WAITS, conversations, due_now, line, reasons, told

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.harness import Scene
    from tests.outcomes import Trace

ACCOUNT = "standard-webhooks/scripts"
LANE = f"{ACCOUNT}~{PROJECT}"


async def until_it_waits(on: Scene, ticket: str) -> Trace:
    """The trace of a ticket that was held back."""
    return await on.bridge.traced("standard-webhooks", "scripts", ticket, lambda trace: bool(told(trace, "waiting")))


async def resume(on: Scene) -> None:
    """What the command of that name does."""
    for lane in await on.bridge.app.store.resume(ACCOUNT):
        await on.bridge.app.queue.wake(lane)


# --- pause -----------------------------------------------------------------------------------------------------------


async def test_a_paused_accounts_tickets_wait_until_it_is_resumed(redis_url: str, prefix: str) -> None:
    """They are accepted and held; the end of the pause lets them go at once, whatever they waited for."""
    async with scene(redis_url, prefix) as on:
        await on.bridge.app.store.pause(ACCOUNT, "now")
        for ticket, phone in (("T-1", "+593987654321"), ("T-2", "+593987654322")):
            await on.scripted(ticket, phone=phone)
            trace = await until_it_waits(on, ticket)
            assert (trace["phase"], line(trace)) == ("new", ["waiting"])
            assert "paused" in trace["waits_for"]
        assert on.jelou.ledger.starts == []
        await resume(on)
        for ticket in ("T-1", "T-2"):
            await on.until_phase(ticket, "open")


async def test_a_pause_holds_back_starts_alone(redis_url: str, prefix: str) -> None:
    """Another account goes on, and so do the events of conversations that are open."""
    async with scene(redis_url, prefix, more_scripts={"others": {}}) as on:
        await on.scripted("T-1")
        await on.until_phase("T-1", "open")
        await on.bridge.app.store.pause(ACCOUNT, "now")
        await on.scripted("T-1", account="others", phone="+593987654322")
        await on.until_phase("T-1", "open", account="others")
        on.jelou.close("593987654321")
        await on.until_phase("T-1", "closed")


# --- starts_per_hour -------------------------------------------------------------------------------------------------


async def test_no_more_than_so_many_start_in_an_hour(redis_url: str, prefix: str) -> None:
    """The others wait for the next hour, and say so."""
    async with scene(redis_url, prefix, scripts={"starts_per_hour": 1}) as on:
        tickets = {f"T-{n}": f"+59398765432{n}" for n in range(4)}
        for ticket, phone in tickets.items():
            await on.scripted(ticket, phone=phone)
        waits = {ticket: reasons(await until_it_waits(on, ticket), "waiting")[0] for ticket in tickets}
        held = [ticket for ticket, reason in waits.items() if "starts_per_hour" in reason]
        # One more where the hour ends just now.
        assert len(tickets) - len(held) in {1, 2}
        assert not any(conversations(on, ticket) for ticket in held)


async def test_a_start_that_did_not_happen_takes_no_place_in_the_hour(redis_url: str, prefix: str) -> None:
    """Jelou asked to wait: the retry finds the place that the first try gave back."""
    async with scene(redis_url, prefix, scripts={"starts_per_hour": 1}) as on:
        on.jelou.faults.next_start(Fault.named("throttled", retry_after="0.1"), times=3)
        await on.scripted("T-1")
        trace = await on.until_phase("T-1", "open")
        assert len(told(trace, "refused")) == 3


# --- one person ------------------------------------------------------------------------------------------------------


async def test_two_tickets_of_one_person_do_not_start_at_the_same_time(redis_url: str, prefix: str) -> None:
    """The second waits for the first one's end, and goes on at once then."""
    first_call = Held()
    async with scene(redis_url, prefix, scripts=FIRM, adapted=first_call) as on:
        await on.scripted("T-1")
        await first_call.is_out()
        await on.scripted("T-2")
        await until_it_waits(on, "T-2")
        first_call.let_go()
        first, second = await on.until_phase("T-1", "open"), await on.until_phase("T-2", "open")
        assert told(first, "answered")[0]["at"] <= told(second, "sending")[0]["at"]
        assert reasons(second, "waiting")[0] == "another start for the same person: standard-webhooks/scripts/T-1"


async def test_a_person_whose_start_is_unknown_starts_no_other(redis_url: str, prefix: str, redis: Redis) -> None:
    """The second ticket waits until the first one's fate is settled, here by giving up."""
    clock = WallClock()
    async with scene(redis_url, prefix, scripts=FIRM, adapted=clock) as on:
        on.jelou.faults.next_start(Fault.named("reset_before_accepting"))
        await on.scripted("T-1")
        await on.until_phase("T-1", "unknown")
        await on.scripted("T-2")
        await until_it_waits(on, "T-2")
        clock.ahead_ms = FIRM_MS
        await due_now(redis, prefix, LANE, f"{ACCOUNT}/T-1")
        second = await on.until_phase("T-2", "open")
        first = await on.until_phase("T-1", "parked")
        assert told(first, "moved", phase="parked")[0]["at"] <= told(second, "sending")[0]["at"]


async def test_tickets_of_two_people_start_beside_each_other(redis_url: str, prefix: str) -> None:
    """A slow call holds back its own person and nobody else."""
    async with scene(redis_url, prefix) as on:
        on.jelou.faults.next_start(Fault.named("hang_after_accepting", only="T-1"))
        await on.scripted("T-1")
        await on.scripted("T-2", phone="+593987654322")
        await on.until_phase("T-2", "open")
        assert (await on.bridge.trace("standard-webhooks", "scripts", "T-1"))["phase"] == "starting"


async def test_a_conversation_that_two_tickets_name_is_shared(redis_url: str, prefix: str) -> None:
    """Jelou answers the second start with the conversation that is there: both tickets are open, and one says so."""
    async with scene(redis_url, prefix, zendesk=SHORT_WAITS) as on:
        on.jelou.settings.when_active = "same"
        ids = [on.zendesk.open_ticket("Hola", "+593987654321").id]
        await on.until_phase(str(ids[0]), "open", kind="zendesk", account="acme")
        ids.append(on.zendesk.open_ticket("Hola otra vez", "+593987654321").id)
        first, second = [await on.until_phase(str(one), "open", kind="zendesk", account="acme") for one in ids]
        assert first["conversation"] == second["conversation"]
        assert (first["shared_with"], second["shared_with"]) == ("", f"zendesk/acme/{ids[0]}")
        [note] = on.zendesk.notes(ids[1])
        assert f"shared with ticket zendesk/acme/{ids[0]}" in note
        assert len(on.jelou.ledger.conversations) == 1


async def test_the_close_of_a_shared_conversation_closes_every_ticket_of_it(redis_url: str, prefix: str) -> None:
    """The index is the first ticket's; the second one's link says whose the conversation is, and ends with it."""
    async with scene(redis_url, prefix, scripts=SHORT_WAITS) as on:
        on.jelou.settings.when_active = "same"
        await on.scripted("T-1")
        await on.until_phase("T-1", "open")
        await on.scripted("T-2")
        await on.until_phase("T-2", "open")
        on.jelou.close("593987654321")
        await on.until_phase("T-1", "closed")
        assert (await on.until_phase("T-2", "closed"))["shared_with"] == "standard-webhooks/scripts/T-1"
