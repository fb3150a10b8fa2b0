"""``python -m bridge`` is ``bridge``: ``bridge health`` by itself, all else by ``bridge.cli``."""

from __future__ import annotations

import sys

from bridge import health


def main() -> None:
    """The entry point. The commands are imported where one is asked for: that takes a second of CPU."""
    if sys.argv[1:2] == ["health"]:
        sys.exit(health.main(sys.argv[2:]))
    from bridge.cli import main as command  # noqa: PLC0415 - see above
    from bridge.terminal import show_traceback  # noqa: PLC0415

    sys.excepthook = show_traceback
    command()


if __name__ == "__main__":
    main()
