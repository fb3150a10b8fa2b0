"""Reading a ticket's trace: what was said of it, in short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.protocol import Leases
from bridge.twins.faults import EventFault

if TYPE_CHECKING:
    from tests.harness import Scene

SHORT_WAITS: dict[str, Any] = {"unknown_start": {"wait_s": 0.15, "then": "park"}, "confirm_wait_s": 0.15}
"""An account that gives up waiting soon, so that a test need not wait long."""

FIRM = {"unknown_start": {"wait_s": 300, "then": "park"}, "confirm_wait_s": 300}
"""An account that goes on waiting longer than a test would."""

FIRM_MS = 300_000
"""When it has waited enough."""

HELD = EventFault.named("out_of_order")
"""An event that comes when the test says so, by settling the twin, or after the next one of its conversation."""

BRIEF_LANES = Leases(lane_ms=400)
"""A lane whose worker went is soon free; that a ticket's lease is over is for ``due_now`` to say."""

Trace = dict[str, Any]


def line(trace: Trace) -> list[str]:
    """What happened, for a move where to. What merely came in is left out, and waits in a row are one."""
    words = [f"to {told['phase']}" if told["what"] == "moved" else told["what"] for told in trace["timeline"]]
    happened = [word for word in words if word != "received"]
    return [word for word, before in zip(happened, ["", *happened], strict=False) if (word, before) != ("waiting",) * 2]


def told(trace: Trace, what: str, **wanted: Any) -> list[dict[str, Any]]:
    """The entries of this kind that say all of this."""
    return [one for one in trace["timeline"] if one["what"] == what and wanted.items() <= one.items()]


def reasons(trace: Trace, what: str) -> list[str]:
    """Why, in the entries of this kind."""
    return [one.get("reason", "") for one in told(trace, what)]


def conversations(on: Scene, ticket: str) -> list[str]:
    """The conversations that Jelou really has for this ticket."""
    return on.jelou.ledger.tickets().get(ticket, [])


async def kept(redis: Any, prefix: str, *names: str) -> list[str]:
    """What a list, a hash's names or a set by time holds under this key."""
    key = ":".join((prefix, *names))
    kind = await redis.type(key)
    if kind == b"hash":
        found = await redis.hkeys(key)
    else:
        found = await (redis.zrange(key, 0, -1) if kind == b"zset" else redis.lrange(key, 0, -1))
    return [one.decode() for one in found]


async def due_now(redis: Any, prefix: str, lane: str, ticket: str) -> None:
    """Let a ticket's wait be over, so that a test need not sit through it."""
    await redis.zadd(f"{prefix}:lane:{lane}", {ticket: 0})
    await redis.zadd(f"{prefix}:lanes", {lane: 0})
