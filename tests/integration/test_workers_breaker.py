"""A destination that is not called: nothing is given up for it, and everybody can see that it is so, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.twins.faults import Fault
from tests.harness import eventually, scene
from tests.outcomes import kept, line, told

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.harness import Scene
    from tests.outcomes import Trace

JELOU, ZENDESK = "jelou/soporte", "zendesk/acme"
STORED = {JELOU: "jelou:soporte", ZENDESK: "helpdesk:zendesk/acme"}
REFUSED = Fault(status=401)
PEOPLE = {f"T-{number}": f"+59398765432{number}" for number in range(5)}


async def asked(on: Scene, path: str) -> Any:
    """What the web tells at this path."""
    async with on.bridge.session.get(on.bridge.url + path) as answer:
        return await (answer.json() if "json" in answer.content_type else answer.text())


async def not_called(on: Scene) -> dict[str, str]:
    """The destinations that are left alone, each with its reason."""
    ready = await asked(on, "/ready")
    assert ready["ready"]
    return {one["destination"]: one["reason"] for one in ready["not_called"]}


async def waits(on: Scene, ticket: str, kind: str = "standard-webhooks", account: str = "scripts") -> Trace:
    """The trace of a ticket that waits for a destination."""
    return await on.bridge.traced(kind, account, ticket, lambda trace: "credential" in trace["waits_for"])


FORGET_HOLDS = """
if redis.call('HEXISTS', KEYS[1], 'holder') == 1 then return end
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return end
local link = cjson.decode(state)
link.holds = {}
redis.call('HSET', KEYS[1], 'state', cjson.encode(link))
"""
"""The link's own memory of how long it waits is over as well."""


async def let_probe(redis: Any, prefix: str, destination: str) -> None:
    """The breaker's time is over, and every ticket that waits for it looks again."""
    await redis.hset(f"{prefix}:breaker:{STORED[destination]}", "until", 1)
    await redis.zadd(f"{prefix}:queues", {STORED[destination]: 1})
    for lane in [name.decode() for name in await redis.zrange(f"{prefix}:lanes", 0, -1)]:
        for ticket in await redis.zrange(f"{prefix}:lane:{lane}", 0, -1):
            await redis.eval(FORGET_HOLDS, 1, f"{prefix}:link:{ticket.decode()}")
            await redis.zadd(f"{prefix}:lane:{lane}", {ticket: 1})
        await redis.zadd(f"{prefix}:lanes", {lane: 1})


async def test_a_refused_credential_of_jelou_loses_no_ticket(redis_url: str, prefix: str, redis: Redis) -> None:
    """The first 401 stops all starts; tickets are accepted and wait, and go on when the credential is repaired."""
    async with scene(redis_url, prefix) as on:
        on.jelou.faults.sometimes("start", REFUSED, 1.0)
        for ticket, phone in PEOPLE.items():
            status, _ = await on.scripted(ticket, phone=phone)
            assert status == 202
            trace = await waits(on, ticket)
            assert trace["phase"] == "new"
            assert "jelou.soporte.api_key" in trace["waits_for"]
        assert len(told(trace, "sending")) == 0
        assert "jelou.soporte.api_key" in (await not_called(on))[JELOU]
        assert f'bridge_breaker_open{{destination="{JELOU}"}} 1.0' in await asked(on, "/metrics")
        assert await kept(redis, prefix, "dead-letters") == []
        on.jelou.faults.clear()
        await let_probe(redis, prefix, JELOU)
        for ticket in PEOPLE:

            async def is_open(ticket: str = ticket) -> bool:
                await let_probe(redis, prefix, JELOU)
                return bool((await on.bridge.trace("standard-webhooks", "scripts", ticket))["phase"] == "open")

            await eventually(is_open)
        assert await not_called(on) == {}
        assert f'bridge_breaker_open{{destination="{JELOU}"}} 0.0' in await asked(on, "/metrics")


async def test_a_refused_credential_of_a_helpdesk_loses_no_note(redis_url: str, prefix: str, redis: Redis) -> None:
    """The conversation is open, the note waits and names the credential; nothing is buried."""
    async with scene(redis_url, prefix) as on:
        ticket = on.zendesk.open_ticket("No puedo entrar", "+593987654321").id
        on.zendesk.faults.next("update_ticket", REFUSED)
        trace = await waits(on, str(ticket), "zendesk", "acme")
        assert trace["phase"] in {"started", "open"}
        assert "helpdesks.zendesk.acme.access" in trace["waits_for"]
        assert "helpdesks.zendesk.acme.access" in (await not_called(on))[ZENDESK]
        await let_probe(redis, prefix, ZENDESK)
        trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        assert len(on.zendesk.notes(ticket)) == 1
        assert "buried" not in line(trace)


@pytest.mark.parametrize("path", ["/metrics", "/ready"])
async def test_what_is_called_is_not_said_to_be_left_alone(redis_url: str, prefix: str, path: str) -> None:
    """While all is well, each destination is there and open none."""
    async with scene(redis_url, prefix, work=False) as on:
        told_of = await asked(on, path)
        if path == "/ready":
            assert told_of["not_called"] == []
        else:
            lines = [one for one in told_of.splitlines() if one.startswith("bridge_breaker_open{")]
            names = [JELOU, ZENDESK, "standard-webhooks/scripts"]
            assert sorted(lines) == sorted(f'bridge_breaker_open{{destination="{name}"}} 0.0' for name in names)


async def test_a_ticket_that_waits_says_what_is_wrong_and_when_it_goes_on(redis_url: str, prefix: str) -> None:
    """The address, the reason, how often it was tried, when it is tried next; the destination as everywhere else."""
    async with scene(redis_url, prefix) as on:
        port = int(on.jelou.url.rpartition(":")[2])
        await on.jelou.stop()
        await on.scripted("T-1")
        why = f"cannot connect to 127.0.0.1:{port} (connection refused), attempt "
        trace = await on.bridge.traced(
            "standard-webhooks", "scripts", "T-1", lambda trace: why in trace["waits_for"] and bool(trace["due_at"])
        )
        assert trace["due_at"] > on.bridge.app.now_ms() - 60_000
        assert trace["given_up_at"] > trace["due_at"]
        trace = await on.bridge.traced(
            "standard-webhooks", "scripts", "T-1", lambda trace: f"{JELOU} is not called" in trace["waits_for"]
        )
        assert STORED[JELOU] not in str(trace)
