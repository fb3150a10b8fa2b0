"""What is stored is read whichever version wrote it, and the names under which it is stored stay."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import domain, events, stored
from bridge.decisions import Decision
from bridge.domain import Assignment, Phase, StartConversation, TicketOpened, TicketRef, Unrecognised
from bridge.letters import Letter
from bridge.links import ASKED, WANTED, Link
from bridge.missed import Window
from bridge.owed import Ending, File, Hold, Past, Say, Side, Todo
from bridge.package import Entry
from bridge.refusals import RefusedDelivery
from bridge.silence import Silence
from bridge.unread import Unread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CLASSES: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        Link,
        Todo,
        Say,
        File,
        Ending,
        Past,
        Hold,
        Letter,
        Decision,
        Window,
        Entry,
        Silence,
        Unread,
        RefusedDelivery,
    )
}
NAMES = """
Link: phase attempt episode conversation room bot user rule assignment start covered claim since_ms tries
    first_try_ms reason confirmed extra shared_with born_ms receipts todo says ending past holds left read_tries
    read_first_ms requester name opened_ms closed_ms closing outcome packaged gone fuse traffic carried window shown
    snapshot written rate_limited look active_ms changed_ms looked_ms unstarted_ms faults fault_ms fault_in
    fuse_until_ms fuse_times asked_by other_requester contact_id requester_ms fault files start_wait keyed wrote
    unshown_ms unshown_due_ms early early_ms
Todo: key kind text field sent due_ms tries first_ms looked doubted
Say: id message_type content comment sent doubts tries first_ms
File: fact id name read_ms stale_ms
Ending: reason goodbye tries first_ms looked_ms read_ms
Past: episode conversation opened_ms closed_ms reason
Hold: until_ms reason firm
Letter: id ticket lane action reason at_ms event todo say
Decision: id thing what at_ms by ticket about because reason
Window: until_ms since_ms began_ms after
Entry: at_ms who text
Silence: since_ms missed
Unread: id sender at_ms problem method url body headers
RefusedDelivery: sender status reason count first_ms last_ms says ticket delivery path remote
StartConversation: bot_id user_id initial_message metadata assignment rule
OpenTicket: subject text marker user_id name phone group contact
Assignment: type target
Ticket: ref fields created_ms partial by_bridge
TicketRef: kind account id
Attachment: url name mime_type size id
TicketOpened: ref fact ticket by_bridge
AgentReplied: ref fact comment_id text public by_bridge markup attachments partial at_ms withheld echo requester
TicketSolved: ref fact status by_bridge
TicketReopened: ref fact status by_bridge guessed
Unrecognised: ref fact told by_bridge status
ConversationStarted: project fact conversation_id room_id bot_id user_id at_ms assignment metadata user_name
CustomerWrote: project fact conversation_id room_id bot_id user_id at_ms message_id message_type content user_name
ConversationClosed: project fact conversation_id room_id bot_id user_id at_ms reason
UnrecognisedConversation: project fact told
StartAnswered: claim conversation_id reason attempt bot_id user_id episode
StartSent: claim attempt bot_id user_id episode
EndAsked: conversation_id
Doubted: conversation_id
Unasked: project conversation_id bot_id user_id user_name
"""
"""The fields of everything that is stored as JSON, by its class. Written by hand and not made from the code."""

EVENTS = """
ticket.opened agent.replied ticket.solved ticket.reopened unrecognised conversation.start customer.wrote
conversation.close conversation.unrecognised start.answered start.sent end.asked conversation.doubted
conversation.unasked
"""
WORDS: Mapping[str, list[str]] = {
    "new starting unknown started open closed parked failed ignored": [one.value for one in Phase],
    "helpdesk jelou": [one.value for one in Side],
    "add.note add.reply set.status set.field open.ticket": [
        kind.type for kind in (domain.AddNote, domain.AddReply, domain.SetStatus, domain.SetField, domain.OpenTicket)
    ],
    "start.conversation say.to.customer close.conversation": [
        kind.type for kind in (StartConversation, domain.SayToCustomer, domain.CloseConversation)
    ],
}
"""The words that are stored in those fields."""

STAYS = (
    "is stored under this name. Whoever renames it has to read both for as long as the old one may be stored: keep the "
    "field and let the new one take its value in load. What is new is added to this table, with tests/data of it."
)


def table() -> dict[str, list[str]]:
    """The table by class."""
    rows = NAMES.strip().replace("\n    ", " ").splitlines()
    return {name: names.split() for name, _, names in (row.partition(":") for row in rows)}


def kind_of(name: str) -> type[Any]:
    """The class of this name."""
    return CLASSES.get(name) or getattr(domain, name)


# --- the names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", table())
def test_a_stored_field_keeps_its_name(name: str) -> None:
    """A version that does not know the old one would find it empty."""
    assert [one.name for one in fields(kind_of(name))] == table()[name], f"each of these {STAYS}"


def test_the_words_of_events_and_fields_stay() -> None:
    """By them an event is known, and what a ticket waits for."""
    known = {events.load(orjson.dumps({"type": name, "event": {}})).event.type for name in EVENTS.split()}
    assert known == set(EVENTS.split()), f"the type of an event {STAYS}"
    assert [list(words.split()) for words in WORDS] == list(WORDS.values()), f"each of these {STAYS}"
    assert (WANTED, ASKED) == ("template wanted", "customer asked to write"), f"each of these {STAYS}"


def nested(kind: type[Any]) -> Iterator[type[Any]]:
    """The class and all that it holds."""
    yield kind
    for hint in get_type_hints(kind, localns=stored.TYPING_NAMES).values():
        for one in (hint, *get_args(hint)):
            if is_dataclass(one) and isinstance(one, type):
                yield from nested(one)


def test_the_table_names_all_that_is_stored() -> None:
    """With everything that it nests."""
    found = {one.__name__ for kind in (Link, Letter, *map(kind_of, table())) for one in nested(kind)}
    assert found <= table().keys()


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", table())
def test_of_nothing_every_field_is_empty(name: str) -> None:
    """What has no default is the empty value of its type, at every level."""
    found = stored.read(kind_of(name), {})
    assert stored.read(kind_of(name), orjson.loads(orjson.dumps(found))) == found
    assert stored.read(kind_of(name), {"from_the_future": 1}) == found


def test_what_is_missing_has_its_default_or_is_empty() -> None:
    """Of an event, its ticket and the ticket's name."""
    found = stored.read(TicketOpened, {"fact": "opened", "ticket": {"created_ms": 5}})
    empty = TicketRef("", "", "")
    assert found == TicketOpened(empty, "opened", domain.Ticket(empty, {}, 5))
    assert stored.read(StartConversation, {"bot_id": "b"}) == StartConversation("b", "", "", {}, None, "")
    assert stored.read(Link, {"todo": [{"key": "k"}]}).todo == (Todo("k", "", ""),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(data=st.data(), name=st.sampled_from(sorted(table())))
def test_what_is_no_record_at_all_is_told_apart(data: st.DataObject, name: str) -> None:
    """Whatever stands there, it is read or refused by the errors that set a ticket aside."""
    told = data.draw(st.dictionaries(st.sampled_from(table()[name]), JSON) | JSON)
    try:
        assert isinstance(stored.read(kind_of(name), told), kind_of(name))
    except (TypeError, ValueError, KeyError):
        return


def test_an_event_of_an_unknown_kind_is_unrecognised() -> None:
    """It says what it was called; where it came from is kept."""
    found = events.load(b'{"type": "from.the.future", "delivery": "d", "at_ms": 7, "event": {"x": 1}}')
    assert found == events.Received(Unrecognised(None, "", "from.the.future"), "d", 7)
    assert events.load(b"{}") == events.Received(Unrecognised(None, "", ""), "", 0)


def test_an_unknown_phase_is_written_back_as_it_was() -> None:
    """Whoever only looks at the ticket, or adds a letter to it, takes nothing from the version that knows it."""
    link = Link.load(b'{"phase": "from the future"}')
    assert (link.phase.value, stored.is_known(link.phase)) == ("from the future", False)
    assert orjson.loads(link.dump())["phase"] == "from the future"
    assert link.phase not in set(Phase)
    assert all(stored.is_known(one) for one in Phase)


class Colour(StrEnum):
    """Of the example."""

    RED = "red"


@dataclass(frozen=True, slots=True)
class Example:
    """A field of each form that a stored class may have."""

    colours: tuple[Colour, ...]
    pair: tuple[int, str]
    by_name: dict[str, Assignment]
    either: Assignment | None
    more: dict[str, str] = field(default_factory=dict)


def test_each_form_of_a_field_is_read() -> None:
    """Rows, pairs (cut to their length), maps and what may be absent."""
    told = {
        "colours": ["red"],
        "pair": [1, "a", "from the future"],
        "by_name": {"x": {"type": "queue", "target": "A", "new": 1}},
        "either": {"target": "B"},
    }
    assert stored.read(Example, told) == Example(
        (Colour.RED,), (1, "a"), {"x": Assignment("queue", "A")}, Assignment("", "B")
    )
    assert stored.read(Example, {}) == Example((), (), {}, None)  # type: ignore[arg-type]
