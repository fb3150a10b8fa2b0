"""Web processes are replaced under load, and no webhook fails: real processes, balancers that learn late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rollout import ACCEPTED, Manner, Setup, rollout

if TYPE_CHECKING:
    from pathlib import Path

MANNERS = (
    Manner("a connection each", 0.1, keeps=False),
    Manner("kept", 0.1),
    Manner("kept and seldom used", 2.0),
)


async def test_no_webhook_fails_while_web_processes_are_replaced(tmp_path: Path) -> None:
    """Whether the Service learns at once or late, directly and through balancers, on new connections and kept ones."""
    told = await rollout(tmp_path, Setup(lags_s=(0.0, 1.5), linger_s=3.0, manners=MANNERS, senders=3))
    assert (told.failed, set(told.statuses)) == ({}, {ACCEPTED})
    assert len(told.sent) == 3 * len(MANNERS)
