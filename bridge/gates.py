"""The gate of a destination as numbers, and what a call teaches its breaker. Pure; ``scripts/gate.lua`` decides.

The workers and the reconciler pass the same gates, so that together they keep the vendor's limit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.errors import Ambiguous, Denied, NotSent, Throttled
from bridge.protocol import CallClass, Gate, Outcome, helpdesk_destination, jelou_destination

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.accounts import Account, Project
    from bridge.errors import CallError
    from bridge.ports import Helpdesk

SECOND_MS = 1_000
MINUTE_MS = 60_000
QUIET_PART = 10
THROTTLED_S = 1.0
"""Where a 429 does not say how long."""

UNAUTHORISED = 401

REFUSED_CREDENTIAL: Final = "the credential is refused"
"""The beginning of what is told of it."""


def project_gate(project: Project, name: str, lane: str, call_class: CallClass) -> Gate:
    """The gate of a Jelou project, shared by all accounts on it.

    What only asks whether something was missed gets a tenth of the pace at most: each question costs a call that a
    customer may be waiting for.
    """
    interval_ms, burst = paced(project.calls_per_s, SECOND_MS, at_once=0.02)
    return Gate(
        jelou_destination(name), lane, interval_ms, burst, call_class=call_class, quiet_ms=interval_ms * QUIET_PART
    )


def caller_gate(dialect: Helpdesk, account: Account, name: str, caller: str) -> Gate:
    """The gate of a helpdesk account, ``kind/name``, for one that asks for no ticket: what the tickets leave is its."""
    return replace(account_gate(dialect, account, name, caller, CallClass.QUIET), caller=True)


def account_gate(dialect: Helpdesk, account: Account, name: str, lane: str, call_class: CallClass) -> Gate:
    """The same for a ticket's call, of a ticket in ``lane``."""
    interval_ms, burst = paced(account.calls_per_minute or dialect.calls_per_minute, MINUTE_MS, at_once=0.04)
    rates = tuple(paced(rate.calls, rate.per_s * 1000, at_once=0.04) for rate in dialect.account_rates(account))
    return Gate(helpdesk_destination(name), lane, interval_ms, burst, call_class=call_class, rates=rates)


def list_gate(dialect: Helpdesk, account: Account, name: str, caller: str) -> Gate:
    """The same for the calls that list what has changed: a tenth of all calls.

    Zendesk allows ten incremental exports in a minute, and a 429 for those would hold back the tickets' calls as well.
    """
    most = (account.calls_per_minute or dialect.calls_per_minute) // 10
    more = ((f"list:{name}", *paced(max(1, most), MINUTE_MS, at_once=0.3)),)
    return replace(caller_gate(dialect, account, name, caller), more=more)


def paced(calls: float, per_ms: float, *, at_once: float) -> tuple[float, int]:
    """Interval in ms and burst, so that no ``per_ms`` at all holds more than ``calls``, some ``at_once`` of them.

    A full burst and then the full rate would be nearly twice as many in the first one. So the part that may go at once
    is what of the pace cannot be used for long: 2 to 4 % of it, and at least 96 % are left.
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
    reason = f"{REFUSED_CREDENTIAL}, see {credential(gate.destination)}: {error.reason}"
    return Denied(reason, status=error.status)


def outcome(gate: Gate, error: CallError | None, *, starts: bool = False) -> Outcome:
    """What the breaker learns from a call. A refusal shows that the other side works.

    A 401 is about the credential. A 403 may be about one ticket, and counts as a failure among others. No connection,
    and a start of unknown fate (``starts``), tell of the destination as a whole: of those few are enough.
    """
    if error is None or not isinstance(error, NotSent | Ambiguous | Throttled | Denied):
        return Outcome(gate.destination, "ok", 0, "")
    if isinstance(error, Throttled):
        return Outcome(gate.destination, "wait", int((error.retry_after_s or THROTTLED_S) * 1000), error.reason)
    return Outcome(gate.destination, _failure(error, starts=starts), 0, error.reason)


def _failure(error: CallError, *, starts: bool) -> str:
    if isinstance(error, Denied) and error.status == UNAUTHORISED:
        return "denied"
    if isinstance(error, NotSent) and not error.status:
        return "refused"
    return "unknown" if starts and isinstance(error, Ambiguous) else "fail"


CLASS_WORDS: Final[Mapping[str, str]] = {
    CallClass.BEGUN: "calls that follow others",
    CallClass.LIVE: "calls of live conversations",
    CallClass.SETTLE: "calls that settle unknown starts",
    CallClass.START: "starts",
    CallClass.FIELD: "tags, fields and statuses",
    CallClass.QUIET: "looks for what was missed",
}


def in_words(counts: Mapping[str, int]) -> str:
    """What stands before a call: ``12 calls of live conversations, 3 starts``; empty where nothing does."""
    return ", ".join(f"{counts[name]} {words}" for name, words in CLASS_WORDS.items() if counts.get(name))
