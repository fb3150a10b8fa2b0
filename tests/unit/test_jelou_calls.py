"""Calls to Jelou are made as its pages say, and each of its answers means one thing, whatever form it comes in."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.accounts import Project
from bridge.domain import Assignment, Reply, StartConversation
from bridge.errors import Ambiguous, BotNotFound, CallError, Denied, Refused, Throttled, UserNotFound
from bridge.jelou import get_call, start_call, started_id
from bridge.jelou_answers import AlreadyActive
from bridge.jelou_send import conversation
from tests.twin_callers import BOT, PROJECT, RECORDINGS, USER, recording

BASES = [
    "https://gateway.jelou.ai/platform/v1/external-support",
    "https://gateway.jelou.ai/jelouapi/v1/external-support",
]
NO_ENVELOPE = b"<html><body>upstream connect error</body></html>"


def project(**changes: Any) -> Project:
    """The recordings' project."""
    told = {"project_id": PROJECT, "bot_id": BOT, "api_key": "right-key", "signing_secrets": ["s"]}
    return Project.model_validate(told | changes)


def start(**changes: Any) -> StartConversation:
    """A start with nothing but what it must have."""
    told: dict[str, Any] = {"bot_id": BOT, "user_id": USER, "initial_message": "", "metadata": {}, "assignment": None}
    return StartConversation(**{"rule": "all", **told, **changes})


def of_request(told: dict[str, Any]) -> StartConversation:
    """The action that a recorded request stands for."""
    to = told.get("assignment")
    return start(
        initial_message=told.get("initialMessage", ""),
        metadata=told.get("metadata", {}),
        assignment=Assignment(**to) if to else None,
    )


def answer(status: int, body: Any = None, **headers: str) -> Reply:
    """An answer of Jelou's; header names are written with underscores."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def error_of(reply: Reply) -> CallError:
    """The error an answer to a start means."""
    with pytest.raises(CallError) as caught:
        started_id(reply)
    return caught.value


def failed(message: Any, key: str = "", **more: Any) -> dict[str, Any]:
    """A failure in Jelou's envelope."""
    return {"message": message, "statusMessage": "failed", "status": 0, "error": {"key": key}, **more}


# --- calls -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.stem for path in (RECORDINGS / "jelou").glob("start.request.*")))
def test_a_start_is_written_as_documented(name: str) -> None:
    """Names, nesting and values are those of the recorded request; metadata is always there."""
    told = recording(name)
    assert orjson.loads(start_call(project(), of_request(told)).body) == {"metadata": {}} | told


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("slash", ["", "/"])
def test_both_base_paths_work(base: str, slash: str) -> None:
    """The older and the newer base path are a setting, with or without a slash at its end."""
    own = project(base_url=base + slash)
    assert start_call(own, start()).url == f"{base}/{PROJECT}/conversations/start"
    assert get_call(own, "c-1").url == f"{base}/{PROJECT}/conversations/c-1"


def test_the_key_is_always_sent_and_basic_only_where_configured() -> None:
    """A wrong extra Authorization header could itself be refused."""
    plain = {"x-api-key": "right-key", "accept": "application/json"}
    both = project(basic={"username": "client", "password": "geheimñ"})
    pair = b64encode("client:geheimñ".encode()).decode()
    assert get_call(project(), "c").headers == plain
    assert get_call(both, "c").headers == {**plain, "authorization": f"Basic {pair}"}
    assert start_call(both, start()).headers == {
        **plain,
        "authorization": f"Basic {pair}",
        "content-type": "application/json",
    }


def test_a_start_is_sent_once_within_its_own_time() -> None:
    """Jelou knows no idempotency key, and the time is the project's."""
    call = start_call(project(start_timeout_s=3.5), start())
    assert (call.method, call.once, call.timeout_s) == ("POST", True, 3.5)


def test_a_call_shown_in_a_log_holds_neither_key_nor_person() -> None:
    """Headers and body are left out of what a call says of itself."""
    shown = repr(start_call(project(), start(initial_message="Hola Ana")))
    assert not any(word in shown for word in ("right-key", USER, "Hola"))


@given(conversation=st.text(min_size=1))
def test_a_conversation_id_stays_one_step_of_the_path(conversation: str) -> None:
    """Ids are opaque: whatever they hold, the call goes to the place of conversations."""
    url = get_call(project(), conversation).url
    assert url.startswith(f"{BASES[0]}/{PROJECT}/conversations/")
    assert url.isascii()
    assert url.count("/") == 8
    assert not set("?# ") & set(url)


# --- answers ---------------------------------------------------------------------------------------------------------


def test_a_start_that_worked_tells_its_conversation() -> None:
    """The id stands under data, or at the top where the envelope is missing."""
    told = recording("start.response.200")
    assert started_id(answer(200, told)) == "6801f3a5c2d94e0012ab34cd"
    assert started_id(answer(201, told["data"])) == "6801f3a5c2d94e0012ab34cd"


@pytest.mark.parametrize(
    "body", [b"", b"{", NO_ENVELOPE, b"[]", b"null", b"{}", b'{"data": {}}', b'{"data": {"conversationId": null}}']
)
def test_a_success_without_an_id_is_ambiguous(body: bytes) -> None:
    """Something was started, and nobody can say what: not to be tried again blindly."""
    error = error_of(answer(200, body))
    assert type(error) is Ambiguous
    assert (error.certain, error.again, error.status) == (False, False, 200)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("start.response.401.bare", Denied),
        ("start.response.401.enveloped", Denied),
        ("start.response.404.bot", BotNotFound),
        ("start.response.404.user", UserNotFound),
        ("start.response.422", Refused),
        ("start.response.422.string-message", Refused),
        ("start.response.500", Ambiguous),
        ("close.response.404", BotNotFound),
        ("get-conversation.response.404", Refused),
    ],
)
def test_a_recorded_failure_means_one_error(name: str, error: type[CallError]) -> None:
    """The code decides; the key and the words only tell a bot, a user and a conversation apart."""
    status = int(next(part for part in name.split(".") if part.isdigit()))
    found = error_of(answer(status, recording(name)))
    assert type(found) is error
    assert found.status == status


def test_every_recorded_answer_to_a_start_is_judged_here() -> None:
    """A new recording needs its expectation."""
    marks = getattr(test_a_recorded_failure_means_one_error, "pytestmark", [])
    known = {name for mark in marks for name, _ in mark.args[1]} | {"start.response.200"}
    assert {path.stem for path in (RECORDINGS / "jelou").glob("start.response.*")} <= known


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer(401, NO_ENVELOPE), Denied),
        (answer(403, {"message": "no"}), Denied),
        (answer(404, NO_ENVELOPE), UserNotFound),
        (answer(404, failed("Bot not found")), BotNotFound),
        (answer(404, failed(["User of this bot not found"])), UserNotFound),
        (answer(400, failed("Bad request")), Refused),
        (answer(409, failed(["Conversation already active"])), AlreadyActive),
        (answer(422, failed("The user has an active conversation")), AlreadyActive),
        (answer(422, failed([], key="CONVERSATION_ALREADY_ACTIVE")), AlreadyActive),
        (answer(422, failed("The bot is inactive")), Refused),
        (answer(422, b"\xff"), Refused),
        (answer(429, b""), Throttled),
        (answer(500, b"[]"), Ambiguous),
        (answer(502, NO_ENVELOPE), Ambiguous),
        (answer(503, NO_ENVELOPE), Ambiguous),
        (answer(503, failed("Busy")), Throttled),
        (answer(503, NO_ENVELOPE, retry_after="7"), Throttled),
        (answer(504, NO_ENVELOPE), Ambiguous),
        (answer(302, b"", location="https://elsewhere.example"), Refused),
    ],
)
def test_an_answer_in_any_form_means_one_error(reply: Reply, error: type[CallError]) -> None:
    """A list, a text, no envelope, no JSON: only a 503 of Jelou's own, or one that says when, is certain."""
    found = error_of(reply)
    assert type(found) is error
    assert found.certain is (error is not Ambiguous)


def test_a_time_to_wait_is_handed_on() -> None:
    """Retry-After survives the rewording of the error."""
    assert error_of(answer(429, failed("slow down"), retry_after="12")).retry_after_s == 12.0


def test_a_refusal_names_the_fields_and_no_value() -> None:
    """The texts of a body may be a customer's; an agent gets the names of the fields."""
    reason = error_of(answer(422, recording("start.response.422"))).reason
    assert reason == "Jelou refuses the request as it stands (HTTP 422; fields: userId)"


def test_the_room_is_read_where_it_is_told() -> None:
    """Open or closed, a conversation tells its room; an answer without one is no error."""
    for name in ("active", "closed"):
        assert conversation(answer(200, recording(f"get-conversation.response.200.{name}"))).room == f"G:{BOT}:{USER}"
    assert conversation(answer(200, b'{"state": "active"}')).room == ""


def judged(reply: Reply) -> str:
    """What an answer says to people; anything raised but CallError fails the test."""
    try:
        return started_id(reply)
    except CallError as error:
        return error.reason


WORDS = "words of a customer"
"""Long enough to stand in no text of ours by chance."""

BODIES = st.binary() | st.builds(
    lambda key, told, tail: orjson.dumps({key: told}) + tail,
    key=st.sampled_from(["message", "error", "data", "statusMessage", "validationError", WORDS]),
    told=st.sampled_from([WORDS, [WORDS], [1], [], {"key": WORDS, "description": WORDS}, {"phone": [WORDS]}, None]),
    tail=st.sampled_from([b"", b"}", WORDS.encode()]),
)


@given(status=st.integers(0, 999), body=BODIES)
def test_no_answer_does_worse_than_a_call_error(status: int, body: bytes) -> None:
    """Whatever comes back, a start ends in an id or in a CallError whose text holds nothing that the body says."""
    assert WORDS not in judged(answer(status, body))
