"""Every place of a JSON value, and the value with something else in one of them."""

from __future__ import annotations

from typing import Any

import orjson


def places(body: Any) -> list[tuple[Any, ...]]:
    """The path of every value."""
    found: list[tuple[Any, ...]] = []
    waiting: list[tuple[Any, tuple[Any, ...]]] = [(body, ())]
    while waiting:
        node, path = waiting.pop()
        inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in inner:
            found.append((*path, key))
            waiting.append((value, (*path, key)))
    return found


def replaced(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The body with another value at this place."""
    told = orjson.loads(orjson.dumps(body))
    node = told
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return told
