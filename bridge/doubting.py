"""Expected and seen closes: Jelou may send an event once only, so a conversation may be open here that is not there.

An open conversation that nobody has asked for in long is doubted: its ticket gets evidence, and a worker asks Jelou.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bridge import events
from bridge.domain import Doubted
from bridge.errors import StoreUnavailable
from bridge.links import LIVE, Link
from bridge.timeline import entry

if TYPE_CHECKING:
    from bridge.rounds import Doubt
    from bridge.wiring import App

MOST = 50
"""In one round: each costs a call to Jelou, which is paced, and customers go first."""


async def doubt(
    app: App, project: str, older_ms: int, *, account: str = "", most: int = MOST, preview: bool = False
) -> list[str]:
    """Hand in doubt about the project's conversations nobody has asked for in so long; the tickets it is about.

    ``account`` (kind/name) leaves out the others'. ``preview``: only say which. Once for each conversation and time.
    """
    found = await app.store.rounds.doubt(project, account, older_ms, most, preview=preview)
    live = [(one, link) for one in found if (link := Link.load(one.state)).phase in LIVE and link.conversation]
    if not preview:
        for one, link in live:
            await _hand_in(app, one, link.conversation, older_ms)
    return [one.ticket for one, _ in live]


async def _hand_in(app: App, one: Doubt, conversation: str, older_ms: int) -> None:
    now = app.now_ms()
    event = events.dump(Doubted(conversation), "", now)
    told = entry(now, "doubted", conversation=conversation, reason="nobody has asked Jelou for it in long")
    fact = f"doubted:{conversation}:{now // older_ms}"
    lane = await app.store.testify(one.ticket, one.lane, fact, event, told)
    if lane:
        # The sweep wakes the lane if this is lost.
        with suppress(StoreUnavailable):
            await app.queue.wake(lane)
