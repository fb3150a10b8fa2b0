"""How full Redis is, and what waits or is refused then. Pure. The shares are thousandths of ``maxmemory``.

What begins something new stops first, so that what is under way always gets to its end: starts, then what no ticket
asked for, then deliveries. These stop before the limit itself: arq's own writes have no leave to go beyond it, and
without them no worker would free anything. What frees memory, or finishes what was sent, has that leave
(``bridge.scripting``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTS_AT: Final = 850
ORPHANS_AT: Final = 900
"""From here on the events of conversations without a ticket take the room of the oldest such, instead of more. A new
one is refused only where there is none: Jelou may tell a thing once, and it may belong to a start that is in flight."""
DELIVERIES_AT: Final = 950

FULL: Final = "Redis is "
WORDS: Final = {STARTS_AT: "starts wait", ORPHANS_AT: "orphans replace older ones", DELIVERIES_AT: "deliveries get 503"}


def share(used: int, most: int) -> int:
    """What part is used; 0 where there is no limit, or none is told."""
    return used * 1000 // most if most > 0 else 0


def in_words(used: int) -> str:
    """For people: ``Redis is 87 % full: starts wait``."""
    return f"{FULL}{used // 10} % full: {', '.join(_consequences(used))}"


def _consequences(used: int) -> Iterator[str]:
    return (words for at, words in WORDS.items() if used >= at)


def lua() -> str:
    """The same for the scripts."""
    return f"local STARTS_AT, ORPHANS_AT, DELIVERIES_AT = {STARTS_AT}, {ORPHANS_AT}, {DELIVERIES_AT}\n"
