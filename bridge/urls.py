"""Addresses of the web as other people's systems write them, made such that they can be fetched. Pure; none fails."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit


def encoded(url: str) -> str:
    """The address in ASCII, with what cannot stand in one percent-encoded; empty where it is none of the web.

    What is encoded already stays as it is: a signature may be over it. Nothing changes the host.
    """
    found = _ADDRESS.fullmatch(_LINE_ENDS.sub("", url.strip()))
    if not found:
        return ""
    made = f"{found['scheme'].lower()}://{_authority(found['authority'])}{_quoted(found['rest'])}"
    return made if made.isascii() and _whole(made) else ""


def linked(url: str) -> str:
    """The same for a link in a text for people: one that needs no encoding stays readable as it is."""
    return url if _READABLE.fullmatch(url) else encoded(url)


def _whole(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _authority(told: str) -> str:
    if told.isascii():
        return told
    try:
        made = told.encode("idna").decode()
    except UnicodeError:
        return ""
    # A wide slash or @ becomes a plain one by it, and so another host.
    return made if _HOST.fullmatch(made) and made.count("@") == told.count("@") else ""


def _quoted(rest: str) -> str:
    return _UNFIT.sub(_escaped, rest)


def _escaped(found: re.Match[str]) -> str:
    return quote(found[0].encode("utf-8", "surrogatepass").decode("utf-8", "replace")[:1], safe="")


# Nothing in the host may be a blank or what other programs read as the end of it, a backslash above all.
_NAME: Final = r"[^\s/?#\\\"<>^`{|}%\x00-\x20\x7f]+"
_HOST: Final = re.compile(_NAME)
_ADDRESS: Final = re.compile(
    rf"(?P<scheme>https?)://(?P<authority>{_NAME})(?P<rest>(?:[/?#].*)?)", re.IGNORECASE | re.DOTALL
)
_LINE_ENDS: Final = re.compile(r"[\t\r\n]")
"""Browsers leave them out of an address."""

_UNFIT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|[^!-~]|[\"<>\\^`{|}]")
_READABLE: Final = re.compile(r"(?:https?://|mailto:|tel:)\S+", re.IGNORECASE)
