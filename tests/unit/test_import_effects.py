"""Nothing happens at import: no socket, no process, no thread, no file written, no environment read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.import_effects import ROOT, modules

if TYPE_CHECKING:
    from pathlib import Path


def effects(*names: str, folder: Path = ROOT) -> list[str]:
    """What importing these modules does, in an interpreter of their own; all of the product where none are named."""
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "tests.import_effects", *names]
    run = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, cwd=folder, timeout=60)  # noqa: S603 - ourselves
    told: list[str] = json.loads(run.stdout)
    return told


def test_importing_the_whole_product_does_nothing() -> None:
    """Whoever imports a module to read a constant, or to test it, starts nothing."""
    assert effects() == []


def test_every_module_of_the_product_is_imported() -> None:
    """The entry points and every dialect are among them."""
    found = set(modules())
    assert {"bridge.cli", "bridge.helpdesks.zendesk", "workers.__main__", "config.settings"} <= found


@pytest.mark.parametrize(
    ("source", "effect"),
    [
        ("import socket\nsocket.socket().close()", "naughty: socket.__new__"),
        ("import os\nos.environ['HOME']", "naughty: reads the environment variable HOME"),
        ("import os\nos.getenv('HOME')", "naughty: reads the environment variable HOME"),
        ("from os import environ\n'HOME' in environ", "naughty: reads the environment variable HOME"),
        ("import subprocess\nsubprocess.run(['true'])", "naughty: subprocess.Popen"),
        ("import os\nos.system('true')", "naughty: os.system"),
        ("open('x', 'w').close()", "naughty: writes x"),
        ("import pathlib\npathlib.Path('x').mkdir()", "naughty: os.mkdir"),
        (
            "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
            "1 threads are left",
        ),
    ],
)
def test_a_module_that_does_something_at_import_is_found_out(tmp_path: Path, source: str, effect: str) -> None:
    """The look itself can fail: each kind of effect is seen."""
    (tmp_path / "naughty.py").write_text(source)
    assert any(told.startswith(effect) for told in effects("naughty", folder=tmp_path))
