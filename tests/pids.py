"""Processes by their pids, as the kernel tells of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

GONE_WITHIN_S = 15.0


def alive(pid: int) -> bool:
    """Whether the process still runs; one that only waits to be reaped does not."""
    return _state_and_parent(pid)[0] not in {"", "Z", "X"}


def children_of(pid: int) -> list[int]:
    """The processes that this one started and that still run."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [child for child in pids if _state_and_parent(child)[1] == pid and alive(child)]


def argv_of(pid: int) -> list[str]:
    """The command line by which the process runs."""
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]


async def gone(pid: int, within_s: float = GONE_WITHIN_S) -> bool:
    """Whether the process ends within this time."""
    try:
        async with asyncio.timeout(within_s):
            while alive(pid):
                await asyncio.sleep(0.02)
    except TimeoutError:
        return False
    return True


def _state_and_parent(pid: int) -> tuple[str, int]:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return "", 0
    state, parent = stat.rpartition(")")[2].split()[:2]
    return state, int(parent)
