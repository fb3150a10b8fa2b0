"""Which ticket an event belongs to: the clues it gives, and the keys they are looked up under."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.accounts import Bridge
from bridge.correlate import clues, contact_key, lane_name, metadata, our_ticket, room_key
from bridge.domain import ConversationClosed, ConversationStarted, CustomerWrote, TicketRef

REF = TicketRef("standard-webhooks", "scripts", "T/1 ñ")
OURS = metadata(REF, 1, 2)
WHERE: dict[str, Any] = {
    "project": "soporte",
    "fact": "f",
    "conversation_id": "c-1",
    "room_id": "r-1",
    "bot_id": "b-1",
    "user_id": "u-1",
    "at_ms": 0,
}


def bridge(**accounts: str) -> Bridge:
    """A configuration with two projects, and the project of each account by its name."""
    jelou = {"project_id": "p", "bot_id": "b", "api_key": "k", "signing_secrets": ["s"]}
    named = {name: {"project": to} for name, to in (accounts or {"scripts": "soporte"}).items()}
    return Bridge.model_validate(
        {"jelou": {"soporte": jelou, "ventas": jelou}, "helpdesks": {"standard-webhooks": named}}
    )


def started(**changes: Any) -> ConversationStarted:
    """A start event that carries our metadata."""
    return ConversationStarted(**{**WHERE, "metadata": OURS, **changes})


def test_a_start_carries_the_ticket_for_people_and_for_us() -> None:
    """``ticketId`` is the helpdesk's own id; the whole reference, the episode and the attempt are ours."""
    assert metadata(REF, 3, 2) == {
        "ticketId": "T/1 ñ",
        "bridgeTicket": "standard-webhooks/scripts/T%2F1%20%C3%B1",
        "bridgeEpisode": "3",
        "bridgeAttempt": "2",
    }


def test_our_own_start_names_its_ticket_and_lane() -> None:
    """The echo of our metadata is the surest clue; the others stand beside it."""
    found = clues(started(), bridge())
    assert (found.ticket, found.lane) == (str(REF), "standard-webhooks/scripts~soporte")
    assert (found.conversation, found.room, found.contact) == ("c-1", "soporte:r-1", "soporte:3:b-1:u-1")


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"ticketId": "T/1 ñ"},
        {"bridgeTicket": ""},
        {"bridgeTicket": "standard-webhooks/scripts"},
        {"bridgeTicket": "standard-webhooks/scripts/"},
        {"bridgeTicket": "standard-webhooks/others/T-1"},
        {"bridgeTicket": "zendesk/scripts/T-1"},
        {"bridgeTicket": "a/b/c/d"},
        {"bridgeTicket": 7},
        {"bridgeTicket": None},
        {"bridgeTicket": ["standard-webhooks/scripts/T-1"]},
        {"bridgeTicket": {"id": "T-1"}},
    ],
)
def test_somebody_elses_metadata_names_no_ticket(told: dict[str, Any]) -> None:
    """Others start conversations too, with a ticketId of their own or with nonsense; that is no error."""
    assert clues(started(metadata=told), bridge()).ticket == ""


def test_a_ticket_of_another_project_is_not_believed() -> None:
    """The event of one project must not move a ticket whose account belongs to another."""
    assert our_ticket(OURS, "soporte", bridge(scripts="soporte")) == REF
    assert our_ticket(OURS, "soporte", bridge(scripts="ventas")) is None
    assert our_ticket(OURS, "ventas", bridge(scripts="ventas")) == REF


def test_messages_and_closes_are_found_by_their_ids_alone() -> None:
    """Only a start carries metadata."""
    wrote = CustomerWrote(**WHERE, message_id="m", message_type="text")
    closed = ConversationClosed(**WHERE)
    for event in (wrote, closed):
        assert clues(event, bridge()).ticket == ""
        assert clues(event, bridge()).conversation == "c-1"


def test_an_id_that_is_missing_is_no_clue() -> None:
    """A person is a bot and a user: either alone finds nobody, and neither does an empty room."""
    assert contact_key("soporte", "", "u") == contact_key("soporte", "b", "") == room_key("soporte", "") == ""
    nothing = clues(started(room_id="", bot_id="", conversation_id="", metadata={}), bridge())
    assert (nothing.ticket, nothing.lane, nothing.conversation, nothing.room, nothing.contact) == ("", "", "", "", "")


IDS = st.text(alphabet=":1a/~", min_size=1, max_size=4)
PEOPLE = st.tuples(st.sampled_from(["p", "p-1"]), IDS, IDS)


@given(one=PEOPLE, other=PEOPLE)
def test_two_people_never_share_a_key(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    """Ids are opaque and may hold the separator: different people have different keys."""
    assert (contact_key(*one) == contact_key(*other)) is (one == other)
    assert (room_key(*one[:2]) == room_key(*other[:2])) is (one[:2] == other[:2])


@given(ticket_id=st.text(min_size=1).filter(lambda told: told not in {".", ".."}))
def test_metadata_finds_its_ticket_back_whatever_the_id_holds(ticket_id: str) -> None:
    """Slashes, blanks, other scripts: the reference in the event is the one that was sent."""
    ref = TicketRef("standard-webhooks", "scripts", ticket_id)
    assert our_ticket(metadata(ref, 1, 1), "soporte", bridge()) == ref


JSON = st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.text())


@given(told=st.dictionaries(st.sampled_from(["bridgeTicket", "ticketId", "bridgeEpisode"]), JSON))
def test_no_metadata_makes_the_search_fail(told: dict[str, Any]) -> None:
    """Metadata is free-form and comes from outside: it names our ticket or none."""
    assert our_ticket(told, "soporte", bridge()) is None


def test_each_pair_of_account_and_project_has_its_lane() -> None:
    """What floods one account's lane does not stand before another's tickets."""
    names = {
        lane_name(TicketRef(kind, account, "1"), project)
        for kind in ("zendesk", "standard-webhooks")
        for account in ("a", "b")
        for project in ("p", "q")
    }
    assert len(names) == 8
