"""How agents' texts are written, one reader each: HTML, Markdown, Atlassian's documents, Jira's wiki markup. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
from markdown_it import MarkdownIt

from bridge.chat_lines import DEEPEST, Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


# --- HTML ------------------------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """Tells ``Lines`` what it meets. The parser knows no depth, so none is too deep."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(convert_charrefs=True)
        self._lines = lines

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._lines.begin(tag, {name: value or "" for name, value in attrs})

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in {"br", "hr", "img"}:
            self._lines.end(tag)

    def handle_endtag(self, tag: str) -> None:
        self._lines.end(tag)

    def handle_data(self, data: str) -> None:
        self._lines.words(data)


def from_html(text: str) -> str:
    """HTML, however broken, as lines of text."""
    lines = Lines()
    page = _Page(lines)
    page.feed(_NO_TAG.sub("&lt;", _DECLARATION.sub("", _COMMENT.sub("", text))))
    page.close()
    return lines.text()


# The parser's time grows with the square of what is begun and never ended, and some declarations make it fail.
_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_DECLARATION: Final = re.compile(r"<[!?][^<>]*>")
_NO_TAG: Final = re.compile(r"<(?!/?[A-Za-z][^<>]*>)")


# --- Markdown --------------------------------------------------------------------------------------------------------


MARKDOWN_DEEPEST: Final = 60
"""Levels. The library leaves out what is deeper."""

MARKDOWN_MOST: Final = 50_000
"""Characters. The library's time can grow with their square; nobody writes so much to a chat."""


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    # An agent's line end is meant as one, as it is in the helpdesks' own editors.
    options = {"breaks": True, "maxNesting": MARKDOWN_DEEPEST}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"])


def from_markdown(text: str) -> str:
    """Markdown, with what it holds of HTML, as lines of text. What is deep or long without sense is taken as it is."""
    if len(text) > MARKDOWN_MOST:
        return text
    reader = _markdown()
    tokens = reader.parse(text)
    if any(token.level >= MARKDOWN_DEEPEST - 1 for token in tokens):
        return text
    return from_html(str(reader.renderer.render(tokens, reader.options, {})))


# --- Atlassian's documents -------------------------------------------------------------------------------------------


def from_adf(document: str | Mapping[str, Any]) -> str:
    """A document of Atlassian's, as JSON text or object, as lines of text. A text that is none is taken as it is."""
    told = _document(document) if isinstance(document, str) else document
    if not isinstance(told, Mapping):
        return str(document)
    lines = Lines()
    # Not by recursion: a document may be as deep as it likes.
    waiting: list[Any] = [told]
    while waiting:
        one = waiting.pop()
        if isinstance(one, _End):
            lines.end(one.tag)
        elif isinstance(one, Mapping):
            waiting.extend(reversed(_begun(one, lines)))
    return lines.text()


class _End(NamedTuple):
    """What is to be said when all inside of a node has been."""

    tag: str


def _document(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _begun(node: Mapping[str, Any], lines: Lines) -> list[Any]:
    """Says a node itself; returns what is inside of it, and its end."""
    kind = _told(node, "type")
    attributes = node.get("attrs")
    known = attributes if isinstance(attributes, Mapping) else {}
    if kind in ADF_LEAVES:
        lines.words(ADF_LEAVES[kind](known))
        return []
    if kind == "text":
        _adf_text(node, lines)
        return []
    tag = ADF_TAGS.get(kind, "")
    lines.begin(tag, {name: _told(known, given) for name, given in ADF_ATTRIBUTES.items()})
    lines.words(_told(known, "title"))
    content = node.get("content")
    return [*(content if isinstance(content, list) else []), _End(tag)]


def _adf_text(node: Mapping[str, Any], lines: Lines) -> None:
    marks = node.get("marks")
    link = next((one for one in marks if _told(one, "type") == "link"), None) if isinstance(marks, list) else None
    address = _told(link.get("attrs"), "href") if link else ""
    lines.begin("a", {"href": address})
    lines.words(_told(node, "text"))
    lines.end("a")


def _told(node: Any, name: str) -> str:
    value = node.get(name) if isinstance(node, Mapping) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _first(*names: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda attributes: next(filter(None, (_told(attributes, name) for name in names)), "")


def _date(attributes: Mapping[str, Any]) -> str:
    try:
        return datetime.fromtimestamp(int(_told(attributes, "timestamp")) / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


ADF_LEAVES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "blockCard": _first("url"),
    "date": _date,
    "embedCard": _first("url"),
    "emoji": _first("text", "shortName"),
    "inlineCard": _first("url"),
    "mention": _first("text", "id"),
    "status": _first("text"),
}
"""Node to the attribute that is its text. https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/"""

ADF_TAGS: Final[Mapping[str, str]] = {
    "blockquote": "blockquote",
    "bulletList": "ul",
    "codeBlock": "pre",
    "decisionItem": "li",
    "decisionList": "ul",
    "expand": "p",
    "hardBreak": "br",
    "heading": "p",
    "listItem": "li",
    "media": "img",
    "mediaGroup": "div",
    "mediaInline": "img",
    "mediaSingle": "div",
    "nestedExpand": "p",
    "orderedList": "ol",
    "panel": "p",
    "paragraph": "p",
    "rule": "hr",
    "table": "table",
    "tableCell": "td",
    "tableHeader": "th",
    "tableRow": "tr",
    "taskItem": "li",
    "taskList": "ul",
}
"""Node to the tag that is told like it. A node of another kind is what stands inside of it."""

ADF_ATTRIBUTES: Final[Mapping[str, str]] = {"start": "order", "alt": "alt", "src": "url"}


# --- Jira's wiki markup ----------------------------------------------------------------------------------------------


def from_wiki(text: str) -> str:
    """Jira's wiki markup as lines of text; what stands in code blocks is taken as it is."""
    return "".join(piece if verbatim else _wiki(piece) for piece, verbatim in _turns(_VERBATIM, text))


def _turns(mark: re.Pattern[str], text: str) -> Iterator[tuple[str, bool]]:
    """The pieces between marks, and whether each is inside; what is begun and never ended is inside to the end."""
    for at, piece in enumerate(mark.split(text)):
        yield piece, bool(at % 2)


def _wiki(text: str) -> str:
    pieces = (_quoted(piece) if inside else piece for piece, inside in _turns(_QUOTE, text))
    return "\n".join(_numbered(_inline(line) for line in "".join(pieces).split("\n")))


def _quoted(text: str) -> str:
    return "".join(f"\n> {line}" for line in text.strip().split("\n")) + "\n"


def _inline(line: str) -> str:
    for pattern, instead in WIKI:
        line = pattern.sub(instead, line)
    cells = _WIKI_CELL.split(line) if line.lstrip().startswith("|") else [line]
    return " | ".join(filter(None, (cell.strip() for cell in cells))) if len(cells) > 1 else line


def _numbered(lines: Iterator[str]) -> Iterator[str]:
    number = 0
    for line in lines:
        item = _WIKI_NUMBER.match(line)
        number = number + 1 if item else 0
        yield f"{number}. {line[item.end() :]}" if item else line


def _wiki_link(found: re.Match[str]) -> str:
    text, _, address = found[1].partition("|")
    address = address.partition("|")[0].strip() or text.strip()
    address = re.sub(r"^mailto:", "", address)
    text = text.strip()
    return address if text in {address, f"mailto:{address}"} else f"{text} ({address})"


def _wiki_bullet(found: re.Match[str]) -> str:
    return f"{'  ' * (min(len(found[1]), DEEPEST) - 1)}- "


_VERBATIM: Final = re.compile(r"\{(?:code|noformat)(?::[^}\n]{0,200})?\}\n?")
_QUOTE: Final = re.compile(r"\{quote\}")
_WIKI_CELL: Final = re.compile(r"\|{1,2}")
_WIKI_NUMBER: Final = re.compile(r"^\s*#{1,20}\s+")

WIKI: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(r"\{(?:color|panel|anchor)(?::[^}\n]{0,200})?\}"), ""),
    (re.compile(r"^\s*h[1-6]\.\s+"), ""),
    (re.compile(r"^\s*bq\.\s+"), "> "),
    (re.compile(r"^\s*-{4,}\s*$"), "---"),
    (re.compile(r"^\s*([*-]{1,20})\s+"), _wiki_bullet),
    (re.compile(r"\[~(?:accountid:)?([^\[\]\n]{1,200})\]"), r"@\1"),
    (re.compile(r"\[\^([^\[\]\n]{1,500})\]"), r"\1"),
    (re.compile(r"\[([^\[\]\n|]{1,2000}\|[^\[\]\n]{1,2000}|(?:https?://|mailto:)[^\[\]\s]{1,2000})\]"), _wiki_link),
    (re.compile(r"!([^!\s|]{1,2000}\.[A-Za-z]{2,5}|https?://[^!\s|]{1,2000})(?:\|[^!\n]{0,200})?!"), r"\1"),
    (re.compile(r"\{\{([^{}\n]{1,2000})\}\}"), r"\1"),
    (re.compile(r"(https?://\S+)|(?<![\w*_+\\])([*_+])(?=\S)([^\n]{1,300}?)(?<=\S)\2(?![\w*_+])"), r"\1\3"),
    (re.compile(r"\\\\(?=\s|$)"), "\n"),
    (re.compile(r"\\([*_{}\[\]!|#+-])"), r"\1"),
)
"""Pattern to what is said instead, in this order, line by line. Each is bounded, so that no text makes it slow.
https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all"""
