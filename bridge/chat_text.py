"""What an agent wrote as plain chat text, in messages that a chat takes. Pure; no text makes it fail."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from bridge.chat_markups import from_adf, from_html, from_markdown, from_wiki

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST: Final = 4096
"""Characters. Jelou documents no limit; WhatsApp's own for a text is 4,096."""


def plain(text: str | Mapping[str, Any], markup: str) -> str:
    """The words of a text written in ``markup`` (text, html, markdown, adf, wiki; another is taken as text).

    Links keep their address, images become theirs or their alternative text, lists their bullets and numbers, quotes
    stay. Nothing invisible is left, no blank at a line's end, and at most one empty line in a row.
    """
    read = READERS.get(markup)
    return tidy(read(text) if read else str(text))


READERS: Final[Mapping[str, Callable[[Any], str]]] = {
    "adf": from_adf,
    "html": from_html,
    "markdown": from_markdown,
    "wiki": from_wiki,
}


def tidy(text: str) -> str:
    """The text without what cannot be seen, blanks at the end of lines, and more than one empty line in a row."""
    told = _NEW_LINE.sub("\n", text).translate(_SPACES)
    seen = "".join(letter for at, letter in enumerate(told) if _visible(told, at, letter))
    lines = [line.rstrip() for line in seen.split("\n")]
    return _MANY_LINES.sub("\n\n", "\n".join(lines)).strip()


def _visible(text: str, at: int, letter: str) -> bool:
    if " " <= letter <= "~" or letter in "\n\t":
        return True
    if letter in _JOINERS:
        # They join emoji and the letters of some scripts; elsewhere they only hide.
        return 0 < at < len(text) - 1 and all(map(_joinable, (text[at - 1], text[at + 1])))
    return unicodedata.category(letter) not in _UNSEEN


def _joinable(letter: str) -> bool:
    return not letter.isascii() and unicodedata.category(letter) not in _UNSEEN


_NEW_LINE: Final = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_MANY_LINES: Final = re.compile(r"\n{3,}")
_SPACES: Final = dict.fromkeys(map(ord, "\xa0\u2007\u202f"), " ")
_JOINERS: Final = "\u200c\u200d"
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs"})
"""Control characters, invisible marks, and halves of pairs that no JSON can hold."""


def is_address(url: str) -> bool:
    """Whether this is an address of the web with a host, and nothing that cannot stand in one."""
    try:
        return bool(_ADDRESS.fullmatch(url)) and bool(urlsplit(url).hostname)
    except ValueError:
        return False


_ADDRESS: Final = re.compile(r"https?://[!-~\u00a1-\ud7ff\ue000-\U0010ffff]+", re.IGNORECASE)


# --- parts -----------------------------------------------------------------------------------------------------------


def parts(text: str, most: int = MOST) -> tuple[str, ...]:
    """The text in messages of at most ``most`` characters, in order; none where it holds nothing but blanks.

    Cut at the end of a paragraph, else of a line, a sentence, a word; inside a word only where it alone is too long,
    and then between two characters as people see them, where they are not longer than ``most`` themselves.
    """
    found, at = [], 0
    while at < len(text):
        end = len(text) if len(text) - at <= most else at + _cut(text[at : at + most + 1], most)
        found.append(text[at:end].strip())
        at = end
    return tuple(part for part in found if part)


def _cut(window: str, most: int) -> int:
    """Where to end a part: ``window`` is what would fit, and one character more, which may be the blank after it."""
    for pattern, least in CUTS:
        ends = [found.end() for found in pattern.finditer(window) if found.end() > most * least]
        if ends:
            return ends[-1]
    return _between_characters(window, most)


CUTS: Final = (
    (re.compile(r"\n\n+"), 1 / 4),
    (re.compile(r"\n"), 1 / 4),
    (re.compile(r"[.!?\u2026][\"')\]\u00bb\u201d]*\s"), 1 / 4),
    (re.compile(r"\s"), 0),
)
"""What ends a part, and how much of it must stand before: a short first line is no part of its own."""


def _between_characters(window: str, most: int) -> int:
    end = most
    while end > 1 and most - end < _LONGEST_CHARACTER and _joined(window[end - 1], window[end]):
        end -= 1
    return end if not _joined(window[end - 1], window[end]) else most


def _joined(before: str, after: str) -> bool:
    if before in _JOINERS or after in _JOINERS or "\U0001f3fb" <= after <= "\U0001f3ff":
        return True
    flags = "\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff"
    return flags or unicodedata.category(after).startswith("M")


_LONGEST_CHARACTER: Final = 40
