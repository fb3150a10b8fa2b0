"""A process that lives is seen within seconds, one that has died as well; and what waits is counted for all of them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from bridge.embedded import EmbeddedServer
from bridge.heartbeats import ALIVE_MS, KEPT_MS, Heartbeat, configuration_hash, own_version
from bridge.overview import no_worker
from bridge.protocol import Gate
from tests.command_line import CommandLine
from tests.harness import PROJECT, configuration, running
from tests.steps import LANE, Steps

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.accounts import Bridge
    from bridge.overview import Overview

WEB = Heartbeat("web-1", "web", "host-a", "1.0", "aaaa")
WORKER = Heartbeat("worker-1", "worker", "host-b", "1.0", "aaaa", slots=32)
JELOU: dict[str, Any] = {"project_id": "p", "bot_id": "b", "base_url": "https://j.example", "api_key": "k"}
JELOU |= {"signing_secrets": ["secret"]}
ACCOUNT: dict[str, Any] = {"project": PROJECT, "verification": {"secrets": ["s"]}, "start_when": [{"name": "all"}]}


@pytest.fixture
def bridge() -> Bridge:
    """One account, and the lane of ``tests.steps``."""
    return configuration(JELOU, {"zendesk": {"acme": ACCOUNT}})


async def beats(steps: Steps, *processes: Heartbeat) -> None:
    """Each says that it lives; a worker gives its other sign of life as well."""
    for one in processes:
        await steps.store.heartbeats.beat(one)
        if one.kind == "worker":
            steps.store.generations.worker = one.id
            await steps.store.generations.tick()


async def look(steps: Steps, bridge: Bridge) -> Overview:
    """What is seen now."""
    return await steps.store.overviews.take(bridge)


async def test_who_lives_is_seen_and_who_died_is_not(steps: Steps, bridge: Bridge) -> None:
    """Within twenty seconds, whatever ended it; an orderly end is seen at once."""
    await beats(steps, WEB, WORKER)
    seen = await look(steps, bridge)
    assert ({one.id for one in seen.alive}, seen.workers_alive, list(seen.warnings())) == ({"web-1", "worker-1"}, 1, [])
    await steps.pass_ms(ALIVE_MS + 1)
    await beats(steps, WEB)
    seen = await look(steps, bridge)
    assert ([one.id for one in seen.alive], seen.workers_alive) == (["web-1"], 0)
    [warning] = seen.warnings()
    assert warning.startswith("no worker is alive since ")
    await steps.store.heartbeats.leave(WEB)
    assert (await look(steps, bridge)).alive == ()


async def test_a_bridge_that_never_had_a_worker_says_so(steps: Steps, bridge: Bridge) -> None:
    """The first day of an installation without workers."""
    assert [one.partition(":")[0] for one in (await look(steps, bridge)).warnings()] == [
        "no worker is alive, and none was since Redis has this data"
    ]


@pytest.mark.parametrize("end", ["killed", "in order", "of a version before"])
async def test_since_when_no_worker_lives_is_still_known_later(steps: Steps, bridge: Bridge, end: str) -> None:
    """Whatever ended the last one, and whichever version it had; the web processes go on and keep the time."""
    await steps.pass_ms(0)
    since = no_worker(steps.now)
    if end == "of a version before":
        await steps.redis.zadd(steps.key("workers"), {"old": steps.now})
        await steps.store.generations.tick()
        await steps.redis.zrem(steps.key("workers"), "old")
    else:
        await beats(steps, WORKER)
        if end == "in order":
            await steps.store.generations.leave()
    for passed in (ALIVE_MS + 1, 60_001, KEPT_MS):
        steps.store.generations.worker = ""
        await steps.store.generations.tick()
        await steps.pass_ms(passed)
        assert list((await look(steps, bridge)).warnings()) == [since]
        assert (await steps.store.trace("zendesk/acme/1", "zendesk/acme")).no_worker == since


async def test_a_worker_of_an_older_version_counts(steps: Steps, bridge: Bridge) -> None:
    """During an update it has no heartbeat, and gives its sign of life all the same."""
    steps.store.generations.worker = "old"
    await steps.store.generations.tick()
    assert (await look(steps, bridge)).workers_alive == 1


async def test_what_should_be_alike_and_is_not_is_told(steps: Steps, bridge: Bridge) -> None:
    """Another version, another configuration: with where it runs."""
    await beats(steps, WEB, replace(WORKER, version="1.1", configuration="bbbb"))
    assert list((await look(steps, bridge)).warnings()) == [
        "2 versions run beside each other: 1.0 (web on host-a); 1.1 (worker on host-b)",
        "2 configurations run beside each other: aaaa (web on host-a); bbbb (worker on host-b)",
    ]


async def test_processes_that_are_long_gone_are_forgotten(steps: Steps) -> None:
    """Whoever lives forgets them; Redis does not grow with each rollout."""
    await beats(steps, *(replace(WEB, id=f"web-{n}") for n in range(50)))
    await steps.pass_ms(KEPT_MS + 1)
    await beats(steps, WORKER)
    assert await steps.redis.hkeys(steps.key("processes")) == [b"worker-1"]


async def test_what_waits_is_counted_by_account(steps: Steps, bridge: Bridge) -> None:
    """Tickets that could be taken, and starts that wait for a call; with the age of the oldest."""
    await steps.accept(ticket="zendesk/acme/1")
    await steps.pass_ms(3_000)
    await steps.accept(ticket="zendesk/acme/2")
    backlog = (await look(steps, bridge)).backlogs["zendesk/acme"]
    assert (backlog.due, backlog.oldest_ms, backlog.starts, backlog.oldest_start_ms) == (2, 3_000, 0, -1)
    gate = Gate(f"jelou:{PROJECT}", LANE, interval_ms=10_000, burst=1)
    for claimed in (await steps.claim()).tickets:
        await steps.store.mark(replace(steps.marking(claimed), gate=gate))
    seen = await look(steps, bridge)
    assert (seen.backlogs["zendesk/acme"].due, seen.backlogs["zendesk/acme"].starts) == (0, 1)
    assert seen.calls_waiting == {f"jelou:{PROJECT}": 1, "helpdesk:zendesk/acme": 0}


async def test_what_needs_a_person_is_counted_by_its_cause(steps: Steps, bridge: Bridge) -> None:
    """The newest letters by what was given up, the rest together; orphans by project; paused accounts."""
    claimed = await steps.held()
    letters = tuple((f"d{n}", f'{{"action": "{("fuse", "add.note 1:note")[n % 2]}"}}') for n in range(600))
    await steps.store.mark(replace(steps.marking(claimed), bury=letters))
    await steps.told(kind="message", conversation="c9")
    await steps.store.pause("zendesk/acme", "2026-12-01")
    seen = await look(steps, bridge)
    assert (set(seen.letters), sum(seen.letters.values())) == ({"fuse", "add.note", "older"}, 600)
    assert (seen.letters["older"], seen.orphans) == (100, {PROJECT: 1})
    assert dict(seen.paused) == {"zendesk/acme": "2026-12-01"}


async def test_how_much_of_a_pace_is_used_is_counted_by_the_minute(steps: Steps, bridge: Bridge) -> None:
    """Of the last whole one."""
    await steps.pass_ms(60_000 - steps.now % 60_000)
    gate = Gate(f"jelou:{PROJECT}", LANE, interval_ms=1, burst=10)
    for n in range(3):
        claimed = await steps.held(ticket=f"zendesk/acme/{n}")
        await steps.store.mark(replace(steps.marking(claimed), gate=gate))
    assert (await look(steps, bridge)).calls_made[f"jelou:{PROJECT}"] == 0
    await steps.pass_ms(60_000)
    assert (await look(steps, bridge)).calls_made[f"jelou:{PROJECT}"] == 3


async def test_a_thousand_accounts_are_one_step(redis: Redis, prefix: str) -> None:
    """One script, and few commands for each account."""
    bridge = configuration(JELOU, {"zendesk": {f"a{n}": ACCOUNT for n in range(1_200)}})
    steps = Steps(redis, prefix)
    await steps.pass_ms(0)
    await look(steps, bridge)
    before = await commands(redis)
    await look(steps, bridge)
    assert await commands(redis) - before <= 1_200 + 100


async def commands(redis: Any) -> int:
    """How many commands Redis ran, those of scripts included."""
    return sum(one["calls"] for one in (await redis.info("commandstats")).values())


async def test_ready_and_metrics_tell_that_no_worker_is_alive(redis_url: str, prefix: str, bridge: Bridge) -> None:
    """Ready all the same: what is delivered is taken."""
    alone = running(bridge, redis_url, prefix, work=False)
    async with alone as run, run.session.get(f"{run.url}/ready") as answer:
        told = await answer.json()
        assert (answer.status, told["ready"], told["workers_alive"]) == (200, True, 0)
        assert any(one.startswith("no worker is alive") for one in told["warnings"])
        assert told["version"] == own_version()
        async with run.session.get(f"{run.url}/metrics") as exposed:
            text = await exposed.text()
    assert "bridge_workers_alive 0.0" in text
    assert f'bridge_build_info{{version="{own_version()}"}} 1.0' in text
    assert "process_resident_memory_bytes" in text


NO_WRITES = [("CONFIG", "SET", "min-replicas-to-write", "1"), ("REPLICAOF", "127.0.0.1", "1")]


async def test_what_is_seen_is_seen_as_well_where_redis_takes_no_writes(
    tmp_path: Path, prefix: str, bridge: Bridge
) -> None:
    """That is when it is asked; nothing of it writes."""
    alone = EmbeddedServer(tmp_path)
    async with alone as server, running(bridge, server.url, prefix, work=False) as run:
        for broken in NO_WRITES:
            async with Redis.from_url(server.url) as redis:
                await redis.execute_command(*broken)
            async with run.session.get(f"{run.url}/ready") as answer:
                told = await answer.json()
            assert (answer.status, told["redis"]["reachable"], told.get("workers_alive")) == (503, True, 0)


async def test_when_the_gauges_were_read_is_a_gauge(tmp_path: Path, prefix: str, bridge: Bridge) -> None:
    """While Redis is away they are what was seen last, and that one tells how old."""
    server = EmbeddedServer(tmp_path)
    await server.start()
    async with running(bridge, server.url, prefix, work=False) as run:
        before = await read_at(run)
        await server.stop()
        assert before == await read_at(run) > 0


async def read_at(run: Any) -> float:
    """When the gauges were read last, by what /metrics shows."""
    async with run.session.get(f"{run.url}/metrics") as answer:
        [found] = re.findall(r"^bridge_overview_timestamp_seconds (.+)$", await answer.text(), re.MULTILINE)
    return float(found)


def test_the_hash_of_a_configuration_is_its_own_and_tells_no_secret() -> None:
    """The same in each process; another account changes it, another secret does not."""
    one, other, more = (
        configuration(JELOU | {"api_key": key}, {"zendesk": dict.fromkeys(names, ACCOUNT)})
        for key, names in (("k1", ["a"]), ("k2", ["a"]), ("k1", ["a", "b"]))
    )
    assert configuration_hash(one) == configuration_hash(other) != configuration_hash(more)
    assert len(configuration_hash(one)) == 12


@pytest.mark.parametrize(
    "changes",
    [
        {"access": {"base_url": "https://other.example", "email": "a@b.example", "api_token": "t"}},
        {"start_when": [{"name": "some"}]},
    ],
)
def test_whatever_an_account_says_is_in_the_hash(changes: dict[str, Any]) -> None:
    """What only its kind of helpdesk has as well: two processes that call different helpdesks differ."""
    access = {"base_url": "https://acme.example", "email": "a@b.example", "api_token": "t"}
    one, other = (
        configuration(JELOU, {"zendesk": {"acme": ACCOUNT | {"access": access} | more}}) for more in ({}, changes)
    )
    assert configuration_hash(one) != configuration_hash(other)


def test_no_secret_of_an_account_is_in_the_hash() -> None:
    """Its token, what proves the sender, a password in an address: nobody can guess them from it."""

    def hashed(key: str) -> str:
        access = {"base_url": f"https://me:{key}@acme.example", "email": "a@b.example", "api_token": key}
        account = ACCOUNT | {"verification": {"secrets": [key]}, "access": access}
        return configuration_hash(configuration(JELOU, {"zendesk": {"acme": account}}))

    assert hashed("k1") == hashed("k2")


def test_the_version_is_told_by_an_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As of every program."""
    ran = CommandLine(monkeypatch, capsys)("--version")
    assert (ran.code, ran.out.strip()) == (0, own_version())
