"""A customer's words, phone and name, and every secret, stay where the work is, and are not to be read by the way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
from redis.asyncio import Redis

from bridge.signatures import jelou_signature
from bridge.twins.faults import Fault
from tests.harness import API_TOKEN, KEY, PROJECT, Scene, eventually, scene
from tests.log_capture import configured
from tests.outcomes import SHORT_WAITS
from tests.steps import content
from tests.webhooks import exchange, get, post, post_script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

WORDS = ["mariposa", "Zoraida", "zoraida@correo.example"]
PHONES = ["987001234", "98 700 1234", "987005678"]
CUSTOMERS = [*WORDS, *PHONES]
TEXT = "la clave es mariposa"
NAMES = {"contact", "room", "person", "named", "starting", "closing", "behind", "last"}
KEPT = {"link", "transcript", "inbox", "evidence", "orphan", "orphans", "dead-letters", "unread", *NAMES}
"""Where the work itself keeps what it needs: events (a letter holds its own, to be replayed), plans, who is who."""


@dataclass
class Seen:
    """What somebody could read by the way: each surface with its bytes."""

    surfaces: dict[str, bytes] = field(default_factory=dict)

    def add(self, surface: str, told: bytes | str) -> None:
        """More of a surface."""
        more = told.encode() if isinstance(told, str) else told
        self.surfaces[surface] = self.surfaces.get(surface, b"") + more + b"\n"

    def leaks(self, secrets: list[str]) -> list[tuple[str, str]]:
        """Where something stands that must not."""
        return [
            (surface, word)
            for surface, told in self.surfaces.items()
            for word in [*CUSTOMERS, *secrets]
            if word.encode() in told
        ]


def secrets_of(on: Scene) -> list[str]:
    """Every secret of the scene, in each form it could be written."""
    integration = on.jelou.integration
    found = [on.jelou.settings.api_key, on.zendesk.settings.api_token, on.zendesk.settings.secret]
    return [*found, integration.secret if integration else "", KEY, API_TOKEN, "wrong-token", "url-token"]


@asynccontextmanager
async def jobs_watched(url: str, seen: Seen) -> AsyncIterator[None]:
    """Every command that carries an arq job, as Redis gets it."""

    async def watch(client: Redis, ready: asyncio.Event) -> None:
        async with client.monitor() as monitor:
            ready.set()
            async for command in monitor.listen():
                if "arq:job" in command["command"]:
                    seen.add("jobs", command["command"])

    ready = asyncio.Event()
    async with Redis.from_url(url) as client:
        task = asyncio.create_task(watch(client, ready))
        await ready.wait()
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def a_conversation(on: Scene) -> None:
    """The happy path: a ticket, its conversation, a message from each side, the end."""
    ticket = on.zendesk.open_ticket(TEXT, "+593 98 700 1234", name="Zoraida", email="zoraida@correo.example")
    await on.until_phase(str(ticket.id), "open", kind="zendesk", account="acme")
    on.jelou.customer_writes("593987001234", TEXT)
    on.zendesk.customer_writes(ticket.id, TEXT)
    on.zendesk.agent_writes(ticket.id, TEXT)
    await unknown_event(on)
    on.jelou.close("593987001234")
    await on.until_phase(str(ticket.id), "closed", kind="zendesk", account="acme")


async def unknown_event(on: Scene) -> None:
    """An event of Jelou's that the bridge does not know, full of what must not be told."""
    assert on.jelou.integration
    told = orjson.dumps({"object": "message_event", "event_type": "read", "text": TEXT, "contact": {"name": "Zoraida"}})
    headers = {
        "content-type": "application/json",
        "x-jelou-signature": jelou_signature(on.jelou.integration.secret, told),
    }
    assert (await post(on.bridge, f"/webhooks/jelou/{PROJECT}", told, headers)).status == 202


FAULTS: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "refused": (Fault(status=422), ("failed",)),
    "unreadable": (Fault.named("unreadable_after_accepting"), ("open",)),
    "lost": (Fault(status=500), ("parked",)),
    "throttled": (Fault(status=429, retry_after="0"), ("open",)),
}


async def failures(on: Scene) -> None:
    """Starts that fail in each way, and tickets that no start can be made for."""
    for name, (fault, phases) in FAULTS.items():
        on.jelou.faults.next_start(fault)
        await on.scripted(name, subject=TEXT, phone="+593 98 700 5678", description=TEXT)
        await on.until_phase(name, *phases)
    for number, phone in enumerate(["llamar al 98 700 1234 x mariposa", "987001234"]):
        await on.scripted(f"nobody-{number}", subject=TEXT, phone=phone)
        await on.until_phase(f"nobody-{number}", "failed")


async def strangers(on: Scene, seen: Seen) -> None:
    """Deliveries and questions that are refused."""
    run, path = on.bridge, f"/webhooks/jelou/{PROJECT}"
    told = orjson.dumps({"text": TEXT, "contact": {"id": "593987001234", "name": "Zoraida"}})
    headers = {"content-type": "application/json", "x-jelou-signature": "sha256=wrong-token"}
    refused = [
        await post(run, path, told, headers),
        await post(run, f"{path}?token=url-token", told, headers),
        await exchange(run, _head(path, f"content-length: {len(told) * 20_000}"), told * 20_000),
        await post(run, path, told, {**headers, "content-type": "text/plain"}),
        await post(run, "/webhooks/jelou/other?token=url-token", told, headers),
        await get(run, "/api/tickets/zendesk/acme/1", "wrong-token"),
    ]
    unreadable = orjson.dumps({"type": "ticket.created", "data": {"ticket": {"subject": TEXT, "id": ["Zoraida"]}}})
    refused += [await post_script(run, raw) for raw in (unreadable, unreadable[:-3])]
    assert [answer.status for answer in refused] == [401, 401, 413, 415, 404, 401, 400, 400]
    for answer in refused:
        seen.add("refusals", answer.body)
    # A broken request is shown its own broken line by aiohttp, and nobody else is.
    assert (await exchange(run, _head(path, "transfer-encoding: chunked") + b"5\r\n" + told)).status == 400


def _head(path: str, length: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: a", "content-type: application/json", "authorization: wrong-token", length]
    return "\r\n".join([*lines, "", ""]).encode()


async def looked_at(on: Scene, redis: Redis, prefix: str, seen: Seen) -> None:
    """What people and machines can ask for afterwards, and what Redis keeps for long."""
    seen.add("metrics", (await get(on.bridge, "/metrics")).body)
    names = [f"standard-webhooks/scripts/{name}" for name in (*FAULTS, "nobody-0", "nobody-1")]
    for ticket in [*names, *(f"zendesk/acme/{one}" for one in on.zendesk.desk.tickets)]:
        answer = await get(on.bridge, f"/api/tickets/{ticket}", API_TOKEN)
        assert answer.json["known"]
        seen.add("api", answer.body)
    for name in ("orphans", "dead-letters", "decisions"):
        await paged(on, name, seen)
    seen.add("api", (await get(on.bridge, "/ready")).body)
    async for key in redis.scan_iter(f"{prefix}:*"):
        if key.decode().split(":")[1] not in KEPT:
            seen.add("redis", key)
            seen.add("redis", await content(redis, key))


async def paged(on: Scene, name: str, seen: Seen) -> None:
    """A list one by one: where each page ended stands in the next one's address."""
    after, pages = "", 0
    while pages == 0 or after:
        answer = await get(on.bridge, f"/api/{name}?limit=1&after={after}", API_TOKEN)
        assert answer.status == 200
        seen.add("api", answer.body)
        after, pages = answer.json["next"], pages + 1


async def forgotten(on: Scene, seen: Seen) -> None:
    """Everybody is forgotten, after a look: two people, and two tickets that no person could be read from."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {API_TOKEN}"}
    tickets = [{"ticket": f"standard-webhooks/scripts/nobody-{number}"} for number in (0, 1)]
    for whom in ({"user": "+593 98 700 1234"}, {"user": "593987005678"}, *tickets):
        for preview in (True, False):
            body = orjson.dumps({**whom, "preview": preview})
            answer = await post(on.bridge, "/api/forget", body, headers)
            assert (answer.status, len(answer.json["tickets"]) > 0) == (200, True)
            seen.add("api", answer.body)

    async def is_told() -> bool:
        return b'bridge_forgotten_total{kind="ticket"} 7.0' in (await get(on.bridge, "/metrics")).body

    await eventually(is_told)
    seen.add("metrics", (await get(on.bridge, "/metrics")).body)


async def left_of(on: Scene, redis: Redis, prefix: str) -> list[str]:
    """What of anybody is still to be found, in any key and any value: words, phones, tickets, conversations."""
    everything = [(key.decode(), await content(redis, key)) async for key in redis.scan_iter(f"{prefix}:*")]
    # A bare number stands in a time as well.
    numbers = [written for number in on.zendesk.desk.tickets for written in (f"/{number}", f'"{number}"')]
    ids = [*numbers, *on.jelou.ledger.conversations, "nobody-", "/throttled", "/unreadable"]
    return [f"{word} in {key}" for word in [*CUSTOMERS, *ids] for key, told in everything if word in key + told]


async def test_nothing_of_a_customers_and_no_secret_is_to_be_read_by_the_way(
    redis_url: str, redis: Redis, prefix: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Logs at their most talkative, metrics, jobs, timelines, letters, answers of the API and refusals.

    And when everybody was forgotten, nothing of them is left anywhere in Redis.
    """
    seen = Seen()
    async with jobs_watched(redis_url, seen):
        with configured("debug", "json"):
            async with scene(redis_url, prefix, scripts={"write_back": {"note": True}, **SHORT_WAITS}) as on:
                await a_conversation(on)
                await failures(on)
                await strangers(on, seen)
                await looked_at(on, redis, prefix, seen)
                assert await left_of(on, redis, prefix) != []
                await forgotten(on, seen)
                assert await left_of(on, redis, prefix) == []
        for stream in capsysbinary.readouterr():
            seen.add("logs", stream)
    assert seen.surfaces.keys() == {"jobs", "logs", "metrics", "api", "redis", "refusals"}
    for surface, word in {"jobs": "acme", "logs": '"worked"', "api": "orphans", "redis": "timeline"}.items():
        assert word.encode() in seen.surfaces[surface]
    assert seen.leaks(secrets_of(on)) == []


def test_the_look_finds_what_it_looks_for() -> None:
    """It can fail: a word in any surface is found, with the surface."""
    seen = Seen()
    seen.add("logs", "user=+593987001234")
    seen.add("api", '{"reason": "Bearer k-1"}')
    assert seen.leaks(["k-1"]) == [("logs", "987001234"), ("api", "k-1")]
