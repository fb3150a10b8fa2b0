"""Making calls: JSON bodies, credentials, ids in a path. Pure."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from bridge.domain import AddNote, Call
from bridge.helpdesks.reading import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import HttpUrl

    from bridge.domain import WriteBack
    from bridge.helpdesks.reading import Json


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
    """The first text under ``name`` that carries the note's mark; empty where none does, or the action is no note."""
    if not isinstance(action, AddNote):
        return ""
    return next((body for one in written if action.marker in (body := text(one, name))), "")
