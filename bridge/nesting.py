"""JSON of other people's making, read only as deep as it can be written again. Pure.

The parser takes a thousand levels, the writer 254, and what walks through values less. A body that is stored and cannot
be worked would stop its ticket, and one that cannot be stored would come again for ever.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

DEEPEST: Final = 100
"""Objects and lists within each other. What people write in a ticket nests to a tenth of it."""


class TooDeep(ValueError):
    """JSON whose objects and lists nest deeper than ``DEEPEST``."""


def loaded(text: bytes | str) -> Any:
    """The value of this JSON. Raises ValueError: JSONDecodeError where it is none, TooDeep where it is deeper."""
    value = orjson.loads(text)
    if _opened(text) > DEEPEST and _is_deep(value):
        msg = f"nested deeper than {DEEPEST} levels"
        raise TooDeep(msg)
    return value


def _opened(text: bytes | str) -> int:
    """At least as many as its levels, and cheap to know."""
    if isinstance(text, bytes):
        return text.count(b"{") + text.count(b"[")
    return text.count("{") + text.count("[")


def _is_deep(value: Any) -> bool:
    # Level by level: no recursion, and one look at each value.
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for one in level for inner in _inside(one) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
