"""Redis away is told by the process once, then each minute, then that it is back: enough to see it, not a flood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from bridge.outage import Outage

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

WHY = "Redis at localhost:6379 is not reached: the connection is refused; is REDIS_URL right?"


@dataclass
class Lines:
    """A log that keeps (level, event, facts)."""

    kept: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def error(self, event: str, **facts: Any) -> None:
        """A line for a person."""
        self.kept.append(("error", event, facts))

    def warning(self, event: str, **facts: Any) -> None:
        """The same, less urgent."""
        self.kept.append(("warning", event, facts))


class Case:
    """A process' Redis, by a clock that moves when told."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.lines = Lines()
        self.outage = Outage(lambda: self.now)
        self.outage.log = cast("FilteringBoundLogger", self.lines)

    def failing(self, seconds: int) -> None:
        """So long each second several commands fail."""
        for _ in range(seconds):
            for _ in range(3):
                self.outage.failed(WHY)
            self.now += 1

    def answering(self, seconds: int) -> None:
        """So long each second one is answered."""
        for _ in range(seconds):
            self.outage.answered()
            self.now += 1

    @property
    def events(self) -> list[str]:
        """What was logged."""
        return [event for _, event, _ in self.lines.kept]


@pytest.fixture
def case() -> Case:
    """One at its first moment."""
    return Case()


def test_an_outage_is_told_once_with_its_address_and_its_end_with_how_long_it_was(case: Case) -> None:
    """Whatever number of commands failed meanwhile, on whichever path."""
    case.failing(47)
    case.answering(5)
    (level, event, facts), (_, _, back) = case.lines.kept
    assert (level, event, facts["reason"]) == ("error", "redis unavailable", WHY)
    assert case.events == ["redis unavailable", "redis back"]
    assert (back["says"], back["failures"]) == ("back after 47 s", 141)


def test_a_long_outage_is_told_again_each_minute(case: Case) -> None:
    """With how long it has been by then."""
    case.failing(190)
    assert case.events == ["redis unavailable", *["redis still unavailable"] * 3]
    assert [facts.get("for_s") for _, _, facts in case.lines.kept] == [None, 60, 120, 180]


def test_a_redis_that_answers_is_not_told_of(case: Case) -> None:
    """The usual day."""
    case.answering(100)
    assert case.events == []


def test_one_that_answers_some_commands_and_others_not_is_no_flood(case: Case) -> None:
    """As a full one does: it takes no deliveries, and answers everything else."""
    for _ in range(60):
        case.failing(1)
        case.answering(9)
    assert case.events.count("redis back") <= 1
    assert len(case.events) <= 15
    case.answering(100)
    assert case.events[-1] == "redis back"


def test_a_second_outage_is_told_as_the_first_was(case: Case) -> None:
    """An hour later it is a new one."""
    for _ in range(2):
        case.failing(10)
        case.answering(3_600)
    assert case.events == ["redis unavailable", "redis back"] * 2


def test_a_command_that_says_itself_what_is_wrong_logs_nothing() -> None:
    """On the command line nobody wants it twice."""
    Outage().failed(WHY)


def test_another_reason_is_told_at_once() -> None:
    """A server that was away and comes back full has another cure; the same reason again waits for its minute."""
    case = Case()
    case.failing(2)
    for _ in range(3):
        case.outage.failed("Redis at localhost:6379 is full")
    assert [(event, facts["reason"]) for _, event, facts in case.lines.kept] == [
        ("redis unavailable", WHY),
        ("redis still unavailable", "Redis at localhost:6379 is full"),
    ]
