"""Retention: what has been kept for as long as it is to be kept goes, a little in each round of the sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.forgetting import keeping

if TYPE_CHECKING:
    from bridge.wiring import App

FORGOTTEN_KINDS = ("ticket", "dead_letter", "orphan")


async def retire(app: App) -> None:
    """One round. What was removed is told by counts; so is what a person had forgotten, from wherever they asked."""
    retired = await app.store.removals.retire(keeping(app.bridge), list(app.bridge.jelou))
    for kind, count in retired.counts.items():
        app.metrics.retired.labels(kind).inc(count)
    if retired.counts:
        app.log.info("retired", **retired.counts)
    for note in retired.forgotten:
        for kind in FORGOTTEN_KINDS:
            app.metrics.forgotten.labels(kind).inc(note.get(kind, 0))
        app.log.info("forgotten", **{**note, "tombstones": list(note.get("tombstones", ()))})
