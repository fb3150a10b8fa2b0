"""The gate of a destination as numbers, and what a call teaches its breaker. Pure; ``scripts/gate.lua`` decides.

The workers and the reconciler pass the same gates, so that together they keep the vendor's limit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.errors import Ambiguous, Denied, NotSent, Throttled
from bridge.protocol import Gate, Outcome, helpdesk_destination

if TYPE_CHECKING:
    from bridge.accounts import Account
    from bridge.errors import CallError
    from bridge.ports import Helpdesk

MINUTE_MS = 60_000
THROTTLED_S = 1.0
"""Where a 429 does not say how long."""

UNAUTHORISED = 401


def account_gate(dialect: Helpdesk, account: Account, name: str, lane: str) -> Gate:
    """The gate of a helpdesk account, ``kind/name``, for a caller that waits in ``lane``."""
    rate = paced(account.calls_per_minute or dialect.calls_per_minute, MINUTE_MS, at_once=0.1)
    return Gate(helpdesk_destination(name), lane, *rate)


def list_gate(dialect: Helpdesk, account: Account, name: str, lane: str) -> Gate:
    """The same for the calls that list what has changed: a tenth of all calls.

    Zendesk allows ten incremental exports in a minute, and a 429 for those would hold back the tickets' calls as well.
    """
    most = (account.calls_per_minute or dialect.calls_per_minute) // 10
    more = ((f"list:{name}", *paced(max(1, most), MINUTE_MS, at_once=0.3)),)
    return replace(account_gate(dialect, account, name, lane), more=more)


def paced(calls: float, per_ms: float, *, at_once: float) -> tuple[float, int]:
    """Interval in ms and burst, so that no ``per_ms`` at all holds more than ``calls``, some ``at_once`` of them.

    A full burst and then the full rate would be nearly twice as many in the first one.
    """
    burst = max(1, int(calls * at_once))
    return per_ms / (calls - burst + 1), burst


def credential(destination: str) -> str:
    """Where the destination's credential stands in the configuration."""
    side, _, name = destination.partition(":")
    return f"jelou.{name}.api_key or basic" if side == "jelou" else f"helpdesks.{name.replace('/', '.')}.access"


def explained(gate: Gate, error: CallError) -> CallError:
    """The same error; a refused credential says which one it is, for whoever is to repair it."""
    if not isinstance(error, Denied):
        return error
    reason = f"the credential is refused, see {credential(gate.destination)}: {error.reason}"
    return Denied(reason, status=error.status)


def outcome(gate: Gate, error: CallError | None) -> Outcome:
    """What the breaker learns from a call. A refusal shows that the other side works; our own lease tells nothing.

    A 401 is about the credential. A 403 may be about one ticket, and counts as a failure among others.
    """
    if error is None or not isinstance(error, NotSent | Ambiguous | Throttled | Denied):
        return Outcome(gate.destination, "ok", 0, "")
    if isinstance(error, Throttled):
        return Outcome(gate.destination, "wait", int((error.retry_after_s or THROTTLED_S) * 1000), error.reason)
    denied = isinstance(error, Denied) and error.status == UNAUTHORISED
    return Outcome(gate.destination, "denied" if denied else "fail", 0, error.reason)
