"""Whoever looks for a refused delivery finds it: by the command, the API and the trace."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.refusals import Reason, RefusedDelivery
from bridge.refusing import REFUSALS
from bridge.wiring import store_on, wall_clock_ms
from tests.command_line import SECRETS, CommandLine, configuration, written
from tests.harness import API_TOKEN, PROJECT
from tests.webhooks import deliver, get, listening, post

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis

SCRIPTS = "standard-webhooks/scripts"
OTHER = "standard-webhooks/other"


@pytest.fixture
def bridge(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, redis_url: str, prefix: str
) -> CommandLine:
    """The command line with two accounts."""
    environ = {**SECRETS, "REDIS_URL": redis_url, "BRIDGE_REDIS_PREFIX": prefix}
    environ["BRIDGE_CONFIG"] = written(tmp_path, configuration("scripts", "other"))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return CommandLine(monkeypatch, capsys)


def refused(sender: str = SCRIPTS, reason: Reason = Reason.WRONG_SIGNATURE, ago_s: int = 130) -> RefusedDelivery:
    """One of so long ago."""
    at = wall_clock_ms() - ago_s * 1000
    return RefusedDelivery(sender, 401, reason.value, 1, at, at, says="the signature does not match")


# --- the command -----------------------------------------------------------------------------------------------------


async def test_the_command_lists_what_was_refused(bridge: CommandLine, redis_url: str, prefix: str) -> None:
    """Newest first, with its reason in words and what is known of it; filtered by sender and reason, page by page."""
    async with store_on(redis_url, prefix, connections=2) as store:
        clock = replace(refused(reason=Reason.CLOCK, ago_s=300), remote="203.0.113.7", says="600 s behind ours")
        await store.refused.keep([refused(), clock, refused("unknown", ago_s=60)], wall_clock_ms())

    async def ran(*argv: str) -> list[tuple[str, str]]:
        found = (await asyncio.to_thread(bridge, "deliveries", "--json", *argv)).json
        return [(one["sender"], one["reason"]) for one in found["refused"]]

    both = [(SCRIPTS, "wrong_signature"), (SCRIPTS, "clock")]
    assert await ran() == [("unknown", "wrong_signature"), *both]
    assert await ran("--account", SCRIPTS) == both
    assert await ran("--reason", "clock") == both[1:]
    assert await ran("--account", OTHER) == []
    first = (await asyncio.to_thread(bridge, "deliveries", "--json", "--most", "1")).json
    assert await ran("--after", first["next"]) == both
    told = await asyncio.to_thread(bridge, "deliveries")
    assert f"once  {SCRIPTS}  401 wrong_signature: the signature does not match\n" in told.out
    assert "differ too much (600 s behind ours)  from 203.0.113.7\n" in told.out
    assert (await asyncio.to_thread(bridge, "deliveries", "--after", "nowhere")).err


async def test_the_api_lists_the_same(redis_url: str, prefix: str) -> None:
    """Behind its token, page by page; what is asked wrongly is refused, and is itself no refused delivery."""
    async with listening(redis_url, prefix) as run:
        await deliver(run, "zendesk", change=lambda _: "x")
        await deliver(run, "zendesk", b"{")
        await post(run, "/wp-login.php", b"", {})
        await run.site[REFUSALS].write()
        first = (await get(run, "/api/deliveries?limit=1", API_TOKEN)).json
        rest = (await get(run, f"/api/deliveries?after={first['next']}", API_TOKEN)).json
        signed = (await get(run, "/api/deliveries?account=zendesk/main&reason=wrong_signature", API_TOKEN)).json
        assert (await get(run, "/api/deliveries?reason=bad", API_TOKEN)).status == 400
        assert (await get(run, "/api/deliveries", "wrong")).status == 401
    found = [*first["deliveries"], *rest["deliveries"]]
    assert {(one["sender"], one["reason"]) for one in found} == {
        ("zendesk/main", "wrong_signature"),
        ("zendesk/main", "not_json"),
        ("unknown", "unknown_path"),
    }
    assert (len(found), rest["next"]) == (3, "")
    assert [one["reason_in_words"] for one in signed["deliveries"]] == ["the signature does not match"]


# --- the trace -------------------------------------------------------------------------------------------------------


TOLD = "was refused with 401 2 minutes ago: the signature does not match"


async def test_the_trace_of_an_unknown_ticket_tells_what_was_refused(
    bridge: CommandLine, redis_url: str, prefix: str
) -> None:
    """Of the account that was named, or of all; another account's and a stranger's say nothing of it."""
    elsewhere = replace(refused("unknown", Reason.UNKNOWN_ACCOUNT), path="/webhooks/helpdesks/standard-webhooks/acmee")
    stranger = replace(refused("unknown", Reason.UNKNOWN_PATH), path="/wp-login.php")
    async with store_on(redis_url, prefix, connections=2) as store:
        await store.refused.keep([refused(), refused("zendesk/gone"), elsewhere, stranger], wall_clock_ms())
    for ticket, told in (("48211", True), (f"{SCRIPTS}/48211", True), (f"{OTHER}/48211", False)):
        ran = await asyncio.to_thread(bridge, "trace", ticket)
        assert (ran.code, f"is known; a delivery of {SCRIPTS} {TOLD}; " in ran.err) == (1, told)
        assert "to /webhooks/helpdesks/standard-webhooks/acmee, which is no account's, was refused" in ran.err
        assert "wp-login" not in ran.err
        assert "zendesk" not in ran.err


async def test_the_api_tells_it_of_an_unknown_ticket(redis_url: str, prefix: str) -> None:
    """In its words, and in a list."""
    async with listening(redis_url, prefix) as run:
        await deliver(run, "zendesk", change=lambda _: "x")
        await run.site[REFUSALS].write()
        told = await get(run, "/api/tickets/zendesk/main/48211", API_TOKEN)
        other = await get(run, "/api/tickets/django-helpdesk/main/48211", API_TOKEN)
    words = "a delivery of zendesk/main was refused with 401 less than a minute ago: the signature does not match"
    assert (told.status, told.json["says"], told.json["refused"]) == (404, f"no such ticket; {words}", [words])
    assert (other.json["says"], other.json["refused"]) == ("the bridge has never heard of this ticket", [])


async def test_the_trace_of_a_ticket_that_waits_tells_what_was_refused_since(
    redis: Redis, redis_url: str, prefix: str
) -> None:
    """Of its account and of its project; what names another ticket, or is older than this one, is not the reason."""
    async with listening(redis_url, prefix) as run:
        assert (await deliver(run, "zendesk")).status == 202
        ticket = (await redis.keys(f"{prefix}:link:*"))[0].decode().split(":link:")[1]
        others = [replace(refused("zendesk/main", ago_s=-1), ticket="zendesk/main/other"), refused("zendesk/main")]
        own = replace(refused("zendesk/main", Reason.OVERLOADED, ago_s=300), ticket=ticket, status=503)
        await run.app.store.refused.keep([*others, own, refused(f"jelou/{PROJECT}", ago_s=-1)], wall_clock_ms())
        told = (await get(run, f"/api/tickets/{ticket}", API_TOKEN)).json
    assert [words.partition(" was refused ")[0] for words in told["refused"]] == [
        "a delivery of zendesk/main",
        f"a delivery of jelou/{PROJECT}",
    ]
    assert "503 5 minutes ago" in told["refused"][0]
