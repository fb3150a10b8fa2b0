"""Counters for /metrics. Labels are names of ours and of the configuration, never of a person or a ticket."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from bridge.gauges import Gauges
from bridge.heartbeats import own_version
from bridge.peers import REFUSED

if TYPE_CHECKING:
    from bridge.peers import Peers

WORK_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The process' own registry and everything in it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.gauges = Gauges(self.registry)
        self.gauges.build.labels(own_version()).set(1)
        self.deliveries = Counter(
            "bridge_deliveries",
            "Webhook deliveries by what became of them.",
            ["sender", "status"],
            registry=self.registry,
        )
        self.refused = Counter(
            "bridge_refused_deliveries",
            "Deliveries that were refused, by configured sender (all others: unknown) and reason.",
            ["sender", "reason"],
            registry=self.registry,
        )
        self.calls = Counter(
            "bridge_calls",
            "Calls to the other sides by outcome.",
            ["account", "action", "outcome"],
            registry=self.registry,
        )
        self.call_seconds = Histogram(
            "bridge_call_seconds", "How long calls took.", ["action"], buckets=WORK_BUCKETS_S, registry=self.registry
        )
        self.worked = Counter(
            "bridge_tickets_worked",
            "Claims that were finished, by phase after.",
            ["account", "phase"],
            registry=self.registry,
        )
        self.jobs = Counter("bridge_lane_jobs", "Jobs that arq ran: wake-ups of lanes.", registry=self.registry)
        self.lost = Counter(
            "bridge_leases_lost", "Tickets whose lease ended in a worker's hands.", registry=self.registry
        )
        self.in_flight = Gauge("bridge_tickets_in_flight", "Tickets in this worker's hands.", registry=self.registry)
        self.buried = Counter("bridge_buried", "Events given up, by account.", ["account"], registry=self.registry)
        self.faults = Counter(
            "bridge_faults",
            "Faults of the bridge's own, by the account whose ticket was worked; of no account beside the tickets.",
            ["account"],
            registry=self.registry,
        )
        self.tripped = Counter(
            "bridge_fuses_tripped",
            "Tickets that stopped by themselves because something loops.",
            ["account"],
            registry=self.registry,
        )
        self.early_dropped = Counter(
            "bridge_early_replies_dropped",
            "Replies that came before their ticket, whose opening was not told within five minutes.",
            ["account"],
            registry=self.registry,
        )
        self.losses = Counter(
            "bridge_redis_losses",
            "Times this process found that Redis had lost data, by kind.",
            ["kind"],
            registry=self.registry,
        )
        self.breaker_open = Gauge(
            "bridge_breaker_open",
            "1 while a destination is not called: it fails, refuses the credential, or asked to wait.",
            ["destination"],
            registry=self.registry,
        )
        self.silent = Gauge(
            "bridge_silent",
            "1 while a sender sends nothing, and at this time it normally does.",
            ["sender"],
            registry=self.registry,
        )
        self.starts_waiting = Gauge(
            "bridge_starts_waiting",
            "Starts of conversations that wait, by cause.",
            ["account", "cause"],
            registry=self.registry,
        )
        self.starts_waiting_seconds = Gauge(
            "bridge_starts_waiting_seconds",
            "For how long the first of them has been waiting.",
            ["account", "cause"],
            registry=self.registry,
        )
        self.connections = Gauge(
            "bridge_connections",
            "Open connections of this web process, by port and by whether one has proven its sender.",
            ["port", "proven"],
            registry=self.registry,
        )
        self.connections_refused = Counter(
            "bridge_connections_refused",
            "Connections that were refused or cut off, by reason.",
            ["port", "reason"],
            registry=self.registry,
        )
        self.retired = Counter(
            "bridge_retired", "What was removed because its time was over, by kind.", ["kind"], registry=self.registry
        )
        self.orphans_dropped = Counter(
            "bridge_orphans_dropped",
            "Conversations without a ticket that were dropped, oldest first, because there were too many.",
            ["project"],
            registry=self.registry,
        )
        self.forgotten = Counter(
            "bridge_forgotten",
            "What was removed because a person asked for it, by kind.",
            ["kind"],
            registry=self.registry,
        )
        self.old_secret = Counter(
            "bridge_old_secret_used",
            "Events of Jelou's signed with a secret from before a rotation, in its grace time.",
            registry=self.registry,
        )
        self.unconfigured_secret = Counter(
            "bridge_unconfigured_secret_used",
            "Events of Jelou's signed with a secret that this process' configuration lacks: refused after the grace.",
            registry=self.registry,
        )
        self.redis_memory = Gauge(
            "bridge_redis_memory_used",
            "What part of its maxmemory Redis uses, 0 to 1; 0 where it has none.",
            registry=self.registry,
        )
        self.redis_failures = Counter("bridge_store_unavailable", "Times Redis was away.", registry=self.registry)
        self.redis_errors = Counter(
            "bridge_redis_errors",
            "What Redis, or the way to it, answered instead of doing what it was asked, by reason.",
            ["reason"],
            registry=self.registry,
        )

    def watch(self, port: str, peers: Peers) -> None:
        """Show the connections of a port of ours, and count those it refuses."""
        for proven, said in ((True, "yes"), (False, "no")):
            self.connections.labels(port, said).set_function(partial(peers.count, proven=proven))
        for reason in REFUSED:
            self.connections_refused.labels(port, reason)
        peers.refused = lambda reason: self.connections_refused.labels(port, reason).inc()

    def text(self) -> bytes:
        """The exposition text (version 0.0.4)."""
        return generate_latest(self.registry)
