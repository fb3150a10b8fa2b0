"""Jira's wiki markup as lines of plain chat text. Pure.

Each pattern takes one look at the whole text, and none looks twice at what another beginning of its own has seen: a
customer may write a megabyte of beginnings. https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from bridge.chat_lines import DEEPEST
from bridge.urls import linked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


WIKI_MOST: Final = 50_000
"""Characters. Jira takes no comment beyond 32,767."""


def from_wiki(text: str) -> str:
    """Jira's wiki markup as lines of text; what stands in code blocks, or is long without sense, is taken as it is."""
    if len(text) > WIKI_MOST:
        return text
    few = _MANY_LINES.sub("\n\n", text)
    return "".join(piece if verbatim or not piece else _wiki(piece) for piece, verbatim in _turns(_VERBATIM, few))


def _turns(mark: re.Pattern[str], text: str) -> Iterator[tuple[str, bool]]:
    """The pieces between marks, and whether each is inside; what is begun and never ended is inside to the end."""
    for at, piece in enumerate(mark.split(text)):
        yield piece, bool(at % 2)


def _wiki(text: str) -> str:
    told = "".join(_quoted(piece) if inside else piece for piece, inside in _turns(_QUOTE, text))
    for step in STEPS:
        told = step(told)
    return told


def _quoted(text: str) -> str:
    return "\n> " + text.strip().replace("\n", "\n> ") + "\n"


# --- steps -----------------------------------------------------------------------------------------------------------


def _replacing(pattern: str, instead: str | Callable[[re.Match[str]], str]) -> Callable[[str], str]:
    compiled = re.compile(pattern)
    return lambda text: compiled.sub(instead, text)


def _begun(text: str) -> str:
    """Headings, quotes, rules and the items of lists; those of a numbered list are counted line after line."""
    number, last = 0, -1

    def instead(found: re.Match[str]) -> str:
        nonlocal number, last
        kind = found.lastgroup or ""
        if kind != "number":
            return BEGINNINGS[kind](found)
        number = number + 1 if last >= 0 and text.count("\n", last, found.start()) == 1 else 1
        last = found.end()
        return f"{number}. "

    return _BEGINNING.sub(instead, text)


def _wiki_bullet(found: re.Match[str]) -> str:
    return f"{'  ' * (min(len(found['bullet']), DEEPEST) - 1)}- "


BEGINNINGS: Final[dict[str, Callable[[re.Match[str]], str]]] = {
    "heading": lambda _: "",
    "quote": lambda _: "> ",
    "rule": lambda _: "---",
    "bullet": _wiki_bullet,
}


def _wiki_link(found: re.Match[str]) -> str:
    text, _, address = found[1].partition("|")
    address = address.partition("|")[0].strip() or text.strip()
    text, address = text.strip(), linked(address) or address
    address = address.removeprefix("mailto:")
    return address if text in {address, f"mailto:{address}"} else f"{text} ({address})"


def _row(found: re.Match[str]) -> str:
    return " | ".join(filter(None, (cell.strip() for cell in found[0].split("|"))))


def _emphasised(text: str) -> str:
    """Without the marks around words; a mark needs its like on the same line, and addresses hold no marks."""
    ends: dict[str, list[int]] = {mark: [] for mark in MARKS}
    for one in _MARK_ENDS.finditer(text):
        ends[one[0]].append(one.start())
    out, at = [], 0
    while found := _MARK_BEGINS.search(text, at):
        begin, mark = found.start(), found[1]
        end = _end_of(text, begin, ends[mark]) if mark else -1
        out.append(text[at:begin] + text[begin + 1 : end] if end > 0 else text[at : found.end()])
        at = end + 1 if end > 0 else found.end()
    return "".join((*out, text[at:]))


def _end_of(text: str, begin: int, ends: list[int]) -> int:
    """Where the mark that begins here ends; -1 for nowhere."""
    place = bisect_left(ends, begin + 2)
    end = ends[place] if place < len(ends) else -1
    return end if 0 < end <= begin + EMPHASIS_MOST + 1 and text.find("\n", begin, end) < 0 else -1


MARKS: Final = "*_+"
EMPHASIS_MOST: Final = 300
_MARK_BEGINS: Final = re.compile(r"https?://\S+|(?<![\w*_+\\])([*_+])(?=\S)")
_MARK_ENDS: Final = re.compile(r"(?<=\S)[*_+](?![\w*_+])")

_MANY_LINES: Final = re.compile(r"\n{3,}")
_VERBATIM: Final = re.compile(r"(?<!\\)\{(?:code|noformat)(?::[^{}\n]{0,200})?\}\n?")
_QUOTE: Final = re.compile(r"(?<!\\)\{quote\}")
_BEGINNING: Final = re.compile(
    r"(?m)^[^\S\n]*(?:(?P<heading>h[1-6]\.)[^\S\n]+|(?P<quote>bq\.)[^\S\n]+|(?P<rule>-{4,})[^\S\n]*$"
    r"|(?P<bullet>[*-]{1,20})[^\S\n]+|(?P<number>\#{1,20})[^\S\n]+)"
)

STEPS: Final[tuple[Callable[[str], str], ...]] = (
    _replacing(r"(?<!\\)\{(?:color|panel|anchor)(?::[^{}\n]{0,200})?\}", ""),
    _begun,
    _replacing(r"(?<!\\)\[~(?:accountid:)?([^\[\]\n]{1,200})\]", r"@\1"),
    _replacing(r"(?<!\\)\[\^([^\[\]\n]{1,500})\]", r"\1"),
    _replacing(
        r"(?<!\\)\[([^\[\]\n|]{1,2000}\|[^\[\]\n]{1,2000}|(?:https?://|mailto:)[^\[\]\s]{1,2000})\]",
        _wiki_link,
    ),
    _replacing(r"(?<!\\)!([^!\s|]{1,2000}\.[A-Za-z]{2,5}|https?://[^!\s|]{1,2000})(?:\|[^!\n]{0,200})?!", r"\1"),
    _replacing(r"(?<!\\)\{\{([^{}\n]{1,2000})\}\}", r"\1"),
    _emphasised,
    _replacing(r"(?m)^[^\S\n]*\|.*$", _row),
    _replacing(r"\\\\(?=\s|$)", "\n"),
    _replacing(r"\\([*_{}\[\]!|#+^~?(:;.-])", r"\1"),
)
"""What is done to a text, in this order. A pattern's inside excludes what begins it."""
