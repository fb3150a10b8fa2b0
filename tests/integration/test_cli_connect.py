"""Connecting a helpdesk from the command line: ``bridge init``, ``helpdesks``, ``simulate`` and ``deliveries``."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from bridge.cli import app
from bridge.domain import Delivery
from bridge.helpdesks import REGISTRY
from bridge.unread import MOST, Unread, unread
from bridge.wiring import store_on
from config.mappings import shipped
from tests.command_line import SECRETS, CommandLine, configuration, written
from tests.webhooks import deliver, listening

if TYPE_CHECKING:
    from pathlib import Path

KIND = "standard-webhooks"
NAMES = [*sorted(set(REGISTRY) - {"generic"}), *shipped()]


@pytest.fixture
def bridge(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, redis_url: str, prefix: str
) -> CommandLine:
    """The command line with one account of a scripted sender that starts something for every ticket."""
    environ = {**SECRETS, "REDIS_URL": redis_url, "BRIDGE_REDIS_PREFIX": prefix}
    environ["BRIDGE_CONFIG"] = written(tmp_path, configuration("scripts", start_when=[{"name": "all"}]))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return CommandLine(monkeypatch, capsys)


def body(tmp_path: Path, phone: str = "+593987654321", **ticket: Any) -> str:
    """A file with what a scripted sender posts."""
    data = {"ticket": {"id": "7", "subject": "Hola", **ticket}, "requester": {"phone": phone}}
    told = {"type": "ticket.created", "data": data}
    path = tmp_path / "body.json"
    path.write_bytes(orjson.dumps(told))
    return str(path)


# --- init ------------------------------------------------------------------------------------------------------------


def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question answered: addresses with one, names with a name."""

    def prompt(text: str, **options: Any) -> Any:
        if options.get("default") not in {None, ""}:
            return options["default"]
        words = text.lower()
        return "https://desk.example.com" if "url" in words else "EC" if words.startswith("country") else "x1"

    monkeypatch.setattr("typer.prompt", prompt)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)


@pytest.mark.parametrize("kind", NAMES)
def test_a_few_answers_make_a_checked_configuration(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For every helpdesk that there is; what it prints names each variable, both webhooks and how to connect it."""
    answers(monkeypatch)
    bridge, out = CommandLine(monkeypatch, capsys), tmp_path / "bridge.yaml"
    made = bridge("init", "--kind", kind, "--name", "desk", "--public-url", "https://b.example", "--out", str(out))
    assert made.code == 0, made.out
    told = yaml.safe_load(out.read_text())
    [(of, accounts)] = told["helpdesks"].items()
    assert f"https://b.example/webhooks/helpdesks/{of}/desk" in made.out
    assert "https://b.example/webhooks/jelou/main" in made.out
    variables = [line.split()[1].partition("=")[0] for line in made.out.splitlines() if line.startswith("  export")]
    for variable in variables:
        monkeypatch.setenv(variable, "whsec_" + "c2VjcmV0" * 5)
    assert accounts["desk"]["project"] == "main"
    assert bridge("check", "--config", str(out)).code == 0


def test_a_file_that_is_there_stays(bridge: CommandLine, tmp_path: Path) -> None:
    """Unless it is to be written over."""
    (tmp_path / "mine.yaml").write_text("x: 1\n")
    made = bridge("init", "--out", str(tmp_path / "mine.yaml"))
    assert made.code == 2
    assert (tmp_path / "mine.yaml").read_text() == "x: 1\n"


def test_an_answer_that_is_no_configuration_writes_nothing(tmp_path: Path) -> None:
    """Its key and what is wrong with it are told."""
    out = tmp_path / "bridge.yaml"
    asked = "p\nb\ny\nheader\nnot a header!\nhttps://x.example\nu\n\n\n"
    made = CliRunner().invoke(
        app,
        ["init", "--kind", "django-helpdesk", "--name", "m", "--public-url", "https://b.example", "--out", str(out)],
        input=asked,
    )
    assert made.exit_code == 2
    assert "verification.header" in made.output
    assert not out.exists()


# --- helpdesks -------------------------------------------------------------------------------------------------------


def test_every_helpdesk_is_listed_and_told_how_to_connect(bridge: CommandLine) -> None:
    """Kinds and mappings; one that is not known is answered with those that are."""
    listed = bridge("helpdesks", "--json").json
    assert {one["kind"] for one in listed} == {*NAMES}
    assert all(one["about"] for one in listed)
    assert "zendesk" in bridge("helpdesks").out
    for name in NAMES:
        assert len(bridge("helpdesks", name).out) > 300
    assert bridge("helpdesks", "zendsk").code == 2


# --- simulate --------------------------------------------------------------------------------------------------------


def test_a_file_is_simulated_and_nothing_is_sent(bridge: CommandLine, tmp_path: Path) -> None:
    """What it prints holds the event, the rule and the whole start call, and no secret."""
    told = bridge("simulate", "--account", f"{KIND}/scripts", body(tmp_path))
    assert told.code == 0, told.out + told.err
    assert "started by all" in told.out
    assert '"ticketId": "7"' in told.out
    assert not any(secret in told.out for secret in SECRETS.values())
    as_json = bridge("simulate", "--account", f"{KIND}/scripts", body(tmp_path), "--json").json
    assert (as_json["good"], as_json["events"][0]["calls"][0]["method"]) == (True, "POST")


@pytest.mark.parametrize(
    ("ticket", "more", "says"),
    [
        ({"phone": "none"}, [], "usable phone number"),
        ({"id": ""}, [], "is not the id of a ticket"),
        ({}, ["--expect", "ticket.solved"], "ticket.solved was expected and is not told"),
        ({}, ["--header", "webhook-id: m"], "401"),
    ],
)
def test_the_exit_code_says_whether_all_is_well(
    bridge: CommandLine, tmp_path: Path, ticket: dict[str, Any], more: list[str], says: str
) -> None:
    """For a build that keeps a mapping and its samples true."""
    told = bridge("simulate", "--account", f"{KIND}/scripts", body(tmp_path, **ticket), *more)
    assert told.code == 1
    assert says in told.out.replace("\n", " ")


@pytest.mark.parametrize(
    "argv",
    [
        ["--account", f"{KIND}/nobody", "x.json"],
        ["--account", f"{KIND}/scripts"],
        ["--account", f"{KIND}/scripts", "not-there.json"],
        ["--account", f"{KIND}/scripts", "--delivery", "not-there"],
        ["--account", f"{KIND}/scripts", "x.json", "--header", "nonsense"],
    ],
)
def test_a_wrong_command_is_told_apart_from_a_bad_delivery(bridge: CommandLine, argv: list[str]) -> None:
    """By its exit code."""
    assert bridge("simulate", *argv).code == 2


async def test_an_edit_is_simulated_at_once(tmp_path: Path) -> None:
    """With --watch: again at each change, and a mistake in the configuration ends nothing."""
    file, config = tmp_path / "body.json", written(tmp_path, configuration("scripts"))
    body(tmp_path)
    argv = ["simulate", "--watch", "--account", f"{KIND}/scripts", "--config", config, str(file)]
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith("BRIDGE_")},
        **SECRETS,
        "PYTHONUNBUFFERED": "1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", *argv, stdout=PIPE, stderr=PIPE, env=environ
    )
    assert process.stdout
    try:
        async with asyncio.timeout(60):
            await _until(process.stdout, "ticket.opened")
            file.write_bytes(b"{")
            await _until(process.stdout, "is not JSON")
            (tmp_path / "bridge.yaml").write_text("nonsense: 1\n")
            await _until(process.stdout, "nonsense")
    finally:
        process.kill()
        await process.wait()


async def _until(stream: asyncio.StreamReader, words: str) -> None:
    while words not in (await stream.readline()).decode():
        pass


# --- deliveries that could not be read -------------------------------------------------------------------------------


async def test_a_delivery_that_cannot_be_read_is_kept_and_tried_again(
    bridge: CommandLine, redis_url: str, prefix: str
) -> None:
    """The sender hears where it breaks; the delivery can be listed and simulated, and a repeat costs nothing."""
    async with listening(redis_url, prefix) as run:
        answer = await deliver(run, KIND, b'{"type": "ticket.created", "data": {"x": "a "b" "}}')
    assert answer.status == 400
    assert answer.json["field"] == "body"
    assert answer.json["error"] == "is not JSON (line 1, column 46)"
    found = await asyncio.to_thread(bridge, "deliveries", "--json")
    [kept], [refused] = found.json["kept"], found.json["refused"]
    assert (refused["reason"], refused["delivery"]) == ("not_json", kept["id"])
    assert (kept["id"], kept["sender"]) == (answer.json["delivery"], f"{KIND}/main")
    assert "body" not in kept
    assert not {"webhook-signature", "authorization"} & set(kept["headers"])
    told = await asyncio.to_thread(bridge, "simulate", "--account", f"{KIND}/scripts", "--delivery", kept["id"])
    assert told.code == 1
    assert "line 1, column 46" in told.out


async def test_what_did_not_prove_its_sender_is_not_kept(redis_url: str, prefix: str) -> None:
    """A stranger fills nothing."""
    async with listening(redis_url, prefix) as run:
        assert (await deliver(run, "zendesk", b"{", change=lambda _: "x")).status == 401
    async with store_on(redis_url, prefix, connections=2) as store:
        assert await store.unread.all() == []


async def test_only_the_newest_are_kept(redis_url: str, prefix: str) -> None:
    """A sender whose template is broken sends many."""
    async with store_on(redis_url, prefix, connections=2) as store:
        for number in range(MOST + 5):
            await store.unread.keep(_unread(number), 24.0)
        kept = await store.unread.all()
        await store.unread.keep(_unread(MOST + 9), 0)
        assert await store.unread.one(f"d{MOST + 9}") is None
    assert len(kept) == MOST
    assert kept[0].id == f"d{MOST + 4}"
    assert kept[0].delivery.body == b"\xff{"


def _unread(number: int) -> Unread:
    headers = {"x-token": "hush", "x-kind": "a", "authorization": "Basic x", "content-type": "application/json"}
    delivery = Delivery("k/a", "POST", "https://b.example/x?token=hush", headers, {}, b"\xff{", 1_000 + number)
    one = unread(delivery, f"d{number}", "body: is not JSON", {"x-token"})
    assert one.headers == {"x-kind": "a", "content-type": "application/json"}
    assert one.url == "https://b.example/x"
    return one
