"""Events survive the inbox: what is read back is what was stored, whatever it holds."""

from __future__ import annotations

from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import domain
from bridge.domain import Assignment, Attachment, ConversationEvent, CustomerWrote, Ticket, TicketEvent, TicketRef
from bridge.errors import Unreadable
from bridge.events import Received, dump, load

TEXT = st.text(max_size=8)
MOMENTS = st.integers(0, 2**53)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=4)
REFS = st.builds(TicketRef, TEXT, TEXT, TEXT)
TICKETS = st.builds(Ticket, REFS, OBJECTS, MOMENTS, st.booleans())
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "ref": REFS,
    "ticket": TICKETS,
    "assignment": st.none() | st.builds(Assignment, TEXT, TEXT),
    "metadata": OBJECTS,
    "content": OBJECTS,
    "at_ms": MOMENTS,
    "attempt": MOMENTS,
    "public": st.booleans(),
    "by_bridge": st.booleans(),
    "partial": st.booleans(),
    "attachments": st.lists(st.builds(Attachment, TEXT, TEXT, TEXT, MOMENTS), max_size=2).map(tuple),
}
KINDS: tuple[type[Any], ...] = (*get_args(TicketEvent), *get_args(ConversationEvent), *get_args(domain.Testimony))


def events_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Events of one kind, every field of it anything it may be."""
    return st.builds(kind, **{name: FIELDS.get(name, TEXT) for name in kind.__dataclass_fields__ if name != "type"})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
@given(data=st.data())
def test_an_event_comes_back_as_it_went_in(kind: type[Any], data: st.DataObject) -> None:
    """Every kind, with where it came from and when."""
    event, delivery, at_ms = data.draw(events_of(kind)), data.draw(TEXT), data.draw(MOMENTS)
    assert load(dump(event, delivery, at_ms).encode()) == Received(event, delivery, at_ms)


def test_a_file_keeps_its_id_beside_the_event() -> None:
    """A worker of the version before finds in the event what it knows, and nothing else."""
    files = (Attachment("https://x.example/a", "a", id="31"), Attachment("https://x.example/b", "b"))
    event = domain.AgentReplied(TicketRef("k", "a", "7"), "f", "9", "", public=True, attachments=files)
    stored = orjson.loads(dump(event, "d", 1))
    assert [sorted(one) for one in stored["event"]["attachments"]] == [["mime_type", "name", "size", "url"]] * 2
    again = load(orjson.dumps(stored)).event
    assert isinstance(again, domain.AgentReplied)
    assert [one.id for one in again.attachments] == ["31", ""]
    assert load(orjson.dumps({name: one for name, one in stored.items() if name != "file_ids"})).event == event


def test_an_unrecognised_event_need_not_name_a_ticket() -> None:
    """Some deliveries are about something else."""
    event = domain.Unrecognised(None, "f", "user.merged")
    assert load(dump(event, "d", 1).encode()).event == event


def test_every_kind_has_a_name_of_its_own() -> None:
    """The name stands in the store and on timelines."""
    assert len({kind.type for kind in KINDS}) == len(KINDS)


def test_the_name_stands_at_the_top() -> None:
    """People who look into Redis see at once what an entry is."""
    told = orjson.loads(dump(domain.Unrecognised(None, "f", "x"), "d", 7))
    assert (told["type"], told["delivery"], told["at_ms"]) == ("unrecognised", "d", 7)


def nested(depth: int) -> dict[str, Any]:
    """An object in an object, this deep."""
    content: dict[str, Any] = {}
    for _ in range(depth):
        content = {"deeper": content}
    return content


@pytest.mark.parametrize("depth", [200, 260, 900])
def test_a_sender_cannot_break_the_writing_by_nesting(depth: int) -> None:
    """JSON is read deeper than it is written: what cannot be stored is refused as unreadable, never a fault of ours."""
    event = CustomerWrote("p", "f", "c", "r", "b", "u", 0, "m", "text", nested(depth))
    if depth < 250:
        assert load(dump(event, "d", 0).encode()).event == event
        return
    with pytest.raises(Unreadable, match="body: is nested too deeply"):
        dump(event, "d", 0)


@given(events_of(domain.AgentReplied))
def test_a_worker_of_the_version_before_reads_a_reply(event: domain.AgentReplied) -> None:
    """Why words are withheld stands beside the event, which has the fields that it always had."""
    told = orjson.loads(dump(event, "d-1", 1))
    assert "withheld" not in told["event"]
    assert told.get("withheld", "") == event.withheld
