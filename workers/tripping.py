"""The fuse of a ticket: when something loops, it stops writing in both directions for a while, and says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import fuse
from bridge.chat_text import plain
from bridge.domain import AgentReplied
from bridge.letters import FUSE, letter_id
from bridge.notes import told
from bridge.wording import say
from workers.waiting import Wait

if TYPE_CHECKING:
    from workers.work import Work

PROMPT_MS = 10_000
"""A delivery that comes later than this after what it tells of says nothing of how fast that was typed."""

LOOK_MS = 3_600_000
"""How long a ticket that waits for a person sleeps between two looks; the person ends it at once."""

HELD = 'the loop guard; it goes on by itself, or at once with the internal note "jelou: continue"'


def moment(received_ms: int, own_ms: int) -> int:
    """When a message was sent: by our own clock where it came at once: the clocks of the sides need not agree."""
    return own_ms if own_ms and received_ms - own_ms > PROMPT_MS else received_ms


def tripped(work: Work, direction: fuse.Direction, text: str, at_ms: int) -> None:
    """Note what is carried; trip the fuse where that looks like a loop. What comes from then on waits."""
    account, link = work.pair.account, work.link
    traffic = fuse.noted(link.traffic, at_ms, direction, text)
    loop = fuse.tripped(traffic, account.fuse, at_ms)
    work.link = replace(link, traffic=traffic)
    if loop is None or link.fuse:
        return
    now, (key, values) = work.app.now_ms(), loop
    again = link.fuse_times and now - link.fuse_until_ms < fuse.CALM_MS
    times = link.fuse_times + 1 if again else 1
    hold_s = fuse.hold_s(account.fuse, times)
    reason = say("en", key, **values)
    work.link = replace(work.link, fuse=reason, fuse_times=times, fuse_until_ms=now + round(hold_s * 1000))
    work.tell("tripped", reason=reason)
    work.app.metrics.tripped.labels(work.account).inc()
    work.letter(reason, FUSE)
    work.app.log.warning("fuse tripped", reason=reason)
    why, minutes = say(account.language, key, **values), f"{max(hold_s / 60, 1):.0f}"
    work.add(told(work.link, f"fuse:{now}", account, "fuse", reason=why, minutes=minutes))


def stopped(work: Work) -> bool:
    """Whether nothing is carried now: until its time is over, or an agent's note lets it go on."""
    if not work.link.fuse:
        return False
    # What an older version stopped its ticket says is a person's to resume.
    left_ms = work.link.fuse_until_ms - work.app.now_ms() if work.link.fuse_until_ms else LOOK_MS
    if left_ms > 0 and not _let_go_on(work):
        work.waits["fuse"] = Wait(HELD, left_ms, firm=True)
        return True
    work.tell("resumed", reason="its time is over" if left_ms <= 0 else "an agent's note")
    work.link = replace(work.link, fuse="", traffic=())
    work.settled.append(letter_id(work.ref, FUSE))
    return False


def _let_go_on(work: Work) -> bool:
    events = (one.event for one in work.inbox[work.done :])
    return any(
        isinstance(one, AgentReplied)
        and not one.public
        and not one.by_bridge
        and fuse.goes_on(plain(one.text, one.markup))
        for one in events
    )
