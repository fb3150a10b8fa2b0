"""``bridge integration`` when it cannot be done: in words, with what to do, and nothing lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from bridge.embedded import free_port
from tests.first_day import ADDRESS, FILE, FILES, Desk, first_day
from tests.harness import PROJECT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def desk(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> AsyncIterator[Desk]:
    """The first day."""
    async with first_day(monkeypatch, capsys, tmp_path) as desk:
        yield desk


COMMANDS = [["show"], ["update", "--url", ADDRESS], ["delete", "--yes"], ["rotate-secret", "--offline"]]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
async def test_where_there_is_no_integration_create_is_named(desk: Desk, words: list[str]) -> None:
    """Code 1, and the command that makes one."""
    ran = await desk.type(*words)
    assert (ran.code, ran.out) == (1, "")
    assert "bridge integration create makes one" in ran.err
    assert "HTTP 404" in ran.err


@pytest.mark.parametrize("words", [*COMMANDS, ["create", "--url", ADDRESS]], ids=lambda words: words[0])
async def test_a_wrong_key_is_named_by_its_place(desk: Desk, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    """And not told."""
    monkeypatch.setenv("JELOU_API_KEY", "wrong-key")
    ran = await desk.type(*words)
    assert (ran.code, "api_key or basic of the project" in ran.err, "wrong-key" in ran.err) == (1, True, False)


@pytest.mark.parametrize("words", [*COMMANDS, ["create", "--url", ADDRESS]], ids=lambda words: words[0])
async def test_a_jelou_that_is_not_reached_is_told(desk: Desk, words: list[str]) -> None:
    """Nothing was done, and why; with a file to write, it is as it was."""
    desk.configure(**FILES, base_url=f"http://127.0.0.1:{free_port()}")
    ran = await desk.type(*words)
    assert (ran.code, desk.file(FILE)) == (1, "")
    assert "Jelou is not reached at base_url; nothing was done (cannot connect to " in ran.err


async def test_the_older_base_path_is_hinted_at(desk: Desk) -> None:
    """A create that is answered 404 names the two settings that can be wrong."""
    desk.configure(base_url=f"{desk.jelou.url}/newer/v3")
    ran = await desk.type("create", "--url", ADDRESS)
    assert (ran.code, "project_id or base_url is wrong" in ran.err) == (1, True)


async def test_one_of_several_projects_must_be_named(desk: Desk) -> None:
    """Code 2, and the names; a named one is found."""
    path = desk.folder / "bridge.yaml"
    section = yaml.safe_load(path.read_text())["jelou"][PROJECT]
    path.write_text(yaml.safe_dump({"jelou": {"ventas": section, PROJECT: section}}, sort_keys=False))
    ran = await desk.type("create", "--url", ADDRESS)
    assert (ran.code, "add --project: ventas, soporte" in ran.err) == (2, True)
    assert (await desk.type("create", "--url", ADDRESS, "--project", PROJECT)).code == 0
