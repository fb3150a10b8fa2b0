"""A public reply that comes before its ticket: it waits a while for the ticket's opening, and holds back nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import events
from bridge.domain import AgentReplied, Phase, TicketOpened, TicketReopened
from workers.waiting import Wait

if TYPE_CHECKING:
    from bridge.links import Link
    from workers.work import Work

EARLY = "its ticket was not told of yet"
NOT_OPENED = "nothing told of its ticket's opening within five minutes"

WAIT_MS = 300_000
"""Senders deliver in any order, within minutes. A ticket from before the bridge has no opening to come."""

MOST = 20
"""Replies of one ticket that wait; of more the oldest is let go."""


def comes_early(work: Work, event: object) -> bool:
    """Whether it is a reply of a ticket of which nothing else was ever told."""
    if work.early or not isinstance(event, AgentReplied) or event.by_bridge or not event.public:
        return False
    return never_seen(work.link) and work.pair.account.messages.to_customer


def never_seen(link: Link) -> bool:
    """Whether no opening was worked: neither started, nor left alone by a rule."""
    return link.phase is Phase.NEW and not (link.start or link.attempt or link.reason or link.past)


def keep(work: Work) -> None:
    """The reply at the head of the inbox waits beside it; what comes behind is worked."""
    link, now = work.link, work.app.now_ms()
    if len(link.early) >= MOST:
        _let_go(work, "too many replies came before their ticket")
    work.tell("waiting", reason=EARLY, until=(link.early_ms or now) + WAIT_MS)
    early = (*work.link.early, work.next_raw.decode())
    work.consume()
    work.link = replace(work.link, early=early, early_ms=link.early_ms or now)


def take(work: Work) -> None:
    """The first that waits is next, once its ticket was opened, or not started by a rule; else the time is noted."""
    work.early, link = None, work.link
    if not link.early or (link.phase is Phase.NEW and (link.start or _opens(work))):
        return
    if never_seen(link):
        _wait(work)
        return
    work.early, work.link = events.load(link.early[0].encode()), replace(link, early_ms=0)
    work.waits.pop(EARLY, None)


def _opens(work: Work) -> bool:
    """Whether the opening is there, and waits itself."""
    return any(isinstance(one.event, TicketOpened | TicketReopened) for one in work.inbox[work.done :])


def _wait(work: Work) -> None:
    left_ms = work.link.early_ms + WAIT_MS - work.app.now_ms()
    if left_ms > 0:
        work.wait_for(EARLY, Wait(EARLY, left_ms), known=True)
        return
    while work.link.early:
        _let_go(work, NOT_OPENED)
    work.link = replace(work.link, early_ms=0)


def _let_go(work: Work, reason: str) -> None:
    work.tell("ignored", event=AgentReplied.type, reason=reason)
    work.app.metrics.early_dropped.labels(work.account).inc()
    work.link = replace(work.link, early=work.link.early[1:])
