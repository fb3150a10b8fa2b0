"""What is for operators at a port of its own: senders find the webhooks and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from bridge.embedded import free_port
from bridge.errors import ConfigError
from config.settings import read_settings
from tests.command_line import configuration, started, written

if TYPE_CHECKING:
    from pathlib import Path

OPERATORS = ("/ready", "/metrics", "/openapi.json", "/api/accounts")
WEBHOOK = "/webhooks/jelou/soporte"


async def statuses(port: int, *paths: str) -> dict[str, int]:
    """What each path is answered there; webhooks are posted."""
    found = {}
    async with ClientSession(f"http://127.0.0.1:{port}") as session:
        for path in paths:
            async with session.request("POST" if path == WEBHOOK else "GET", path) as answer:
                found[path] = answer.status
    return found


async def test_each_port_has_what_is_for_it(tmp_path: Path, redis_url: str) -> None:
    """A real process; `/live` is at both. A webhook that posts no JSON is 415 where there are webhooks."""
    public, own = free_port(), free_port()
    environ = {
        "REDIS_URL": redis_url,
        "BRIDGE_PORT": str(public),
        "BRIDGE_ADMIN_PORT": str(own),
        "BRIDGE_LINGER_S": "0",
        "BRIDGE_LOG_FORMAT": "json",
    }
    config = written(tmp_path, configuration())
    async with started("serve", "--config", config, environ=environ) as web:
        await web.says("web ready")
        outside = await statuses(public, "/live", WEBHOOK, *OPERATORS)
        inside = await statuses(own, "/live", WEBHOOK, *OPERATORS)
    assert outside == {"/live": 200, WEBHOOK: 415, **dict.fromkeys(OPERATORS, 404)}
    assert inside == {
        "/live": 200,
        WEBHOOK: 404,
        "/ready": 200,
        "/metrics": 200,
        "/openapi.json": 200,
        "/api/accounts": 401,
    }


def test_the_same_port_for_both_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable's name."""
    monkeypatch.setenv("BRIDGE_PORT", "9090")
    monkeypatch.setenv("BRIDGE_ADMIN_PORT", "9090")
    with pytest.raises(ConfigError) as refused:
        read_settings()
    assert "BRIDGE_ADMIN_PORT" in str(refused.value)
