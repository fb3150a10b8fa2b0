"""Why a start waits, as a bounded set of causes, and each in words for who runs the bridge. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LATE_MS: Final = 120_000
"""A start that waits longer than this is told on its ticket and warned of."""

SOON_MS: Final = 5_000
"""A turn that comes so soon is not told of any more: the conversation would be there before the note is read."""


class Cause(StrEnum):
    """What a start waits for. The values are labels of a metric and stored, and stay."""

    PAUSE = "pause"
    CAP = "starts_per_hour"
    LIMIT = "start_limit"
    QUIET = "quiet_hours"
    NOT_CALLED = "not_called"
    CREDENTIAL = "credential"
    PACE = "pace"
    PERSON = "same_person"
    RECOVERY = "recovery"
    MEMORY = "redis_full"
    RETRY = "retry"
    FAULT = "fault"
    OTHER = "other"


WORDS: Final[Mapping[str, str]] = {
    Cause.PAUSE: "they are paused (bridge resume)",
    Cause.CAP: "the account's starts_per_hour is reached, they go on with the next hour",
    Cause.LIMIT: "bridge start-limit lets only so many go in a minute",
    Cause.QUIET: "the account's quiet hours",
    Cause.NOT_CALLED: "Jelou is not called just now",
    Cause.CREDENTIAL: "Jelou refuses the credential",
    Cause.PACE: "the pace of the Jelou project (calls_per_s)",
    Cause.PERSON: "another start for the same person",
    Cause.RECOVERY: "Redis has lost data",
    Cause.MEMORY: "Redis is full",
    Cause.RETRY: "Jelou did not take them, they are tried again",
    Cause.FAULT: "a fault in the bridge",
    Cause.OTHER: "another cause",
}


def known(cause: str) -> str:
    """The cause, as this version knows it."""
    return cause if cause in WORDS else Cause.OTHER
