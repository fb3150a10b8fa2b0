"""A Redis that fills is told in the log at each step that holds something back, and once when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bridge.fullness import DELIVERIES_AT, ORPHANS_AT, STARTS_AT
from workers.brake_log import ROOM, BrakeLog

if TYPE_CHECKING:
    from bridge.wiring import App


@dataclass
class Lines:
    """A log that keeps its warnings."""

    kept: list[tuple[str, str]] = field(default_factory=list)

    def warning(self, event: str, **facts: Any) -> None:
        """A line for a person."""
        self.kept.append((event, facts.get("says", "")))


def told(*memory: int) -> list[tuple[str, str]]:
    """The lines of a worker that sees Redis so full, one after the other."""
    lines = Lines()
    log = BrakeLog(cast("App", SimpleNamespace(log=lines)))
    for one in memory:
        log.tell({}, one)
    return lines.kept


@pytest.mark.parametrize("share", [STARTS_AT, ORPHANS_AT, DELIVERIES_AT, 1000])
def test_each_step_is_told_once_with_what_it_holds_back(share: int) -> None:
    """However long it stays there."""
    [(event, says)] = told(0, share, share, share)
    assert event == "redis full"
    assert f"{share // 10} % full: starts wait" in says
    assert ("deliveries get 503" in says) == (share >= DELIVERIES_AT)


def test_one_that_fills_further_is_told_again() -> None:
    """Each step holds back something else."""
    assert [event for event, _ in told(STARTS_AT, ORPHANS_AT, DELIVERIES_AT)] == ["redis full"] * 3


def test_the_end_is_told_once_and_only_after_a_beginning() -> None:
    """And what goes to and fro at the border is one time, not many."""
    assert told(0, STARTS_AT - 1, 0) == []
    assert [event for event, _ in told(STARTS_AT, ROOM, STARTS_AT, ROOM, STARTS_AT)] == ["redis full"]
    assert [event for event, _ in told(STARTS_AT, ROOM - 1, 0, STARTS_AT)] == [
        "redis full",
        "redis has room",
        "redis full",
    ]
