"""Retention: what has been kept for as long as it is to be kept goes, a little at a time, by one worker of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.forgetting import keeping

if TYPE_CHECKING:
    from bridge.wiring import App

EVERY_MS = 30_000
"""A round asks Redis for a dozen things, of which an idle bridge has none; what is over waits for days."""

TURN = "retention"
FORGOTTEN_KINDS = ("ticket", "dead_letter", "orphan")


async def retire(app: App) -> None:
    """One round, if it is time for one; the next follows at once for as long as there is something to do.

    What was removed is told by counts; so is what a person had forgotten, from wherever they asked.
    """
    if not await app.store.rounds.take_turn(TURN, EVERY_MS):
        return
    retired = await app.store.removals.retire(keeping(app.bridge), list(app.bridge.jelou))
    for kind, count in retired.counts.items():
        app.metrics.retired.labels(kind).inc(count)
    if retired.counts:
        app.log.info("retired", **retired.counts)
    for note in retired.forgotten:
        for kind in FORGOTTEN_KINDS:
            app.metrics.forgotten.labels(kind).inc(note.get(kind, 0))
        app.log.info("forgotten", **{**note, "tombstones": list(note.get("tombstones", ()))})
    if retired.counts or retired.forgotten:
        await app.store.rounds.give_back(TURN)
