"""What stands inside of a body, of every helpdesk: the numbers, depths and variables that nobody meant."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from bridge import events
from bridge.errors import Unreadable
from bridge.helpdesks.reading import UNFILLED
from tests.helpdesk_recordings import KINDS, Recordings, named
from tests.json_places import places, replaced


def nested(depth: int) -> Any:
    """A list of so many levels."""
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


def document(depth: int) -> dict[str, Any]:
    """A document of Atlassian's with quotes in quotes."""
    inner: dict[str, Any] = {"type": "text", "text": "x"}
    for _ in range(depth):
        inner = {"type": "blockquote", "content": [inner]}
    return {"type": "doc", "version": 1, "content": [inner]}


ODD: dict[str, Any] = {
    "a document of 45 levels": document(45),
    "a document of 120 levels": document(120),
    "a list of 95 levels": nested(95),
    "a list of 240 levels": nested(240),
    "10^300": 1e300,
    "2^64 as a fraction": 1.8446744073709552e19,
    "64 bits": 2**64 - 1,
    "5,000 digits": "9" * 5_000,
    "digits that are no ASCII": "²" * 5,
    "a date beyond time": "9999-12-31T23:59:59.999999-23:59",
    "a date before time": "0001-01-01T00:00:00+23:59",
    "many words": " a" * 20_000,
}


def stored_or_unreadable(recordings: Recordings, body: Any, name: str) -> None:
    """Reads, and stores what comes of it as the web process does. Raises whatever is not Unreadable."""
    try:
        for event in recordings.read(orjson.dumps(body), name):
            assert events.load(events.dump(event, "d", 1).encode()).event == event
    except Unreadable:
        return


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("recordings", KINDS, ids=named)
def test_an_odd_value_anywhere_is_stored_or_unreadable(recordings: Recordings, odd: str) -> None:
    """One at each place of each recorded body: nothing is raised that would bring the same bytes back for ever."""
    for name in sorted(recordings.expected):
        try:
            body = json.loads(recordings.body(name))
        except ValueError:
            continue
        for path in places(body):
            stored_or_unreadable(recordings, replaced(body, path, ODD[odd]), name)


VARIABLES = [
    "{{ticket.id}}", "{{ ticket.id }}", "${ticket.id}", "[ticket.id]", "%{ticket.id}", "<<ticket.id>>", "#{ticket.id}",
    "{{ticket.id", "{% ticket.id %}", "<%= ticket.id %>", "{ticket.id}", "%ticket.id%", "$ticket.id", "@{ticket.id}",
]  # fmt: skip


def id_places(recordings: Recordings) -> list[tuple[str, Any, tuple[Any, ...]]]:
    """Each place that names a ticket: a body without it is of another ticket, or of none."""
    found = []
    for name in sorted(recordings.expected):
        try:
            body = json.loads(recordings.body(name))
        except ValueError:
            continue
        found += [(name, body, path) for path in places(body) if _names_ticket(recordings, name, body, path)]
    return found


def _names_ticket(recordings: Recordings, name: str, body: Any, path: tuple[Any, ...]) -> bool:
    try:
        told = recordings.read(orjson.dumps(replaced(body, path, "4711")), name)
    except Unreadable:
        return False
    return any(event.ref is not None and event.ref.id == "4711" for event in told)


@pytest.mark.parametrize("recordings", KINDS, ids=named)
def test_a_variable_that_nothing_has_filled_in_is_no_ticket(recordings: Recordings) -> None:
    """Unreadable where something asks for a ticket: else every ticket of that trigger would be the same one."""
    for name, body, path in id_places(recordings):
        for variable in VARIABLES:
            assert not named_by(recordings, name, replaced(body, path, variable), variable)


def named_by(recordings: Recordings, name: str, body: Any, variable: str) -> bool:
    """Whether a ticket is named by this variable; where the body is refused, that says so and not what it is."""
    told, problem = [], ""
    try:
        told = recordings.read(orjson.dumps(body), name)
    except Unreadable as refused:
        problem = refused.problem
    assert problem in {"", UNFILLED, "is not the id of a ticket"}
    return any(event.ref is not None and event.ref.id == variable for event in told)


@pytest.mark.parametrize("taken", ["{0f8fad5b-d9cb-469f-a165-70867728950e}", "INC-12", "a/b", "#12", "*[a-z]?", "a~b"])
def test_an_odd_id_is_still_one(taken: str) -> None:
    """Only what looks like a variable is none."""
    standard = next(one for one in KINDS if one.kind == "standard-webhooks")
    body = {"type": "ticket.created", "data": {"ticket": {"id": taken, "subject": "a"}}}
    [event] = standard.read(orjson.dumps(body))
    assert event.ref is not None
    assert event.ref.id == taken
