"""Calls for people's eyes: the whole request, and none of the secrets in it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.domain import Call

HIDDEN: Final = "***"

PLAIN_HEADERS: Final = frozenset(
    {"accept", "content-type", "idempotency-key", "webhook-id", "webhook-timestamp", "intercom-version"}
)
"""Shown as they are. Of every other header only the name is: a credential may stand in any."""


def secrets_in(value: Any) -> Iterator[str]:
    """Every secret in a model, however deep."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from secrets_in(one)


def masked_call(call: Call, secrets: Iterable[str]) -> dict[str, Any]:
    """The request as an object: method, url, headers, body; JSON as JSON, anything else as text."""
    known = [one for one in secrets if one]
    headers = {name: value if name in PLAIN_HEADERS else HIDDEN for name, value in call.headers.items()}
    told = {"authorization": "Bearer " + HIDDEN} if call.granted else {}
    return {"method": call.method, "url": _masked(call.url, known), "headers": headers | told, **_body(call, known)}


def _body(call: Call, secrets: list[str]) -> dict[str, Any]:
    if not call.body:
        return {}
    text = _masked(call.body.decode("utf-8", "replace"), secrets)
    try:
        return {"body": orjson.loads(text)}
    except orjson.JSONDecodeError:
        return {"body": text}


def _masked(text: str, secrets: list[str]) -> str:
    for one in secrets:
        text = text.replace(one, HIDDEN)
    return text
