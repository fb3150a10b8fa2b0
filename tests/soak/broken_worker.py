"""``python -m tests.soak.broken_worker RULE``: a worker without one rule, to show that a soak can fail.

It is put together of the worker's own parts, but for the HTTP client, which has the rule switched off.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import uvloop
from aiohttp import web

from bridge import logs
from bridge.errors import Ambiguous, NotSent
from bridge.helpdesks import REGISTRY
from bridge.http import Http
from bridge.observe import observed
from bridge.wiring import opened
from config.load import load
from config.settings import Settings, read_settings
from tests.harness import serving
from workers.lanes import Lanes
from workers.limits import Limits
from workers.main import background, stop_on_signals, wind_down

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain import Call, Reply


class Blind(Http):
    """Without ``unknown``: a call whose fate is open is taken as one that was never made, and is made again."""

    async def send(self, call: Call, allowed: Callable[[], bool] = lambda: True) -> Reply:
        """As Http's, but for what is certain."""
        try:
            return await super().send(call, allowed)
        except Ambiguous as error:
            raise NotSent(error.reason) from error


WITHOUT: dict[str, type[Http]] = {"unknown": Blind}


async def work(settings: Settings, rule: str) -> None:
    """As ``workers.main.run``, without the rule."""
    bridge = load(settings.config, {kind: dialect.settings for kind, dialect in REGISTRY.items()}, os.environ)
    logs.configure(settings.log_level, settings.log_format)
    limits, stop = Limits(slots=settings.worker_slots, drain_s=settings.drain_s), stop_on_signals()
    async with opened(bridge, settings.redis_url.get_secret_value(), prefix=settings.redis_prefix) as whole:
        app = replace(whole, http=WITHOUT[rule].open())
        lanes, site = Lanes(app, limits), web.Application()
        site.add_routes(observed(app))
        async with serving(site, settings.port):
            tasks = background(app, lanes, limits)
            await stop.wait()
            await wind_down(lanes, tasks)
        await app.http.close()


if __name__ == "__main__":
    uvloop.run(work(read_settings(), sys.argv[1]))
