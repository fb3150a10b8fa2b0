"""``POST /api/forget``: the same as ``bridge forget``, for programs.

The body is ``{"user": "+593987654321"}`` or ``{"ticket": "zendesk/acme/48211"}``; with ``"preview": true`` beside it
nothing goes. The answer is ``Forgetting``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from bridge.errors import Unreadable
from bridge.forgetting import AmbiguousTicketError, Forgetting
from bridge.receiving import received

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.wiring import App

NAMES = {"user", "ticket", "preview"}


def forget_route(key: web.AppKey[App], authorised: Callable[[web.Request, App], None]) -> web.RouteDef:
    """The route. ``authorised`` raises for whoever may not."""

    async def forget(request: web.Request) -> web.Response:
        app = request.app[key]
        authorised(request, app)
        asked = _asked((await received(request, app, "api")).body)
        forgetting = Forgetting(app.store, app.bridge)
        try:
            whom = await forgetting.whom(user=asked.get("user", ""), ticket=asked.get("ticket", ""))
        except AmbiguousTicketError as error:
            raise Unreadable("ticket", str(error)) from None
        told = await (forgetting.preview(whom) if asked.get("preview") else forgetting.forget(whom))
        return web.json_response({"preview": bool(asked.get("preview")), **told})

    return web.post("/api/forget", forget)


def _asked(body: bytes) -> dict[str, Any]:
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable("body", "is not JSON") from None
    if not isinstance(asked, dict) or not asked.keys() <= NAMES or not isinstance(asked.get("preview", False), bool):
        raise Unreadable("body", "is an object of user or ticket, and preview (true or false)")
    given = [asked[name] for name in ("user", "ticket") if name in asked]
    if len(given) != 1 or not isinstance(given[0], str) or not given[0].strip():
        raise Unreadable("body", "names either a user or a ticket")
    return asked
