"""The body of a request: read within its time, its limit and the memory of the process, then unpacked.

aiohttp does not unpack: it would go on doing so after the answer, in the event loop, with whatever the sender still
writes. Whoever calls ``body_of`` has refused by then what the head alone shows to be refused.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from bridge.errors import Overloaded, TooLarge, Unreadable
from bridge.peers import is_proven
from bridge.unpacking import packed_as, unpacked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from aiohttp import StreamReader

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODY_PATIENCE_S = 5.0
"""How long a body may take. A sender that stalls, or breaks its chunks off, holds a connection no longer than that."""

GRACE_S = 1.0
LEAST_PER_S = 10_000
"""Bytes a second, after the grace, of a sender that has proven nothing yet: less is no network, but somebody who
collects connections."""

IN_FLIGHT_MOST = 33_554_432
"""Bytes of bodies in one process, from their arrival to the answer: 32 of the largest, thousands of the usual."""


@dataclass(eq=False)
class Held:
    """What one request holds of the budget. ``arriving`` is the time limit of its body, while that comes."""

    proven: bool
    size: int = 0
    arriving: asyncio.Timeout | None = None
    refused: bool = False


@dataclass
class Budget:
    """The bytes of bodies in flight in one process.

    Where they come to more than ``most``, a body that is still arriving is refused: the oldest of a stranger's that is
    above the average, else the largest. So who sends much pays for it, and not the usual small delivery.
    """

    most: int = IN_FLIGHT_MOST
    total: int = 0
    _held: dict[Held, None] = field(default_factory=dict)

    def begin(self, held: Held) -> None:
        """It is counted from now on."""
        self._held[held] = None

    def take(self, held: Held, size: int) -> None:
        """So many bytes more (or less) for this one. Raises Overloaded where it is the one to be refused."""
        held.size += size
        self.total += size
        while self.total > self.most and self._held:
            chosen = self._to_refuse(held)
            self.release(chosen)
            if chosen is held:
                raise Overloaded
            _refuse(chosen)

    def _to_refuse(self, held: Held) -> Held:
        # The first that is found will do: to look at all for each piece is what a flood would have us do.
        average = self.total / len(self._held)
        above = (one for one in self._held if one.size >= average and not one.proven and one.arriving)
        return next(above, None) or max((one for one in self._held if one.arriving), key=_weight, default=held)

    def release(self, held: Held) -> None:
        """Its bytes are let go. Once is enough."""
        self.total -= held.size
        held.size = 0
        self._held.pop(held, None)


def _weight(held: Held) -> tuple[bool, int]:
    return not held.proven, held.size


def _refuse(held: Held) -> None:
    held.refused = True
    if held.arriving:
        held.arriving.reschedule(asyncio.get_running_loop().time())


BUDGET: web.AppKey[Budget] = web.AppKey("budget")
HELD: web.RequestKey[Held] = web.RequestKey("held")


@web.middleware
async def bodies_counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What a body holds of the budget is let go with the answer."""
    try:
        return await handler(request)
    finally:
        if held := request.get(HELD):
            request.app[BUDGET].release(held)


def refuse_by_head(request: web.Request, most: int) -> None:
    """What the head alone says of the body. Raises TooLarge, and WrongContentType for a packing that is not known."""
    packed_as(_encoding(request))
    if (request.content_length or 0) > most:
        raise _too_large(most)


def _encoding(request: web.Request) -> str:
    # Two of them are one list (RFC 9110, 5.3), and a list is none that we unpack.
    return ", ".join(request.headers.getall("Content-Encoding", ()))


async def body_of(request: web.Request, most: int) -> bytes:
    """The body, unpacked, of at most so many bytes, packed or not.

    Raises TooLarge, Unreadable, WrongContentType and Overloaded.
    """
    refuse_by_head(request, most)
    budget = request.app[BUDGET]
    held = request[HELD] = Held(is_proven(request))
    budget.begin(held)
    raw = await _in_time(request, held, budget, most)
    encoding = packed_as(_encoding(request))
    if not encoding:
        return raw
    body = await _whole(unpacked(raw, encoding), most, held, budget)
    budget.take(held, -len(raw))
    return body


async def _in_time(request: web.Request, held: Held, budget: Budget, most: int) -> bytes:
    try:
        async with asyncio.timeout(BODY_PATIENCE_S) as held.arriving:
            return await _arrived(request.content, held, budget, most)
    except TimeoutError:
        if held.refused:
            raise Overloaded from None
        raise Unreadable("body", "did not come in time") from None
    except (web.RequestPayloadError, ConnectionError):
        raise Unreadable("body", "broke off") from None
    finally:
        held.arriving = None


async def _arrived(content: StreamReader, held: Held, budget: Budget, most: int) -> bytes:
    begun, body = asyncio.get_running_loop().time(), bytearray()
    while True:
        _hurry(held, begun, len(body))
        piece = await content.readany()
        if not piece:
            return bytes(body)
        body += piece
        if len(body) > most:
            raise _too_large(most)
        budget.take(held, len(piece))


def _hurry(held: Held, begun: float, size: int) -> None:
    """The limit moves with what has come."""
    if held.arriving and not held.proven and not held.refused:
        held.arriving.reschedule(begun + min(BODY_PATIENCE_S, GRACE_S + size / LEAST_PER_S))


async def _whole(pieces: Iterator[bytes], most: int, held: Held, budget: Budget) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > most:
            raise _too_large(most)
        budget.take(held, len(piece))
        await asyncio.sleep(0)
    return bytes(body)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the body is over {most} bytes")
