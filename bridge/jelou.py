"""Jelou's dialect: its events read, its calls made. Pure.

Source: Jelou's "external support panel" pages. They contradict each other on base path, credentials and envelopes, so
the base URL is a setting, ``x-api-key`` is always sent and Basic only where configured, answers are judged by their
HTTP code, and everything beside the id is optional.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from bridge.domain import (
    Assignment,
    Call,
    ConversationClosed,
    ConversationEvent,
    ConversationStarted,
    CustomerWrote,
    UnrecognisedConversation,
)
from bridge.errors import Ambiguous, Unreadable
from bridge.jelou_answers import data_of, judge, object_at, text_at
from bridge.nesting import TooDeep, loaded
from bridge.signatures import BasicCredentials, HeaderTokens, jelou_signed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.accounts import Project, WebhookAuth
    from bridge.domain import Reply, StartConversation, Verified
    from bridge.signatures import Verification


JSON_BODY = {"content-type": "application/json"}


# --- events ----------------------------------------------------------------------------------------------------------


def verifications(project: Project) -> list[Verification]:
    """All that an event of this project must pass: the signature always, the configured header as well."""
    signature = jelou_signed(secret.get_secret_value() for secret in project.signing_secrets)
    return [signature, *_presented(project.webhook_auth)]


def _presented(auth: WebhookAuth) -> list[Verification]:
    if auth.type == "bearer":
        return [HeaderTokens(header="authorization", scheme="bearer", tokens=(_key(auth.token),))]
    if auth.type == "api_key":
        return [HeaderTokens(header="x-api-key", tokens=(_key(auth.key),))]
    if auth.type == "basic":
        return [BasicCredentials(username=auth.username, passwords=(auth.password.get_secret_value(),))]
    return []


def _key(secret: Any) -> bytes:
    return str(secret.get_secret_value()).encode()


def read(verified: Verified, project: str) -> ConversationEvent:
    """The event in a delivery. Raises Unreadable, and nothing else, whatever the body is.

    Routed on ``object`` and ``event_type``: ``event`` is only on conversation events.
    """
    try:
        told = loaded(verified.delivery.body)
    except orjson.JSONDecodeError as error:
        raise Unreadable("body", f"not JSON at character {error.pos}") from None
    except TooDeep as error:
        raise Unreadable("body", str(error)) from None
    if not isinstance(told, dict):
        raise Unreadable("body", "not a JSON object")
    kind = _kind(told)
    reader = READERS.get(kind)
    if reader is None:
        return UnrecognisedConversation(project, "", "/".join(kind)[:80])
    return _distinct(reader(told, project), verified.delivery.received_ms)


def _distinct(event: ConversationEvent, received_ms: int) -> ConversationEvent:
    """Two closes of which Jelou tells neither conversation nor time are two, and not one told again."""
    if isinstance(event, ConversationClosed) and not (event.conversation_id or event.at_ms):
        return replace(event, fact=f"conversation.close:received:{received_ms}")
    return event


def _kind(told: Mapping[str, Any]) -> tuple[str, str]:
    event = text_at(told, "event")
    if event.startswith("conversation."):
        return "conversation_event", event.removeprefix("conversation.")
    return text_at(told, "object"), text_at(told, "event_type")


def _at_ms(told: Mapping[str, Any]) -> int:
    at = told.get("timestamp")
    return int(at) if isinstance(at, int | float) and 0 < at < 1e15 else 0  # noqa: PLR2004 - the year 33658


def _where(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "conversation_id": text_at(told, "conversation", "id"),
        "room_id": text_at(told, "room_id"),
        "bot_id": text_at(told, "bot", "id"),
        "user_id": text_at(told, "contact", "id"),
        "at_ms": _at_ms(told),
    }


def _started(told: Mapping[str, Any], project: str) -> ConversationEvent:
    where = _where(told)
    if not where["conversation_id"]:
        raise Unreadable("conversation.id", "missing")
    to = object_at(told, "conversation", "assignment")
    return ConversationStarted(
        project=project,
        fact=f"conversation.start:{where['conversation_id']}",
        assignment=Assignment(text_at(to, "type"), text_at(to, "target")) if to else None,
        metadata=object_at(told, "value", "metadata"),
        user_name=text_at(told, "contact", "name"),
        **where,
    )


def _closed(told: Mapping[str, Any], project: str) -> ConversationEvent:
    where = _where(told)
    named = where["conversation_id"] or where["room_id"] or (where["bot_id"] and where["user_id"])
    if not named:
        raise Unreadable("conversation.id", "missing, and neither room_id nor bot and contact stand in for it")
    fact = f"conversation.close:{where['conversation_id'] or where['at_ms']}"
    return ConversationClosed(project=project, fact=fact, reason=text_at(told, "value", "reason")[:80], **where)


def _wrote(told: Mapping[str, Any], project: str) -> ConversationEvent:
    message_id = text_at(told, "value", "id")
    if not message_id:
        raise Unreadable("value.id", "missing")
    return CustomerWrote(
        project=project,
        fact=f"message:{message_id}",
        message_id=message_id,
        message_type=text_at(told, "value", "type"),
        content=object_at(told, "value", "content"),
        user_name=text_at(told, "contact", "name"),
        **_where(told),
    )


READERS: dict[tuple[str, str], Callable[[Mapping[str, Any], str], ConversationEvent]] = {
    ("conversation_event", "start"): _started,
    ("conversation_event", "close"): _closed,
    ("message_event", "message"): _wrote,
}


# --- calls -----------------------------------------------------------------------------------------------------------


def start_call(project: Project, start: StartConversation) -> Call:
    """POST .../{projectId}/conversations/start. Not idempotent at Jelou, so it is never repeated by itself."""
    body: dict[str, Any] = {"botId": start.bot_id, "userId": start.user_id, "metadata": dict(start.metadata)}
    if start.initial_message:
        body["initialMessage"] = start.initial_message
    if start.assignment:
        body["assignment"] = {"type": start.assignment.type, "target": start.assignment.target}
    return Call(
        "POST",
        f"{api_url(project)}/conversations/start",
        headers=headers(project) | JSON_BODY,
        body=orjson.dumps(body),
        timeout_s=project.start_timeout_s,
        once=True,
    )


def get_call(project: Project, conversation_id: str) -> Call:
    """GET .../{projectId}/conversations/{conversationId}. Emits no event."""
    return Call("GET", f"{api_url(project)}/conversations/{quote(conversation_id, safe='')}", headers=headers(project))


def api_url(project: Project) -> str:
    """Where this project's calls go, up to the operation."""
    return f"{str(project.base_url).rstrip('/')}/{project.project_id}"


def headers(project: Project) -> dict[str, str]:
    """What every call of the REST API carries: the key, and Basic where it is configured."""
    return {"x-api-key": project.api_key.get_secret_value(), "accept": "application/json", **basic(project)}


def basic(project: Project) -> dict[str, str]:
    """The header of the project's Basic credential; empty where it has none."""
    if not project.basic:
        return {}
    pair = f"{project.basic.username}:{project.basic.password.get_secret_value()}"
    return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}


# --- answers ---------------------------------------------------------------------------------------------------------


def started_id(reply: Reply) -> str:
    """The conversation's id out of the answer to a start. Raises CallError.

    A success that names no conversation is Ambiguous: something was started, and we cannot say what.
    """
    judge(reply)
    found = text_at(data_of(reply), "conversationId")
    if not found:
        msg = "Jelou answered success without a conversation id"
        raise Ambiguous(msg, status=reply.status)
    return found
