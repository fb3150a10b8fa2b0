"""What an agent wrote as plain chat text, in messages that a chat takes. Pure; no text makes it fail."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
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
    told = _MANY_LINES.sub("\n\n", _unjoined(_seen(text.replace("\r\n", "\n"))))
    if _BLANK_END.search(told):
        told = _MANY_LINES.sub("\n\n", "\n".join([line.rstrip() for line in told.split("\n")]))
    return told.strip()


def _seen(text: str) -> str:
    """One kind of line end, one of blank, and nothing invisible but joiners.

    Character by character is slow but for ASCII: the few that are replaced are looked for one after the other.
    """
    if text.isascii():
        return text.translate(_ASCII)
    for end in _LINE_ENDS:
        text = text.replace(end, "\n")
    for blank in _SPACES:
        text = text.replace(blank, " ")
    for _ in range(FREQUENT_MOST):
        found = _UNSEEN.search(text)
        if found is None:
            return text
        text = text.replace(found[0], "")
    return text.translate(_unseen())


@lru_cache(maxsize=1)
def _unseen() -> dict[int, None]:
    rows = zip(_ROWS[::2], _ROWS[1::2], strict=True)
    return dict.fromkeys(code for first, last in rows for code in range(ord(first), ord(last) + 1))


FREQUENT_MOST: Final = 8
"""Of what is invisible, so many different ones are taken out one by one."""


def _unjoined(text: str) -> str:
    """Without the joiners that join nothing; of more than anybody writes none is left."""
    found = sum(map(text.count, _JOINERS))
    if found > JOINERS_MOST:
        return text.replace(_JOINERS[0], "").replace(_JOINERS[1], "")
    return _ALONE.sub("", _HIDING.sub("", text)) if found else text


JOINERS_MOST: Final = 50_000
"""A word of Persian may hold one: so many stand in no text that a delivery has room for."""

_LINE_ENDS: Final = "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_MANY_LINES: Final = re.compile(r"\n{3,}")
_SPACES: Final = "\xa0\u2007\u202f"
_JOINERS: Final = "\u200c\u200d"
_ASCII: Final = str.maketrans(
    dict.fromkeys([*range(0x20), 0x7F]) | {"\t": "\t", "\n": "\n"} | dict.fromkeys("\r\v\f\x1c\x1d\x1e", "\n")
)
_ROWS: Final = (
    "\x00\x08\x0b\x1f\x7f\x9f\xad\xad\u0600\u0605\u061c\u061c\u06dd\u06dd\u070f\u070f\u0890\u0891\u08e2\u08e2"
    "\u180e\u180e\u200b\u200b\u200e\u200f\u202a\u202e\u2060\u2064\u2066\u206f\ud800\udfff\ufeff\ufeff\ufff9\ufffb"
    "\U000110bd\U000110bd\U000110cd\U000110cd\U00013430\U0001343f\U0001bca0\U0001bca3\U0001d173\U0001d17a"
    "\U000e0001\U000e0001\U000e0020\U000e007f"
)
"""Control characters, invisible marks, and halves of pairs that no JSON can hold: Unicode's classes Cc, Cf and Cs.
The first and the last of each row of them."""

_UNSEEN: Final = re.compile(
    f"[{''.join(f'{first}-{last}' for first, last in zip(_ROWS[::2], _ROWS[1::2], strict=True))}]"
)

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
