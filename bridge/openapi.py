"""``/openapi.json``: what the bridge takes and answers, made of the rows of ``bridge.api`` and their models."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from bridge.api_shapes import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import BaseModel

    from bridge.asking import Row

REF = "#/components/schemas/{model}"

WHY = {
    202: "It is stored. `status` is accepted, duplicate or orphaned.",
    400: "It cannot be read; `field` names where.",
    401: "No valid token, or not signed by who it claims to be.",
    404: "There is no such thing, or not any more.",
    409: "It has changed meanwhile, or a worker has it just now: look again.",
    413: "The body is over the limit, as it is or unpacked.",
    415: "The body is not declared as application/json, or neither plain nor gzip nor deflate.",
    429: "Too many wrong tokens; nothing is looked at before `Retry-After`.",
    503: "Redis cannot be reached or takes no writes, or too much is under way: try again after `Retry-After`.",
}

TOKEN = (401, 429, 503)
READ = {"query": (400,), "body": (400, 413, 415)}
JSON = "application/json"
OBJECT = {"type": "object"}

PROBES = {
    "/live": "The process answers.",
    "/ready": "Whether Redis answers and takes writes, and what it lacks; 503 with the reason where it does not.",
    "/metrics": "Metrics, in the format of Prometheus.",
    "/openapi.json": "This document.",
}

WEBHOOKS = {
    "/webhooks/helpdesks/{kind}/{account}": "A helpdesk's delivery, with the proof that its kind asks for.",
    "/webhooks/jelou/{project}": "An event of Jelou's, signed.",
}

FILE = "/files/{kind}/{account}/{token}/{name}"
FILE_SAYS = "A file of a helpdesk that needs a login, at an address that the bridge made; 404 for any other."


def document(rows: Sequence[Row]) -> dict[str, Any]:
    """The document, OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {path: {"get": _probe(path, says)} for path, says in PROBES.items()}
    paths |= {path: {"post": _webhook(path, says)} for path, says in WEBHOOKS.items()}
    helpdesk, shaken = next(iter(WEBHOOKS)), "What some helpdesks ask before they send; 405 for the others."
    paths[helpdesk]["get"] = {
        **_probe(helpdesk, shaken),
        "operationId": "helpdesk_handshake",
        "parameters": _in_path(helpdesk),
    }
    paths[FILE] = {"get": {**_probe(FILE, FILE_SAYS), "operationId": "file", "parameters": _in_path(FILE)}}
    for row in rows:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Jelou Ticket Bridge", "version": version("jelou-ticket-bridge")},
        "paths": paths,
        "components": {
            "schemas": _schemas(rows),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "One of `api.tokens`."}},
        },
    }


def _schemas(rows: Sequence[Row]) -> dict[str, Any]:
    models = {model for row in rows for model in (row.shape, row.query, row.body) if model} | {Refusal}
    told = models_json_schema([(model, "validation") for model in sorted(models, key=str)], ref_template=REF)[1]
    return dict(told["$defs"])


def _operation(row: Row) -> dict[str, Any]:
    summary, _, more = (row.answer.__doc__ or "").partition(".")
    told: dict[str, Any] = {
        "operationId": row.answer.__name__,
        "summary": summary,
        "description": more.strip(),
        "security": [{"token": []}],
        "parameters": [*_in_path(row.path), *_in_query(row.query)],
        "responses": {"200": _answer("As asked.", row.shape), **_refusals(row)},
    }
    return told | ({"requestBody": _asked(row.body)} if row.body else {})


def _asked(model: type[BaseModel]) -> dict[str, Any]:
    return {"required": any(field.is_required() for field in model.model_fields.values()), "content": _json(model)}


def _refusals(row: Row) -> dict[str, Any]:
    read = READ["query"] if row.query else READ["body"] if row.body else ()
    told = _refused(sorted({*TOKEN, *read, *row.refuses}))
    return told | ({"404": _answer(WHY[404], row.shape, Refusal)} if row.absent else {})


def _refused(statuses: Sequence[int]) -> dict[str, Any]:
    return {str(status): _answer(WHY[status], Refusal) for status in statuses}


def _answer(says: str, *models: type[BaseModel]) -> dict[str, Any]:
    return {"description": says, "content": _json(*models)}


def _json(*models: type[BaseModel]) -> dict[str, Any]:
    known = [{"$ref": REF.format(model=model.__name__)} for model in models]
    return {JSON: {"schema": known[0] if len(known) == 1 else {"anyOf": known}}}


def _in_path(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _in_query(model: type[BaseModel] | None) -> Iterator[dict[str, Any]]:
    for name, schema in (model.model_json_schema()["properties"] if model else {}).items():
        yield {"name": name, "in": "query", "description": schema.pop("description", ""), "schema": schema}


def _probe(path: str, says: str) -> dict[str, Any]:
    return {
        "operationId": path.strip("/").replace(".", "_"),
        "summary": says,
        "responses": {"200": {"description": says}},
    }


def _webhook(path: str, says: str) -> dict[str, Any]:
    taken = {"202": {"description": WHY[202], "content": {JSON: {"schema": OBJECT}}}}
    return {
        "operationId": f"{path.split('/')[2]}_webhook",
        "summary": says,
        "parameters": _in_path(path),
        "requestBody": {"required": True, "content": {JSON: {"schema": OBJECT}}},
        "responses": taken | _refused((400, 401, 404, 413, 415, 503)),
    }
