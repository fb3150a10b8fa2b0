"""The benchmarks run and print their figures; nobody asserts how large they are."""

from __future__ import annotations

import re
import subprocess
import sys

from aiohttp import ClientSession

from bridge.twins.jelou import JelouTwin
from bridge.twins.jelou_settings import JelouSettings
from bridge.twins.listener import Listener
from tests.bench.measures import Limit
from tests.bench.peers import START, Peer, dice

FIGURES = (
    r"^idle latency, webhook to Jelou call: median [\d.]+ ms, p95 [\d.]+ ms",
    r"^drain of 60 tickets by one worker process, all bookkeeping on: \d+/s$",
    r"^textbook arq worker \(arq's defaults\), one job and one POST per event: \d+/s$",
    r"^textbook arq worker \(tuned\), one job and one POST per event: \d+/s$",
)
PACED = (
    r"^\| 10 \| a start in an idle bridge, median \| < 15 ms \| \d+ ms \(p95 \d+, 12 tickets\) \| ",
    r"^\| 11 \| calls to jelou 5/s in the fullest 1, 10, 60 s \| <= 6 / 51 / 301 \| \d+ / \d+ / 12 \| ",
)


def measured(*arguments: str) -> tuple[int, str, str]:
    """A short run of what ``make bench`` runs: its exit code, what it printed, what it said beside that."""
    command = [sys.executable, "-m", "tests.bench", *arguments]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)  # noqa: S603
    return ran.returncode, ran.stdout, ran.stderr


def missing(figures: tuple[str, ...], printed: str) -> list[str]:
    """Which of the figures were not printed."""
    return [figure for figure in figures if not re.search(figure, printed, re.MULTILINE)]


def test_the_benchmark_prints_its_figures() -> None:
    """Latency and drain."""
    code, printed, beside = measured("--tickets", "60", "--requests", "20")
    assert (code, missing(FIGURES, printed), beside) == (0, [], "")


def test_the_benchmark_of_the_pace_prints_its_table() -> None:
    """The smallest of its figures: real processes at the defaults, and the windows that their peers saw."""
    code, printed, beside = measured("pace", "--quick", "--only", "first")
    assert (code, missing(PACED, printed), "Traceback" in beside) == (0, [], False)


async def test_a_gateway_that_is_down_starts_nothing() -> None:
    """The peer before a twin keeps a ledger of every call, and answers 503 in its place when it is told to."""
    peer = Peer("jelou", Limit(5, 1.0), dice(1))
    async with JelouTwin(JelouSettings(api_key="k"), Listener(peer.around)) as twin, ClientSession() as session:
        url = f"{twin.base_url}/{twin.settings.project_id}/conversations/start"
        body = {"botId": "bot-1", "userId": "5939", "metadata": {"bridgeTicket": "k/a/1"}}
        for peer.gateway_down in (True, False):
            async with session.post(url, json=body, headers={"x-api-key": "k"}) as answer:
                await answer.read()
        assert [call.status for call in peer.of(START)] == [503, 200]
        assert peer.started().keys() == {"k/a/1"}
        assert len(twin.ledger.starts) == 1
