"""What the HTTP server answers before and beside our handlers: 417, and no word of what it is made of.

aiohttp puts its name and version on every answer, also on those to broken requests, and repeats an ``Expect`` that it
does not know in its answer: bytes that are no text make a 500 of it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bridge import logs
from bridge.refusals import Reason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.refusing import Refusals

    Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

EXPECT, SERVER = "Expect", "Server"
CONTINUE = "100-continue"
SENT_ON: web.RequestKey[bool] = web.RequestKey("sent on")
"""Of a request that came to our handlers: they count what they refuse themselves."""

REFUSED_FROM, EXPECTATION_FAILED = 400, 417


class _Request(web.Request):
    """A request whose answer does not name the server, whoever makes it: this runs last before an answer's head."""

    def __init__(self, refusals: Refusals | None, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._refusals = refusals

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        await super()._prepare_hook(response)
        if self._refusals and response.status >= REFUSED_FROM and SENT_ON not in self:
            # One task serves all requests of a connection.
            logs.about_nothing()
            reason = Reason.EXPECTATION if response.status == EXPECTATION_FAILED else Reason.MALFORMED
            self._refusals.note_unread(response.status, reason)
        response.headers.pop(SERVER, None)


def plainly(server: web.Server, refusals: Refusals | None = None) -> None:
    """Let this server, of an application, answer so on all of its routes, and where it has none.

    What it refuses by itself is counted at ``refusals``.
    """
    # An application's factory takes the class to make; its annotation does not say so.
    factory: Callable[..., web.BaseRequest] = server.request_factory
    server.request_factory = partial(factory, _cls=partial(_Request, refusals))
    server.request_handler = _expecting(server.request_handler)


def _expecting(handler: Handler) -> Handler:
    async def checked(request: web.BaseRequest) -> web.StreamResponse:
        if all(told.lower() == CONTINUE for told in request.headers.getall(EXPECT, ())):
            request[SENT_ON] = True
            return await handler(request)
        # Nobody can say whether the body comes now, so the connection is of no more use.
        refused = web.Response(status=EXPECTATION_FAILED)
        refused.force_close()
        return refused

    return checked
