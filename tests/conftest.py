"""A real Valkey for all tests: one server per session, a prefix of its own for each test."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from redis.asyncio import Redis

from bridge.embedded import EmbeddedServer
from tests.log_capture import plain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_numbers = itertools.count(1)

# How long an example takes is the machine's business.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

plain()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running server; durable enough for tests, quick enough for thousands of steps."""
    loop = asyncio.new_event_loop()
    server = EmbeddedServer(tmp_path_factory.mktemp("valkey"), fsync="everysec")
    loop.run_until_complete(server.start())
    yield server.url
    loop.run_until_complete(server.stop())
    loop.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of the session's server."""
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def prefix() -> str:
    """A key prefix no other test uses."""
    return f"test-{next(_numbers)}"
