"""A short soak holds, and a soak with one rule switched off does not: what ``make soak`` says can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.soak.__main__ import run
from tests.soak.setup import Setup

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)

SHORT: dict[str, Any] = {
    "seed": 119,
    "tickets": 250,
    "faults_s": 8.0,
    "settle_s": 45.0,
    "pause_s": 0.7,
    "wave_s": 0.5,
    "later_s": (0.2, 1.0),
    "projects": ("norte", "lento", "medido"),
    "paced_load": 0.9,
    "away_s": 2.0,
    "gateway_s": 2.0,
    "paced_scripted": 2,
    "paced_timeout_s": 3.0,
    "hang_share": 0.2,
    "scripted": 4,
    "zendesks": ("acme",),
    "slots": 2,
    "start_timeout_s": 1.0,
    "confirm_wait_s": 2.0,
}
"""More accounts than slots, both policies, every part that the full run has."""

STRUCK = (
    "rollback redis",
    "kill worker",
    "kill web",
    "fail over redis",
    "fill redis",
    "reset redis connections",
    "reset jelou connections",
    "jelou away for long",
    "gateway's 503 before jelou",
)
"""What the plan of this seed must hold, so that the run stays one."""

NO_START_EVENTS: dict[str, Any] = {
    "tickets": 100,
    "faults_s": 2.0,
    "paced_load": 0.0,
    "pause_s": 60.0,
    "start_faults": {"reset_after_accepting": 0.3},
    "event_faults": {"dropped": 1.0},
}
"""Fates that stay open: the connection breaks after Jelou has taken the start, and no event comes."""

REPEATS: dict[str, Any] = {"call_faults": {"reset_after_accepting": 0.5}, "repeat_ids": "delivered"}
"""A Jelou that does not know a message by its id: one of open fate comes twice."""

PARKING = "tickets with more than one conversation, policy `park`"
MESSAGES = "messages twice with customer or ticket, or out of order"


def soaked(folder: Path, **changes: Any) -> tuple[int, str]:
    """The exit code of a short soak, and the table that it wrote."""
    results = folder / "RESULTS.md"
    code = run(Setup(**SHORT | changes), folder / "soak", results)
    return code, results.read_text()


def verdict(table: str, row: str) -> str:
    """What the table says of a row, by its beginning."""
    [line] = [line for line in table.splitlines() if line.startswith(f"| {row}")]
    return line.split(" | ")[-1].removesuffix(" |")


def test_every_invariant_holds_in_a_short_soak(tmp_path: Path) -> None:
    """Workers and web killed, Redis set back, full and failed over, strangers' bombs: the table says held."""
    code, table = soaked(tmp_path)
    assert (code, "violated" in table) == (0, False), table
    assert [kind for kind in STRUCK if f"| {kind} |" not in table] == []
    assert "never so long" not in table
    assert not (tmp_path / "soak").exists()


def test_a_soak_without_a_rule_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A worker that repeats a start of open fate doubles conversations, and one that repeats a message what it says.

    The seed and the logs are named.
    """
    code, table = soaked(tmp_path, **NO_START_EVENTS, **REPEATS, worker=("tests.soak.broken_worker", "unknown"))
    assert (code, verdict(table, PARKING), verdict(table, MESSAGES)) == (1, "**violated**", "**violated**")
    assert f"make soak SEED={SHORT['seed']}" in capsys.readouterr().out
    assert (tmp_path / "soak" / "worker 1.log").exists()
    assert "standard-webhooks/" in (tmp_path / "soak" / "timelines.json").read_text()
