"""What fails for too long is given up, with its last reason; what merely waited has not failed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bridge.twins.faults import EventFault, Fault
from tests.harness import eventually, scene
from tests.outcomes import FIRM, conversations, line, told

if TYPE_CHECKING:
    from bridge.wiring import App

ACCOUNT = "standard-webhooks/scripts"
TWO_DAYS_MS = 172_800_000
SOON = {"unknown_start": {"wait_s": 0.1, "then": "retry"}, "horizon_s": 0.4}


@dataclass
class Clock:
    """The workers' wall clock, which may be put forward; an account gives up after a day."""

    ahead_ms: int = 0

    def __call__(self, app: App) -> App:
        """The same bridge, by this clock."""
        return replace(app, now_ms=lambda: app.now_ms() + self.ahead_ms)


async def test_what_could_not_be_done_within_the_horizon_is_buried(redis_url: str, prefix: str) -> None:
    """A start that is refused again and again is given up in the end, with its last reason."""
    clock = Clock()
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
    clock = Clock()
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
    clock = Clock()
    async with scene(redis_url, prefix, zendesk=FIRM, adapted=clock) as on:
        on.jelou.faults.next_event(EventFault.named("late", delay_s=0.4))
        ticket = str(on.zendesk.open_ticket("No puedo entrar", "+593987654321").id)
        await on.bridge.traced("zendesk", "acme", ticket, lambda trace: trace["phase"] == "started")
        clock.ahead_ms = TWO_DAYS_MS
        on.zendesk.faults.next("update_ticket", Fault(status=500))
        trace = await on.until_phase(ticket, "open", kind="zendesk", account="acme")
        assert "buried" not in line(trace)
        assert len(on.zendesk.notes(int(ticket))) == 1


async def test_a_retried_unknown_start_ends_at_the_horizon(redis_url: str, prefix: str) -> None:
    """The policy retry does not go on for ever: a person is asked then."""
    async with scene(redis_url, prefix, scripts=SOON) as on:
        on.jelou.faults.sometimes("start", Fault.named("reset_before_accepting"), 1.0)
        await on.scripted("T-1")
        trace: dict[str, Any] = await on.until_phase("T-1", "parked")
        assert len(told(trace, "unanswered")) > 1
        assert "has no answer" in trace["reason"]
