"""Freshdesk: what its templates tell, and what they hide; what is written there, and what its refusals say."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge import wording
from bridge.chat_text import plain
from bridge.domain import (
    AddNote,
    AddReply,
    AgentReplied,
    OpenTicket,
    Reply,
    SetField,
    TicketEvent,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import Ambiguous, CallError, Gone, Refused, Unreadable
from bridge.helpdesks import freshdesk, freshworks_events
from bridge.helpdesks.freshdesk import Freshdesk, FreshdeskAccount
from bridge.helpdesks.freshworks_events import Triggered, triggered
from tests.senders import NOW_MS, delivered, verified

DESK = Freshdesk()
REF = TicketRef("freshdesk", "main", "1187")
MARK = "[jelou-bridge:0123456789abcdef]"
BRIDGE = "42"


def account(**values: Any) -> FreshdeskAccount:
    """An account, checked."""
    section = {
        "project": "acme",
        "verification": {"type": "header", "header": "X-Bridge-Token", "tokens": ["made-up"]},
        "access": {"base_url": "https://acme.freshdesk.com", "api_key": "made-up", "bridge_user_id": BRIDGE},
    }
    return FreshdeskAccount.model_validate({**section, **values})


ACME = account()


def read(body: bytes | dict[str, Any], of: FreshdeskAccount = ACME) -> list[TicketEvent]:
    """The events in a body."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return DESK.read(verified(raw, DESK.verification(of)), of, "main")


def told(event: str, **values: Any) -> dict[str, Any]:
    """A body of our template."""
    base = {"triggered_event": event, "ticket_id": "1187", "ticket_status": "Open", "ticket_priority": "High"}
    return {"freshdesk_webhook": {**base, **values}}


def answered(body: Any, status: int = 200, **headers: str) -> Reply:
    """An answer of the API."""
    return Reply(status, headers, json.dumps(body).encode())


def conversation(**values: Any) -> dict[str, Any]:
    """A conversation as the API lists it: an agent's public reply."""
    base = {"id": 5, "body": "<div>Hola</div>", "body_text": "Hola", "incoming": False, "private": False}
    return {**base, "user_id": 7, "source": 0, "created_at": "2026-11-20T14:20:05Z", **values}


def commented(*conversations: dict[str, Any]) -> list[AgentReplied]:
    """The comments of agents in these conversations."""
    return DESK.fetched_comments(ACME, REF, answered(list(conversations)))


# --- what a template tells -------------------------------------------------------------------------------------------


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
    """Freshdesk prints nothing that tells them apart; so the second in which they came does."""
    first, second = delivered(b"{}"), delivered(b"{}")
    object.__setattr__(second, "received_ms", NOW_MS + 1_000)
    assert DESK.delivery_id(first) == DESK.delivery_id(first) != DESK.delivery_id(second)


def test_a_webhook_whose_text_broke_the_template_is_unreadable() -> None:
    """One quotation mark in a subject does it. It is refused by name, and what it says is not repeated."""
    body = b'{"freshdesk_webhook": {"ticket_id": "1187", "ticket_subject": "the "red" one"}}'
    with pytest.raises(Unreadable, match=r"^body: is not JSON$"):
        read(body)


@pytest.mark.parametrize("ticket_id", ["", "{{ticket.id}}", "abc", None, [], "1" * 19, "-1", "1.5"])
def test_a_body_without_a_tickets_number_is_unreadable(ticket_id: Any) -> None:
    """It names the place."""
    with pytest.raises(Unreadable, match=r"^ticket_id: is not the id of a ticket$"):
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


# --- what the API answers --------------------------------------------------------------------------------------------


def test_the_customers_words_and_forwarded_mail_never_go_to_the_customer() -> None:
    """The first are no agent's, the second are for somebody else."""
    assert commented(conversation(incoming=True)) == []
    [forwarded] = commented(conversation(source=8))
    assert not forwarded.public


@pytest.mark.parametrize("private", [True, None, "maybe"])
def test_what_is_not_told_to_be_public_is_private(private: Any) -> None:
    """Nothing leaves the helpdesk by mistake."""
    [one] = commented(conversation(private=private))
    assert not one.public


def test_what_an_agent_quotes_is_not_said_again() -> None:
    """The customer knows what they wrote."""
    quote = '<div class="freshdesk_quote"><blockquote class="freshdesk_quote">No puedo entrar</blockquote></div>'
    [one] = commented(conversation(body=f"<div>Ya <b>puede</b> entrar.</div>{quote}"))
    assert plain(one.text, one.markup) == "Ya puede entrar."


@pytest.mark.parametrize(
    "values", [{"user_id": 42}, {"user_id": "42"}, {"body": f"<div>x {MARK}</div>"}, {"body": "", "body_text": MARK}]
)
def test_what_the_bridge_wrote_is_known_by_its_author_or_its_mark(values: dict[str, Any]) -> None:
    """Also when it stands there as the customer's."""
    [one] = commented(conversation(incoming=True, **values))
    assert one.by_bridge


def test_the_newest_comments_are_read_from_the_last_page() -> None:
    """Freshdesk lists the oldest first, and names the next page in a header."""
    behind = 'link: <x>; rel="prev", <https://acme.freshdesk.com/api/v2/tickets/1187/conversations?page=2>; rel="next"'
    first, second = answered([conversation()], link=behind), answered([conversation(id=6)])
    more = DESK.comments_more(ACME, REF, [first])
    assert more is not None
    assert more.url == "https://acme.freshdesk.com/api/v2/tickets/1187/conversations?per_page=100&page=2"
    assert DESK.comments_more(ACME, REF, [first, second]) is None
    assert [one.comment_id for one in DESK.fetched_comments(ACME, REF, first, second)] == ["5", "6"]


def test_a_link_header_leads_nowhere_else() -> None:
    """Only the number is taken from it."""
    away = '<https://evil.example/api?page=3>; rel="next"'
    more = DESK.comments_more(ACME, REF, [answered([], link=away)])
    assert more is not None
    assert more.url.startswith("https://acme.freshdesk.com/api/v2/tickets/1187/conversations?")


@pytest.mark.parametrize(
    ("flag", "why"), [("deleted", "the ticket is deleted"), ("spam", "the ticket is marked as spam")]
)
def test_a_ticket_in_the_trash_is_gone_although_it_is_shown(flag: str, why: str) -> None:
    """The API shows it, and takes no update of it."""
    shown = answered({"id": 1187, flag: True})
    with pytest.raises(Gone, match=why):
        DESK.fetched(ACME, REF, shown)
    with pytest.raises(Gone, match=why):
        DESK.prepared(ACME, SetField("tag", "jelou"), [shown])


def test_the_external_id_is_asked_for_where_the_account_uses_it() -> None:
    """It does not come with the ticket: that is a call more, and not made for nothing."""
    uses, ticket = account(user_id={"fields": ["requester.external_id"]}), answered({"id": 1187, "requester_id": 5})
    assert DESK.fetch_more(ACME, REF, [ticket]) is None
    more = DESK.fetch_more(uses, REF, [ticket])
    assert more is not None
    assert more.url == "https://acme.freshdesk.com/api/v2/contacts/5"
    person = answered({"id": 5, "unique_external_id": "crm-7781", "mobile": None, "phone": "022222222"})
    found = DESK.fetched(uses, REF, ticket, person)
    assert found.fields["requester"] == {"id": "5", "external_id": "crm-7781", "phone": "022222222"}


def test_a_list_that_moves_while_it_is_read_tells_twice_and_not_never() -> None:
    """A ticket that changes meanwhile goes to the front, where it is found again."""
    call = DESK.changed(ACME, 1_795_183_200_000, "")
    assert call is not None
    assert "order_by=updated_at&order_type=desc" in call.url


# --- what is written -------------------------------------------------------------------------------------------------


def test_a_note_is_shown_as_it_was_written_and_found_line_by_line() -> None:
    """Nothing in it is HTML to Freshdesk; and a second look reads the conversation's id from its own line."""
    note = AddNote(
        f"{wording.say('es', 'started')}\n{wording.say('es', 'started.conversation', conversation='c_1')}\n{MARK}", MARK
    )
    call = DESK.call(ACME, REF, note, "1:note", now_ms=NOW_MS)
    assert call is not None
    body = orjson.loads(call.body)["body"]
    text = DESK.found(ACME, note, answered([conversation(body=f"<div>{body}</div>", body_text="one line")]))
    found = re.search(wording.named_in_note(), text, re.MULTILINE)
    assert found
    assert found[1] == "c_1"
    call = DESK.call(ACME, REF, AddNote(f"a < b & <b>c</b>\n{MARK}", MARK), "1:note", now_ms=NOW_MS)
    assert call is not None
    assert orjson.loads(call.body) == {"body": f"a &lt; b &amp; &lt;b&gt;c&lt;/b&gt;<br>{MARK}", "private": True}


def test_a_customers_words_mail_nobody() -> None:
    """They are a note, never a reply: that would be mailed to the customer."""
    call = DESK.call(ACME, REF, AddReply(f"Hola\n{MARK}", MARK, "Ana", "5"), "1:m", now_ms=NOW_MS)
    assert call is not None
    assert call.url.endswith("/notes")
    assert orjson.loads(call.body) == {"body": f"Hola<br>{MARK}", "private": False, "incoming": True, "user_id": 5}


def test_a_note_that_may_stand_on_a_later_page_is_not_said_to_be_missing() -> None:
    """Else it would be written twice."""
    note = AddNote(f"x\n{MARK}", MARK)
    with pytest.raises(Ambiguous):
        DESK.found(ACME, note, answered([conversation()], link='<https://x/y?page=2>; rel="next"'))


def test_a_tag_keeps_those_that_are_there() -> None:
    """Freshdesk replaces all of them."""
    assert DESK.prepare(ACME, REF, SetField("cf_x", "1"), []) is None
    action = DESK.prepared(ACME, SetField("tag", "jelou"), [answered({"id": 1187, "tags": ["vip", None]})])
    call = DESK.call(ACME, REF, action, "1:tag", now_ms=NOW_MS)
    assert call is not None
    assert orjson.loads(call.body) == {"tags": ["vip", "jelou"]}


def test_a_refusal_names_the_fields_and_never_what_stands_in_them() -> None:
    """An admin sees which field must be filled before a ticket is solved."""
    errors = [
        {"field": "cf_plan", "message": "It should not be Ana Pérez", "code": "missing_field"},
        {"field": "Ana Pérez", "message": "x", "code": 5},
    ]
    with pytest.raises(Refused) as caught:
        DESK.receipt(ACME, SetField("cf_x", "1"), answered({"errors": errors}, 400))
    assert caught.value.reason == "answered 400: not accepted: cf_plan (missing_field), ? (5)"


def test_a_ticket_is_opened_for_whom_the_helpdesk_can_find() -> None:
    """By the phone number, else by the external id; a contact that is made needs a name."""
    action = OpenTicket("x", MARK, MARK, "crm-1", phone="+593987654321")
    for one, has, lacks in (
        (action, {"phone": "+593987654321", "name": "+593987654321"}, "unique_external_id"),
        (OpenTicket("x", MARK, MARK, "crm-1"), {"unique_external_id": "crm-1", "name": "crm-1"}, "phone"),
    ):
        call = DESK.open_ticket(ACME, one, "1:open", now_ms=NOW_MS)
        assert call is not None
        body = orjson.loads(call.body)
        assert body.items() >= has.items()
        assert lacks not in body
        assert all(len(tag) <= 32 for tag in body["tags"])


def test_a_ticket_pushed_off_the_page_by_others_is_not_said_to_be_missing() -> None:
    """A hundred that are newer than an hour may hide it; a hundred of a day do not."""
    action = OpenTicket("x", MARK, MARK, "crm-1")
    burst = [{"id": n, "created_at": "2026-11-20T14:02:11Z"} for n in range(1, 101)]
    with pytest.raises(Ambiguous):
        DESK.found_opened(ACME, action, answered(burst))
    burst[-1]["created_at"] = "2026-11-20T12:02:11Z"
    assert DESK.found_opened(ACME, action, answered(burst)) == ""


@pytest.mark.parametrize("field", ["conversation", "cf_", "subject", "cf_Plan", "tag"])
def test_a_field_that_freshdesk_cannot_have_is_no_setting(field: str) -> None:
    """It is told before anything runs."""
    with pytest.raises(ValidationError, match="custom field"):
        account(write_back={"field": field})


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"results": []}', b'"x"'])
def test_an_answer_that_is_no_list_tells_nothing(body: bytes) -> None:
    """It is not taken for an empty one: what is looked for may be there."""
    for look in (
        lambda reply: DESK.found_opened(ACME, OpenTicket("x", MARK, MARK, "1"), reply),
        lambda reply: DESK.found(ACME, AddNote(MARK, MARK), reply),
        lambda reply: DESK.changes(ACME, "main", reply),
    ):
        with pytest.raises(CallError):
            look(Reply(200, {}, body))
