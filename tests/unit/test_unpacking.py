"""Packed bodies are unpacked piece by piece, and only what is whole and nothing else is taken."""

from __future__ import annotations

import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import Unreadable, WrongContentType
from bridge.unpacking import PIECE, packed_as, unpacked


def packed(body: bytes, window: int) -> bytes:
    """The body, packed; ``window`` is zlib's word for the form."""
    packer = zlib.compressobj(wbits=window)
    return packer.compress(body) + packer.flush()


FORMS = [("gzip", 31), ("x-gzip", 31), ("deflate", 15), ("deflate", -15)]


@given(body=st.binary(max_size=2_000), form=st.sampled_from(FORMS))
def test_what_was_packed_comes_back(body: bytes, form: tuple[str, int]) -> None:
    """In every form that is taken, whatever it holds; an empty body too."""
    encoding, window = form
    assert b"".join(unpacked(packed(body, window), encoding)) == body


@pytest.mark.parametrize(("encoding", "window"), FORMS)
def test_a_bomb_is_unpacked_only_as_far_as_it_is_asked_for(encoding: str, window: int) -> None:
    """Each piece is bounded, so that the reader can stop."""
    pieces = unpacked(packed(bytes(PIECE * 40), window), encoding)
    assert [len(next(pieces)) for _ in range(4)] == [PIECE] * 4


WHOLE = gzip.compress(b"{}", mtime=0)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (WHOLE[:-1], "breaks off"),
        (b"", "breaks off"),
        (WHOLE + b"x", "behind its end"),
        (WHOLE + WHOLE, "behind its end"),
        (WHOLE[:-8] + bytes(8), "not packed as"),
        (b"{}", "not packed as"),
    ],
)
def test_what_is_not_one_whole_packing_cannot_be_read(body: bytes, problem: str) -> None:
    """Truncated, with something behind it, twice, damaged, or not packed at all: each is said in words."""
    with pytest.raises(Unreadable, match=problem):
        list(unpacked(body, "gzip"))


@given(body=st.binary(max_size=100), encoding=st.sampled_from(["gzip", "deflate"]))
def test_arbitrary_bytes_are_unpacked_or_unreadable(body: bytes, encoding: str) -> None:
    """Nothing else leaves, and it ends."""
    with suppress(Unreadable):
        list(unpacked(body, encoding))


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip, br", "unheard-of", "compress"])
def test_another_packing_is_not_taken(encoding: str) -> None:
    """Nor several at once: each multiplies what a bomb unpacks to."""
    with pytest.raises(WrongContentType):
        packed_as(encoding)


@pytest.mark.parametrize(
    ("encoding", "name"), [("", ""), ("identity", ""), (" GZIP ", "gzip"), ("X-Gzip", "x-gzip"), ("Deflate", "deflate")]
)
def test_the_name_of_a_packing_is_read_in_any_case(encoding: str, name: str) -> None:
    """As RFC 9110 says; ``identity`` is none."""
    assert packed_as(encoding) == name
