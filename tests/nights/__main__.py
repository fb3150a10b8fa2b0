"""``make nights``: the thirteen nights beside five healthy minutes, and the table."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from bridge.embedded import EmbeddedServer
from tests.log_capture import plain
from tests.nights.run import all_nights, failures, table

HEALTHY_S = 300.0


async def rehearsed(healthy_s: float) -> list[str]:
    """What was not as it must be; what each night took is written."""
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedServer(Path(folder) / "shared", fsync="everysec") as server:
            outcomes, well = await all_nights(server.url, "nights", Path(folder), healthy_s)
    for one in outcomes:
        sys.stdout.write(f"{one.night:32} named after {one.named_s:4.1f} s, gone after {one.cured_s:4.1f} s\n")
    return failures(outcomes, well)


def main() -> int:
    """The exit code: 0 where each night is named, and nothing else."""
    parser = argparse.ArgumentParser(prog="nights", description=__doc__)
    parser.add_argument("--healthy", type=float, default=HEALTHY_S, help="For how long a healthy one is watched, s.")
    found = asyncio.run(rehearsed(parser.parse_args().healthy))
    sys.stdout.write("\n".join(["", table(), "", *found]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    plain()
    sys.exit(main())
