"""Reconciling by itself: one worker of all looks at each account now and then, and goes on where a look was broken off.

It runs in an arq cron: those need a free slot, and this may wait for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import CallError, StoreUnavailable
from bridge.missed import Window
from bridge.reconciling import NotCalledError, Reconciler, reconcilable

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.wiring import App

JOB = "reconcile"
TURN_MS = 960_000
"""Nobody else looks at the account for so long, should this worker die over it. Longer than the job may take."""

LOOK_S = 60.0
"""After this a look is broken off between two pages; the next minute goes on with it."""


async def reconcile(app: App, draining: Callable[[], bool]) -> None:
    """One round: every account whose time has come."""
    for name in reconcilable(app):
        kind, _, account = name.partition("/")
        if draining():
            return
        if app.bridge.helpdesks[kind][account].reconcile.enabled:
            await _one(app, name, draining)


async def _one(app: App, name: str, draining: Callable[[], bool]) -> None:
    """The account, if it is time for it and nobody else is at it."""
    turn = f"{JOB}:{name}"
    if not await app.store.rounds.take_turn(turn, TURN_MS):
        return
    try:
        kind, _, account = name.partition("/")
        known = Window.load(await app.store.rounds.window(name))
        window = known.next(app.now_ms(), app.bridge.helpdesks[kind][account].reconcile)
        if window is not None:
            await _look(app, name, window, draining)
    except StoreUnavailable:
        raise
    except Exception:
        # A bug in one dialect must not keep the others from being looked at.
        app.log.exception("bug", account=name)
    finally:
        await app.store.rounds.give_back(turn)


async def _look(app: App, name: str, window: Window, draining: Callable[[], bool]) -> None:
    """Page by page, each noted when it is done: a worker that dies over it, or a long list, costs one page."""
    until, looking = app.monotonic() + LOOK_S, Reconciler(app, name, window.since_ms)
    problem = ""
    try:
        while window.began_ms and app.monotonic() < until and not draining():
            window = window.at(await looking.page(window.after))
            await app.store.rounds.note_window(name, window.dump())
    except NotCalledError as error:
        problem = str(error)
    except CallError as error:
        problem = error.reason
        await app.store.rounds.note_window(name, window.again().dump())
    looked = looking.looked
    if looked.fed or looked.left or problem:
        app.log.info(
            "reconciled",
            account=name,
            tickets=looked.tickets,
            fed=looked.fed,
            left=looked.left,
            complete=not window.began_ms,
            problem=problem,
        )
