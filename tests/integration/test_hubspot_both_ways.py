"""A list of HubSpot's events through the whole bridge: many tickets in one delivery, and what is written on each."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bridge.embedded import free_port
from bridge.helpdesks.hubspot_account import signed
from tests.harness import PROJECT, Running, configuration, eventually, jelou_twin, project, running
from tests.hubspot_api import TOKEN, HubspotApi, entries, hubspot_api
from tests.senders import delivered, prove

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin

PHONES = {"7001": "+593987654321", "7002": "+593987654322"}
PUBLIC_URL = "https://bridge.example.com/webhooks/helpdesks/hubspot/acme"
"""As it is written at HubSpot; the tests post to a port of this machine."""

ACCOUNT: dict[str, Any] = {
    "project": PROJECT,
    "verification": {"secrets": ["s"], "public_url": PUBLIC_URL},
    "start_when": [{"name": "all new"}],
    "initial_message": "Hola {{ requester.name }}: {{ ticket.subject }}",
    "write_back": {"field": "jelou_conversation"},
    "messages": {"merge_s": 0.2},
    "confirm_wait_s": 5,
    "calls_per_minute": 60_000,
}


@dataclass
class Scene:
    """HubSpot and Jelou, and the bridge between them."""

    bridge: Running
    jelou: JelouTwin
    hubspot: HubspotApi

    async def told(self, body: bytes) -> str:
        """Deliver a list; what became of it."""
        proof = signed(self.bridge.app.bridge.account("hubspot", "acme").verification)
        delivery = replace(delivered(body), received_ms=int(time.time() * 1000))
        headers = dict(prove(delivery, proof, now_ms=delivery.received_ms).on(delivery).headers)
        status, answer = await self.bridge.post("/webhooks/helpdesks/hubspot/acme", body, headers)
        assert status == 202
        return str(answer["status"])

    async def until(self, ticket: str, phase: str) -> dict[str, Any]:
        """The ticket's trace in this phase, with nothing left to write."""
        return await self.bridge.traced(
            "hubspot", "acme", ticket, lambda told: told["phase"] == phase and not told["to_write"]
        )

    def heard(self, trace: dict[str, Any]) -> list[str]:
        """What the bridge has said in the conversation of this ticket."""
        messages = self.jelou.ledger.conversations[trace["conversation"]].messages
        return [one.content["body"] for one in messages if one.by == "bridge"]


@asynccontextmanager
async def scene(redis_url: str, prefix: str) -> AsyncIterator[Scene]:
    """All three, with two new tickets at HubSpot."""
    port = free_port()
    async with hubspot_api() as hubspot, jelou_twin(f"http://127.0.0.1:{port}/webhooks/jelou/{PROJECT}") as jelou:
        for number, phone in PHONES.items():
            hubspot.open_ticket(number, phone)
        account = {**ACCOUNT, "access": {"token": TOKEN, "base_url": hubspot.url}}
        bridge = configuration(project(jelou), {"hubspot": {"acme": account}})
        async with running(bridge, redis_url, prefix, port=port) as run:
            yield Scene(run, jelou, hubspot)


def created(**values: Any) -> bytes:
    """Both tickets, new, in one list."""
    at_ms = int(time.time() * 1000)
    return entries(*PHONES, subscriptionType="ticket.creation", **{"occurredAt": at_ms, **values})


async def test_each_ticket_of_a_list_gets_its_conversation(redis_url: str, prefix: str) -> None:
    """With its own contact's number; the list, sent again as a whole, begins nothing."""
    async with scene(redis_url, prefix) as on:
        at_ms = int(time.time() * 1000)
        assert await on.told(created(occurredAt=at_ms)) == "accepted"
        traces = [await on.until(number, "open") for number in PHONES]
        assert await on.told(created(occurredAt=at_ms, attemptNumber=1)) == "accepted"
        for number, trace in zip(PHONES, traces, strict=True):
            conversation = on.jelou.ledger.conversations[trace["conversation"]]
            assert conversation.user_id == PHONES[number].removeprefix("+")
            assert on.hubspot.tickets[number]["jelou_conversation"] == trace["conversation"]
            assert len(on.hubspot.notes[number]) == 1
        assert len(on.jelou.ledger.conversations) == len(PHONES)


async def test_messages_pass_in_both_directions_and_a_close_is_a_stage(redis_url: str, prefix: str) -> None:
    """The agent's by its time alone, the customer's as a note; the end at Jelou moves the ticket to Closed."""
    async with scene(redis_url, prefix) as on:
        await on.told(created())
        trace = await on.until("7001", "open")
        on.hubspot.reply("7001", "Ya lo <b>vemos</b>", "2026-11-20T14:20:05.000Z")
        on.hubspot.reply("7001", "Listo", "2026-11-20T14:30:05.000Z")
        for value in ("1795184405120", "1795185005120"):
            await on.told(entries("7001", subscriptionType="ticket.propertyChange", occurredAt=int(value) + 900,
                                  propertyName="hs_last_message_sent_at", propertyValue=value))  # fmt: skip

        async def said() -> bool:
            return on.heard(trace)[-2:] == ["Ya lo vemos", "Listo"]

        await eventually(said, lambda: str(on.heard(trace)))
        on.jelou.customer_writes("593987654321", "Gracias <3")

        async def noted() -> bool:
            return any("Gracias &lt;3" in one and "[jelou-bridge:" in one for one in on.hubspot.notes["7001"])

        await eventually(noted, lambda: str(on.hubspot.notes))
        on.jelou.close("593987654321")
        await on.until("7001", "closed")
        assert on.hubspot.tickets["7001"]["hs_pipeline_stage"] == "4"
        assert on.hubspot.tickets["7002"]["hs_pipeline_stage"] == "1"


async def test_a_closed_ticket_ends_its_conversation(redis_url: str, prefix: str) -> None:
    """Read again first: one that is open meanwhile keeps it."""
    async with scene(redis_url, prefix) as on:
        await on.told(created())
        for number in PHONES:
            await on.until(number, "open")
        on.hubspot.tickets["7001"] |= {"hs_pipeline_stage": "4", "closed_date": "2026-11-20T15:41:30.881Z"}
        stage = {"propertyName": "hs_pipeline_stage", "propertyValue": "4", "occurredAt": 1_795_189_290_881}
        await on.told(entries(*PHONES, subscriptionType="ticket.propertyChange", **stage))
        await on.until("7001", "closed")
        assert (await on.bridge.trace("hubspot", "acme", "7002"))["phase"] == "open"
