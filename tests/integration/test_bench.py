"""The benchmark runs and prints its figures; nobody asserts how large they are."""

from __future__ import annotations

import re
import subprocess
import sys

FIGURES = (
    r"^idle latency, webhook to Jelou call: median [\d.]+ ms, p95 [\d.]+ ms",
    r"^drain of 60 tickets by one worker process, all bookkeeping on: \d+/s$",
    r"^textbook arq worker \(arq's defaults\), one job and one POST per event: \d+/s$",
    r"^textbook arq worker \(tuned\), one job and one POST per event: \d+/s$",
)


def test_the_benchmark_prints_its_figures() -> None:
    """A short run of what ``make bench`` runs."""
    command = [sys.executable, "-m", "tests.bench", "--tickets", "60", "--requests", "20"]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)  # noqa: S603
    missing = [figure for figure in FIGURES if not re.search(figure, ran.stdout, re.MULTILINE)]
    assert (ran.returncode, missing, ran.stderr) == (0, [], "")
