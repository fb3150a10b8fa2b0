"""What fails for too long is given up, with its last reason; what merely waited has not failed."""

from __future__ import annotations

from bridge.twins.faults import Fault
from tests.clocks import TWO_DAYS_MS, WallClock
from tests.harness import eventually, scene
from tests.outcomes import FIRM, HELD, conversations, line, told

ACCOUNT = "standard-webhooks/scripts"
SOON = {"unknown_start": {"wait_s": 0.1, "then": "retry"}}


async def test_what_could_not_be_done_within_the_horizon_is_buried(redis_url: str, prefix: str) -> None:
    """A start that is refused again and again is given up in the end, with its last reason."""
    clock = WallClock()
    async with scene(redis_url, prefix, adapted=clock) as on:
        on.jelou.faults.next_start(Fault.named("throttled", retry_after="0.2"), times=2)
        await on.scripted("T-1")

        async def refused() -> bool:
            return on.jelou.faults.pending == 1

        await eventually(refused)
        clock.ahead_ms = TWO_DAYS_MS
        trace = await on.until_phase("T-1", "failed")
        assert "asks to wait" in trace["reason"]
        assert line(trace)[-2:] == ["to failed", "buried"]


async def test_a_pause_is_no_failure(redis_url: str, prefix: str) -> None:
    """A ticket that was held back for two days has all of its horizon before it."""
    clock = WallClock()
    async with scene(redis_url, prefix, adapted=clock) as on:
        await on.bridge.app.store.pause(ACCOUNT, "now")
        await on.scripted("T-1")
        await on.bridge.traced("standard-webhooks", "scripts", "T-1", lambda trace: bool(told(trace, "waiting")))
        clock.ahead_ms = TWO_DAYS_MS
        on.jelou.faults.next_start(Fault.named("throttled", retry_after="0.1"))
        for lane in await on.bridge.app.store.resume(ACCOUNT):
            await on.bridge.app.queue.wake(lane)
        trace = await on.until_phase("T-1", "open")
        assert len(told(trace, "refused")) == 1
        assert conversations(on, "T-1") == [trace["conversation"]]


async def test_a_note_has_a_horizon_of_its_own(redis_url: str, prefix: str) -> None:
    """It is tried again after a failure, although the start was made two days before."""
    clock = WallClock()
    async with scene(redis_url, prefix, zendesk=FIRM, adapted=clock) as on:
        on.jelou.faults.next_event(HELD)
        ticket = str(on.zendesk.open_ticket("No puedo entrar", "+593987654321").id)
        await on.bridge.traced("zendesk", "acme", ticket, lambda trace: trace["phase"] == "started")
        clock.ahead_ms = TWO_DAYS_MS
        on.zendesk.faults.next("update_ticket", Fault(status=500))
        await on.jelou.settle()
        trace = await on.until_phase(ticket, "open", kind="zendesk", account="acme")
        assert "buried" not in line(trace)
        assert len(on.zendesk.notes(int(ticket))) == 1


async def test_a_retried_unknown_start_ends_at_the_horizon(redis_url: str, prefix: str) -> None:
    """The policy retry does not go on for ever: a person is asked then."""
    clock = WallClock()
    async with scene(redis_url, prefix, scripts=SOON, adapted=clock) as on:
        on.jelou.faults.sometimes("start", Fault.named("reset_before_accepting"), 1.0)
        await on.scripted("T-1")
        await on.bridge.traced("standard-webhooks", "scripts", "T-1", lambda trace: len(told(trace, "unanswered")) > 1)
        clock.ahead_ms = TWO_DAYS_MS
        trace = await on.until_phase("T-1", "parked")
        assert "has no answer" in trace["reason"]
