"""A text as Jira's wiki markup that shows it as it was typed: nothing of it is a macro, a mention, a link or an image.

A mark is escaped by a backslash, as the help of the notation says. A letter cannot be, so that ``h1.`` and ``bq.`` at a
line's begin are kept from it by a character without width. Addresses of the web stay links: in what is left of them no
mark has a meaning. https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
"""

from __future__ import annotations

import re
from typing import Final


def escaped(text: str) -> str:
    """The text, each mark of which is shown."""
    return _MARKS.sub(_instead, text)


def _instead(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "address":
            return found[0]
        case "word":
            return f"\u200b{found[0]}"
        case "backslash":
            return "&#92;"
    return f"\\{found[0]}"


_MARKS: Final = re.compile(
    r"(?m)(?P<address>https?://[A-Za-z0-9._~:/?\#@$&'(),;=%-]+)"
    r"|^(?P<word>[^\S\n]*(?:h[1-6]|bq)\.)"
    r"|(?P<backslash>\\(?![A-Za-z0-9]))"
    r"|(?P<mark>[\[\]{}*_+^~!|]|\#|\?(?=\?)|(?<![A-Za-z0-9])-)"
)
