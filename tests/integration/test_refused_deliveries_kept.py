"""Refused deliveries are counted whatever Redis does, logged without flooding, told by ``/ready``, and forgotten."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from bridge.errors import StoreUnavailable
from bridge.protocol import Whom
from bridge.refusals import LATELY_MS, PER_REASON, Reason, RefusedDelivery
from bridge.refusing import PENDING_MOST, REFUSALS
from bridge.wiring import store_on, wall_clock_ms
from tests.clocks import WallClock
from tests.harness import running
from tests.redis_proxy import everything, nothing, refusing
from tests.steps import KEEP
from tests.webhooks import bridge, deliver, get, listening, post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.harness import Running

SIGNATURE = ("zendesk/main", 401, "wrong_signature")


@asynccontextmanager
async def clocked(redis_url: str, prefix: str) -> AsyncIterator[tuple[Running, WallClock]]:
    """The web process by a clock that stands where it is put."""
    at, clock = wall_clock_ms(), WallClock()
    async with running(
        bridge(), redis_url, prefix, work=False, adapted=lambda app: clock(replace(app, now_ms=lambda: at))
    ) as run:
        yield run, clock


def stranger(run: Running, path: str) -> None:
    """A request to no path of ours, as the web process sees it; by HTTP a thousand take too long."""
    error = StoreUnavailable("away")
    run.site[REFUSALS].note(make_mocked_request("POST", path), "unknown", 503, error)


async def kept(redis_url: str, prefix: str) -> list[RefusedDelivery]:
    """What is kept, newest first."""
    async with store_on(redis_url, prefix, connections=2) as store:
        return await store.refused.all(wall_clock_ms())


@pytest.mark.parametrize(
    "error", ["OOM command not allowed when used memory > 'maxmemory'", "LOADING Redis is loading"]
)
async def test_counts_wait_for_a_redis_that_does_not_take_them(redis_url: str, prefix: str, error: str) -> None:
    """Away or full: nothing is lost, and it is written once it takes it."""
    async with refusing(redis_url) as proxy, listening(proxy.url, prefix) as run:
        await deliver(run, "zendesk", change=lambda _: "x")
        proxy.refuses = everything(error)
        await deliver(run, "zendesk", change=lambda _: "x")
        with pytest.raises(StoreUnavailable):
            await run.site[REFUSALS].write()
        await deliver(run, "zendesk", change=lambda _: "x")
        assert (await deliver(run, "zendesk")).status == 503
        proxy.refuses = nothing
        await run.site[REFUSALS].write()
        found = {(one.sender, one.status, one.reason): one for one in await kept(redis_url, prefix)}
    assert {kind: one.count for kind, one in found.items()} == {
        SIGNATURE: 3,
        ("zendesk/main", 503, "redis_unavailable"): 1,
    }
    assert "Redis at 127.0.0.1" in found["zendesk/main", 503, "redis_unavailable"].says


async def test_what_waits_is_bounded(redis_url: str, prefix: str) -> None:
    """A stranger's paths beyond the bound are counted together, without their paths."""
    async with clocked(redis_url, prefix) as (run, clock):
        for number in range(PENDING_MOST):
            stranger(run, f"/{number}")
        clock.ahead_ms += 1
        for number in range(50):
            stranger(run, f"/more/{number}")
        await run.site[REFUSALS].write()
        found = await kept(redis_url, prefix)
    assert (found[0].path, found[0].count, len(found)) == ("", 50, PER_REASON)


async def test_the_last_counts_are_written_at_the_end(redis_url: str, prefix: str) -> None:
    """Also those that came just before."""
    async with listening(redis_url, prefix) as run:
        await deliver(run, "zendesk", change=lambda _: "x")
    assert [one.count for one in await kept(redis_url, prefix)] == [1]


async def test_a_flood_is_one_line_a_second_and_none_goes_unsaid(redis_url: str, prefix: str) -> None:
    """The first at once; the others of its second together, also where no more come; another reason has its own."""
    with capture_logs() as lines:
        async with clocked(redis_url, prefix) as (run, clock):
            for _ in range(5):
                await deliver(run, "zendesk", change=lambda _: "x")
            await post(run, "/wp-login.php", b"", {})
            clock.ahead_ms += 1_000
            await run.site[REFUSALS].write()
            for _ in range(3):
                await deliver(run, "zendesk", change=lambda _: "x")
    told = [(line["reason"], line["times"]) for line in lines if line["event"] == "refused delivery"]
    assert told == [("wrong_signature", 1), ("unknown_path", 1), ("wrong_signature", 4), ("wrong_signature", 3)]


async def test_forgetting_a_ticket_forgets_what_names_it(redis_url: str, prefix: str) -> None:
    """And leaves what names another, or none."""
    now = wall_clock_ms()
    one = RefusedDelivery("zendesk/main", 503, Reason.REDIS_UNAVAILABLE.value, 1, now, now)
    async with store_on(redis_url, prefix, connections=2) as store:
        await store.refused.keep(
            [one, replace(one, ticket="zendesk/main/7"), replace(one, ticket="zendesk/main/8")], now
        )
        whom = Whom(tickets=("zendesk/main/7",))
        await store.removals.forget(whom, KEEP, preview=True)
        assert len(await store.refused.all(now)) == 3
        await store.removals.forget(whom, KEEP, preview=False)
        assert {found.ticket for found in await store.refused.all(now)} == {"", "zendesk/main/8"}


async def test_ready_warns_of_what_a_known_sender_was_refused_lately(redis_url: str, prefix: str) -> None:
    """With count and reason, for ten minutes; not of strangers, nor where Redis or the load was the reason."""
    async with clocked(redis_url, prefix) as (run, clock):

        async def warned() -> list[str]:
            return [words for words in (await get(run, "/ready")).json["warnings"] if "refused" in words]

        await post(run, "/wp-login.php", b"", {})
        now = run.app.now_ms()
        away = RefusedDelivery("zendesk/main", 503, Reason.REDIS_UNAVAILABLE.value, 1, now, now)
        await run.app.store.refused.keep([away], now)
        await run.site[REFUSALS].write()
        assert await warned() == []
        for _ in range(2):
            await deliver(run, "zendesk", change=lambda _: "x")
        await run.site[REFUSALS].write()
        clock.ahead_ms = 120_000
        [words] = await warned()
        assert words.startswith("2 deliveries of zendesk/main were refused with 401 since ")
        assert words.endswith(" UTC, last 2 minutes ago: the signature does not match")
        clock.ahead_ms = LATELY_MS + 1
        assert await warned() == []
