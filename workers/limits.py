"""How long things may take, and the check that the numbers fit together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.domain import CALL_S
from bridge.errors import ConfigError

if TYPE_CHECKING:
    from bridge.accounts import Bridge
    from bridge.protocol import Leases

TAKE_OVER_S = 15.0
"""The promise: a killed worker's tickets go on within this."""


@dataclass(frozen=True, slots=True)
class Limits:
    """One worker's numbers."""

    heartbeat_s: float = 2.0
    sweep_s: float = 1.0
    tend_s: float = 5.0
    """How often a worker asks whether retention or a look at who is silent is its turn."""
    turn_s: float = 3.0
    """A lane's job makes room for the others after this."""
    no_room_ms: int = 500
    lane_most: int = 1024
    """Tickets of one lane in this worker's hands."""
    worker_most: int = 2048
    """Tickets of all lanes in this worker's hands."""
    at_once: int = 64
    """Tickets that are worked at the same moment, that wait neither for a turn nor for an answer. More would all be
    late, those included whose turn has come."""
    slots: int = 32
    """arq jobs at a time."""
    drain_s: float = 25.0
    """After SIGTERM, how long calls under way may take to finish."""
    reconcile_at_s: frozenset[int] = frozenset()
    """At which seconds of each minute one worker looks whose time for reconciling has come; none: it does not."""
    poison_claims: int = 5
    """A ticket claimed so often without one finish is set aside for longer and longer."""

    @property
    def look_s(self) -> float:
        """The longest time between two looks at what is due. Most are made just in time; this is for the rest."""
        return 2 * self.sweep_s


def check(limits: Limits, leases: Leases, bridge: Bridge) -> None:
    """Raises ConfigError where a lease could end under a call, or a take-over could take too long."""
    problems: list[str] = []
    lease_s = leases.ticket_ms / 1000
    if limits.heartbeat_s * 3 > lease_s:
        problems.append(f"heartbeat {limits.heartbeat_s} s is too slow for a lease of {lease_s} s")
    if lease_s + limits.look_s + limits.heartbeat_s > TAKE_OVER_S:
        problems.append(f"lease {lease_s} s and look {limits.look_s} s make take-over slower than {TAKE_OVER_S} s")
    if lease_s <= CALL_S:
        problems.append(f"lease {lease_s} s must be over the time of any call, {CALL_S} s")
    for name, project in bridge.jelou.items():
        if project.start_timeout_s >= lease_s:
            problems.append(
                f"jelou.{name}.start_timeout_s {project.start_timeout_s} must be under the lease, {lease_s} s"
            )
    for kind, name, wait_s, timeout_s in _unknown_waits(bridge):
        if wait_s <= timeout_s + lease_s:
            problems.append(
                f"helpdesks.{kind}.{name}.unknown_start.wait_s {wait_s} must be over start_timeout_s + lease, "
                f"{timeout_s + lease_s} s"
            )
    if problems:
        raise ConfigError("\n".join(problems))


def _unknown_waits(bridge: Bridge) -> list[tuple[str, str, float, float]]:
    return [
        (kind, name, account.unknown_start.wait_s, bridge.jelou[account.project].start_timeout_s)
        for kind, accounts in bridge.helpdesks.items()
        for name, account in accounts.items()
    ]
