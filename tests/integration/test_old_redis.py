"""A Redis before 7.0 is refused in one line, by each process at its start and by ``/ready``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.embedded import free_port
from bridge.redis_errors import unusable
from tests.command_line import configuration, run_process, written
from tests.log_capture import configured
from tests.old_redis import VERSION, old_redis
from tests.webhooks import deliver, get, listening

if TYPE_CHECKING:
    from pathlib import Path

WORDS = f"is version {VERSION}: the bridge needs Redis 7.0 or newer, or Valkey"


@pytest.mark.parametrize("process", ["serve", "worker"])
async def test_a_process_ends_with_one_line(tmp_path: Path, process: str) -> None:
    """Code 3; what is needed is said, and no traceback."""
    async with old_redis() as place:
        config, port = written(tmp_path, configuration()), str(free_port())
        environ = {"REDIS_URL": f"redis://{place}/0", "BRIDGE_LOG_FORMAT": "json"}
        ran = await run_process(process, "--config", config, "--port", port, environ=environ)
        assert (ran.code, ran.err) == (3, f"Redis at {place} {WORDS}\n")


async def test_a_process_that_found_it_later_says_so(prefix: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """503 with the reason; no traceback."""
    async with old_redis() as place:
        with configured("info", "json"):
            async with listening(f"redis://{place}/0", prefix) as run:
                assert (await deliver(run, "zendesk")).status == 503
                ready = await get(run, "/ready")
    assert (ready.status, WORDS in ready.json["redis"]["reason"]) == (503, True)
    assert b"Traceback" not in b"".join(capsysbinary.readouterr())


@pytest.mark.parametrize("version", ["7.0.0", "7.2.4", "8.2.1", "10.0.0", "", "a managed one"])
def test_a_newer_one_and_one_that_does_not_tell_are_tried(version: str) -> None:
    """Compared by number, not as text."""
    assert unusable({"redis_version": version}) == ""


@pytest.mark.parametrize("version", ["6.2.14", "6.0", "2.8.1"])
def test_an_older_one_is_not(version: str) -> None:
    """The version is named."""
    assert version in unusable({"redis_version": version})
