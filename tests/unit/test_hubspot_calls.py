"""HubSpot's API: whose phone number it is, what a note shows, which stage a status is, what is opened once."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from bridge.domain import AddNote, AddReply, OpenTicket, Reply, SetField, SetStatus, TicketRef
from bridge.errors import Ambiguous, Gone, Refused, Throttled
from bridge.helpdesks import hubspot_writing
from bridge.say import messages_of
from tests.hubspot_accounts import ACCOUNT, HUBSPOT, account
from tests.senders import NOW_MS

REF = TicketRef("hubspot", "main", "7")
MARK = "[jelou-bridge:0123456789abcdef]"


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """An answer of HubSpot's."""
    return Reply(status, headers or {}, orjson.dumps(body))


# --- the ticket ------------------------------------------------------------------------------------------------------


def fetched(properties: dict[str, Any], contact: Reply | None = None, of: Any = ACCOUNT) -> dict[str, Any]:
    """The fields of a ticket with these properties."""
    more = [contact] if contact else []
    return dict(HUBSPOT.fetched(of, REF, answer({"id": "7", "properties": properties}), *more).fields)


@pytest.mark.parametrize(
    ("contact", "phone"),
    [
        ({"hs_whatsapp_phone_number": "+593987654321", "mobilephone": "1", "phone": "2"}, "+593987654321"),
        ({"hs_whatsapp_phone_number": None, "mobilephone": "", "phone": "0987654321"}, "0987654321"),
        ({"mobilephone": "  ", "phone": 987654321}, "987654321"),
        ({}, None),
    ],
)
def test_the_phone_is_the_contacts_in_the_order_of_the_account(contact: dict[str, Any], phone: str | None) -> None:
    """WhatsApp's own first; what is null, empty or blank is none; ten digits stay the text they are."""
    found = fetched({}, answer({"id": "21", "properties": contact}))
    assert found["requester"].get("phone") == phone
    assert found["requester"]["id"] == "21"


def test_a_contact_that_is_gone_leaves_the_ticket() -> None:
    """The ticket is there all the same, and nobody's number with it."""
    assert "requester" not in fetched({"subject": "x"}, answer({}, 404))
    assert "requester" not in fetched({"subject": "x"})


@pytest.mark.parametrize(
    ("properties", "status"),
    [
        ({"hs_pipeline_stage": "2"}, "pending"),
        ({"hs_pipeline_stage": "954564779", "closed_date": None}, "open"),
        ({"hs_pipeline_stage": "954564779", "closed_date": "2026-11-20T14:20:05Z"}, "solved"),
        ({"hs_pipeline_stage": "88", "closed_date": "2026-11-20T14:20:05Z"}, "pending"),
        ({}, None),
    ],
)
def test_a_fetched_status_is_the_stages_or_else_whether_it_is_closed(
    properties: dict[str, Any], status: str | None
) -> None:
    """In any pipeline, and by the account's own label first."""
    assert fetched(properties, of=account(labels={"status": {"88": "pending"}})).get("status") == status


@pytest.mark.parametrize(
    ("said", "word"), [("MEDIUM", "normal"), ("URGENT", "urgent"), ("Média", "normal"), ("Baja", "low")]
)
def test_a_priority_is_known_as_value_and_as_label(said: str, word: str) -> None:
    """HubSpot's own values, and what an admin made of them in Spanish or Portuguese."""
    assert fetched({"hs_ticket_priority": said})["priority"] == word


def test_what_a_customer_wrote_at_length_is_in_no_field() -> None:
    """It is looked at for our mark, and rules and templates do not see it."""
    ticket = HUBSPOT.fetched(ACCOUNT, REF, answer({"properties": {"content": f"Hola\n{MARK}"}}))
    assert ticket.by_bridge
    assert "Hola" not in repr(ticket.fields)


def test_the_fields_that_are_written_are_read_as_well() -> None:
    """After a loss of Redis the ticket's own field tells which conversation it has."""
    wanted = account(
        write_back={"field": "jelou_conversation", "status_field": "jelou_state"}, access={"properties": ["plan"]}
    )
    call = HUBSPOT.fetch(wanted, REF)
    assert call is not None
    assert call.url.endswith("plan,jelou_bridge,jelou_conversation,jelou_state")
    assert HUBSPOT.field_path("jelou_conversation") == "custom.jelou_conversation"


@pytest.mark.parametrize("field", ["Jelou", "jelou conversation", "a,b", "9"])
def test_a_field_that_is_no_property_cannot_be_configured(field: str) -> None:
    """A mistake is found before the first ticket."""
    with pytest.raises(ValidationError, match="internal name of a property"):
        account(write_back={"field": field})


# --- comments --------------------------------------------------------------------------------------------------------


def test_an_agents_rich_text_reaches_the_customer_as_words() -> None:
    """HTML is told as HTML, and becomes what WhatsApp shows."""
    message = {
        "id": "m1", "type": "MESSAGE", "direction": "OUTGOING", "senders": [{"actorId": "A-1"}],
        "text": "Ver la guía", "richText": "<p>Ver <strong>la guía</strong></p>", "createdAt": "2026-11-20T14:20:05Z",
    }  # fmt: skip
    (reply,) = HUBSPOT.fetched_comments(
        ACCOUNT, REF, answer({"results": [thread("5")]}), answer({"results": [message]})
    )
    assert [found.content for found in messages_of(reply, REF, 1)] == [{"body": "Ver la guía"}]


@pytest.mark.parametrize(
    "changes", [{"direction": "INCOMING"}, {"senders": [{"actorId": "B-1"}]}, {"type": "ASSIGNMENT"}, {"id": None}]
)
def test_what_no_agent_said_is_no_reply(changes: dict[str, Any]) -> None:
    """The customer's own words, a bot's, an assignment."""
    message = {"id": "m1", "type": "MESSAGE", "direction": "OUTGOING", "senders": [{"actorId": "A-1"}], "text": "x"}
    page = answer({"results": [{**message, **changes}]})
    assert HUBSPOT.fetched_comments(ACCOUNT, REF, answer({"results": [thread("5")]}), page) == []


# --- texts that were cut off -----------------------------------------------------------------------------------------


def thread(thread_id: str, contact: str = "21") -> dict[str, Any]:
    """A thread of the ticket."""
    about = {"associatedTicketId": REF.id}
    return {"id": thread_id, "threadAssociations": about, "associatedContactId": contact}


def cut(message_id: str, **changes: Any) -> dict[str, Any]:
    """An agent's message whose text HubSpot has cut off."""
    told = {"id": message_id, "type": "MESSAGE", "direction": "OUTGOING", "senders": [{"actorId": "A-1"}]}
    return {**told, "text": "Los pas", "richText": "<p>Los pas</p>", "truncationStatus": "TRUNCATED", **changes}


def asked(*replies: Reply) -> str:
    """What is asked after these answers; empty where they tell all."""
    call = HUBSPOT.comments_more(ACCOUNT, REF, replies)
    return call.url.removeprefix("https://api.hubapi.com/conversations/v3/conversations/threads/") if call else ""


def test_a_text_that_was_cut_off_is_read_whole() -> None:
    """By its own address; what the list tells of it else (who, when, files) stays."""
    told = [answer({"results": [thread("5")]}), answer({"results": [cut("m 1", createdAt="2026-11-20T14:20:05Z")]})]
    assert asked(*told) == "5/messages/m%201/original-content"
    told.append(answer({"text": "Los pasos son", "richText": "<p>Los pasos son</p>"}))
    assert asked(*told) == ""
    (reply,) = HUBSPOT.fetched_comments(ACCOUNT, REF, *told)
    assert (reply.text, reply.comment_id, reply.public) == ("<p>Los pasos son</p>", "m 1", True)


def test_texts_of_several_threads_are_read_whole_behind_the_contact() -> None:
    """The newest first, at most five, each in its own place."""
    many = [cut(f"m{at}", createdAt=f"2026-11-20T14:2{at}:05Z") for at in range(6)]
    told = [answer({"results": [thread("5"), thread("6", "22")]}), answer({"results": many[::2]})]
    told += [answer({"results": many[1::2]}), answer({"associations": {"contacts": {"results": [{"id": "21"}]}}})]
    for at in (5, 4, 3, 2, 1):
        assert asked(*told) == f"{6 if at % 2 else 5}/messages/m{at}/original-content"
        told.append(answer({"text": f"whole {at}"}))
    assert asked(*told) == ""
    texts = {one.comment_id: one.text for one in HUBSPOT.fetched_comments(ACCOUNT, REF, *told)}
    assert texts == {"m0": "<p>Los pas</p>", **{f"m{at}": f"whole {at}" for at in range(1, 6)}}


@pytest.mark.parametrize(
    "changes",
    [
        {"truncationStatus": "NOT_TRUNCATED"},
        {"truncationStatus": "TRUNCATED_TO_MOST_RECENT_REPLY"},
        {"truncationStatus": None},
        {"type": "COMMENT"},
        {"direction": "INCOMING"},
        {"archived": True},
    ],
)
def test_what_is_whole_or_not_sent_is_not_asked_for(changes: dict[str, Any]) -> None:
    """Each would be a call for nothing; of a mail the quoted history alone is missing."""
    assert asked(answer({"results": [thread("5")]}), answer({"results": [cut("m1", **changes)]})) == ""


def test_a_text_whose_whole_is_gone_is_sent_as_it_is_shown() -> None:
    """Half of a reply is more than nothing; any other failure is asked again."""
    told = [answer({"results": [thread("5")]}), answer({"results": [cut("m1")]})]
    assert [one.text for one in HUBSPOT.fetched_comments(ACCOUNT, REF, *told, answer({}, 404))] == ["<p>Los pas</p>"]
    with pytest.raises(Throttled):
        HUBSPOT.fetched_comments(ACCOUNT, REF, *told, answer({}, 429))


# --- writing ---------------------------------------------------------------------------------------------------------


def test_a_note_shows_the_text_as_it_was_written() -> None:
    """Nothing in a customer's words is markup, lines stay lines, and the mark is found again."""
    text = f"Ana: 1 < 2 & <script>\n{MARK}"
    for action in (AddNote(text, MARK), AddReply(text, MARK, "Ana")):
        call = HUBSPOT.call(ACCOUNT, REF, action, "k", now_ms=NOW_MS)
        assert call is not None
        body = orjson.loads(call.body)["properties"]["hs_note_body"]
        assert body == f"Ana: 1 &lt; 2 &amp; &lt;script&gt;<br>{MARK}"
        shown = answer({"results": [{"properties": {"hs_note_body": f"<div>{body}</div>"}}]})
        assert MARK in HUBSPOT.found(ACCOUNT, action, shown)


STAGES: list[dict[str, Any]] = [
    {"id": "12", "label": "Closed", "displayOrder": 3, "metadata": {"ticketState": "CLOSED"}},
    {"id": "11", "label": "Aguardando Contato", "displayOrder": 2, "metadata": {"ticketState": "OPEN"}},
    {"id": "10", "label": "Novo", "displayOrder": 1, "metadata": {"ticketState": "OPEN"}},
    {"id": "13", "label": "Sem solução", "displayOrder": 4, "metadata": {"ticketState": "closed"}},
    {"id": None, "label": "open"},
]


@pytest.mark.parametrize(
    ("wanted", "now", "stage"),
    [("solved", "10", "12"), ("solved", "13", "13"), ("pending", "10", "11"), ("solved", "", "12")],
)
def test_a_status_is_a_stage_of_the_tickets_own_pipeline(wanted: str, now: str, stage: str) -> None:
    """The first that means it, by name or by being closed; a ticket that is there already is not moved."""
    assert hubspot_writing.stage(ACCOUNT, wanted, now, STAGES) == stage


def test_a_status_that_no_stage_means_is_refused_in_words() -> None:
    """The account can name one, by its number or by its label."""
    with pytest.raises(Refused, match=r"no stage that means open; name one under labels\.status"):
        hubspot_writing.stage(ACCOUNT, "open", "10", STAGES)
    for name in ("10", "novo"):
        named = account(labels={"status": {name: "open"}})
        assert hubspot_writing.stage(named, "open", "12", STAGES) == "10"


def test_a_status_is_a_call_before_its_stage_is_known() -> None:
    """Whoever writes asks first whether there is such a write, and for the stage right before it. Tags are none."""
    call = HUBSPOT.call(ACCOUNT, REF, SetStatus("solved"), "k", now_ms=NOW_MS)
    assert call is not None
    assert orjson.loads(call.body) == {"properties": {"hs_pipeline_stage": "4"}}
    assert HUBSPOT.call(ACCOUNT, REF, SetField("tag", "x"), "k", now_ms=NOW_MS) is None


@pytest.mark.parametrize(
    ("told", "wait_s"), [({"policyName": "DAILY"}, 1_800), ({"policyName": "TEN_SECONDLY_ROLLING"}, 10), ({}, 0)]
)
def test_a_limit_is_waited_for_as_long_as_it_holds(told: dict[str, str], wait_s: float) -> None:
    """HubSpot names the limit, and mostly says no time."""
    with pytest.raises(Throttled) as caught:
        HUBSPOT.receipt(ACCOUNT, SetField("a", "b"), answer(told, 429))
    assert caught.value.retry_after_s == wait_s


def test_a_note_on_a_deleted_ticket_is_known_as_that() -> None:
    """HubSpot calls it a bad request."""
    with pytest.raises(Gone, match="the ticket is deleted"):
        HUBSPOT.receipt(ACCOUNT, AddNote(MARK, MARK), answer({"category": "OBJECT_NOT_FOUND"}, 400))


# --- tickets that are opened, and that changed -----------------------------------------------------------------------

OPEN = OpenTicket("Ana", f"Hola\n{MARK}", MARK, "593987654321", "Ana", "+593987654321")


def test_without_a_property_for_the_mark_nothing_is_opened() -> None:
    """HubSpot's search lags, so a ticket of unknown fate could be opened twice. No contact is made in vain either."""
    unmarked = account(access={"mark_property": ""})
    assert HUBSPOT.open_ticket(unmarked, OPEN, "k", now_ms=NOW_MS) is None
    assert HUBSPOT.find_opened(unmarked, OPEN) is None
    assert HUBSPOT.prepare(unmarked, None, OPEN, ()) is None


def test_a_customer_without_a_number_has_a_ticket_without_a_contact() -> None:
    """An id that is no number finds nobody."""
    nameless = OpenTicket("x", MARK, MARK, "x-1")
    assert HUBSPOT.prepare(ACCOUNT, None, nameless, ()) is None
    call = HUBSPOT.open_ticket(ACCOUNT, nameless, "k", now_ms=NOW_MS)
    assert call is not None
    assert orjson.loads(call.body)["associations"] == []


def test_a_contact_without_an_id_is_an_answer_that_tells_nothing() -> None:
    """No ticket is tied to nobody."""
    with pytest.raises(Ambiguous, match="id of a contact"):
        HUBSPOT.prepared(ACCOUNT, OPEN, [answer({"results": []}), answer({}, 201)])


@pytest.mark.parametrize("number", ["593987654321", "+593 98 765-4321", 593987654321])
def test_a_contact_is_the_customer_by_the_digits_alone(number: object) -> None:
    """However the number is written; whoever has another is somebody else, whatever the search answers."""
    stranger = {"id": "20", "properties": {"phone": "+593987654322", "mobilephone": None}}
    customer = {"id": "21", "properties": {"mobilephone": number}}
    assert HUBSPOT.prepared(ACCOUNT, OPEN, [answer({"results": [stranger, customer]})]).contact == "21"
    call = HUBSPOT.prepare(ACCOUNT, None, OPEN, [answer({"results": [stranger]})])
    assert call is not None
    assert call.url.endswith("/crm/v3/objects/contacts")


def test_a_pipeline_that_is_gone_is_no_ticket_that_is_gone() -> None:
    """Or the ticket would get nothing any more."""
    ticket = answer({"properties": {"hs_pipeline": "9", "hs_pipeline_stage": "90"}})
    with pytest.raises(Refused):
        HUBSPOT.prepared(ACCOUNT, SetStatus("solved"), [ticket, answer({}, 404)])


def test_a_ticket_with_another_mark_is_not_ours() -> None:
    """Whatever HubSpot answers to the question for one."""
    other = answer({"id": "9", "properties": {"jelou_bridge": "jelou-bridge:ffff"}})
    assert HUBSPOT.found_opened(ACCOUNT, OPEN, other) == ""


def test_the_next_page_is_behind_the_last_ticket() -> None:
    """A search ends after 10,000 results, and what changes meanwhile would shift its places."""
    first, second = (HUBSPOT.changed(ACCOUNT, NOW_MS, after) for after in ("", "15830021177"))
    assert first is not None
    assert second is not None
    since = {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": str(NOW_MS)}
    behind = {"propertyName": "hs_object_id", "operator": "GT", "value": "15830021177"}
    assert orjson.loads(first.body)["filterGroups"] == [{"filters": [since]}]
    assert orjson.loads(second.body)["filterGroups"] == [{"filters": [since, behind]}]
