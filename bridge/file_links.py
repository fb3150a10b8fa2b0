"""Addresses of the bridge's own for files that a helpdesk shows to nobody without a login: signed, of one file. Pure.

An address holds what it is for: account, place at the account's own host, name, type, until when. So nothing is
stored, any web process serves it, and it is good for no other file, account or host. It is made once, when a message
is planned or its file read again, and stands in the message from then on: a repeat is the same to the last byte.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

import orjson

from bridge.say import file_name, mime_type
from bridge.signatures import same
from bridge.urls import encoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.accounts import Account, Files
    from bridge.domain import Attachment
    from bridge.ports import Helpdesk


@dataclass(frozen=True, slots=True)
class Shown:
    """A file as its address tells it; ``path`` is at the account's own host."""

    path: str
    name: str
    mime_type: str


def server(
    dialect: Helpdesk, account: Account, account_name: str, files: Files | None, now_ms: int
) -> Callable[[Attachment], Attachment]:
    """What makes of a file the file as the customer is to get it.

    With ``files: relay`` one at the account's own host has an address of the bridge's. Else one that needs a login has
    none, and is told by its name. What lies elsewhere is as it was.
    """

    def serve(one: Attachment) -> Attachment:
        path = own_path(dialect, account, one.url)
        if not path:
            return one
        if account.files != "relay" or files is None:
            return _name_alone(one) if dialect.files_need_login else one
        if one.size > files.max_bytes:
            return _name_alone(one)
        return replace(one, url=address(files, account_name, one, path, now_ms))

    return serve


def names_alone(dialect: Helpdesk, account: Account, file: Attachment) -> bool:
    """Whether the customer gets no more than the file's name, as it needs a login that Jelou does not have."""
    if not dialect.files_need_login:
        return False
    return not file.url or (account.files != "relay" and bool(own_path(dialect, account, file.url)))


def _name_alone(file: Attachment) -> Attachment:
    return replace(file, url="", name=file_name(file))


def own_path(dialect: Helpdesk, account: Account, url: str) -> str:
    """Path and query of an address at the account's own host; empty for any other, and where none can be read."""
    there = urlsplit(encoded(url))
    path = there.path + (f"?{there.query}" if there.query else "")
    call = dialect.file_call(account, path) if not _climbs(there.path) else None
    if call is None:
        return ""
    own = urlsplit(call.url)
    return path if (own.scheme, own.netloc.lower()) == (there.scheme, there.netloc.lower()) else ""


def _climbs(path: str) -> bool:
    """Whether a client may read another path out of it."""
    return any(unquote(step) in {".", ".."} for step in path.split("/"))


def address(files: Files, account_name: str, file: Attachment, path: str, now_ms: int) -> str:
    """The bridge's address of the file at this path."""
    name, until_s = _plain_name(file_name(file)), now_ms // 1000 + round(files.valid_h * 3600)
    told = orjson.dumps([path, name, mime_type(file), until_s])
    signature = _signature(files.keys[0].get_secret_value(), account_name, told)
    token = f"{_text(told)}.{_text(signature)}"
    return f"{str(files.public_url).rstrip('/')}/files/{account_name}/{token}/{quote(name, safe='')}"


def shown(files: Files, account_name: str, token: str, now_ms: int) -> Shown | None:
    """The file of an address of ours; None for one that is none, or is over. Any of the keys may have made it."""
    told, signature = map(_bytes, token.partition(".")[::2])
    known = [_signature(key.get_secret_value(), account_name, told) for key in files.keys]
    if not any([same(signature, one) for one in known]):  # noqa: C419 - all, so that the time tells nothing
        return None
    path, name, kind, until_s = _read(told)
    return Shown(path, name, kind) if now_ms // 1000 < until_s else None


def _read(told: bytes) -> tuple[str, str, str, int]:
    found: Any = orjson.loads(told)
    return str(found[0]), str(found[1]), str(found[2]), int(found[3])


def _signature(key: str, account_name: str, told: bytes) -> bytes:
    """Each account has a key of its own, made of the one that is configured."""
    own = hmac.digest(key.encode(), f"{PURPOSE}\0{account_name}".encode(), sha256)
    return hmac.digest(own, told, sha256)


def _plain_name(name: str) -> str:
    kept = "".join("_" if one in '/\\"' else one for one in name).strip(". ")
    return kept[-NAME_MOST:] or "file"


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) <= TOKEN_MOST else b""
    except (binascii.Error, ValueError):
        return b""


PURPOSE: Final = "jelou-ticket-bridge files"
NAME_MOST: Final = 120
TOKEN_MOST: Final = 8_000

SHOWN_AS_IS: Final = ("image/", "audio/", "video/", "application/pdf", "application/vnd.", "application/msword")
NEVER: Final = ("svg", "xml", "html")


def content_type(kind: str) -> str:
    """As what a file is served: its type where no browser runs anything in it, else as bytes."""
    office = "officedocument" in kind
    risky = any(one in kind for one in NEVER) and not office
    return kind if kind.startswith(SHOWN_AS_IS) and not risky else "application/octet-stream"


def disposition(name: str) -> str:
    """Never shown in place: it is what somebody uploaded, under the bridge's name."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
