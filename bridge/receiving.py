"""A webhook request as a ``Delivery``: the first step, which nothing a stranger sends may break."""

from __future__ import annotations

import asyncio
from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING

from aiohttp import web

from bridge.domain import Delivery
from bridge.errors import TooLarge, Unreadable, WrongContentType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.wiring import App

BODY_PATIENCE_S = 5.0
"""How long a body may take. A sender that stalls, or breaks its chunks off, holds a connection no longer than that."""

ID_WINDOW_S = 7 * 86_400
"""How long a sender's delivery id is remembered: longer than any sender retries."""

HASH_WINDOW_S = 3_600
"""Where there is no id, the same bytes are the same delivery for so long; the fact's own key holds for ever."""


async def received(request: web.Request, app: App, sender: str, declared: str = "application/json") -> Delivery:
    """The delivery in a request. Raises Rejected for one that is none, and nothing else."""
    # GLPI declares nothing. A browser's form always does, so that it cannot post here.
    types = request.headers.getall("Content-Type", ())
    if types and (len(types) > 1 or request.content_type != declared):
        msg = f"the body must be {declared}"
        raise WrongContentType(msg)
    return asked_by(request, app, sender, await body_of(request, app.bridge.max_body_bytes))


def asked_by(request: web.Request, app: App, sender: str, body: bytes = b"") -> Delivery:
    """The request as a delivery with this body. Raises Unreadable."""
    return Delivery(
        sender=sender,
        method=request.method,
        url=_url(request),
        headers=once_told(request.headers.items()),
        query=once_told(request.query.items()),
        body=body,
        received_ms=app.now_ms(),
    )


async def body_of(request: web.Request, most: int) -> bytes:
    """The body, unpacked. Raises TooLarge and Unreadable.

    aiohttp unpacks piece by piece and stops at the limit, so that a body which unpacks to more than it may is refused
    before it fills the memory.
    """
    try:
        async with asyncio.timeout(BODY_PATIENCE_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        msg = f"the body is over {most} bytes"
        raise TooLarge(msg) from None
    except TimeoutError:
        raise Unreadable("body", "did not come in time") from None
    except (web.RequestPayloadError, ConnectionError):
        raise Unreadable("body", "broke off, or is not encoded as Content-Encoding says") from None


def once_told(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each name in lower case with its value, without those that came more than once.

    Which of two counts is a guess, and a proxy before us may have checked the other one: so neither proves anything.
    """
    lower = [(name.lower(), storable(value)) for name, value in pairs]
    times = Counter(name for name, _ in lower)
    return {name: value for name, value in lower if times[name] == 1}


def _url(request: web.Request) -> str:
    if len(request.headers.getall("Host", ())) > 1:
        raise Unreadable("Host", "came more than once")
    try:
        return str(request.url)
    except ValueError:
        raise Unreadable("Host", "is not a host") from None


def storable(value: str) -> str:
    """Bytes that were not UTF-8 are lone surrogates in here; no JSON of ours could hold them."""
    return value.encode("utf-8", "backslashreplace").decode()


def seen_key(delivery: Delivery, sender_id: str) -> tuple[str, int]:
    """The key under which a repeat of this delivery is known, and for how many seconds.

    A sender's id is hashed: some make it of the ticket's number, which a forgotten ticket would leave behind.
    """
    if sender_id:
        return f"{delivery.sender}:{sha256(sender_id.encode()).hexdigest()}", ID_WINDOW_S
    return f"{delivery.sender}:{sha256(delivery.body).hexdigest()}", HASH_WINDOW_S
