"""What waits, who lives and what needs a person, of all processes together: one read for probes, metrics and doctor."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge import heartbeats
from bridge.correlate import lane_name
from bridge.destinations import destinations
from bridge.domain import TicketRef
from bridge.helpdesks import REGISTRY
from bridge.protocol import helpdesk_destination, jelou_destination
from bridge.scripting import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.accounts import Bridge
    from bridge.heartbeats import Heartbeat
    from bridge.scripting import Scripts

OLDER: Final = "older"
"""The cause of dead letters beyond the newest ones, of which the causes are not looked at."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits of one account.

    ``due``: tickets that a worker could take, and for how long the oldest one. ``starts``: those that wait for a call
    to Jelou, the same. Ages in ms, -1 where there is none.
    """

    due: int
    oldest_ms: int
    starts: int
    oldest_start_ms: int


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it at one moment, by Redis' clock.

    ``worker_ms`` is the last sign of life of any worker that did not leave, ``worker_seen_ms`` of any that ever was; -1
    for none.
    """

    now_ms: int
    worker_ms: int
    worker_seen_ms: int = -1
    processes: tuple[Heartbeat, ...] = ()
    backlogs: Mapping[str, Backlog] = field(default_factory=dict)
    orphans: Mapping[str, int] = field(default_factory=dict)
    calls_waiting: Mapping[str, int] = field(default_factory=dict)
    calls_made: Mapping[str, int] = field(default_factory=dict)
    """In the last whole minute, by destination."""
    letters: Mapping[str, int] = field(default_factory=dict)
    paused: Mapping[str, str] = field(default_factory=dict)

    @property
    def alive(self) -> tuple[Heartbeat, ...]:
        """The processes that were heard of just now."""
        return tuple(one for one in self.processes if one.is_alive(self.now_ms))

    @property
    def workers_alive(self) -> int:
        """How many workers are alive; one, where only older versions tell that there are any."""
        told = sum(one.kind == "worker" for one in self.alive)
        return max(told, 1) if has_worker(self.worker_ms, self.now_ms) else 0

    def warnings(self) -> Iterator[str]:
        """What a person ought to look at, in words."""
        if not self.workers_alive:
            yield no_worker(max(self.worker_ms, self.worker_seen_ms))
        yield from heartbeats.differing(self.alive)


def has_worker(worker_ms: int, now_ms: int) -> bool:
    """Whether any worker gave a sign of life just now."""
    return worker_ms >= 0 and now_ms - worker_ms <= heartbeats.ALIVE_MS


def no_worker(worker_ms: int) -> str:
    """That none is alive, in words."""
    if worker_ms < 0:
        return "no worker is alive, and none was since Redis has this data: nothing that was accepted is worked"
    since = datetime.fromtimestamp(worker_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"no worker is alive since {since} UTC: what is accepted is kept, and not worked"


def accounts_of(bridge: Bridge) -> list[tuple[str, str, str]]:
    """Every account with its lane and the destination of its starts."""
    return [
        (f"{kind}/{name}", lane_name(TicketRef(kind, name, ""), account.project), jelou_destination(account.project))
        for kind, named in bridge.helpdesks.items()
        for name, account in named.items()
    ]


def allowed_per_minute(bridge: Bridge) -> dict[str, float]:
    """How many calls each destination may get in a minute."""
    projects = {jelou_destination(name): one.calls_per_s * 60 for name, one in bridge.jelou.items()}
    accounts = {
        helpdesk_destination(f"{kind}/{name}"): float(one.calls_per_minute or REGISTRY[kind].calls_per_minute)
        for kind, named in bridge.helpdesks.items()
        for name, one in named.items()
    }
    return projects | accounts


class Overviews:
    """Takes overviews of one store."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def take(self, bridge: Bridge) -> Overview:
        """The present one, by one script. Raises StoreUnavailable."""
        accounts, projects, called = accounts_of(bridge), list(bridge.jelou), destinations(bridge)
        lanes = [(lane, to) for _, lane, to in accounts]
        answer = await self._scripts.unfenced("overview", *map(orjson.dumps, (lanes, projects, called)))
        now, worker, seen, processes, waiting, orphans, calls, made, letters, newest, paused = answer
        return Overview(
            now_ms=now,
            worker_ms=worker,
            worker_seen_ms=seen,
            processes=tuple(_processes(processes)),
            backlogs={name: Backlog(*waiting[4 * n : 4 * n + 4]) for n, (name, _, _) in enumerate(accounts)},
            orphans=dict(zip(projects, orphans, strict=True)),
            calls_waiting=dict(zip(called, calls, strict=True)),
            calls_made=dict(zip(called, made, strict=True)),
            letters=_causes(newest, letters),
            paused={as_text(name): as_text(since) for name, since in zip(paused[::2], paused[1::2], strict=True)},
        )


def _processes(flat: Sequence[bytes]) -> Iterator[Heartbeat]:
    for _, text, seen in zip(flat[::3], flat[1::3], flat[2::3], strict=True):
        try:
            yield heartbeats.read(text, int(float(seen)))
        except (ValueError, TypeError):
            continue


def _causes(texts: Sequence[bytes | None], total: int) -> dict[str, int]:
    """How many dead letters there are of each action: its first word, which is one of ours."""
    counted = Counter(_action(text) for text in texts if text)
    older = total - counted.total()
    return dict(counted) | ({OLDER: older} if older > 0 else {})


def _action(text: bytes) -> str:
    told: Any = orjson.loads(text)
    return str(told.get("action", "")).partition(" ")[0]
