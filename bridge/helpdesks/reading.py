"""Reading bodies: JSON that was written by people, templates and products, taken as loosely as they write it. Pure.

Only what nothing can be done without is required; anything else may be missing, null or of another type, and is then
absent. Errors name the place, never the value.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from bridge import marks
from bridge.errors import Unreadable
from bridge.nesting import TooDeep, loaded
from bridge.timestamps import iso8601, zoned

Json = dict[str, Any]

_BODY: Final = "body"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LONGEST_ID: Final = 255
_LONGEST_NAME: Final = 100
_MOST_DIGITS: Final = 18
_PLACEHOLDER: Final = re.compile(
    r"\{\{|\}\}|[$%#@]\{|\{%|<%|<<|>>"
    r"|^(?:\[[A-Za-z]\w*[. ][\w. -]*\]|\{(?![0-9A-Fa-f-]{32,36}\})[^{}]*\}|<[^<>]*>|%[\w.]+%|\$[A-Za-z][\w.]*)$"
)
"""A variable as templates of helpdesks and of what stands between write it. A GUID in braces is an id."""

UNFILLED: Final = (
    "is a placeholder that nothing has filled in: correct the variable's name in the body of the trigger or webhook"
)
_PERSON: Final = ("id", "name", "email", "phone", "external_id")
_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def decoded(body: bytes) -> Json:
    """The JSON object of a body. Raises Unreadable for anything else."""
    found = _loaded(body)
    if not isinstance(found, dict):
        raise Unreadable(_BODY, "is not a JSON object")
    return found


def decoded_list(body: bytes) -> list[Json]:
    """The JSON objects of a body that is a list of them, or the one it is. Raises Unreadable where there is none."""
    found = _loaded(body)
    told = [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]
    if not told:
        raise Unreadable(_BODY, "is not a JSON object, nor a list of some")
    return told


def _loaded(body: bytes) -> Any:
    try:
        return loaded(body.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError as error:
        # A template that an admin wrote is broken by a quote in a subject: the place tells which field it was.
        raise Unreadable(_BODY, f"is not JSON (line {error.lineno}, column {error.colno})") from None
    except TooDeep as error:
        raise Unreadable(_BODY, f"is {error}") from None


def section(record: Json, name: str) -> Json:
    """The object under this name; empty where there is none."""
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def records(record: Json, name: str) -> list[Json]:
    """The objects in the list under this name."""
    found = record.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def text(record: Json, name: str) -> str:
    """The text under this name, an integer as its digits; empty for anything else."""
    found = record.get(name)
    if isinstance(found, str):
        return found
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else ""


def count(record: Json, name: str) -> int:
    """The number under this name, also as its digits; 0 for anything else."""
    found = text(record, name)
    return int(found) if len(found) <= _MOST_DIGITS and found.isascii() and found.isdigit() else 0


def words(record: Json, name: str) -> list[str]:
    """The texts in the list under this name, or in a text with blanks between, as templates print a list."""
    found = record.get(name)
    if isinstance(found, str):
        return found.split()
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def flag(record: Json, name: str) -> bool | None:
    """Yes or no under this name, also as the word a template prints; None where it is not told."""
    found = record.get(name)
    if isinstance(found, bool):
        return found
    return _FLAGS.get(text(record, name).strip().lower())


def event_name(record: Json, name: str) -> str:
    """The sender's name of its event, cut to a length that a log line bears. Raises Unreadable for a placeholder."""
    found = text(record, name).strip()[:_LONGEST_NAME]
    filled(found, name)
    return found


def filled(found: str, where: str) -> None:
    """Raises Unreadable for a variable of a template that stands where its value should.

    A trigger whose body names a variable that the helpdesk does not know there prints it as it is, or was pasted into
    a field that fills in none: two tickets would be one, named like the variable.
    """
    if _PLACEHOLDER.search(found.strip()[:_LONGEST_ID]):
        raise Unreadable(where, UNFILLED)


def usable_id(record: Json, name: str) -> str:
    """The id under this name; empty where it is missing, a placeholder, or could not stand in a URL's path."""
    found = text(record, name).strip()
    usable = len(found) <= _LONGEST_ID and found not in {".", ".."} and not _PLACEHOLDER.search(found)
    return found if usable else ""


def ticket_id(record: Json, name: str, where: str) -> str:
    """The id of the ticket. Raises Unreadable, with ``where`` it stands in the body, if there is no usable one."""
    found = usable_id(record, name)
    if not found:
        filled(text(record, name), where)
        raise Unreadable(where, "is not the id of a ticket")
    return found


def person(record: Json) -> Json:
    """What is told of a requester, in the bridge's names."""
    return told(**{name: text(record, name) for name in _PERSON})


def moment_ms(record: Json, name: str) -> int:
    """The ISO 8601 time under this name as Unix milliseconds; 0 where there is none."""
    return iso8601(text(record, name)) or 0


def changed_ms(record: Json, name: str) -> int:
    """The same for the time of a change, which is compared: 0 also where it names no zone."""
    return zoned(text(record, name)) or 0


def marked(text: str, markup: str = "text") -> bool:
    """Whether the bridge's mark stands in it, alone on a line, and not in what is quoted."""
    return marks.stands(text, markup)


def opened_by_mark(text: str, markup: str = "text") -> bool:
    """Whether the mark of a ticket that the bridge opened stands in its first words. Some tell of HTML by its tags."""
    return marks.opens(text, "html" if markup == "text" and _TAGGED.search(text) else markup)


_TAGGED: Final = re.compile(r"<(?:br|p|div|span)\b", re.IGNORECASE)


def told(**values: object) -> Json:
    """The values that say something: neither None nor empty."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}
