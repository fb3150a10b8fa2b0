"""The brake as people have it: commands, API, /ready, metrics, trace, log; each says what is held and what waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from bridge.start_waits import LATE_MS
from tests.api_calls import Api
from tests.clocks import ServerClock
from tests.command_line import SECRETS, CommandLine, configuration, written
from tests.harness import PROJECT, eventually, scene
from tests.webhooks import get

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness import Scene

SCRIPTS, INTRANET = "standard-webhooks/scripts", "standard-webhooks/intranet"


@pytest.fixture
def bridge(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, redis_url: str, prefix: str
) -> CommandLine:
    """The command line of two accounts on the session's Redis."""
    environ = {**SECRETS, "REDIS_URL": redis_url, "BRIDGE_REDIS_PREFIX": prefix, "LOGNAME": "ana"}
    environ["BRIDGE_CONFIG"] = written(tmp_path, configuration("scripts", "intranet"))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return CommandLine(monkeypatch, capsys)


async def waits(on: Scene, ticket: str, why: str, account: str = "scripts") -> dict[str, Any]:
    """The trace of a ticket that waits for this."""
    return await on.bridge.traced("standard-webhooks", account, ticket, lambda told: why in told["waits_for"])


# --- commands --------------------------------------------------------------------------------------------------------


async def test_all_accounts_are_paused_and_go_on_by_one_command(
    bridge: CommandLine, redis_url: str, prefix: str
) -> None:
    """Running workers obey at once; each command says what waits now, by account, and what is not stopped."""
    async with scene(redis_url, prefix, more_scripts={"intranet": {}}) as on:
        await on.scripted("T-0", phone="+593987654320")
        await on.until_phase("T-0", "open")
        paused = await asyncio.to_thread(bridge, "pause", "--all", "--why", "Jelou migrates")
        assert "no start waits now" in paused.out
        assert "conversations that have begun go on" in paused.out
        await on.scripted("T-1")
        await on.scripted("T-2", phone="+593987654322", account="intranet")
        told = await waits(on, "T-1", "all accounts are paused")
        assert "by ana (Jelou migrates): bridge resume --all" in told["waits_for"]
        await waits(on, "T-2", "all accounts are paused", account="intranet")
        on.jelou.close("593987654320")
        await on.until_phase("T-0", "closed")
        assert len(on.jelou.ledger.starts) == 1
        resumed = await asyncio.to_thread(bridge, "resume", "--all")
        assert f"waiting now: {INTRANET} 1, {SCRIPTS} 1" in resumed.out
        await on.until_phase("T-1", "open")
        await on.until_phase("T-2", "open", account="intranet")


def test_accounts_are_listed_with_their_state_and_its_reason(bridge: CommandLine) -> None:
    """Running or paused, since when, by whom and why; the hour's cap."""
    assert f"{SCRIPTS}: running, 0 of 200 starts in this hour, none waiting" in bridge("accounts").out
    assert bridge("accounts", "pause", SCRIPTS, "--why", "new bot").code == 0
    bridge("start-limit", "6")
    told = bridge("accounts").out
    assert f"{SCRIPTS}: paused" in told
    assert "by ana (new bot)" in told
    assert f"{INTRANET}: running" in told
    assert "at most 6 conversations a minute are started for all accounts together until" in told
    found = bridge("accounts", "--json").json
    assert [(one["account"], bool(one["pause"])) for one in found["accounts"]] == [(SCRIPTS, True), (INTRANET, False)]
    assert bridge("accounts", "resume", SCRIPTS).out.startswith(f"{SCRIPTS} goes on\n")
    assert "paused" not in bridge("accounts").out


def test_one_that_goes_on_while_all_are_paused_says_that_it_does_not(bridge: CommandLine) -> None:
    """And all that go on name those that do not."""
    bridge("pause", "--all")
    assert f"{SCRIPTS} is still paused, as all accounts are" in bridge("resume", SCRIPTS).out
    bridge("pause", SCRIPTS)
    assert f"all accounts go on, but for {SCRIPTS}: paused by name" in bridge("resume", "--all").out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("pause",), "which account? Name one, or --all"),
        (("resume", SCRIPTS, "--all"), "--all"),
        (("start-limit", "0"), "a whole number of starts a minute"),
        (("start-limit", "many"), "or off"),
        (("start-limit", "5", "--for", "soon"), "write 30m, 2h or 1d"),
        (("accounts", "pause", "zendesk/none"), "configured:"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    bridge: CommandLine, argv: tuple[str, ...], words: str
) -> None:
    """Code 2, with what to write."""
    ran = bridge(*argv)
    assert (ran.code, words in " ".join(ran.err.split())) == (2, True), ran.err
    assert bridge("accounts", "--json").json["brakes"] == {"every": None, "accounts": {}, "limit": None}


async def test_a_limit_of_starts_holds_until_it_is_off(bridge: CommandLine, redis_url: str, prefix: str) -> None:
    """Of all accounts together; who waits goes at once when it ends. It says that old workers do not know it."""
    async with scene(redis_url, prefix, more_scripts={"intranet": {}}) as on:
        limited = await asyncio.to_thread(bridge, "start-limit", "1", "--for", "2h")
        assert "at most 1 starts a minute, all accounts together, until" in limited.out
        assert "a version before this one" in limited.out
        await on.scripted("T-1")
        await on.until_phase("T-1", "open")
        await on.scripted("T-2", phone="+593987654322", account="intranet")
        await waits(on, "T-2", "the limit of starts a minute", account="intranet")
        off = await asyncio.to_thread(bridge, "start-limit", "off")
        assert f"waiting now: {INTRANET} 1" in off.out
        await on.until_phase("T-2", "open", account="intranet")


# --- the API ---------------------------------------------------------------------------------------------------------


async def test_a_program_pulls_the_brake_and_lets_go(redis_url: str, prefix: str) -> None:
    """The same as the commands, with who and why; each answer says what waits."""
    async with scene(redis_url, prefix) as on:
        api = Api(on.bridge)
        assert (await api.post("pause", by="ana", why="Jelou migrates")).json["waiting"] == []
        await on.scripted("T-1")
        await waits(on, "T-1", "all accounts are paused")
        told = (await api.get("accounts")).json
        [scripts] = [one for one in told["accounts"] if one["account"] == SCRIPTS]
        assert (told["paused"]["by"].startswith("ana ("), told["paused"]["why"]) == (True, "Jelou migrates")
        assert (scripts["paused"], scripts["pause"]["all"]) == (True, True)
        [waiting] = scripts["starts"]["waiting"]
        assert (waiting["cause"], waiting["count"], waiting["late"]) == ("pause", 1, 0)
        limited = (await api.post("start-limit", per_minute=30)).json
        assert limited["waiting"] == [{"account": SCRIPTS, "waiting": 1}]
        assert (await api.get("accounts")).json["start_limit"]["per_minute"] == 30
        assert (await api.post("resume")).json["waiting"] == [{"account": SCRIPTS, "waiting": 1}]
        await on.until_phase("T-1", "open")
        await api.post("start-limit/off")
        after = (await api.get("accounts")).json
        assert (after["paused"], after["start_limit"]) == (None, None)
        assert (await api.post("start-limit", per_minute=0)).status == 400


# --- probes, metrics, log --------------------------------------------------------------------------------------------


async def ready(on: Scene) -> list[str]:
    """What /ready warns of."""
    told = (await get(on.bridge, "/ready")).json
    assert told["ready"] is True
    return [one for one in told["warnings"] if "start" in one]


async def test_what_is_held_back_and_what_waits_long_is_warned_of(redis_url: str, prefix: str, redis: Any) -> None:
    """By /ready and the metrics, while it lasts: a brake that is forgotten is found."""
    clock = ServerClock(redis, prefix)
    async with scene(redis_url, prefix, adapted=clock) as on:
        api = Api(on.bridge)
        assert await ready(on) == []
        await api.post(f"accounts/{SCRIPTS}/pause", by="ana")
        await api.post("start-limit", per_minute=6)
        await on.scripted("T-1")
        await waits(on, "T-1", "paused")
        limit, paused = await ready(on)
        assert "at most 6 conversations a minute" in limit
        assert paused.startswith(f"starts of {SCRIPTS} are paused since ")
        await clock.pass_ms(LATE_MS * 2)
        assert (await ready(on))[2] == (
            f"a start of {SCRIPTS} waits longer than 2 minutes, the first for 4 min: they are paused (bridge resume)"
        )
        gauge = f'bridge_starts_waiting{{account="{SCRIPTS}",cause="pause"}}'.encode()
        assert gauge + b" 1.0" in (await get(on.bridge, "/metrics")).body
        await api.post("start-limit/off")
        await api.post(f"accounts/{SCRIPTS}/resume")
        await on.until_phase("T-1", "open")
        assert await ready(on) == []
        assert gauge not in (await get(on.bridge, "/metrics")).body


async def test_the_log_tells_each_brake_once_and_its_end(redis_url: str, prefix: str) -> None:
    """A worker that starts beside a brake tells it as well; nobody's words are in it."""
    with structlog.testing.capture_logs() as lines:
        async with scene(redis_url, prefix) as on:
            api = Api(on.bridge)
            await api.post("pause", by="ana", why="secret words")
            await api.post("start-limit", per_minute=6)

            async def told(*events: str) -> None:
                async def are() -> bool:
                    return {one["event"] for one in lines} >= set(events)

                await eventually(are)

            await told("starts paused", "starts limited")
            await api.post("resume")
            await api.post("start-limit/off")
            await told("starts resumed", "starts not limited")
    brakes = [one for one in lines if one["event"].startswith("starts ")]
    assert sorted((one["event"], one["log_level"]) for one in brakes) == [
        ("starts limited", "warning"),
        ("starts not limited", "info"),
        ("starts paused", "warning"),
        ("starts resumed", "info"),
    ]
    assert "secret words" not in str(brakes)


async def test_the_hourly_cap_is_warned_of_in_the_log_once_an_hour(redis_url: str, prefix: str, redis: Any) -> None:
    """With the account, the cap, and in how long starts go on."""
    now_s, _ = await redis.time()
    for hour in (now_s // 3600, now_s // 3600 + 1):
        await redis.set(f"{prefix}:starts:{SCRIPTS}:{hour}", 200)
    with structlog.testing.capture_logs() as lines:
        async with scene(redis_url, prefix) as on:
            for n in range(3):
                await on.scripted(f"T-{n}", phone=f"+59398765432{n}")
                await waits(on, f"T-{n}", "starts_per_hour")
    found = [one for one in lines if one["event"] == "starts_per_hour reached"]
    assert {(one["account"], one["cap"], one["log_level"]) for one in found} == {(SCRIPTS, 200, "warning")}
    # The hour may end between two of them.
    assert len(found) in {1, 2}
    assert PROJECT not in found[0]
