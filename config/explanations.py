"""From pydantic's errors to mistakes in words: which key, which line, what is wrong, how to put it right. Pure.

Pydantic's own texts are used where they hold nothing of the input: a value is never shown, since anybody may have
pasted a secret into the wrong line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from config.shape import did_you_mean
from config.tree import Items, Leaf, Section
from config.wanted import fields_by_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from config.shape import Place, Shape
    from config.tree import Key
    from config.wanted import Wanted

Words = tuple[str, str]
"""Problem and fix."""

_SECRET = "${NAME} or file:PATH"  # noqa: S105 - how one is written
_HIDDEN_LEAST = 4
"""Characters. Shorter secrets would be found by chance in the words of a message."""

_SECTION = "a section: keys and values, indented under it"
_WANTED: Final[Mapping[str, str]] = {
    "string_type": "text",
    "string_unicode": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of usual size",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list, each item after a dash",
    "dict_type": _SECTION,
    "model_type": _SECTION,
    "model_attributes_type": _SECTION,
    "url_type": "a URL like https://host/path",
}
_BOUNDS: Final[Mapping[str, Words]] = {
    "string_too_short": ("too short", "write at least {min_length} characters"),
    "string_too_long": ("too long", "write at most {max_length} characters"),
    "too_short": ("too few items", "write at least {min_length}"),
    "too_long": ("too many items", "write at most {max_length}"),
    "greater_than": ("too small", "write more than {gt}"),
    "greater_than_equal": ("too small", "write {ge} or more"),
    "less_than": ("too large", "write less than {lt}"),
    "less_than_equal": ("too large", "write {le} or less"),
    "url_parsing": ("not a URL", "write a URL like https://host/path"),
    "url_scheme": ("not a web address", "begin it with https://"),
    "url_too_long": ("too long", "write a shorter one"),
}
_PATTERNS: Final[Mapping[str, str]] = {
    r"^[a-z0-9][a-z0-9-]{0,62}$": "use lower-case letters, digits and dashes, at most 63",
    r"^[A-Z]{2}$": "use the two capital letters of a country, for example EC",
    r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$": "use a dotted path like requester.phone",
}
"""In words; a pattern that is not here is shown as it is."""


def explain(errors: Iterable[Mapping[str, Any]], shape: Shape) -> None:
    """Note in ``shape`` one mistake for each key that pydantic found wrong and that has none yet."""
    for error in errors:
        place, rest = _located(error["loc"], shape.places)
        is_missing = error["type"] == "missing"
        key = (*place.key, rest[0]) if is_missing else place.key
        if key not in shape.settled:
            problem, fix = _missing(place.wanted, str(rest[0])) if is_missing else _words(error, place, rest)
            shape.mistake(key, place.line, hidden(problem, shape.secrets), fix)


def hidden(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets: a dialect's validator words its own problem, perhaps with the value in it."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "…") if len(secret) >= _HIDDEN_LEAST else text
    return text


def _located(loc: Key, places: Mapping[Key, Place]) -> tuple[Place, Key]:
    """The innermost known place on the way to a location, and the steps beyond it (a union's member, ``[key]``)."""
    size = next(size for size in range(len(loc), -1, -1) if loc[:size] in places)
    return places[loc[:size]], loc[size:]


def _missing(section: Wanted, name: str) -> Words:
    info = fields_by_key(section.model)[name]
    how = f" as {_SECRET}" if SecretStr.__name__ in str(info.annotation) else ""
    return "missing", f"add {name}{how}: {info.description}" if info.description else f"add {name}{how}"


def in_words(error: Mapping[str, Any]) -> Words:
    """Problem and fix of one of pydantic's errors, as far as the error alone tells; without the value."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _WANTED:
        return "wrong type", f"wanted {_WANTED[kind]}"
    if kind in _BOUNDS:
        return _BOUNDS[kind][0], _BOUNDS[kind][1].format(**context)
    if kind == "string_pattern_mismatch":
        return "not as it must be written", _pattern(context)
    if kind == "literal_error":
        return "not an allowed value", f"write {context['expected']}"
    return str(error["msg"]).removeprefix("Value error, ").removeprefix("Input "), ""


def _words(error: Mapping[str, Any], place: Place, rest: Key) -> Words:
    """The same, with what is known of the place."""
    kind = error["type"]
    if rest[-1:] == ("[key]",):
        return "not a usable name", _pattern(error["ctx"])
    if isinstance(place.tree, Leaf) and place.tree.value is None:
        return "has no value", f"give it one or remove the line: {place.about}".rstrip(": ")
    if kind in _WANTED:
        return f"wrong type, it is {_given(place.tree)}", f"wanted {_wanted(kind, place.wanted)}"
    if kind == "literal_error":
        return "not an allowed value", _choice(place)
    problem, fix = in_words(error)
    return problem, fix or place.about


def _given(tree: Leaf | Section | Items) -> str:
    match tree:
        case Section():
            return "a section"
        case Items():
            return "a list"
        case Leaf(value=bool()):
            return "true or false"
        case Leaf(value=int()):
            return "a whole number"
        case _:
            return "text"


def _wanted(kind: str, place: Wanted) -> str:
    if place.type is SecretStr:
        return f"a secret: {_SECRET}"
    return _WANTED[kind] if place.type in (int, float) or not place.is_free else "text, a number, or a list of them"


def _pattern(context: Mapping[str, Any]) -> str:
    pattern = str(context.get("pattern", ""))
    return _PATTERNS.get(pattern, f"it must match {pattern}")


def _choice(place: Place) -> str:
    given = place.tree.text if isinstance(place.tree, Leaf) else ""
    return did_you_mean(given, place.wanted.choices)
