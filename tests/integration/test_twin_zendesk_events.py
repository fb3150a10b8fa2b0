"""The Zendesk twin tells every change to its webhook, and tries again only where Zendesk would."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bridge.twins.faults import EventFault
from bridge.twins.zendesk_events import Attempt, signature, wait_s
from tests.twin_callers import Caller, recording, zendesk, zendesk_caller
from tests.webhook_receiver import WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.zendesk import ZendeskTwin

PHONE = "+593987654321"
TICKET = "zen:event-type:ticket."


@pytest.fixture
async def webhook() -> AsyncIterator[WebhookReceiver]:
    """Listen where the bridge would be."""
    async with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
async def twin(webhook: WebhookReceiver) -> AsyncIterator[ZendeskTwin]:
    """Play a Zendesk with a webhook on every native event."""
    async with zendesk(webhook_url=webhook.url) as running:
        yield running


@pytest.fixture
def call(twin: ZendeskTwin) -> Caller:
    """Call with the API token."""
    return zendesk_caller(twin)


def shape(value: Any) -> Any:
    """Reduce JSON to its names and types, without what may be null."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in sorted(value.items()) if key not in NULLABLE}
    return type(value).__name__


NULLABLE = ("assignee_id", "group_id", "organization_id", "external_id", "priority", "type")


async def told(twin: ZendeskTwin, webhook: WebhookReceiver, event: str) -> list[dict[str, Any]]:
    """Give the events of one type that were posted."""
    await twin.settle()
    return [body for body in webhook.bodies() if body["type"] == TICKET + event]


async def test_a_new_ticket_is_told_as_recorded(twin: ZendeskTwin, webhook: WebhookReceiver) -> None:
    """The native event has the recorded names and types: ids as text, enumerations in upper case."""
    ticket = twin.open_ticket("No puedo entrar al portal", PHONE, priority="high", tags=["portal"])
    (event,) = await told(twin, webhook, "created")
    recorded = recording("ticket-created", "zendesk")
    assert shape(event) == shape(recorded)
    assert event["detail"].keys() == recorded["detail"].keys()
    assert (event["subject"], event["detail"]["id"]) == (f"zen:ticket:{ticket.id}", str(ticket.id))
    assert (event["detail"]["status"], event["detail"]["priority"]) == ("NEW", "HIGH")
    assert event["detail"]["actor_id"] == event["detail"]["requester_id"] == str(ticket.requester_id)


@pytest.mark.parametrize(
    ("change", "event", "name"),
    [
        ({"status": "solved"}, "status_changed", "status-changed"),
        ({"priority": "urgent"}, "priority_changed", "priority-changed"),
        ({"comment": {"body": "Ya está", "public": True}}, "comment_added", "comment-added"),
        ({"comment": {"body": "Nota", "public": False}}, "comment_added", "internal-note-added"),
    ],
)
async def test_an_agents_change_is_told_as_recorded(
    twin: ZendeskTwin, webhook: WebhookReceiver, change: dict[str, Any], event: str, name: str
) -> None:
    """Status, priority, reply and note each tell their native event in its recorded form."""
    ticket = twin.open_ticket("No puedo entrar al portal", PHONE)
    twin.change(ticket.id, **change)
    (body,) = await told(twin, webhook, event)
    assert shape(body) == shape(recording(name, "zendesk"))
    assert body["detail"]["actor_id"] == str(twin.desk.agent.id)


async def test_a_status_tells_what_it_was(twin: ZendeskTwin, webhook: WebhookReceiver) -> None:
    """Current and previous stand in upper case."""
    twin.change(twin.open_ticket("x").id, status="solved")
    (body,) = await told(twin, webhook, "status_changed")
    assert (body["event"]["current"], body["event"]["previous"]) == ("SOLVED", "NEW")


async def test_the_bridges_own_writes_echo(twin: ZendeskTwin, webhook: WebhookReceiver, call: Caller) -> None:
    """Note, field and tag written over the API come back, with the API user as the actor."""
    ticket = twin.open_ticket("x", PHONE)
    fields = [{"id": 7, "value": "conv-1"}]
    update = {"comment": {"body": "Nota", "public": False}, "custom_fields": fields, "external_id": "conv-1"}
    await call("PUT", f"/tickets/{ticket.id}", {"ticket": update})
    await call("PUT", f"/tickets/{ticket.id}/tags", {"tags": ["jelou"]})
    await twin.settle()
    echoes = [body for body in webhook.bodies() if body["type"] != TICKET + "created"]
    assert {body["detail"]["actor_id"] for body in echoes} == {str(twin.desk.bridge.id)}
    by_type = {body["type"].removeprefix(TICKET): body["event"] for body in echoes}
    assert by_type.keys() == {"comment_added", "custom_field_changed", "external_id_changed", "tags_changed"}
    assert by_type["comment_added"]["comment"]["author"]["id"] == str(twin.desk.bridge.id)
    assert by_type["tags_changed"]["tags_added"] == ["jelou"]
    assert (by_type["custom_field_changed"]["current"], by_type["custom_field_changed"]["previous"]) == ("conv-1", None)


async def test_the_events_of_one_update_are_a_sequence(twin: ZendeskTwin, webhook: WebhookReceiver) -> None:
    """They share the sequence and are numbered, and each has an id of its own."""
    ticket = twin.open_ticket("x", PHONE)
    twin.change(ticket.id, status="open", priority="low", comment={"body": "Hola"})
    await twin.settle()
    events = [body for body in webhook.bodies() if body["type"] != TICKET + "created"]
    assert len({body["event"]["meta"]["sequence"]["id"] for body in events}) == 1
    assert sorted(body["event"]["meta"]["sequence"]["position"] for body in events) == [1, 2, 3]
    assert len({body["id"] for body in events}) == 3


async def test_what_changes_nothing_tells_nothing(twin: ZendeskTwin, webhook: WebhookReceiver) -> None:
    """Setting what is so already fires no event."""
    ticket = twin.open_ticket("x", PHONE, tags=["portal"], custom_fields={7: "a"})
    twin.change(ticket.id, status="new", tags=["portal"], custom_fields=[{"id": 7, "value": "a"}])
    await twin.settle()
    assert [body["type"] for body in webhook.bodies()] == [TICKET + "created"]


async def test_only_subscribed_events_are_told(twin: ZendeskTwin, webhook: WebhookReceiver) -> None:
    """A webhook hears of what it was created for."""
    twin.settings.subscriptions = frozenset({"ticket.status_changed"})
    twin.change(twin.open_ticket("x").id, status="open")
    await twin.settle()
    assert [body["type"] for body in webhook.bodies()] == [TICKET + "status_changed"]


async def test_a_delivery_has_zendesks_headers_and_signature(twin: ZendeskTwin, webhook: WebhookReceiver) -> None:
    """The signature is base64 of the HMAC over timestamp and body, worked out by hand here."""
    twin.open_ticket("¿Contraseña?", PHONE)
    await twin.settle()
    received = webhook.received[0]
    stamp = received.headers["x-zendesk-webhook-signature-timestamp"]
    digest = hmac.new(twin.settings.secret.encode(), stamp.encode() + received.body, hashlib.sha256).digest()
    assert received.headers["x-zendesk-webhook-signature"] == base64.b64encode(digest).decode()
    assert received.headers["content-type"] == "application/json; charset=utf-8"
    assert received.headers["x-zendesk-webhook-id"] == twin.settings.webhook_id
    assert received.headers["x-zendesk-account-id"] == str(twin.settings.account_id)
    assert received.headers["x-zendesk-webhook-invocation-id"] == twin.deliveries[0].id
    assert abs((datetime.now(UTC) - datetime.fromisoformat(stamp)).total_seconds()) < 10


def test_the_signature_agrees_with_the_known_answer() -> None:
    """A vector worked out elsewhere is what the twin would send."""
    body = '{"event":"demo","ticket":{"id":42,"subject":"Contraseña — ¿ayuda?"}}'.encode()
    told = signature("bridge-test-secret-0001", "2026-11-20T14:20:05Z", body)
    assert told == "eNzHq+d1sSmAGdgT1qOMWJoffiysFOXF2PJS4CxPDWo="


@pytest.mark.parametrize(
    ("status", "retry_after", "tries"),
    [
        (202, "", 1),
        (302, "", 1),
        (400, "", 1),
        (401, "", 1),
        (404, "", 1),
        (409, "", 4),
        (410, "", 1),
        (429, "", 1),
        (429, "30", 4),
        (429, "60", 1),
        (500, "30", 1),
        (502, "30", 1),
        (503, "", 1),
        (503, "30", 4),
        (503, "Wed, 21 Oct 2026 07:28:00 GMT", 1),
    ],
)
async def test_zendesk_tries_again_only_after_certain_answers(
    twin: ZendeskTwin, webhook: WebhookReceiver, status: int, retry_after: str, tries: int
) -> None:
    """409 up to three times more; 429 and 503 with a short Retry-After; nothing else, 500 and 502 least of all."""
    for _ in range(9):
        webhook.answer(status, retry_after)
    twin.open_ticket("x")
    await twin.settle()
    assert len(webhook.received) == tries
    assert [attempt.status for attempt in twin.deliveries[0].attempts] == [status] * tries
    assert twin.deliveries[0].state == ("delivered" if status == 202 else "given_up")


async def test_a_silent_webhook_is_tried_five_times_more(twin: ZendeskTwin, webhook: WebhookReceiver) -> None:
    """A time-out is tried again five times."""
    twin.settings.timeout_s = 0.02
    for _ in range(9):
        webhook.answer(202, delay_s=5.0)
    twin.open_ticket("x")
    await twin.settle()
    assert [attempt.problem for attempt in twin.deliveries[0].attempts] == ["TimeoutError"] * 6


async def test_a_closed_port_is_not_tried_again(twin: ZendeskTwin, webhook: WebhookReceiver) -> None:
    """A refused connection is none of the outcomes that Zendesk retries."""
    await webhook.listener.stop()
    twin.open_ticket("x")
    await twin.settle()
    assert [attempt.problem for attempt in twin.deliveries[0].attempts] == ["ClientConnectorError"]


async def test_a_retry_keeps_invocation_and_body(twin: ZendeskTwin, webhook: WebhookReceiver) -> None:
    """A delivery taken at the second try is the same delivery."""
    webhook.answer(503, "1")
    twin.open_ticket("x")
    await twin.settle()
    first, second = webhook.received
    name = "x-zendesk-webhook-invocation-id"
    assert (first.body, first.headers[name]) == (second.body, second.headers[name])
    assert twin.deliveries[0].state == "delivered"


def test_a_retry_waits_as_long_as_it_was_asked_to() -> None:
    """Retry-After is the wait, where there is none it is Zendesk's own."""
    assert wait_s([Attempt(503, retry_after="30")]) == 30.0
    assert wait_s([Attempt(409)]) == 5.0
    assert wait_s([Attempt(202)]) is None


async def test_events_of_zendesk_can_go_wrong_too(twin: ZendeskTwin, webhook: WebhookReceiver) -> None:
    """An event may come twice under one invocation, never, or badly signed."""
    for name in ("twice", "dropped", "badly_signed"):
        twin.faults.next_event(EventFault.named(name), "created")
    for _ in range(3):
        twin.open_ticket("x")
        await twin.settle()
    invocations = [received.headers["x-zendesk-webhook-invocation-id"] for received in webhook.received]
    assert invocations == [twin.deliveries[0].id] * 2 + [twin.deliveries[2].id]
    last = webhook.received[-1]
    stamp = last.headers["x-zendesk-webhook-signature-timestamp"]
    assert last.headers["x-zendesk-webhook-signature"] != signature(twin.settings.secret, stamp, last.body)


async def test_the_ledger_of_deliveries_is_told_over_http(twin: ZendeskTwin, webhook: WebhookReceiver) -> None:
    """Each delivery stands there with its tries and their answers."""
    webhook.answer(409)
    twin.open_ticket("x")
    steer = Caller(twin.url)
    await steer("POST", "/twin/settle")
    (delivery,) = (await steer("GET", "/twin/ledger")).json["deliveries"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [409, 202]


async def test_without_a_webhook_nothing_is_told() -> None:
    """An account without a webhook keeps its tickets to itself."""
    async with zendesk() as twin:
        twin.open_ticket("x")
        await twin.settle()
        assert not twin.deliveries
