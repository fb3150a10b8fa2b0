"""The Jelou twin posts the events that are documented, signed, once, in its own time."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

import pytest

from bridge.twins.jelou_events import signature
from tests.twin_callers import USER, JelouCaller, blurred, jelou_like_recorded, recording, signed
from tests.webhook_receiver import WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin

ALWAYS_NEW = ("timestamp", "id")


@pytest.fixture
async def webhook() -> AsyncIterator[WebhookReceiver]:
    """Listen where the bridge would be."""
    async with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
async def twin(webhook: WebhookReceiver) -> AsyncIterator[JelouTwin]:
    """Play a Jelou that posts its events to the webhook."""
    async with jelou_like_recorded() as running:
        running.integrate(webhook.url)
        yield running


@pytest.fixture
def call(twin: JelouTwin) -> JelouCaller:
    """Call with the right key."""
    return JelouCaller.of(twin)


async def only_event(twin: JelouTwin, webhook: WebhookReceiver) -> dict[str, Any]:
    """Give the one event that was posted."""
    await twin.settle()
    (event,) = webhook.bodies()
    return event


START_EVENTS = [
    ("minimal", {}),
    ("direct", {"assignment": {"type": "operator", "target": "48213"}, "metadata": {"ticketId": "T-12346"}}),
    (
        "full",
        {
            "initialMessage": "Hola, soy del equipo de soporte. Retomamos su caso T-12345.",
            "metadata": {"ticketId": "T-12345"},
            "assignment": {"type": "queue", "target": "SOPORTE"},
        },
    ),
]


@pytest.mark.parametrize(("name", "sent"), START_EVENTS)
async def test_a_start_event_is_as_recorded(
    twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver, name: str, sent: dict[str, Any]
) -> None:
    """The event tells what the start call sent and nothing besides; an operator is called direct in it."""
    body = {**recording("start.request.minimal"), **sent}
    await call.operation("POST", "/conversations/start", body)
    event = await only_event(twin, webhook)
    assert blurred(event, *ALWAYS_NEW) == blurred(recording(f"webhook.conversation.start.{name}"), *ALWAYS_NEW)


async def test_an_event_names_the_conversation_room_and_time(
    twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver
) -> None:
    """The ids are those of the start's answer and of get conversation, the time is in milliseconds."""
    started = (await call.start()).json["data"]
    event = await only_event(twin, webhook)
    assert event["conversation"]["id"] == started["conversationId"]
    assert (event["contact"]["id"], event["bot"]["id"]) == (started["userId"], started["botId"])
    assert abs(event["timestamp"] - time.time() * 1000) < 10_000


@pytest.mark.parametrize(("name", "request_name"), [("minimal", "minimal"), ("full", "text")])
async def test_a_close_event_is_as_recorded(
    twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver, name: str, request_name: str
) -> None:
    """A close with a goodbye tells reason and goodbye, one without tells neither."""
    await call.start()
    await twin.settle()
    webhook.received.clear()
    await call.operation("POST", "/conversations/close", recording(f"close.request.{request_name}"))
    event = await only_event(twin, webhook)
    assert blurred(event, *ALWAYS_NEW) == blurred(recording(f"webhook.conversation.close.{name}"), *ALWAYS_NEW)


@pytest.mark.parametrize(
    "name", ["text", "image", "image.caption", "video", "audio", "document", "document.no-filename", "unknown-type"]
)
async def test_a_message_event_is_as_recorded(
    twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver, name: str
) -> None:
    """Whatever type a customer sends, the event has the recorded form."""
    recorded = recording(f"webhook.message.{name}")
    await call.start()
    await twin.settle()
    webhook.received.clear()
    twin.customer_writes(USER, message_type=recorded["value"]["type"], content=recorded["value"]["content"])
    event = await only_event(twin, webhook)
    assert blurred(event, *ALWAYS_NEW) == blurred(recorded, *ALWAYS_NEW)


async def test_a_customer_cannot_write_without_a_conversation_or_with_another_types_content(
    twin: JelouTwin, call: JelouCaller
) -> None:
    """Mistakes of a test are told to the test and never become events."""
    with pytest.raises(LookupError):
        twin.customer_writes(USER, "Hola")
    await call.start()
    with pytest.raises(ValueError, match="image"):
        twin.customer_writes(USER, message_type="image", content={"body": "Hola"})


async def test_a_conversation_handed_over_by_the_bot_has_no_metadata(twin: JelouTwin, webhook: WebhookReceiver) -> None:
    """A conversation that nobody started tells a minimal start event, and is no start in the ledger."""
    twin.hand_over(USER)
    event = await only_event(twin, webhook)
    assert (event["event"], event["value"]) == ("conversation.start", {})
    assert not twin.ledger.starts


async def test_the_signature_is_over_the_very_bytes(
    twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver
) -> None:
    """The body is compact UTF-8 and its signature is the one worked out by hand."""
    await call.start(initialMessage="¿Qué tal? 👋")
    await twin.settle()
    received = webhook.received[0]
    assert twin.integration is not None
    assert received.headers["x-jelou-signature"] == signed(received.body, twin.integration.secret)
    assert received.headers["content-type"] == "application/json"
    assert "¿Qué tal? 👋".encode() in received.body
    assert b'": ' not in received.body


def test_the_signature_agrees_with_the_known_answers() -> None:
    """Every vector that is valid over the raw bytes is what the twin would send."""
    known = recording("signature-vectors")
    valid = [vector for vector in known["vectors"] if vector["valid_over_raw_bytes"]]
    assert valid
    for vector in valid:
        assert signature(vector["raw_body"].encode(), known["secret"]) == vector["header"]


@pytest.mark.parametrize(
    ("auth_type", "credential", "header"),
    [
        ("no_auth", "", {}),
        ("bearer", "token-1", {"authorization": "Bearer token-1"}),
        ("api_key", "key-1", {"x-api-key": "key-1"}),
        ("basic", "user:pass", {"authorization": "Basic " + base64.b64encode(b"user:pass").decode()}),
    ],
)
async def test_events_carry_the_header_of_the_auth_type(
    twin: JelouTwin,
    call: JelouCaller,
    webhook: WebhookReceiver,
    auth_type: str,
    credential: str,
    header: dict[str, str],
) -> None:
    """Each auth type presents its own header and no other."""
    twin.integrate(webhook.url, "secret", auth_type, credential)
    await call.start()
    await twin.settle()
    headers = webhook.received[0].headers
    assert {name: headers[name] for name in ("authorization", "x-api-key") if name in headers} == header


@pytest.mark.parametrize("status", [302, 409, 429, 500, 503])
async def test_an_event_that_is_refused_is_not_posted_again(
    twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver, status: int
) -> None:
    """There is one attempt, whatever the webhook answers, and the ledger tells its answer."""
    webhook.answer(status, "1")
    await call.start()
    await twin.settle()
    assert len(webhook.received) == 1
    assert [delivery.status for delivery in twin.ledger.deliveries] == [status]
    assert twin.ledger.counts()["events_refused"] == 1


async def test_an_event_for_a_silent_webhook_times_out(
    twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver
) -> None:
    """A webhook that says nothing in time loses the event."""
    twin.settings.event_timeout_s = 0.5
    webhook.answer(202, delay_s=600.0)
    await call.start()
    await twin.settle()
    delivery = twin.ledger.deliveries[0]
    assert (delivery.status, delivery.problem) == (0, "SocketTimeoutError")


async def test_an_event_for_a_closed_port_is_lost(twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver) -> None:
    """With nobody there the event is lost, and the start is none the worse."""
    await webhook.listener.stop()
    assert (await call.start()).status == 200
    await twin.settle()
    assert twin.ledger.deliveries[0].problem == "ClientConnectorError"


async def test_without_an_integration_nothing_is_posted(
    twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver
) -> None:
    """After the integration is deleted conversations go on and events stop."""
    await call.operation("DELETE")
    assert (await call.start()).status == 200
    await twin.settle()
    assert not webhook.received
