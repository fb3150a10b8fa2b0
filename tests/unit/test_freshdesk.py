"""Freshdesk: what its templates tell, and what they hide."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import AgentReplied, TicketOpened, TicketReopened, TicketSolved, Unrecognised
from bridge.errors import Unreadable
from bridge.helpdesks import freshdesk, freshworks_events
from bridge.helpdesks.freshworks_events import Triggered, triggered
from tests.freshdesk_cases import ACME, DESK, REF, account, answered, read, told
from tests.helpdesk_recordings import recordings_of
from tests.senders import NOW_MS, delivered


def test_the_documented_template_is_read_whole() -> None:
    """The template to paste, filled in by Freshdesk, tells a ticket with the mobile number."""
    template = re.search(r"^    \{.*?^\n", freshdesk.__doc__ or "", re.DOTALL | re.MULTILINE)
    assert template
    values = {
        "triggered_event": "{ticket_action:created}", "ticket.id": "1187", "ticket.status": "Pendiente",
        "ticket.priority": "Urgente", "ticket.tags": "vip, web", "ticket.source": "Correo electrónico",
        "ticket.ticket_type": "Incidente", "ticket.requester.id": "14005551212",
        "ticket.requester.mobile": "+593987654321", "ticket.requester.phone": "022222222",
    }  # fmt: skip
    filled = re.sub(r"\{\{(.*?)\}\}", lambda match: values.get(match[1], ""), template[0])
    [event] = read(filled.encode())
    assert isinstance(event, TicketOpened)
    assert event.ticket.partial
    assert event.ticket.fields == {
        "id": "1187",
        "status": "pending",
        "priority": "urgent",
        "type": "incident",
        "channel": "email",
        "tags": ["vip", "web"],
        "requester": {"id": "14005551212", "phone": "+593987654321"},
    }


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("{ticket_action:created}", Triggered("ticket.created")),
        ("{reply_sent:sent}", Triggered("ticket.comment_added")),
        ("{note_type:public}", Triggered("ticket.comment_added")),
        ("{note_type:private}", Triggered("ticket.note_added")),
        ("{status:{from:2,to:4}}", Triggered("ticket.status_changed", "2", "4")),
        (" { status : { from : 2 , to : 4 } } ", Triggered("ticket.status_changed", "2", "4")),
        ("{priority:{from:1,to:3}}", Triggered("priority")),
        ("{priority:{from:1,to:3},status:{from:2,to:4}}", Triggered("priority")),
        ("{customer_feedback:happy}", Triggered("customer_feedback")),
        ("", Triggered("")),
        ("Ticket is created", Triggered("Ticket is created")),
    ],
)
def test_what_looks_like_json_and_is_none_is_understood(said: str, meant: Triggered) -> None:
    """Of several properties the first is told; what is no such thing is told as it is."""
    assert triggered(said) == meant


@given(said=st.text(max_size=400) | st.text("{}:,fromtstau24 ", max_size=400))
def test_whatever_stands_there_is_read(said: str) -> None:
    """In no time and without an error."""
    assert len(triggered(said).event) <= 300
    assert read(told(said))


@pytest.mark.parametrize(
    ("status", "number", "meant"),
    [
        ("Resolved", "4", "solved"),
        ("Resuelto", "4", "solved"),
        ("Resolvido", "4", "solved"),
        ("CERRADO", "5", "closed"),
        ("Fechado", "5", "closed"),
        ("Erledigt", "4", "solved"),
        ("", "4", "solved"),
    ],
)
def test_a_ticket_is_solved_in_the_language_of_the_account(status: str, number: str, meant: str) -> None:
    """By its label; in a language that nobody taught us, by the number beside it."""
    [event] = read(told(f"{{status:{{from:2,to:{number}}}}}", ticket_status=status))
    assert isinstance(event, TicketSolved)
    assert event.status == meant


def test_an_accounts_own_status_is_known_by_label_and_by_number() -> None:
    """The webhook tells the one, the API the other."""
    acme = account(labels={"status": {"Entregado": "solved", "9": "on-hold"}})
    [event] = read(told("{status:{from:2,to:8}}", ticket_status="Entregado"), acme)
    assert isinstance(event, TicketSolved)
    ticket = DESK.fetched(acme, REF, answered({"id": 1187, "status": 9}))
    assert ticket.fields["status"] == "on-hold"


@pytest.mark.parametrize("before", ["4", "5"])
def test_a_ticket_that_was_done_is_reopened(before: str) -> None:
    """What it was before is told by its number."""
    [event] = read(told(f"{{status:{{from:{before},to:2}}}}", ticket_status="Abierto"))
    assert isinstance(event, TicketReopened)
    assert event.status == "open"


def test_a_ticket_that_only_waits_is_neither_solved_nor_reopened() -> None:
    """Nothing is to be done about it."""
    [event] = read(told("{status:{from:2,to:6}}", ticket_status="Waiting on Customer"))
    assert isinstance(event, Unrecognised)


def test_an_end_that_hides_behind_another_change_is_told() -> None:
    """Priority and status were changed at once, and Freshdesk tells the first alone."""
    [event] = read(told("{priority:{from:1,to:3}}", ticket_status="Resolved"))
    assert isinstance(event, TicketSolved)


def test_a_reply_that_resolves_is_a_reply_and_then_an_end() -> None:
    """The customer hears the last words before the goodbye."""
    reply, end = read(told("{reply_sent:sent}", ticket_status="Resuelto"))
    assert isinstance(reply, AgentReplied)
    assert isinstance(end, TicketSolved)


def test_a_new_ticket_that_is_done_is_only_new() -> None:
    """A phone call that was written down afterwards."""
    [event] = read(told("{ticket_action:created}", ticket_status="Closed"))
    assert isinstance(event, TicketOpened)


def test_a_reply_is_read_from_the_helpdesk() -> None:
    """A template tells no id and no clean text; without access it is taken as it stands."""
    body = told("{reply_sent:sent}", ticket_latest_public_comment="Ana : <div>Hola</div>")
    [event] = read(body)
    assert isinstance(event, AgentReplied)
    assert (event.partial, event.public, event.comment_id) == (True, True, "")
    [alone] = read(body, account(access=None))
    assert isinstance(alone, AgentReplied)
    assert (alone.partial, alone.text, alone.markup) == (False, "Ana : <div>Hola</div>", "html")


def test_two_replies_in_the_same_words_are_two() -> None:
    """Freshdesk prints nothing that tells them apart; so the moment they came does. A new ticket is new once."""
    body, new = orjson.dumps(told("{reply_sent:sent}")), orjson.dumps(told("{ticket_action:created}"))
    first, second = delivered(body), delivered(body)
    object.__setattr__(second, "received_ms", NOW_MS + 1)
    ids = [DESK.delivery_id(one, recordings_of("freshdesk").account) for one in (first, first, second)]
    assert ids[0] == ids[1] != ids[2]
    known = [DESK.delivery_id(delivered(one), recordings_of("freshdesk").account) for one in (new, b"{")]
    assert known == ["", ""]


def test_the_time_of_a_change_tells_statuses_apart_and_no_replies() -> None:
    """Templates may print it to the minute, in which two replies fit; a list of changes tells a status' own time."""
    updated = {"ticket_updated_at": "2026-11-20T14:20Z", "ticket_status": "Resolved"}
    reply, end = read(told("{reply_sent:sent}", **updated))
    page = DESK.changes(ACME, "main", answered([{"id": 1187, "status": 4, "updated_at": "2026-11-20T14:20:00Z"}]))
    assert reply.fact == f"comment:at:{NOW_MS}"
    assert end.fact == page.events[0].fact


def test_a_template_that_names_no_event_is_told_so() -> None:
    """Its admin finds it on the ticket's timeline."""
    [event] = read({"ticket_id": "1187"})
    assert isinstance(event, Unrecognised)
    assert event.told == "an event without a name"


def test_a_webhook_whose_text_broke_the_template_is_unreadable() -> None:
    """One quotation mark in a subject does it. It is refused by name, and what it says is not repeated."""
    body = b'{"freshdesk_webhook": {"ticket_id": "1187", "ticket_subject": "the "red" one"}}'
    with pytest.raises(Unreadable, match=r"^body: is not JSON"):
        read(body)


@pytest.mark.parametrize("ticket_id", ["", "{{ticket.id}}", "abc", None, [], "1" * 19, "-1", "1.5"])
def test_a_body_without_a_tickets_number_is_unreadable(ticket_id: Any) -> None:
    """It names the place."""
    with pytest.raises(Unreadable, match=r"^ticket_id: is (not the id of a ticket$|a placeholder)"):
        read(told("{reply_sent:sent}", ticket_id=ticket_id))


@pytest.mark.parametrize("ticket_id", ["1187", 1187, "#1187", " 1187 "])
def test_a_tickets_number_is_read_however_it_is_printed(ticket_id: Any) -> None:
    """As a text, as a number, with a sign before it."""
    [event] = read(told("{ticket_action:created}", ticket_id=ticket_id))
    assert event.ref == REF


@pytest.mark.parametrize("values", [{}, {"custom": None, "ticket_tags": None}, {"requester_id": {}, "custom": [1]}])
def test_missing_branches_are_missing(values: dict[str, Any]) -> None:
    """Only the ticket's number is needed."""
    [event] = read({"ticket_id": "1187", "triggered_event": "{ticket_action:created}", **values})
    assert isinstance(event, TicketOpened)
    assert event.ticket.fields == {"id": "1187"}


@pytest.mark.parametrize("beginning", freshworks_events.PERSON)
def test_the_names_of_simple_webhooks_are_known(beginning: str) -> None:
    """Freshdesk has changed what it calls a requester's fields."""
    [event] = read(told("{ticket_action:created}", **{f"{beginning}phone": "0987654321", f"{beginning}name": "Ana"}))
    assert isinstance(event, TicketOpened)
    assert event.ticket.fields["requester"] == {"phone": "0987654321", "name": "Ana"}
