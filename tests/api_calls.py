"""Asking ``/api/`` as a program does, and holding every answer against what ``/openapi.json`` says of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema
import orjson

from bridge.api import ROUTES
from bridge.openapi import document
from tests.harness import API_TOKEN
from tests.webhooks import post

if TYPE_CHECKING:
    from bridge.asking import Row
    from tests.harness import Running
    from tests.webhooks import Answer

TOLD = document(ROUTES)


@dataclass(frozen=True)
class Api:
    """The API of a running bridge."""

    run: Running
    token: str = API_TOKEN

    async def get(self, path: str) -> Answer:
        """Ask."""
        return await self._checked("GET", path, b"")

    async def post(self, path: str, **body: Any) -> Answer:
        """Decide."""
        return await self.raw(path, orjson.dumps(body))

    async def raw(self, path: str, body: bytes, content_type: str = "application/json") -> Answer:
        """The same with any bytes."""
        return await self._checked("POST", path, body, content_type)

    async def _checked(self, method: str, path: str, body: bytes, content_type: str = "application/json") -> Answer:
        headers = {"authorization": f"Bearer {self.token}"} | ({"content-type": content_type} if body else {})
        answer = await post(self.run, f"/api/{path}", body, headers, method)
        as_documented(method, f"/api/{path}".partition("?")[0], answer)
        return answer


def as_documented(method: str, path: str, answer: Answer) -> None:
    """Fails unless the document has this status for this route, and the answer the form it says."""
    row = row_of(method, path)
    told = TOLD["paths"][row.path][method.lower()]["responses"]
    assert str(answer.status) in told, (row.path, answer)
    _validator(row.path, method.lower(), str(answer.status)).validate(answer.json)


@cache
def _validator(path: str, method: str, status: str) -> jsonschema.Draft202012Validator:
    schema = TOLD["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    return jsonschema.Draft202012Validator({**schema, "components": TOLD["components"]})


def row_of(method: str, path: str) -> Row:
    """The row of the table that answers this; a name in braces stands for any one part."""
    rows = [row for row in ROUTES if row.method == method and _fits(row.path.split("/"), path.split("/"))]
    return min(rows, key=lambda row: row.path.count("{"))


def _fits(pattern: list[str], parts: list[str]) -> bool:
    return len(pattern) == len(parts) and all(
        one == part or one.startswith("{") for one, part in zip(pattern, parts, strict=True)
    )
