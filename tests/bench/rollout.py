"""``make bench ARGS=rollout``: web processes are replaced under load, while what stands before them learns of it late.

Two processes are replaced, one after the other. Senders post meanwhile on a connection each, on kept ones and on those
that they seldom use; directly, over a balancer of TCP and over one of HTTP that keeps its connections. With ``--against
DIR`` and ``--pre-stop`` it measures another checkout under a manifest that sleeps before SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config.settings import Settings
from tests.rollout import ROOT, Manner, Outcome, Setup, rollout

if TYPE_CHECKING:
    from collections.abc import Sequence

LAGS_S: Final = (0.0, 2.0, 9.0)
LINGER_S: Final[float] = Settings.model_fields["linger_s"].default
SELDOM_S: Final = 0.6
"""The longest pause of senders that keep a connection, as a part of the lingering: those are to lose nothing. A longer
pause may end just when an idle connection is closed."""
HEAD: Final = ("Endpoint removal lags", "Sender", "Way", "Sent", "Failed", "Of these lost")


def options_of(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench rollout", description=__doc__)
    parser.add_argument("--lag", type=float, action="append", help="s; 0, 2 and 9 without it")
    parser.add_argument("--linger", type=float, default=LINGER_S, help="BRIDGE_LINGER_S of the processes")
    parser.add_argument("--senders", type=int, default=40, help="of each manner by each way")
    parser.add_argument("--pre-stop", type=float, default=0.0, help="s that a manifest sleeps before SIGTERM")
    parser.add_argument("--against", type=Path, default=ROOT, help="another checkout")
    return parser.parse_args(argv)


def manners(linger_s: float) -> tuple[Manner, ...]:
    """How the senders post."""
    return (
        Manner("a connection each", 10.0, keeps=False),
        Manner("kept", 4.0),
        Manner("kept, seldom used", linger_s * SELDOM_S),
        Manner("kept, idle for longer than it lingers", linger_s * 3),
    )


async def measured(options: argparse.Namespace, lag_s: float) -> Outcome:
    """One rollout."""
    setup = Setup(
        lags_s=(lag_s, lag_s),
        linger_s=options.linger,
        manners=manners(options.linger),
        senders=options.senders,
        settle_s=5.0,
        pre_stop_s=options.pre_stop,
        code=options.against.resolve(),
    )
    with tempfile.TemporaryDirectory() as folder:
        return await rollout(Path(folder), setup)


def table(outcomes: dict[float, Outcome]) -> str:
    """The outcomes as Markdown."""
    lines = [list(HEAD), ["---"] * len(HEAD)]
    for lag_s, outcome in outcomes.items():
        for kind, sent in sorted(outcome.sent.items()):
            manner, _, way = kind.rpartition(", ")
            counts = (sent, outcome.failed[kind], outcome.lost[kind])
            lines.append([f"{lag_s:g} s", manner, way, *map(str, counts)])
        counts = (outcome.sent.total(), outcome.failed.total(), outcome.lost.total())
        lines.append([f"{lag_s:g} s", "all", "", *map(str, counts)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(argv: Sequence[str]) -> None:
    """Measure and print the table."""
    options = options_of(argv)
    outcomes = {}
    for lag_s in options.lag or LAGS_S:
        outcomes[lag_s] = asyncio.run(measured(options, lag_s))
        print(f"lag {lag_s:g} s: {outcomes[lag_s].statuses}", file=sys.stderr)
    print(table(outcomes))
