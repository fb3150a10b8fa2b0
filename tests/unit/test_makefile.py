"""The Makefile says what it can do, and its two main commands run what they say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKE = shutil.which("make") or ""

pytestmark = pytest.mark.skipif(not MAKE, reason="there is no make here")


def made(*arguments: str) -> str:
    """What make prints."""
    command = [MAKE, "--no-print-directory", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout  # noqa: S603


def planned(*arguments: str) -> list[str]:
    """The commands that make would run if nothing were installed yet."""
    return made("--dry-run", "--always-make", f"PYTHON={sys.executable}", *arguments).splitlines()


def targets() -> set[str]:
    """Those that are declared as commands."""
    [declared] = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return set(declared.split())


def test_help_lists_what_people_make() -> None:
    """``make`` alone tells each command with a sentence, the two main ones first."""
    listed = dict(re.findall(r"^ +make ([a-z]+) +(\S.*)$", made(), re.MULTILINE))
    assert [name for name in listed if name != "help"][:2] == ["run", "test"]
    assert listed.keys() <= targets()


@pytest.mark.parametrize("arguments", [(), ("ARGS=--once",), ("ARGS=--once --helpdesk=django",)], ids=str)
def test_run_installs_the_product_and_shows_the_demo(arguments: tuple[str, ...]) -> None:
    """``make run`` installs by hash what it needs and no more; a real helpdesk only where it is asked for."""
    commands = planned("run", *arguments)
    options = "".join(arguments).removeprefix("ARGS=")
    installed = {found for line in commands for found in re.findall(r"--require-hashes -r (\S+)", line)}
    helpdesk = {"requirements-helpdesk.txt"} if "django" in options else set()
    assert commands[-1].split() == [".venv/bin/python", "-m", "bridge", "demo", *options.split()]
    assert installed == {"requirements-uv.txt", "requirements.txt"} | helpdesk


def test_test_runs_lint_types_and_all_tests_with_the_real_helpdesk() -> None:
    """``make test`` leaves nothing out: a missing helpdesk is a failure there, no skip."""
    commands = planned("test")
    assert commands[-1] == "BRIDGE_REQUIRE_HELPDESK=1 .venv/bin/python -m pytest -n 2 --dist worksteal "
    ran = {line.split("/")[-1].split()[0] for line in commands if line.startswith(".venv/bin/")}
    assert {"ruff", "mypy"} <= ran
