"""``bridge dead-letters`` and ``bridge orphans`` as a person types them: what is printed, asked, kept and refused."""

from __future__ import annotations

import asyncio
import getpass
from typing import TYPE_CHECKING, Any

import pytest

from tests.command_line import SECRETS, CommandLine, configuration, written
from tests.harness import PROJECT, Scene, scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.command_line import Ran

ACCOUNT = "standard-webhooks/scripts"


@pytest.fixture
def bridge(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, redis_url: str, prefix: str
) -> CommandLine:
    """The command line on the session's Redis."""
    environ = {**SECRETS, "REDIS_URL": redis_url, "BRIDGE_REDIS_PREFIX": prefix}
    environ["BRIDGE_CONFIG"] = written(tmp_path, configuration("scripts"))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return CommandLine(monkeypatch, capsys)


@pytest.fixture
async def on(redis_url: str, prefix: str) -> AsyncIterator[Scene]:
    """A bridge between its twins."""
    async with scene(redis_url, prefix) as on:
        yield on


async def typed(bridge: CommandLine, *words: str) -> Ran:
    """A command, typed while the bridge runs."""
    return await asyncio.to_thread(bridge, *words)


async def failed(on: Scene, bridge: CommandLine, *tickets: str) -> list[dict[str, Any]]:
    """Tickets that no conversation could be started for, as listed."""
    for ticket in tickets:
        await on.scripted(ticket, phone="none")
        await on.until_phase(ticket, "failed")
    return list((await typed(bridge, "dead-letters", "list", "--json")).json)


async def test_a_long_list_says_how_to_go_on(on: Scene, bridge: CommandLine) -> None:
    """Newest first, so many at once."""
    second, first = await failed(on, bridge, "T1", "T2")
    ran = await typed(bridge, "dead-letters", "list", "--most", "1")
    *_, last = ran.out.strip().splitlines()
    assert (second["id"] in ran.out, first["id"] in ran.out) == (True, False)
    assert last.startswith("1 dead letters, and more: --after ")
    rest = await typed(bridge, "dead-letters", "list", "--after", last.rpartition(" ")[2])
    assert (first["id"] in rest.out, second["id"] in rest.out, rest.out.endswith("1 dead letters\n")) == (
        True,
        False,
        True,
    )


async def test_a_replay_typed_twice_says_what_the_first_did(on: Scene, bridge: CommandLine) -> None:
    """Never silent: neither for a letter that is gone, nor for a filter that matches nothing."""
    [letter] = await failed(on, bridge, "T1")
    first = await typed(bridge, "dead-letters", "replay", letter["id"], "--yes")
    assert "would start a conversation" in first.out
    assert f"{letter['ticket']}: will start a conversation" in first.out
    await on.bridge.traced("standard-webhooks", "scripts", "T1", lambda told: len(told["timeline"]) > 5)
    assert (await typed(bridge, "dead-letters", "discard", letter["id"], "--reason", "x", "--yes")).code == 0
    again = await typed(bridge, "dead-letters", "replay", letter["id"], "--yes")
    assert (again.code, "nothing to do: it was discarded on" in again.out) == (0, True)
    none = await typed(bridge, "dead-letters", "replay", "--account", ACCOUNT, "--yes")
    assert none.out == "nothing to do: no dead letter matches\n"


async def test_what_was_discarded_is_told_later(on: Scene, bridge: CommandLine) -> None:
    """Who, what, when and why."""
    [letter] = await failed(on, bridge, "T1")
    await typed(bridge, "dead-letters", "discard", letter["id"], "--reason", "a test ticket", "--yes")
    [told] = (await typed(bridge, "dead-letters", "history", "--json")).json
    assert (told["what"], told["reason"], told["ticket"]) == ("discarded", "a test ticket", letter["ticket"])
    assert (told["because"], told["by"]) == (letter["reason"], getpass.getuser())
    ran = await typed(bridge, "dead-letters", "history")
    assert ": a test ticket" in ran.out
    gone = await typed(bridge, "dead-letters", "show", letter["id"])
    assert (gone.code, ": a test ticket" in gone.err) == (1, True)


async def test_an_orphan_is_discarded_with_a_reason(on: Scene, bridge: CommandLine) -> None:
    """It is asked for, and kept."""
    on.jelou.hand_over("593111111111", "Hola")
    await on.jelou.settle()
    [orphan] = (await typed(bridge, "orphans", "list", "--json")).json
    assert "name" not in orphan
    words = ("orphans", "discard", PROJECT, orphan["conversation"])
    assert (await typed(bridge, *words)).code == 2
    assert (await typed(bridge, *words, "--reason", " ")).code == 2
    assert (await typed(bridge, *words, "--reason", "a wrong number")).out == "discarded\n"
    [told] = (await typed(bridge, "orphans", "history", "--json")).json
    assert (told["id"], told["reason"]) == (orphan["id"], "a wrong number")
    assert (await typed(bridge, "dead-letters", "history", "--json")).json == []
    again = await typed(bridge, *words, "--reason", "again")
    assert (again.code, "no orphan" in again.err) == (1, True)


async def test_an_orphan_is_claimed_by_its_id_or_conversation(on: Scene, bridge: CommandLine) -> None:
    """For a ticket of an account on its project, and for no other."""
    on.jelou.hand_over("593111111111", "Hola")
    await on.jelou.settle()
    [orphan] = (await typed(bridge, "orphans", "list", "--json")).json
    wrong = await typed(bridge, "orphans", "claim", PROJECT, orphan["id"], "zendesk/other/9")
    assert (wrong.code, "no account on the project" in wrong.err) == (1, True)
    right = await typed(bridge, "orphans", "claim", PROJECT, orphan["conversation"], f"{ACCOUNT}/T9")
    assert (right.code, f"belongs to {ACCOUNT}/T9 now" in right.out) == (0, True)
    await on.until_phase("T9", "open")
