"""The scripted senders' own end: takes what the bridge writes back, once per message id, as Standard Webhooks says."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from bridge.twins.answers import abort
from bridge.twins.ledger import now_ms
from tests.bench.peers import answer_s
from tests.soak.records import Called, Stood

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

FAULTS: dict[str, float] = {"500 after taking": 0.01, "reset after taking": 0.01, "429": 0.01}
"""What an answer may be instead of 204, and how often."""

ANSWERS: dict[str, Callable[[web.Request], web.Response]] = {
    "500 after taking": lambda _: web.Response(status=500),
    "reset after taking": abort,
    "429": lambda _: web.Response(status=429, headers={"Retry-After": "1"}),
}


class Receiver:
    """All scripted accounts' receiver: ``notes`` the marks of notes, ``bodies`` the texts of notes and replies.

    Both by ticket, in the order they were taken. ``calls`` by account; the ``slow`` ones answer as late as a real peer.
    """

    def __init__(self, seed: int, slow: Collection[str] = ()) -> None:
        self._dice = Random(f"receiver {seed}")  # noqa: S311 - repeatable, not secret
        self._slow = slow
        self._seen: set[str] = set()
        self.calls: dict[str, list[Called]] = {}
        self.notes: dict[str, list[str]] = {}
        self.bodies: dict[str, list[Stood]] = {}
        self.injected: dict[str, int] = dict.fromkeys(FAULTS, 0)
        self.faulty = True

    def application(self) -> web.Application:
        """What it serves."""
        site = web.Application()
        site.add_routes([web.post("/notes/{account}", self._take)])
        return site

    async def _take(self, request: web.Request) -> web.Response:
        told = orjson.loads(await request.read())
        self.calls.setdefault(request.match_info["account"], []).append(Called(now_ms(), "write"))
        if request.match_info["account"] in self._slow:
            await asyncio.sleep(answer_s(self._dice))
        fault = self._fault()
        if fault != "429":
            self._keep(request, told)
        return ANSWERS[fault](request) if fault else web.Response(status=204)

    def _keep(self, request: web.Request, told: dict[str, Any]) -> None:
        message_id = request.headers["webhook-id"]
        if message_id in self._seen:
            return
        self._seen.add(message_id)
        ticket = f"standard-webhooks/{request.match_info['account']}/{told['data']['ticket']['id']}"
        written = told["data"].get("note") or told["data"].get("reply")
        if "note" in told["data"]:
            self.notes.setdefault(ticket, []).append(written["marker"])
        if written:
            self.bodies.setdefault(ticket, []).append(Stood(written["body"], now_ms()))

    def _fault(self) -> str:
        drawn = next((name for name, chance in FAULTS.items() if self._dice.random() < chance), "")
        if not self.faulty or not drawn:
            return ""
        self.injected[drawn] += 1
        return drawn
