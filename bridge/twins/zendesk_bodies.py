"""The ticket attributes that Zendesk takes, and its refusals.

Stricter than Zendesk, which drops an attribute it does not know and says so in a header: here that is a 422.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from bridge.twins.answers import Answer, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    Checks = dict[str, Callable[[Any], bool]]

Json = dict[str, Any]

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = ("low", "normal", "high", "urgent")
TYPES = ("problem", "incident", "question", "task")


def _text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _id(value: Any) -> bool:
    return type(value) is int


def _id_or_none(value: Any) -> bool:
    return value is None or _id(value)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _tags(value: Any) -> bool:
    return isinstance(value, list) and all(_text(tag) and " " not in tag for tag in value)


def _custom_fields(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(entry, dict) and entry.keys() == {"id", "value"} and _id(entry["id"]) for entry in value
    )


def _comment(value: Any) -> bool:
    return isinstance(value, dict) and "body" in value and not _wrong(value, COMMENT)


def _requester(value: Any) -> bool:
    return isinstance(value, dict) and "name" in value and not _wrong(value, REQUESTER)


def _one_of(*values: str | None) -> Callable[[Any], bool]:
    return lambda value: value in values


COMMENT: Checks = {"body": _text, "public": _flag, "author_id": _id}

REQUESTER: Checks = {"name": _text, "email": _text, "phone": _text_or_none}

ATTRIBUTES: Checks = {
    "subject": _text,
    "comment": _comment,
    "status": _one_of(*STATUSES),
    "priority": _one_of(*PRIORITIES),
    "type": _one_of(*TYPES),
    "tags": _tags,
    "custom_fields": _custom_fields,
    "external_id": _text_or_none,
    "group_id": _id_or_none,
    "assignee_id": _id_or_none,
    "organization_id": _id_or_none,
    "requester_id": _id,
    "custom_status_id": _id,
    "ticket_form_id": _id,
    "brand_id": _id,
}

UPDATE = {**ATTRIBUTES, "safe_update": _flag, "updated_stamp": _text}

CREATE = {**ATTRIBUTES, "requester": _requester, "submitter_id": _id}


def _wrong(values: Json, known: Checks) -> list[str]:
    return [name for name, value in values.items() if name not in known or not known[name](value)]


def refused(status: int, error: str, description: str, **more: Any) -> RefusedError:
    """Make a refusal in Zendesk's usual form."""
    return RefusedError(Answer(status, {"error": error, "description": description, **more}))


def invalid(**details: str) -> RefusedError:
    """Make the refusal of a record, with what is wrong field by field."""
    told = {name: [{"description": text}] for name, text in details.items()}
    return refused(422, "RecordInvalid", "Record validation errors", details=told)


def not_found() -> RefusedError:
    """Make the refusal for a record that does not exist."""
    return refused(404, "RecordNotFound", "Not found")


def failure_of(status: int) -> Answer:
    """Make the answer with which Zendesk would say this status."""
    error, description = ERRORS.get(status, ("InternalError", "Something went wrong"))
    return Answer(status, {"error": error, "description": description})


ERRORS = {
    401: ("Couldn't authenticate you", "Couldn't authenticate you"),
    403: ("Forbidden", "You do not have access to this page"),
    404: ("RecordNotFound", "Not found"),
    409: ("UpdateConflict", "The ticket was updated meanwhile"),
    422: ("RecordInvalid", "Record validation errors"),
    429: ("TooManyRequests", "Rate limit exceeded"),
    503: ("ServiceUnavailable", "Try again later"),
}


def parsed(raw: bytes, content_type: str) -> Json:
    """Read a JSON object. Raises the refusal for anything else."""
    try:
        body = orjson.loads(raw) if content_type == "application/json" else None
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise RefusedError(Answer(422, {"error": "Unprocessable Entity", "message": "Server could not parse JSON"}))
    return body


def attributes(raw: bytes, content_type: str, known: Checks) -> Json:
    """Read ``{"ticket": {...}}`` with nothing in it but ``known``. Raises the refusal for anything else."""
    values = parsed(raw, content_type).get("ticket")
    if not isinstance(values, dict):
        refusal = {"title": "Invalid attribute", "message": "You passed an invalid value for the ticket attribute."}
        raise RefusedError(Answer(400, {"error": refusal}))
    return checked(values, known)


def checked(values: Json, known: Checks) -> Json:
    """Give the attributes back. Raises the refusal where one is unknown or has a value it cannot have."""
    wrong = _wrong(values, known)
    if wrong:
        raise invalid(**{name: f"{name.capitalize()}: is invalid" for name in wrong})
    return values
