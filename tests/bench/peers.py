"""What stands before a twin: it answers as late as a real peer does, and keeps a ledger of every call."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from bridge.twins.answers import GATEWAY_PAGE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from tests.bench.measures import Limit

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LEAST_S, USUAL_S, MOST_S = 0.08, 0.15, 0.4
SPREAD = 0.45
TAIL, TAIL_S = 0.02, 2.0
"""So many answers take up to so long."""

TOKEN = re.compile(rb"w\d{6}w")
"""A word of ours in a message, by which it is found again in whatever body."""

START, SEND, CLOSE, ASK = "start", "send", "close", "ask"


def token(number: int) -> str:
    """The word for a message. No id of anybody's looks like it."""
    return f"w{number:06d}w"


def dice(seed: int) -> Random:
    """The same again for the same seed."""
    return Random(seed)  # noqa: S311 - repeatable, not secret


def answer_s(thrown: Random) -> float:
    """How long a peer takes for one answer: log-normal, with a tail."""
    if thrown.random() < TAIL:
        return thrown.uniform(MOST_S, TAIL_S)
    return min(MOST_S, max(LEAST_S, USUAL_S * thrown.lognormvariate(0.0, SPREAD)))


@dataclass(slots=True)
class Call:
    """One call as it came: ``at`` and ``answered`` are Unix seconds, ``status`` 0 until it is answered."""

    at: float
    method: str
    path: str
    body: bytes
    answered: float = 0.0
    status: int = 0

    @property
    def operation(self) -> str:
        """Which of Jelou's operations it is; empty for another."""
        last = self.path.rpartition("/")[2]
        if self.path.endswith("/external-support/webhook"):
            return SEND
        if "/conversations/" not in self.path:
            return ""
        return {"start": START, "close": CLOSE}.get(last, ASK)

    @property
    def ticket(self) -> str:
        """The ticket of a start."""
        return str((orjson.loads(self.body).get("metadata") or {}).get("bridgeTicket", ""))


@dataclass
class Peer:
    """The ledger of one destination and its limit. ``gateway_down``: a gateway answers 503 in its place."""

    name: str
    limit: Limit
    dice: Random
    calls: list[Call] = field(default_factory=list)
    gateway_down: bool = False

    @web.middleware
    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every request of the twin."""
        call = Call(time.time(), request.method, request.path, await request.read())
        self.calls.append(call)
        await asyncio.sleep(answer_s(self.dice))
        if self.gateway_down:
            answer: web.StreamResponse = web.Response(body=GATEWAY_PAGE, status=503, content_type="text/html")
        else:
            answer = await handler(request)
        call.answered, call.status = time.time(), answer.status
        return answer

    def of(self, *operations: str) -> Iterator[Call]:
        """The calls of these operations of Jelou's, as they came."""
        return (call for call in self.calls if call.operation in operations)

    def started(self) -> dict[str, float]:
        """When each ticket's start came that was carried out, by ticket; its first, where it came again."""
        found: dict[str, float] = {}
        for call in self.of(START):
            if call.status in {0, 200}:
                found.setdefault(call.ticket, call.at)
        return found


def first_with_tokens(calls: Iterable[Call]) -> dict[str, float]:
    """When each of our words came first, in whichever of these calls."""
    found: dict[str, float] = {}
    for call in calls:
        for word in TOKEN.findall(call.body):
            found.setdefault(word.decode(), call.at)
    return found
