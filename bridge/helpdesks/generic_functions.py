"""The functions that a mapping's expressions have beside JMESPath's own: texts, times, phone numbers, markup. Pure.

Each takes a missing value as missing: ``lower(null)`` is null, so that an expression need not ask first. None takes
longer than its input is long: patterns are RE2's, which never go back, and no result grows beyond a bound.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any, Final

import re2
from jmespath import functions

from bridge import chat_text
from bridge.phones import phone
from bridge.timestamps import iso8601, milliseconds, zoned

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.helpdesks.reading import Json

TEXT_MOST: Final = 200_000
"""Characters of a text that a function takes and gives."""

PATTERN_MOST: Final = 500
DIGITS_MOST: Final = 18

_ANY: Final[Any] = {"types": []}
_REST: Final[Any] = {"types": [], "variadic": True}


def text_of(value: Any) -> str | None:
    """The value as a text, numbers as JSON writes them; None where it is missing or no single value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return value[:TEXT_MOST] if isinstance(value, str) else None


def moment(value: Any, unit: str = "auto") -> int | None:
    """A time as Unix milliseconds: ISO 8601, or seconds or milliseconds, also with a fraction."""
    told = (text_of(value) or "").strip()
    digits = told.partition(".")[0] if unit != "iso8601" and told.replace(".", "", 1).isdigit() else told
    return milliseconds(digits, "auto") if digits.isdigit() else iso8601(told)


def instant(value: Any) -> int | None:
    """The same; None also for a date and time that names no zone."""
    told = (text_of(value) or "").strip()
    return zoned(told) if "-" in told else moment(value)


@lru_cache(maxsize=256)
def pattern(written: str) -> Any:
    """The compiled pattern, or None where RE2 has no such pattern."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(written, options) if len(written) <= PATTERN_MOST else None
    except re2.error:
        return None


def _each(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its first value as a text; missing where that is missing."""

    def on_text(self: Any, value: Any, *rest: Any) -> Any:
        told = text_of(value)
        return None if told is None else function(self, told, *(text_of(one) or "" for one in rest))

    return on_text


class Functions(functions.Functions):
    """JMESPath's functions and the mapping's own."""

    @functions.signature(_ANY)
    @_each
    def _func_lower(self, text: str) -> str:
        return text.lower()

    @functions.signature(_ANY)
    @_each
    def _func_upper(self, text: str) -> str:
        return text.upper()

    @functions.signature(_ANY)
    @_each
    def _func_trim(self, text: str) -> str:
        return text.strip()

    @functions.signature(_ANY, _ANY)
    @_each
    def _func_split(self, text: str, separator: str) -> list[str]:
        return text.split(separator) if separator else text.split()

    @functions.signature(_ANY, _ANY, _ANY)
    @_each
    def _func_replace(self, text: str, old: str, new: str) -> str:
        return text.replace(old, new, TEXT_MOST // max(1, len(new))) if old else text

    @functions.signature(_ANY, _ANY)
    @_each
    def _func_cut(self, text: str, most: str) -> str:
        return text[: int(most)] if most.isascii() and most.isdigit() and len(most) <= len(str(TEXT_MOST)) else text

    @functions.signature(_ANY, _ANY)
    @_each
    def _func_regex_extract(self, text: str, written: str) -> str | None:
        """The first group of the first match, or the match where there is no group."""
        compiled = pattern(written)
        found = compiled.search(text) if compiled else None
        return found[min(1, compiled.groups)] if found else None

    @functions.signature(_ANY, _ANY)
    @_each
    def _func_matches(self, text: str, written: str) -> bool:
        compiled = pattern(written)
        return bool(compiled and compiled.search(text))

    @functions.signature(_ANY)
    @_each
    def _func_strip_html(self, text: str) -> str:
        return chat_text.plain(text, "html")

    @functions.signature(_ANY)
    @_each
    def _func_html_escape(self, text: str) -> str:
        return escape(text)

    @functions.signature(_ANY)
    @_each
    def _func_nl2br(self, text: str) -> str:
        return "<br>".join(text.splitlines())

    @functions.signature(_ANY)
    @_each
    def _func_django_escape(self, text: str) -> str:
        """Braces that Django's templates would act upon, parted by a character without width."""
        parted = text.replace("{", "{\u200b").replace("}", "\u200b}")
        return parted if "{" in text or "}" in text else text

    @functions.signature(_ANY)
    @_each
    def _func_code_escape(self, text: str) -> str:
        """ServiceNow's brackets around HTML, in any case, as other brackets."""
        return _CODE.sub(r"(\1)", text)

    @functions.signature(_ANY)
    @_each
    def _func_markdown_escape(self, text: str) -> str:
        """The text as Markdown that shows it; the bridge's own mark and plain addresses stay what they are."""
        return _MARKDOWN.sub(lambda found: found[0] if found[1] else f"\\{found[0]}", text)

    @functions.signature(_ANY)
    @_each
    def _func_adf(self, text: str) -> Json:
        return adf(text)

    @functions.signature(_ANY, _ANY)
    @_each
    def _func_to_e164(self, text: str, region: str) -> str | None:
        """The number with its country code, by the rules of ``region`` where it names none; null for what is none."""
        found = phone(text, region.upper() or None)
        return f"+{found}" if found else None

    @functions.signature(_ANY, _ANY)
    def _func_to_iso8601(self, value: Any, unit: Any) -> str | None:
        at = moment(value, text_of(unit) or "auto")
        try:
            return None if at is None else datetime.fromtimestamp(at / 1000, UTC).isoformat()
        except (OverflowError, ValueError, OSError):
            return None

    @functions.signature(_REST)
    def _func_coalesce(self, *values: Any) -> Any:
        """The first value that is neither missing nor empty."""
        return next((one for one in values if one not in (None, "", [], {})), None)

    @functions.signature(_ANY, _ANY, _ANY)
    def _func_find(self, items: Any, key: Any, value: Any) -> Any:
        """The first object of a list whose ``key`` has this value, numbers and their digits being the same."""
        name, wanted = text_of(key), text_of(value)
        found = items if isinstance(items, list) else []
        return next((one for one in found if isinstance(one, dict) and text_of(one.get(name or "")) == wanted), None)

    @functions.signature(_ANY, _ANY, _ANY)
    def _func_drop(self, items: Any, key: Any, value: Any) -> Any:
        """The list without the objects that ``find`` would find: what is left of a list that is written as a whole."""
        name, other = text_of(key), text_of(value)
        found = items if isinstance(items, list) else []
        return [one for one in found if not (isinstance(one, dict) and text_of(one.get(name or "")) == other)]

    @functions.signature(_ANY, _ANY, _ANY)
    def _func_pairs(self, items: Any, key: Any, value: Any) -> Any:
        """One object of a list of objects that each hold a name and a value."""
        name, worth = text_of(key) or "", text_of(value) or ""
        found = [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
        return {text_of(one.get(name)): one.get(worth) for one in found if text_of(one.get(name))}

    @functions.signature(_ANY, _ANY)
    def _func_same(self, one: Any, other: Any) -> bool:
        """Whether both are there and the same, numbers and their digits being the same: null is nobody's id."""
        left, right = text_of(one), text_of(other)
        return bool(left) and left == right

    @functions.signature(_ANY, _ANY, _ANY)
    def _func_put(self, known: Any, key: Any, value: Any) -> Any:
        """The object with this key set: a field whose name is not known before."""
        name = text_of(key)
        return (known if isinstance(known, dict) else {}) | ({} if name is None else {name: value})

    @functions.signature(_ANY, _ANY)
    def _func_plus(self, one: Any, other: Any) -> int | None:
        """The sum of two whole numbers, or of their digits: the next page of a list that is asked for by number."""
        told = [text_of(value) or "" for value in (one, other)]
        counted = all(digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MOST for digits in told)
        return sum(map(int, told)) if counted else None

    @functions.signature(_ANY)
    @_each
    def _func_mark_id(self, text: str) -> str:
        """What a mark says, without its brackets: an id that a helpdesk can keep and look for."""
        return text.strip("[]")

    @functions.signature(_ANY)
    @_each
    def _func_parse_freshdesk_event(self, text: str) -> Json:
        return freshdesk_event(text)


_CODE: Final = re.compile(r"\[(/?code)\]", re.IGNORECASE)
_MARKDOWN: Final = re.compile(
    r"(?m)(\[jelou-bridge:[0-9a-z-]{1,60}\]|https?://[A-Za-z0-9._~:/?\#@$&'(),;=%-]+)"
    r"|[\\`*_\[\]<>|~&]|(?<![^\s])[\#+=-]|(?<=[0-9])[.)](?=\s)"
)


def adf(text: str) -> Json:
    """A text in Atlassian's document format: a paragraph for each line."""
    lines = [[{"type": "text", "text": line}] if line else [] for line in text.splitlines()]
    return {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": line} for line in lines]}


_PAIR: Final = re2.compile(r"^\{(\w{1,60}):(?:\{from:([^,{}]{0,200}),to:([^{}]{0,200})\}|([^{}]{0,200}))\}$")


def freshdesk_event(text: str) -> Json:
    """What Freshdesk's ``triggered_event`` says, ``{status:{from:2,to:4}}``: name, from and to; else empty."""
    found = _PAIR.search(text.strip())
    if not found:
        return {}
    name, before, after, value = (found[number] for number in (1, 2, 3, 4))
    return {"name": name, "from": before, "to": after if value is None else value}
