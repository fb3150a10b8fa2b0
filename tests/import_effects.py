"""``python -m tests.import_effects``: imports the whole product in this process and prints what that did, as JSON.

An effect is a line such as ``bridge.web: socket.connect``. What libraries do with their own environment variables is
theirs; anything else that happens while one of our modules is imported counts, whoever does it.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

ROOT = Path(__file__).parent.parent
PACKAGES = ("bridge", "workers", "config")
ELSEWHERE = ("bridge.twins.django_site.",)
"""Scripts for another virtual environment, with Django."""

LIBRARIES = ("socket.", "subprocess.", "shutil.", "urllib.", "http.client.", "sqlite3.", "_thread.start_new_thread")
CALLS = "system exec fork posix_spawn spawn kill mkdir remove rename rmdir truncate chmod putenv unsetenv symlink"
WATCHED = (*LIBRARIES, *(f"os.{name}" for name in CALLS.split()))
"""The beginnings of audit events: https://docs.python.org/3/library/audit_events.html"""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

wanted: list[str] = []
importing: list[str] = []
effects: list[str] = []


def note(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: notes what reaches out of the process while a module is imported."""
    if not importing:
        return
    if event == "open" and isinstance(args[2], int) and args[2] & WRITING:
        effects.append(f"{importing[-1]}: writes {args[0]}")
    elif event.startswith(WATCHED):
        effects.append(f"{importing[-1]}: {event}")


class Environment(dict[str, str]):
    """The environment, telling who reads it."""

    def __init__(self, real: MutableMapping[str, str]) -> None:
        super().__init__(real)

    def __getitem__(self, name: str) -> str:
        _note_reader(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """As a dict's."""
        _note_reader(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        _note_reader(str(name))
        return super().__contains__(name)


def _note_reader(name: str) -> None:
    frame: Any = sys._getframe(2)  # noqa: SLF001 - there is no other way to learn who calls
    while frame is not None and frame.f_globals.get("__name__") == "os":
        frame = frame.f_back
    if frame is not None and importing and frame.f_globals.get("__name__") in wanted:
        effects.append(f"{importing[-1]}: reads the environment variable {name}")


def modules() -> Iterator[str]:
    """Every module of the product."""
    for package in PACKAGES:
        yield package
        for found in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not found.name.startswith(ELSEWHERE):
                yield found.name


def effects_of(names: list[str]) -> list[str]:
    """What importing these modules does to the outside."""
    wanted.extend(names)
    os.environ = Environment(os.environ)  # type: ignore[assignment] # noqa: B003 - a watched copy, in this process alone
    sys.addaudithook(note)
    for name in names:
        importing.append(name)
        importlib.import_module(name)
        importing.pop()
    if threading.active_count() > 1:
        effects.append(f"{threading.active_count() - 1} threads are left running")
    return effects


if __name__ == "__main__":
    told = effects_of(sys.argv[1:] or list(modules()))
    sys.stdout.write(json.dumps(told))
