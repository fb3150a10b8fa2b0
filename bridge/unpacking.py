"""Unpacking what a sender packed, a piece at a time, so that whoever reads it can stop at a limit. Pure.

Only what can be bounded is taken: one gzip or deflate, whole, with nothing behind it. RFC 9110 lets a body be packed
twice, and RFC 1952 lets several follow each other; no sender of ours does, and each multiplies what a bomb unpacks to.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from bridge.errors import Unreadable, WrongContentType

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 262_144
"""Bytes. The event loop turns between two pieces: about a millisecond each."""

_GZIP, _ZLIB, _RAW = 31, 15, -15
"""zlib's words for the forms."""

_ENCODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
_PLAIN: Final = frozenset({"", "identity"})


def packed_as(encoding: str) -> str:
    """The one packing that a ``Content-Encoding`` names; empty for none. Raises WrongContentType for any other."""
    name = encoding.strip().lower()
    if name in _PLAIN:
        return ""
    if name not in _ENCODINGS:
        msg = "the body must be plain, gzip or deflate"
        raise WrongContentType(msg)
    return name


def unpacked(packed: bytes, encoding: str) -> Iterator[bytes]:
    """The pieces of a packed body, each of ``PIECE`` bytes at most. Raises Unreadable."""
    unpacker = zlib.decompressobj(_form(packed, encoding))
    left = packed
    while not unpacker.eof:
        piece = _next(unpacker, left)
        left = unpacker.unconsumed_tail
        if not piece and not unpacker.eof:
            raise Unreadable("body", "is packed, and breaks off")
        yield piece
    if unpacker.unused_data:
        raise Unreadable("body", "is packed, and something stands behind its end")


def _next(unpacker: zlib._Decompress, left: bytes) -> bytes:
    try:
        return unpacker.decompress(left, PIECE)
    except zlib.error:
        raise Unreadable("body", "is not packed as Content-Encoding says") from None


def _form(packed: bytes, encoding: str) -> int:
    if encoding != "deflate":
        return _GZIP
    # RFC 9110 means zlib's form; some senders leave out its header, whose two bytes are a multiple of 31 (RFC 1950).
    headed = len(packed) > 1 and packed[0] & 15 == zlib.DEFLATED and int.from_bytes(packed[:2], "big") % 31 == 0
    return _ZLIB if headed else _RAW
