"""``python -m tests.soak.peer jelou|zendesk SEED ...``: a twin as slow as a real peer, behind a ledger of all calls.

``GET /twin/calls`` gives the ledger; ``POST /twin/gateway`` with ``{"down": true}`` lets a gateway answer in its place.
What is asked of the twin itself, under ``/twin/``, is neither delayed nor entered.
"""

from __future__ import annotations

import asyncio
import re
import sys
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import uvloop
from aiohttp import web

from bridge.correlate import TICKET
from bridge.lifeline import die_with_parent
from bridge.twins import jelou, zendesk
from bridge.twins.admin import reply
from bridge.twins.answers import GATEWAY_PAGE
from bridge.twins.ledger import now_ms
from bridge.twins.listener import Listener, play
from tests.bench.peers import answer_s
from tests.soak.records import Called

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OWN = "/twin/"
TWINS = {"jelou": jelou, "zendesk": zendesk}
TICKET_READ = re.compile(r"/tickets/(\d+)(?:\.json)?$")
SEND_TO = "/external-support/webhook"


class Front:
    """Stands before a twin: delays its answers, enters every call."""

    def __init__(self, seed: int) -> None:
        self._dice = Random(f"peer {seed}")  # noqa: S311 - repeatable, not secret
        self._down = False
        self.calls: list[Called] = []

    @web.middleware
    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every request of the twin's application."""
        if request.path == f"{OWN}calls":
            return reply(self.calls)
        if request.path == f"{OWN}gateway":
            self._down = bool(orjson.loads(await request.read())["down"])
            return reply({"down": self._down})
        return await (handler(request) if request.path.startswith(OWN) else self._call(request, handler))

    async def _call(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        place, call = len(self.calls), called(request.method, request.path, await request.read())
        self.calls.append(call)
        await asyncio.sleep(answer_s(self._dice))
        answer = _gateway() if self._down else await handler(request)
        heard = request.transport is not None and not request.transport.is_closing()
        self.calls[place] = replace(call, answered_ms=now_ms(), status=answer.status if heard else 0)
        return answer


def _gateway() -> web.StreamResponse:
    return web.Response(body=GATEWAY_PAGE, status=503, content_type="text/html")


def called(method: str, path: str, body: bytes) -> Called:
    """What kind of call it is, of which ticket or person; it has just come."""
    last, now = path.rpartition("/")[2], now_ms()
    if method == "GET" and (found := TICKET_READ.search(path)):
        return Called(now, "read", ticket=found[1])
    if path.endswith(SEND_TO):
        return Called(now, "send", person=str(_object(body).get("user_id", "")))
    if method == "POST" and last in {"start", "close"}:
        told = _object(body)
        ticket = str((told.get("metadata") or {}).get(TICKET, ""))
        return Called(now, last, ticket=ticket, person=str(told.get("userId", "")))
    return Called(now, "other")


def _object(body: bytes) -> dict[str, Any]:
    found = orjson.loads(body)
    return found if isinstance(found, dict) else {}


def main(name: str, seed: int, argv: Sequence[str]) -> None:
    """Play it until SIGTERM, or until the parent process dies."""
    module: Any = TWINS[name]
    options = module.arguments(argv)
    die_with_parent(parent=options.parent)
    twin = module.twin_of(options, Listener(Front(seed).around))
    uvloop.run(play(twin, options.port, options.host))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
