"""Whatever error Redis answers with: the same meaning on every path, in words, and nothing of a command to be read."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from redis.asyncio import Redis

from bridge.errors import StoreUnavailable
from bridge.protocol import Incoming
from bridge.redis_errors import MEANINGS
from bridge.rotations import Rotations
from bridge.scripting import REDIS_CLOCK, Scripts
from bridge.wiring import queue_on, store_on
from tests.command_line import COMMANDS, SECRETS, CommandLine, configuration, written
from tests.first_day import ADDRESS, BEFORE, FILE, FILES, Desk, first_day
from tests.harness import PROJECT, eventually, scene
from tests.log_capture import configured
from tests.redis_proxy import everything, nothing, refusing
from tests.webhooks import get

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.redis_proxy import Command, RefusingRedis

SECRET = "whsec_mariposa"
ERRORS = {
    "OOM": "OOM command not allowed when used memory > 'maxmemory'",
    "READONLY": "READONLY You can't write against a read only replica",
    "MISCONF": "MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist to disk",
    "NOREPLICAS": "NOREPLICAS Not enough good replicas to write",
    "BUSY": "BUSY Valkey is busy running a script",
    "LOADING": "LOADING Valkey is loading the dataset in memory",
    "MASTERDOWN": "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'",
    "CLUSTERDOWN": "CLUSTERDOWN Hash slot not served",
    "MOVED": "MOVED 3999 127.0.0.1:6381",
    "CROSSSLOT": "CROSSSLOT Keys in request don't hash to the same slot",
    "NOAUTH": "NOAUTH Authentication required.",
    "WRONGPASS": "WRONGPASS invalid username-password pair or user is disabled",
    "NOPERM": "NOPERM User bridge has no permissions to run the 'evalsha' command",
    "COMMAND": "ERR unknown command 'EVALSHA'",
}


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[RefusingRedis]:
    """The session's server behind a proxy that refuses what it is told to."""
    async with refusing(redis_url) as proxy:
        yield proxy


# --- every path ------------------------------------------------------------------------------------------------------


async def by_script(url: str, prefix: str) -> None:
    """One script."""
    item = Incoming(f"generic/desk/{SECRET}", "lane", SECRET, SECRET, SECRET, SECRET)
    async with store_on(url, prefix) as store:
        await store.accept(SECRET, "d-1", 60, [item])


async def by_scripts_in_order(url: str, prefix: str) -> None:
    """Several, in one round trip."""
    async with Redis.from_url(url) as redis:
        await Scripts(redis, prefix, REDIS_CLOCK).in_order([("leave", (SECRET,)), ("leave", (SECRET,))])


async def by_confirmed_script(url: str, prefix: str) -> None:
    """One whose write is waited for."""
    async with Redis.from_url(url) as redis:
        await Scripts(redis, prefix, REDIS_CLOCK, "aof").once("leave", SECRET, confirmed=True)


async def by_command(url: str, prefix: str) -> None:
    """A plain command."""
    async with store_on(url, prefix) as store:
        await store.rotations.begin(SECRET)


async def by_transaction(url: str, prefix: str) -> None:
    """Commands that happen together."""
    async with Redis.from_url(url) as redis:
        await Rotations(Scripts(redis, prefix, REDIS_CLOCK)).hand_over(PROJECT, SECRET, [SECRET], 1, 60_000)


async def by_pipeline(url: str, prefix: str) -> None:
    """Commands that are sent together."""
    async with store_on(url, prefix) as store:
        await store.known_by(SECRET, ["generic/desk"])


async def by_wake_up(url: str, prefix: str) -> None:
    """A job for arq."""
    async with queue_on(url, prefix) as queue:
        await queue.wake(SECRET)


PATHS = [by_script, by_scripts_in_order, by_confirmed_script, by_command, by_transaction, by_pipeline, by_wake_up]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
async def test_an_error_means_the_same_on_every_path(proxy: RefusingRedis, prefix: str, path: Any) -> None:
    """Cause and address in words, no word of the command, in the error and in its whole traceback."""
    wrong = {}
    for name, text in ERRORS.items():
        proxy.refuses = everything(text)
        with pytest.raises(StoreUnavailable) as caught:
            await path(proxy.url, prefix)
        words = f"Redis at 127.0.0.1:{proxy.port} {MEANINGS[name].words}"
        told = "".join(traceback.format_exception(caught.value))
        if not str(caught.value).startswith(words) or SECRET in told or "redis.exceptions" in told:
            wrong[name] = told
    assert wrong == {}


# --- the command line ------------------------------------------------------------------------------------------------


@pytest.fixture
async def desk(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    proxy: RefusingRedis,
    prefix: str,
) -> AsyncIterator[Desk]:
    """The first day, with a Redis behind the proxy and a secret that was made."""
    async with first_day(monkeypatch, capsys, tmp_path) as desk:
        monkeypatch.setenv("REDIS_URL", proxy.url)
        monkeypatch.setenv("BRIDGE_REDIS_PREFIX", prefix)
        desk.configure(**FILES)
        await desk.type("create", "--url", ADDRESS)
        yield desk


def of_the_hand_over(error: str) -> Callable[[Command], str]:
    """Refuse to take the secret, which comes after Jelou has made it."""
    refuse = everything(error)
    return lambda command: refuse(command) if command[0] == b"SET" and b"handed-over" in command[1] else ""


@pytest.mark.parametrize("name", ["OOM", "MISCONF", "READONLY", "NOPERM"])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["plain", "json"])
async def test_a_rotation_that_redis_does_not_take_shows_no_secret(
    desk: Desk, proxy: RefusingRedis, name: str, form: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jelou has the new secret by then: it is in its file, the old one beside it, and what to do now is said."""
    monkeypatch.setattr("bridge.integrating.HAND_OVER_S", 0.5)
    before = desk.secret
    proxy.refuses = of_the_hand_over(ERRORS[name])
    ran = await desk.type("rotate-secret", *form)
    assert desk.secret != before
    assert (desk.file(FILE), desk.file(BEFORE)) == (desk.secret, before)
    assert [one for one in (before, desk.secret) if one in ran.out + ran.err] == []
    assert (ran.code, "Traceback" in ran.err, MEANINGS[name].words in ran.err) == (3, False, True)
    assert "restart web and worker now, with the new configuration" in ran.err
    proxy.refuses = nothing
    assert (await desk.type("rotate-secret", *form)).code == 0


TYPED = [
    ["trace", "7"],
    ["pause", "standard-webhooks/scripts"],
    ["resume", "standard-webhooks/scripts"],
    ["accounts"],
    ["accounts", "pause", "standard-webhooks/scripts"],
    ["accounts", "resume", "standard-webhooks/scripts"],
    ["accounts", "retry", "jelou"],
    ["start-limit", "6"],
    ["decide", SECRET, "end"],
    ["forget", "--user", SECRET, "--yes"],
    ["forget", "--ticket", SECRET, "--yes"],
    ["deliveries"],
    ["dead-letters", "list"],
    ["dead-letters", "show", SECRET],
    ["dead-letters", "replay", SECRET, "--yes"],
    ["dead-letters", "discard", SECRET, "--reason", SECRET, "--yes"],
    ["dead-letters", "history"],
    ["orphans", "list"],
    ["orphans", "history"],
    ["orphans", "claim", PROJECT, SECRET, f"standard-webhooks/scripts/{SECRET}"],
    ["orphans", "discard", PROJECT, SECRET, "--reason", SECRET],
    ["integration", "rotate-secret"],
]


ALONE = ("check", "schema", "health", "init", "helpdesks", "serve", "worker", "up", "demo")
"""Commands that ask nothing of Redis, and the processes, which start without it."""

JELOUS = {("integration", name) for name in ("create", "show", "update", "delete")} | {("simulate",), ("reconcile",)}
"""They do what they are for elsewhere, and only tell Redis."""


EXAMINES = {("doctor",)}
"""Says it as one finding among others: tests/integration/test_doctor.py."""


def test_every_command_that_needs_redis_is_tried() -> None:
    """A new one is tried as well, or somebody says here why not."""
    tried = {words for words in COMMANDS if any(tuple(one[: len(words)]) == words for one in TYPED)}
    assert COMMANDS.keys() == tried | {(name,) for name in ALONE} | JELOUS | EXAMINES


@pytest.fixture
def bridge(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, prefix: str
) -> CommandLine:
    """The command line, configured by the environment alone."""
    environ = {**SECRETS, "BRIDGE_REDIS_PREFIX": prefix, "BRIDGE_CONFIG": written(tmp_path, configuration())}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return CommandLine(monkeypatch, capsys)


@pytest.mark.parametrize("words", TYPED, ids=lambda words: " ".join(words[:2]))
async def test_every_command_says_it_in_one_line(
    bridge: CommandLine, proxy: RefusingRedis, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Code 3; nothing of what was typed, and no traceback."""
    monkeypatch.setenv("REDIS_URL", proxy.url)
    wrong = {}
    for name, text in ERRORS.items():
        proxy.refuses = everything(text)
        ran = await asyncio.to_thread(bridge, *words)
        line = f"Redis at 127.0.0.1:{proxy.port} {MEANINGS[name].words}"
        if (ran.code, ran.out, ran.err.count("\n")) != (3, "", 1) or not ran.err.startswith(line) or SECRET in ran.err:
            wrong[name] = ran
    assert wrong == {}


# --- the processes ---------------------------------------------------------------------------------------------------


LASTING = ["OOM", "MISCONF", "BUSY", "MASTERDOWN", "MOVED", "COMMAND"]


@asynccontextmanager
async def refused(proxy: RefusingRedis, error: str) -> AsyncIterator[None]:
    """For the length of a block."""
    proxy.refuses = everything(error)
    yield
    proxy.refuses = nothing


async def test_web_and_worker_say_it_and_go_on_afterwards(
    proxy: RefusingRedis, prefix: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """503 and a reason, no fault of the bridge's in the log, nothing of a customer's; and then all is worked."""
    with configured("debug", "json"):
        async with scene(proxy.url, prefix) as on:
            for name in LASTING:
                async with refused(proxy, ERRORS[name]):
                    told = len(proxy.told)
                    assert (await on.scripted(name, subject=SECRET))[0] == 503
                    await eventually(lambda told=told: asyncio.sleep(0, len(proxy.told) > told + 40))  # type: ignore[misc]
                    ready = await get(on.bridge, "/ready")
                    assert (ready.status, MEANINGS[name].words in ready.json["redis"]["reason"]) == (503, True)
                assert (await on.scripted(name, subject=SECRET))[0] == 202
                await on.until_phase(name, "open")
    logged = b"".join(capsysbinary.readouterr())
    lines = [orjson.loads(line) for line in logged.splitlines() if line.startswith(b"{")]
    assert [line for line in lines if line["event"] == "bug" or "exception" in line] == []
    assert (SECRET.encode() in logged, b"redis.exceptions" in logged) == (False, False)
    reasons = " ".join(f"{line.get('reason')} {line.get('says')}" for line in lines)
    assert [name for name in LASTING if MEANINGS[name].words not in reasons] == []
