"""``bridge demo``, which is ``make run``: the round trip works, is told in order, and leaves nothing behind."""

from __future__ import annotations

import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from tests.command_line import CommandLine, run_process, started
from tests.pids import alive, children_of
from tests.real_helpdesk import real_helpdesk_or_skip

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Ran

ROUND_TRIP = [
    "received webhook: the ticket was opened",
    "sending start call to Jelou",
    "answered start call to Jelou",
    "received start event from Jelou",
    "moved phase open",
    "sending note on the ticket",
    "answered note on the ticket",
]


def steps(ran: Ran) -> list[str]:
    """The printed timeline without its times, a space between the words."""
    stamped = re.findall(r"^\s+\S+ \d\d:\d\d:\d\d\.\d{3}\s+(.*)$", ran.out, re.MULTILINE)
    return [" ".join(step.split()) for step in stamped]


def in_order(ran: Ran) -> list[str]:
    """The steps of a round trip, as they were printed."""
    told = [(step, wanted) for step in steps(ran) for wanted in ROUND_TRIP if step.startswith(wanted)]
    return [wanted for _, wanted in told]


def note(ran: Ran) -> list[str]:
    """The note that was read back from the helpdesk."""
    return [line.strip() for line in ran.out.partition("read back from the helpdesk")[2].splitlines() if line.strip()]


def left_in(folder: Path) -> list[str]:
    """What was not cleaned up."""
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("helpdesk", ["zendesk", pytest.param("django", marks=pytest.mark.helpdesk)])
async def test_the_demo_shows_a_round_trip(tmp_path: Path, helpdesk: str, request: pytest.FixtureRequest) -> None:
    """Code 0; webhook, start call, start event and note, in this order; nothing on standard error, no file left."""
    if helpdesk == "django":
        real_helpdesk_or_skip(request)
    ran = await run_process("demo", "--once", f"--helpdesk={helpdesk}", environ={"TMPDIR": str(tmp_path)})
    assert (ran.code, ran.err) == (0, "")
    assert in_order(ran) == ROUND_TRIP
    assert "Conversation started in Jelou." in note(ran)
    assert left_in(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_the_demo_goes_on_until_ctrl_c(tmp_path: Path) -> None:
    """Without ``--once`` its addresses answer until Ctrl-C; then no process and no file is left, code 0."""
    async with started("demo", environ={"TMPDIR": str(tmp_path)}) as demo:
        line = await demo.says("jelou (a twin): conversations")
        children = children_of(demo.process.pid)
        async with ClientSession() as session, session.get(line.split()[-1]) as answer:
            status = answer.status
        code = await demo.ends(signal.SIGINT, group=True)
    assert (code, status, len(children)) == (0, 200, 3)
    assert [pid for pid in children if alive(pid)] == []
    assert left_in(tmp_path) == []


def test_a_helpdesk_that_is_not_installed_is_named_with_its_fix(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Code 1 and the command that installs it; no traceback."""
    monkeypatch.setenv("BRIDGE_HELPDESK_PYTHON", str(tmp_path / "python"))
    ran = CommandLine(monkeypatch, capsys)("demo", "--once", "--helpdesk=django")
    assert ran.code == 1
    assert ran.err.startswith("no django-helpdesk at")
    assert "make helpdesk" in ran.err


def test_a_helpdesk_that_does_not_exist_names_those_that_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 2, and the choice."""
    ran = CommandLine(monkeypatch, capsys)("demo", "--helpdesk=freshdesk")
    assert ran.code == 2
    assert "choose zendesk or django" in ran.err
