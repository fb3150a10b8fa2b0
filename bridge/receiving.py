"""A webhook request as a ``Delivery``: the first step, which nothing a stranger sends may break."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from bridge.bodies import body_of, refuse_by_head
from bridge.domain import Delivery
from bridge.errors import Unreadable, WrongContentType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiohttp import web

    from bridge.wiring import App

ID_WINDOW_S = 7 * 86_400
"""How long a sender's delivery id is remembered: longer than any sender retries."""

HASH_WINDOW_S = 3_600
"""Where there is no id, the same bytes are the same delivery for so long; the fact's own key holds for ever."""


def refuse_by_type(request: web.Request, declared: str = "application/json") -> None:
    """Raises WrongContentType for a body that is declared as another type.

    GLPI declares nothing. A browser's form always does, so that it cannot post here.
    """
    types = request.headers.getall("Content-Type", ())
    if types and (len(types) > 1 or request.content_type != declared):
        msg = f"the body must be {declared}"
        raise WrongContentType(msg)


async def received(request: web.Request, app: App, sender: str, by_head: Callable[[Delivery], None]) -> Delivery:
    """The delivery in a request. Raises Rejected for one that is none, Overloaded, and nothing else.

    ``by_head`` raises what the delivery without its body shows: nothing of the body is read for a stranger who cannot
    even name a proof.
    """
    head = asked_by(request, app, sender)
    refuse_by_head(request, app.bridge.max_body_bytes)
    by_head(head)
    return replace(head, body=await body_of(request, app.bridge.max_body_bytes))


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
