"""Retention: what has been kept for as long as it is to be kept goes, by one worker of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.forgetting import keeping

if TYPE_CHECKING:
    from bridge.wiring import App

EVERY_MS = 30_000
"""A round asks Redis for a dozen things, of which an idle bridge has none; what is over waits for days."""

ROUND_S = 1.0
"""What else a worker tends to has its turn at least so often; whoever comes next goes on."""

TURN = "retention"
FORGOTTEN_KINDS = ("ticket", "dead_letter", "orphan")


async def retire(app: App) -> None:
    """What is over goes, if it is time for a round: batch after batch for as long as there is something to do.

    What was removed is told by counts; so is what a person had forgotten, from wherever they asked.
    """
    if not await app.store.rounds.take_turn(TURN, EVERY_MS):
        return
    until = app.monotonic() + ROUND_S
    while await _batch(app):
        if app.monotonic() >= until:
            await app.store.rounds.give_back(TURN)
            return


async def _batch(app: App) -> bool:
    """One script's worth. Returns whether there may be more."""
    retired = await app.store.removals.retire(keeping(app.bridge), list(app.bridge.jelou))
    for kind, count in retired.counts.items():
        app.metrics.retired.labels(kind).inc(count)
    if retired.counts:
        app.log.info("retired", **retired.counts)
    for project, count in retired.dropped.items():
        app.metrics.orphans_dropped.labels(project).inc(count)
        app.log.warning("orphans dropped", project=project, count=count)
    for note in retired.forgotten:
        for kind in FORGOTTEN_KINDS:
            app.metrics.forgotten.labels(kind).inc(note.get(kind, 0))
        app.log.info("forgotten", **{**note, "tombstones": list(note.get("tombstones", ()))})
    return retired.more or bool(retired.forgotten)
