"""A delivery that is refused leaves its reason behind, and a stranger's cost nobody anything."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from bridge.refusals import DAY_MS, PER_REASON, RefusedDelivery
from bridge.refusing import REFUSALS
from bridge.wiring import store_on
from tests.webhooks import SENDERS, deliver, get, listening, post

if TYPE_CHECKING:
    from tests.harness import Running

ZENDESK = SENDERS["zendesk"]


async def kept(run: Running) -> dict[tuple[str, int, str], RefusedDelivery]:
    """What is kept once the process has written, by sender, status and reason."""
    await run.site[REFUSALS].write()
    found = await run.app.store.refused.all(run.app.now_ms())
    return {(one.sender, one.status, one.reason): one for one in found}


async def test_each_refusal_is_kept_with_its_reason(redis_url: str, prefix: str) -> None:
    """Proof, clock, shape, type, account, path and method each have their own word."""
    async with listening(redis_url, prefix) as run:
        await deliver(run, "zendesk", change=lambda told: told[:-6] + "AAAAA=")
        await deliver(run, "zendesk", change=lambda told: told[:-6] + "AAAAA=")
        await deliver(run, "zendesk", off_s=-600.0)
        await deliver(run, "zendesk", b"[}")
        await post(run, ZENDESK.path, ZENDESK.body, {"content-type": "application/json"})
        await post(run, ZENDESK.path, ZENDESK.body, {**ZENDESK.headers(), "content-type": "text/plain"})
        await post(run, ZENDESK.path, b"", {}, "PUT")
        await post(run, "/webhooks/helpdesks/zendesk/acmee", b"", {})
        await post(run, "/wp-login.php", b"", {})
        found = await kept(run)
    assert found["zendesk/main", 401, "wrong_signature"].count == 2
    # A second or a few more where the machine is busy.
    assert re.search(r"\b60\d s behind ours", found["zendesk/main", 401, "clock"].says)
    assert found["zendesk/main", 400, "not_json"].delivery
    assert found["unknown", 404, "unknown_account"].path == "/webhooks/helpdesks/zendesk/acmee"
    assert set(found) == {
        ("zendesk/main", 401, "wrong_signature"),
        ("zendesk/main", 401, "clock"),
        ("zendesk/main", 401, "missing_proof"),
        ("zendesk/main", 400, "not_json"),
        ("zendesk/main", 415, "wrong_content_type"),
        ("zendesk/main", 405, "wrong_method"),
        ("unknown", 404, "unknown_account"),
        ("unknown", 404, "unknown_path"),
    }


async def test_what_is_taken_is_not_refused(redis_url: str, prefix: str) -> None:
    """And neither is a question of a person's."""
    async with listening(redis_url, prefix) as run:
        assert (await deliver(run, "zendesk")).status == 202
        assert (await get(run, "/api/accounts", "wrong")).status == 401
        assert await kept(run) == {}


def refused(number: int, *, reason: str = "unknown_account", sender: str = "unknown") -> RefusedDelivery:
    """One of many that differ."""
    at = DAY_MS * 20_000 + number
    return RefusedDelivery(sender, 404, reason, 1, at, at, path=f"/{number}")


async def test_many_of_one_reason_push_out_none_of_another(redis_url: str, prefix: str) -> None:
    """The newest of each reason are kept, and no more of them."""
    now = DAY_MS * 20_000 + 1_000
    async with store_on(redis_url, prefix, connections=2) as store:
        await store.refused.keep([refused(0, reason="too_large")], now)
        await store.refused.keep([refused(number) for number in range(1, 101)], now)
        found = await store.refused.all(now)
        assert [one.path for one in found] == [*(f"/{n}" for n in range(100, 100 - PER_REASON, -1)), "/0"]
        assert await store.refused.all(now + DAY_MS) == []


@pytest.mark.parametrize(("header", "remote"), [("9.9.9.9, 203.0.113.7", "203.0.113.7"), ("<script>", "")])
async def test_only_a_trusted_proxy_tells_the_address(redis_url: str, prefix: str, header: str, remote: str) -> None:
    """The last hop that is none of ours; what is no address is none; nobody else's header counts."""
    for proxies, told in ((["127.0.0.0/8"], remote), ([], "")):
        async with listening(redis_url, f"{prefix}:{len(proxies)}", trusted_proxies=proxies) as run:
            await post(run, "/nope", b"", {"X-Forwarded-For": header})
            assert (await kept(run))["unknown", 404, "unknown_path"].remote == told


async def test_what_the_server_itself_refuses_is_counted_too(redis_url: str, prefix: str) -> None:
    """What is no HTTP, an Expect that is not done, a head too large; what our handlers refuse, only once."""
    async with listening(redis_url, prefix) as run:
        await post(run, ZENDESK.path, b"{}", {"Expect": "magic"})
        await sent(run, b"\x16\x03\x01 TLS\r\n\r\n")
        await sent(run, b"GET / HTTP/1.1\r\n" + b"".join(b"x-%d: %s\r\n" % (n, b"a" * 4_000) for n in range(9)))
        await post(run, "/wp-login.php", b"", {})
        found = await kept(run)
    assert {kind: one.count for kind, one in found.items()} == {
        ("unknown", 417, "expectation"): 1,
        ("unknown", 400, "malformed_request"): 1,
        ("unknown", 431, "malformed_request"): 1,
        ("unknown", 404, "unknown_path"): 1,
    }


async def sent(run: Running, raw: bytes) -> None:
    """Send bytes to the web process, and wait for its answer's end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(run.url.rpartition(":")[2]))
    writer.write(raw)
    with suppress(ConnectionError):
        await reader.read()
    writer.close()
