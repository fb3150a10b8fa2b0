"""What all processes share, as gauges for /metrics: what waits, who lives, what needs a person, how full Redis is.

Each process shows the same, so an alert looks at any one of them (``max by``). Labels are names of the configuration
and words of ours. An account of which nothing waits has no line: 1,200 accounts cost nothing while all is well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import Gauge

from bridge.overview import allowed_per_minute
from bridge.protocol import EVERY, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prometheus_client import CollectorRegistry

    from bridge.accounts import Bridge
    from bridge.generations import Loss
    from bridge.overview import Overview


class Gauges:
    """Those of one process' registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, says: str, *labels: str) -> Gauge:
            return Gauge(f"bridge_{name}", says, labels, registry=registry)

        self.workers_alive = gauge("workers_alive", "Workers that were heard of within 20 s.")
        self.processes = gauge("processes_alive", "Processes by kind, version and configuration.", *PROCESS)
        self.due = gauge("tickets_due", "Tickets that a worker could take now.", "account")
        self.due_age = gauge("tickets_due_oldest_seconds", "For how long the oldest of them could be taken.", "account")
        self.calls = gauge("calls_waiting", "Calls that wait for their turn, whatever they are for.", "destination")
        self.pace_used = gauge(
            "pace_used", "What part of its allowed calls a destination got in the last whole minute.", "destination"
        )
        self.letters = gauge("dead_letters", "Dead letters, by what was given up.", "cause")
        self.orphans = gauge("orphans", "Conversations that no ticket asked for.", "project")
        self.paused = gauge("account_paused", "1 while the account's starts are held back.", "account")
        self.memory_bytes = gauge("redis_memory_bytes", "What Redis uses.")
        self.max_memory_bytes = gauge("redis_max_memory_bytes", "Its maxmemory; 0 where it has none.")
        self.last_loss = gauge("redis_last_loss_timestamp_seconds", "When Redis lost data last (Unix time); 0: never.")
        self.overview_at = gauge(
            "overview_timestamp_seconds", "When these were read last, by Redis' clock (Unix time); 0: never yet."
        )
        self.build = gauge("build_info", "1, with this process' version.", "version")


PROCESS = ("kind", "version", "configuration")


def show(gauges: Gauges, bridge: Bridge, overview: Overview, server: Mapping[str, Any], loss: Loss | None) -> None:
    """Set them to what was found."""
    gauges.overview_at.set(overview.now_ms / 1000)
    gauges.workers_alive.set(overview.workers_alive)
    _all(gauges.processes, _counted(overview))
    _show_backlogs(gauges, overview)
    _all(gauges.calls, {(shown(name),): count for name, count in overview.calls_waiting.items() if count})
    allowed = allowed_per_minute(bridge)
    _all(gauges.pace_used, {(shown(name),): made / allowed[name] for name, made in overview.calls_made.items() if made})
    _all(gauges.letters, {(cause,): count for cause, count in overview.letters.items()})
    _all(gauges.orphans, {(name,): count for name, count in overview.orphans.items()})
    known = {f"{kind}/{name}" for kind, named in bridge.helpdesks.items() for name in named}
    _all(
        gauges.paused, {(name,): 1 for name in (known if EVERY in overview.paused else known & overview.paused.keys())}
    )
    gauges.memory_bytes.set(server.get("memory_bytes", 0))
    gauges.max_memory_bytes.set(server.get("max_memory_bytes", 0))
    gauges.last_loss.set(loss.at_ms / 1000 if loss else 0)


def _show_backlogs(gauges: Gauges, overview: Overview) -> None:
    due = {(name,): one for name, one in overview.backlogs.items() if one.due}
    _all(gauges.due, {name: one.due for name, one in due.items()})
    _all(gauges.due_age, {name: one.oldest_ms / 1000 for name, one in due.items()})


def _counted(overview: Overview) -> dict[tuple[str, ...], float]:
    counts: dict[tuple[str, ...], float] = {}
    for one in overview.alive:
        labels = (one.kind, one.version, one.configuration)
        counts[labels] = counts.get(labels, 0) + 1
    return counts


def _all(gauge: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
    """These and no others."""
    gauge.clear()
    for labels, value in values.items():
        gauge.labels(*labels).set(value)
