"""Who waits here for its turn, and when it is looked for: no later than it is expected, and not all the time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.turns import Turns
from tests.clocks import LoopClock

if TYPE_CHECKING:
    import pytest

JELOU, TICKET = "jelou:soporte", "zendesk/acme/1"


async def test_what_is_granted_is_told_to_who_waits_for_it() -> None:
    """With how long it is until its moment; what another one is granted is not its business."""
    turns = Turns("worker")
    waiting = asyncio.create_task(turns.granted(JELOU, TICKET, 3_600))
    await asyncio.sleep(0)
    turns.tell([(JELOU, "zendesk/acme/2", 10), ("helpdesk:zendesk/acme", TICKET, 20)])
    await asyncio.sleep(0)
    assert not waiting.done()
    turns.tell([(JELOU, TICKET, 250)])
    assert await waiting == 0.25


async def test_who_waits_in_vain_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what comes after that is nobody's."""
    clock, turns = LoopClock(monkeypatch), Turns("worker")
    waiting = asyncio.create_task(turns.granted(JELOU, TICKET, 5))
    await asyncio.sleep(0)
    await clock.pass_s(4.9)
    assert not waiting.done()
    await clock.pass_s(0.2)
    assert await waiting is None
    turns.tell([(JELOU, TICKET, 0)])


async def test_a_look_waits_until_something_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no longer than the longest pause, whatever is due later."""
    clock, turns = LoopClock(monkeypatch), Turns("worker")
    for next_ms, pause_s in ((300, 0.3), (None, 1.0), (60_000, 1.0)):
        pausing = asyncio.create_task(turns.pause(1.0, next_ms))
        await asyncio.sleep(0)
        await clock.pass_s(pause_s - 0.05)
        assert not pausing.done()
        await clock.pass_s(0.1)
        assert pausing.done()


async def test_what_becomes_due_meanwhile_is_looked_for_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sooner than planned, once more if still sooner; what is due later changes nothing."""
    clock, turns = LoopClock(monkeypatch), Turns("worker")
    pausing = asyncio.create_task(turns.pause(60.0))
    await asyncio.sleep(0)
    await clock.pass_s(1)
    for in_ms in (20_000, 5_000, 30_000):
        turns.expect(in_ms)
        await clock.pass_s(0)
    await clock.pass_s(4.9)
    assert not pausing.done()
    await clock.pass_s(0.2)
    assert pausing.done()


async def test_a_busy_gate_is_not_looked_at_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is due at once, there is a pause between two looks."""
    clock, turns = LoopClock(monkeypatch), Turns("worker")
    pausing = asyncio.create_task(turns.pause(60.0, 0))
    await asyncio.sleep(0)
    for _ in range(10):
        turns.expect(0)
        await clock.pass_s(0)
    assert not pausing.done()
    await clock.pass_s(0.03)
    assert pausing.done()
