"""Jelou's answers judged: what each means, and what is said of it to people. Pure.

Source: Jelou's "external support panel" pages. ``message`` is a text or a list of them, the envelope may be missing,
and so may every field: answers are judged by their HTTP code, and words only tell apart what has one code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bridge.errors import (
    Ambiguous,
    BotNotFound,
    CallError,
    Denied,
    Refused,
    Throttled,
    UserNotFound,
)
from bridge.nesting import loaded
from bridge.replies import raise_for, retry_after_s

if TYPE_CHECKING:
    from bridge.domain import Reply
    from bridge.replies import Meanings

Explained = Mapping[type[CallError], str]
"""Error to what it says to people."""


class AlreadyActive(Refused):
    """Jelou says that the user already has a conversation. On a retry that is evidence that an earlier try worked."""


def text_at(told: Any, *path: str) -> str:
    """The text or number at this path of a JSON value, as text; empty where there is none."""
    for step in path:
        told = told.get(step) if isinstance(told, dict) else None
    return str(told) if isinstance(told, str | int | float) and not isinstance(told, bool) else ""


def object_at(told: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """The object at this path of a JSON value; empty where there is none."""
    found: Any = told
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def data_of(reply: Reply) -> dict[str, Any]:
    """What an answer says: under ``data``, or at the top where the envelope is missing."""
    told = body_of(reply)
    data = told.get("data")
    return data if isinstance(data, dict) else told


def body_of(reply: Reply) -> dict[str, Any]:
    """The JSON object of an answer; empty where it is none."""
    try:
        told = loaded(reply.body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def judge(reply: Reply, meanings: Meanings = MappingProxyType({}), explained: Explained = MappingProxyType({})) -> None:
    """Raises the CallError that this answer means; the tables name what differs from every other call's.

    ``message`` is a text or a list of them; all else may be missing.
    """
    try:
        raise_for(reply, {**MEANINGS, **meanings})
    except CallError as error:
        said = explain(type(error), reply, explained)
        raise type(error)(said, status=error.status, retry_after_s=error.retry_after_s) from None


def explain(error: type[CallError], reply: Reply, explained: Explained = MappingProxyType({})) -> str:
    """For people: what an error means, and the answer's own status."""
    said = explained.get(error) or EXPLAINED.get(error, "Jelou did not do it")
    return f"{said} ({status_words(reply)})"


def status_words(reply: Reply) -> str:
    """For people. Of the body, only the names of refused fields are said: their values may be a customer's."""
    fields = ", ".join(sorted(object_at(body_of(reply), "validationError")))[:200]
    return f"HTTP {reply.status}{f'; fields: {fields}' if fields else ''}"


def not_found(reply: Reply) -> type[CallError]:
    """Which of bot, user and conversation is missing; UserNotFound where the answer does not say."""
    told = body_of(reply)
    key, said = text_at(told, "error", "key").upper(), words(told)
    if "CONVERSATION" in key or "conversation" in said:
        return Refused
    return BotNotFound if "BOT" in key or ("bot" in said and "user" not in said) else UserNotFound


def _invalid(reply: Reply) -> type[CallError]:
    told = body_of(reply)
    about = f"{text_at(told, 'error', 'key').lower()} {words(told)}"
    return AlreadyActive if "active" in about.replace("inactive", "") else Refused


def _unavailable(reply: Reply) -> type[CallError]:
    """A gateway's 503 may come after the body went through it; Jelou's own, in its envelope or with a time, did not."""
    told = body_of(reply)
    own = "statusMessage" in told or retry_after_s(reply) is not None
    return Throttled if own else Ambiguous


def words(told: Mapping[str, Any]) -> str:
    """The messages of an answer, in lower case."""
    message = told.get("message")
    texts = message if isinstance(message, list) else [message]
    return " ".join(text for text in texts if isinstance(text, str)).lower()


def all_words(reply: Reply) -> str:
    """Everything by which an answer names its problem, in lower case: messages, code, key, description."""
    told = body_of(reply)
    named = (text_at(told, "error", name) for name in ("code", "key", "description"))
    return " ".join((words(told), *named)).lower()


MEANINGS: Meanings = {400: _invalid, 404: not_found, 409: _invalid, 422: _invalid, 503: _unavailable}

EXPLAINED: Explained = {
    UserNotFound: "Jelou knows no such user: the person may have to write first",
    BotNotFound: "Jelou knows no such bot: bot_id of the project is wrong",
    AlreadyActive: "Jelou says that the user already has an active conversation",
    Denied: "Jelou refuses the credential: api_key or basic of the project",
    Throttled: "Jelou asks to wait",
    Ambiguous: "Jelou's answer does not tell whether it was done",
    Refused: "Jelou refuses the request as it stands",
}
