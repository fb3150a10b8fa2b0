"""The events that Jelou posts: composed, signed, posted once.

One attempt, no retry, 20 s: the webhook pages promise nothing, these are the limits of Jelou's custom channel.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from bridge.twins.ledger import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.twins.jelou_settings import Integration, JelouSettings
    from bridge.twins.ledger import Conversation, Message

Json = dict[str, Any]

EVENTS: dict[str, Json] = {
    "start": {
        "event": "conversation.start",
        "field": "conversation",
        "object": "conversation_event",
        "event_type": "start",
    },
    "message": {"field": "messages", "object": "message_event", "event_type": "message"},
    "close": {
        "event": "conversation.close",
        "field": "conversation",
        "object": "conversation_event",
        "event_type": "close",
    },
}
"""What tells the events apart; there is no ``event`` on messages."""

ASSIGNMENTS_TOLD = {"operator": "direct"}
"""The request's word and the event's, where they differ; the event's list knows queue and direct."""

AUTH_HEADERS: dict[str, Callable[[str], dict[str, str]]] = {
    "no_auth": lambda _credential: {},
    "bearer": lambda credential: {"Authorization": f"Bearer {credential}"},
    "api_key": lambda credential: {"X-API-Key": credential},
    "basic": lambda credential: {"Authorization": "Basic " + base64.b64encode(credential.encode()).decode()},
}


def _envelope(name: str, settings: JelouSettings, conversation: Conversation, value: Json) -> Json:
    return {
        **EVENTS[name],
        "timestamp": now_ms(),
        "project_id": settings.project_id,
        "room_id": conversation.room_id,
        "contact": {"id": conversation.user_id, "name": settings.name_of(conversation.user_id)},
        "conversation": {"id": conversation.id},
        "bot": {"id": conversation.bot_id, "name": settings.bot_name},
        "value": value,
    }


def start_event(settings: JelouSettings, conversation: Conversation) -> Json:
    """Compose ``conversation.start``: what was not sent at the start is absent."""
    optional = {"initial_message": conversation.initial_message, "metadata": conversation.metadata}
    event = _envelope("start", settings, conversation, {k: v for k, v in optional.items() if v is not None})
    if conversation.assignment is not None:
        told = dict(conversation.assignment)
        told["type"] = ASSIGNMENTS_TOLD.get(told.get("type", ""), told.get("type"))
        event["conversation"]["assignment"] = told
    return event


def message_event(settings: JelouSettings, conversation: Conversation, message: Message) -> Json:
    """Compose the event of a message that the end user wrote."""
    value = {"id": message.id, "type": message.type, "content": message.content}
    return _envelope("message", settings, conversation, value)


def close_event(settings: JelouSettings, conversation: Conversation, redirect: Json | None, reason: str = "") -> Json:
    """Compose ``conversation.close``.

    Reason and goodbye are promised by the documentation, their names are a guess; a close without a goodbye, asked for
    by the API, tells neither.
    """
    value: Json = {"reason": reason or conversation.ended_reason} if reason or redirect else {}
    if redirect:
        value["redirect_payload"] = redirect
    return _envelope("close", settings, conversation, value)


def without_metadata(event: Json) -> Json:
    """Give the event without the metadata it would carry."""
    return {**event, "value": {name: value for name, value in event["value"].items() if name != "metadata"}}


def signature(body: bytes, secret: str) -> str:
    """Sign these bytes: ``sha256=`` and the hex HMAC-SHA256, keyed with the secret as text."""
    return "sha256=" + hmac.digest(secret.encode(), body, hashlib.sha256).hex()


def signed_headers(integration: Integration, body: bytes, *, rightly: bool) -> dict[str, str]:
    """Make the headers of an event; signed with another secret where not ``rightly``."""
    secret = integration.secret if rightly else f"not {integration.secret}"
    return {
        "Content-Type": "application/json",
        "X-Jelou-Signature": signature(body, secret),
        **AUTH_HEADERS[integration.auth_type](integration.authorization),
    }


async def post(
    session: ClientSession, url: str, body: bytes, headers: dict[str, str], timeout_s: float
) -> tuple[int, str]:
    """Post once; give the status and, where there is none (0), what kept it away."""
    timeout = ClientTimeout(total=None, sock_connect=timeout_s, sock_read=timeout_s)
    try:
        async with session.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False) as reply:
            await reply.read()
            return reply.status, ""
    except (ClientError, TimeoutError, OSError) as error:
        return 0, type(error).__name__
