"""The edges of JSON and of packed bodies, from genuine senders: refused, or stored and worked unharmed."""

from __future__ import annotations

import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.api_calls import Api
from tests.harness import Scene, scene
from tests.integration.test_web_broken import request
from tests.outcomes import conversations
from tests.webhooks import SENDERS, deliver, exchange, listening, post_script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.harness import Running

LIMIT = 65_536
BOMB = 64 * 1024 * 1024
"""Bytes of zeros that pack into less than the limit."""


# --- packed bodies ---------------------------------------------------------------------------------------------------


def packed(size: int, window: int) -> bytes:
    """So many zeros, packed; ``window`` is zlib's word for the form: gzip, zlib or raw."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    block = b"0" * 1_048_576
    return b"".join(packer.compress(block) for _ in range(size // len(block))) + packer.flush()


GZIP, ZLIB, RAW = 31, 15, -15


@pytest.mark.parametrize(
    ("encoding", "window"), [("gzip", GZIP), ("x-gzip", GZIP), ("deflate", ZLIB), ("deflate", RAW)]
)
async def test_a_bomb_is_refused_before_it_fills_the_memory(
    redis_url: str, prefix: str, encoding: str, window: int
) -> None:
    """The limit is of what a body unpacks to, and it is not unpacked further than that."""
    bomb = packed(BOMB, window)
    assert len(bomb) < LIMIT + 4_096
    async with listening(redis_url, prefix, max_body_bytes=LIMIT) as run:
        tracemalloc.start()
        try:
            answers = [await exchange(run, request("jelou", bomb, content_encoding=encoding)) for _ in range(2)]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert {answer.status for answer in answers} <= {413, 401, 400}
        assert peak < BOMB / 8
        assert (await deliver(run, "jelou")).status == 202


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_packed_question_has_the_same_limit(redis_url: str, prefix: str, encoding: str) -> None:
    """The API reads its bodies the same way."""
    head = b"POST /api/dead-letters/replay HTTP/1.1\r\nhost: a\r\nauthorization: Bearer api-token-for-tests\r\n"
    body = packed(BOMB, GZIP if encoding == "gzip" else ZLIB)
    head += b"content-type: application/json\r\ncontent-encoding: %s\r\n" % encoding.encode()
    async with listening(redis_url, prefix) as run:
        answer = await exchange(run, head + b"content-length: %d\r\n\r\n" % len(body) + body)
    assert answer.status == 413


# --- JSON ------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def run(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process."""
    async with listening(redis_url, prefix) as run:
        yield run


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
WIDE = b"[" * 100_000 + b"]" * 100_000
NO_JSON: dict[str, bytes] = {
    "deep objects": DEEP,
    "deep lists": b'{"a":' + WIDE + b"}",
    "half a character": b'{"type":"\\ud800"}',
    "half a character as a key": b'{"\\udc00":1}',
    "not UTF-8": b'{"type":"\xc3\x28"}',
    "an overlong NUL": b'{"type":"\xc0\x80"}',
    "UTF-16": '{"type":"a"}'.encode("utf-16"),
    "a bare NUL": b'{"type":"a\x00"}',
    "a bare line end": b'{"type":"a\nb"}',
    "infinity": b'{"n":Infinity}',
    "not a number": b'{"n":NaN}',
    "10^400 with an exponent": b'{"n":1e400}',
    "a number of 10^400": b'{"n":1' + b"0" * 400 + b"}",
    "hexadecimal": b'{"n":0x10}',
    "a comment": b'{"n":1 /* one */}',
    "a comma too much": b'{"n":1,}',
    "two values": b'{"n":1}{"n":2}',
    "nothing": b"",
}


@pytest.mark.parametrize("what", NO_JSON)
@pytest.mark.parametrize("name", SENDERS)
async def test_what_is_no_json_is_400(run: Running, name: str, what: str) -> None:
    """Read by one parser everywhere, and by the letter: nothing of it can be read in two ways."""
    answer = await deliver(run, name, NO_JSON[what])
    assert (answer.status, answer.json["field"]) == (400, "body")


@pytest.fixture
async def on(redis_url: str, prefix: str) -> AsyncIterator[Scene]:
    """A bridge between its twins, whose first message and assignment are made of the ticket."""
    told = {
        "initial_message": "{{ ticket.subject }} {{ ticket.created_at }} {{ custom }}",
        "write_back": {"note": True},
    }
    async with scene(redis_url, prefix, scripts=told) as on:
        yield on


async def opened(on: Scene, raw_ticket: bytes, ticket_id: str, path: str = "") -> dict[str, Any]:
    """A ticket of these raw bytes, signed, stored, and worked until its conversation is open."""
    body = b'{"type":"ticket.created","data":{"ticket":%s,"requester":{"phone":"+593987654321"}}}' % raw_ticket
    answer = await post_script(on.bridge, body, f"m-{ticket_id}")
    assert (answer.status, answer.json["status"]) == (202, "accepted")
    return await on.until_phase(path or ticket_id, "open")


ODD: dict[str, bytes] = {
    "NUL in a text": b'{"id":"T1","subject":"a\\u0000b"}',
    "terminal codes": b'{"id":"T1","subject":"\\u001b[2J\\u0007"}',
    "a whole pair of halves": b'{"id":"T1","subject":"\\ud83e\\udd84"}',
    "a number of 10^30": b'{"id":"T1","subject":"a","custom":{"n":1' + b"0" * 30 + b"}}",
    "the greatest number": b'{"id":"T1","subject":"a","custom":{"n":1.7976931348623157e308}}',
    "the smallest number": b'{"id":"T1","subject":"a","custom":{"n":5e-324}}',
    "64 bits": b'{"id":"T1","subject":"a","custom":{"n":18446744073709551615,"m":-9223372036854775808}}',
    "minus nothing": b'{"id":"T1","subject":"a","custom":{"n":-0.0}}',
    "a time beyond time": b'{"id":"T1","subject":"a","updated_at":"9999-12-31T23:59:59Z"}',
    "a time as a number": b'{"id":"T1","subject":"a","created_at":1e308,"updated_at":9' + b"9" * 300 + b"}",
    "many keys": b'{"id":"T1","subject":"a","custom":{' + b",".join(b'"k%d":1' % one for one in range(5_000)) + b"}}",
    "a key of prototypes": b'{"id":"T1","subject":"a","__proto__":{"x":1},"__class__":"y","custom":{"__class__":"z"}}',
    "a template's words": b'{"id":"T1","subject":"{{ 7*7 }} {% raw %}"}',
    "every type is another": b'{"id":"T1","subject":[1],"status":{},"priority":true,"tags":7,"custom":[]}',
}


@pytest.mark.parametrize("what", ODD)
async def test_what_is_odd_and_json_is_stored_and_worked(on: Scene, what: str) -> None:
    """One conversation, a timeline that can be read, nothing given up."""
    told = await opened(on, ODD[what], "T1")
    assert len(conversations(on, "T1")) == 1
    assert told["timeline"]
    assert (await Api(on.bridge).get("dead-letters")).json["dead_letters"] == []


IDS: dict[str, tuple[bytes, str]] = {
    "NUL": (b'"a\\u0000b"', "a%00b"),
    "a slash": (b'"a/b"', "a%2Fb"),
    "a percent sign": (b'"%2F"', "%252F"),
    "an emoji": (b'"\\ud83e\\udd84"', "%F0%9F%A6%84"),
    "blanks and lines": (b'"a \\n\\tb"', "a%20%0A%09b"),
    "a lane's own sign": (b'"a~b:c|d"', "a~b:c%7Cd"),
    "a key's pattern": (b'"*[a-z]?"', "%2A%5Ba-z%5D%3F"),
    "64 bits": (b"18446744073709551615", "18446744073709551615"),
    "a negative number": (b"-1", "-1"),
}


@pytest.mark.parametrize("what", IDS)
async def test_an_odd_id_names_one_ticket(on: Scene, what: str) -> None:
    """In keys, in Jelou's metadata and back, and in the API's path."""
    raw, path = IDS[what]
    told = await opened(on, b'{"id":%s,"subject":"a"}' % raw, what, path)
    assert (told["known"], told["phase"]) == (True, "open")
    [start] = on.jelou.ledger.starts
    assert start.ticket_id in {orjson.loads(raw), str(orjson.loads(raw))}


@pytest.mark.parametrize(
    "raw",
    [
        b'""',
        b'" "',
        b'"."',
        b'".."',
        b"null",
        b"true",
        b"1.5",
        b"[]",
        b"{}",
        b"1" + b"0" * 30,
        b'"' + b"x" * 256 + b'"',
    ],
)
async def test_an_id_that_is_none_is_400(on: Scene, raw: bytes) -> None:
    """It names the field; a number that only a float could hold would be another ticket's."""
    body = b'{"type":"ticket.created","data":{"ticket":{"id":%s}}}' % raw
    answer = await post_script(on.bridge, body, "m-1")
    assert (answer.status, answer.json["field"]) == (400, "data.ticket.id")


async def test_the_last_of_two_same_keys_counts(on: Scene) -> None:
    """The signature covers both, and every reader here takes the same one."""
    await opened(on, b'{"id":"T0","id":"T1","subject":"a","subject":"b"}', "T1")
    assert (conversations(on, "T0"), len(conversations(on, "T1"))) == ([], 1)


async def test_a_delivery_id_of_any_length_is_one(run: Running) -> None:
    """It becomes a key; the header's own limit is the only one."""
    sent = request("zendesk", None, b"x-zendesk-webhook-invocation-id: " + b"a" * 8_000)
    answers = [await exchange(run, sent) for _ in range(2)]
    assert [answer.json["status"] for answer in answers] == ["accepted", "duplicate"]
