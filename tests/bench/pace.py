"""``make bench ARGS=pace``: the bridge at its defaults, between peers that answer in 80 to 400 ms with a tail.

Each figure runs in a world of its own. ``--against DIR`` runs each once more with the bridge's code in DIR.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from tests.bench import starts, talk, timed
from tests.bench.figures import Row, Run, windows
from tests.bench.measures import percentile
from tests.bench.world import ROOT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    Figure = Callable[[Run], Awaitable[list[Row]]]

RESULTS = Path(__file__).with_name("RESULTS.md")

FIGURES: Mapping[str, Figure] = {
    "silent": timed.silent,
    "chat": talk.chat,
    "reconciler": talk.reconciled,
    "gateway": starts.gateway,
    "behind": talk.behind_starts,
    "starts": starts.starts,
    "reads": talk.beside_reads,
    "merge": timed.merged,
    "refused": starts.refused,
    "even": starts.evenly,
    "idle": timed.idle,
    "many-starts": starts.many_starts,
    "first": timed.first_start,
}
"""By the names that ``--only`` takes; the longest first."""

ALONE = ("many-starts", "first")
"""Not run beside others, which would take their processor."""

TOGETHER, TOGETHER_QUICK = 3, 7
"""Most of a figure's time is waiting."""


TICK_S = 0.02


def options_of(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench pace", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each figure small, several at a time: three minutes")
    parser.add_argument("--only", action="append", choices=FIGURES, help="this figure; may be given several times")
    parser.add_argument("--workers", type=int, action="append", help="so many workers; default 1 and 2")
    parser.add_argument("--accounts", type=int, action="append", help="so many accounts; default 1, 3 and 10")
    parser.add_argument("--seed", type=int, default=1, help="of the peers' answering times")
    parser.add_argument("--against", type=Path, metavar="DIR", help="the same with the bridge's code in DIR, beside it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the rows as JSON as well")
    parser.add_argument("--results", action="store_true", help=f"write the table to {RESULTS.relative_to(ROOT)}")
    parser.add_argument("--keep", action="store_true", help="keep the processes' logs")
    return parser.parse_args(argv)


def run_of(options: argparse.Namespace, code: Path) -> Run:
    """The run of this code that the command line describes."""
    run = Run(code.resolve(), options.quick, options.seed, keep=options.keep)
    workers, accounts = tuple(options.workers or run.workers), tuple(options.accounts or run.accounts)
    return replace(run, workers=workers, accounts=accounts)


async def measured(runs: Sequence[Run], names: Sequence[str]) -> list[list[Row]]:
    """The rows of each run. The same figure of all runs follows one upon the other, on the same machine."""
    found: dict[str, list[list[Row]]] = {}
    room = asyncio.Semaphore(TOGETHER_QUICK if runs[0].quick else TOGETHER)

    async def figure(name: str) -> None:
        async with room:
            found[name] = [await _timed(name, run) for run in runs]

    for name in names:
        if name in ALONE:
            await figure(name)
    await asyncio.gather(*(figure(name) for name in names if name not in ALONE))
    rows = [[row for name in names for row in found[name][place]] for place in range(len(runs))]
    return [[*some, *windows(run.seen)] for some, run in zip(rows, runs, strict=True)]


@dataclass
class Ticker:
    """How late this process itself was at work: its peers stamp what comes with the time at which they look at it."""

    late_s: list[float] = field(default_factory=list)

    async def tick(self) -> None:
        """Until cancelled."""
        while True:
            at = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            self.late_s.append(time.monotonic() - at)

    @property
    def sentence(self) -> str:
        """For beneath the table."""
        p99, most = percentile(self.late_s, 99), max(self.late_s, default=0.0)
        return f"The peers themselves were late by {p99 * 1000:.0f} ms (p99), {most * 1000:.0f} ms at most."


async def ticked(runs: Sequence[Run], names: Sequence[str]) -> tuple[list[list[Row]], str]:
    """The rows of each run, and how late the measuring itself was."""
    ticker = Ticker()
    task = asyncio.create_task(ticker.tick())
    try:
        return await measured(runs, names), ticker.sentence
    finally:
        task.cancel()


async def _timed(name: str, run: Run) -> list[Row]:
    begun = time.monotonic()
    try:
        rows = await FIGURES[name](run)
    except Exception:  # noqa: BLE001 - whatever it is, it is printed
        # The other figures are worth having.
        traceback.print_exc()
        rows = [Row(0, f"the figure {name} could not be measured", "", "", math.nan, held=False)]
    print(f"{name}: {time.monotonic() - begun:.0f} s; {'; '.join(row.was for row in rows)}", file=sys.stderr)
    return rows


def table(rows: Sequence[Row], against: Sequence[Row] = ()) -> str:
    """The rows as Markdown; ``against`` are those of the other code, alike."""
    other = {(row.figure, row.what): row.was for row in against}
    head = ["", "Figure", "Must be", "Was", *(["Against"] if other else []), ""]
    lines = [head, ["---"] * len(head)]
    for row in sorted(rows, key=lambda one: one.figure):
        beside = [other.get((row.figure, row.what), "")] if other else []
        lines.append([str(row.figure), row.what, row.must_be, row.was, *beside, "held" if row.held else "**missed**"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def command(options: argparse.Namespace) -> str:
    """What measures the same again: what names files of this machine is left out."""
    lists = [f"--{name}={value}" for name in ("only", "workers", "accounts") for value in getattr(options, name) or ()]
    words = ["pace", *["--quick"] * options.quick, *lists, f"--seed={options.seed}"]
    return f'make bench ARGS="{" ".join(words)}"'


def document(written: str, options: argparse.Namespace) -> str:
    """The whole report, with the command that makes it again."""
    about = "Peers answer in 80 to 400 ms, one in fifty in up to 2 s. Times are from our 202 to the call at the peer."
    return f"# Pace\n\nWritten by `{command(options)}`. {about}\n\n{written}\n"


def main(argv: Sequence[str]) -> None:
    """Run the figures and print the table."""
    options = options_of(argv)
    runs = [run_of(options, code) for code in (ROOT, options.against) if code]
    (rows, *against), late = uvloop.run(ticked(runs, options.only or list(FIGURES)))
    written = f"{table(rows, *against)}\n\n{late}"
    print(written)
    if options.json:
        options.json.write_text(json.dumps([[asdict(row) for row in some] for some in (rows, *against)], indent=1))
    if options.results:
        RESULTS.write_text(document(written, options))


if __name__ == "__main__":
    main(sys.argv[1:])
