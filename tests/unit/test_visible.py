"""What strangers wrote never steers a terminal, whichever way it gets there."""

from __future__ import annotations

import logging
import re
import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

import bridge
from bridge import logs, show
from bridge.cli import main as command
from bridge.terminal import Screen, print_json, show_traceback, tell_error
from bridge.visible import visible, visible_json, visible_line
from tests.log_capture import configured
from workers.__main__ import main as worker

if TYPE_CHECKING:
    from collections.abc import Callable

STEERING = "".join(map(chr, [*range(9), *range(11, 32), *range(127, 160), 0x061C, 0x200E, 0x200F]))
STEERING += "".join(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))
HOSTILE = f"id-{STEERING}\x1b[2J\x1b]52;c;aGk=\x07\x9b31m [bold][/] :smile: 7"
OURS = re.compile(r"\x1b\[[0-9;]*m")
"""A colour that we chose."""


def steers(written: str) -> set[str]:
    """What of it steers a terminal, but for our colours."""
    return set(OURS.sub("", written)) & set(STEERING)


@given(st.text(st.characters() | st.sampled_from(STEERING)))
def test_nothing_that_is_shown_steers(text: str) -> None:
    """Whatever text it is, it can be written to any stream; a text without such characters is as it was."""
    for shown in (visible(text), visible_line(text)):
        assert steers(shown) == set()
        shown.encode()
    assert "\n" not in visible_line(text)
    plain = "".join(one for one in text if one.isprintable() or one == "\n")
    assert visible(plain) == plain


@given(
    st.recursive(
        st.text(st.characters(exclude_categories=["Cs"])),
        lambda one: st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), one),
    )
)
def test_json_stays_the_same_json(value: object) -> None:
    """Written otherwise, and read the same."""
    written = visible_json(orjson.dumps(value, option=orjson.OPT_INDENT_2))
    assert orjson.loads(written) == value
    assert steers(written.decode()) == set()


def told(ticket: str) -> dict[str, object]:
    """A ticket's trace, as hostile as it may be."""
    line = {"at": 1, "what": "refused", "reason": ticket, "action": ticket, "key": ticket}
    facts = dict.fromkeys(show.FACTS) | {"reason": ticket, "conversation": ticket, "extra_conversations": [ticket]}
    return {"ticket": ticket, "says": ticket, "episode": 1, "due_in_s": None, "timeline": [line], **facts, "past": []}


def a_table() -> Table:
    """One with a hostile cell."""
    table = Table("ticket", box=None)
    table.add_row(HOSTILE)
    return table


PRINTED: dict[str, Callable[[Screen], None]] = {
    "text": lambda screen: screen.print(HOSTILE),
    "styled": lambda screen: screen.print(Text(HOSTILE, style="bold red")),
    "a table": lambda screen: screen.print(a_table()),
    "a trace": lambda screen: show.trace(screen, told(HOSTILE)),
}


@pytest.mark.parametrize("what", PRINTED)
@pytest.mark.parametrize("coloured", [True, False])
def test_nothing_printed_steers(what: str, coloured: bool) -> None:
    """In colours on a terminal and plain in a pipe; markup in it is text."""
    out = StringIO()
    PRINTED[what](Screen(file=out, soft_wrap=True, markup=False, emoji=False, width=2_000, force_terminal=coloured))
    assert steers(out.getvalue()) == set()
    # A table cuts what is wider than it reckoned.
    assert what == "a table" or "[bold][/] :smile:" in OURS.sub("", out.getvalue())


def fail() -> None:
    """Raise, with a stranger's words."""
    raise RuntimeError(HOSTILE)


def a_bug() -> None:
    """Log an exception that holds a stranger's words, as the web and the worker do."""
    try:
        fail()
    except RuntimeError:
        logs.logger().exception("bug", ticket=HOSTILE, several=[HOSTILE])


LOGGED: dict[str, Callable[[], object]] = {
    "a value": lambda: logs.logger().warning("rejected", reason=HOSTILE + "\nforged line", path=HOSTILE),
    "an event": lambda: logs.logger().warning(HOSTILE),
    "an exception": a_bug,
    "a library's line": lambda: logging.getLogger("arq").error("%s", HOSTILE),
    "a library's exception": lambda: logging.getLogger("arq").error("x", exc_info=RuntimeError(HOSTILE)),
}


@pytest.mark.parametrize("what", LOGGED)
@pytest.mark.parametrize("style", ["console", "json"])
def test_nothing_logged_steers(capfd: pytest.CaptureFixture[str], what: str, style: str) -> None:
    """For people and for machines; a value stays on its line."""
    with configured("debug", style):
        LOGGED[what]()
    out, err = capfd.readouterr()
    assert "id-" in out + err
    assert steers(out + err) == set()
    assert "\nforged" not in out + err


def test_nothing_told_steers(capsys: pytest.CaptureFixture[str]) -> None:
    """Errors, tracebacks and JSON of the commands."""
    tell_error(HOSTILE)
    show_traceback(RuntimeError, RuntimeError(HOSTILE), None)
    print_json({"ticket": HOSTILE})
    out, err = capsys.readouterr()
    assert orjson.loads(out) == {"ticket": HOSTILE}
    assert (steers(out), steers(err), err.count("id-")) == (set(), set(), 2)


MISTAKES = {
    "no option": [f"--{HOSTILE}"],
    "no command": [HOSTILE],
    "no option of a command": ["trace", "1", f"--{HOSTILE}"],
    "no number": ["serve", "--port", HOSTILE],
    "no command of several": ["orphans", HOSTILE],
}


@pytest.mark.parametrize("what", MISTAKES)
def test_no_mistake_on_the_command_line_steers(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An id that somebody copies from a ticket is an argument; the mistake is told all the same."""
    monkeypatch.setattr("sys.argv", ["bridge", *MISTAKES[what]])
    with pytest.raises(SystemExit) as ended:
        command()
    out, err = capsys.readouterr()
    assert (ended.value.code, steers(out + err)) == (2, set())
    assert "Error" in err


def test_a_worker_that_breaks_steers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``bridge``: whatever ends the process is told by the same function."""
    monkeypatch.setattr("sys.excepthook", sys.__excepthook__)
    monkeypatch.setenv("BRIDGE_CONFIG", "/nowhere.yaml")
    assert (worker(), sys.excepthook) == (2, show_traceback)


def test_the_commands_write_through_one_place_alone() -> None:
    """Whatever a command prints: ``bridge.terminal`` and ``bridge.logs`` are the only ones that write."""
    root = Path(bridge.__file__).parent
    files = [file for file in root.rglob("*.py") if "twins" not in file.parts]
    writers = {file.name for file in files if WRITES.search(file.read_text())}
    # What bridge.health says is its own environment's; it must not import. bridge.processes hands on what a process of
    # the bridge has written, byte by byte.
    assert writers == {"terminal.py", "logs.py", "health.py", "processes.py"}


WRITES = re.compile(r"\bConsole\(|sys\.std(?:out|err)\b|typer\.echo|(?<![\w.])print\(")
