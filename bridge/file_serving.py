"""``GET /files/...``: one file of a helpdesk, fetched with the account's credential and passed on as it comes.

Whoever has the address has the file, and nothing else: it is signed, of one file, and ends. Nothing is kept: at most
``AT_ONCE`` files pass at a time, each a chunk in memory, as fast as whoever fetches it reads. What lies behind is the
account's own host; a redirect is followed there, or to where the vendor keeps files, and nowhere else. The file is
never shown in place, and never as a type in which a browser runs something: it is a stranger's, under our name.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from aiohttp import web

from bridge import file_links
from bridge.answering import APP, json_answer
from bridge.domain import Call
from bridge.errors import CallError
from bridge.peers import prove

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.accounts import Files
    from bridge.file_links import Shown
    from bridge.http import Stream
    from bridge.ports import Helpdesk
    from bridge.wiring import App

PLACE: Final = "/files/{kind}/{account}/{token}/{name}"
AT_ONCE: Final = 16
CHUNK: Final = 65_536
WHOLE_S: Final = 120.0
"""How long one file may take; a hundred megabytes at less than a megabyte a second would hold its place too long."""

FIRST_S: Final = 20.0
"""How long the helpdesk may take until its file begins."""


@dataclass
class Passing:
    """How many files pass just now."""

    count: int = 0

    @contextmanager
    def one(self) -> Iterator[bool]:
        """One more, while it lasts; False where there are too many."""
        fits = self.count < AT_ONCE
        self.count += fits
        try:
            yield fits
        finally:
            self.count -= fits


PASSING: web.AppKey[Passing] = web.AppKey("passing")


def files(site: web.Application) -> list[web.RouteDef]:
    """The route of files; without ``files`` in the configuration it answers 404."""
    site[PASSING] = Passing()
    return [web.get(PLACE, serve_file)]


async def serve_file(request: web.Request) -> web.StreamResponse:
    """The file, or 404 for an address that is not ours, is over, or whose file is gone. HEAD has no body."""
    app = request.app[APP]
    kind, name = request.match_info["kind"], request.match_info["account"]
    told, account, dialect = app.bridge.files, app.bridge.account(kind, name), app.helpdesks.get(kind)
    if told is None or account is None or dialect is None or account.files != "relay":
        return _refused(404)
    shown = file_links.shown(told, f"{kind}/{name}", request.match_info["token"], app.now_ms())
    call = dialect.file_call(account, shown.path) if shown else None
    if shown is None or call is None:
        return _refused(404)
    prove(request)
    with request.app[PASSING].one() as fits:
        if not fits:
            return json_answer(503, {"error": "try again"}, {"Retry-After": "5"})
        return await _passed_on(request, app, call, dialect, shown, told)


async def _passed_on(
    request: web.Request, app: App, call: Call, dialect: Helpdesk, shown: Shown, told: Files
) -> web.StreamResponse:
    try:
        async with asyncio.timeout(WHOLE_S), app.http.stream(call, Follow(call, dialect.file_hosts), FIRST_S) as found:
            problem = _problem(found, shown, told.max_bytes)
            if problem:
                app.log.warning("file not served", account=request.match_info["account"], status=found.status)
                return _refused(problem)
            return await _streamed(request, found, shown, told.max_bytes)
    except (CallError, TimeoutError):
        app.log.warning("file not served", account=request.match_info["account"], status=0)
        return _refused(502)


class Follow:
    """Where a redirect may lead: the same host with the credential, the vendor's own places of files without."""

    def __init__(self, call: Call, hosts: tuple[str, ...]) -> None:
        self._own, self._hosts = urlsplit(call.url), hosts

    def __call__(self, call: Call, location: str) -> Call | None:
        """The next call; None where it leads elsewhere."""
        url = urljoin(call.url, location)
        there = urlsplit(url)
        if (there.scheme, there.netloc.lower()) == (self._own.scheme, self._own.netloc.lower()):
            # A credential that was left behind at another host does not come back.
            return replace(call, url=url)
        host, port = (there.hostname or "").lower(), there.port
        listed = any(host == one or host.endswith(f".{one}") for one in self._hosts)
        return Call("GET", url) if there.scheme == "https" and listed and port in {None, 443} else None


def _problem(found: Stream, shown: Shown, most: int) -> int:
    """The status that refuses it; 0 where it is the file. A page where another type was told is a login's."""
    if found.status in {404, 410}:
        return 404
    page = "html" in found.content_type and "html" not in shown.mime_type
    return 502 if found.status != HTTPStatus.OK or page or (found.length or 0) > most else 0


async def _streamed(request: web.Request, found: Stream, shown: Shown, most: int) -> web.StreamResponse:
    answer = web.StreamResponse(headers=_headers(shown))
    if found.length is not None:
        answer.content_length = found.length
    await answer.prepare(request)
    if request.method == "HEAD":
        return answer
    whole = False
    try:
        whole = await _written(answer, found, most)
    except (CallError, OSError):
        # Either end has gone; there is nobody to be told.
        pass
    finally:
        # An answer that ends in order would pass for the whole file.
        if not whole and request.transport is not None:
            request.transport.abort()
    return answer


async def _written(answer: web.StreamResponse, found: Stream, most: int) -> bool:
    """Whether the whole file was written: no more than it may have."""
    passed = 0
    async for chunk in found.chunks(CHUNK):
        passed += len(chunk)
        if passed > most:
            return False
        await answer.write(chunk)
    await answer.write_eof()
    return True


def _headers(shown: Shown) -> dict[str, str]:
    return {
        "Content-Type": file_links.content_type(shown.mime_type),
        "Content-Disposition": file_links.disposition(shown.name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
        "Referrer-Policy": "no-referrer",
    }


def _refused(status: int) -> web.Response:
    gone = status == HTTPStatus.NOT_FOUND
    said = "there is no such file, or not any more" if gone else "the helpdesk did not give the file"
    return json_answer(status, {"error": said}, {"Cache-Control": "no-store"})
