"""The textbook: an arq worker with one job per event and one POST per job. No bookkeeping at all.

``python -m tests.bench.textbook`` runs it with arq's defaults; with ``tuned`` it gets a hundred slots, a short poll,
no results, no log and uvloop: all that can be had without changing its shape.
"""

from __future__ import annotations

import os
import sys
from typing import Any, ClassVar

import aiohttp
import uvloop
from arq.connections import RedisSettings
from arq.worker import run_worker

from bridge.lifeline import die_with_parent


async def startup(ctx: dict[str, Any]) -> None:
    """One client for all jobs."""
    ctx["session"] = aiohttp.ClientSession()


async def shutdown(ctx: dict[str, Any]) -> None:
    """Close it."""
    await ctx["session"].close()


async def start_conversation(ctx: dict[str, Any], ticket: str) -> None:
    """The same call that the bridge makes."""
    body = {"botId": "bot-1", "userId": f"5939{ticket}", "metadata": {"ticketId": ticket}}
    async with ctx["session"].post(os.environ["PEER"], json=body) as answer:
        await answer.read()


class Settings:
    """As in arq's own documentation: its defaults, but for the name of the queue."""

    functions: ClassVar[list[Any]] = [start_conversation]
    on_startup = startup
    on_shutdown = shutdown
    redis_settings = RedisSettings.from_dsn(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))
    queue_name = "textbook"


TUNED: dict[str, Any] = {"max_jobs": 100, "poll_delay": 0.01, "keep_result": 0, "log_results": False}


def main(tuned: bool) -> None:
    """Run it."""
    die_with_parent()
    if tuned:
        uvloop.install()
    run_worker(Settings, **(TUNED if tuned else {}))  # type: ignore[arg-type]


if __name__ == "__main__":
    main("tuned" in sys.argv)
