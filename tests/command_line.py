"""The command line as a person uses it: in this process where that is the same, else in one of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import typer
import yaml
from typer.core import TyperGroup

from bridge.cli import app, main
from tests.harness import PROJECT, scripted_account

if TYPE_CHECKING:
    import signal
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

    import pytest

ENDS_WITHIN_S = 60.0
SECRETS: Mapping[str, str] = {
    "JELOU_API_KEY": "key-of-the-project",
    "JELOU_SIGNING_SECRET": "signing-secret",
    "SCRIPT_SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0",
}
"""The environment that ``configuration`` names."""


def commands(group: Mapping[str, Any], *path: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every command, those in groups included: the words that call it, and what it says of itself."""
    for name, command in group.items():
        yield (*path, name), command.help or ""
        if isinstance(command, TyperGroup):
            yield from commands(command.commands, *path, name)


ROOT = typer.main.get_command(app)
assert isinstance(ROOT, TyperGroup)
COMMANDS = dict(commands(ROOT.commands))
"""Every command, by the words that call it, and what it says of itself."""


@dataclass(frozen=True)
class Ran:
    """What a command did: its exit code, and what it printed."""

    code: int | None
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read."""
        return orjson.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """``bridge ...`` in this process: by the entry point itself, so that its exit codes are the real ones."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *argv: str) -> Ran:
        """Run a command to its end."""
        self.monkeypatch.setattr(sys, "argv", ["bridge", *argv])
        self.capsys.readouterr()
        try:
            main()
            code: Any = 0
        except SystemExit as end:
            code = end.code or 0
        out, err = self.capsys.readouterr()
        return Ran(code, out, err)


async def run_process(*argv: str, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Ran:
    """``python -m bridge ...`` to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", *argv, env=environment(**(environ or {})), cwd=cwd, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return Ran(process.returncode, out.decode(), err.decode())


def environment(**changes: str) -> dict[str, str]:
    """This process' environment without the bridge's own variables, changed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BRIDGE_", "REDIS_"))}
    return {**kept, **SECRETS, **changes}


def configuration(*accounts: str, **account_changes: Any) -> dict[str, Any]:
    """A small good configuration of scripted senders."""
    jelou = {
        "project_id": "p-1",
        "bot_id": "bot-1",
        "api_key": "${JELOU_API_KEY}",
        "signing_secrets": ["${JELOU_SIGNING_SECRET}"],
    }
    account = scripted_account(verification={"secrets": ["${SCRIPT_SECRET}"]}, **account_changes)
    named = dict.fromkeys(accounts or ("scripts",), account)
    return {"jelou": {PROJECT: jelou}, "helpdesks": {"standard-webhooks": named}}


def written(folder: Path, told: Mapping[str, Any]) -> str:
    """A configuration file's path."""
    path = folder / "bridge.yaml"
    path.write_text(yaml.safe_dump(dict(told), sort_keys=False))
    return str(path)


@dataclass
class Started:
    """``python -m bridge ...`` under way, in a session of its own as a terminal gives it one."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def says(self, words: str) -> str:
        """The line with these words, as soon as it is printed."""
        assert self.process.stdout is not None
        async with asyncio.timeout(ENDS_WITHIN_S):
            while line := (await self.process.stdout.readline()).decode():
                self.lines.append(line.rstrip())
                if words in line:
                    return line
        message = f"it ended without saying {words}: {self.lines}"
        raise AssertionError(message)

    async def ends(self, how: signal.Signals, *, group: bool = False) -> int:
        """Its exit code after this signal; ``group``: to all of its process group, as Ctrl-C in a terminal."""
        (os.killpg if group else os.kill)(self.process.pid, how)
        async with asyncio.timeout(ENDS_WITHIN_S):
            out, _ = await self.process.communicate()
        self.lines += out.decode().splitlines()
        return self.process.returncode or 0


@asynccontextmanager
async def started(
    *argv: str, environ: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: int | None = DEVNULL
) -> AsyncIterator[Started]:
    """A command that goes on until it is told to end, for the length of a block; ``stdin`` may be a terminal."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", *argv),
        env=environment(**(environ or {})),
        cwd=cwd,
        stdin=stdin,
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,
    )
    try:
        yield Started(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
