"""The process' logging for one test, set up as a process sets it up, and put back afterwards."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback

from bridge import logs

if TYPE_CHECKING:
    from collections.abc import Iterator


def plain() -> None:
    """How the tests log: structlog's own way, with Python's own tracebacks.

    Its default draws every local variable of each frame, which takes a second of CPU for a fault that a test wants.
    """
    structlog.reset_defaults()
    processors = structlog.get_config()["processors"]
    structlog.configure([*processors[:-1], ConsoleRenderer(exception_formatter=plain_traceback)])


@contextmanager
def configured(level: str, style: str) -> Iterator[None]:
    """``logs.configure`` until the end of the block."""
    root, server = logging.getLogger(), logging.getLogger("aiohttp.server")
    before = root.handlers[:], root.level, server.level
    for handler in before[0]:
        root.removeHandler(handler)
    logs.configure(level, style)
    try:
        yield
    finally:
        plain()
        root.handlers[:], root.level, server.level = before
