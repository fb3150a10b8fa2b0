"""A request to ``/api/``: its token, what it asks, checked, and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from bridge.answering import APP, json_answer
from bridge.bodies import body_of
from bridge.desk import Desk
from bridge.errors import UnknownSender, Unreadable, WrongContentType
from bridge.peers import prove
from bridge.receiving import once_told, storable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import BaseModel

    from bridge.tokens import Tokens
    from bridge.wiring import App

    Answer = Callable[["Question"], Awaitable[BaseModel | web.Response]]

BODY_MOST = 65_536
"""Bytes of a question. The webhooks' own limit is for the payloads of others."""

FIELD_MOST = 100
"""A field that we do not know has a name of the sender's making."""


@dataclass(frozen=True, slots=True)
class Row:
    """One route: the models of what it takes, in its query or its body, and of what it answers.

    ``refuses`` are the statuses beyond those that come with the token, the model and Redis. With ``absent``, 404 may
    have the answer's own shape.
    """

    method: str
    path: str
    answer: Answer
    shape: type[BaseModel]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    refuses: tuple[int, ...] = ()
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One request that has shown its token: the app, the names in its path, what it asks, and whose token it is."""

    app: App
    path: dict[str, str]
    asked: Any
    owner: str

    @property
    def desk(self) -> Desk:
        """The desk at which it is decided. ``by`` of the request is what a program says of its person."""
        said = getattr(self.asked, "by", "")
        by = f"{said} ({self.owner})" if said else self.owner
        return Desk(self.app.store.records, self.app.bridge, self.app.queue.wake, self.app.now_ms, by)

    @property
    def account(self) -> str:
        """The account in the path. Raises UnknownSender."""
        kind, name = self.path["kind"], self.path["account"]
        if self.app.bridge.account(kind, name) is None:
            msg = f"no {kind} account of that name"
            raise UnknownSender(msg)
        return f"{kind}/{name}"


def route(row: Row, tokens: Tokens) -> web.RouteDef:
    """The route. The token comes first: whoever has none learns nothing, not even what is wrong with the question."""

    async def handler(request: web.Request) -> web.Response:
        owner = tokens.owner(once_told(request.headers.items()).get("authorization", ""), request.remote or "")
        prove(request)
        path = {name: storable(value) for name, value in request.match_info.items()}
        told = await row.answer(Question(request.app[APP], path, await _read(row, request), owner))
        return told if isinstance(told, web.Response) else json_answer(200, told.model_dump())

    # A name in braces alone takes no braces, and a ticket's id may have some.
    return web.route(row.method, row.path.replace("{id}", "{id:[^/]+}"), handler)


async def _read(row: Row, request: web.Request) -> BaseModel | None:
    """What is asked. Raises Rejected; an Unreadable names the field."""
    if row.query is not None:
        told = {storable(name): storable(value) for name, value in request.query.items()}
        return _checked(row.query, told, strict=False)
    return _checked(row.body, _decoded(request, await body_of(request, BODY_MOST)), strict=True) if row.body else None


def _decoded(request: web.Request, body: bytes) -> Any:
    """Nothing asks for nothing in particular. Raises WrongContentType, so that no browser's form can ask."""
    if not body:
        return {}
    if request.content_type != "application/json":
        msg = "the body must be application/json"
        raise WrongContentType(msg)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable("body", "is not JSON") from None


def _checked(model: type[BaseModel], told: Any, *, strict: bool) -> BaseModel:
    try:
        return model.model_validate(told, strict=strict)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"]))[:FIELD_MOST]
    raise Unreadable(field or "body", first["msg"].removeprefix("Value error, "))
