"""How agents' texts are written, one reader each: HTML, Markdown, Atlassian's documents. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from html import unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
from markdown_it import MarkdownIt

from bridge.chat_frames import FRAMES, framed, once_escaped
from bridge.chat_lines import Lines
from bridge.urls import linked

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
    """HTML, however broken, as lines of text; of more tags than anybody writes, the words alone."""
    return FRAMES.sub("", framed_html(text))


def framed_html(text: str) -> str:
    """The same, with frames around what is marked as quoted or as signature."""
    page = framed(_COMMENT.sub("", once_escaped(FRAMES.sub("", text))))
    if page.count("<") > TAGS_MOST * 10:
        return _words_of(page)
    return _read_html(page)


def _read_html(text: str) -> str:
    bare = _LONG_TAG.sub("", _STYLED.sub(r"<\1>", text))
    if bare.count("<") + bare.count("&") > TAGS_MOST:
        return _words_of(bare)
    return _lines_of(bare)


def _words_of(text: str) -> str:
    """The words between tags, which are not looked into: where a block begins or ends, a line does."""
    seen = _DECLARATION.sub("", _COMMENT.sub("", _UNSEEN.sub("", text)))
    return _unescaped(_TAG.sub("", _BLOCK.sub("\n", seen)))


def _unescaped(text: str) -> str:
    if text.count("&") <= TAGS_MOST:
        return unescape(text)
    for name, letter in FREQUENT.items():
        text = text.replace(f"&{name};", letter)
    return text


def _lines_of(text: str) -> str:
    lines = Lines()
    page = _Page(lines)
    page.feed(_NO_TAG.sub("&lt;", _DECLARATION.sub("", _COMMENT.sub("", text))))
    page.close()
    return lines.text()


TAGS_MOST: Final = 10_000
"""Tags and entities. The parser takes some microseconds for each, and a chat message has a handful."""

FREQUENT: Final = {"nbsp": "\xa0", "lt": "<", "gt": ">", "quot": '"', "#39": "'", "amp": "&"}
"""Entities that are read in any number, the last of them last."""

_LONG_TAG: Final = re.compile(r"<[A-Za-z][^<>]{2001,}>")
_STYLED: Final = re.compile(r"<(?!(?:a|img|ol|audio|video|iframe)[\s/])([A-Za-z][^\s<>/]*)\s[^<>]*>", re.IGNORECASE)
"""Attributes that nobody reads, styles above all; and an image within its own tag, which has no address."""
_UNSEEN: Final = re.compile(r"<(script|style|title|head)>.*?(?:</\1[^<>]*>?|\Z)", re.DOTALL | re.IGNORECASE)
_SCRIPT: Final = re.compile(r"<(script|style)\b[^<>]*>.*?(?:</\1|\Z)", re.DOTALL)
_BLOCK: Final = re.compile(r"</?(?:p|div|br|li|tr|h[1-6]|blockquote|table|pre|ul|ol)[\s/]*>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[A-Za-z][^<>]*>")

# The parser's time grows with the square of what is begun and never ended, and some declarations make it fail.
_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_DECLARATION: Final = re.compile(r"<[!?][^<>]*>")
_NO_TAG: Final = re.compile(r"<(?!/?[A-Za-z][^<>]*>)")


# --- Markdown --------------------------------------------------------------------------------------------------------


MARKDOWN_DEEPEST: Final = 60
"""Levels. The library leaves out what is deeper."""

MARKDOWN_MOST: Final = 20_000
"""Characters. The library's time can grow with their square; nobody writes so much to a chat."""


BRACKETS_MOST: Final = 500
"""Of links begun. The library looks for the end of each through all that follows: 16,000 of them take two seconds."""


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    # An agent's line end is meant as one, as it is in the helpdesks' own editors.
    options = {"breaks": True, "maxNesting": MARKDOWN_DEEPEST}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"])


def from_markdown(text: str) -> str:
    """Markdown, with what it holds of HTML, as lines of text. What is deep or long without sense is taken as it is."""
    return FRAMES.sub("", framed_markdown(text))


def framed_markdown(text: str) -> str:
    """The same, with frames as in ``framed_html``."""
    text = FRAMES.sub("", text)
    if len(text) > MARKDOWN_MOST or text.count("[") > BRACKETS_MOST:
        return text
    reader = _markdown()
    tokens = reader.parse(text)
    if any(token.level >= MARKDOWN_DEEPEST - 1 for token in tokens):
        return text
    return framed_html(str(reader.renderer.render(tokens, reader.options, {})))


# --- Atlassian's documents -------------------------------------------------------------------------------------------


def from_adf(document: str | Mapping[str, Any]) -> str:
    """A document of Atlassian's, as JSON text or object, as lines of text. A text that is none is taken as it is."""
    told = _document(document) if isinstance(document, str) else document
    if not isinstance(told, Mapping):
        return str(document)
    lines = Lines()
    # Not by recursion: a document may be as deep as it likes.
    waiting: list[Any] = [told]
    for _ in range(NODES_MOST):
        if not waiting:
            return lines.text()
        one = waiting.pop()
        if isinstance(one, _End):
            lines.end(one.tag)
        elif isinstance(one, Mapping):
            waiting.extend(reversed(_begun(one, lines)))
    return " ".join((lines.text(), *_texts(waiting)))


def _texts(waiting: list[Any]) -> Iterator[str]:
    """The words of what is left of a document with more nodes than anybody writes, by themselves."""
    for _ in range(LEAVES_MOST):
        if not waiting:
            return
        one = waiting.pop()
        if type(one) is dict:
            if type(text := one.get("text")) is str:
                yield text
            elif type(content := one.get("content")) is list:
                waiting.extend(reversed(content))
    yield "..."


NODES_MOST: Final = 6_000
"""Nodes and their ends: each takes some microseconds."""

LEAVES_MOST: Final = 50_000
"""Of a longer document, whose words alone are told. Jira takes no comment beyond 32,767 characters."""

MARKS_MOST: Final = 20
"""Of a text: there are eight kinds."""


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
    known = marks[:MARKS_MOST] if isinstance(marks, list) else []
    link = next((one for one in known if _told(one, "type") == "link"), None)
    address = _told(link.get("attrs"), "href") if link else ""
    lines.begin("a", {"href": address})
    lines.words(_told(node, "text"))
    lines.end("a")


def _told(node: Any, name: str) -> str:
    value = node.get(name) if isinstance(node, Mapping) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _first(*names: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda attributes: next(filter(None, (_told(attributes, name) for name in names)), "")


def _card(attributes: Mapping[str, Any]) -> str:
    address = _told(attributes, "url").strip()
    return linked(address) or address


def _date(attributes: Mapping[str, Any]) -> str:
    try:
        return datetime.fromtimestamp(int(_told(attributes, "timestamp")) / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


ADF_LEAVES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "blockCard": _card,
    "date": _date,
    "embedCard": _card,
    "emoji": _first("text", "shortName"),
    "inlineCard": _card,
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
