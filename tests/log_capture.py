"""The process' logging for one test, set up as a process sets it up, and put back afterwards."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from bridge import logs

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        structlog.reset_defaults()
        root.handlers[:], root.level, server.level = before
