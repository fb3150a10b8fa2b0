"""The data as other versions would have stored it: with fields that are not known here, without those that are empty.

Maps whose names are data (receipts, metadata, what a sender told) are left as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

MAPS: Final = frozenset({"receipts", "metadata", "content", "fields", "headers"})
MEANT: Final = frozenset({"packaged"})
"""What is not empty where it is false: its default is true."""

Change = Callable[[Any], Any]


def widened(value: Any) -> Any:
    """Each record with a field from the future, at every level."""
    if isinstance(value, list):
        return list(map(widened, value))
    if not isinstance(value, dict):
        return value
    told = {name: one if name in MAPS else widened(one) for name, one in value.items()}
    return told | {"from_the_future": {"a": [1]}}


def narrowed(value: Any) -> Any:
    """Each record without what is empty, as if its version had not known the field."""
    if isinstance(value, list):
        return list(map(narrowed, value))
    if not isinstance(value, dict):
        return value
    told = {name: one if name in MAPS else narrowed(one) for name, one in value.items()}
    return {name: one for name, one in told.items() if one or name in MEANT}


def changed(keys: dict[str, Any], change: Change) -> dict[str, Any]:
    """All JSON of these keys changed so."""
    return {name: told | {"value": _changed(told["value"], change)} for name, told in keys.items()}


def _changed(value: Any, change: Change) -> Any:
    if isinstance(value, list):
        return [_text(one, change) for one in value]
    if isinstance(value, dict) and value.keys() != {"json"}:
        return {name: _text(one, change) for name, one in value.items()}
    return _text(value, change)


def _text(shown: Any, change: Change) -> Any:
    if isinstance(shown, dict) and isinstance(shown["json"], list):
        # An orphan: what it has is told by its place, and two of its places hold JSON as text.
        return {"json": [_text(one, change) for one in shown["json"]]}
    if isinstance(shown, dict):
        return {"json": change(shown["json"])}
    if isinstance(shown, str) and shown[:1] == "{":
        return orjson.dumps(change(orjson.loads(shown))).decode()
    return shown
