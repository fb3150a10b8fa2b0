"""Events that wait for the signing secret that is being made: how many at once, and who has to go.

Until the secret is there, nobody can tell Jelou's event from a stranger's; so what is bounded is memory. Where it is
full, the largest goes, and of several so large the one that has waited longest. Small forgeries are all let in for as
long as a secret takes to be made, at any pace that one process can take in, and large ones only drive out each other.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BYTES_MOST = 33_554_432
BYTES_LEAST = 16_384
"""What one costs at least: its task, its head, its connection. So 2,048 small ones may wait."""


@dataclass(eq=False, slots=True)
class Place:
    """One that waits. ``gone`` is done when it has to go."""

    size: int
    gone: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class WaitingRoom:
    """Those that wait in one process."""

    def __init__(self, bytes_most: int = BYTES_MOST) -> None:
        self._bytes_most = bytes_most
        self._bytes = 0
        self._places: dict[Place, None] = {}

    @contextmanager
    def place(self, body: bytes) -> Iterator[Place]:
        """A place for an event of this body until the end of the block; others, or itself, may have to go for it."""
        mine = Place(max(len(body), BYTES_LEAST))
        self._places[mine] = None
        self._bytes += mine.size
        while self._bytes > self._bytes_most:
            # The first of the largest: they stand in the order in which they came.
            self._leave(max(self._places, key=lambda one: one.size))
        try:
            yield mine
        finally:
            self._leave(mine)

    def _leave(self, one: Place) -> None:
        if one in self._places:
            del self._places[one]
            self._bytes -= one.size
        if not one.gone.done():
            one.gone.set_result(None)
