"""``make soak``: run it, write the table, and fail where an invariant did not hold."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from tests.soak import report
from tests.soak.invariants import judged
from tests.soak.run import soak
from tests.soak.setup import Setup
from tests.soak.world import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parent / "RESULTS.md"
LOGS = ROOT / ".cache" / "soak"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seed", type=int, help="repeats the plan of another run; drawn where none is given")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long faults strike")
    parser.add_argument("--tickets", type=int, default=5_000)
    parser.add_argument("--code", type=Path, metavar="DIR", help="the bridge's code in DIR in place of this one's")
    return parser.parse_args(argv)


def main() -> int:
    """The exit code."""
    asked = arguments()
    seed = asked.seed if asked.seed is not None else time.time_ns() // 1_000_000 % 1_000_000
    setup = Setup(seed=seed, tickets=asked.tickets, faults_s=asked.minutes * 60)
    if asked.code:
        elsewhere = LOGS / f"{seed}-elsewhere"
        return run(replace(setup, code=str(asked.code.resolve())), elsewhere, elsewhere.with_suffix(".md"))
    return run(setup, LOGS / str(seed), RESULTS)


def run(setup: Setup, folder: Path, results: Path) -> int:
    """Run a soak in this folder and write its table; 1 where an invariant did not hold, and the folder is kept."""
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{report.command(setup)}: {setup.faults_s:.0f} s of faults, then up to {setup.settle_s:.0f} s to settle")
    try:
        records = uvloop.run(soak(setup, folder, partial(print, flush=True)))
    except BaseException:
        print(f"the soak itself failed; logs in {folder}; repeat it with: {report.command(setup)}")
        raise
    found = judged(records)
    text = report.document(setup, records, found)
    results.write_text(text)
    print(f"\n{text}")
    if report.held(found):
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    report.keep_timelines(folder, records, found)
    print(f"logs, timelines and data are in {folder}; repeat it with: {report.command(setup)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
