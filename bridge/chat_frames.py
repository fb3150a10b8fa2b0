"""What mail programs and helpdesks mark in HTML as quoted, as signature or as hidden. Pure.

The marks are attributes, which are gone where a page is lines of text. So what is hidden is taken out before, and what
is marked is framed: ``chat_history`` cuts what is in a frame. A page is looked through once, tag after tag, so that no
nesting and no tag without end makes it slow. No library does this: quotequail and talon build a tree of all, and ask
neither the marks of helpdesks nor what is hidden.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from html import unescape
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGIN, END, REST = "\x02", "\x03", "\x04"
"""Around what is marked, and before a mark behind which all is quoted. Nobody's text keeps such characters."""

FRAMES: Final = re.compile(f"[{BEGIN}{END}{REST}]")

TAGS_MOST: Final = 30_000
"""Beyond, a page is taken as it is: nobody writes so many."""


def framed(page: str) -> str:
    """The page without what is hidden, and with what is marked between BEGIN and END."""
    if page.count("<") > TAGS_MOST:
        return page
    walk = _Walk([one.start() for one in FORWARDED.finditer(page)])
    for tag in _TAG.finditer(page):
        walk.meet(tag)
    return _edited(page, walk.edits(len(page)))


class _Open(NamedTuple):
    """An element that has begun, and what it is marked as."""

    name: str
    at: int
    kind: str


class _Edit(NamedTuple):
    """Up to where a page is taken out from ``at``, and what is put there."""

    at: int
    until: int
    put: str


class _Walk:
    """Goes through the tags of a page, with the elements that are open."""

    def __init__(self, forwarded: list[int]) -> None:
        self._forwarded = forwarded
        self._open: list[_Open] = []
        self._depth: dict[str, int] = {}
        self._marked: list[tuple[str, int, int]] = []
        self._quotes: list[int] = []
        self._shown: dict[str, list[int]] = {"small": [], "unseen": []}
        self._within = 0

    def meet(self, tag: re.Match[str]) -> None:
        """One tag more."""
        name = tag["name"].lower()
        if tag["end"]:
            self._close(name, tag.start(), tag.end())
            return
        attributes = _attributes(tag["more"]) if tag["more"] and _ASKED.search(tag["more"]) else {}
        self._begin(name, attributes, tag)

    def _begin(self, name: str, attributes: Mapping[str, str], tag: re.Match[str]) -> None:
        style = _BLANKS.sub("", attributes.get("style", "").lower())
        kind = _kind(name, attributes, style)
        if name == "blockquote" and self._within and not kind:
            kind = "quote"
        if name == "blockquote":
            self._quotes.append(tag.start())
        for way, shown in _SHOWN.items():
            if style and shown.search(style):
                self._shown[way].append(tag.start())
        element = _Open(name, tag.start(), kind)
        if kind == "rest":
            self._marked.append((kind, tag.start(), tag.start()))
        if name == "p" and self._open and self._open[-1].name == "p":
            self._close("p", tag.start(), tag.start())
        if name not in _VOID and not tag["more"].endswith("/"):
            self._open.append(element)
            self._depth[name] = self._depth.get(name, 0) + 1
            self._within += kind == "container"

    def _close(self, name: str, at: int, until: int) -> None:
        if not self._depth.get(name):
            return
        while self._open:
            last = self._open.pop()
            self._depth[last.name] -= 1
            here = last.name == name
            self._end(last, until if here else at)
            if here:
                return

    def _end(self, element: _Open, until: int) -> None:
        self._within -= element.kind == "container"
        if element.kind and element.kind != "rest":
            self._marked.append((element.kind, element.at, until))

    def edits(self, end: int) -> list[_Edit]:
        """What is to be changed, first things first."""
        while self._open:
            self._end(self._open.pop(), end)
        found = [edit for kind, at, until in self._marked for edit in self._edit(kind, at, until)]
        return sorted(found, key=lambda one: (one.at, -one.until))

    def _edit(self, kind: str, at: int, until: int) -> tuple[_Edit, ...]:
        if kind == "rest":
            return (_Edit(at, at, REST),)
        if kind == "hidden" or (kind in self._shown and not _any(self._shown[kind], at + 1, until)):
            return (_Edit(at, until, ""),)
        if kind in self._shown or (kind == "container" and _any(self._quotes, at, until)):
            return ()
        if _any(self._forwarded, at, min(until, at + _HEAD)):
            return ()
        return (_Edit(at, at, BEGIN), _Edit(until, until, END))


def _any(places: list[int], at: int, until: int) -> bool:
    first = bisect_left(places, at)
    return first < len(places) and places[first] < until


def _edited(page: str, edits: list[_Edit]) -> str:
    out, done = [], 0
    for edit in edits:
        if edit.at < done:
            continue
        out += [page[done : edit.at], edit.put]
        done = edit.until
    return "".join([*out, page[done:]])


# --- what marks are --------------------------------------------------------------------------------------------------


def _attributes(written: str) -> dict[str, str]:
    found = _ATTRIBUTE.finditer(written)
    return {one["name"].lower(): (one["value"] or "").strip("\"'") for one in found}


def _kind(name: str, attributes: Mapping[str, str], style: str) -> str:
    if not attributes:
        return ""
    if "hidden" in attributes or _HIDDEN.search(style):
        return "hidden"
    for way, hides in _HIDES.items():
        if style and hides.search(style):
            return way
    names = {*attributes.get("class", "").lower().split(), "#" + _bare(attributes.get("id", "").lower())}
    names |= {f"{one}={attributes[one].lower()}" for one in _VALUES if one in attributes}
    if names & CONTAINERS and name != "blockquote":
        return "container"
    if names & RESTS:
        return "rest"
    return "quote" if names & (QUOTES | SIGNATURES) or _OTHERS.search(" ".join(names)) else ""


def _bare(identity: str) -> str:
    """Outlook and Yahoo put letters of their own before what another program had written."""
    return re.sub(r"^(?:x_|m_-?\d+|ydp\w{6,8})+", "", identity)


CONTAINERS: Final = frozenset({"gmail_quote", "gmail_quote_container", "gmail_extra"})
"""Gmail's: what is answered between the quotes of it stands in it as well. Without a quote in it, all of it is one."""

QUOTES: Final = frozenset(
    [
        "gmail_quote",
        "gmail_attr",
        "yahoo_quoted",
        "yahoo-quoted",
        "moz-cite-prefix",
        "zmail_extra",
        "protonmail_quote",
        "tutanota_quote",
        "freshdesk_quote",
        "front-blockquote",
        "hs_quoted",
        "hs-quoted",
        "helpscout_quote",
        "helpscout-quote",
        "missive_quote",
        "superhuman_quote",
        "alimail-quote",
        "ms-outlook-mobile-reference-message",
        "zammad_quote",
        "quoted-text",
        "quoted_text",
        "#mail-editor-reference-message-container",
        "#olk_src_body_section",
        "#yahoo_quoted",
        "#reply-intro",
        "#isforwardcontent",
        "type=cite",
        "name=quote",
        "name=messagereplysection",
        "data-marker=__quoted_text__",
        "data-marker=__headers__",
        "data-quote=true",
        "data-type=quote",
    ]
)
"""Classes, ids (``#``) and attributes of what is quoted, in small letters."""

SIGNATURES: Final = frozenset(
    [
        "gmail_signature",
        "gmail_signature_prefix",
        "moz-signature",
        "signature",
        "email-signature",
        "email_signature",
        "hs_signature",
        "hs-signature",
        "front-signature",
        "freshdesk_signature",
        "zd-signature",
        "zendesk-signature",
        "helpscout-signature",
        "protonmail_signature_block",
        "protonmail_signature_block-user",
        "yahoo-signature",
        "#signature",
        "#applemailsignature",
        "#ms-outlook-mobile-signature",
        "#composer_signature",
        "#divtagdefaultsignature",
        "name=messagesignaturesection",
        "data-signature=true",
        "data-marker=__sig_pre__",
        "data-marker=__sig_post__",
        "data-smartmail=gmail_signature",
    ]
)
"""The same of a signature."""

RESTS: Final = frozenset(
    [
        "outlookmessageheader",
        "js-signaturemarker",
        "#divrplyfwdmsg",
        "#appendonsend",
        "#stopspelling",
        "#zwchr",
        "#replysplit",
        "data-marker=__divider__",
    ]
)
"""Behind these all is quoted: Outlook puts the words of before beside its head, and not into it."""

_VALUES: Final = ("type", "name", "data-marker", "data-signature", "data-smartmail", "data-quote", "data-type")
_OTHERS: Final = re.compile(r"(?:^| )(?:#mobile-?signature|(?:freshdesk|zammad|front|helpscout)[\w-]*[-_]quote\b)")

_HIDDEN: Final = re.compile(r"(?:^|;)(?:display:none|mso-hide:all|opacity:0(?:\.0+)?(?:;|!|$)|max-height:0)")
_HIDES: Final = {
    "small": re.compile(r"(?:^|;)font-size:0(?:\.0+)?(?:px|pt|em|rem|%)?(?:;|!|$)"),
    "unseen": re.compile(r"(?:^|;)visibility:(?:hidden|collapse)"),
}
"""What is in it may be shown for all that."""
_SHOWN: Final = {
    "small": re.compile(r"(?:^|;)font-size:(?!0(?:\.0+)?(?:px|pt|em|rem|%)?(?:;|!|$))"),
    "unseen": re.compile(r"(?:^|;)visibility:visible"),
}

_HEAD: Final = 600
"""Characters, with tags, in which what is forwarded says so."""

FORWARDED: Final = re.compile(
    r"(?<!-)-{3,40} ?(?:forwarded message|mensaje reenviado|mensagem encaminhada) ?-{3,40}|begin forwarded message:"
    r"|inicio del mensaje reenviado:|início da mensagem encaminhada:",
    re.IGNORECASE,
)
"""What an agent forwards to the customer is what they want to be read."""

_TAG: Final = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][^\s<>/]*)(?P<more>[^<>]*)>")
_ATTRIBUTE: Final = re.compile(r"(?P<name>[^\s=/>\"']+)(?:\s*=\s*(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"'>]+))?")
_ASKED: Final = re.compile(r"class|id|style|type|name|data-|hidden", re.IGNORECASE)
_BLANKS: Final = re.compile(r"\s+")
_VOID: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)


# --- escaped twice ---------------------------------------------------------------------------------------------------


def once_escaped(page: str) -> str:
    """The page as it was before something on its way escaped it once more; the same where nothing has.

    It has where nothing in it is a tag, but for one around all, and what begins and ends it was one.
    """
    bare = _LETTER.sub(r"&\1;", page)
    inner = _WRAPPED.fullmatch(bare.strip())
    told = inner["told"] if inner else bare.strip()
    twice = "<" not in told and _FIRST.match(told) and _LAST.search(told[-60:])
    return unescape(told) if twice else bare


_LETTER: Final = re.compile(r"&amp;([AEIOUNaeioun](?:acute|tilde|uml)|nbsp|iquest|iexcl|[lr][ds]quo|#(?:39|160|8217));")
"""Letters and blanks that nobody writes so to a customer."""
_WRAPPED: Final = re.compile(r"<(div|p|span)(?:\s[^<>]*)?>(?P<told>[^<>]*)</\1>", re.IGNORECASE)
_FIRST: Final = re.compile(r"&lt;(?:!doctype|html|body|div|p|span|table|ul|ol|h[1-6])\b", re.IGNORECASE)
_LAST: Final = re.compile(r"&lt;(?:/(?:html|body|div|p|span|table|ul|ol|h[1-6])|br ?/?)\s*&gt;\s*$", re.IGNORECASE)
