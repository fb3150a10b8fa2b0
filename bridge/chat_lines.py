"""Lines of plain chat text out of tags and words, whoever reads them: HTML, or a document of Atlassian's. Pure.

``Lines`` is told what a reader meets, in order. It knows no recursion and takes one look at each word, so that no text
makes it slow or fail.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from bridge.urls import linked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEEPEST: Final = 6
"""Quotes and lists are indented up to here: deeper ones are told at this depth."""


_PARAGRAPHS: Final = "p h1 h2 h3 h4 h5 h6 blockquote ul ol dl table pre hr figure"
_LINES: Final = """
div section article header footer main nav aside address li dt dd tr caption figcaption form fieldset details summary
center body
"""
_UNSEEN: Final = "script style title template svg math iframe object canvas audio video map select"

APART: Final[Mapping[str, int]] = dict.fromkeys(_LINES.split(), 1) | dict.fromkeys(_PARAGRAPHS.split(), 2)
"""Tag to how far what is in it stands from what is not: on another line, or with an empty line between."""

UNSEEN: Final = frozenset(_UNSEEN.split())
"""What stands inside of these is not for a reader. Without their end, the rest is not either, as in a browser."""

PLAYED: Final = frozenset({"audio", "iframe", "video"})
"""Of these, the address is told."""


class Lines:
    """What was told, as text. An address is told once: "text (https://...)", and alone where the text is the same."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._breaks = 0
        self._mark = ""
        self._spaced = True
        self._unseen = 0
        self._quotes = self._quoted = 0
        self._verbatim = 0
        self._lists: list[int] = []
        self._link: tuple[str, int] | None = None
        self._cells = 0

    def begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        """A tag begins; ``attributes`` has lower-case names."""
        if tag in PLAYED and not self._unseen:
            self._image(attributes)
        if tag in UNSEEN:
            self._unseen += 1
        if not self._unseen:
            self._apart(tag)
            if tag in self.BEGIN:
                self.BEGIN[tag](self, attributes)

    def end(self, tag: str) -> None:
        """A tag ends, whether or not it had begun."""
        if tag in UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif not self._unseen:
            if tag in self.END:
                self.END[tag](self)
            self._apart(tag)

    def words(self, text: str) -> None:
        """Text as it stands between tags: blanks count once, but for verbatim text."""
        if self._unseen:
            return
        if self._verbatim:
            self._lines(text)
        else:
            self._write(one_blank(text))

    def text(self) -> str:
        """All lines so far."""
        self._end_link()
        return "".join(self._out)

    # --- lines ---

    def _apart(self, tag: str) -> None:
        self._break(min(APART.get(tag, 0), 1 if self._lists else 2))

    def _break(self, wanted: int) -> None:
        self._breaks = max(self._breaks, wanted)
        self._spaced = self._spaced or bool(wanted)

    def _write(self, text: str) -> None:
        told = text.removeprefix(" ") if self._spaced else text
        if not told:
            return
        self._begin_line()
        self._out.append(told)
        self._spaced = told.endswith(" ")

    def _begin_line(self) -> None:
        if not (self._breaks or self._mark or not self._out):
            return
        quotes = min(self._quotes, DEEPEST)
        if self._out:
            between = "> " * min(quotes, self._quoted)
            self._out.append(f"\n{between}" * (self._breaks - 1) + "\n")
        inside = "  " * (min(len(self._lists), DEEPEST) - 1)
        self._out.append(f"{'> ' * quotes}{inside}{self._mark or ('  ' if self._lists else '')}")
        self._breaks, self._mark, self._quoted = 0, "", quotes

    def _lines(self, text: str) -> None:
        first, *more = text.split("\n")
        self._verbatim_line(first)
        for line in more:
            self._break(min(self._breaks + 1, 2))
            self._verbatim_line(line)

    def _verbatim_line(self, line: str) -> None:
        if line:
            self._begin_line()
            self._out.append(line)
            self._spaced = False

    # --- tags ---

    def _line_break(self, _: Mapping[str, str]) -> None:
        self._break(min(self._breaks + 1, 2))

    def _rule(self, _: Mapping[str, str]) -> None:
        self._write("---")
        self._break(2)

    def _begin_quote(self, _: Mapping[str, str]) -> None:
        self._quotes += 1

    def _end_quote(self) -> None:
        self._quotes = max(0, self._quotes - 1)

    def _begin_verbatim(self, _: Mapping[str, str]) -> None:
        self._verbatim += 1

    def _end_verbatim(self) -> None:
        self._verbatim = max(0, self._verbatim - 1)

    def _begin_bullets(self, _: Mapping[str, str]) -> None:
        self._lists.append(-1)

    def _begin_numbers(self, attributes: Mapping[str, str]) -> None:
        first = attributes.get("start", "")
        self._lists.append(int(first) if first.isascii() and first.isdigit() and len(first) < DEEPEST else 1)

    def _end_list(self) -> None:
        if self._lists:
            self._lists.pop()

    def _item(self, _: Mapping[str, str]) -> None:
        number = self._lists[-1] if self._lists else -1
        self._mark = "- " if number < 0 else f"{number}. "
        if number >= 0:
            self._lists[-1] += 1

    def _row(self, _: Mapping[str, str]) -> None:
        self._cells = 0

    def _cell(self, _: Mapping[str, str]) -> None:
        if self._cells and not self._breaks:
            self._write(" | " if not self._spaced else "| ")
        self._cells += 1

    def _begin_link(self, attributes: Mapping[str, str]) -> None:
        self._end_link()
        address = linked(attributes.get("href", "").strip())
        if address:
            self._link = (address, len(self._out))

    def _end_link(self) -> None:
        if not self._link:
            return
        (address, begun), self._link = self._link, None
        said = "".join(self._out[begun:]).strip()
        shown = re.sub(r"^(?:mailto|tel):", "", address, flags=re.IGNORECASE)
        if not _same(said.removeprefix("- "), shown):
            self._write(f" ({shown})" if said else shown)

    def _image(self, attributes: Mapping[str, str]) -> None:
        if {attributes.get("width"), attributes.get("height")} & {"0", "1"}:
            # It counts its readers.
            return
        alt, shown = attributes.get("alt", "").strip(), linked(attributes.get("src", "").strip())
        if alt and shown and any(letter.isalnum() for letter in alt):
            self._write(one_blank(f"{alt} ({shown})"))
        else:
            self._write(one_blank(alt or shown))

    BEGIN: ClassVar[Mapping[str, Callable[[Lines, Mapping[str, str]], None]]] = {
        "a": _begin_link,
        "blockquote": _begin_quote,
        "br": _line_break,
        "hr": _rule,
        "img": _image,
        "li": _item,
        "ol": _begin_numbers,
        "pre": _begin_verbatim,
        "td": _cell,
        "th": _cell,
        "tr": _row,
        "ul": _begin_bullets,
    }

    END: ClassVar[Mapping[str, Callable[[Lines], None]]] = {
        "a": _end_link,
        "blockquote": _end_quote,
        "ol": _end_list,
        "pre": _end_verbatim,
        "ul": _end_list,
    }


def one_blank(text: str) -> str:
    """The text with one space for each run of blanks. By halving the runs: a pattern is slow where there are many."""
    for blank in "\t\r\n\f":
        text = text.replace(blank, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def _same(said: str, address: str) -> bool:
    return _bare(said) == _bare(address)


def _bare(address: str) -> str:
    return re.sub(r"^https?://(?:www\.)?", "", address.strip().lower()).rstrip("/")
