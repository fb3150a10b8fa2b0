"""How many quiet conversations are asked for at a time: never more than a tenth of the pace, and never none."""

from __future__ import annotations

import pytest

from bridge.doubting import EVERY_MS, share


@pytest.mark.parametrize("calls_per_s", [0.1, 0.7, 1.0, 2.0, 3.0, 5.0, 20.0, 1_000.0])
def test_a_share_is_at_most_a_tenth_of_the_pace(calls_per_s: float) -> None:
    """Whatever the pace is, at least one in its time; and more than half of what is allowed."""
    most, every_ms = share(calls_per_s)
    allowed = calls_per_s / 10 * every_ms / 1_000
    assert most >= 1
    assert allowed / 2 < most <= allowed + 0.001
    assert every_ms >= EVERY_MS
