"""What the log says of a bad night: what needs a person is no ``info``, and each line says of which ticket it is."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson

from bridge.embedded import EmbeddedServer
from bridge.twins.faults import Fault
from tests.harness import eventually, scene
from tests.integration.test_workers_breaker import JELOU, let_probe
from tests.log_capture import configured

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest
    from redis.asyncio import Redis

    from tests.harness import Scene

ACCOUNT = ("standard-webhooks", "scripts")


class Log:
    """All lines that were logged until now, of JSON."""

    def __init__(self, capture: pytest.CaptureFixture[bytes]) -> None:
        self._capture = capture
        self._lines: list[dict[str, Any]] = []

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        """Those of one event, or all."""
        out = self._capture.readouterr().out
        self._lines += [orjson.loads(line) for line in out.splitlines() if line.startswith(b"{")]
        return [one for one in self._lines if event in {"", one["event"]}]

    async def has(self, event: str) -> dict[str, Any]:
        """The first line of the event, as soon as there is one."""

        async def there() -> bool:
            return bool(self.lines(event))

        await eventually(there)
        return self.lines(event)[0]

    def for_a_person(self) -> list[str]:
        """What ``grep -v info`` finds."""
        return [one["event"] for one in self.lines() if one["level"] != "info"]


@asynccontextmanager
async def night(
    redis_url: str, prefix: str, capture: pytest.CaptureFixture[bytes], **changes: Any
) -> AsyncIterator[tuple[Scene, Log]]:
    """The bridge between the twins, and its log."""
    with configured("info", "json"):
        async with scene(redis_url, prefix, **changes) as on:
            yield on, Log(capture)


async def test_a_refused_credential_is_an_error_and_its_repair_is_told(
    redis_url: str, prefix: str, redis: Redis, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Once, with the setting to look at, whatever number of tickets wait; and that it is over."""
    async with night(redis_url, prefix, capsysbinary) as (on, log):
        on.jelou.faults.sometimes("start", Fault(status=401), 1.0)
        for number in range(3):
            await on.scripted(f"T-{number}", phone=f"+59398765432{number}")
        refused = await log.has("credential refused")
        assert (refused["level"], refused["destination"]) == ("error", JELOU)
        assert refused["setting"].startswith("jelou.soporte.api_key")
        on.jelou.faults.clear()
        await let_probe(redis, prefix, JELOU)
        closed = await log.has("breaker closed")
        assert (closed["level"], closed["destination"]) == ("warning", JELOU)
        assert log.for_a_person() == ["credential refused", "breaker closed"]


async def test_every_line_of_a_delivery_names_its_ticket(
    redis_url: str, prefix: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """In the web from the moment it is read, in the worker in all of its work: calls that fail, what is given up."""
    async with night(redis_url, prefix, capsysbinary) as (on, log):
        on.jelou.faults.sometimes("start", Fault(status=400), 1.0)
        for ticket in ("T-1", "T-2"):
            await on.scripted(ticket, phone=f"+5939876543{ticket[-1]}0")
            await on.bridge.traced(*ACCOUNT, ticket, lambda trace: trace["phase"] == "failed")
        await log.has("worked")
        names = {f"standard-webhooks/scripts/{ticket}" for ticket in ("T-1", "T-2")}
        for event in ("delivery", "call failed", "buried", "worked"):
            assert {line.get("ticket") for line in log.lines(event)} == names, event
        assert {line["sender"] for line in log.lines("delivery")} == {"standard-webhooks/scripts"}
        assert set(log.for_a_person()) == {"buried"}
        assert b"+5939876543" not in orjson.dumps(log.lines())


async def test_a_ticket_that_is_over_leaves_nothing_in_the_next_lines(
    redis_url: str, prefix: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """One connection serves many deliveries: what is refused on it is not told of the ticket before."""
    async with night(redis_url, prefix, capsysbinary, work=False) as (on, log):
        await on.scripted("T-1")
        async with on.bridge.session.post(f"{on.bridge.url}/webhooks/helpdesks/nobody/here", json={}) as answer:
            assert answer.status == 404
        refused = await log.has("refused delivery")
        assert "ticket" not in refused
        assert refused["sender"] == "unknown"


async def test_all_paths_tell_an_outage_of_redis_together_once(
    prefix: str, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Any
) -> None:
    """Web, sweep, heartbeat, bell, jobs: one line with the address, and one when it is back."""
    server = EmbeddedServer(tmp_path)
    await server.start()
    try:
        async with night(server.url, prefix, capsysbinary) as (on, log):
            await on.scripted("T-1")
            await server.stop()
            gone = await log.has("redis unavailable")
            assert (gone["level"], "Redis at 127.0.0.1:" in gone["reason"], "ticket" in gone) == ("error", True, False)
            status, _ = await on.scripted("T-2")
            assert status == 503
            await server.start()
            assert (await log.has("redis back"))["says"].startswith("back after ")
            about = [one for one in log.for_a_person() if one.startswith("redis ")]
            assert about == ["redis unavailable", "redis back"]
    finally:
        await server.stop()
