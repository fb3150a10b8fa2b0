"""How the web process answers: JSON, and every error as the status that its sender understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from bridge import logs
from bridge.errors import Overloaded, Rejected, SignatureRejected, StoreUnavailable, TooManyFailures, Unreadable
from bridge.refusing import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.wiring import App

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

APP: web.AppKey[App] = web.AppKey("app")
FAILED_FROM = 400
OURS = ("/api/", "/metrics", "/ready", "/live", "/openapi.json")
"""What people, programs and monitors ask is no delivery."""


def json_answer(status: int, body: object, headers: dict[str, str] | None = None) -> web.Response:
    """An answer of JSON."""
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json", headers=headers)


@web.middleware
async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error becomes the status its sender understands; never a 500 by choice, never a redirect."""
    app = request.app[APP]
    # One task serves all requests of a connection.
    logs.about_nothing()
    try:
        return await handler(request)
    except Rejected as error:
        app.metrics.deliveries.labels(_sender(request, app), f"rejected {error.status}").inc()
        if not _refused(request, error.status, error):
            app.log.warning("rejected", path=request.path[:120], status=error.status, reason=str(error), **_kept(error))
        return json_answer(error.status, _told_to_sender(error), _headers(error))
    except StoreUnavailable as error:
        app.metrics.redis_failures.inc()
        app.store.outage.failed(str(error))
        if not _refused(request, error.status, error):
            app.log.info("try again", path=request.path[:120], reason=str(error))
        return _try_again(says=_why(request, error))
    except Overloaded as error:
        if not _refused(request, error.status, error):
            app.log.warning("overloaded", path=request.path[:120])
        return _try_again(error.retry_after_s)
    except web.HTTPException as error:
        if error.status >= FAILED_FROM:
            _refused(request, error.status, error)
        raise
    except Exception as error:
        _refused(request, StoreUnavailable.status, error)
        # A bug of ours must not cost an event: senders that give up at a 500 come back after a 503.
        app.log.exception("bug", path=request.path[:120])
        return _try_again()


def _refused(request: web.Request, status: int, error: Exception) -> bool:
    """Count a refused delivery, and whatever comes to no path of ours; False for what is neither."""
    refusals = request.app.get(REFUSALS)
    if refusals is None or request.path.startswith(OURS):
        return False
    refusals.note(request, _sender(request, request.app[APP]), status, error)
    return True


def _kept(error: Rejected) -> dict[str, str]:
    """The id under which ``bridge simulate`` finds it."""
    return {"delivery": error.delivery} if isinstance(error, Unreadable) and error.delivery else {}


def _try_again(after_s: int = StoreUnavailable.retry_after_s, says: str = "try again") -> web.Response:
    return json_answer(503, {"error": says}, {"Retry-After": str(after_s)})


def _why(request: web.Request, error: StoreUnavailable) -> str:
    """Senders need no address of our Redis; who asks the API has presented a token, and wants to know what is wrong."""
    return f"try again: {error}" if request.path.startswith("/api/") else "try again"


def _headers(error: Rejected) -> dict[str, str]:
    return {"Retry-After": str(error.retry_after_s)} if isinstance(error, TooManyFailures) else {}


def _told_to_sender(error: Rejected) -> dict[str, str]:
    """A refused signature says nothing: whoever sent it is not known to us."""
    if isinstance(error, SignatureRejected):
        return {"error": "unauthorised"}
    if isinstance(error, Unreadable):
        kept = {"delivery": error.delivery} if error.delivery else {}
        return {"error": error.problem, "field": error.field, **kept}
    return {"error": str(error)}


def _sender(request: web.Request, app: App) -> str:
    """A label only for senders that are configured: a stranger must not make metrics."""
    kind, name = request.match_info.get("kind", ""), request.match_info.get("account", "")
    if app.bridge.account(kind, name):
        return f"{kind}/{name}"
    project = request.match_info.get("project", "")
    return f"jelou/{project}" if project in app.bridge.jelou else "unknown"
