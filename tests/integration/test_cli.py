"""The command line: what each command prints, and the exit code by which a script knows how it went."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.correlate import lane_name
from bridge.domain import Ticket, TicketOpened, TicketRef
from bridge.embedded import free_port
from bridge.events import dump
from bridge.protocol import Incoming
from bridge.timeline import entry
from bridge.wiring import store_on, wall_clock_ms
from tests.command_line import COMMANDS, SECRETS, CommandLine, configuration, run_process, written
from tests.harness import PROJECT, scene

SCHEMA = Path(__file__).resolve().parents[2] / "config" / "bridge.schema.json"
KIND = "standard-webhooks"


@pytest.fixture
def bridge(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, redis_url: str, prefix: str
) -> CommandLine:
    """The command line, configured by the environment alone: two accounts on the session's Redis."""
    environ = {**SECRETS, "REDIS_URL": redis_url, "BRIDGE_REDIS_PREFIX": prefix}
    environ["BRIDGE_CONFIG"] = written(tmp_path, configuration("scripts", "intranet"))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return CommandLine(monkeypatch, capsys)


def opened(account: str, ticket_id: str) -> Incoming:
    """An accepted ticket of one of the two accounts."""
    ref, now_ms = TicketRef(KIND, account, ticket_id), wall_clock_ms()
    line = entry(now_ms, "received", event="ticket.opened", delivery="d-1")
    event = dump(TicketOpened(ref, "opened", Ticket(ref, {"id": ticket_id})), "d-1", now_ms)
    return Incoming(str(ref), lane_name(ref, PROJECT), "opened", event, line, line)


@pytest.fixture
def accepted(redis_url: str, prefix: str) -> None:
    """Ticket 7 of both accounts, ticket 8 of one."""

    async def accept() -> None:
        async with store_on(redis_url, prefix, connections=2) as store:
            items = [opened("scripts", "7"), opened("intranet", "7"), opened("scripts", "8")]
            await store.accept("seen-1", "d-1", 60, items)

    asyncio.run(accept())


# --- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_says_what_it_is_for(bridge: CommandLine, words: tuple[str, ...]) -> None:
    """``--help`` begins with the command's own sentence."""
    sentence = COMMANDS[words].split()[:4]
    ran = bridge(*words, "--help")
    shown = ran.out.split()
    begins = shown.index(sentence[0])
    assert (ran.code, shown[begins : begins + len(sentence)]) == (0, sentence)


def test_the_bridge_alone_shows_its_commands(bridge: CommandLine) -> None:
    """Who types only ``bridge`` sees what there is."""
    ran = bridge()
    assert [words[0] for words in COMMANDS if words[0] not in ran.out] == []


# --- check and schema ------------------------------------------------------------------------------------------------


def test_check_tells_what_a_good_configuration_does(bridge: CommandLine) -> None:
    """Code 0, and the webhooks' paths to copy from."""
    ran = bridge("check")
    assert (ran.code, ran.err) == (0, "")
    assert "/webhooks/jelou/soporte" in ran.out
    assert "/webhooks/helpdesks/standard-webhooks/intranet" in ran.out


def test_check_names_every_mistake_with_its_line(bridge: CommandLine, tmp_path: Path) -> None:
    """Code 2, and one line per mistake: file, line, key, fix."""
    path = written(tmp_path, configuration(project="nowhere", starts_per_hour="many"))
    ran = bridge("check", "--config", path)
    first, second, last = ran.out.strip().splitlines()
    assert ran.code == 2
    assert first.endswith("scripts.project: names no project under jelou; known: soporte")
    assert second.endswith("scripts.starts_per_hour: wrong type, it is text; wanted a whole number")
    assert last == f"{path}: 2 mistakes"


@pytest.mark.parametrize("starts_per_hour", [10, "many"])
def test_check_prints_json_for_machines(bridge: CommandLine, tmp_path: Path, starts_per_hour: Any) -> None:
    """The same report as JSON, good or bad, with the same exit code."""
    path = written(tmp_path, configuration(starts_per_hour=starts_per_hour))
    ran = bridge("check", "--config", path, "--json")
    keys = [mistake["key"] for mistake in ran.json["mistakes"]]
    good: tuple[int, list[str]] = (0, [])
    bad = (2, ["helpdesks.standard-webhooks.scripts.starts_per_hour"])
    assert (ran.code, keys) == (good if starts_per_hour == 10 else bad)


def test_a_configuration_that_is_not_there_is_a_mistake(bridge: CommandLine, tmp_path: Path) -> None:
    """Code 2, and the path that was looked at."""
    ran = bridge("check", "--config", str(tmp_path / "nowhere.yaml"))
    assert ran.code == 2
    assert "nowhere.yaml" in ran.out


def test_the_printed_schema_is_the_published_one(bridge: CommandLine) -> None:
    """Editors get from the file what the program itself would say."""
    assert bridge("schema").json == orjson.loads(SCHEMA.read_bytes())


# --- trace -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("accepted")
def test_trace_finds_a_ticket_by_its_number_alone(bridge: CommandLine) -> None:
    """Who knows only the number need not know the account."""
    ran = bridge("trace", "8")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("standard-webhooks/scripts/8: no conversation yet")
    assert "webhook: the ticket was opened" in ran.out


@pytest.mark.usefixtures("accepted")
def test_trace_shows_every_account_that_has_the_number(bridge: CommandLine) -> None:
    """Two accounts may both have a ticket 7."""
    assert [told["ticket"] for told in bridge("trace", "7", "--json").json] == [
        "standard-webhooks/scripts/7",
        "standard-webhooks/intranet/7",
    ]


@pytest.mark.usefixtures("accepted")
def test_trace_takes_the_whole_name(bridge: CommandLine) -> None:
    """With kind and account only that ticket is shown."""
    [told] = bridge("trace", "standard-webhooks/intranet/7", "--json").json
    assert (told["ticket"], told["phase"]) == ("standard-webhooks/intranet/7", "new")
    assert [one["what"] for one in told["timeline"]] == ["received"]


@pytest.mark.usefixtures("accepted")
@pytest.mark.parametrize("ticket", ["9", "standard-webhooks/intranet/8"])
def test_trace_of_an_unknown_ticket_names_the_accounts(bridge: CommandLine, ticket: str) -> None:
    """Code 1, and where it was looked for."""
    ran = bridge("trace", ticket)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"no ticket {ticket} is known; accounts: standard-webhooks/scripts, standard-webhooks/intranet\n"


def test_trace_says_when_redis_does_not_answer(bridge: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code 3 and one line that names what to look at; no traceback."""
    port = free_port()
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}/0")
    ran = bridge("trace", "7")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == f"Redis at 127.0.0.1:{port} is not reached: the connection is refused; is REDIS_URL right?\n"


# --- pause and resume ------------------------------------------------------------------------------------------------


async def test_a_paused_account_starts_nothing_until_it_goes_on(
    bridge: CommandLine, redis_url: str, prefix: str
) -> None:
    """Tickets are still accepted and wait; resume lets the waiting ones go at once."""
    async with scene(redis_url, prefix) as on:
        paused = await asyncio.to_thread(bridge, "pause", "standard-webhooks/scripts")
        status, _ = await on.scripted("T-1")
        waiting = await on.bridge.traced(KIND, "scripts", "T-1", lambda told: "paused" in told["waits_for"])
        started = len(on.jelou.ledger.starts)
        resumed = await asyncio.to_thread(bridge, "resume", "standard-webhooks/scripts")
        await on.until_phase("T-1", "open")
    assert (paused.code, status, started, resumed.code) == (0, 202, 0, 0)
    assert "bridge resume standard-webhooks/scripts" in paused.out
    assert waiting["phase"] == "new"
    # Nobody knows when a person lets it go on.
    assert waiting["due_at"] is None
    assert all("until" not in one for one in waiting["timeline"])


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_pausing_what_is_not_there_names_the_accounts(bridge: CommandLine, command: str) -> None:
    """Code 2, and the accounts that could have been meant."""
    ran = bridge(command, "standard-webhooks/script")
    assert ran.code == 2
    assert "standard-webhooks/scripts" in ran.err


def test_accounts_retry_says_what_it_does_and_knows_the_names(bridge: CommandLine) -> None:
    """``jelou`` is all projects; a name that is none is code 2, with those that could have been meant."""
    assert (
        bridge("accounts", "retry", "jelou").out == "jelou/soporte is called as usual: there is nothing to try again\n"
    )
    assert bridge("accounts", "retry", "standard-webhooks/scripts").code == 0
    ran = bridge("accounts", "retry", "standard-webhooks/script")
    assert (ran.code, "jelou/soporte" in ran.err, "standard-webhooks/scripts" in ran.err) == (2, True, True)


# --- health ----------------------------------------------------------------------------------------------------------


async def test_health_tells_whether_the_process_is_alive(
    bridge: CommandLine, redis_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code 0 while it answers, 1 when it does not: what a container's health check asks."""
    async with scene(redis_url, prefix) as on:
        monkeypatch.setenv("BRIDGE_PORT", on.bridge.url.rpartition(":")[2])
        up = await asyncio.to_thread(bridge, "health")
    down = bridge("health")
    assert (up.code, up.err) == (0, "")
    assert (down.code, down.err.count("\n")) == (1, 1)


# --- processes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_a_broken_configuration_starts_no_process(tmp_path: Path, command: str) -> None:
    """Code 2 and every mistake on standard error, each on a line of its own."""
    path = written(tmp_path, configuration(starts_per_hour="many", confirm_wait_s=-1))
    ran = await run_process(command, "--config", path, cwd=tmp_path)
    keys = [line.split(": ")[1].rpartition(".")[2] for line in ran.err.strip().splitlines()]
    assert (ran.code, ran.out, keys) == (2, "", ["starts_per_hour", "confirm_wait_s"])


def test_a_broken_configuration_does_not_even_start_the_server(bridge: CommandLine, tmp_path: Path) -> None:
    """``bridge up`` looks before it makes anything."""
    path = written(tmp_path, configuration(starts_per_hour="many"))
    ran = bridge("up", "--config", path, "--data", str(tmp_path / "data"))
    assert (ran.code, "starts_per_hour" in ran.err, (tmp_path / "data").exists()) == (2, True, False)
