"""Stands where the bridge stands: takes what a twin posts, keeps it, and answers as told."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from aiohttp import web

from bridge.twins.listener import Listener


@dataclass(frozen=True)
class Received:
    """One request as it came. ``headers`` have lower-case names."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, read."""
        return dict(orjson.loads(self.body))


@dataclass
class WebhookReceiver:
    """A webhook on a free port. ``answers`` come in their order: status, ``Retry-After``, seconds before; then 202."""

    received: list[Received] = field(default_factory=list)
    answers: deque[tuple[int, str, float]] = field(default_factory=deque)
    listener: Listener = field(default_factory=Listener)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._take)
        await self.listener.start(app, 0, "127.0.0.1")
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.listener.stop()

    @property
    def url(self) -> str:
        """Where the webhook is."""
        return self.listener.url + "/webhook"

    def answer(self, status: int, retry_after: str = "", delay_s: float = 0.0) -> None:
        """Script the next answer."""
        self.answers.append((status, retry_after, delay_s))

    def bodies(self) -> list[dict[str, Any]]:
        """Read what came, in the order it came."""
        return [received.json for received in self.received]

    async def _take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(request.path, headers, await request.read()))
        self.arrived.set()
        status, retry_after, delay_s = self.answers.popleft() if self.answers else (202, "", 0.0)
        if delay_s:
            await self.listener.hold(delay_s)
        return web.Response(status=status, headers={"Retry-After": retry_after} if retry_after else None)
