"""``python -m workers``: the worker process. ``bridge worker`` becomes it. Configured by the environment alone."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import uvloop

from bridge import logs
from bridge.errors import ConfigError, UnusableRedis
from bridge.helpdesks import REGISTRY
from bridge.terminal import show_traceback
from bridge.visible import visible
from config.load import load
from config.settings import Settings, read_settings
from workers.limits import Limits
from workers.main import Place, run, stop_on_signals
from workers.reconcile import SECONDS

if TYPE_CHECKING:
    import asyncio


def main() -> int:
    """Work until SIGTERM. Exit code 2 for a configuration that cannot be used, 3 for such a Redis."""
    sys.excepthook = show_traceback
    try:
        settings = read_settings()
        uvloop.run(_work(settings))
    except ConfigError as error:
        return _ends(error, 2)
    except UnusableRedis as error:
        return _ends(error, 3)
    return 0


def _ends(error: Exception, code: int) -> int:
    print(visible(str(error)), file=sys.stderr)  # noqa: T201 - nobody else tells
    return code


async def _work(settings: Settings) -> None:
    kinds = {kind: dialect.settings for kind, dialect in REGISTRY.items()}
    bridge = load(settings.config, kinds, os.environ)
    logs.configure(settings.log_level, settings.log_format)
    limits = limits_of(settings)
    stop: asyncio.Event = stop_on_signals()
    place = Place(settings.redis_url.get_secret_value(), settings.redis_prefix, settings.host, settings.port)
    await run(bridge, place, limits, stop)


def limits_of(settings: Settings) -> Limits:
    """The numbers of a worker process; it reconciles by itself."""
    return Limits(slots=settings.worker_slots, drain_s=settings.drain_s, reconcile_at_s=SECONDS)


if __name__ == "__main__":
    sys.exit(main())
