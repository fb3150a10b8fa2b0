"""A Redis in cluster mode is refused in one line, by each process at its start and by ``/ready``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis

from bridge.embedded import EmbeddedServer, free_port
from bridge.redis_errors import CLUSTER
from tests.command_line import configuration, run_process, written
from tests.log_capture import configured
from tests.webhooks import deliver, get, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@dataclass
class ClusterNode(EmbeddedServer):
    """A cluster of one server."""

    def _arguments(self) -> list[str]:
        return [*super()._arguments(), "--cluster-enabled", "yes", "--cluster-port", str(free_port())]


@pytest.fixture(params=[True, False], ids=["with its slots", "without slots"])
async def node(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClusterNode]:
    """One that works as a cluster, and one that nobody has set up yet."""
    async with ClusterNode(tmp_path / "valkey") as node:
        if request.param:
            async with Redis.from_url(node.url) as redis:
                await redis.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
        yield node


@pytest.mark.parametrize("process", ["serve", "worker"])
async def test_a_process_ends_with_one_line(node: ClusterNode, tmp_path: Path, process: str) -> None:
    """Code 3; what to use instead is said, and no traceback."""
    config, port = written(tmp_path, configuration()), str(free_port())
    environ = {"REDIS_URL": node.url, "BRIDGE_LOG_FORMAT": "json"}
    ran = await run_process(process, "--config", config, "--port", port, environ=environ)
    assert (ran.code, ran.err) == (3, f"Redis at 127.0.0.1:{node.port} {CLUSTER.words}\n")


async def test_a_process_that_found_it_later_says_so(
    node: ClusterNode, prefix: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """503 with the reason; no traceback each second."""
    with configured("info", "json"):
        async with listening(node.url, prefix) as run:
            assert (await deliver(run, "zendesk")).status == 503
            ready = await get(run, "/ready")
    assert (ready.status, CLUSTER.words in ready.json["redis"]["reason"]) == (503, True)
    assert b"Traceback" not in b"".join(capsysbinary.readouterr())
