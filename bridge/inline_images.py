"""Images that stand in a text and are files of the same reply: they go as files, and not as addresses as well. Pure."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bridge.urls import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from bridge.domain import Attachment


def without_files(text: str, markup: str, files: Collection[Attachment]) -> str:
    """The text, as it is written, without the images that are among these files, and links around nothing but one."""
    read, known = READERS.get(markup), _names_of(files)
    return read(text, known) if read and known else text


def lines_without_files(text: str, files: Collection[Attachment]) -> str:
    """The plain text without lines that hold nothing but the address of one of these files."""
    known = _names_of(files)
    return "\n".join(line for line in text.split("\n") if not ("://" in line and _among(line.strip(), known)))


def distinct(files: Collection[Attachment]) -> tuple[Attachment, ...]:
    """Each file once."""
    known: set[str] = set()
    found: list[Attachment] = []
    for one in files:
        if not _among(one.url, known):
            found.append(one)
        known |= names(one.url)
    return tuple(found)


def names(url: str) -> frozenset[str]:
    """By what a file is known: two addresses are of one file where they share a name. None where it is no address.

    The address; its place without the query where that is a file's own, as a signature may differ; and that without
    the host, where the path cannot be guessed: one helpdesk has several.
    """
    address = encoded(url)
    if not address:
        return frozenset()
    parts = urlsplit(address)
    named = "." in parts.path.rpartition("/")[2]
    place = parts.path if named else f"{parts.path}?{parts.query}"
    told = any(len(step) >= UNGUESSED and not step.isalpha() for step in parts.path.split("/")[:-1])
    return frozenset({address, *([parts.netloc.lower() + place] if named else []), *([place] if told else [])})


UNGUESSED: Final = 12
"""Characters of a step of a path that is nobody's choice of a name."""


def _names_of(files: Collection[Attachment]) -> frozenset[str]:
    return frozenset().union(*(names(one.url) for one in files))


def _among(url: str, known: Collection[str]) -> bool:
    return any(one in known for one in names(url))


def _from_html(text: str, known: Collection[str]) -> str:
    def image(found: re.Match[str]) -> str:
        return "" if _among(_attribute(found[0], _SRC), known) else found[0]

    def link(found: re.Match[str]) -> str:
        return "" if _among(_attribute(found[0], _HREF), known) else found[0]

    left = _IMAGE.sub(image, text)
    return left if left == text else _EMPTY_LINK.sub(link, left)


def _attribute(tag: str, pattern: re.Pattern[str]) -> str:
    found = pattern.search(tag)
    return unescape(next(filter(None, found.groups()), "")).strip() if found else ""


def _from_markdown(text: str, known: Collection[str]) -> str:
    def image(found: re.Match[str]) -> str:
        return "" if _among(found[1] or found[2], known) else found[0]

    return _from_html(_MARKDOWN.sub(image, text), known)


READERS: Final[Mapping[str, Callable[[str, Collection[str]], str]]] = {
    "html": _from_html,
    "markdown": _from_markdown,
}

# Each looks no further than a tag may be long: a text of nothing but beginnings costs no more than that for each.
_QUOTED: Final = r"\"[^\"<]{0,4000}\"|'[^'<]{0,4000}'"
_IMAGE: Final = re.compile(rf"<img\b(?:{_QUOTED}|[^<>\"']){{0,500}}>", re.IGNORECASE)
_EMPTY_LINK: Final = re.compile(r"<a\s[^<>]{0,4000}>\s{0,100}</a\s{0,10}>", re.IGNORECASE)
_VALUE: Final = r"\s{0,20}=\s{0,20}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))"
_SRC: Final = re.compile(rf"[\s\"']src{_VALUE}", re.IGNORECASE)
_HREF: Final = re.compile(rf"[\s\"']href{_VALUE}", re.IGNORECASE)
_MARKDOWN: Final = re.compile(
    r"!\[[^\[\]\n]{0,500}\]\(\s{0,10}(?:<([^<>\n]{1,4000})>|([^\s()]{1,4000}))[^()\n]{0,500}\)"
)
