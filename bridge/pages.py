"""Long lists, page by page, newest first. Pure.

A page ends at a place, not at a number, so that what comes and goes meanwhile hides nothing and shows
nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from bridge.errors import Unreadable

T = TypeVar("T")

MOST = 50
"""So many are listed at once where nobody says otherwise."""


class Place(NamedTuple):
    """Where one stands among the others of its kind: since when (Redis' ms), and its name."""

    at_ms: int
    name: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of many. ``after`` begins the next page; empty where this is the last."""

    items: list[T]
    after: str = ""


def spelled(one: Place) -> str:
    """A place as text, for whoever asks for the next page."""
    return f"{one.at_ms}-{one.name}"


def place(after: str) -> Place | None:
    """What ``spelled`` wrote; None for an empty text. Raises Unreadable for what was never a place."""
    at, dash, name = after.partition("-")
    if not after:
        return None
    if not (dash and at.isascii() and at.isdigit() and len(at) < 16):  # noqa: PLR2004 - Unix ms have 13 digits
        raise Unreadable("after", "is not where a page ended")
    return Place(int(at), name)
