"""The Jelou twin answers as documented, and refuses what the documentation does not allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.twin_callers import BOT, PROJECT, USER, JelouCaller, blurred, jelou_like_recorded, recording

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin

WEBHOOK = "https://bridge.example.com/webhook/jelou"
ALWAYS_NEW = ("conversationId", "_id", "startAt", "endAt", "id", "signingSecret", "createdAt", "updatedAt")


@pytest.fixture
async def twin() -> AsyncIterator[JelouTwin]:
    """Play a Jelou without an integration."""
    async with jelou_like_recorded() as running:
        yield running


@pytest.fixture
def call(twin: JelouTwin) -> JelouCaller:
    """Call with the right key."""
    return JelouCaller.of(twin)


def same_as_recorded(told: Any, name: str) -> bool:
    """Say whether an answer is the recorded one but for ids, secrets and times."""
    return bool(blurred(told, *ALWAYS_NEW) == blurred(recording(name), *ALWAYS_NEW))


@pytest.mark.parametrize("base", ["/jelouapi/v1/external-support", "/platform/v1/external-support"])
@pytest.mark.parametrize("name", ["minimal", "full", "operator", "team"])
async def test_every_recorded_start_is_answered_as_recorded(twin: JelouTwin, base: str, name: str) -> None:
    """A start with any documented set of fields succeeds under both base paths."""
    call = JelouCaller.of(twin, base=base)
    answer = await call.operation("POST", "/conversations/start", recording(f"start.request.{name}"))
    assert answer.status == 200
    assert same_as_recorded(answer.json, "start.response.200")


@pytest.mark.parametrize("name", ["minimal", "text", "edge"])
async def test_every_recorded_close_is_answered_as_recorded(call: JelouCaller, name: str) -> None:
    """A close with any documented set of fields succeeds."""
    await call.start()
    answer = await call.operation("POST", "/conversations/close", recording(f"close.request.{name}"))
    assert answer.status == 200
    assert same_as_recorded(answer.json, "close.response.200")


async def test_a_conversation_is_told_as_recorded_while_active_and_when_closed(call: JelouCaller) -> None:
    """Get conversation shows the room, and how it ended once it has."""
    path = "/conversations/" + (await call.start()).json["data"]["conversationId"]
    active = (await call.operation("GET", path)).json
    await call.close()
    closed = (await call.operation("GET", path)).json
    assert same_as_recorded(active, "get-conversation.response.200.active")
    assert same_as_recorded(closed, "get-conversation.response.200.closed")
    assert active["data"]["roomId"] == f"G:{BOT}:{USER}"


@pytest.mark.parametrize("auth", ["minimal", "bearer", "api_key", "basic"])
async def test_an_integration_is_created_and_its_secret_told_once(call: JelouCaller, auth: str) -> None:
    """Creation answers 200 with the secret, reading never shows it."""
    created = await call.operation("POST", "", recording(f"integration.create.request.{auth}"))
    read = await call.operation("GET")
    assert created.status == 200
    assert same_as_recorded(created.json, "integration.create.response.200.enveloped")
    assert same_as_recorded(read.json, "integration.get.response.200.enveloped")


async def test_integration_answers_may_be_flat(twin: JelouTwin, call: JelouCaller) -> None:
    """The playground's version of the integration answers is there to be switched on."""
    twin.settings.integration_answers = "flat"
    flat = {
        "create": (await call.operation("POST", "", recording("integration.create.request.bearer"))).json,
        "get": (await call.operation("GET")).json,
        "regenerate": (await call.operation("POST", "/secret/regenerate")).json,
    }
    for operation, told in flat.items():
        assert told.keys() == recording(f"integration.{operation}.response.200.flat").keys()


async def test_an_integration_is_updated_by_what_is_sent_only(call: JelouCaller) -> None:
    """A patch of the URL leaves the kind of credential as it was."""
    await call.operation("POST", "", recording("integration.create.request.bearer"))
    updated = await call.operation("PATCH", "", recording("integration.update.request"))
    assert (updated.status, updated.json["data"]["webhookUrl"]) == (200, WEBHOOK + "-v2")


async def test_regenerating_replaces_the_secret(twin: JelouTwin, call: JelouCaller) -> None:
    """The new secret is told, and the one that is kept."""
    old = twin.integrate(WEBHOOK).secret
    answer = (await call.operation("POST", "/secret/regenerate")).json
    assert same_as_recorded(answer, "integration.regenerate.response.200.enveloped")
    assert twin.integration is not None
    assert answer["data"]["signingSecret"] == twin.integration.secret != old


async def test_deleting_leaves_no_integration(twin: JelouTwin, call: JelouCaller) -> None:
    """After deletion there is nothing to read, update, delete or regenerate."""
    twin.integrate(WEBHOOK)
    deleted = await call.operation("DELETE")
    after = [
        (await call.operation(method, path)).status
        for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/secret/regenerate"))
    ]
    assert deleted.json == recording("integration.delete.response.200")
    assert after == [404, 404, 404, 404]


@pytest.mark.parametrize(
    ("behaviour", "statuses", "conversations"),
    [
        ("new", [200, 200], 2),
        ("same", [200, 200], 1),
        ("error", [200, 422], 1),
    ],
)
async def test_a_start_while_one_is_active_does_what_the_settings_say(
    twin: JelouTwin, call: JelouCaller, behaviour: Any, statuses: list[int], conversations: int
) -> None:
    """What the documentation leaves open is a switch: another conversation, the same again, or a refusal."""
    twin.settings.when_active = behaviour
    answers = [await call.start("T-1"), await call.start("T-2")]
    assert [answer.status for answer in answers] == statuses
    assert len(twin.ledger.conversations) == conversations
    assert len(twin.ledger.starts) == statuses.count(200)


async def test_a_close_hits_the_newest_conversation_of_the_user(twin: JelouTwin, call: JelouCaller) -> None:
    """The close call knows no conversation id, so of two active ones the later ends."""
    ids = [(await call.start()).json["data"]["conversationId"] for _ in range(2)]
    await call.close()
    assert [twin.ledger.conversations[key].state for key in ids] == ["active", "closed"]


async def test_a_goodbye_is_a_message_to_the_customer(twin: JelouTwin, call: JelouCaller) -> None:
    """The text of a close is in the conversation it ended."""
    started = await call.start()
    await call.operation("POST", "/conversations/close", recording("close.request.text"))
    conversation = twin.ledger.conversations[started.json["data"]["conversationId"]]
    assert conversation.messages[0].content == {"body": "Gracias por escribirnos. Cerramos su caso T-12345."}


@pytest.mark.parametrize("kind", ["text", "image", "video", "audio", "document"])
async def test_every_recorded_message_is_taken(twin: JelouTwin, call: JelouCaller, kind: str) -> None:
    """A signed message of each documented type reaches the active conversation."""
    secret = twin.integrate(WEBHOOK).secret
    await call.start()
    body = recording(f"send.message.{kind}.request")
    answer = await call.send(body, secret)
    message = next(iter(twin.ledger.conversations.values())).messages[0]
    assert (answer.status, answer.json) == (200, recording("send.message.response.200"))
    assert (message.by, message.id, message.content) == ("bridge", body["value"]["id"], body["value"]["content"])


@pytest.mark.parametrize(("repeats", "stand"), [("dropped", 1), ("delivered", 2)])
async def test_a_repeated_id_does_what_the_settings_say(
    twin: JelouTwin, call: JelouCaller, repeats: Any, stand: int
) -> None:
    """Whether Jelou knows a message by its id is told nowhere; how often it came is in the ledger either way."""
    secret, twin.settings.repeat_ids = twin.integrate(WEBHOOK).secret, repeats
    await call.start()
    body = recording("send.message.text.request")
    assert [(await call.send(body, secret)).status for _ in range(2)] == [200, 200]
    [conversation] = twin.ledger.conversations.values()
    assert len(conversation.messages) == stand
    assert (await call("GET", "/twin/ledger")).json["sends"] == {body["value"]["id"]: 2}


async def test_the_ledger_tells_who_ended_a_conversation(twin: JelouTwin, call: JelouCaller) -> None:
    """The reason does not: Jelou lists only one."""
    for _ in range(2):
        await call.start()
    await call.close()
    [first, second] = twin.ledger.conversations.values()
    twin.close(first.user_id)
    assert (first.ended_by, second.ended_by) == ("operator", "bridge")


async def test_an_outage_keeps_what_is_known(twin: JelouTwin, call: JelouCaller) -> None:
    """A twin that was stopped starts again on its port and still knows its conversations."""
    await call.start()
    port = int(twin.url.rpartition(":")[2])
    await twin.stop()
    await twin.start(port)
    assert (await call("GET", "/twin/counts")).json["starts"] == 1


async def test_the_project_of_the_recordings_is_the_twins(twin: JelouTwin) -> None:
    """The addresses that a bridge is configured with are whole."""
    assert twin.settings.project_id == PROJECT
    assert twin.base_url == twin.url + "/platform/v1/external-support"
    assert twin.send_url == twin.url + "/v1/external-support/webhook"
