"""The README's table of what each helpdesk can do: asked of the dialects, for the accounts of the recordings.

``python -m tests.helpdesk_table`` writes it anew.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from bridge.capabilities import COLUMNS, capabilities, row
from tests.helpdesk_recordings import KINDS

README: Final = Path(__file__).parents[1] / "README.md"
PLACE: Final = re.compile(r"(?<=<!-- helpdesks -->\n).*?(?=<!-- /helpdesks -->)", re.DOTALL)


def table() -> str:
    """The table, in Markdown."""
    rows = [row(capabilities(one.dialect, one.account, one.name)) for one in KINDS]
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *rows]
    return "".join(f"| {' | '.join(one)} |\n" for one in lines)


def written() -> str:
    """The table as the README has it."""
    found = PLACE.search(README.read_text(encoding="utf-8"))
    return found[0] if found else ""


def main() -> None:
    """Write it anew."""
    README.write_text(PLACE.sub(lambda _: table(), README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
