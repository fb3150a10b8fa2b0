"""``bridge demo``, which is ``make run``: the whole case works, is told in order, and leaves nothing behind."""

from __future__ import annotations

import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from bridge.demo_case import ANSWERS, GOODBYE, REPLY
from tests.command_line import CommandLine, run_process, started
from tests.pids import alive, children_of
from tests.real_helpdesk import real_helpdesk_or_skip

if TYPE_CHECKING:
    from pathlib import Path

ROUND_TRIP = [
    "received webhook: the ticket was opened",
    "sending start call to Jelou",
    "answered start call to Jelou",
    "moved phase open",
    "sending note on the ticket",
    "answered note on the ticket",
]
EVENT = "received start event from Jelou"
"""It may come before the answer of the start call."""

THE_REST = [
    "sending message to the customer",
    "answered message to the customer",
    "received message event from Jelou: the customer wrote",
    "received message event from Jelou: the customer wrote",
    "answered the customer's words on the ticket",
    "received webhook: the ticket was solved",
    "answered close call to Jelou",
    "moved phase closed, reason the ticket is solved",
    "answered note on the ticket (how it went)",
]
TALK = [
    ("agent", f"writes on the ticket: {REPLY}"),
    ("customer", "reads it in the chat"),
    *(("customer", f"answers: {text}") for text in ANSWERS),
    ("agent", "finds both answers on the ticket, as one update"),
    ("agent", "solves the ticket"),
    ("customer", f"reads: {GOODBYE}"),
    ("jelou", "the conversation is closed"),
    ("agent", "finds on the ticket how it went"),
]


def in_order(told: str, wanted: list[str]) -> list[str]:
    """Those steps of a printed timeline that are wanted, without times, a space between the words."""
    stamped = re.findall(r"^\s+\S+ \d\d:\d\d:\d\d\.\d{3}\s+(.*)$", told, re.MULTILINE)
    steps = [" ".join(step.split()) for step in stamped]
    known = dict.fromkeys(wanted)
    return [one for step in steps for one in known if step.startswith(one)]


def talk(told: str) -> list[tuple[str, str]]:
    """Who did what, without how long it took."""
    lines = re.findall(r"^  (agent|customer|jelou) +(.*)$", told, re.MULTILINE)
    return [(who, re.sub(r" \(\d+\.\d s later\)$", "", what)) for who, what in lines]


def note(told: str) -> list[str]:
    """The note that was read back from the helpdesk."""
    return [line.strip() for line in told.partition("read back from the helpdesk")[2].splitlines() if line.strip()]


def left_in(folder: Path) -> list[str]:
    """What was not cleaned up."""
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("helpdesk", ["zendesk", pytest.param("django", marks=pytest.mark.helpdesk)])
async def test_the_demo_shows_a_whole_case(tmp_path: Path, helpdesk: str, request: pytest.FixtureRequest) -> None:
    """Code 0; from the webhook to the note at the end, in this order; nothing on standard error, no file left."""
    if helpdesk == "django":
        real_helpdesk_or_skip(request)
    ran = await run_process("demo", "--once", f"--helpdesk={helpdesk}", environ={"TMPDIR": str(tmp_path)})
    assert (ran.code, ran.err) == (0, "")
    opening, _, rest = ran.out.partition("the support case goes on by itself")
    assert (in_order(opening, ROUND_TRIP), in_order(opening, [EVENT])) == (ROUND_TRIP, [EVENT])
    assert "Conversation started in Jelou." in note(opening)
    assert talk(rest) == TALK
    assert in_order(rest, THE_REST) == THE_REST
    assert "Messages: 2 of the customer, 2 of agents" in rest
    assert "all of it worked" in rest
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
