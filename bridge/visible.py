"""Text of strangers on a terminal: what would steer it is shown instead. Pure.

A ticket's id, a reason or a name may hold what clears the screen, writes into the clipboard, or turns the line round.
These are the control characters (C0, DEL, C1), what turns the direction of writing, and halves of characters, which no
stream can take.
"""

from __future__ import annotations

import re
from typing import Final

_STEERING: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_IN_TEXT: Final = re.compile(f"[{_STEERING}]")
_IN_LINE: Final = re.compile(f"[{_STEERING}\t\n]")


def visible(text: str) -> str:
    r"""The text with what steers a terminal written as ``\x1b`` and the like; its lines stay lines."""
    return _IN_TEXT.sub(_escaped, text)


def visible_line(text: str) -> str:
    """The same as one line: a line end in it would begin what looks like a line of ours."""
    return _IN_LINE.sub(_escaped, text)


def visible_json(line: bytes) -> bytes:
    """JSON that says the same, in which nothing steers a terminal: such characters stand in its texts alone."""
    if line.isascii() and b"\x7f" not in line:
        return line
    return _IN_TEXT.sub(_json_escaped, line.decode()).encode()


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _json_escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
