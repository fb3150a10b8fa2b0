"""Tickets that this version, or this configuration, cannot work: they keep everything, and are looked at again.

One whose account is not configured may come back at any minute. One of which what is stored cannot be read is a
newer version's, or damaged: it is looked at more and more seldom, and listed for a person in the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.letters import UNREADABLE as ACTION
from bridge.letters import Letter, letter_id
from bridge.protocol import Finish
from bridge.timeline import entry

if TYPE_CHECKING:
    from bridge.protocol import Claimed
    from bridge.wiring import App

UNCONFIGURED = "its account is not configured"
UNREADABLE = "what is stored of it cannot be read"
UNFINISHED = "a fault in the bridge: what was done could not be stored"

AGAIN_MS, MOST_MS = 60_000, 600_000
"""Until the next look, and the longest of these times: after a rollout it goes on soon."""

LISTED_AT = 4
"""The look after which a person is asked: while old and new versions run side by side, it is nobody's fault."""

REMEMBERED_MOST = 10_000


class Aside:
    """How many times in a row each ticket was set aside by this worker, and why."""

    def __init__(self) -> None:
        self._times: dict[str, tuple[str, int]] = {}

    def times(self, ticket: str) -> int:
        """How many times by now."""
        return self._times.get(ticket, ("", 0))[1]

    def one_more(self, ticket: str, reason: str) -> int:
        """Count it; for another reason it is the first time again."""
        before, times = self._times.get(ticket, (reason, 0))
        if len(self._times) >= REMEMBERED_MOST:
            self._times.clear()
        self._times[ticket] = (reason, times + 1 if before == reason else 1)
        return self.times(ticket)

    def end(self, ticket: str) -> None:
        """It can be worked."""
        self._times.pop(ticket, None)


def aside(app: App, claimed: Claimed, reason: str, times: int) -> Finish:
    """The ticket as it is, due again later. Told the first time; listed where nobody could read it for a while."""
    unreadable = reason != UNCONFIGURED
    in_ms = min(MOST_MS, AGAIN_MS << min(times - 1, 8)) if unreadable else AGAIN_MS
    told = [entry(app.now_ms(), "waiting", reason=reason, until=app.now_ms() + in_ms)] if times == 1 else []
    if times == 1:
        app.log.warning("set aside", reason=reason)
    bury: tuple[tuple[str, str], ...] = ()
    if unreadable:
        app.metrics.faults.labels(_account(claimed)).inc()
    if unreadable and times == LISTED_AT:
        letter = _letter(claimed, reason, app.now_ms())
        told.append(entry(app.now_ms(), "buried", action=ACTION, reason=reason, letter=letter.id))
        app.metrics.buried.labels(_account(claimed)).inc()
        app.log.warning("buried", action=ACTION, reason=reason, letter=letter.id)
        bury = ((letter.id, letter.dump()),)
    return Finish(
        ticket=claimed.ticket,
        lane=claimed.lane,
        token=claimed.token,
        state="",
        inbox_done=0,
        evidence_done=0,
        left=len(claimed.inbox) + claimed.left,
        evidence_left=len(claimed.evidence),
        entries=tuple(told),
        bury=bury,
        wait="firm",
        due_in_ms=in_ms,
    )


def _letter(claimed: Claimed, reason: str, now_ms: int) -> Letter:
    return Letter(letter_id(claimed.ticket, ACTION), claimed.ticket, claimed.lane, ACTION, reason, now_ms)


def _account(claimed: Claimed) -> str:
    """Of the lane's name: an account that is, or was, configured."""
    return claimed.lane.partition("~")[0]
