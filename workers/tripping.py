"""The fuse of a ticket: when something loops, it stops writing in both directions and says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import fuse
from bridge.letters import FUSE
from bridge.notes import told

if TYPE_CHECKING:
    from workers.work import Work


def tripped(work: Work, direction: fuse.Direction, text: str) -> None:
    """Note what is carried; trip the fuse where that looks like a loop. What comes from then on waits for a person."""
    account, now = work.pair.account, work.app.now_ms()
    traffic = fuse.noted(work.link.traffic, now, direction, text)
    reason = fuse.tripped(traffic, account.fuse, now)
    work.link = replace(work.link, traffic=traffic)
    if not reason or work.link.fuse:
        return
    work.link = replace(work.link, fuse=reason)
    work.tell("tripped", reason=reason)
    work.app.metrics.tripped.labels(work.account).inc()
    work.letter(reason, FUSE)
    work.app.log.warning("fuse tripped", reason=reason)
    work.add(told(work.link, f"fuse:{now}", account, "fuse", reason=reason))
