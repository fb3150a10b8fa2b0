"""What the HTTP server answers before and beside our handlers: 417, and no word of what it is made of.

aiohttp puts its name and version on every answer, also on those to broken requests, and repeats an ``Expect`` that it
does not know in its answer: bytes that are no text make a 500 of it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

EXPECT, SERVER = "Expect", "Server"
CONTINUE = "100-continue"


class _Request(web.Request):
    """A request whose answer does not name the server, whoever makes it: this runs last before an answer's head."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        await super()._prepare_hook(response)
        response.headers.pop(SERVER, None)


def plainly(server: web.Server) -> None:
    """Let this server, of an application, answer so on all of its routes, and where it has none."""
    # An application's factory takes the class to make; its annotation does not say so.
    factory: Callable[..., web.BaseRequest] = server.request_factory
    server.request_factory = partial(factory, _cls=_Request)
    server.request_handler = _expecting(server.request_handler)


def _expecting(handler: Handler) -> Handler:
    async def checked(request: web.BaseRequest) -> web.StreamResponse:
        if all(told.lower() == CONTINUE for told in request.headers.getall(EXPECT, ())):
            return await handler(request)
        # Nobody can say whether the body comes now, so the connection is of no more use.
        refused = web.Response(status=417)
        refused.force_close()
        return refused

    return checked
