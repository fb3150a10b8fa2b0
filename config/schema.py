"""A JSON schema of ``bridge.yaml``, so that an editor completes and checks while it is written. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from config.file_model import file_model
from config.references import NAME_PATTERN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.accounts import Account

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
REFRESH: Final = "bridge schema > config/bridge.schema.json"
"""How the committed schema is made again."""

SECRET: Final[Mapping[str, Any]] = {"type": "string", "pattern": rf"^({NAME_PATTERN}|file:.+)$"}
REFERENCE: Final[Mapping[str, Any]] = {
    "description": "${NAME} or ${NAME:-default}: taken from the environment.",
    "type": "string",
    "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}",
}

MAPPING: Final[Mapping[str, Any]] = {"anyOf": [{"$ref": "#/$defs/HelpdeskMapping"}, {"type": "string"}]}
"""Written out, or the name of a shipped one, or ``file:PATH``."""

_SINGLE: Final = frozenset({"string", "integer", "number", "boolean"})
_NARROWED: Final = frozenset({"pattern", "format", "enum"})
_NAMED: Final = frozenset({"properties", "patternProperties", "$defs"})
"""Keywords whose keys are names, not keywords."""


def json_schema(kinds: Mapping[str, type[Account]]) -> dict[str, Any]:
    """The schema, draft 2020-12: ``helpdesks.<kind>.<account>`` typed by its kind, secrets as references alone."""
    schema = _opened(file_model(kinds).model_json_schema())
    schema["$defs"] = {**schema["$defs"], "FromEnvironment": dict(REFERENCE)}
    return {"$schema": DIALECT, "title": "bridge.yaml", **schema}


def schema_text(kinds: Mapping[str, type[Account]]) -> str:
    """The schema as the committed file has it."""
    return json.dumps(json_schema(kinds), indent=2, ensure_ascii=False) + "\n"


def _opened(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a value, widened to what a person may write in its place."""
    if schema.get("format") == "password":
        return {**SECRET, **_about(schema)}
    if schema.get("$ref") == MAPPING["anyOf"][0]["$ref"]:
        return {**MAPPING, **_about(schema)}
    rest = {key: _inner(key, value) for key, value in schema.items() if key not in {"title", "discriminator"}}
    if "patternProperties" in rest:
        rest["additionalProperties"] = False
    if schema.get("type") not in _SINGLE or "const" in schema:
        return rest
    return _opened_single(schema, rest)


def _opened_single(schema: Mapping[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """Text may be digits, which are read as written; everything else may be a reference to the environment."""
    if schema["type"] == "string" and not _NARROWED & schema.keys():
        return {**rest, "type": ["string", "integer"]}
    about = _about(schema)
    narrow = {key: value for key, value in rest.items() if key not in about}
    return {"anyOf": [narrow, {"$ref": "#/$defs/FromEnvironment"}], **about}


def _about(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key in {"description", "default"}}


def _inner(key: str, value: Any) -> Any:
    if key in _NAMED:
        return {name: _opened(one) for name, one in value.items()}
    if isinstance(value, list) and key in {"anyOf", "oneOf", "allOf"}:
        return [_opened(one) for one in value]
    return _opened(value) if key == "items" else value
