"""The thirteen nights, short: each names its own cause where an operator looks, and no other; cured, it is gone."""

from __future__ import annotations

from pathlib import Path

from tests.nights.nights import NIGHTS
from tests.nights.run import all_nights, failures, table

ROOT = Path(__file__).parents[2]
HEALTHY_S = 5.0


async def test_each_night_names_its_cause_and_no_other(redis_url: str, prefix: str, tmp_path: Path) -> None:
    """In the log, /ready, metrics, trace and letters, within 30 s; a healthy one names none; cured, all are silent."""
    assert failures(*await all_nights(redis_url, prefix, tmp_path, HEALTHY_S)) == []


def test_the_table_in_the_documents_is_what_the_nights_show() -> None:
    """Thirteen, each named somewhere."""
    assert len(NIGHTS) == 13
    assert all(night.signs for night in NIGHTS)
    assert table() in (ROOT / "deploy" / "README.md").read_text()
