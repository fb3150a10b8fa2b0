"""The shipped mappings: what would be wrong with each of them if it were written as one first thinks."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from bridge.domain import AddNote, AddReply, AgentReplied, Reply, SetField, SetStatus, TicketReopened, Unrecognised
from bridge.errors import Refused, SignatureRejected
from bridge.helpdesks.generic_account import GenericAccount
from bridge.signatures import verify
from config.mappings import data_of, shipped
from tests.helpdesk_recordings import ACCOUNT_NAME, MAPPINGS, Recordings, ref_of
from tests.senders import NOW_MS, delivered
from tests.unit.test_signature_vectors import HELPDESKS, delivery_of, time_of

if TYPE_CHECKING:
    from bridge.domain import Call, TicketEvent, WriteBack

MARK = "[jelou-bridge:0123456789abcdef]"
VECTORS = {"help-scout": "helpscout", "front": "front-app", "front-rule": "front-rule", "chatwoot": "chatwoot"}
"""Mapping to the vector of its vendor's signature."""

HERE = sorted(set(shipped()) - {"request-tracker"})
"""Request Tracker's has tests of its own, against a real one."""


def of(name: str) -> Recordings:
    """The recordings of a mapping."""
    return Recordings("generic", name)


def account(name: str, **changes: Any) -> GenericAccount:
    """The recorded account of a mapping, with these of its keys changed."""
    return GenericAccount.model_validate({**of(name).section, **changes})


def heard(name: str, file: str, *edits: tuple[str, Any]) -> list[TicketEvent]:
    """What a recorded delivery tells after these edits of its body, each a path with dots and the new value."""
    recordings = of(name)
    body = json.loads(recordings.body(file))
    for path, value in edits:
        *way, last = path.split(".")
        place = body
        for step in way:
            place = place[int(step) if isinstance(place, list) else step]
        place[last] = copy.deepcopy(value)
    return recordings.read(json.dumps(body).encode(), file)


def asked(name: str, action: WriteBack, own: GenericAccount | None = None, *replies: Any) -> Call:
    """The call of a write-back, after what had to be read before."""
    recordings = of(name)
    used, ref = own or account(name), ref_of(recordings, recordings.writes["ticket_id"])
    before = [Reply(200, {}, json.dumps(one).encode()) for one in replies]
    ready = recordings.dialect.prepared(used, action, before) if before else action
    call = recordings.dialect.call(used, ref, ready, "1:x", now_ms=NOW_MS)
    assert call is not None
    return call


# --- all of them -----------------------------------------------------------------------------------------------------


def test_every_shipped_mapping_is_recorded() -> None:
    """None is shipped that the contract's tests do not see."""
    assert sorted(shipped()) == MAPPINGS


@pytest.mark.parametrize("name", HERE)
def test_a_shipped_mapping_tells_where_to_click(name: str) -> None:
    """Its head says what the console wants, what proves the sender, and what is a trap."""
    head = "\n".join(line for line in shipped()[name].read_text(encoding="utf-8").partition("title:")[0].splitlines())
    assert head.count("\n") > 7
    assert name == "standard-webhooks-sender" or "Traps" in head


@pytest.mark.parametrize("name", HERE)
def test_no_mapping_writes_what_the_customer_is_mailed(name: str) -> None:
    """A note, and the customer's own words where nobody knows their id, stay inside."""
    for action in (AddNote(f"x\n{MARK}", MARK), AddReply(f"Ana: x\n{MARK}", MARK, "Ana")):
        call = asked(name, action)
        assert not {"comments", "incoming_messages", "reply", "messages"} & {call.url.rsplit("/", 1)[-1]} or (
            b'"private":true' in call.body or b'"public":false' in call.body or b'"author_id"' in call.body
        )
        assert b'"comments":' not in call.body
        assert MARK.encode() in call.body


@pytest.mark.parametrize(("name", "vector"), VECTORS.items())
def test_the_vendors_signature_proves_a_delivery(name: str, vector: str) -> None:
    """As the recorded one was made; one of another secret does not."""
    (known,) = (one for one in HELPDESKS if one["name"] == vector)
    own = account(name, verification={"secrets": [known["secret"]]})
    verification = of(name).dialect.verification(own)
    assert verify(delivery_of(known), verification, time_of(known))
    with pytest.raises(SignatureRejected):
        verify(delivery_of(known), of(name).dialect.verification(account(name)), time_of(known))


# --- Chatwoot --------------------------------------------------------------------------------------------------------


def test_a_contact_of_chatwoot_with_the_bridges_number_is_not_the_bridge() -> None:
    """Users and contacts are numbered apart."""
    (contacts,) = heard("chatwoot", "message-incoming.json", ("sender.id", 77))
    assert isinstance(contacts, Unrecognised)
    assert not contacts.by_bridge
    (ours,) = heard("chatwoot", "message-outgoing.json", ("sender.id", 77))
    assert ours.by_bridge


def test_a_message_of_chatwoot_without_a_conversation_is_no_ticket() -> None:
    """Its own number is never taken for a ticket's."""
    (nothing,) = heard("chatwoot", "message-outgoing.json", ("conversation", None))
    assert isinstance(nothing, Unrecognised)


@pytest.mark.parametrize("before", ["open", "pending", "snoozed", None])
def test_a_conversation_of_chatwoot_that_was_not_done_is_not_reopened(before: str | None) -> None:
    """A new one tells its status as well."""
    (other,) = heard("chatwoot", "conversation-reopened.json", ("changed_attributes.0.status.previous_value", before))
    assert isinstance(other, Unrecognised)


@pytest.mark.parametrize(("inbox", "user"), [("no", "331"), ("yes", "")])
def test_outside_api_inboxes_customers_words_are_private_in_chatwoot(inbox: str, user: str) -> None:
    """Chatwoot refuses messages of theirs there, and a public one would be sent to them."""
    own = account("chatwoot", settings={"account_id": "1", "api_inbox": inbox})
    body = json.loads(asked("chatwoot", AddReply(f"Hola\n{MARK}", MARK, "Ana", user), own).body)
    assert (body["message_type"], body["private"]) == ("outgoing", True)
    assert body["content"].startswith("Ana:\n") is bool(user)


# --- Help Scout ------------------------------------------------------------------------------------------------------


def test_the_event_of_help_scout_stands_in_its_header_alone() -> None:
    """The same body is another event under another name, and none without one."""
    recordings, body = of("help-scout"), of("help-scout").body("note-created.json")
    assert isinstance(recordings.read(body, "note-created.json")[0], AgentReplied)
    assert isinstance(recordings.read(body)[0], Unrecognised)
    (reply,) = recordings.read(recordings.body("agent-reply-below-a-line.json"), "note-created.json")
    assert isinstance(reply, Unrecognised)


def test_words_in_help_scout_are_never_markup() -> None:
    """What a customer writes cannot become HTML in an agent's browser, and the mark survives."""
    body = json.loads(asked("help-scout", AddNote(f"<img src=x>\n&\n{MARK}", MARK)).body)
    assert body == {"text": f"&lt;img src=x&gt;<br>&amp;<br>{MARK}"}


def test_a_field_that_help_scout_does_not_have_is_not_written() -> None:
    """All fields are replaced by what is written: without the one that was meant nothing is."""
    conversation = {
        "id": 4,
        "mailboxId": 85,
        "customFields": [{"id": 8, "name": "WhatsApp", "value": "1", "text": "1"}],
    }
    fields = {"_embedded": {"fields": [{"id": 8, "name": "WhatsApp"}]}}
    with pytest.raises(Refused):
        asked("help-scout", SetField("Jelou", "x"), None, conversation, fields)
    call = asked("help-scout", SetField("WhatsApp", "2"), None, conversation, fields)
    assert json.loads(call.body) == {"fields": [{"id": 8, "value": "2"}]}


# --- Front -----------------------------------------------------------------------------------------------------------


def test_front_and_its_rules_differ_in_their_proof_alone() -> None:
    """What is put right in one is put right in the other."""
    app, rule = data_of(shipped()["front"]), data_of(shipped()["front-rule"])
    apart = {"title", "proof", "handshake"}
    assert {name: one for name, one in app.items() if name not in apart} == {
        name: one for name, one in rule.items() if name not in apart
    }
    assert "handshake" not in rule


@pytest.mark.parametrize("handle", ["maria.lopez@example.com", "@maria", "12", "", None])
def test_a_handle_of_front_is_a_phone_only_where_it_looks_like_one(handle: str | None) -> None:
    """A conversation may come by mail, or from a place where people have names."""
    (opened,) = heard("front", "inbound-received.json", ("payload.conversation.recipient.handle", handle))
    assert "phone" not in opened.ticket.fields.get("requester", {})  # type: ignore[union-attr]


def test_customers_words_go_to_a_channel_of_front_only_where_one_is_named() -> None:
    """Else they are a comment in their name."""
    own = account("front", settings={"author_id": "tea_bridge"})
    call = asked("front", AddReply(f"Hola\n{MARK}", MARK, "Ana", "+593987654321"), own)
    assert call.url.endswith("/conversations/cnv_55c8c149/comments")
    assert json.loads(call.body)["body"] == f"Ana:\nHola\n{MARK}"


# --- ServiceNow ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "word"), [("1", "new"), ("2", "open"), ("3", "on-hold"), ("6", "solved")])
def test_a_state_of_servicenow_is_a_number(value: str, word: str) -> None:
    """As the instance's tables hold it, not as it is shown."""
    (opened,) = heard("servicenow", "incident-created.json", ("state", {"value": value, "display": "Otro nombre"}))
    assert opened.ticket.fields["status"] == word  # type: ignore[union-attr]


@pytest.mark.parametrize("before", ["6", "7"])
def test_an_incident_is_reopened_from_what_was_done(before: str) -> None:
    """Into whatever state."""
    (reopened,) = heard("servicenow", "incident-on-hold.json", ("changes.0.previous_state", before))
    assert isinstance(reopened, TicketReopened)
    assert reopened.status == "on-hold"


@pytest.mark.parametrize("author", ["mlopez", "guest", "system"])
def test_a_comment_of_servicenow_that_no_agent_wrote_is_not_sent(author: str) -> None:
    """The caller's own, a stranger's mail, or what the instance says by itself."""
    (other,) = heard("servicenow", "comment-added.json", ("changes.0.journal.created_by", author))
    assert isinstance(other, Unrecognised)
    ref = ref_of(of("servicenow"), "9d38")
    entry = {"sys_id": "a1", "element": "comments", "value": "x", "sys_created_by": author}
    bodies = ({"result": {"caller_id.user_name": "mlopez"}}, {"result": [entry]})
    replies = [Reply(200, {}, json.dumps(one).encode()) for one in bodies]
    assert of("servicenow").dialect.fetched_comments(account("servicenow"), ref, *replies) == []


def test_an_incident_is_resolved_with_what_the_instance_wants() -> None:
    """Its close code is the account's."""
    own = account("servicenow", settings={"close_code": "Resuelto", "close_notes": "Fin"})
    body = json.loads(asked("servicenow", SetStatus("solved"), own).body)
    assert body == {"state": "6", "close_code": "Resuelto", "close_notes": "Fin"}


def test_no_id_asks_servicenow_for_more_than_its_own_journal() -> None:
    """In an encoded query a ^ begins another condition, whether it is percent-encoded or not."""
    recordings = of("servicenow")
    ref = ref_of(recordings, "9d38^ORelementINcomments")
    call = recordings.dialect.probe(account("servicenow"), ref, AddNote(MARK, MARK))
    assert call is not None
    assert "element_id%3D9d38ORelementINcomments%5EelementIN" in call.url


# --- a sender of one's own -------------------------------------------------------------------------------------------


def test_the_model_is_kept_apart_from_the_kind_of_that_name() -> None:
    """A sender that posts the bridge's own body takes the kind, and needs no mapping."""
    assert "standard-webhooks" not in shipped()
    assert "body of its own" in str(data_of(shipped()["standard-webhooks-sender"])["title"])
    assert Recordings("standard-webhooks").dialect is not of("standard-webhooks-sender").dialect


def test_a_handshake_of_front_does_not_help_a_stranger() -> None:
    """It is answered with what was asked and nothing else, and only where it is asked."""
    dialect, own = of("front").dialect, account("front")
    shaken = dialect.handshake(own, delivered(headers={"X-Front-Challenge": "x" * 99}))
    assert shaken is not None
    assert (shaken.body, shaken.content_type) == (b"x" * 99, "text/plain")
    assert dialect.handshake(account("front-rule"), delivered(headers={"X-Front-Challenge": "x"})) is None
    assert ACCOUNT_NAME not in shaken.body.decode()
