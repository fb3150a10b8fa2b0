"""Words that are not for the customer stay in the helpdesk: the trace says so each time, the ticket once."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.addressees import ELSEWHERE, REASONS
from tests.harness import STANDARD_SECRET, Scene, scene
from tests.outcomes import reasons
from tests.talk import hears
from tests.webhook_receiver import WebhookReceiver

pytestmark = pytest.mark.asyncio

ANA, OTHER = "ana@example.com", "proveedor@partner.example"


async def writes(on: Scene, comment_id: str, body: str, *to: str) -> None:
    """An agent writes on the ticket."""
    comment = {"id": comment_id, "body": body, "public": True, "to": list(to)}
    data: dict[str, Any] = {"ticket": {"id": "T-1"}, "requester": {"email": ANA}, "comment": comment}
    assert (await on.signed({"type": "comment.added", "data": data}, f"msg-{comment_id}"))[0] == 202


@pytest.mark.parametrize(
    ("language", "said"), [("en", "somebody else"), ("es", "alguien que no es"), ("pt", "alguém que não é")]
)
async def test_a_mail_to_somebody_else_is_told_on_the_ticket_once(
    redis_url: str, prefix: str, language: str, said: str
) -> None:
    """Two of them make one note; the reply that is for the customer arrives, with its copies."""
    async with WebhookReceiver() as desk:
        access = {"write_back_url": desk.url, "secret": STANDARD_SECRET}
        scripts = {"language": language, "access": access, "write_back": {"note": True}}
        async with scene(redis_url, prefix, scripts=scripts) as on:
            await on.scripted("T-1")
            opened = await on.until_phase("T-1", "open")
            await writes(on, "1", "Revise a este cliente moroso", OTHER)
            await writes(on, "2", "¿Ya lo vio?", OTHER)
            await writes(on, "3", "Ya lo revisamos", OTHER, f"Ana <{ANA.upper()}>")
            await writes(on, "4", "Hasta luego")
            await hears(on.jelou.ledger.conversations[opened["conversation"]], "Ya lo revisamos", "Hasta luego")
            trace = await on.until_phase("T-1", "open")
            assert reasons(trace, "ignored").count(REASONS[ELSEWHERE]) == 2
            assert sum(said in one for one in notes(desk)) == 1


async def test_an_account_that_asks_no_addressees_sends_all(redis_url: str, prefix: str) -> None:
    """``addressees: off``: whatever the helpdesk calls public."""
    async with scene(redis_url, prefix, scripts={"addressees": "off"}) as on:
        await on.scripted("T-1")
        opened = await on.until_phase("T-1", "open")
        await writes(on, "1", "Para todos", OTHER)
        await hears(on.jelou.ledger.conversations[opened["conversation"]], "Para todos")


async def test_a_mail_on_a_ticket_without_a_conversation_is_not_told(redis_url: str, prefix: str) -> None:
    """Nothing would have been sent."""
    async with WebhookReceiver() as desk:
        access = {"write_back_url": desk.url, "secret": STANDARD_SECRET}
        async with scene(
            redis_url, prefix, scripts={"access": access, "start_when": [], "write_back": {"note": True}}
        ) as on:
            await on.scripted("T-1")
            await writes(on, "1", "Revise", OTHER)
            trace = await on.bridge.traced(
                "standard-webhooks", "scripts", "T-1", lambda told: REASONS[ELSEWHERE] in reasons(told, "ignored")
            )
            assert not trace["to_write"]
            assert notes(desk) == []


def notes(desk: WebhookReceiver) -> list[str]:
    """The notes that the helpdesk has got."""
    return [one["data"]["note"]["body"] for one in desk.bodies() if one["type"] == "note.add"]
