"""An account of Freshdesk, and what it tells and answers, for the tests of its dialect."""

from __future__ import annotations

import json
from typing import Any

import orjson

from bridge.domain import AgentReplied, Reply, TicketEvent, TicketRef
from bridge.helpdesks.freshdesk import Freshdesk, FreshdeskAccount
from tests.senders import verified

DESK = Freshdesk()
REF = TicketRef("freshdesk", "main", "1187")
MARK = "[jelou-bridge:0123456789abcdef]"
BRIDGE = "42"


def account(**values: Any) -> FreshdeskAccount:
    """An account, checked."""
    section = {
        "project": "acme",
        "verification": {"type": "header", "header": "X-Bridge-Token", "tokens": ["made-up"]},
        "access": {"base_url": "https://acme.freshdesk.com", "api_key": "made-up", "bridge_user_id": BRIDGE},
    }
    return FreshdeskAccount.model_validate({**section, **values})


ACME = account()


def read(body: bytes | dict[str, Any], of: FreshdeskAccount = ACME) -> list[TicketEvent]:
    """The events in a body."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return DESK.read(verified(raw, DESK.verification(of)), of, "main")


def told(event: str, **values: Any) -> dict[str, Any]:
    """A body of our template."""
    base = {"triggered_event": event, "ticket_id": "1187", "ticket_status": "Open", "ticket_priority": "High"}
    return {"freshdesk_webhook": {**base, **values}}


def answered(body: Any, status: int = 200, **headers: str) -> Reply:
    """An answer of the API."""
    return Reply(status, headers, json.dumps(body).encode())


def conversation(**values: Any) -> dict[str, Any]:
    """A conversation as the API lists it: an agent's public reply."""
    base = {"id": 5, "body": "<div>Hola</div>", "body_text": "Hola", "incoming": False, "private": False}
    return {**base, "user_id": 7, "source": 0, "created_at": "2026-11-20T14:20:05Z", **values}


def commented(*conversations: dict[str, Any]) -> list[AgentReplied]:
    """The comments of agents in these conversations."""
    return DESK.fetched_comments(ACME, REF, answered(list(conversations)))
