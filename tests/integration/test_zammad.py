"""Zammad's signed webhooks through the whole bridge: a conversation begins, an agent's words arrive, it ends."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson

from bridge.embedded import free_port
from tests.harness import PROJECT, Running, configuration, jelou_twin, project, running
from tests.talk import heard

SECRET = "made-up-token"
ACCOUNT = {
    "project": PROJECT,
    "verification": {"secrets": [SECRET]},
    "start_when": [{"when": {"priority": "high"}, "max_age_s": 1_000_000_000}],
    "write_back": {"note": False},
    "user_id": {"region": "EC"},
}
"""Without access: what the webhooks tell has to do."""

FIRST = {"id": 104, "sender": "Customer", "internal": False, "body": "No puedo entrar"}
REPLY = {
    "id": 105,
    "sender": "Agent",
    "internal": False,
    "content_type": "text/html",
    "body": "<p>Pruebe <b>ahora</b></p>",
    "attachments": [{"id": 31, "filename": "guia.pdf", "size": "12", "url": "https://help.acme.example/31"}],
}


def body(article: dict[str, Any] | None, **ticket: Any) -> bytes:
    """What Zammad's job makes of a ticket and an article."""
    told = {
        "id": 81,
        "title": "T",
        "state": "new",
        "priority": {"id": 3, "name": "3 high"},
        "customer": {"id": 8, "firstname": "María", "lastname": "López", "mobile": "0987654321"},
        "customer_id": 8,
        "article_ids": [104],
        "article_count": 1,
        "created_at": "2026-11-20T14:00:00.000Z",
        "updated_at": "2026-11-20T14:00:00.100Z",
        "close_at": None,
        **ticket,
    }
    return orjson.dumps({"ticket": told, "article": article or {}})


async def hear(run: Running, raw: bytes, trigger: str, delivery: str) -> tuple[int, str]:
    """A delivery of this trigger, signed; its code, and what became of it."""
    headers = {
        "x-hub-signature": "sha1=" + hmac.new(SECRET.encode(), raw, hashlib.sha1).hexdigest(),
        "x-zammad-trigger": trigger,
        "x-zammad-delivery": delivery,
    }
    status, told = await run.post("/webhooks/helpdesks/zammad/acme", raw, headers)
    return status, told["status"]


async def test_a_ticket_of_zammad_is_carried_from_its_opening_to_its_end(redis_url: str, prefix: str) -> None:
    """A retry is the same delivery; the file is told by its name; what another trigger tells again is told once."""
    port = free_port()
    async with jelou_twin(f"http://127.0.0.1:{port}/webhooks/jelou/{PROJECT}") as peer:
        bridge = configuration(project(peer), {"zammad": {"acme": ACCOUNT}})
        async with running(bridge, redis_url, prefix, port=port) as run:
            created = body(FIRST)
            assert await hear(run, created, "Jelou: created", "j1") == (202, "accepted")
            assert await hear(run, created, "Jelou: created", "j1") == (202, "duplicate")
            await run.traced("zammad", "acme", "81", lambda told: told["phase"] == "open")
            assert [one.user_id for one in peer.ledger.by_ticket("81")] == ["593987654321"]

            later = {"article_ids": [104, 105], "article_count": 2, "updated_at": "2026-11-20T14:20:05.201Z"}
            for delivery, trigger in (("j2", "Jelou: article"), ("j3", "Jelou: solved")):
                await hear(run, body(REPLY, state="closed", **later), trigger, delivery)
            trace = await run.traced("zammad", "acme", "81", lambda told: told["phase"] == "closed")
            assert heard(peer.ledger.conversations[trace["conversation"]]) == ["Pruebe ahora\nguia.pdf"]
            assert [told["event"] for told in trace["timeline"] if told["what"] == "repeated"] == [
                "agent.replied",
                "ticket.solved",
            ]
