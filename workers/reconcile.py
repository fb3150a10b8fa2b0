"""Reconciling by itself: one worker of all looks at each account now and then, and goes on where a look was broken off.

It runs in an arq cron: those need a free slot, and this may wait for one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.errors import CallError, StoreUnavailable
from bridge.missed import Window, whole, whole_name
from bridge.reconciling import NotCalledError, Reconciler, reconcilable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.reconciling import Looked
    from bridge.wiring import App

JOB = "reconcile"
SECONDS = frozenset(range(0, 60, 10))
"""At which seconds of each minute it is looked whose time has come: nobody's look is later than the time between."""

TURN_MS = 960_000
"""Nobody else looks at the account for so long, should this worker die over it. Longer than the job may take."""

LOOK_S = 60.0
"""After this a look is broken off between two pages; the next round goes on with it."""

WHOLE_LOOK_S = 10.0
"""The same for a whole look: the other look at the account, which comes first in each round, must not wait for it."""

REST_MS = 60_000
"""A look that failed is begun again after this, and said to fail once in it."""

AT_ONCE = 8
"""Accounts that one round looks at beside each other: a slow one keeps none waiting, and all of them one slot."""


@dataclass(frozen=True, slots=True)
class Look:
    """A look at an account (``kind/name``) to begin or to go on with, and where its window is kept."""

    account: str
    kept: str
    window: Window
    whole: bool


async def reconcile(app: App, draining: Callable[[], bool]) -> None:
    """One round: every account whose time has come."""
    await _accounts(app, draining)


async def _accounts(app: App, draining: Callable[[], bool]) -> None:
    windows, room = await app.store.rounds.windows(), asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> None:
        async with room:
            if not draining():
                await _one(app, name, draining)

    due = [name for name in reconcilable(app) if _due(app, name, windows)]
    ends = await asyncio.gather(*map(one, due), return_exceptions=True)
    for failed in ends:
        if isinstance(failed, BaseException):
            raise failed


def _due(app: App, name: str, windows: Mapping[str, bytes]) -> list[Look]:
    """The looks at the account whose time has come; the window of each is kept under its name."""
    kind, _, account = name.partition("/")
    policy, now = app.bridge.helpdesks[kind][account].reconcile, app.now_ms()
    looks = ((name, policy, False), (whole_name(name), whole(policy), True)) if policy.enabled else ()
    found = [(kept, Window.load(windows.get(kept, b"")).next(now, paced), is_whole) for kept, paced, is_whole in looks]
    return [Look(name, kept, window, is_whole) for kept, window, is_whole in found if window is not None]


async def _one(app: App, name: str, draining: Callable[[], bool]) -> None:
    """The account, if nobody else is at it, and it is still time for it."""
    turn = f"{JOB}:{name}"
    if not await app.store.rounds.take_turn(turn, TURN_MS):
        return
    failed = False
    try:
        for look in _due(app, name, await app.store.rounds.windows()):
            failed = failed or bool(await _look(app, look, draining))
    except StoreUnavailable:
        raise
    except Exception:
        # A bug in one dialect must not keep the others from being looked at.
        app.metrics.faults.labels(name).inc()
        app.log.exception("bug", account=name)
        failed = True
    finally:
        await (app.store.rounds.keep_turn(turn, REST_MS) if failed else app.store.rounds.give_back(turn))


async def _look(app: App, look: Look, draining: Callable[[], bool]) -> str:
    """Page by page, each noted when it is done: a worker that dies over it, or a long list, costs one page.

    Returns why it could not be gone on with; empty where it could.
    """
    until, window, problem = app.monotonic() + (WHOLE_LOOK_S if look.whole else LOOK_S), look.window, ""
    looking = Reconciler(app, look.account, window.since_ms, whole=look.whole)
    try:
        while window.began_ms and app.monotonic() < until and not draining():
            window = window.at(await looking.page(window.after))
            await app.store.rounds.note_window(look.kept, window.dump())
    except NotCalledError as error:
        problem = str(error)
    except CallError as error:
        problem = error.reason
        await app.store.rounds.note_window(look.kept, window.again().dump())
    looked = looking.looked
    if problem or looked.fed or looked.left:
        _told(app, looked, problem, complete=not window.began_ms)
    return problem


def _told(app: App, looked: Looked, problem: str, *, complete: bool) -> None:
    facts = {"account": looked.account, "tickets": looked.tickets, "fed": looked.fed, "left": looked.left}
    if problem:
        app.log.warning("reconcile failed", problem=problem, **facts)
    else:
        app.log.info("reconciled", complete=complete, **facts)
