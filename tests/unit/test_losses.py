"""What a process knows of Redis' losses: whether a server can lose at all, what it keeps itself, what passes again."""

from __future__ import annotations

from time import monotonic
from typing import Any, cast

import pytest
from redis.exceptions import ResponseError

from bridge.errors import StoreUnavailable
from bridge.redis_errors import understood
from bridge.scripting import Scripts
from bridge.store import Store


class Server:
    """As much of a Redis as tells of itself."""

    connection_pool = None

    def __init__(self, fsync: str = "always", **info: Any) -> None:
        self._fsync, self._info = fsync, {"redis_version": "7.4.0", "aof_enabled": 1, **info}

    def register_script(self, text: str) -> str:
        """Nothing is run."""
        return text

    async def info(self) -> dict[str, Any]:
        """INFO."""
        return self._info

    async def config_get(self, name: str) -> dict[str, str]:
        """CONFIG GET."""
        return {name: self._fsync}


NO_OTHER = "0" * 40


@pytest.mark.parametrize(
    ("fsync", "info", "synced"),
    [
        ("always", {"master_replid2": NO_OTHER}, True),
        ("always", {"master_replid2": 0}, True),
        ("always", {"master_replid2": "8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb"}, False),
        ("everysec", {"master_replid2": NO_OTHER}, False),
        ("always", {"master_replid2": NO_OTHER, "aof_enabled": 0}, False),
    ],
)
async def test_a_promoted_replica_may_have_lost_something(fsync: str, info: dict[str, Any], synced: bool) -> None:
    """It follows its master later; only a server that was never one has all that it answered."""
    scripts = Scripts(cast("Any", Server(fsync, **info)), "p", "local function now() return 0 end")
    assert await scripts.synced() is synced


@pytest.mark.parametrize(
    "said", ["MISCONF no disk", "OOM full", "LOADING data", "READONLY x", "BUSY x", "MASTERDOWN x", "NOREPLICAS x"]
)
def test_what_passes_by_itself_is_the_store_that_is_away(said: str) -> None:
    """Senders are answered 503 and come again; anything else would be a 500."""
    assert isinstance(understood(ResponseError(said), "redis.example.com:6379"), StoreUnavailable)


def test_the_begin_and_the_end_of_a_conversation_are_kept_beside_each_other() -> None:
    """After a loss both are told again; of two begins of one ticket the newer."""
    store = Store(cast("Any", Server()), prefix="p")
    for fact, event, contact in (
        ("start.sent:a", "sent", "ana"),
        ("end.asked:c-1", "end", ""),
        ("start.answered:a", "answered", "ana"),
        ("end.asked:c-0", "end of another", ""),
    ):
        store.testimony("t", "lane", fact, event, "told", contact)
    kept = [entry.args[3] for entry in store.generations.starts.entries(monotonic())]
    assert sorted(map(str, kept)) == ["answered", "end", "end of another"]
    store.no_testimony("t")
    assert len(store.generations.starts.entries(monotonic())) == 2
