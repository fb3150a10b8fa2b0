"""One look that a person asks for, from the command line or the API: the list, the open conversations, the silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.doubting import doubt
from bridge.hearing import senders
from bridge.missed import Window, whole_name
from bridge.reconciling import Reconciler
from bridge.silence import silence

if TYPE_CHECKING:
    from bridge.reconciling import Looked
    from bridge.wiring import App


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What came of it. ``doubted`` are tickets whose conversation Jelou is asked for.

    ``silence`` is ``{for_s, usual}`` where no webhook has come for long, and normally ``usual`` come in that time.
    """

    looked: Looked
    doubted: list[str]
    silence: dict[str, int] | None


async def reconcile_once(app: App, account: str, since_s: int, *, dry_run: bool) -> Reconciled:
    """Look at the account (``kind/name``) as far back as that. Raises NotListedError and StoreUnavailable.

    Safe to repeat, and beside the workers' own looks.
    """
    now = app.now_ms()
    since_ms = now - since_s * 1000
    looked = await Reconciler(app, account, since_ms, dry_run=dry_run, late=True, whole=True).all()
    if looked.complete and not dry_run:
        for kept in (account, whole_name(account)):
            known = Window.load(await app.store.rounds.window(kept))
            await app.store.rounds.note_window(kept, known.covered(since_ms, now).dump())
    kind, _, name = account.partition("/")
    project = app.bridge.helpdesks[kind][name].project
    doubted = await doubt(app, project, since_s * 1000, account=account, preview=dry_run)
    return Reconciled(looked, doubted, await _silence(app, account, now))


async def _silence(app: App, account: str, now_ms: int) -> dict[str, int] | None:
    counts = (await app.store.rounds.heard([account]))[account]
    found = silence(counts, now_ms, senders(app.bridge)[account])
    return {"for_s": (now_ms - found.since_ms) // 1000, "usual": found.missed} if found else None
