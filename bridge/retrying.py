"""A person has repaired something: a destination that is not called just now is asked at once, by a harmless read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.protocol import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.protocol import Retry
    from bridge.store import Store


async def retried(store: Store, destinations: Sequence[str]) -> list[str]:
    """What is done for each of them, as a line. Raises StoreUnavailable."""
    return [_says(shown(one), await store.retry(one)) for one in destinations]


def _says(name: str, told: Retry) -> str:
    if told.outcome == "tried":
        return f"{name} is asked now; until now it was not called: {told.reason}"
    if told.outcome == "wait":
        return f"{name} asked to be left alone for {told.for_ms / 1000:.0f} s more, and is: {told.reason}"
    return f"{name} is called as usual: there is nothing to try again"
