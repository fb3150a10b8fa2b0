"""Jelou's events: every documented one is read to what it says, and no body does worse than Unreadable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import jelou
from bridge.accounts import Project
from bridge.domain import (
    Assignment,
    ConversationClosed,
    ConversationEvent,
    ConversationStarted,
    CustomerWrote,
    UnrecognisedConversation,
    Verified,
)
from bridge.errors import SignatureRejected, Unreadable
from bridge.signatures import BasicCredentials, HeaderTokens, jelou_signature, jelou_signed, verify
from tests.senders import NOW_MS, delivered, prove
from tests.twin_callers import BOT, RECORDINGS, USER, recording

SECRET = "a1b2c3d4"
CONVERSATION = "6801f3a5c2d94e0012ab34cd"
PERSON = "CO.13491208655302741918"
"""A customer without a phone number: Meta's own id, opaque."""


def verified(body: bytes) -> Verified:
    """A body that its sender has signed."""
    delivery = delivered(body, headers={"X-Jelou-Signature": jelou_signature(SECRET, body)})
    return verify(delivery, jelou_signed([SECRET]), NOW_MS)


def read(told: Any) -> ConversationEvent:
    """The event in a body."""
    return jelou.read(verified(told if isinstance(told, bytes) else orjson.dumps(told)), "soporte")


def unreadable(told: Any) -> Unreadable:
    """Why a body is refused."""
    with pytest.raises(Unreadable) as caught:
        read(told)
    return caught.value


def example(event: str = "start.minimal", **changes: Any) -> dict[str, Any]:
    """A conversation event, with other values at its top."""
    return {**recording(f"webhook.conversation.{event}"), **changes}


NAME = "Ana Pérez"


def where(at_ms: int, user_id: str = USER) -> dict[str, Any]:
    """What all the recorded events tell of their conversation."""
    return {
        "project": "soporte",
        "conversation_id": CONVERSATION,
        "room_id": f"G:{BOT}:{user_id}",
        "bot_id": BOT,
        "user_id": user_id,
        "at_ms": at_ms,
    }


def started(at_ms: int, to: Assignment | None = None, **metadata: str) -> ConversationStarted:
    """A recorded start."""
    return ConversationStarted(
        fact=f"conversation.start:{CONVERSATION}", assignment=to, metadata=metadata, user_name=NAME, **where(at_ms)
    )


def closed(reason: str = "") -> ConversationClosed:
    """A recorded close."""
    return ConversationClosed(fact=f"conversation.close:{CONVERSATION}", reason=reason, **where(1776135070422))


def wrote(number: int, at_ms: int, kind: str, user_id: str = USER, **content: Any) -> CustomerWrote:
    """A recorded message."""
    message_id = f"3f6c2b1e-0d4a-4e8b-9a57-5c1d2e3f400{number}"
    return CustomerWrote(
        fact=f"message:{message_id}",
        message_id=message_id,
        message_type=kind,
        content=content,
        user_name=NAME if user_id == USER else "ana.p",
        **where(at_ms, user_id),
    )


def media(name: str, mime_type: str, **more: str) -> dict[str, str]:
    """The content of a recorded file."""
    return {"url": f"https://media.example.com/jelou/{name}", "mime_type": mime_type, **more}


EVENTS: dict[str, ConversationEvent] = {
    "conversation.start.minimal": started(1776133797422),
    "conversation.start.full": started(1776134145523, Assignment("queue", "SOPORTE"), ticketId="T-12345"),
    "conversation.start.direct": started(1776133798422, Assignment("direct", "48213"), ticketId="T-12346"),
    "conversation.start.operator": started(1776133799422, Assignment("operator", "48213")),
    "conversation.close.minimal": closed(),
    "conversation.close.full": closed("closed_by_operator"),
    "message.text": wrote(1, 1776134278574, "text", body="Hola, ¿siguen ahí? 👋"),
    "message.image": wrote(2, 1776134352163, "image", **media("photo.jpg", "image/jpeg")),
    "message.image.caption": wrote(3, 1776134357422, "image", **media("photo.jpg", "image/jpeg", caption="La factura")),
    "message.video": wrote(4, 1776134367422, "video", **media("clip.mp4", "video/mp4", caption="Así falla")),
    "message.audio": wrote(5, 1776134377422, "audio", **media("voice.mp3", "audio/mpeg")),
    "message.document": wrote(
        6, 1776134387422, "document", **media("file.pdf", "application/pdf", filename="factura-2026-04.pdf")
    ),
    "message.document.no-filename": wrote(7, 1776134392422, "document", **media("file.pdf", "application/pdf")),
    "message.unknown-type": wrote(8, 1776134397422, "location", latitude=4.711, longitude=-74.0721),
    "message.text.bsuid-contact": wrote(9, 1776134407422, "text", PERSON, body="Escribo con nombre de usuario"),
}


def test_every_recorded_event_is_expected_here() -> None:
    """A new recording needs its expectation."""
    assert EVENTS.keys() == {path.stem.removeprefix("webhook.") for path in (RECORDINGS / "jelou").glob("webhook.*")}


@pytest.mark.parametrize("name", EVENTS)
def test_a_documented_event_is_read(name: str) -> None:
    """Ids, time, assignment, metadata and content are taken as they are told."""
    assert read(recording(f"webhook.{name}")) == EVENTS[name]


@pytest.mark.parametrize("name", ["conversation.start.full", "conversation.close.full", "message.text"])
@pytest.mark.parametrize("without", ["timestamp", "project_id", "contact", "bot", "field"])
def test_everything_but_the_id_may_be_missing(name: str, without: str) -> None:
    """An event without a field that nothing hangs on is still the same event."""
    told = recording(f"webhook.{name}")
    del told[without]
    found, expected = read(told), EVENTS[name]
    assert (type(found), found.fact) == (type(expected), expected.fact)


@pytest.mark.parametrize("name", ["start", "close"])
def test_a_conversation_event_is_known_by_its_event_alone(name: str) -> None:
    """The page's own field table has neither object nor event_type."""
    told = example(f"{name}.full")
    del told["object"], told["event_type"], told["field"]
    assert read(told) == EVENTS[f"conversation.{name}.full"]


def test_an_event_of_another_kind_is_taken_and_told_as_such() -> None:
    """Jelou may add events; the bridge says what it did not know, without its content."""
    found = read({"object": "message_event", "event_type": "read", "value": {"body": "secret"}})
    assert found == UnrecognisedConversation("soporte", "", "message_event/read")
    assert read({**example(), "event": "conversation.paused"}) == replace(found, told="conversation_event/paused")


def test_an_unknown_kind_is_cut_to_what_a_log_line_bears() -> None:
    """A sender cannot fill the log with the name of an event."""
    found = read({"object": "x" * 5000})
    assert isinstance(found, UnrecognisedConversation)
    assert len(found.told) == 80


@pytest.mark.parametrize("told", [{}, {"id": ""}, {"id": None}, {"id": ["x"]}, {"id": True}])
def test_a_start_needs_its_conversation(told: dict[str, Any]) -> None:
    """A start that names no conversation starts nothing we could find again."""
    assert unreadable(example(conversation=told)).field == "conversation.id"


def test_a_message_needs_its_id() -> None:
    """Without it a repeat could not be told from a second message."""
    assert unreadable({**recording("webhook.message.text"), "value": {"type": "text"}}).field == "value.id"


def test_a_close_may_name_its_room_or_its_person_instead() -> None:
    """The vendor's table could not be read, so any of the three ways to find the ticket will do."""
    no_id = example("close.full", conversation={})
    no_room = {**no_id, "room_id": ""}
    assert isinstance(read(no_id), ConversationClosed)
    assert isinstance(read(no_room), ConversationClosed)
    assert unreadable({**no_room, "contact": {}}).field == "conversation.id"


@pytest.mark.parametrize("at", [None, "1776133797422", -1, 0, 1e15, [], {}, -0.5])
def test_a_nonsense_time_is_no_time(at: Any) -> None:
    """A timestamp that is none does not lose the event."""
    found = read(example(timestamp=at))
    assert isinstance(found, ConversationStarted)
    assert found.at_ms == 0


@pytest.mark.parametrize("body", [b"", b"hola", b"[]", b"null", b'"text"', b"{}}", b"\xff\xfe", b"[" * 5000])
def test_a_body_that_is_no_object_names_the_body(body: bytes) -> None:
    """The error tells where, never what."""
    error = unreadable(body)
    assert error.field == "body"
    assert "hola" not in str(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "metadata", "type"]), inner),
    max_leaves=6,
)
NAMES = st.sampled_from(list(example("start.full")))


def survives(body: bytes) -> bool:
    """Whether a body is read or refused; anything else that is raised fails the test."""
    try:
        return read(body).project == "soporte"
    except Unreadable as error:
        return bool(error.field)


@given(body=st.binary())
def test_no_bytes_do_worse_than_unreadable(body: bytes) -> None:
    """Arbitrary bytes are refused with a field."""
    assert survives(body)


@given(name=st.sampled_from(list(EVENTS)), changes=st.dictionaries(NAMES, JSON, max_size=4))
def test_no_json_does_worse_than_unreadable(name: str, changes: dict[str, Any]) -> None:
    """Whatever stands in the place of what was documented, the event is read or refused."""
    assert survives(orjson.dumps({**recording(f"webhook.{name}"), **changes}))


@given(told=JSON)
def test_no_other_json_does_worse_than_unreadable(told: Any) -> None:
    """JSON that is no event at all is read as an unknown one, or refused."""
    assert survives(orjson.dumps(told))


# --- what an event must prove ----------------------------------------------------------------------------------------


def project(**changes: Any) -> Project:
    """A project with two secrets, as during a rotation."""
    told = {"project_id": "p-1", "bot_id": "b-1", "api_key": "k-1", "signing_secrets": ["new", "old"]}
    return Project.model_validate(told | changes)


@pytest.mark.parametrize(
    ("auth", "presented"),
    [
        ({"type": "no_auth"}, None),
        ({"type": "bearer", "token": "t"}, HeaderTokens(header="authorization", scheme="bearer", tokens=(b"t",))),
        ({"type": "api_key", "key": "k"}, HeaderTokens(header="x-api-key", tokens=(b"k",))),
        ({"type": "basic", "username": "u", "password": "p"}, BasicCredentials(username="u", passwords=("p",))),
    ],
)
def test_the_signature_is_always_asked_for_and_the_header_as_well(auth: dict[str, str], presented: object) -> None:
    """Each authType adds its header to the signature and never stands in for it."""
    asked = [jelou_signed(["new", "old"]), *([presented] if presented else [])]
    assert jelou.verifications(project(webhook_auth=auth)) == asked


@pytest.mark.parametrize("secret", [0, 1])
def test_the_old_secret_passes_during_a_rotation(secret: int) -> None:
    """Events under way when the secret was regenerated are not lost."""
    delivery, [signature] = delivered(), jelou.verifications(project())
    assert verify(prove(delivery, signature, secret=secret).on(delivery), signature, NOW_MS)
    [only_new] = jelou.verifications(project(signing_secrets=["new"]))
    if secret:
        with pytest.raises(SignatureRejected):
            verify(prove(delivery, signature, secret=secret).on(delivery), only_new, NOW_MS)


def test_two_closes_without_id_and_time_are_two_facts() -> None:
    """Each delivery of its own; the same body told again is known by its bytes. With a time it is known by that."""
    told = example("close.full", conversation={}, timestamp=None)
    body = orjson.dumps(told)
    headers = {"X-Jelou-Signature": jelou_signature(SECRET, body)}
    facts = set()
    for received_ms in (NOW_MS, NOW_MS + 1):
        delivery = replace(delivered(body, headers=headers), received_ms=received_ms)
        facts.add(jelou.read(verify(delivery, jelou_signed([SECRET]), NOW_MS), "soporte").fact)
    assert len(facts) == 2
    timed = {**told, "timestamp": NOW_MS}
    assert read(timed).fact == read(timed).fact == f"conversation.close:{NOW_MS}"
