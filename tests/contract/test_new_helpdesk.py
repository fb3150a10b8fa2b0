"""CONTRIBUTING.md tells how a helpdesk is added: this does it, in a copy of the project, and runs the suite over it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess  # the suite runs as a person would run it
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MARK = "[jelou-bridge:0123456789abcdef]"
COPIED = ("bridge", "workers", "config", "tests", "pyproject.toml")
NO = {"none": "Toy has no such thing"}


def page() -> str:
    """The page that is followed."""
    return (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def followed(copy: Path) -> None:
    """Everything that the page says, done in the copy."""
    [(path, source)] = re.findall(r"`(bridge/helpdesks/toy\.py)`\n\n```python\n(.*?)```", page(), re.DOTALL)
    (copy / path).write_text(source, encoding="utf-8")
    [(wanted, line)] = re.findall(r"`(from bridge\.helpdesks\.toy import Toy)` and `(.toy.: Toy\(\),)`", page())
    registry = copy / "bridge" / "helpdesks" / "__init__.py"
    text = registry.read_text(encoding="utf-8").replace(
        "from bridge.helpdesks.zendesk", f"{wanted}\nfrom bridge.helpdesks.zendesk"
    )
    registry.write_text(text.replace('        "zendesk":', f'        {line}\n        "zendesk":'), encoding="utf-8")
    hosts = copy / "tests" / "contract" / "test_call_hosts.py"
    told = hosts.read_text(encoding="utf-8").replace(
        '    "zendesk":', '    "toy": "https://toy.example",\n    "zendesk":'
    )
    hosts.write_text(told, encoding="utf-8")
    recordings(copy / "tests" / "recordings" / "toy")


def event(kind: str, ref: str = "toy/main/7", **values: Any) -> dict[str, Any]:
    """An event as expected.json writes it."""
    return {"type": kind, "ref": ref, "by_bridge": False, **values}


def recordings(folder: Path) -> None:
    """A folder as the page wants it."""
    folder.mkdir()
    ticket = {"id": 7, "subject": "Hola", "status": "abierto"}
    fields = {"id": "7", "subject": "Hola", "status": "open"}
    opened = {"fields": fields, "created_ms": 0, "partial": False, "by_bridge": False}
    said: dict[str, Any] = {"markup": "text", "attachments": [], "partial": False, "at_ms": 0}
    bodies = {
        "ticket-created.json": (
            {"event": "opened", "ticket": ticket},
            event("ticket.opened", fact="opened", ticket=opened),
        ),
        "opened-by-us.json": (
            {"event": "opened", "ticket": ticket, "text": MARK},
            event("ticket.opened", fact="opened", ticket=opened | {"by_bridge": True}) | {"by_bridge": True},
        ),
        "said.json": (
            {"event": "said", "ticket": ticket, "at": 1, "text": "Hola", "public": True},
            event("agent.replied", fact="comment:1", comment_id="1", text="Hola", public=True, **said),
        ),
        "echo.json": (
            {"event": "said", "ticket": ticket, "at": 2, "text": MARK},
            event("agent.replied", fact="comment:2", comment_id="2", text=MARK, public=False, **said)
            | {"by_bridge": True},
        ),
        "solved.json": (
            {"event": "status", "ticket": {"id": 7, "status": "Resuelto"}, "at": 3},
            event("ticket.solved", fact="status:solved:3", status="solved"),
        ),
        "reopened.json": (
            {"event": "status", "ticket": ticket, "at": 4},
            event("ticket.reopened", fact="status:open:4", status="open"),
        ),
        "other.json": ({"event": "read", "ticket": ticket, "at": 5}, event("unrecognised", fact="told:5", told="read")),
    }
    for name, (body, _) in bodies.items():
        (folder / name).write_text(json.dumps(body), encoding="utf-8")
    section = {
        "project": "p",
        "verification": {"type": "header", "header": "X-Toy-Token", "tokens": ["token-new", "token-old"]},
        "access": {"base_url": "https://toy.example", "token": "toy-token"},
    }
    note = {"type": "add.note", "text": f"x\n{MARK}", "marker": MARK}
    call = {
        "action": note,
        "method": "POST",
        "url": "https://toy.example/tickets/7/notes",
        "body": {"text": note["text"]},
    }
    opening = {"subject": "x", "text": "x", "marker": MARK, "user_id": "1"}
    writes = {
        "ticket_id": "7",
        "calls": [call | {"once": False}, {"action": {"type": "set.status", "status": "solved"}, **NO}],
        "receipts": [{"action": note, "reply": {"status": 201, "body": {"id": 9}}, "receipt": "9"}],
        "errors": [{"status": 401, "raises": "Denied"}, {"status": 429, "raises": "Throttled"}],
        "probes": [{"action": note, **NO}],
        "fetches": [NO],
        "opens": [{"action": opening, **NO}],
        "finds": [{"action": opening, **NO}],
        "comments": [NO],
        "changes": [{"since_ms": 1, **NO}],
    }
    audience = {
        "addressees": "Toy's texts name no addressees.",
        "own words": "Toy does not tell who wrote a text.",
        "hidden": [
            {"body": "said.json", "edits": {"public": False}, "told": "private"},
            {"body": "said.json", "told": "public"},
        ],
    }
    for name, told in (
        ("account.json", section),
        ("expected.json", {name: [expected] for name, (_, expected) in bodies.items()}),
        ("writes.json", writes),
        ("audience.json", audience),
    ):
        (folder / name).write_text(json.dumps(told), encoding="utf-8")


def suite(copy: Path, chosen: str) -> subprocess.CompletedProcess[str]:
    """The contract suite over one kind, in the copy."""
    argv = [
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/contract",
        "-k",
        chosen,
        "--ignore",
        f"tests/contract/{Path(__file__).name}",
    ]
    environ = {**os.environ, "PYTHONPATH": str(copy)}
    return subprocess.run(  # noqa: S603 - our own interpreter on our own copy
        [sys.executable, *argv], cwd=copy, env=environ, capture_output=True, text=True, timeout=300, check=False
    )


def test_whoever_follows_the_page_has_a_helpdesk(tmp_path: Path) -> None:
    """The whole suite runs over it, and is green; with one thing broken in it, it is not."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    followed(tmp_path)
    ran = suite(tmp_path, "toy")
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
    [passed] = re.findall(r"(\d+) passed", ran.stdout)
    assert int(passed) > 60
    dialect = tmp_path / "bridge" / "helpdesks" / "toy.py"
    broken = (
        dialect.read_text(encoding="utf-8").replace("is True\n", "is not False\n").replace("reading.marked", "bool")
    )
    dialect.write_text(broken, encoding="utf-8")
    assert suite(tmp_path, "toy and recorded_body").returncode == 1
