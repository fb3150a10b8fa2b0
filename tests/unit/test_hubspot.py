"""HubSpot: thin events in lists, stages instead of statuses, a signature over a URL that a proxy hides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from bridge.domain import (
    AddNote,
    AddReply,
    AgentReplied,
    OpenTicket,
    Reply,
    SetField,
    SetStatus,
    TicketEvent,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import Ambiguous, Gone, Refused, SignatureRejected, Throttled
from bridge.helpdesks import hubspot_events, hubspot_writing
from bridge.helpdesks.hubspot import Hubspot
from bridge.helpdesks.hubspot_account import HubspotAccount, signed
from bridge.say import messages_of
from bridge.signatures import verify
from tests.senders import NOW_MS, delivered, prove

HUBSPOT = Hubspot()
REF = TicketRef("hubspot", "main", "7")
URL = "https://bridge.example.com/webhooks/helpdesks/hubspot/acme"
MARK = "[jelou-bridge:0123456789abcdef]"
README = Path(__file__).parents[2] / "README.md"


def account(*, access: dict[str, Any] | None = None, verification: dict[str, Any] | None = None, **more: Any) -> Any:
    """An account with access; what is given is added to its sections."""
    return HubspotAccount.model_validate(
        {
            "project": "acme",
            "verification": {"secrets": ["s"], "public_url": URL, **(verification or {})},
            "access": {"token": "t", "mark_property": "jelou_bridge", **(access or {})},
            **more,
        }
    )


ACCOUNT = account()


def event(**values: Any) -> dict[str, Any]:
    """An entry of a list, of ticket 7."""
    told = {
        "eventId": 1, "subscriptionId": 2, "portalId": 3, "appId": 4, "occurredAt": NOW_MS, "attemptNumber": 0,
        "subscriptionType": "ticket.propertyChange", "objectId": 7, "changeSource": "CRM_UI", "sourceId": "userId:5",
    }  # fmt: skip
    return {**told, **values}


def changed(name: str, value: object, **values: Any) -> dict[str, Any]:
    """A property of ticket 7 that changed."""
    return event(propertyName=name, propertyValue=value, **values)


def read(*entries: object, of: Any = ACCOUNT, raw: bytes = b"") -> list[TicketEvent]:
    """The events of a list."""
    proof = signed(of.verification)
    delivery = delivered(raw or orjson.dumps(entries))
    return HUBSPOT.read(verify(prove(delivery, proof).on(delivery), proof, NOW_MS), of, "main")


def one(*entries: object, of: Any = ACCOUNT) -> TicketEvent:
    """The only event of a list."""
    (found,) = read(*entries, of=of)
    return found


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """An answer of HubSpot's."""
    return Reply(status, headers or {}, orjson.dumps(body))


# --- the signature ---------------------------------------------------------------------------------------------------

CLIENT_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
CREATED = (
    '[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":'
    '"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]'
)
EXAMPLE = '{"example_field":"example_value"}'
PUBLISHED = [
    ("v1", CREATED, "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"),
    ("v2", EXAMPLE, "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"),
    ("v3", EXAMPLE.replace('"', "'"), "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
]
"""Of HubSpot's documentation, and of the tests of its own client (v3)."""
SIGNED_MS = 1_693_657_560_000


@pytest.mark.parametrize(("version", "body", "signature"), PUBLISHED, ids=[one[0] for one in PUBLISHED])
def test_a_published_signature_is_accepted(version: str, body: str, signature: str) -> None:
    """Whatever address the request came to behind a proxy: the configured URL is what was signed."""
    section = {"secrets": [CLIENT_SECRET], "public_url": "https://www.example.com/webhook_uri", "version": version}
    proof = signed(account(verification=section).verification)
    headers = {"x-hubspot-signature": signature, "x-hubspot-signature-v3": signature}
    headers["x-hubspot-request-timestamp"] = str(SIGNED_MS)
    told = delivered(body.encode(), headers=headers, url="http://10.0.0.7:8080/webhook_uri")
    assert verify(told, proof, SIGNED_MS + 1_000).delivery is told
    with pytest.raises(SignatureRejected):
        verify(delivered(body.encode() + b" ", headers=headers), proof, SIGNED_MS)


def test_a_signature_over_another_url_is_rejected() -> None:
    """A delivery for another bridge, or another account, is not for this one."""
    ours = signed(ACCOUNT.verification)
    theirs = signed(account(verification={"public_url": URL + "-2"}).verification)
    told = delivered(b"[]")
    with pytest.raises(SignatureRejected):
        verify(prove(told, theirs).on(told), ours, NOW_MS)


def test_what_hubspot_decodes_in_the_url_is_decoded_and_nothing_else() -> None:
    """Twelve characters; a blank, an ampersand and a percent sign stay as they are written."""
    written = "https://x.example/a%3a%2F%3F%40%21%24%27%28%29%2A%2C%3B?b=%20%26%253A"
    assert (
        ":/?@!$'()*,;?b=%20%26%253A{body}" in signed(account(verification={"public_url": written}).verification).signed
    )


@pytest.mark.parametrize(
    "url", ["", "bridge.example.com", "https://x.example/{body}", "https://x.example/#a", "https://a b"]
)
def test_the_url_must_be_one(url: str) -> None:
    """Nothing that would change what is signed."""
    with pytest.raises(ValidationError, match="public_url"):
        account(verification={"public_url": url})


# --- lists of events -------------------------------------------------------------------------------------------------


def test_a_list_sent_again_tells_the_same_facts() -> None:
    """HubSpot sends the whole list again, with the number of its attempt counted up, and under no id of its own."""
    told = [event(subscriptionType="ticket.creation"), changed("hs_pipeline_stage", "4"), changed("subject", "x")]
    again = [{**entry, "attemptNumber": 3} for entry in told]
    assert [found.fact for found in read(*told)] == [found.fact for found in read(*again)]
    assert HUBSPOT.delivery_id(delivered(orjson.dumps(told))) == ""


def test_event_ids_are_not_unique() -> None:
    """Two events with the same id are two, by subscription and by time."""
    told = [
        changed("subject", "x"),
        changed("subject", "x", occurredAt=NOW_MS + 1),
        changed("subject", "x", subscriptionId=9),
    ]
    assert len({found.fact for found in read(*told)}) == len(told)


@pytest.mark.parametrize(
    "odd", [1, None, "x", [], {}, {"objectId": 7}, event(objectId=None), event(objectId={}), event(objectId="..")]
)
def test_an_odd_entry_stops_no_other(odd: object) -> None:
    """A refused list would be sent again ten times, and then its good events are lost."""
    found = read(odd, event(subscriptionType="ticket.creation"))
    assert isinstance(found[-1], TicketOpened)
    assert all(isinstance(other, Unrecognised) and other.fact for other in found[:-1])


def test_a_hundred_events_are_read_and_a_single_object_too() -> None:
    """A list may be full; and an object that stands alone is a list of one."""
    assert len(read(*[event(objectId=at + 1, subscriptionType="ticket.creation") for at in range(100)])) == 100
    alone = b"\xef\xbb\xbf" + orjson.dumps(event(subscriptionType="ticket.creation"))
    assert [type(found) for found in read(raw=alone)] == [TicketOpened]


def test_another_portals_event_is_nobodys() -> None:
    """One app sends the events of all portals it is installed in, whose tickets have the same numbers."""
    ours = account(portal_id=3)
    assert isinstance(one(event(subscriptionType="ticket.creation"), of=ours), TicketOpened)
    foreign = one(event(subscriptionType="ticket.creation", portalId=4), of=ours)
    assert (type(foreign), foreign.ref) == (Unrecognised, None)


@pytest.mark.parametrize("object_id", [15830021177, "15830021177", " 15830021177 "])
def test_a_ticket_has_the_same_name_however_its_number_is_written(object_id: object) -> None:
    """As a number, as a text, with blanks around it."""
    found = one(event(subscriptionType="object.creation", objectTypeId="0-5", objectId=object_id))
    assert str(found.ref) == "hubspot/main/15830021177"


@pytest.mark.parametrize("told", [{"objectTypeId": "0-1"}, {"objectTypeId": None}, {}])
def test_the_newer_events_are_of_tickets_only_where_they_say_so(told: dict[str, Any]) -> None:
    """A contact's number is no ticket's."""
    assert one(event(subscriptionType="object.creation", **told)).ref is None


# --- what happened ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "kind"), [("4", TicketSolved), ("1", Unrecognised), ("954564780", TicketSolved), ("77", Unrecognised)]
)
def test_a_stage_is_known_by_the_default_pipeline_or_the_accounts_labels(stage: str, kind: type[TicketEvent]) -> None:
    """Numbers of other pipelines mean nothing by themselves."""
    labelled = account(labels={"status": {"954564780": "solved"}})
    assert isinstance(one(changed("hs_pipeline_stage", stage), of=labelled), kind)


@pytest.mark.parametrize("value", [str(NOW_MS), NOW_MS, "2026-11-20T14:20:05Z"])
def test_a_ticket_is_closed_by_its_date_in_any_pipeline(value: object) -> None:
    """The date's own value is the fact, so that the list of changed tickets tells the same."""
    found = one(changed("closed_date", value, occurredAt=NOW_MS + 77))
    assert isinstance(found, TicketSolved)
    assert found.fact == f"status:solved:{NOW_MS}"


@pytest.mark.parametrize("value", ["", None])
def test_a_date_that_is_emptied_reopens_the_ticket(value: object) -> None:
    """HubSpot clears the closing date; a reopening date is never cleared for good reason."""
    assert isinstance(one(changed("closed_date", value)), TicketReopened)
    assert isinstance(one(changed("hs_ticket_reopened_at", value)), Unrecognised)
    assert isinstance(one(changed("hs_last_message_sent_at", value)), Unrecognised)


def test_a_stage_between_open_ones_is_no_reopening() -> None:
    """Or a ticket whose conversation has ended would begin the next each time an agent moves it."""
    assert isinstance(one(changed("hs_pipeline_stage", "3")), Unrecognised)


def test_a_reply_is_told_by_its_time_and_read() -> None:
    """The event has no text; without access there is nothing to read it with."""
    told = changed("hs_last_message_sent_at", str(NOW_MS), changeSource="CONVERSATIONS")
    found, deaf = one(told), one(told, of=account().model_copy(update={"access": None}))
    assert isinstance(found, AgentReplied)
    assert isinstance(deaf, AgentReplied)
    assert (found.partial, found.at_ms, found.comment_id, deaf.partial) == (True, NOW_MS, "", False)


def test_the_bridge_is_known_by_the_number_of_its_app() -> None:
    """The app that sends the webhooks is ours, unless the account names another; an agent has no such number."""
    mine = event(subscriptionType="ticket.creation", changeSource="INTEGRATION", sourceId="4")
    assert one(mine).by_bridge
    assert not one({**mine, "changeSource": "CRM_UI"}).by_bridge
    assert not one({**mine, "sourceId": "5"}).by_bridge
    assert not one({**mine, "sourceId": "", "appId": None}).by_bridge
    other = account(access={"app_id": 5})
    assert (one(mine, of=other).by_bridge, one({**mine, "sourceId": "5"}, of=other).by_bridge) == (False, True)


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
    ticket = HUBSPOT.fetched(ACCOUNT, REF, answer({"properties": {"content": f"Hola {MARK}"}}))
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
    (reply,) = HUBSPOT.fetched_comments(ACCOUNT, REF, answer({"results": []}), answer({"results": [message]}))
    assert [found.content for found in messages_of(reply, REF, 1)] == [{"body": "Ver la guía"}]


@pytest.mark.parametrize(
    "changes", [{"direction": "INCOMING"}, {"senders": [{"actorId": "B-1"}]}, {"type": "ASSIGNMENT"}, {"id": None}]
)
def test_what_no_agent_said_is_no_reply(changes: dict[str, Any]) -> None:
    """The customer's own words, a bot's, an assignment."""
    message = {"id": "m1", "type": "MESSAGE", "direction": "OUTGOING", "senders": [{"actorId": "A-1"}], "text": "x"}
    page = answer({"results": [{**message, **changes}]})
    assert HUBSPOT.fetched_comments(ACCOUNT, REF, answer({"results": []}), page) == []


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


def test_the_readme_names_what_to_subscribe_to() -> None:
    """An event that is not ticked is never told."""
    assert all(f"`{name}`" in README.read_text(encoding="utf-8") for name in hubspot_events.PROPERTIES)
