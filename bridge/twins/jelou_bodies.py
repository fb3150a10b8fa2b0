"""The bodies that Jelou takes, field by field. Strict: what is not in these tables is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from bridge.twins.jelou_answers import VALUES, Failure, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a body."""

    check: Callable[[Any], bool]
    required: bool = False


def is_text(value: Any) -> bool:
    """Say whether it is text with something in it."""
    return isinstance(value, str) and value != ""


def is_string(value: Any) -> bool:
    """Say whether it is text, empty or not."""
    return isinstance(value, str)


def are_texts(value: Any) -> bool:
    """Say whether it is a list of texts, with something in it."""
    return isinstance(value, list) and value != [] and all(map(is_text, value))


def is_object(value: Any) -> bool:
    """Say whether it is a JSON object."""
    return isinstance(value, dict)


def is_public_https(value: Any) -> bool:
    """Say whether it is an HTTPS address; plain HTTP is let pass to this machine, where a twin's peer is."""
    if not isinstance(value, str):
        return False
    url = urlsplit(value)
    return bool(url.hostname) and (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK))


def one_of(*values: str) -> Callable[[Any], bool]:
    """Make the check for one of these texts."""
    return lambda value: isinstance(value, str) and value in values


def object_of(fields: dict[str, Field]) -> Callable[[Any], bool]:
    """Make the check for an object with these fields and no others."""
    return lambda value: isinstance(value, dict) and not problems(value, fields)


LOOPBACK = ("127.0.0.1", "localhost", "::1")

AUTH_TYPES = ("no_auth", "bearer", "api_key", "basic")

INTEGRATION = {
    "webhookUrl": Field(is_public_https, required=True),
    "authType": Field(one_of(*AUTH_TYPES)),
    "authorization": Field(is_text),
}

AUTHORIZATION = {"authorization": Field(is_text, required=True)}
"""What an integration needs besides, unless its ``authType`` is ``no_auth``."""

INTEGRATION_UPDATE = {name: Field(field.check) for name, field in INTEGRATION.items()}

ASSIGNMENT = {"type": Field(one_of("queue", "operator", "team")), "target": Field(is_text)}

START = {
    "botId": Field(is_text, required=True),
    "userId": Field(is_text, required=True),
    "initialMessage": Field(is_string),
    "metadata": Field(is_object),
    "assignment": Field(object_of(ASSIGNMENT)),
}

REDIRECT = {"type": Field(one_of("text", "edge")), "text": Field(is_string)}

CLOSE = {
    "botId": Field(is_text, required=True),
    "userId": Field(is_text, required=True),
    "redirectPayload": Field(object_of(REDIRECT)),
}

MEDIA = {"url": Field(is_public_https, required=True), "mime_type": Field(is_text, required=True)}

CONTENTS: dict[str, dict[str, Field]] = {
    "text": {"body": Field(is_text, required=True)},
    "image": {**MEDIA, "caption": Field(is_string)},
    "video": {**MEDIA, "caption": Field(is_string)},
    "audio": MEDIA,
    "document": {**MEDIA, "filename": Field(is_string)},
}
"""The message types, both directions, each with its content."""

TEMPLATE = {
    "elementName": Field(is_text, required=True),
    "destinations": Field(are_texts, required=True),
    "parameters": Field(lambda value: isinstance(value, list)),
    "language": Field(is_text),
    "type": Field(is_text),
}

VALUE = {
    "id": Field(is_text, required=True),
    "type": Field(one_of(*CONTENTS), required=True),
    "content": Field(is_object, required=True),
}


def is_value(value: Any) -> bool:
    """Say whether it is a message: its id, its type, and the content that belongs to the type."""
    return object_of(VALUE)(value) and not problems(value["content"], CONTENTS[value["type"]])


MESSAGE = {
    "field": Field(one_of("messages"), required=True),
    "object": Field(one_of("message_event"), required=True),
    "event_type": Field(one_of("incoming_message"), required=True),
    "project_id": Field(is_text, required=True),
    "room_id": Field(is_text, required=True),
    "bot_id": Field(is_text, required=True),
    "user_id": Field(is_text, required=True),
    "value": Field(is_value, required=True),
}

UNKNOWN = ("el campo {} no existe", "the {} field does not exist")
MISSING = ("el campo {} es obligatorio", "the {} field is required")
MALFORMED = ("el campo {} no es válido", "the {} field is not valid")


def problems(body: Json, fields: dict[str, Field]) -> Json:
    """Find what is wrong with a body: field to texts, as ``validationError`` tells it; empty where all is right."""
    found: Json = {name: _texts(UNKNOWN, name) for name in body if name not in fields}
    for name, field in fields.items():
        if name not in body:
            if field.required:
                found[name] = _texts(MISSING, name)
        elif not field.check(body[name]):
            found[name] = _texts(MALFORMED, name)
    return found


def _texts(words: tuple[str, str], name: str) -> list[Json]:
    spanish, english = words
    return [{"es": spanish.format(name), "en": english.format(name)}]


def parsed(
    raw: bytes, content_type: str, fields: dict[str, Field], refuse_as: Failure = VALUES, status: int = 0
) -> Json:
    """Read a body. Raises that refusal (with ``status``, where given) for anything but what ``fields`` say."""
    try:
        body = orjson.loads(raw) if content_type == "application/json" else None
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise refusal(refuse_as, {"body": _texts(MALFORMED, "body")}, status)
    found = problems(body, fields)
    if found:
        raise refusal(refuse_as, found, status)
    return body
