"""What the benchmark of the rollout prints, of outcomes made by hand."""

from __future__ import annotations

from collections import Counter

from tests.bench.rollout import LAGS_S, LINGER_S, SELDOM_S, options_of, table
from tests.rollout import Outcome


def test_the_table_counts_by_sender_and_way_and_in_all() -> None:
    """A webhook that failed and was stored all the same is not lost."""
    kinds = ("kept, idle, directly", "kept, idle, over TCP")
    sent = Counter(dict.fromkeys(kinds, 5))
    outcome = Outcome(sent, failed=Counter({kinds[1]: 2}), lost=Counter({kinds[1]: 1}), statuses=Counter())
    assert table({9.0: outcome}).splitlines()[2:] == [
        "| 9 s | kept, idle | directly | 5 | 0 | 0 |",
        "| 9 s | kept, idle | over TCP | 5 | 2 | 1 |",
        "| 9 s | all |  | 10 | 2 | 1 |",
    ]


def test_it_measures_what_is_shipped() -> None:
    """The default lingering, well longer than any lag, and pauses that end before idle connections are closed."""
    options = options_of([])
    assert (options.linger, options.pre_stop) == (LINGER_S, 0.0)
    assert max(LAGS_S) + 5.0 <= LINGER_S
    assert SELDOM_S < 2 / 3
