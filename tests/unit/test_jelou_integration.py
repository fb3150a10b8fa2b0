"""The integration's operations are called as Jelou's pages say, and both forms of their answers are read."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.accounts import Project
from bridge.domain import Reply
from bridge.errors import Ambiguous, CallError, Denied, NotSent, Refused, Throttled
from bridge.jelou_integration import (
    EXPLAINED,
    UNKNOWN,
    IntegrationExists,
    NoIntegration,
    NoProject,
    Operation,
    answered,
    create_call,
    delete_call,
    rotate_call,
    show_call,
    unanswered,
    update_call,
)
from tests.twin_callers import PROJECT, recording

URL = "https://bridge.example.com/webhook/jelou"
BASE = "https://gateway.jelou.ai/platform/v1/external-support"
SECRET = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
OPERATIONS: tuple[Operation, ...] = ("create", "show", "update", "delete", "rotate")
WORD = "secreto-del-cliente"

AUTHS = {
    "bearer": {"type": "bearer", "token": "example-bearer-token"},
    "api_key": {"type": "api_key", "key": "example-api-key"},
    "basic": {"type": "basic", "username": "example-user", "password": "example-password"},
}


def project(**changes: Any) -> Project:
    """The recordings' project."""
    told = {"project_id": PROJECT, "bot_id": "b", "api_key": "right-key", "signing_secrets": ["s"]}
    return Project.model_validate(told | changes)


def answer(status: int, body: Any = None) -> Reply:
    """An answer of Jelou's."""
    return Reply(status, {}, body if isinstance(body, bytes) else orjson.dumps(body))


def error_of(operation: Operation, reply: Reply) -> CallError:
    """The error that an answer means."""
    with pytest.raises(CallError) as caught:
        answered(operation, reply)
    return caught.value


# --- calls -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", AUTHS)
def test_create_sends_what_is_recorded(auth: str) -> None:
    """The credential as text, a pair with its colon, as Jelou's custom channel takes it."""
    call = create_call(project(webhook_auth=AUTHS[auth]), URL)
    assert (call.method, call.url) == ("POST", f"{BASE}/{PROJECT}")
    assert orjson.loads(call.body) == recording(f"integration.create.request.{auth}")
    assert call.headers["x-api-key"] == "right-key"
    assert call.headers["content-type"] == "application/json"


def test_create_without_a_header_says_so() -> None:
    """``no_auth`` is told, so that nothing hangs on Jelou's own default."""
    wanted = recording("integration.create.request.minimal") | {"authType": "no_auth"}
    assert orjson.loads(create_call(project(), URL).body) == wanted


def test_update_sends_only_what_is_to_change() -> None:
    """The URL, what Jelou presents, or both."""
    told = recording("integration.update.request")
    assert orjson.loads(update_call(project(), told["webhookUrl"]).body) == told
    assert orjson.loads(update_call(project(), auth=True).body) == {"authType": "no_auth"}
    both = update_call(project(webhook_auth=AUTHS["bearer"]), URL, auth=True)
    assert orjson.loads(both.body) == recording("integration.create.request.bearer")
    assert both.method == "PATCH"


def test_the_others_send_no_body() -> None:
    """Nor say that they do."""
    calls = [show_call(project()), delete_call(project()), rotate_call(project())]
    assert [(call.method, call.url.removeprefix(f"{BASE}/{PROJECT}")) for call in calls] == [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/secret/regenerate"),
    ]
    assert not any(call.body or "content-type" in call.headers for call in calls)


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["enveloped", "flat"])
@pytest.mark.parametrize(("operation", "name"), [("create", "create"), ("rotate", "regenerate")])
def test_the_secret_is_read_in_both_forms(operation: Operation, name: str, form: str) -> None:
    """From the envelope of the page, and from the playground's flat object; it is in no representation."""
    found = answered(operation, answer(200, recording(f"integration.{name}.response.200.{form}")))
    assert found.secret == SECRET
    assert SECRET not in repr(found)


@pytest.mark.parametrize(("form", "auth_type"), [("enveloped", ""), ("flat", "bearer")])
def test_what_there_is_is_read_in_both_forms(form: str, auth_type: str) -> None:
    """The page leaves out ``authType``; that is no mistake of Jelou's."""
    found = answered("show", answer(200, recording(f"integration.get.response.200.{form}")))
    assert (found.webhook_url, found.auth_type, found.created_at[:10]) == (URL, auth_type, "2026-04-14")


def test_a_delete_answers_nothing() -> None:
    """With or without an envelope."""
    for body in (recording("integration.delete.response.200"), b""):
        assert answered("delete", answer(200, body)).webhook_url == ""


@pytest.mark.parametrize("operation", ["create", "rotate"])
@pytest.mark.parametrize("body", [{}, {"data": {}}, {"signingSecret": " "}, {"signingSecret": 7}, b"", b"<html>"])
def test_a_secret_that_is_not_told_is_not_taken_for_one(operation: Operation, body: Any) -> None:
    """There is one now and nobody knows it: the words say what to do."""
    error = error_of(operation, answer(200, body))
    assert isinstance(error, Ambiguous)
    assert "rotate-secret" in str(error)


@pytest.mark.parametrize(
    ("operation", "status", "body", "meaning"),
    [
        *((one, 401, {"message": "no"}, Denied) for one in OPERATIONS),
        *((one, 404, {"message": ["Integration not found"]}, NoIntegration) for one in OPERATIONS[1:]),
        *((one, 429, {}, Throttled) for one in OPERATIONS),
        *((one, 500, {}, Ambiguous) for one in OPERATIONS),
        *((one, 503, {"statusMessage": "failed"}, Throttled) for one in OPERATIONS),
        *((one, 503, b"<html>", Ambiguous) for one in OPERATIONS),
        ("create", 404, b"<html>", NoProject),
        ("create", 409, b"", IntegrationExists),
        ("create", 422, {"message": "Integration already exists"}, IntegrationExists),
        ("create", 422, {"message": [], "error": {"key": "INTEGRATION_EXISTS"}}, IntegrationExists),
        ("create", 422, {"message": "Values are not valid", "error": "x"}, Refused),
        ("update", 400, {"message": "Values are not valid"}, Refused),
        ("update", 422, {"message": "already exists"}, Refused),
    ],
)
def test_each_refusal_means_one_thing(operation: Operation, status: int, body: Any, meaning: type[CallError]) -> None:
    """By its code; a conflict that is not documented, by its words."""
    error = error_of(operation, answer(status, body))
    assert type(error) is meaning
    assert f"HTTP {status}" in str(error)


def test_a_refusal_names_the_fields_and_no_value() -> None:
    """What was sent may be a credential."""
    told = {"message": f"{WORD} is wrong", "validationError": {"webhookUrl": [{"en": WORD}]}}
    error = error_of("update", answer(400, told))
    assert "fields: webhookUrl" in str(error)
    assert WORD not in str(error)


def test_a_call_without_an_answer_says_what_is_known() -> None:
    """Nothing was done, or nobody knows; in both cases why."""
    told = str(unanswered("rotate", NotSent("no connection to the host")))
    assert told == f"{EXPLAINED[NotSent]} (no connection to the host)"
    for operation in OPERATIONS:
        assert str(unanswered(operation, Ambiguous("no answer in time"))).startswith(UNKNOWN[operation])


@given(st.sampled_from(OPERATIONS), st.integers(200, 599), st.one_of(st.binary(), st.text().map(str.encode)))
def test_whatever_is_answered_only_call_errors_leave(operation: Operation, status: int, body: bytes) -> None:
    """A gateway's page, half a JSON, anything."""
    with suppress(CallError):
        answered(operation, answer(status, body))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["data", "error", "key", "message", "x"]), inner),
)


@given(st.sampled_from(OPERATIONS), st.sampled_from([200, 400, 404, 409, 422, 503]), JSON)
def test_whatever_json_is_answered_only_call_errors_leave(operation: Operation, status: int, told: Any) -> None:
    """Every field may be of another type than the pages show."""
    with suppress(CallError):
        answered(operation, answer(status, told))
