"""The fuse of a ticket: when the two sides answer each other without a person, it stops. Pure; it keeps no words.

Echoes of our own are known by their marks before this; the fuse is for what carries none: automatic replies, a mail
robot, another integration.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from bridge.domain import MARK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.policies import Fuse

Direction = Literal["to_customer", "to_ticket"]

KEPT: Final = 40
"""Entries: so many of each way as ``each_way`` may at most be, and some more."""

SHORTEST: Final = 12
"""Characters, normalised. People on both sides say "ok", "gracias" and "bom dia" by themselves."""

LONG: Final = 40
"""From so many on the same text is a copy: people greet and thank in the same words, and do not write so much alike."""

LONG_WINDOWS: Final = 10
"""For so many times ``within_s`` copies of a long text count, and answers that repeat: mail robots take their time."""

TYPED_PER_S: Final = 15
"""Characters a second. Nobody reads, thinks and types like that; the fastest typists alone reach 12."""

IN_A_ROW: Final = 6
"""Answers, three of each side, that came faster than that or said nothing new. One side alone may use macros."""

HOLD_MOST_S: Final = 3_600.0
CALM_MS: Final = 86_400_000
"""After a day without a loop the next one is the first again."""

Carried = tuple[int, Direction, str, int]
"""A message that passed: when (ms), which way, what it said as eight hex digits, empty where it is too short, and how
many characters it had, normalised. What versions before stored lacks the last."""

Traffic = tuple[Carried, ...]
"""The last messages of a ticket, oldest first. Nothing but tuples: it is kept as JSON."""

Loop = tuple[str, dict[str, str]]
"""Why a ticket stops: a key of ``bridge.wording`` and its values."""


def noted(traffic: Traffic, at_ms: int, direction: Direction, text: str) -> Traffic:
    """The traffic with one message more; what is too old to be kept goes."""
    return (*traffic, (at_ms, direction, digest(text), len(normalised(text))))[-KEPT:]


def tripped(traffic: Traffic, policy: Fuse, now_ms: int) -> Loop | None:
    """Why the ticket must stop, without anything that was said; None while it need not.

    People are told from machines by what these do: send the same text back, answer with the same text again and again,
    or answer faster than anybody types. How much is said in how little time stops a ticket only beyond what people do.
    """
    window_ms = policy.within_s * 1000
    recent = _since(traffic, now_ms, window_ms)
    longer = _since(traffic, now_ms, window_ms * LONG_WINDOWS)
    back = max(_most_bounces(recent), _most_bounces(one for one in longer if _length(one) >= LONG) + 1)
    if back >= max(policy.bounces, 2):
        return "loop.bounced", {}
    if _repeats_itself(longer):
        return "loop.repeated", {"count": str(IN_A_ROW)}
    if _faster_than_typed(recent):
        return "loop.fast", {"count": str(IN_A_ROW)}
    ways = [one[1] for one in recent]
    fewest = min(ways.count("to_customer"), ways.count("to_ticket"))
    if fewest > policy.each_way:
        return "loop.many", {"count": str(fewest), "seconds": f"{policy.within_s:g}"}
    return None


def hold_s(policy: Fuse, times: int) -> float:
    """How long it holds at this time in a row: twice as long each time."""
    return min(policy.hold_s * 2.0 ** min(times - 1, 10), max(policy.hold_s, HOLD_MOST_S))


def goes_on(text: str) -> bool:
    """Whether an agent's internal note says that the ticket may go on."""
    return normalised(text) in _GO_ON


def _since(traffic: Traffic, now_ms: int, window_ms: float) -> list[Carried]:
    return [one for one in traffic if 0 <= now_ms - one[0] <= window_ms]


def _length(one: Carried) -> int:
    return one[3] if len(one) > 3 else 0  # noqa: PLR2004 - as versions before stored it


def _most_bounces(messages: Iterable[Carried]) -> int:
    """How many messages said what the other direction had said before, of the text of which there are most.

    Each text counts for itself: who greets, thanks and takes leave in the other's words is polite.
    """
    ways: dict[str, set[Direction]] = {}
    bounced: Counter[str] = Counter()
    for _, way, said, *_ in messages:
        if said:
            bounced[said] += _OTHER[way] in ways.get(said, set())
            ways.setdefault(said, set()).add(way)
    return max(bounced.values(), default=0)


def _in_turn(messages: Sequence[Carried]) -> Sequence[Carried]:
    """The last messages of a row in which the sides took turns, no more than are asked for."""
    row = list(messages[-IN_A_ROW - 1 :])
    return row if all(one[1] != other[1] for one, other in pairwise(row)) else ()


def _repeats_itself(messages: Sequence[Carried]) -> bool:
    """Whether the last answers of both sides were always the same: two automatic replies."""
    last = _in_turn(messages)[-IN_A_ROW:]
    return len(last) == IN_A_ROW and all(
        one[2] and one[2] == before[2] for before, one in zip(last, last[2:], strict=False)
    )


def _faster_than_typed(messages: Sequence[Carried]) -> bool:
    last = _in_turn(messages)
    return len(last) > IN_A_ROW and all(
        0 <= one[0] - before[0] < _length(one) * 1000 / TYPED_PER_S for before, one in pairwise(last)
    )


_OTHER: Final[dict[Direction, Direction]] = {"to_customer": "to_ticket", "to_ticket": "to_customer"}
_GO_ON: Final = frozenset({"jeloucontinue", "jeloucontinuar"})


def digest(text: str) -> str:
    """Eight hex digits of what a text says, however it is quoted and written; empty for one too short to tell."""
    words = normalised(text)
    return sha256(words.encode()).hexdigest()[:8] if len(words) >= SHORTEST else ""


def normalised(text: str) -> str:
    """The letters and digits of a text in lower case: no blanks, no punctuation, no quoting, no mark of ours."""
    told = unicodedata.normalize("NFKC", _MARK.sub(" ", text)).casefold()
    return "".join(letter for letter in told if letter.isalnum())


_MARK: Final = re.compile(rf"{re.escape(MARK)}[^\]\s]*\]?")
