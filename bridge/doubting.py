"""Expected and seen closes: Jelou may send an event once only, so a conversation may be open here that is not there.

An open conversation that has been quiet for long is doubted: its ticket gets evidence, and a worker asks Jelou.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bridge import events
from bridge.domain import Doubted
from bridge.errors import StoreUnavailable
from bridge.links import LIVE, Link
from bridge.timeline import entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.rounds import Doubt
    from bridge.wiring import App

MOST: Final = 1_000
"""In one look that a person asks for."""

FIRST_MS: Final = 600_000
"""How long a conversation is quiet before Jelou is asked for it."""

TURN: Final = "looks"
EVERY_MS: Final = 5_000
SHARE: Final = 0.1
"""Of a project's pace: each question costs a call, and customers go first."""


async def doubt(
    app: App, project: str, older_ms: int, *, account: str = "", most: int = MOST, preview: bool = False
) -> list[str]:
    """Hand in doubt about the project's conversations nobody has asked for in so long; the tickets it is about.

    ``account`` (kind/name) leaves out the others'. ``preview``: only say which.
    """
    found = await app.store.rounds.doubt(project, account, older_ms, most, preview=preview)
    live = _live(found)
    if not preview:
        await _hand_in(app, live, "nobody has asked Jelou for it in long")
    return [one.ticket for one, _ in live]


async def doubt_quiet(app: App) -> None:
    """One round, if it is time for one and nobody else has it."""
    if await app.store.rounds.take_turn(TURN, EVERY_MS):
        await quiet_round(app)


async def quiet_round(app: App) -> None:
    """Hand in doubt about what has been quiet for long: as much of it as fits into a project's share.

    The longest due first; the rest is for the next rounds.
    """
    for project, settings in app.bridge.jelou.items():
        most, every_ms = share(settings.calls_per_s)
        if every_ms > EVERY_MS and not await app.store.rounds.take_turn(f"{TURN}:{project}", every_ms):
            continue
        first_ms = min(FIRST_MS, int(settings.look_every_s * 1000))
        found = await app.store.rounds.looks_due(project, first_ms, most)
        await _hand_in(app, _live(found), "nothing has been heard of it for long")


def share(calls_per_s: float) -> tuple[int, int]:
    """How many conversations may be asked for, and in how many ms: at least one, however slow the pace is."""
    fit = calls_per_s * SHARE * EVERY_MS / 1000
    return (int(fit), EVERY_MS) if fit >= 1 else (1, round(EVERY_MS / fit))


def _live(found: Sequence[Doubt]) -> list[tuple[Doubt, Link]]:
    loaded = [(one, Link.load(one.state)) for one in found]
    return [(one, link) for one, link in loaded if link.phase in LIVE and link.conversation]


async def _hand_in(app: App, live: Sequence[tuple[Doubt, Link]], reason: str) -> None:
    """But for those that are being asked for already."""
    for one, link in live:
        if not link.look:
            await _hand_in_one(app, one, link.conversation, reason)


async def _hand_in_one(app: App, one: Doubt, conversation: str, reason: str) -> None:
    now = app.now_ms()
    event = events.dump(Doubted(conversation), "", now)
    told = entry(now, "doubted", conversation=conversation, reason=reason)
    lane = await app.store.testify(one.ticket, one.lane, f"doubted:{conversation}:{now}", event, told)
    if lane:
        # The sweep wakes the lane if this is lost.
        with suppress(StoreUnavailable):
            await app.queue.wake(lane)
