"""What no webhook brought: which of a helpdesk's own list is to be worked, and how far was looked. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import orjson

from bridge import stored
from bridge.admission import asks_for_nothing
from bridge.domain import AgentReplied, Phase, TicketOpened, TicketReopened, TicketSolved
from bridge.links import IN_FLIGHT, LIVE, Link
from bridge.timestamps import http_date

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.accounts import Account
    from bridge.domain import Reply, TicketEvent
    from bridge.policies import Reconcile

OVERLAP_MS = 300_000
"""The next look begins so long before the last one did: lists lag behind, and clocks differ."""

WHOLE_S = 900.0
"""How often a look reads the comments of every live ticket that changed since the last such look. The others leave out
what a later delivery or write of ours explains, and so what an agent wrote before it, should its webhook be lost."""

BACK_MOST_MS = 86_400_000
"""What is older is a person's to look for: `bridge reconcile`."""

SLACK_MS = 2_000
"""A change counts as later from here on: what tells of it is cut to the second on one side or both, and a write of ours
is stamped by the helpdesk before we have its answer, or right after. What an agent wrote within it is read by the next
whole look."""

SECOND_MS = 1_000

PHASES: Final[Mapping[type, frozenset[Phase]]] = {
    AgentReplied: LIVE,
    TicketSolved: LIVE | IN_FLIGHT | {Phase.PARKED},
    TicketReopened: frozenset({Phase.CLOSED}),
}
"""In which phases of its link an event is missed. Of a ticket the bridge does not know, only that it was opened."""

FED, WOULD_BE_FED = "fed", "would be fed"
LEFT = "left: older than the account's start rules allow; `bridge reconcile` starts it"
UNDATED = "left: the helpdesk does not tell when it was written"
UNREADABLE = "left: it nests too deeply"
COUNTED = {"known": "known", "gone": "forgotten"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is missed: what was opened or written since then. ``late``: opened tickets count as told in time."""

    since_ms: int
    now_ms: int
    late: bool


def wanted(event: TicketEvent) -> bool:
    """Whether it can be missed at all. One without a fact is news each time it is looked at."""
    if isinstance(event, AgentReplied) and not event.public:
        return False
    return bool(event.fact) and event.ref is not None and not asks_for_nothing(event)


def verdict(event: TicketEvent, state: bytes, account: Account, bounds: Bounds) -> str:
    """What becomes of a new fact: fed, left (with the reason), or empty where nobody misses it."""
    if isinstance(event, TicketOpened):
        return _opened(event.ticket.created_ms or bounds.now_ms, account, bounds)
    if not state or Link.load(state).phase not in PHASES.get(type(event), frozenset()):
        return ""
    if isinstance(event, AgentReplied) and event.at_ms < bounds.since_ms:
        # A reply from before would reach a customer who does not expect it any more.
        return "" if event.at_ms else UNDATED
    return FED


def _opened(created_ms: int, account: Account, bounds: Bounds) -> str:
    if created_ms < bounds.since_ms or not account.start_when:
        return ""
    oldest_s = max(rule.max_age_s for rule in account.start_when)
    return FED if bounds.late or bounds.now_ms - created_ms <= oldest_s * 1000 else LEFT


def is_unread(state: bytes, changed_ms: int) -> bool:
    """Whether a live ticket changed later than is known of it, so that an agent may have written; 0: it may have."""
    if not state:
        return False
    link = Link.load(state)
    return link.phase in LIVE and (changed_ms <= 0 or changed_ms > link.changed_ms + SLACK_MS)


def ahead_ms(reply: Reply, asked_ms: int, answered_ms: int) -> int:
    """How far the helpdesk's clock is ahead of ours (behind: negative), as far as the ``Date`` of its answer proves it.

    That is cut to the second, and was written between question and answer: what fits into this is no difference.
    """
    told_ms = http_date(reply.headers.get("date", ""))
    if told_ms is None:
        return 0
    return min(max(0, told_ms - answered_ms), told_ms + SECOND_MS - asked_ms)


# --- how far ---------------------------------------------------------------------------------------------------------


def whole(policy: Reconcile) -> Reconcile:
    """The same policy for whole looks."""
    return policy.model_copy(update={"every_s": max(policy.every_s, WHOLE_S)})


def whole_name(account: str) -> str:
    """Under which the window of an account's whole looks is kept, beside that of its others."""
    return f"whole:{account}"


@dataclass(frozen=True, slots=True)
class Window:
    """How far an account was looked at: everything before ``until_ms`` (0: nothing yet).

    ``began_ms`` is when the look under way began (0: none is), ``since_ms`` where, and ``after`` its next page.
    """

    until_ms: int = 0
    since_ms: int = 0
    began_ms: int = 0
    after: str = ""

    def dump(self) -> bytes:
        """As JSON text; ``load`` reads it back."""
        return orjson.dumps(self)

    @classmethod
    def load(cls, text: bytes) -> Window:
        """Read what ``dump`` wrote; an empty text is a new window."""
        return stored.read(cls, orjson.loads(text)) if text else cls()

    def next(self, now_ms: int, policy: Reconcile) -> Window | None:
        """The look to go on with or to begin; None where it is not time."""
        if self.began_ms and now_ms - self.began_ms < BACK_MOST_MS:
            return self
        if now_ms - self.until_ms < policy.every_s * 1000:
            return None
        since = self.until_ms - OVERLAP_MS if self.until_ms else now_ms - int(policy.look_back_s * 1000)
        return Window(self.until_ms, max(since, now_ms - BACK_MOST_MS), now_ms)

    def at(self, after: str) -> Window:
        """After a page: the next one, or the end."""
        return replace(self, after=after) if after else self.ended()

    def again(self) -> Window:
        """The list could not be gone on with: from its beginning."""
        return replace(self, after="")

    def ended(self) -> Window:
        """All of it was looked at."""
        return Window(until_ms=max(self.until_ms, self.began_ms))

    def covered(self, since_ms: int, began_ms: int) -> Window:
        """After a look of a person's from ``since_ms`` to its end: further, where that leaves no gap."""
        return replace(self, until_ms=max(self.until_ms, began_ms)) if since_ms <= self.until_ms else self
