"""What an agent wrote as plain chat text, in messages that a chat takes. Pure; no text makes it fail."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from bridge.chat_markups import from_adf, from_html, from_markdown
from bridge.chat_wiki import from_wiki

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
    told = _MANY_LINES.sub("\n\n", _ALONE.sub("", _HIDING.sub("", text.replace("\r\n", "\n").translate(_SEEN))))
    if _BLANK_END.search(told):
        told = _MANY_LINES.sub("\n\n", "\n".join([line.rstrip() for line in told.split("\n")]))
    return told.strip()


class _Seen(dict[int, str | int]):
    """What is made of each character, looked up once: a text has few different ones, and may be long."""

    def __missing__(self, code: int) -> str | int:
        letter = chr(code)
        unseen = letter not in "\n\t" and letter not in _JOINERS and unicodedata.category(letter) in _UNSEEN
        known: str | int = "\n" if letter in _LINE_ENDS else "" if unseen else " " if letter in _SPACES else code
        if len(self) < _SEEN_MOST:
            self[code] = known
        return known


_LINE_ENDS: Final = "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_MANY_LINES: Final = re.compile(r"\n{3,}")
_SPACES: Final = "\xa0\u2007\u202f"
_JOINERS: Final = "\u200c\u200d"
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs"})
"""Control characters, invisible marks, and halves of pairs that no JSON can hold."""

_SEEN_MOST: Final = 10_000
_SEEN: Final = _Seen()
_HIDING: Final = re.compile(f"[{_JOINERS}]{{2,}}")
_BLANK_END: Final = re.compile(r"[^\S\n]\n")
_ALONE: Final = re.compile(f"[{_JOINERS}](?:(?<![^\\x00-\\x7f{_JOINERS}].)|(?![^\\x00-\\x7f{_JOINERS}]))", re.DOTALL)
"""They join emoji and the letters of some scripts; elsewhere they only hide."""


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
        last = pattern.match(window)
        if last and last.end() > most * least:
            return last.end()
    return _between_characters(window, most)


CUTS: Final = (
    (re.compile(r"(?s).*\n\n"), 1 / 4),
    (re.compile(r"(?s).*\n"), 1 / 4),
    (re.compile(r"(?s).*[.!?\u2026][\"')\]\u00bb\u201d]*\s"), 1 / 4),
    (re.compile(r"(?s).*\s"), 0),
)
"""What ends a part, the last of it, and how much of it must stand before: a short first line is no part of its own."""


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
