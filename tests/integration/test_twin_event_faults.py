"""An event of Jelou's can go wrong in every way that a bridge must survive."""

from __future__ import annotations

import asyncio
import time
from math import inf
from typing import TYPE_CHECKING, Any

import pytest

from bridge.twins.faults import EventFault
from tests.harness import DEADLINE_S
from tests.twin_callers import (
    USER,
    JelouCaller,
    jelou_like_recorded,
    signed,
)
from tests.webhook_receiver import WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin


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


async def test_an_early_event_arrives_before_the_answer(
    twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver
) -> None:
    """The start call is answered only when its event has been taken."""
    twin.faults.next_event(EventFault.named("early"))
    await call.start()
    assert len(webhook.received) == 1


async def test_a_late_event_arrives_after_its_delay(
    twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver
) -> None:
    """Nothing is posted before the delay is over."""
    twin.faults.next_event(EventFault.named("late", delay_s=0.1))
    began = time.monotonic()
    await call.start()
    await only_event(twin, webhook)
    assert time.monotonic() - began >= 0.1


async def test_an_event_may_arrive_twice_or_never(twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver) -> None:
    """Copies are the same to the byte; a dropped event leaves no trace but the conversation."""
    twin.faults.next_event(EventFault.named("twice"))
    twin.faults.next_event(EventFault.named("dropped"))
    await call.start("T-1")
    await call.start("T-2")
    await twin.settle()
    assert len({received.body for received in webhook.received}) == 1
    assert len(webhook.received) == 2


async def test_an_event_may_be_badly_signed(twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver) -> None:
    """The signature has the right form and is another secret's."""
    twin.faults.next_event(EventFault.named("badly_signed"))
    await call.start()
    await twin.settle()
    assert twin.integration is not None
    shown = webhook.received[0].headers["x-jelou-signature"]
    right = signed(webhook.received[0].body, twin.integration.secret)
    assert len(shown) == len(right)
    assert shown != right


async def test_an_event_may_lack_its_metadata(twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver) -> None:
    """The start event then says nothing of the ticket, though the call did."""
    twin.faults.next_event(EventFault.named("without_metadata"))
    await call.start("T-1", initialMessage="Hola")
    assert (await only_event(twin, webhook))["value"] == {"initial_message": "Hola"}


async def test_an_event_may_arrive_after_the_next_of_its_conversation(
    twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver
) -> None:
    """A held start follows the first message; without a next event settling lets it go."""
    twin.faults.next_event(EventFault.named("out_of_order"), times=2)
    await call.start()
    twin.customer_writes(USER, "Hola")
    await twin.settle()
    await call.start(user_id="573000000002")
    await twin.settle()
    assert [body["event_type"] for body in webhook.bodies()] == ["message", "start", "start"]


async def test_an_event_fault_may_be_meant_for_one_ticket(
    twin: JelouTwin, call: JelouCaller, webhook: WebhookReceiver
) -> None:
    """A fault for one ticket waits for it, whoever comes before."""
    twin.faults.next_event(EventFault.named("dropped", only="T-2"))
    for ticket in ("T-1", "T-2", "T-3"):
        await call.start(ticket)
    await twin.settle()
    assert sorted(body["value"]["metadata"]["ticketId"] for body in webhook.bodies()) == ["T-1", "T-3"]


async def test_stopping_cancels_what_is_under_way(webhook: WebhookReceiver) -> None:
    """A twin that stops waits for no late event and leaves no task behind."""
    twin = jelou_like_recorded()
    await twin.start()
    twin.integrate(webhook.url)
    twin.faults.next_event(EventFault.named("late", delay_s=inf))
    await JelouCaller.of(twin).start()
    await asyncio.wait_for(twin.stop(), DEADLINE_S)
    assert not webhook.received
