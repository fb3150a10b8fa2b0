"""Each twin can be a process of its own: it says when it is ready, and it never outlives its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.harness import DEADLINE_S
from tests.twin_callers import USER, Caller, JelouCaller, until
from tests.webhook_receiver import WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READY_WITHIN_S = DEADLINE_S
GONE_WITHIN_S = DEADLINE_S

JELOU = ("bridge.twins.jelou", "--api-key", "key-1", "--project", "project-9", "--bot", "bot-9")
ZENDESK = ("bridge.twins.zendesk", "--api-token", "token-1", "--time-scale", "0.01")

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-m", *sys.argv[1:]], stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline(), flush=True)
child.wait()
"""


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[Process]:
    """Run a Python process for the length of a block."""
    started = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE, stderr=PIPE)
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def first_line(started: Process) -> list[str]:
    """Read the words of the first line that the process prints."""
    assert started.stdout is not None
    async with asyncio.timeout(READY_WITHIN_S):
        return (await started.stdout.readline()).decode().split()


async def gone(pid: int) -> bool:
    """Say whether the process ends soon."""
    try:
        await until(lambda: not _alive(pid), GONE_WITHIN_S)
    except TimeoutError:
        return False
    return True


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - a line of the kernel's, not a file
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("arguments", [JELOU, ZENDESK])
async def test_a_twin_says_where_it_is_and_ends_on_sigterm(arguments: tuple[str, ...]) -> None:
    """The one line on standard output holds an address that answers; SIGTERM ends it cleanly."""
    async with process("-m", *arguments) as twin:
        word, url = await first_line(twin)
        page = await Caller(url)("GET", "/")
        twin.terminate()
        async with asyncio.timeout(GONE_WITHIN_S):
            code = await twin.wait()
    assert (word, page.status, code) == ("ready", 200, 0)


async def test_a_jelou_process_is_what_its_options_say() -> None:
    """Project, bot, key, webhook and secret come from the command line."""
    async with (
        WebhookReceiver() as webhook,
        process(
            "-m",
            *JELOU,
            "--webhook",
            webhook.url,
            "--secret",
            "secret-1",
            "--auth-type",
            "bearer",
            "--authorization",
            "token-1",
        ) as twin,
    ):
        _, url = await first_line(twin)
        headers = {"x-api-key": "key-1", "Content-Type": "application/json"}
        call = JelouCaller(url, headers, project="project-9")
        answer = await call.start(botId="bot-9")
        await call("POST", "/twin/settle")
    assert answer.status == 200
    assert webhook.received[0].headers["authorization"] == "Bearer token-1"
    assert webhook.bodies()[0]["contact"]["id"] == USER


async def test_a_zendesk_process_opens_tickets_when_asked_over_http() -> None:
    """A ticket ordered over HTTP is told to the webhook of the command line."""
    async with (
        WebhookReceiver() as webhook,
        process("-m", *ZENDESK, "--webhook", webhook.url, "--secret", "secret-1") as twin,
    ):
        _, url = await first_line(twin)
        await Caller(url)("POST", "/twin/tickets", {"subject": "Hola", "phone": "+593987654321"})
        await Caller(url)("POST", "/twin/settle")
    assert webhook.bodies()[0]["detail"]["subject"] == "Hola"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
@pytest.mark.parametrize("arguments", [JELOU, ZENDESK])
async def test_a_twin_ends_when_its_parent_is_killed(arguments: tuple[str, ...]) -> None:
    """Even a parent that was killed and could clean up nothing leaves no twin behind."""
    async with process("-c", PARENT, *arguments) as parent:
        pid, word, _ = await first_line(parent)
        parent.kill()
        ended = await gone(int(pid))
        if not ended:
            os.kill(int(pid), signal.SIGKILL)
    assert (word, ended) == ("ready", True)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
async def test_a_twin_whose_parent_is_already_gone_does_not_start() -> None:
    """A child that comes up too late to be told of its parent's death ends by itself."""
    async with process("-m", *JELOU, "--parent", "1999999999") as twin:
        async with asyncio.timeout(READY_WITHIN_S):
            code = await twin.wait()
    assert code == 128 + signal.SIGTERM
