"""Expressions in a mapping: JMESPath, checked when the configuration is read, never failing when it is used. Pure.

An expression is asked of one object whose names depend on where it stands: of a delivery ``item body header query
settings``, of a call ``id action key settings read``, of an answer ``reply`` besides. A structure is any JSON in which
a text that begins with ``=`` is an expression, so a body is built and never pasted together. In a path each ``{...}``
is an expression, whose value is percent-encoded.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator

from bridge.helpdesks.generic_functions import Functions, pattern, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LONGEST: Final = 1_000
ASKED: Final = "="
"""Begins a text in a structure that is an expression."""

_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_OPTIONS: Final = jmespath.Options(custom_functions=Functions())
_FAILURES: Final = (JMESPathError, ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError)

DELIVERED: Final = frozenset({"item", "body", "header", "query", "method", "settings"})
RULED: Final = DELIVERED | {"status", "previous_status", "priority"}
WRITTEN: Final = frozenset({"id", "action", "key", "settings", "read"})
ANSWERED: Final = WRITTEN | {"reply", "item"}
LISTED: Final = frozenset({"since_ms", "since_s", "since_iso", "after", "settings", "reply", "item"})


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


def found(expression: str, asked: Mapping[str, Any]) -> Any:
    """What the expression finds; None where that is missing, or the expression does not fit what is there."""
    if not expression:
        return None
    try:
        return _compiled(expression).search(asked, options=_OPTIONS)
    except _FAILURES:
        return None


def told(expression: str, asked: Mapping[str, Any]) -> str:
    """The text, or the number as its digits; empty for anything else."""
    return (text_of(found(expression, asked)) or "").strip()


def holds(expression: str, asked: Mapping[str, Any]) -> bool:
    """Whether the expression finds something, as JMESPath understands true: neither false nor empty."""
    value = found(expression, asked)
    return value is not None and value is not False and value not in ("", [], {})


def built(structure: Any, asked: Mapping[str, Any]) -> Any:
    """The structure with each expression's value in its place; what is missing is left out of objects and lists."""
    if isinstance(structure, str):
        return found(structure.removeprefix(ASKED), asked) if structure.startswith(ASKED) else structure
    if isinstance(structure, dict):
        entries = ((name, built(one, asked)) for name, one in structure.items())
        return {name: one for name, one in entries if one is not None}
    if isinstance(structure, list):
        return [one for one in (built(one, asked) for one in structure) if one is not None]
    return structure


def filled(template: str, asked: Mapping[str, Any]) -> str | None:
    """The path with each value in its place, percent-encoded; None where one is missing or would climb."""
    values = {place: told(place, asked) for place in _PLACE.findall(template)}
    if any(value in {"", ".", ".."} for value in values.values()):
        return None
    return _PLACE.sub(lambda place: quote(values[place[1]], safe=""), template)


# --- checks ----------------------------------------------------------------------------------------------------------


def expressions(value: Any) -> Iterator[str]:
    """The expressions in a structure."""
    if isinstance(value, str) and value.startswith(ASKED):
        yield value.removeprefix(ASKED)
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from expressions(one)


def places(template: str) -> list[str]:
    """The expressions in a path."""
    return _PLACE.findall(template)


def names(expression: str) -> frozenset[tuple[str, str]]:
    """The first two names of each way into what is asked: ``item.id`` is (item, id), ``body[0]`` is (body, '')."""
    try:
        return frozenset(_leading(_compiled(expression).parsed))
    except _FAILURES:
        return frozenset()


def _leading(node: Any) -> Iterator[tuple[str, str]]:
    kind, children = node["type"], node["children"]
    if kind == "field":
        yield node["value"], ""
    elif kind == "subexpression" and children[0]["type"] == "field":
        yield children[0]["value"], next((first for first, _ in _leading(children[1])), "")
    else:
        for child in children[:1] if kind in _GOES_IN else children:
            if isinstance(child, dict) and child["type"] != "expref":
                yield from _leading(child)


_GOES_IN: Final = frozenset(
    {"subexpression", "pipe", "projection", "filter_projection", "value_projection", "index_expression", "flatten"}
)
"""Of these only the first part is asked of the whole; the others of what that finds."""


def _check(expression: str, roots: frozenset[str]) -> None:
    if not expression:
        return
    if len(expression) > LONGEST:
        msg = f"is longer than {LONGEST} characters"
        raise ValueError(msg)
    try:
        parsed = _compiled(expression).parsed
    except _FAILURES:
        msg = "is not a JMESPath expression; a name with a dash or a blank stands in double quotes"
        raise ValueError(msg) from None
    unknown = sorted({root for root, _ in _leading(parsed)} - roots)
    if unknown:
        msg = f"asks for {unknown[0]}, which is not there; known here: {', '.join(sorted(roots))}"
        raise ValueError(msg)
    for function, arguments in _called(parsed):
        _check_call(function, arguments)


def _called(node: Any) -> Iterator[tuple[str, list[Any]]]:
    if node["type"] == "function_expression":
        yield node["value"], node["children"]
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _called(child)


def _check_call(function: str, arguments: list[Any]) -> None:
    known = Functions.FUNCTION_TABLE.get(function)
    if known is None:
        close = get_close_matches(function, Functions.FUNCTION_TABLE, n=1)
        meant = f"did you mean {close[0]}()?" if close else f"known: {', '.join(sorted(Functions.FUNCTION_TABLE))}"
        msg = f"calls {function}(), which is not a function; {meant}"
        raise ValueError(msg)
    wanted = known["signature"]
    enough = len(arguments) >= len(wanted) if wanted and wanted[-1].get("variadic") else len(arguments) == len(wanted)
    if not enough:
        msg = f"calls {function}() with {len(arguments)} values; it takes {len(wanted)}"
        raise ValueError(msg)
    last = arguments[-1] if function in {"regex_extract", "matches"} else None
    if last and last["type"] == "literal" and (not isinstance(last["value"], str) or pattern(last["value"]) is None):
        msg = f"calls {function}() with a pattern that RE2 does not know"
        raise ValueError(msg)


def _of(roots: frozenset[str]) -> Callable[[str], str]:
    def check(expression: str) -> str:
        _check(expression, roots)
        return expression

    return check


def _structure_of(roots: frozenset[str]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        for expression in expressions(value):
            _check(expression, roots)
        return value

    return check


def _path_of(roots: frozenset[str]) -> Callable[[str], str]:
    def check(template: str) -> str:
        if not template.startswith("/") or template.startswith("//") or set("#\\") & set(template):
            msg = "a path begins with one / and holds neither # nor a backslash"
            raise ValueError(msg)
        for place in places(template):
            _check(place, roots)
        return template

    return check


ItemExpression = Annotated[str, AfterValidator(_of(DELIVERED))]
RuleExpression = Annotated[str, AfterValidator(_of(RULED))]
ReadExpression = Annotated[str, AfterValidator(_of(ANSWERED | LISTED | RULED))]
"""Of a ticket or a comment, which is told by a delivery, an answer or an item of a list alike."""
AnswerExpression = Annotated[str, AfterValidator(_of(ANSWERED))]
ListExpression = Annotated[str, AfterValidator(_of(LISTED))]
Structure = Annotated[Any, AfterValidator(_structure_of(WRITTEN | LISTED | {"method", "header", "query", "body"}))]
Path = Annotated[str, AfterValidator(_path_of(WRITTEN | LISTED))]
