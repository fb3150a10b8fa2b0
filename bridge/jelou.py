"""Jelou's dialect: its events read, its calls made, its answers judged. Pure.

Source: Jelou's "external support panel" pages. They contradict each other on base path, credentials and envelopes, so
the base URL is a setting, ``x-api-key`` is always sent and Basic only where configured, answers are judged by their
HTTP code, and everything beside the id is optional.
"""

from __future__ import annotations

from base64 import b64encode
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
from bridge.errors import Ambiguous, BotNotFound, CallError, Denied, Refused, Throttled, Unreadable, UserNotFound
from bridge.replies import raise_for, retry_after_s
from bridge.signatures import BasicCredentials, HeaderTokens, jelou_signed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.accounts import Project, WebhookAuth
    from bridge.domain import Reply, StartConversation, Verified
    from bridge.replies import Meanings
    from bridge.signatures import Verification


class AlreadyActive(Refused):
    """Jelou says that the user already has a conversation. On a retry that is evidence that an earlier try worked."""


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
        told = orjson.loads(verified.delivery.body)
    except orjson.JSONDecodeError as error:
        raise Unreadable("body", f"not JSON at character {error.pos}") from None
    if not isinstance(told, dict):
        raise Unreadable("body", "not a JSON object")
    kind = _kind(told)
    reader = READERS.get(kind)
    if reader is None:
        return UnrecognisedConversation(project, "", "/".join(kind)[:80])
    return reader(told, project)


def _kind(told: Mapping[str, Any]) -> tuple[str, str]:
    event = _str(told, "event")
    if event.startswith("conversation."):
        return "conversation_event", event.removeprefix("conversation.")
    return _str(told, "object"), _str(told, "event_type")


def _str(told: Any, *path: str) -> str:
    for step in path:
        told = told.get(step) if isinstance(told, dict) else None
    return str(told) if isinstance(told, str | int | float) and not isinstance(told, bool) else ""


def _dict(told: Mapping[str, Any], *path: str) -> dict[str, Any]:
    found: Any = told
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _at_ms(told: Mapping[str, Any]) -> int:
    at = told.get("timestamp")
    return int(at) if isinstance(at, int | float) and 0 < at < 1e15 else 0  # noqa: PLR2004 - the year 33658


def _where(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "conversation_id": _str(told, "conversation", "id"),
        "room_id": _str(told, "room_id"),
        "bot_id": _str(told, "bot", "id"),
        "user_id": _str(told, "contact", "id"),
        "at_ms": _at_ms(told),
    }


def _started(told: Mapping[str, Any], project: str) -> ConversationEvent:
    where = _where(told)
    if not where["conversation_id"]:
        raise Unreadable("conversation.id", "missing")
    to = _dict(told, "conversation", "assignment")
    return ConversationStarted(
        project=project,
        fact=f"conversation.start:{where['conversation_id']}",
        assignment=Assignment(_str(to, "type"), _str(to, "target")) if to else None,
        metadata=_dict(told, "value", "metadata"),
        **where,
    )


def _closed(told: Mapping[str, Any], project: str) -> ConversationEvent:
    where = _where(told)
    named = where["conversation_id"] or where["room_id"] or (where["bot_id"] and where["user_id"])
    if not named:
        raise Unreadable("conversation.id", "missing, and neither room_id nor bot and contact stand in for it")
    fact = f"conversation.close:{where['conversation_id'] or where['at_ms']}"
    return ConversationClosed(project=project, fact=fact, reason=_str(told, "value", "reason")[:80], **where)


def _wrote(told: Mapping[str, Any], project: str) -> ConversationEvent:
    message_id = _str(told, "value", "id")
    if not message_id:
        raise Unreadable("value.id", "missing")
    return CustomerWrote(
        project=project,
        fact=f"message:{message_id}",
        message_id=message_id,
        message_type=_str(told, "value", "type"),
        content=_dict(told, "value", "content"),
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
        headers=api_headers(project) | {"content-type": "application/json"},
        body=orjson.dumps(body),
        timeout_s=project.start_timeout_s,
        once=True,
    )


def get_call(project: Project, conversation_id: str) -> Call:
    """GET .../{projectId}/conversations/{conversationId}. Emits no event."""
    return Call(
        "GET", f"{api_url(project)}/conversations/{quote(conversation_id, safe='')}", headers=api_headers(project)
    )


def api_url(project: Project) -> str:
    """Where the project's operations 1 to 8 are."""
    return f"{str(project.base_url).rstrip('/')}/{project.project_id}"


def api_headers(project: Project) -> dict[str, str]:
    """Who calls: ``x-api-key`` always, Basic only where it is configured, since a needless one may be a 401."""
    headers = {"x-api-key": project.api_key.get_secret_value(), "accept": "application/json"}
    if project.basic:
        pair = f"{project.basic.username}:{project.basic.password.get_secret_value()}"
        headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return headers


# --- answers ---------------------------------------------------------------------------------------------------------


def started_id(reply: Reply) -> str:
    """The conversation's id out of the answer to a start. Raises CallError.

    A success that names no conversation is Ambiguous: something was started, and we cannot say what.
    """
    _judge(reply)
    found = _str(enveloped(reply), "conversationId")
    if not found:
        msg = "Jelou answered success without a conversation id"
        raise Ambiguous(msg, status=reply.status)
    return found


def room_id(reply: Reply) -> str:
    """The room out of the answer to get conversation; empty where it names none. Raises CallError."""
    _judge(reply)
    return _str(enveloped(reply), "roomId")


def enveloped(reply: Reply) -> dict[str, Any]:
    """What was answered: ``data`` where there is an envelope, else the whole object."""
    told = object_in(reply)
    data = told.get("data")
    return data if isinstance(data, dict) else told


def object_in(reply: Reply) -> dict[str, Any]:
    """The JSON object of an answer; empty where it holds none."""
    try:
        told = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _judge(reply: Reply) -> None:
    """Raises the CallError that this answer means. ``message`` is a text or a list of them; all else may be missing."""
    try:
        raise_for(reply, MEANINGS)
    except CallError as error:
        raise type(error)(_explained(error, reply), status=error.status, retry_after_s=error.retry_after_s) from None


def _explained(error: CallError, reply: Reply) -> str:
    return f"{EXPLAINED.get(type(error), 'Jelou did not do it')} ({status_words(reply)})"


def status_words(reply: Reply) -> str:
    """For people. Of the body, only the names of refused fields are said: their values may be a customer's."""
    fields = ", ".join(sorted(_dict(object_in(reply), "validationError")))[:200]
    return f"HTTP {reply.status}{f'; fields: {fields}' if fields else ''}"


def _not_found(reply: Reply) -> type[CallError]:
    told = object_in(reply)
    key, words = _str(told, "error", "key").upper(), words_in(told)
    if "CONVERSATION" in key or "conversation" in words:
        return Refused
    return BotNotFound if "BOT" in key or ("bot" in words and "user" not in words) else UserNotFound


def _invalid(reply: Reply) -> type[CallError]:
    told = object_in(reply)
    about = f"{_str(told, 'error', 'key').lower()} {words_in(told)}"
    return AlreadyActive if "active" in about.replace("inactive", "") else Refused


def _unavailable(reply: Reply) -> type[CallError]:
    """A gateway's 503 may come after the body went through it; Jelou's own, in its envelope or with a time, did not."""
    told = object_in(reply)
    own = "statusMessage" in told or retry_after_s(reply) is not None
    return Throttled if own else Ambiguous


def words_in(told: Mapping[str, Any]) -> str:
    """Its ``message``, a text or a list of them, in lower case."""
    message = told.get("message")
    texts = message if isinstance(message, list) else [message]
    return " ".join(text for text in texts if isinstance(text, str)).lower()


MEANINGS: Meanings = {400: _invalid, 404: _not_found, 409: _invalid, 422: _invalid, 503: _unavailable}

EXPLAINED: Mapping[type[CallError], str] = {
    UserNotFound: "Jelou knows no such user: the person may have to write first",
    BotNotFound: "Jelou knows no such bot: bot_id of the project is wrong",
    AlreadyActive: "Jelou says that the user already has an active conversation",
    Denied: "Jelou refuses the credential: api_key or basic of the project",
    Throttled: "Jelou asks to wait",
    Ambiguous: "Jelou's answer does not tell whether it was done",
    Refused: "Jelou refuses the request as it stands",
}
