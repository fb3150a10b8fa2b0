"""Pace at work: shared by the accounts of a project, and fair between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness import eventually, scene

if TYPE_CHECKING:
    from tests.harness import Scene

FLOOD, CALM = 120, 5


async def test_a_flood_in_one_account_does_not_delay_another(redis_url: str, prefix: str) -> None:
    """The other's tickets start in their own share: about every second call is theirs, however many stand before."""
    async with scene(redis_url, prefix, more_scripts={"flood": {}}, jelou={"calls_per_s": 20.0}) as on:
        for number in range(FLOOD):
            await on.scripted(f"F-{number}", account="flood", phone=f"+5939876{number:05}")
        await eventually(lambda: _started(on, "/flood/", 10))
        before = len(on.jelou.ledger.starts)
        for number in range(CALM):
            await on.scripted(f"C-{number}", phone=f"+5939875{number:05}")
        await eventually(lambda: _started(on, "/scripts/", CALM))
        order = [start.metadata["bridgeTicket"] for start in on.jelou.ledger.starts[before:]]
        last = max(place for place, ticket in enumerate(order) if "/scripts/" in ticket)
        assert last < 6 * CALM
        assert before + len(order) < FLOOD


async def _started(on: Scene, account: str, count: int) -> bool:
    return sum(account in start.metadata["bridgeTicket"] for start in on.jelou.ledger.starts) >= count
