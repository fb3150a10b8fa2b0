"""What the bridge answers to people and machines: a ticket's trace behind a token, probes and metrics without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from bridge.embedded import EmbeddedServer
from tests.harness import API_TOKEN, eventually
from tests.helpdesk_recordings import Recordings
from tests.webhooks import SENDERS, deliver, get, listening, post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.harness import Running

TICKET = "/api/tickets/django-helpdesk/main"
NO_WORKER = "no worker is alive, and none was since Redis has this data: nothing that was accepted is worked"
"""Here the web process is alone."""


@pytest.fixture
async def run(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process."""
    async with listening(redis_url, prefix) as run:
        yield run


async def delivered_ticket(run: Running) -> str:
    """The path of a ticket that was delivered."""
    assert (await deliver(run, "django-helpdesk")).status == 202
    [told] = Recordings("django-helpdesk").expected["ticket-created.json"]
    return f"/api/tickets/{told['ref']}"


# --- the API ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {API_TOKEN}x",
        f"Bearer {API_TOKEN[:-1]}",
        f"Basic {API_TOKEN}",
        API_TOKEN,
        f"Bearer {API_TOKEN}, Bearer x",
        "Bearer ñandú",
    ],
)
async def test_without_its_token_the_api_is_401(run: Running, header: str | None) -> None:
    """Also for tickets, accounts and kinds that do not exist: whoever has no token learns nothing of them."""
    known = await delivered_ticket(run)
    for path in (known, f"{TICKET}/unknown", "/api/tickets/django-helpdesk/other/1", "/api/tickets/no/such/1"):
        answer = await post(run, path, b"", {} if header is None else {"authorization": header}, "GET")
        assert (answer.status, answer.body) == (401, b'{"error":"unauthorised"}')


async def test_without_any_token_configured_the_api_is_401(redis_url: str, prefix: str) -> None:
    """No token does not mean no lock."""
    async with listening(redis_url, prefix, api={}) as run:
        for token in ("", "None", API_TOKEN):
            assert (await get(run, f"{TICKET}/1", token)).status == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_with_its_token_the_api_tells_the_ticket(run: Running, scheme: str) -> None:
    """Where it is, why, and what happened to it."""
    answer = await post(run, await delivered_ticket(run), b"", {"authorization": f"{scheme} {API_TOKEN}"}, "GET")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    told = answer.json
    assert (told["known"], told["phase"], told["waits_for"]) == (True, "new", f"{NO_WORKER}; then a worker to take it")
    assert [one["what"] for one in told["timeline"]] == ["received"]


async def test_an_unknown_ticket_is_404_and_says_so(run: Running) -> None:
    """In the same form as a known one, so that a program can read both."""
    answer = await get(run, f"{TICKET}/nobody", API_TOKEN)
    assert (answer.status, answer.json["known"], answer.json["timeline"]) == (404, False, [])
    assert answer.json["says"] == "the bridge has never heard of this ticket"


@pytest.mark.parametrize("path", ["/api/tickets/django-helpdesk/other/1", "/api/tickets/other/main/1"])
async def test_a_ticket_of_an_unknown_account_is_404(run: Running, path: str) -> None:
    """The account is told apart from the ticket."""
    answer = await get(run, path, API_TOKEN)
    assert (answer.status, set(answer.json)) == (404, {"error"})


async def test_the_api_is_only_read(run: Running) -> None:
    """Nothing is changed by asking."""
    answer = await post(run, f"{TICKET}/1", b"{}", {"authorization": f"Bearer {API_TOKEN}"}, "POST")
    assert (answer.status, answer.headers["allow"]) == (405, "GET,HEAD")


# --- probes ----------------------------------------------------------------------------------------------------------


async def test_live_hangs_on_nothing(run: Running) -> None:
    """It tells that the process answers."""
    answer = await get(run, "/live")
    assert (answer.status, answer.json) == (200, {"status": "live"})


async def test_ready_tells_what_redis_says_of_itself(run: Running) -> None:
    """A server that keeps the bridge's promises gives no warnings."""
    answer = await get(run, "/ready")
    redis = answer.json["redis"]
    assert (answer.status, answer.json["ready"], answer.json["warnings"]) == (200, True, [NO_WORKER])
    assert redis.pop("version")
    assert redis.pop("last_loss") is None
    assert (redis.pop("memory_bytes") > 0, redis.pop("max_memory_bytes")) == (True, 0)
    told = {"reachable": True, "append_only_file": True, "eviction": "noeviction", "role": "master", "memory": 0}
    assert redis == told


async def test_ready_warns_of_a_redis_that_may_lose_tickets(tmp_path: Path, prefix: str) -> None:
    """Each warning says what is at stake and what to set."""
    async with (
        EmbeddedServer(tmp_path) as server,
        listening(server.url, prefix) as run,
        Redis.from_url(server.url) as redis,
    ):
        await redis.config_set("appendonly", "no")
        await redis.config_set("maxmemory-policy", "allkeys-lru")
        await redis.execute_command("REPLICAOF", "127.0.0.1", "1")
        answer = await get(run, "/ready")
        assert (answer.status, answer.json["ready"]) == (503, False)
        _, lost, evicted, replica = answer.json["warnings"]
        assert lost == "the append-only file is off: a restart of Redis loses tickets (appendonly yes)"
        assert evicted == "maxmemory-policy is allkeys-lru: Redis may drop tickets (noeviction)"
        assert replica == "its role is slave: it takes no writes"


# --- metrics ---------------------------------------------------------------------------------------------------------


async def deliveries(run: Running) -> dict[tuple[str, str], float]:
    """The deliveries counted, by sender and status."""
    answer = await get(run, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.labels["sender"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
        if sample.name == "bridge_deliveries_total"
    }


async def test_metrics_count_what_became_of_deliveries(run: Running) -> None:
    """By sender and outcome, in the format that Prometheus reads."""
    for name in ("django-helpdesk", "django-helpdesk", "jelou"):
        await deliver(run, name)
    await deliver(run, "zendesk", change=lambda _: "x")
    await deliver(run, "zendesk", b"[]")
    assert await deliveries(run) == {
        ("django-helpdesk/main", "accepted"): 1.0,
        ("django-helpdesk/main", "duplicate"): 1.0,
        ("jelou/soporte", "orphaned"): 1.0,
        ("zendesk/main", "rejected 401"): 1.0,
        ("zendesk/main", "rejected 400"): 1.0,
    }


async def test_a_stranger_makes_no_metrics(run: Running) -> None:
    """Names that are not configured are counted together: nobody fills the memory with labels."""
    sender = SENDERS["zendesk"]
    for path in ("/webhooks/jelou/a", "/webhooks/helpdesks/b/c", "/webhooks/helpdesks/zendesk/d", "/api/tickets/e/f/g"):
        for method in ("POST", "GET"):
            await post(run, path, sender.body, sender.headers(), method)
    assert await deliveries(run) == {("unknown", "rejected 404"): 5.0, ("unknown", "rejected 401"): 1.0}


async def test_an_accepted_delivery_wakes_its_lane(run: Running, redis: Redis, prefix: str) -> None:
    """The wake-up is sent after the answer and holds the lane's name."""
    await deliver(run, "django-helpdesk")

    async def woken() -> bool:
        return bool(await redis.zcard(f"{prefix}:jobs") == 1)

    await eventually(woken)
