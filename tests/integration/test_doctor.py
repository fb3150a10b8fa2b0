"""``bridge doctor``: each cause is named once with its fix, and what one check lacks hides no other."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.brake import Pause
from bridge.doctor import CHECKS, Facts, Finding, examined, exit_code
from bridge.embedded import free_port
from bridge.examining import examine
from bridge.heartbeats import Heartbeat
from bridge.overview import Backlog, Overview
from bridge.protocol import Breaker
from bridge.refusals import Reason, RefusedDelivery
from bridge.wiring import store_on, wall_clock_ms
from tests.command_line import SECRETS, CommandLine, configuration, written

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = "standard-webhooks/scripts"
NOW = 1_800_000_000_000
SERVER: dict[str, Any] = {
    "version": "8.0.0",
    "append_only_file": True,
    "eviction": "noeviction",
    "role": "master",
    "memory": 100,
    "memory_bytes": 1,
    "max_memory_bytes": 10,
}
WORKER = Heartbeat("w", "worker", "host", "1.0", "same", 4, seen_ms=NOW)


@pytest.fixture
def bridge(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, redis_url: str, prefix: str
) -> CommandLine:
    """The command line with one account."""
    environ = {**SECRETS, "REDIS_URL": redis_url, "BRIDGE_REDIS_PREFIX": prefix}
    environ["BRIDGE_CONFIG"] = written(tmp_path, configuration())
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return CommandLine(monkeypatch, capsys)


async def healthy(url: str, prefix: str) -> Facts:
    """What is found where all is well."""
    async with store_on(url, prefix, connections=2) as store:
        brakes = await store.brake.brakes()
    return Facts(
        advice=(),
        configuration="same",
        server=SERVER,
        refusal="",
        loss=(),
        clock_ms=0,
        overview=Overview(NOW, NOW, NOW, (WORKER,)),
        brakes=brakes,
        waiting=(),
        breakers=(),
        silent={},
        refused=(),
        now_ms=NOW,
    )


def overview(**changes: Any) -> dict[str, Any]:
    """Facts with another overview."""
    return {"overview": replace(Overview(NOW, NOW, NOW, (WORKER,)), **changes)}


def refused(reason: Reason, ago_ms: int = 1000) -> RefusedDelivery:
    """One of so long ago."""
    return RefusedDelivery(SCRIPTS, 401, reason.value, 3, NOW - ago_ms, NOW - ago_ms, says="")


CASES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "advice": ({"advice": ("api.tokens: none",)}, "warning", "configuration", "api.tokens: none"),
    "file": ({"server": {**SERVER, "append_only_file": False}}, "warning", "redis", "append-only file is off"),
    "policy": ({"server": {**SERVER, "eviction": "allkeys-lru"}}, "warning", "redis", "allkeys-lru"),
    "role": ({"server": {**SERVER, "role": "slave"}, "refusal": "READONLY"}, "error", "redis", "its role is slave"),
    "writes": ({"refusal": "Redis is full"}, "error", "redis", "Redis is full"),
    "memory": ({"server": {**SERVER, "memory": 870}}, "warning", "memory", "starts wait"),
    "full": ({"server": {**SERVER, "memory": 960}}, "error", "memory", "503"),
    "clock": ({"clock_ms": 5_000}, "warning", "clock", "5 s behind"),
    "wrong clock": ({"clock_ms": -90_000}, "error", "clock", "90 s ahead"),
    "no worker": (overview(worker_ms=-1, processes=()), "error", "workers", "no worker is alive"),
    "versions": (overview(processes=(WORKER, replace(WORKER, version="2.0"))), "warning", "workers", "2 versions"),
    "configuration": ({"configuration": "other"}, "warning", "workers", "another configuration"),
    "backlog": (overview(backlogs={SCRIPTS: Backlog(7, 300_000, 0, -1)}), "warning", "backlog", "7 tickets"),
    "breaker": ({"breakers": (Breaker("jelou:soporte", "401", 0),)}, "error", "calls", "jelou/soporte"),
    "silence": ({"silent": {SCRIPTS: {"since_ms": NOW - 7_200_000, "missed": 40}}}, "warning", "senders", "2 h"),
    "refused": ({"refused": (refused(Reason.WRONG_SIGNATURE),)}, "warning", "refused", "3 deliveries were refused"),
    "letters": (overview(letters={"note": 2}), "warning", "dead letters", "note 2"),
    "orphans": (overview(orphans={"soporte": 3}), "warning", "orphans", "soporte 3"),
}


@pytest.mark.parametrize("case", CASES)
async def test_each_cause_is_named_with_its_fix_and_no_other(redis_url: str, prefix: str, case: str) -> None:
    """One finding that is not ok, at its level, and it says what to do."""
    changes, level, name, words = CASES[case]
    findings = examined(replace(await healthy(redis_url, prefix), **changes))
    wrong = [one for one in findings if one.level != "ok"]
    assert [(one.level, one.name, words in one.fact, bool(one.fix)) for one in wrong] == [(level, name, True, True)]
    assert exit_code(findings) == {"warning": 1, "error": 2}[level]


async def test_where_all_is_well_each_check_says_so(redis_url: str, prefix: str) -> None:
    """One line a check, none of them with anything to do; a refusal of yesterday is none of this hour."""
    facts = replace(await healthy(redis_url, prefix), refused=(refused(Reason.WRONG_SIGNATURE, 4_000_000),))
    findings = examined(facts)
    assert [(one.level, one.name, one.fix) for one in findings] == [("ok", one.name, "") for one in CHECKS]
    assert exit_code(findings) == 0


async def test_an_answer_that_fails_hides_no_other(redis_url: str, prefix: str) -> None:
    """The check that lacks it says why; all others are made."""
    facts = replace(await healthy(redis_url, prefix), silent=None, failed={"silent": "no answer within 4 s"})
    wrong = [one for one in examined(facts) if one.level != "ok"]
    assert [(one.name, one.fact) for one in wrong] == [("senders", "not examined: no answer within 4 s")]


async def test_the_clock_is_compared_with_that_of_redis(redis_url: str, prefix: str) -> None:
    """A machine that is five minutes behind is found."""
    async with store_on(redis_url, prefix, connections=2) as store:
        facts = await examine(store, None, Facts(), lambda: wall_clock_ms() - 300_000)
    clock = next(one for one in examined(facts) if one.name == "clock")
    assert clock.level == "error"
    assert clock.fact in {f"this machine's clock is {seconds} s behind Redis'" for seconds in range(290, 301)}


async def test_the_command_tells_what_a_person_did(bridge: CommandLine, redis_url: str, prefix: str) -> None:
    """A pause and a missing worker, each in its line; the exit code is that of the worst."""
    async with store_on(redis_url, prefix, connections=2) as store:
        await store.brake.pause(SCRIPTS, Pause(await store.brake.now_ms(), "ana", "tests"))
    ran = await asyncio.to_thread(bridge, "doctor")
    lines = {line.split()[1].rstrip(":"): line for line in ran.out.splitlines()}
    assert ran.code == 2
    assert "no worker is alive" in lines["workers"]
    assert "bridge up" in lines["workers"]
    assert f"starts of {SCRIPTS} are paused" in lines["starts"]
    assert [one for one in SECRETS.values() if one in ran.out + ran.err] == []


async def test_without_redis_the_configuration_is_examined_all_the_same(
    bridge: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One error, Redis; what hangs on it is not examined, and says so."""
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    ran = await asyncio.to_thread(bridge, "doctor", "--json")
    findings = [Finding(**one) for one in ran.json["findings"]]
    assert (ran.code, ran.json["ok"]) == (2, False)
    assert {one.name for one in findings if one.level == "error"} == {"redis"}
    assert {one.name for one in findings} == {one.name for one in CHECKS}


async def test_a_wrong_configuration_does_not_hide_redis(bridge: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mistake is an error; the server is examined all the same."""
    monkeypatch.delenv("JELOU_API_KEY")
    ran = await asyncio.to_thread(bridge, "doctor", "--json")
    levels = {one["name"]: one["level"] for one in ran.json["findings"]}
    assert (ran.code, levels["configuration"], levels["clock"], levels["workers"]) == (2, "error", "ok", "warning")
