"""The Jelou twin is strict: what the documentation does not allow, it refuses in the documented way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.twin_callers import (
    BOT,
    USER,
    JelouCaller,
    jelou_like_recorded,
    recording,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin

WEBHOOK = "https://bridge.example.com/webhook/jelou"


@pytest.fixture
async def twin() -> AsyncIterator[JelouTwin]:
    """Play a Jelou without an integration."""
    async with jelou_like_recorded() as running:
        yield running


@pytest.fixture
def call(twin: JelouTwin) -> JelouCaller:
    """Call with the right key."""
    return JelouCaller.of(twin)


@pytest.mark.parametrize(
    "headers",
    [
        {"x_api_key": None},
        {"x_api_key": "wrong"},
        {"x_api_key": "no-àscii"},
        {"Authorization": "Basic d3Jvbmc6cGFpcg=="},
        {"Authorization": ""},
    ],
)
async def test_a_wrong_credential_is_401(call: JelouCaller, headers: dict[str, str | None]) -> None:
    """A missing or wrong key is refused, and so is any Authorization where none is configured."""
    answer = await call.operation("GET", "/conversations/x", **headers)
    assert answer.status == 401
    assert answer.json == {**recording("start.response.401.enveloped"), "message": ["Invalid or missing credentials"]}


async def test_another_project_has_another_key(twin: JelouTwin) -> None:
    """The key of one project is a wrong one for any other."""
    call = JelouCaller.of(twin)
    call.project = "another"
    assert (await call.operation("GET")).status == 401


@pytest.mark.parametrize(
    ("demanded", "header", "status"),
    [
        (True, "Basic aWQ6c2VjcmV0", 404),
        (True, None, 401),
        (True, "Basic eA==", 401),
        (False, None, 404),
        (False, "Basic aWQ6c2VjcmV0", 404),
    ],
)
async def test_basic_may_be_demanded(
    twin: JelouTwin, call: JelouCaller, *, demanded: bool, header: str | None, status: int
) -> None:
    """With a client id and secret configured, Authorization must hold them, and must be there where demanded."""
    twin.settings.basic, twin.settings.demand_basic = "id:secret", demanded
    assert (await call.operation("GET", "/conversations/x", Authorization=header)).status == status


MALFORMED_STARTS: list[tuple[dict[str, Any], str]] = [
    ({"userId": USER}, "botId"),
    ({"botId": BOT}, "userId"),
    ({"botId": BOT, "userId": ""}, "userId"),
    ({"botId": BOT, "userId": 573000000001}, "userId"),
    ({"botId": BOT, "userId": USER, "initialMessage": None}, "initialMessage"),
    ({"botId": BOT, "userId": USER, "metadata": "T-1"}, "metadata"),
    ({"botId": BOT, "userId": USER, "metadata": []}, "metadata"),
    ({"botId": BOT, "userId": USER, "assignment": {"type": "direct", "target": "x"}}, "assignment"),
    ({"botId": BOT, "userId": USER, "assignment": {"type": "queue", "name": "x"}}, "assignment"),
    ({"botId": BOT, "userId": USER, "idempotencyKey": "x"}, "idempotencyKey"),
]


@pytest.mark.parametrize(("body", "field"), MALFORMED_STARTS)
async def test_a_malformed_start_is_422_and_starts_nothing(
    twin: JelouTwin, call: JelouCaller, body: dict[str, Any], field: str
) -> None:
    """A missing, wrong or unknown field is named, and no conversation is made."""
    answer = await call.operation("POST", "/conversations/start", body)
    assert answer.status == 422
    assert list(answer.json["validationError"]) == [field]
    assert answer.json.keys() == recording("start.response.422").keys()
    assert not twin.ledger.starts


async def test_a_missing_user_is_refused_exactly_as_recorded(call: JelouCaller) -> None:
    """The refusal of a start without a user is the recorded one to the letter."""
    answer = await call.operation("POST", "/conversations/start", {"botId": BOT})
    assert answer.json == recording("start.response.422")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'"text"'])
async def test_a_body_that_is_no_object_is_422(call: JelouCaller, raw: bytes) -> None:
    """Anything but a JSON object is refused."""
    assert (await call.operation("POST", "/conversations/start", raw)).status == 422


async def test_a_body_that_is_not_declared_json_is_422(call: JelouCaller) -> None:
    """The right body under another content type is refused."""
    body = recording("start.request.minimal")
    assert (await call.operation("POST", "/conversations/start", body, Content_Type="text/plain")).status == 422


async def test_an_unknown_bot_is_404(call: JelouCaller) -> None:
    """A bot that is not this project's is refused as recorded."""
    answer = await call.start(botId="another")
    assert (answer.status, answer.json) == (404, recording("start.response.404.bot"))


async def test_an_unknown_user_is_404(twin: JelouTwin, call: JelouCaller) -> None:
    """Where only some users exist, another one is refused as recorded."""
    twin.settings.users = frozenset({"573000000002"})
    answer = await call.start()
    assert (answer.status, answer.json) == (404, recording("start.response.404.user"))


async def test_a_user_id_with_a_plus_is_nobody(call: JelouCaller) -> None:
    """Users are phone numbers without a plus sign, so one with it does not exist."""
    assert (await call.start(user_id="+573000000001")).status == 404


async def test_closing_for_nobody_is_404(call: JelouCaller) -> None:
    """An unknown bot is refused as recorded, and so is a close with nothing to close."""
    unknown = await call.close(botId="another")
    nothing = await call.close()
    assert (unknown.status, unknown.json) == (404, recording("close.response.404"))
    assert nothing.status == 404


async def test_an_unknown_conversation_is_404(call: JelouCaller) -> None:
    """An id that was never given out is refused as recorded."""
    answer = await call.operation("GET", "/conversations/6801f3a5c2d94e0012ab34cd")
    assert (answer.status, answer.json) == (404, recording("get-conversation.response.404"))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"webhookUrl": "http://bridge.example.com"},
        {"webhookUrl": "https://"},
        {"webhookUrl": WEBHOOK, "authType": "digest"},
        {"webhookUrl": WEBHOOK, "authType": "bearer"},
        {"webhookUrl": WEBHOOK, "secret": "mine"},
    ],
)
async def test_a_bad_integration_is_422_to_create_and_400_to_update(
    twin: JelouTwin, call: JelouCaller, body: dict[str, Any]
) -> None:
    """Creation says 422 to what is missing or not allowed; an update says 400, and takes any subset."""
    created = await call.operation("POST", "", body)
    twin.integrate(WEBHOOK)
    updated = await call.operation("PATCH", "", body)
    takeable = body in ({}, {"webhookUrl": WEBHOOK, "authType": "bearer"})
    assert (created.status, updated.status) == (422, 200 if takeable else 400)


async def test_a_second_integration_is_refused(call: JelouCaller) -> None:
    """A project has one integration."""
    first = await call.operation("POST", "", {"webhookUrl": WEBHOOK})
    second = await call.operation("POST", "", {"webhookUrl": WEBHOOK})
    assert (first.status, second.status) == (200, 422)


def changed_message(path: str, value: Any) -> dict[str, Any]:
    """Change one field of the recorded text message, or take it out where the value is None."""
    body: dict[str, Any] = recording("send.message.text.request")
    *parents, name = path.split(".")
    place = body
    for parent in parents:
        place = place[parent]
    place.pop(name, None)
    if value is not None:
        place[name] = value
    return body


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("field", "message"),
        ("object", None),
        ("event_type", "message"),
        ("project_id", "another"),
        ("room_id", "G:another"),
        ("bot_id", "another"),
        ("user_id", None),
        ("timestamp", 1776134278574),
        ("value.id", None),
        ("value.type", "location"),
        ("value.content.body", ""),
        ("value.content.text", "Hola"),
        ("value.type", "image"),
    ],
)
async def test_a_message_that_is_not_as_documented_is_refused(
    twin: JelouTwin, call: JelouCaller, path: str, value: Any
) -> None:
    """A missing, unknown or wrong field of a sent message is refused, and nothing reaches the customer."""
    secret = twin.integrate(WEBHOOK).secret
    await call.start()
    answer = await call.send(changed_message(path, value), secret)
    assert answer.status == 422
    assert not next(iter(twin.ledger.conversations.values())).messages


async def test_a_badly_signed_message_is_refused_with_the_configured_status(twin: JelouTwin, call: JelouCaller) -> None:
    """The signature must be of the very body and by the very secret; the status is a switch, 500 by default."""
    twin.integrate(WEBHOOK)
    await call.start()
    body = recording("send.message.text.request")
    default = await call.send(body, "another secret")
    twin.settings.bad_signature_status = 403
    unsigned = await call("POST", "/v1/external-support/webhook", body)
    assert (default.status, unsigned.status) == (500, 403)


async def test_nobody_is_written_to_outside_an_active_conversation(twin: JelouTwin, call: JelouCaller) -> None:
    """A message for a room whose conversation has ended is refused."""
    secret = twin.integrate(WEBHOOK).secret
    await call.start()
    twin.close(USER)
    assert (await call.send(recording("send.message.text.request"), secret)).status == 422
