"""Jelou's dialect beside the start: messages to the customer, the close, the state, templates. Pure.

Source: Jelou's "external support panel" pages for message, close and get conversation, its general API's page
"envio-individual" for templates. The send endpoint lists 200 and 500 and no body: a 2xx says "received", and what a
refusal looks like is told by no page, so words are recognised by tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson

from bridge.domain import Call
from bridge.errors import AlreadyClosed, Ambiguous, CallError, Denied, Refused, WindowClosed
from bridge.jelou import JSON_BODY, api_url, basic, headers
from bridge.jelou_answers import all_words, body_of, data_of, explain, judge, not_found, text_at
from bridge.replies import reply_json
from bridge.signatures import jelou_signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.accounts import Project
    from bridge.domain import CloseConversation, Reply, SayToCustomer
    from bridge.jelou_answers import Explained
    from bridge.replies import Meanings


# --- a message to the customer ---------------------------------------------------------------------------------------


def send_call(project: Project, say: SayToCustomer, secret: str = "") -> Call:
    """POST to the project's send URL, signed over the exact bytes; no key and no Basic.

    Signed with ``secret``, one that was made anew and handed over, else with the first of the project's.

    The same message gives the same bytes, so a repeat can be known by ``value.id``. Whether Jelou does is told nowhere.
    """
    body = orjson.dumps(
        {
            "field": "messages",
            "object": "message_event",
            "event_type": "incoming_message",
            "project_id": project.project_id,
            "room_id": say.room_id,
            "bot_id": say.bot_id,
            "user_id": say.user_id,
            "value": {"id": say.id, "type": say.message_type, "content": dict(say.content)},
        }
    )
    signature = jelou_signature(secret or project.signing_secrets[0].get_secret_value(), body)
    return Call(
        "POST", str(project.send_url), headers=JSON_BODY | {"x-jelou-signature": signature}, body=body, once=True
    )


def sent(reply: Reply) -> None:
    """Returns where Jelou has received the message; that says nothing of its delivery. Raises CallError.

    WindowClosed and AlreadyClosed where the answer allows to tell. A 500 is Ambiguous, unless it names the window.
    """
    judge(reply, SEND_MEANINGS, SEND_EXPLAINED)
    _not_failed(reply, _refusal, SEND_EXPLAINED)


def window_closed(reply: Reply) -> bool:
    """Whether a refusal says that WhatsApp's 24 hours since the customer's last message are over."""
    said = all_words(reply)
    return _says_window(said) or any(word in said for word in WINDOW_WORDS)


def _says_window(said: str) -> bool:
    return any(sign in said for sign in WINDOW_SIGNS)


def _refusal(reply: Reply) -> type[CallError]:
    if window_closed(reply):
        return WindowClosed
    return AlreadyClosed if _says_closed(reply) else Refused


def _send_not_found(reply: Reply) -> type[CallError]:
    found = _refusal(reply)
    if found is not Refused:
        return found
    return Refused if "room" in all_words(reply) else not_found(reply)


def _send_failed(reply: Reply) -> type[CallError]:
    # "window" alone is also a word of programs that fail.
    return WindowClosed if _says_window(all_words(reply)) else Ambiguous


def _says_closed(reply: Reply) -> bool:
    said = all_words(reply)
    return any(what in said for what in WHAT_CLOSES) and any(word in said for word in CLOSED_WORDS)


def _not_failed(reply: Reply, meaning: Any, explained: Explained) -> None:
    """Raises where a 2xx says in its envelope that it failed."""
    if text_at(body_of(reply), "statusMessage") == "failed":
        error = meaning(reply)
        raise error(explain(error, reply, explained), status=reply.status)


WINDOW_SIGNS: Final = (
    "131047",  # Meta's Cloud API: re-engagement message
    "63016",  # Twilio's name for the same
    "re-engagement",
    "reengagement",
    "24 hour",
    "24-hour",
    "24h",
    "24 hora",
)
"""What nothing but the closed window says. 131026 is not among them: it is a number that WhatsApp does not reach."""

WINDOW_WORDS: Final = ("window", "ventana", "janela", "template required", "requires a template", "template message")
"""What says so in a refusal, where it speaks of the request."""

WHAT_CLOSES: Final = ("conversa", "room", "chat")
"""What can have ended: a bot that is not active has not. In English, Spanish and Portuguese."""

CLOSED_WORDS: Final = (
    "closed",
    "not active",
    "no active",
    "inactiv",
    "ended",
    "cerrad",
    "encerrad",
    "fechad",
    "finaliz",
)

SEND_MEANINGS: Meanings = {
    400: _refusal,
    404: _send_not_found,
    409: _refusal,
    410: _refusal,
    422: _refusal,
    500: _send_failed,
}

SEND_EXPLAINED: Explained = {
    WindowClosed: "the customer last wrote more than 24 hours ago, and WhatsApp takes only a template then",
    AlreadyClosed: "the conversation has ended in Jelou meanwhile",
    Denied: "Jelou refuses the signature: the first of signing_secrets of the project",
}


# --- the end of a conversation ---------------------------------------------------------------------------------------


def close_call(project: Project, close: CloseConversation) -> Call:
    """POST .../{projectId}/conversations/close. It names bot and user, so a late one ends a newer conversation."""
    body: dict[str, Any] = {"botId": close.bot_id, "userId": close.user_id}
    if close.goodbye:
        body["redirectPayload"] = {"type": "text", "text": close.goodbye}
    return Call(
        "POST",
        f"{api_url(project)}/conversations/close",
        headers=headers(project) | JSON_BODY,
        body=orjson.dumps(body),
        once=True,
    )


def closed(reply: Reply) -> None:
    """Returns where the conversation was ended by this call. Raises CallError; AlreadyClosed where there was none."""
    judge(reply, CLOSE_MEANINGS, CLOSE_EXPLAINED)
    _not_failed(reply, _close_refusal, CLOSE_EXPLAINED)


def _close_refusal(reply: Reply) -> type[CallError]:
    return AlreadyClosed if _says_closed(reply) else Refused


def _close_not_found(reply: Reply) -> type[CallError]:
    # Only of bot and user can a close say "not found"; a conversation that is not found has ended.
    found = not_found(reply)
    return AlreadyClosed if found is Refused or _says_closed(reply) else found


CLOSE_MEANINGS: Meanings = {
    400: _close_refusal,
    404: _close_not_found,
    409: _close_refusal,
    410: _close_refusal,
    422: _close_refusal,
}

CLOSE_EXPLAINED: Explained = {AlreadyClosed: "the conversation had ended in Jelou already"}


# --- how a conversation stands ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Conversation:
    """What get-conversation tells. ``state`` is active, closed or a word we do not know; a time not told is 0."""

    room: str
    state: str
    started_ms: int = 0
    ended_ms: int = 0
    ended_reason: str = ""


def conversation(reply: Reply) -> Conversation:
    """The conversation out of the answer to get conversation. Raises CallError; Refused where there is none of that id.

    A success that tells no state is Ambiguous: nothing may be closed on its word.
    """
    judge(reply, {404: Refused}, {Refused: "Jelou knows no such conversation"})
    data = data_of(reply)
    state = (text_at(data, "state") or text_at(data, "status")).lower()
    if not state:
        msg = "Jelou answered success without the conversation's state"
        raise Ambiguous(msg, status=reply.status)
    return Conversation(
        text_at(data, "roomId"),
        state,
        _ms(text_at(data, "startAt")),
        _ms(text_at(data, "endAt")),
        text_at(data, "endedReason")[:80],
    )


def _ms(told: str) -> int:
    try:
        at = datetime.fromisoformat(told)
        # Without a zone it would be read in the zone of this machine.
        return int(at.timestamp() * 1000) if at.tzinfo else 0
    except (ValueError, OverflowError):
        return 0


# --- a template, where the window is closed --------------------------------------------------------------------------


def template_call(project: Project, name: str, language: str, parameters: Sequence[str], user_id: str) -> Call:
    """POST {general_url}/v2/whatsapp/{botId}/hsm, a text template to one person. Raises Denied without ``basic``.

    Not idempotent: it has no id of ours.
    """
    if not project.basic:
        msg = "a template is sent with basic of the project, and it has none"
        raise Denied(msg)
    told = {
        "elementName": name,
        "type": "text",
        "language": language,
        "parameters": list(parameters),
        "destinations": [user_id],
    }
    url = f"{str(project.general_url).rstrip('/')}/v2/whatsapp/{quote(project.bot_id, safe='')}/hsm"
    return Call("POST", url, headers=basic(project) | JSON_BODY, body=orjson.dumps(told), once=True)


def template_sent(reply: Reply) -> str:
    """The id of the template's message, empty where the answer names none. Raises CallError."""
    judge(reply, {}, {Denied: "Jelou refuses the credential for templates: basic of the project"})
    _not_failed(reply, lambda _: Refused, {})
    told = reply_json(reply)
    return text_at(told[0] if isinstance(told, list) and told else told, "id")
