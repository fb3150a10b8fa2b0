"""Logs: a line is JSON for machines or words for people, and never holds what a customer said."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import orjson
import pytest
from redis.exceptions import ResponseError

from bridge import logs
from tests.log_capture import configured

if TYPE_CHECKING:
    from collections.abc import Callable

WORD = "mariposa-violeta"


def written(
    capture: pytest.CaptureFixture[bytes], style: str, log: Callable[[], object], level: str = "debug"
) -> bytes:
    """Everything that logging this writes, on either stream."""
    with configured(level, style):
        log()
    return b"".join(capture.readouterr())


def fail(_phone: str) -> None:
    """Raise, with something of a customer's at hand."""
    msg = "a bug"
    raise RuntimeError(msg)


def a_bug() -> None:
    """Log an exception as the web and the worker do."""
    try:
        fail(WORD)
    except RuntimeError:
        logs.logger().exception("bug", ticket="zendesk/acme/7")


def test_a_line_for_machines_is_one_json_object(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """With its time in UTC, its level and its event, whatever the values hold."""
    line = written(capsysbinary, "json", lambda: logs.logger().info("worked", ticket="a\nñ", odd={1, 2}))
    told = orjson.loads(line)
    assert line.count(b"\n") == 1
    assert (told["event"], told["level"], told["ticket"], told["odd"]) == ("worked", "info", "a\nñ", "{1, 2}")
    assert told["timestamp"].endswith("Z")


def test_a_line_for_people_has_words(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """The same facts, to be read on a terminal."""
    line = written(capsysbinary, "console", lambda: logs.logger().info("worked", ticket="zendesk/acme/7"))
    assert b"worked" in line
    assert b"zendesk/acme/7" in line


@pytest.mark.parametrize("style", ["json", "console"])
def test_what_is_below_the_level_is_not_written(capsysbinary: pytest.CaptureFixture[bytes], style: str) -> None:
    """A level is the least that is written."""
    assert written(capsysbinary, style, lambda: logs.logger().info("worked"), "warning") == b""


def test_without_a_terminal_lines_are_for_machines(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """``auto`` looks where it writes to."""
    orjson.loads(written(capsysbinary, "auto", lambda: logs.logger().info("worked")))


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_shows_the_code_and_no_values(capsysbinary: pytest.CaptureFixture[bytes], style: str) -> None:
    """Where it broke is told; what the variables held, a customer's phone among them, is not."""
    told = written(capsysbinary, style, a_bug)
    assert b"RuntimeError" in told
    assert b"fail(WORD)" in told
    assert WORD.encode() not in told


def test_a_broken_request_is_not_logged_with_its_bytes(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Aiohttp's server would write what a stranger, or a broken proxy, sent: a credential or a message."""

    def log() -> None:
        logging.getLogger("aiohttp.server").error("Error handling request: %s", WORD)
        logging.getLogger("arq.worker").error("a worker's own")

    told = written(capsysbinary, "json", log)
    assert WORD.encode() not in told
    assert b"a worker's own" in told


def redis_errors() -> None:
    """Log some as ours and as a library's: redis-py puts the whole command into their text."""
    library = logging.getLogger("arq.worker")
    for tell in (logs.logger().exception, library.exception):
        error = ResponseError(f"Command # 1 (SET key {WORD}) of pipeline caused error: ('MISCONF no disk',)")
        try:
            raise error
        except ResponseError as raised:
            library.warning("job failed: %s", raised)
            tell("bug")


@pytest.mark.parametrize("style", ["json", "console"])
def test_an_error_of_redis_is_logged_by_its_code(capsysbinary: pytest.CaptureFixture[bytes], style: str) -> None:
    """In our tracebacks, in a library's, and in its lines."""
    logged = written(capsysbinary, style, redis_errors)
    assert (logged.count(b"Traceback"), logged.count(b"MISCONF"), WORD.encode() in logged) == (2, 4, False)
