"""Asking to forget: the command line and the API show the same, and remove only when they are told to."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from bridge.domain import TicketRef
from bridge.forgetting import names_of, people_of
from bridge.protocol import Incoming
from bridge.wiring import store_on
from tests import harness
from tests.command_line import SECRETS, CommandLine, configuration, written
from tests.harness import API_TOKEN, PROJECT, scripted_account
from tests.webhooks import deliver, listening, post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.accounts import Bridge
    from tests.harness import Running
    from tests.webhooks import Answer

KIND = "standard-webhooks"
USER = "593987001234"
LANE = f"{KIND}/scripts~{PROJECT}"
SCRIPTS_7, INTRANET_7, SCRIPTS_8 = (f"{KIND}/{name}" for name in ("scripts/7", "intranet/7", "scripts/8"))


@pytest.fixture
def bridge(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, redis_url: str, prefix: str
) -> CommandLine:
    """The command line on a store that knows ticket 7 of both accounts, one of a person's, and ticket 8."""
    environ = {**SECRETS, "REDIS_URL": redis_url, "BRIDGE_REDIS_PREFIX": prefix}
    environ["BRIDGE_CONFIG"] = written(tmp_path, configuration("scripts", "intranet"))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    async def accept() -> None:
        people = {SCRIPTS_7: USER, INTRANET_7: "ben", SCRIPTS_8: "ben"}
        items = [Incoming(ticket, LANE, "opened", "{}", "{}", "{}", person) for ticket, person in people.items()]
        async with store_on(redis_url, prefix, connections=2) as store:
            await store.accept("seen", "d-1", 60, items)

    asyncio.run(accept())
    return CommandLine(monkeypatch, capsys)


def kept(bridge: CommandLine, ticket: str) -> int:
    """How many tickets of this name the bridge knows."""
    return len(bridge("forget", "--ticket", ticket, "--json").json["tickets"])


# --- the command line ------------------------------------------------------------------------------------------------


def test_a_look_by_json_removes_nothing(bridge: CommandLine) -> None:
    """What would go, and that it is still there afterwards."""
    for _ in range(2):
        ran = bridge("forget", "--user", "+593 98 700 1234", "--json")
        assert (ran.code, ran.json["preview"], ran.json["more"], ran.json["orphans"]) == (0, True, 0, 0)
        assert ran.json["tickets"] == [
            {
                "ticket": SCRIPTS_7,
                "phase": "new",
                "held": False,
                "start_may_be_out": False,
                "events": 1,
                "entries": 1,
                "dead_letters": 0,
            }
        ]


def test_yes_removes_and_tells_what(bridge: CommandLine) -> None:
    """Once; the second time there is nothing. The person's number is not printed."""
    ran = bridge("forget", "--user", USER, "--yes")
    assert ran.out.splitlines() == [
        f"{SCRIPTS_7}  new  1 events, 1 lines of timeline, 0 dead letters",
        "1 tickets, 0 orphans",
        "forgotten: 1 tickets, 0 orphans",
    ]
    assert USER not in ran.out
    assert bridge("forget", "--user", USER, "--yes").out == "0 tickets, 0 orphans\n"
    assert kept(bridge, INTRANET_7) == 1


def test_json_with_yes_removes(bridge: CommandLine) -> None:
    """For programs that have looked already."""
    ran = bridge("forget", "--ticket", "8", "--yes", "--json")
    assert (ran.json["preview"], [one["ticket"] for one in ran.json["tickets"]]) == (False, [SCRIPTS_8])
    assert kept(bridge, "8") == 0


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_a_person_is_asked(bridge: CommandLine, monkeypatch: pytest.MonkeyPatch, answer: str, left: int) -> None:
    """Nothing goes without a yes."""
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert "forget all of it?" in bridge("forget", "--ticket", "8").out
    assert kept(bridge, "8") == left


def test_an_id_that_several_accounts_have_is_not_guessed(bridge: CommandLine) -> None:
    """It is said which there are; with the account's name it is clear."""
    ran = bridge("forget", "--ticket", "7", "--yes")
    assert ran.code == 1
    assert SCRIPTS_7 in ran.err
    assert INTRANET_7 in ran.err
    assert bridge("forget", "--ticket", "intranet/7", "--yes").code == 0
    assert (kept(bridge, INTRANET_7), kept(bridge, SCRIPTS_7)) == (0, 1)


@pytest.mark.parametrize("asked", [(), ("--user", " "), ("--user", "1", "--ticket", "2")])
def test_whom_must_be_said_once(bridge: CommandLine, asked: tuple[str, ...]) -> None:
    """Else nothing is looked for."""
    assert bridge("forget", *asked, "--yes").code == 2


# --- how people and tickets are called -------------------------------------------------------------------------------


def two_countries() -> Bridge:
    """An account in Ecuador, one in Colombia, one whose ids are texts."""
    jelou = {"project_id": "p", "bot_id": "b", "api_key": "k", "signing_secrets": ["s"]}
    wanted = {"ec": {"region": "EC"}, "co": {"region": "CO"}, "text": {"format": "text"}}
    accounts = {name: scripted_account(user_id=user_id) for name, user_id in wanted.items()}
    return harness.configuration(jelou, {KIND: accounts})


@pytest.mark.parametrize(
    ("written", "people"),
    [
        ("+593 98 700 1234", {USER: (), "+593 98 700 1234": ()}),
        (USER, {USER: ()}),
        ("098 700 1234", {USER: (f"jelou/{harness.PROJECT}", f"{KIND}/ec"), "098 700 1234": ()}),
        (" cust-7 ", {"cust-7": ()}),
    ],
)
def test_a_person_is_read_as_each_account_reads_them(written: str, people: dict[str, tuple[str, ...]]) -> None:
    """A number without its country means that country's accounts alone, and what waits for its ticket."""
    found = dict(people_of(two_countries(), written))
    assert people.items() <= found.items()
    assert all(found[one] for one in found.keys() - people.keys())


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("zendesk/gone/4%2F2", ["zendesk/gone/4%2F2"]),
        ("ec/4/2", [f"{KIND}/ec/4%2F2"]),
        ("ec/7", [f"{KIND}/ec/7"]),
        ("7", [f"{KIND}/ec/7", f"{KIND}/co/7", f"{KIND}/text/7"]),
        ("4/2", [f"{KIND}/ec/4%2F2", f"{KIND}/co/4%2F2", f"{KIND}/text/4%2F2"]),
    ],
)
def test_a_ticket_is_named_in_full_in_part_or_by_its_id(written: str, names: list[str]) -> None:
    """Also one of an account that is not configured any more, and an id with a slash in it."""
    found = list(names_of(two_countries(), written))
    assert set(names) <= set(found)
    assert all(TicketRef.parse(one) for one in found)


# --- the API ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def run(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process, with a delivered ticket."""
    async with listening(redis_url, prefix) as run:
        assert (await deliver(run, "standard-webhooks")).status == 202
        yield run


async def ask(run: Running, body: Any, token: str = API_TOKEN) -> Answer:
    """POST /api/forget."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return await post(run, "/api/forget", raw, headers)


async def the_ticket(run: Running) -> str:
    """The name of the delivered ticket."""
    [name] = [one async for one in run.app.store._scripts.redis.scan_iter(f"{run.app.store._scripts.prefix}:inbox:*")]  # noqa: SLF001
    return str(name.decode().split(":inbox:")[1])


async def test_the_api_looks_and_forgets(run: Running) -> None:
    """The same as the command: a preview changes nothing, a forget is done once."""
    ticket = await the_ticket(run)
    looked = (await ask(run, {"ticket": ticket, "preview": True})).json
    gone = await ask(run, {"ticket": ticket})
    assert (looked["preview"], gone.json["preview"], gone.status) == (True, False, 200)
    assert looked["tickets"] == gone.json["tickets"]
    assert [one["ticket"] for one in gone.json["tickets"]] == [ticket]
    assert (await ask(run, {"ticket": ticket})).json["tickets"] == []


async def test_a_ticket_that_was_forgotten_is_unknown_to_the_api(run: Running) -> None:
    """And stays so when its sender tells it again."""
    ticket = await the_ticket(run)
    await ask(run, {"ticket": ticket})
    assert (await deliver(run, "standard-webhooks")).status == 202
    assert (await run.trace(*ticket.split("/")))["known"] is False


async def test_without_the_token_nothing_is_forgotten(run: Running) -> None:
    """401, whatever is asked."""
    ticket = await the_ticket(run)
    assert (await ask(run, {"ticket": ticket}, "wrong")).status == 401
    assert await the_ticket(run) == ticket


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        [],
        {},
        {"user": ""},
        {"user": 7},
        {"user": ["a"]},
        {"user": "a", "ticket": "b"},
        {"user": "a", "preview": "yes"},
        {"user": "a", "preview": []},
        {"user": "a", "previews": True},
    ],
)
async def test_a_body_that_is_not_clear_is_refused(run: Running, body: Any) -> None:
    """400 before anything is looked for: a misspelt preview must not remove."""
    ticket = await the_ticket(run)
    assert (await ask(run, body)).status == 400
    assert await the_ticket(run) == ticket
