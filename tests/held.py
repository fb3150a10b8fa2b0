"""A call that is out for as long as a test wants it to be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bridge.errors import Ambiguous
from tests.harness import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain import Call, Reply
    from bridge.http import Http
    from bridge.wiring import App

START = "/conversations/start"


@dataclass
class Held:
    """The HTTP client of a bridge. Of its first call by ``method`` to such a URL the answer is held until ``let_go``.

    ``lost``: the caller is told then that no answer came in time, though the other side did what it was asked.
    """

    to: str = START
    lost: bool = False
    method: str = "POST"
    _there: asyncio.Event = field(default_factory=asyncio.Event)
    _go: asyncio.Event = field(default_factory=asyncio.Event)
    _http: Http | None = None
    _met: bool = False

    def __call__(self, app: App) -> App:
        """The same bridge, with this client."""
        self._http = app.http
        return replace(app, http=self)  # type: ignore[arg-type]

    async def is_out(self) -> None:
        """Until the other side has done it."""
        async with asyncio.timeout(DEADLINE_S):
            await self._there.wait()

    def let_go(self) -> None:
        """The answer arrives."""
        self._go.set()

    async def send(self, call: Call, allowed: Callable[[], bool] = lambda: True) -> Reply:
        """As the bridge's own, only later."""
        assert self._http is not None
        if self._met or call.method != self.method or not call.url.endswith(self.to):
            return await self._http.send(call, allowed)
        self._met = True
        reply = await self._http.send(call, allowed)
        self._there.set()
        await self._go.wait()
        if self.lost:
            raise Ambiguous("no answer in time")
        return reply
