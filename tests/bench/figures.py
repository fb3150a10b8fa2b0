"""One run of figures: with which code, how large; and the rows that come of it."""

from __future__ import annotations

import math
import shutil
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tests.bench.measures import WINDOWS_S, fullest, over
from tests.bench.world import world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from tests.bench.measures import Limit
    from tests.bench.peers import Peer
    from tests.bench.world import Setup, World

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. ``value`` is the figure that is judged, in seconds or as a share."""

    figure: int
    what: str
    must_be: str
    was: str
    value: float
    held: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What a destination saw in one world."""

    name: str
    limit: Limit
    times: tuple[float, ...]


@dataclass
class Run:
    """``code`` is where the bridge's processes have their code from; ``workers`` and ``accounts`` how many of each."""

    code: Path
    quick: bool = False
    seed: int = 1
    workers: tuple[int, ...] = (1, 2)
    accounts: tuple[int, ...] = (1, 3, 10)
    keep: bool = False
    seen: list[Seen] = field(default_factory=list)

    @property
    def cases(self) -> list[tuple[int, int]]:
        """Every number of workers with every number of accounts; in a quick run the first and the last."""
        every = [(workers, accounts) for workers in self.workers for accounts in self.accounts]
        return list(dict.fromkeys((every[0], every[-1]))) if self.quick else every

    def pick(self, quick: T, full: T) -> T:
        """The size of this run."""
        return quick if self.quick else full

    @asynccontextmanager
    async def world(self, setup: Setup) -> AsyncIterator[World]:
        """A world of this run; what its peers have seen is kept for the windows."""
        folder = Path(tempfile.mkdtemp(prefix="pace-"))
        async with world(setup, folder, self.code, self.seed) as running:
            yield running
            self.note(running.peers)
        if not self.keep:
            shutil.rmtree(folder, ignore_errors=True)

    def note(self, peers: Iterable[Peer]) -> None:
        """Keep what these peers have seen until now."""
        self.seen += [Seen(one.name, one.limit, tuple(call.at for call in one.calls)) for one in peers if one.calls]


def at_most(figure: int, what: str, value: float, most: float, *, unit: str = " s", more: str = "") -> Row:
    """A row whose figure must be less than this."""
    was = "nothing" if math.isnan(value) else f"{value:.2f}{unit}"
    return Row(figure, what, f"< {most:g}{unit}", was + more, value, value < most)


def windows(seen: Sequence[Seen]) -> list[Row]:
    """The fullest windows of each destination of all that ran, against its limit."""
    rows = []
    for name in sorted({one.name for one in seen}):
        some = [one for one in seen if one.name == name]
        limit = some[0].limit
        full = [max(fullest(one.times, window_s) for one in some) for window_s in WINDOWS_S]
        worst = max(over(one.times, limit, window_s) for one in some for window_s in WINDOWS_S)
        most = " / ".join(f"{math.floor(limit.most(window_s))}" for window_s in WINDOWS_S)
        was = " / ".join(map(str, full))
        rows.append(
            Row(11, f"calls to {name} in the fullest 1, 10, 60 s", f"<= {most}", was, max(0.0, worst), worst <= 0)
        )
    return rows
