"""A reply that comes before its ticket's own webhook waits for it; where nothing is started for it, it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.clocks import ServerClock, WallClock
from tests.harness import scene
from tests.outcomes import told
from tests.talk import hears

if TYPE_CHECKING:
    from tests.harness import Scene
    from tests.outcomes import Trace

pytestmark = pytest.mark.asyncio

EARLY = "its ticket was not told of yet"


async def says(on: Scene, text: str, *, public: bool = True) -> None:
    """An agent's reply on ticket T-1."""
    comment = {"id": text, "body": text, "public": public}
    body = {"type": "comment.added", "data": {"ticket": {"id": "T-1"}, "comment": comment}}
    status, _ = await on.signed(body, f"msg-{text}")
    assert status == 202


async def until(on: Scene, what: str, **detail: Any) -> Trace:
    """The ticket's trace when it tells this."""
    return await on.bridge.traced(
        "standard-webhooks", "scripts", "T-1", lambda trace: bool(told(trace, what, **detail))
    )


async def test_replies_before_their_ticket_are_said_once_and_in_order(redis_url: str, prefix: str) -> None:
    """Before those that came after it."""
    async with scene(redis_url, prefix) as on:
        await says(on, "uno")
        await says(on, "dos")
        await until(on, "waiting", reason=EARLY)
        await on.scripted("T-1")
        await says(on, "tres")
        trace = await on.until_phase("T-1", "open")
        await hears(on.jelou.ledger.conversations[trace["conversation"]], "uno", "dos", "tres")


async def test_a_start_that_waits_keeps_the_replies_before_it(redis_url: str, prefix: str) -> None:
    """However long: the five minutes are for the opening to come."""
    clock = WallClock()
    async with scene(redis_url, prefix, adapted=clock) as on:
        store = on.bridge.app.store
        await store.pause("standard-webhooks/scripts", "now")
        await says(on, "uno")
        await until(on, "waiting", reason=EARLY)
        await on.scripted("T-1")
        await until(on, "waiting", reason="the account is paused")
        clock.ahead_ms = 600_000
        for lane in await store.resume("standard-webhooks/scripts"):
            await on.bridge.app.queue.wake(lane)
        trace = await on.until_phase("T-1", "open")
        await hears(on.jelou.ledger.conversations[trace["conversation"]], "uno")


async def test_a_rule_that_says_no_ends_the_wait(redis_url: str, prefix: str) -> None:
    """At once, with its reason; and nothing later waits."""
    only = {"start_when": [{"name": "vip", "when": {"tags": ["vip"]}}]}
    async with scene(redis_url, prefix, scripts=only) as on:
        await says(on, "uno")
        await until(on, "waiting", reason=EARLY)
        await on.scripted("T-1")
        await until(on, "ignored", event="agent.replied", reason="nothing is started for the ticket")
        await says(on, "dos")
        trace = await until(on, "received", event="agent.replied")
        assert len(told(trace, "waiting", reason=EARLY)) == 1


async def test_a_reply_whose_ticket_never_comes_is_let_go_and_counted(redis_url: str, redis: Any, prefix: str) -> None:
    """After five minutes, with its reason in the trace. A private one never waits."""
    wall, server = WallClock(), ServerClock(redis, prefix)
    async with scene(redis_url, prefix, adapted=lambda app: wall(server(app))) as on:
        await says(on, "uno")
        await says(on, "nota", public=False)
        await until(on, "waiting", reason=EARLY)
        wall.ahead_ms = 300_001
        await server.pass_ms(300_001)
        await until(on, "ignored", reason="nothing told of its ticket's opening within five minutes")
        trace = await until(on, "ignored", reason="a private note stays in the helpdesk")
        assert len(told(trace, "waiting", reason=EARLY)) == 1
        async with on.bridge.session.get(f"{on.bridge.url}/metrics") as answer:
            assert 'bridge_early_replies_dropped_total{account="standard-webhooks/scripts"} 1.0' in await answer.text()
