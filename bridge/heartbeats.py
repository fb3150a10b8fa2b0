"""The heartbeat of every process: what it is and that it lives. Kept in Redis, told by each about itself.

A process that ends in order leaves; one that was killed is not alive any more after ``ALIVE_MS``, and forgotten after
``KEPT_MS``. Workers of versions before this one have none, and give a sign of life each second all the same
(``scripts/tick.lua``): that alone says whether a worker is alive, whichever version it has.
"""

from __future__ import annotations

import hashlib
import platform
import re
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import orjson

from bridge import stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import BaseModel

    from bridge.scripting import Scripts

EVERY_S: Final = 5.0
ALIVE_MS: Final = 20_000
KEPT_MS: Final = 600_000
PACKAGE: Final = "jelou-ticket-bridge"
HASH_DIGITS: Final = 12
IN_ADDRESS: Final = re.compile(r"//[^/?#\s]*@")
"""The user and password of an address."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One process. ``kind`` is web or worker; ``slots`` are its jobs at a time, ``busy`` how many of them run.

    ``configuration`` is the hash of what it was configured with, secrets left out. Times are Redis' own, in ms;
    ``seen_ms`` is 0 where it has not been told yet.
    """

    id: str
    kind: str
    host: str
    version: str
    configuration: str
    slots: int = 0
    busy: int = 0
    seen_ms: int = 0

    def is_alive(self, now_ms: int) -> bool:
        """Whether it was heard of just now."""
        return now_ms - self.seen_ms <= ALIVE_MS


def of_this_process(kind: str, configuration: str, slots: int = 0) -> Heartbeat:
    """What this process tells of itself."""
    return Heartbeat(uuid4().hex[:12], kind, platform.node(), own_version(), configuration, slots)


def own_version() -> str:
    """The version of the installed bridge."""
    return version(PACKAGE)


def configuration_hash(bridge: BaseModel) -> str:
    """The same for the same configuration, in every process. Nobody learns a secret from it: none goes in."""
    # As any: what only an account's own kind has is part of it as well, though the field names no kind.
    told = orjson.dumps(_plain(bridge.model_dump(serialize_as_any=True)), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(told).hexdigest()[:HASH_DIGITS]


def _plain(value: Any) -> Any:
    """What JSON knows, in an order that hangs on nothing; a secret is a row of stars, as pydantic writes it."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(one) for one in value), key=str)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, int | float) else IN_ADDRESS.sub("//", str(value))


def read(text: bytes | str, seen_ms: int) -> Heartbeat:
    """What another process told, in whichever version. Raises ValueError, TypeError for what is none."""
    return replace(stored.read(Heartbeat, orjson.loads(text)), seen_ms=seen_ms)


def differing(alive: Iterable[Heartbeat]) -> list[str]:
    """What ought to be the same in all processes and is not, in words."""
    running = list(alive)
    found = {
        "versions": {one.version for one in running},
        "configurations": {one.configuration for one in running},
    }
    return [
        f"{len(values)} {name} run beside each other: {_whose(running, name)}"
        for name, values in found.items()
        if len(values) > 1
    ]


def _whose(running: list[Heartbeat], name: str) -> str:
    value_of: Callable[[Heartbeat], str] = (
        (lambda one: one.version) if name == "versions" else (lambda one: one.configuration)
    )
    hosts: dict[str, list[str]] = {}
    for one in running:
        hosts.setdefault(value_of(one), []).append(f"{one.kind} on {one.host}")
    return "; ".join(f"{value} ({', '.join(sorted(names)[:3])})" for value, names in sorted(hosts.items()))


class Heartbeats:
    """Where processes tell of themselves."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def beat(self, one: Heartbeat) -> None:
        """Say that it lives. Raises StoreUnavailable."""
        await self._scripts.run("heartbeat", one.id, orjson.dumps(one), KEPT_MS)

    async def leave(self, one: Heartbeat) -> None:
        """It ends in order: nobody has to wait until it is forgotten. Raises StoreUnavailable."""
        await self._scripts.run("heartbeat", one.id, "", KEPT_MS)


class Pulse:
    """This process' own heartbeat, as it is now."""

    def __init__(self, heartbeats: Heartbeats, own: Heartbeat, busy: Callable[[], int] = lambda: 0) -> None:
        self._heartbeats, self.own, self._busy = heartbeats, own, busy

    async def beat(self) -> None:
        """Tell it. Raises StoreUnavailable."""
        await self._heartbeats.beat(replace(self.own, busy=self._busy()))

    async def end(self) -> None:
        """The process ends. Raises StoreUnavailable."""
        await self._heartbeats.leave(self.own)
