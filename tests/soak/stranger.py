"""A stranger who sends small bodies that unpack to much, to every door, with and without a forged proof."""

from __future__ import annotations

import asyncio
import zlib
from functools import cache
from itertools import cycle
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

if TYPE_CHECKING:
    from tests.soak.world import World

UNPACKED_BYTES = 1024 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
GZIP = 16 + zlib.MAX_WBITS
PATIENCE_S = 20.0
FORGED = {
    "x-zendesk-webhook-signature": "Zm9yZ2Vk",
    "x-zendesk-webhook-signature-timestamp": "2026-11-30T12:00:00Z",
    "webhook-id": "forged",
    "webhook-timestamp": "1796000000",
    "webhook-signature": "v1,Zm9yZ2Vk",
    "x-jelou-signature": "forged",
}


@cache
def packed() -> bytes:
    """A megabyte that unpacks to a gigabyte."""
    packing, nothing = zlib.compressobj(9, wbits=GZIP), bytes(CHUNK_BYTES)
    parts = [packing.compress(nothing) for _ in range(UNPACKED_BYTES // CHUNK_BYTES)]
    return b"".join((*parts, packing.flush()))


class Stranger:
    """The stranger of one run. ``answers`` counts the statuses, 0 where the connection was closed instead."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.answers: dict[int, int] = {}

    async def run(self, for_s: float, per_s: float) -> None:
        """Send so many a second for so long, whatever becomes of those before."""
        body, doors = packed(), cycle(self._doors())
        connector = TCPConnector(limit=0, force_close=True)
        async with ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
            for _ in range(round(for_s * per_s)):
                group.create_task(self._send(session, next(doors), body))
                await asyncio.sleep(1 / per_s)

    def _doors(self) -> list[tuple[str, dict[str, str]]]:
        web, setup = self._world.web_url, self._world.setup
        paths = [f"/webhooks/helpdesks/{next(iter(setup.accounts))}", f"/webhooks/jelou/{setup.projects[0]}", "/nope"]
        workers = [f"http://127.0.0.1:{one.port}/metrics" for name, one in self._world.bridge.items() if name != "web"]
        return [(url, proof) for url in (*(web + path for path in paths), *workers) for proof in ({}, FORGED)]

    async def _send(self, session: ClientSession, door: tuple[str, dict[str, str]], body: bytes) -> None:
        url, proof = door
        headers = {"content-type": "application/json", "content-encoding": "gzip", **proof}
        try:
            async with session.post(url, data=body, headers=headers, timeout=ClientTimeout(PATIENCE_S)) as answer:
                status = answer.status
        except (ClientError, TimeoutError, OSError):
            status = 0
        self.answers[status] = self.answers.get(status, 0) + 1
