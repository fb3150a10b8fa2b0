"""What a ticket waits for, as a value."""

from __future__ import annotations

import random
from dataclasses import dataclass

BACKOFF_FIRST_S = 1.0
BACKOFF_MOST_S = 300.0
DENIED_S = 60.0
"""A refused credential is a person's work; every call with it fails until then."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is done before ``due_in_ms`` has passed. ``firm``: only evidence ends it early; else any new event does.

    ``behind`` names the contact whose other start is awaited, ``held`` the paused account.
    """

    reason: str
    due_in_ms: int
    firm: bool = False
    behind: str = ""
    held: str = ""


def backoff_s(tries: int) -> float:
    """Full jitter: anything between nothing and a growing limit, so that many that failed together do not return so."""
    return random.uniform(0.1, min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2.0 ** min(tries, 16)))  # noqa: S311 - no secret
