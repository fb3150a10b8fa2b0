"""The fuse of a ticket: when the two sides answer each other without a person, it stops. Pure; it keeps no words.

Echoes of our own are known by their marks before this; the fuse is for what carries none: automatic replies, a mail
robot, another integration.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

from bridge.domain import MARK

if TYPE_CHECKING:
    from bridge.policies import Fuse

Direction = Literal["to_customer", "to_ticket"]

KEPT: Final = 40
"""Entries: so many of each way as ``each_way`` may at most be, and some more."""

SHORTEST: Final = 12
"""Characters, normalised. People on both sides say "ok", "gracias" and "bom dia" by themselves."""


Carried = tuple[int, Direction, str]
"""A message that passed: when (ms), which way, and what it said as eight hex digits, empty where it is too short."""

Traffic = tuple[Carried, ...]
"""The last messages of a ticket, oldest first. Nothing but tuples: it is kept as JSON."""


def noted(traffic: Traffic, at_ms: int, direction: Direction, text: str) -> Traffic:
    """The traffic with one message more; what is too old to be kept goes."""
    return (*traffic, (at_ms, direction, digest(text)))[-KEPT:]


def tripped(traffic: Traffic, policy: Fuse, now_ms: int) -> str:
    """Why the ticket must stop, in a few words without anything that was said; empty while it need not."""
    recent = [(way, said) for at_ms, way, said in traffic if 0 <= now_ms - at_ms <= policy.within_s * 1000]
    back = _bounces(recent)
    if back >= policy.bounces:
        return f"{back} messages in {policy.within_s:g} s said what the other side had just said"
    ways = [way for way, _ in recent]
    fewest = min(ways.count("to_customer"), ways.count("to_ticket"))
    if fewest > policy.each_way:
        return f"{fewest} messages each way in {policy.within_s:g} s"
    return ""


def _bounces(recent: list[tuple[Direction, str]]) -> int:
    """How many said what one of the other direction had said before."""
    known: set[tuple[Direction, str]] = set()
    found = 0
    for way, said in recent:
        found += bool(said) and (_OTHER[way], said) in known
        known.add((way, said))
    return found


_OTHER: Final[dict[Direction, Direction]] = {"to_customer": "to_ticket", "to_ticket": "to_customer"}


def digest(text: str) -> str:
    """Eight hex digits of what a text says, however it is quoted and written; empty for one too short to tell."""
    words = normalised(text)
    return sha256(words.encode()).hexdigest()[:8] if len(words) >= SHORTEST else ""


def normalised(text: str) -> str:
    """The letters and digits of a text in lower case: no blanks, no punctuation, no quoting, no mark of ours."""
    told = unicodedata.normalize("NFKC", _MARK.sub(" ", text)).casefold()
    return "".join(letter for letter in told if letter.isalnum())


_MARK: Final = re.compile(rf"{re.escape(MARK)}[^\]\s]*\]?")
