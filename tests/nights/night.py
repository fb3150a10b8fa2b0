"""One night: how it is made and cured, and the sign of it in each place."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

from bridge.embedded import EmbeddedServer
from tests.full_server import MEMORY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from tests.harness import Scene
    from tests.nights.signs import Seen

TICKET = "T-1"
OF_SCRIPTS = f"standard-webhooks/scripts/{TICKET}"


@dataclass
class On:
    """What a night is made on: the twins, the bridge between them, and a Redis of its own where it has one."""

    scene: Scene
    server: EmbeddedServer
    redis: Any
    ticket: str = OF_SCRIPTS


@dataclass(frozen=True)
class Night:
    """``signs``: a pattern for each place that names the cause; a place without one says nothing of it.

    ``again``: the scene it is cured with, where a process has to be started anew. ``alone``: it has a Redis of its own.
    ``lasting``: what is not over a minute after the cure, and when it is.
    """

    name: str
    make: Callable[[On], Awaitable[None]]
    signs: Mapping[str, str]
    fix: str
    cure: Callable[[On], Awaitable[None]] | None = None
    scene: Mapping[str, Any] = field(default_factory=dict)
    again: Mapping[str, Any] | None = None
    alone: bool = False
    lasting: Mapping[str, str] = field(default_factory=dict)

    def named_in(self, seen: Seen) -> set[str]:
        """The places that name it."""
        return {place for place, sign in self.signs.items() if re.search(sign, seen[place], re.DOTALL)}


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[tuple[EmbeddedServer, Any]]:
    """A Redis of a night's own, small enough to be filled."""
    async with EmbeddedServer(folder, fsync="everysec") as own, Redis.from_url(own.url) as redis:
        await redis.config_set("maxmemory", MEMORY)
        yield own, redis
