"""A program started with a lifeline is itself, and ends when its parent does, however that one ended."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from bridge.lifeline import command
from tests.harness import DEADLINE_S
from tests.pids import alive, gone

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")

SAYS_ITS_PID = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"

PARENT = """
import subprocess, sys
from bridge.lifeline import command
subprocess.Popen(command([sys.executable, "-c", sys.argv[1]])).wait()
"""

ELSEWHERE = """
import os, subprocess, sys
stays = "import sys; sys.platform = 'else'; from bridge.lifeline import main; main(int(sys.argv[1]), sys.argv[2:])"
program = [sys.executable, "-c", sys.argv[1]]
subprocess.Popen([sys.executable, "-c", stays, str(os.getpid()), *program]).wait()
"""
"""The same parent on a system whose kernel tells no child of its parent's death."""


@asynccontextmanager
async def started(*argv: str) -> AsyncIterator[Process]:
    """A process for the length of a block."""
    process = await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(process: Process) -> str:
    """The first line that it prints."""
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        return (await process.stdout.readline()).decode().strip()


async def ended(*argv: str) -> tuple[int | None, str, str]:
    """Run to its end: its code and what it printed."""
    async with started(*argv) as process:
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()


async def test_the_program_gets_its_arguments_and_its_code_comes_back() -> None:
    """Nothing of the lifeline is seen from outside: arguments with spaces arrive, the exit code is the program's."""
    program = "import sys; print(sys.argv[1:]); sys.exit(7)"
    code, out, _ = await ended(*command([sys.executable, "-c", program, "two words", "$HOME"]))
    assert (code, out.strip()) == (7, "['two words', '$HOME']")


@linux
async def test_the_program_has_the_pid_that_was_started() -> None:
    """Signals reach the program and not a process before it."""
    async with started(*command([sys.executable, "-c", SAYS_ITS_PID])) as process:
        assert int(await said(process)) == process.pid
        process.terminate()
        assert await process.wait() == -signal.SIGTERM


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=lambda end: end.name)
@pytest.mark.parametrize("parent", [pytest.param(PARENT, marks=linux, id="linux"), pytest.param(ELSEWHERE, id="poll")])
async def test_the_program_ends_with_its_parent(parent: str, end: signal.Signals) -> None:
    """A parent that was killed and could clean up nothing leaves no program behind."""
    async with started(sys.executable, "-c", parent, SAYS_ITS_PID) as process:
        program = int(await said(process))
        assert alive(program)
        process.send_signal(end)
        assert await gone(program)


@linux
async def test_a_child_whose_parent_is_already_gone_does_not_begin() -> None:
    """The kernel tells only of a death still to come, so the child looks for itself."""
    too_late = "from bridge.lifeline import main; main(1999999999, ['echo', 'begun'])"
    assert await ended(sys.executable, "-c", too_late) == (128 + signal.SIGTERM, "", "")


async def test_a_program_that_is_not_there_is_named() -> None:
    """The error that reaches the log names the program."""
    code, _, err = await ended(*command(["/nowhere/to-be-found"]))
    assert code == 1
    assert "FileNotFoundError" in err
