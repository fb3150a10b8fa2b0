"""Structured logs: JSON where a machine reads, coloured lines where a person does.

No message text, phone number or secret is ever logged: what goes in is ids, phases, durations and reasons of ours.
"""

from __future__ import annotations

import logging
import sys
from io import StringIO
from typing import TYPE_CHECKING, Any, cast

import orjson
import structlog

from bridge.redis_errors import without_texts
from bridge.visible import visible, visible_json, visible_line

if TYPE_CHECKING:
    import asyncio
    from collections.abc import MutableMapping
    from typing import TextIO

    from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger, Processor, WrappedLogger


def _json(value: Any, **_: Any) -> bytes:
    return visible_json(orjson.dumps(value, default=str))


def _for_people(_: Any, __: str, told: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What is no text is shown as Python writes it, which steers nothing."""
    return {name: visible_line(value) if isinstance(value, str) else value for name, value in told.items()}


def _traceback(out: TextIO, error: ExcInfo) -> None:
    # Plain: the pretty ones print the values of local variables, a customer's among them.
    written = StringIO()
    structlog.dev.plain_traceback(written, error)
    out.write(visible(written.getvalue()))


class _OneLine(logging.Formatter):
    """As the standard library's, for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The record and what it is about, with nothing in it that steers a terminal."""
        about = "".join(f" {name}={value}" for name, value in structlog.contextvars.get_contextvars().items())
        return visible(super().format(record) + about)


def _no_texts_of_redis(_: WrappedLogger, __: str, told: EventDict) -> EventDict:
    """Before a traceback is written: redis-py's texts hold commands, and so a secret or a customer's words."""
    found = told.get("exc_info")
    error = found[1] if isinstance(found, tuple) else found if isinstance(found, BaseException) else sys.exc_info()[1]
    if found and error is not None:
        without_texts(error)
    return told


class NoTextsOfRedis(logging.Filter):
    """The same for what arq and asyncio log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets all pass."""
        args = record.args if isinstance(record.args, tuple) else ()
        for one in (*args, *(record.exc_info or ())):
            if isinstance(one, BaseException):
                without_texts(one)
        return True


def from_the_loop(_: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
    """A loop's exception handler. A task that nobody waits for has failed: asyncio would log all of its error."""
    error = told.get("exception")
    logger().error("task failed", reason=type(error).__name__ if error else told["message"])


def configure(level: str = "info", style: str = "auto") -> None:
    """Set the process' logging up. ``style``: json, console, or auto (console on a terminal)."""
    number = logging.getLevelNamesMapping()[level.upper()]
    for_people = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _no_texts_of_redis,
    ]
    if for_people:
        structlog.configure(
            processors=[*shared, _for_people, structlog.dev.ConsoleRenderer(exception_formatter=_traceback)],
            wrapper_class=structlog.make_filtering_bound_logger(number),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
            cache_logger_on_first_use=True,
        )
    else:
        structlog.configure(
            processors=[*shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_json)],
            wrapper_class=structlog.make_filtering_bound_logger(number),
            logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
            cache_logger_on_first_use=True,
        )
    # arq and aiohttp log through the standard library; only what goes wrong there is of interest.
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, force=True)
    for handler in logging.getLogger().handlers:
        handler.addFilter(NoTextsOfRedis())
        handler.setFormatter(_OneLine(logging.BASIC_FORMAT))
    # aiohttp logs a broken request with its bytes: a credential, or a customer's words. What breaks in a handler of
    # ours never gets there.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def about(**facts: str) -> None:
    """From now on these stand in every line of this task, and of the tasks that it begins; what is empty does not."""
    structlog.contextvars.bind_contextvars(**{name: value for name, value in facts.items() if value})


def about_nothing() -> None:
    """What this task does from now on is about something else."""
    structlog.contextvars.clear_contextvars()


def logger() -> FilteringBoundLogger:
    """The logger."""
    return cast("FilteringBoundLogger", structlog.get_logger())
