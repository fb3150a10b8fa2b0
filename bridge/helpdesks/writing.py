"""Making calls: JSON bodies, credentials, ids in a path. Pure."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson

from bridge.domain import MARK, WRITTEN, Call
from bridge.errors import Ambiguous
from bridge.helpdesks.reading import text, usable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import HttpUrl

    from bridge.domain import WriteBack
    from bridge.helpdesks.reading import Json


_MOST_DIGITS: Final = 18
"""What fits into 64 bits."""


def address(base: HttpUrl, path: str, ref_id: str = "") -> str:
    """``base`` and a path behind it, where ``{id}`` stands for the ticket's id, percent-encoded."""
    return str(base).rstrip("/") + path.replace("{id}", quote(ref_id, safe=""))


def basic(username: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic authentication."""
    return {"authorization": "Basic " + b64encode(f"{username}:{password}".encode()).decode()}


def reading_call(url: str, headers: Mapping[str, str]) -> Call:
    """A GET of JSON."""
    return Call("GET", url, {"accept": "application/json", **headers})


def writing_call(method: str, url: str, headers: Mapping[str, str], payload: Any, *, once: bool = False) -> Call:
    """A request with a JSON body; ``once`` where doing it twice would write twice."""
    told = {"accept": "application/json", "content-type": "application/json", **headers}
    return Call(method, url, told, orjson.dumps(payload), once=once)


def marked_text(action: WriteBack, written: Iterable[Json], name: str) -> str:
    """The first text under ``name`` with the action's mark; empty where there is none, or the action carries none."""
    if not isinstance(action, WRITTEN):
        return ""
    return next((body for one in written if action.marker in (body := text(one, name))), "")


def mark_id(marker: str) -> str:
    """What a mark says, without its brackets: an id that a helpdesk can keep and look for."""
    return marker.strip("[]")


MARK_ID: Final = MARK.strip("[")
"""Begins every such id."""


def opened_id(status: int, ticket: Json) -> str:
    """The id of a ticket that was just opened. Raises Ambiguous where the answer tells none."""
    found = usable_id(ticket, "id")
    if not found:
        msg = f"answered {status} without the id of a ticket"
        raise Ambiguous(msg, status=status)
    return found


def once_key(*parts: str) -> str:
    """An idempotency key: the same for the same parts, and safe in a header."""
    return sha256("|".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]


def number(found: str) -> int | str:
    """A helpdesk's numeric id as the number its API wants; anything else as it is, to be refused by name."""
    return int(found) if len(found) <= _MOST_DIGITS and found.isascii() and found.isdigit() else found
