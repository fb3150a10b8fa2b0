"""What is sent to Jelou beside a start is written as its pages say, and each answer means one thing."""

from __future__ import annotations

import hmac
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import Call, CloseConversation, Reply, SayToCustomer
from bridge.errors import (
    AlreadyClosed,
    Ambiguous,
    BotNotFound,
    CallError,
    Denied,
    Refused,
    Throttled,
    UserNotFound,
    WindowClosed,
)
from bridge.jelou_send import (
    Conversation,
    close_call,
    closed,
    conversation,
    send_call,
    sent,
    template_call,
    template_sent,
    window_closed,
)
from tests.twin_callers import BOT, PROJECT, RECORDINGS, USER, recording
from tests.unit.test_jelou_calls import BODIES, NO_ENVELOPE, WORDS, answer, failed, project

if TYPE_CHECKING:
    from collections.abc import Callable

BASIC = {"username": "client", "password": "geheim"}


def of_request(told: dict[str, Any]) -> SayToCustomer:
    """The action that a recorded message stands for."""
    value = told["value"]
    return SayToCustomer(value["id"], told["room_id"], told["bot_id"], told["user_id"], value["type"], value["content"])


def say(body: str = "Hola") -> SayToCustomer:
    """A text to the customer of the recordings."""
    return SayToCustomer("m-1", "r-1", BOT, USER, "text", {"body": body})


def error_of(reply: Reply, judge: Callable[[Reply], object] = sent) -> CallError:
    """The error an answer means."""
    with pytest.raises(CallError) as caught:
        judge(reply)
    return caught.value


def reason(reply: Reply, judge: Callable[[Reply], object]) -> str:
    """What an answer says to people, empty for a success; anything raised but CallError fails the test."""
    try:
        judge(reply)
    except CallError as error:
        return error.reason
    return ""


# --- a message -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.stem for path in (RECORDINGS / "jelou").glob("send.message.*.request.*")))
def test_a_message_is_written_as_documented(name: str) -> None:
    """Each type, with the flat ids of this direction."""
    told = recording(name)
    call = send_call(project(), of_request(told))
    assert orjson.loads(call.body) == told
    assert (call.method, call.url, call.once) == ("POST", "https://chatbot.jelou.ai/v1/external-support/webhook", True)


def test_the_signature_is_the_first_secrets_over_the_bytes_sent() -> None:
    """No key and no Basic go to this host; during a rotation the new secret, which stands first, signs."""
    call = send_call(project(signing_secrets=["new", "old"], basic=BASIC), say())
    digest = hmac.digest(b"new", call.body, "sha256").hex()
    assert call.headers == {"content-type": "application/json", "x-jelou-signature": f"sha256={digest}"}


def test_the_same_message_gives_the_same_bytes() -> None:
    """A repeat differs in nothing, and a log shows nothing of it."""
    assert send_call(project(), say()) == send_call(project(), say())
    assert "Hola" not in repr(send_call(project(), say()))


def test_a_message_received_is_sent() -> None:
    """With Jelou's envelope, with another body, with none: the code decides."""
    for reply in (answer(200, recording("send.message.response.200")), answer(201, b""), answer(200, NO_ENVELOPE)):
        sent(reply)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer(500, failed("Internal error")), Ambiguous),
        (answer(500, failed("window is not defined")), Ambiguous),
        (answer(500, failed([], key="X") | {"error": {"code": 131047}}), WindowClosed),
        (answer(502, NO_ENVELOPE), Ambiguous),
        (answer(401, b""), Denied),
        (answer(403, failed("bad signature")), Denied),
        (answer(400, failed("Message outside the 24 hours window")), WindowClosed),
        (answer(422, failed(["Re-engagement message"])), WindowClosed),
        (answer(422, failed("La ventana de conversación expiró")), WindowClosed),
        (answer(400, failed("Fora da janela de atendimento")), WindowClosed),
        (answer(409, failed("The user needs a template", key="TEMPLATE_MESSAGE") | {}), Refused),
        (answer(409, failed("This requires a template")), WindowClosed),
        (answer(404, failed("Conversation is closed")), AlreadyClosed),
        (answer(409, failed("La conversación está cerrada")), AlreadyClosed),
        (answer(422, failed("The bot is not active")), Refused),
        (answer(404, failed("Room not found")), Refused),
        (answer(404, failed("Bot not found")), BotNotFound),
        (answer(404, failed("User not found")), UserNotFound),
        (answer(429, b"", retry_after="3"), Throttled),
        (answer(503, failed("busy")), Throttled),
        (answer(503, NO_ENVELOPE), Ambiguous),
        (answer(200, {"message": "131047", "statusMessage": "failed", "status": 0}), WindowClosed),
        (answer(200, failed("no")), Refused),
        (answer(400, b"\xff"), Refused),
    ],
)
def test_an_answer_to_a_message_means_one_error(reply: Reply, error: type[CallError]) -> None:
    """Only an answer that does not tell is uncertain; a success that says it failed did."""
    found = error_of(reply)
    assert type(found) is error
    assert (found.certain, found.status) == (error is not Ambiguous, reply.status)


def test_a_refused_signature_names_its_secret() -> None:
    """The key has no part in a message; the configuration's signing_secrets have."""
    assert "signing_secrets" in error_of(answer(401, b"")).reason


def test_a_number_that_whatsapp_does_not_reach_is_no_closed_window() -> None:
    """A template would not reach it either."""
    assert not window_closed(answer(400, failed("Message undeliverable") | {"error": {"code": "131026"}}))


@given(status=st.integers(0, 999), body=BODIES)
@pytest.mark.parametrize("judge", [sent, closed, conversation, template_sent])
def test_no_answer_does_worse_than_a_call_error(judge: Callable[[Reply], object], status: int, body: bytes) -> None:
    """Whatever comes back, and no error holds what the body says."""
    assert WORDS not in reason(answer(status, body), judge)


# --- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "goodbye"),
    [("close.request.minimal", ""), ("close.request.text", "Gracias por escribirnos. Cerramos su caso T-12345.")],
)
def test_a_close_is_written_as_documented(name: str, goodbye: str) -> None:
    """Bot and user, and the goodbye where there is one."""
    call = close_call(project(), CloseConversation(BOT, USER, goodbye))
    assert orjson.loads(call.body) == recording(name)
    assert call.url.endswith(f"/{PROJECT}/conversations/close")
    assert (call.method, call.once, call.headers["x-api-key"]) == ("POST", True, "right-key")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer(404, recording("close.response.404")), BotNotFound),
        (answer(404, failed("User not found")), UserNotFound),
        (answer(404, failed("Conversation not found")), AlreadyClosed),
        (answer(404, failed("No active conversation for this user")), AlreadyClosed),
        (answer(409, failed("Conversation already closed")), AlreadyClosed),
        (answer(422, failed([], key="CONVERSATION_ALREADY_CLOSED")), AlreadyClosed),
        (answer(422, failed("A conversa já foi encerrada")), AlreadyClosed),
        (answer(422, failed("The bot is inactive")), Refused),
        (answer(200, failed("The conversation is not active")), AlreadyClosed),
        (answer(401, {"message": "Unauthorized"}), Denied),
        (answer(500, failed("x")), Ambiguous),
        (answer(429, b""), Throttled),
    ],
)
def test_an_answer_to_a_close_means_one_error(reply: Reply, error: type[CallError]) -> None:
    """Nothing left to close is its own answer."""
    assert type(error_of(reply, closed)) is error


def test_a_close_that_worked_is_one() -> None:
    """With its envelope, and with any other body."""
    closed(answer(200, recording("close.response.200")))
    closed(answer(200, b""))


# --- the state -------------------------------------------------------------------------------------------------------


def test_a_conversation_tells_how_it_stands() -> None:
    """Room, state, and when it began and ended."""
    active = conversation(answer(200, recording("get-conversation.response.200.active")))
    ended = conversation(answer(200, recording("get-conversation.response.200.closed")))
    room, began_ms = f"G:{BOT}:{USER}", 1_776_133_797_000
    assert active == Conversation(room, "active", began_ms)
    assert ended == Conversation(room, "closed", began_ms, began_ms + 1_273_000, "closed_by_operator")


@pytest.mark.parametrize("at", ["", "yesterday", "2026-04-14T02:29:57", 7, None, "9999-12-31T23:59:59.999-23:59"])
def test_a_time_that_is_none_is_not_known(at: Any) -> None:
    """A time without a zone is none either: it would be another one on every machine."""
    told = {"data": {"state": "Active", "startAt": at}}
    found = conversation(answer(200, told))
    assert found.state == "active"
    assert found.started_ms in {0, 253_402_387_139_999}


def test_the_state_is_told_in_jelous_words() -> None:
    """A word that no page knows is handed on; the answer to a start says status."""
    assert conversation(answer(200, {"data": {"state": "waiting"}})).state == "waiting"
    assert conversation(answer(200, {"status": "active"})).state == "active"


def test_a_success_without_a_state_is_ambiguous() -> None:
    """Nothing is closed on its word."""
    assert type(error_of(answer(200, b"{}"), conversation)) is Ambiguous


def test_a_conversation_that_is_not_there_is_refused() -> None:
    """Whatever its 404 says or does not say."""
    for body in (recording("get-conversation.response.404"), NO_ENVELOPE):
        error = error_of(answer(404, body), conversation)
        assert type(error) is Refused
        assert error.reason == "Jelou knows no such conversation (HTTP 404)"


# --- templates -------------------------------------------------------------------------------------------------------


def template(**changes: Any) -> Call:
    """A template to the customer of the recordings."""
    return template_call(project(basic=BASIC, **changes), "vuelve", "es", ["Ana"], USER)


def test_a_template_is_written_as_documented() -> None:
    """On the general API, with Basic and without the project's key."""
    call = template()
    assert (call.method, call.url, call.once) == ("POST", f"https://api.jelou.ai/v2/whatsapp/{BOT}/hsm", True)
    assert call.headers == {
        "authorization": f"Basic {b64encode(b'client:geheim').decode()}",
        "content-type": "application/json",
    }
    assert orjson.loads(call.body) == {
        "elementName": "vuelve",
        "type": "text",
        "language": "es",
        "parameters": ["Ana"],
        "destinations": [USER],
    }


def test_a_template_needs_basic() -> None:
    """The configuration is to be repaired; nothing was sent."""
    with pytest.raises(Denied, match="basic of the project"):
        template_call(project(), "vuelve", "es", [], USER)


def test_a_template_that_was_taken_tells_its_id() -> None:
    """In the list of the documentation, bare, or not at all."""
    assert template_sent(answer(200, [{"id": "n-1", "destination": USER}])) == "n-1"
    assert template_sent(answer(200, {"id": "n-1"})) == "n-1"
    assert [template_sent(answer(200, body)) for body in (b"", b"[]", b"null")] == ["", "", ""]


def test_a_refused_template_names_its_credential() -> None:
    """Basic, and not the key."""
    assert "basic" in error_of(answer(401, b""), template_sent).reason
    assert type(error_of(answer(500, b""), template_sent)) is Ambiguous
