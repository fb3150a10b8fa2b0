"""Broken and hostile requests: whatever bytes come, the answer is a refusal, never a fault and never a traceback."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.bodies import BODY_PATIENCE_S
from tests.clocks import LoopClock
from tests.helpdesk_recordings import JSON
from tests.webhooks import SENDERS, Answer, exchange, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.harness import Running

JELOU = SENDERS["jelou"]
NEVER = (b"Traceback", b'File "', b".py", b"Internal Server Error")


@pytest.fixture
async def run(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process."""
    async with listening(redis_url, prefix) as run:
        yield run


def request(name: str = "jelou", body: bytes | None = None, *more: str | bytes, **changes: str | None) -> bytes:
    """A genuine request as bytes, with further header lines; ``changes`` replace headers, or leave them out."""
    sender = SENDERS[name]
    sent = sender.body if body is None else body
    headers: dict[str, Any] = {"host": "bridge.example", "connection": "close", "content-length": str(len(sent))}
    headers |= sender.headers(sent) | {header.replace("_", "-"): value for header, value in changes.items()}
    lines = [f"{header}: {value}".encode() for header, value in headers.items() if value is not None]
    lines += [line.encode() if isinstance(line, str) else line for line in more]
    return b"\r\n".join([f"POST {sender.path} HTTP/1.1".encode(), *lines, b"", b""]) + sent


def harmless(answer: Answer) -> bool:
    """Whether an answer is for the sender alone: short, and text or JSON."""
    declared = answer.headers.get("content-type", "text/plain").split(";")[0]
    no_trace = not any(word in answer.body for word in NEVER)
    return no_trace and len(answer.body) < 400 and declared in {"text/plain", "application/json"}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request(), 202),
        (request(host="[::"), 202),
        (request(host="a:99999"), 400),
        (request(host="a:b:c"), 400),
        (request(host=None), 400),
        (request("jelou", None, b"x-any: \xff\xfe"), 202),
        (request("jelou", None, b"x-any: a\x00b"), 400),
        (request("jelou", None, b"no colon"), 400),
        (request("jelou", None, b"x-any: " + b"a" * 9000), 400),
        (request("jelou", None, *[f"x-{number}: a" for number in range(3000)]), 400),
        (request(content_length="-1"), 400),
        (request(content_length="1" * 30), 400),
        (request("jelou", None, b"content-length: 3"), 400),
        (request("jelou", None, b"transfer-encoding: chunked"), 400),
        (request("jelou", b"zz\r\n{}\r\n0\r\n\r\n", "transfer-encoding: chunked", content_length=None), 400),
        (request("jelou", b"2\r\n{}ab\r\n0\r\n\r\n", "transfer-encoding: chunked", content_length=None), 400),
        (request("jelou", None, "expect: nonsense"), 417),
        (request().replace(b"HTTP/1.1", b"HTTP/9.9"), 400),
        (request().replace(b"POST", b"P\xffST"), 400),
        (request().replace(b"/webhooks", b"/\xff\xfe"), 400),
        (request().replace(b"/webhooks", b"http://[::/webhooks"), 400),
        (request().replace(b"/webhooks", b"http://evil.example:99999/webhooks"), 400),
        (request().replace(b"/webhooks", b"//evil.example/webhooks"), 404),
        (request().replace(b"POST /webhooks", b"CONNECT a:443 /webhooks"), 400),
        (b"OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", 404),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"<script>alert(1)</script>\r\n\r\n", 400),
        (b"\r\n\r\n\r\nGET\r\n\r\n", 400),
    ],
)
async def test_a_broken_request_is_refused_without_a_fault(run: Running, sent: bytes, status: int) -> None:
    """Broken hosts, headers, lengths, chunks, versions and other protocols; afterwards the bridge goes on."""
    answer = await exchange(run, sent)
    assert answer.status == status
    assert harmless(answer)
    assert (await exchange(run, request("zendesk"))).status == 202


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", gzip.compress(JELOU.body, mtime=0), 401),
        ("gzip", b"{}", 400),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-5] + b"xxxxx", 400),
        ("gzip", gzip.compress(b"0" * 50_000_000, mtime=0), 413),
        ("deflate", b"{}", 400),
        ("identity", JELOU.body, 202),
        ("", JELOU.body, 202),
        ("br", b"{}", 415),
        ("gzip, gzip", b"{}", 415),
        ("unheard-of", b"{}", 415),
    ],
)
async def test_a_packed_body_is_unpacked_within_the_limit_or_refused(
    run: Running, encoding: str, body: bytes, status: int
) -> None:
    """No sender packs what it signs; one that claims to, wrongly or to fill the memory, is refused."""
    answer = await exchange(run, request("jelou", body, content_encoding=encoding))
    assert answer.status == status
    assert harmless(answer)


NOT_UTF_8 = b": \xff\xfe\x80"


@pytest.mark.parametrize("name", SENDERS)
async def test_a_credential_of_other_bytes_is_401(run: Running, name: str) -> None:
    """Bytes that are no text match nothing and break nothing."""
    for credential in SENDERS[name].credentials():
        odd = {credential.replace("-", "_"): None}
        answer = await exchange(run, request(name, None, credential.encode() + NOT_UTF_8, **odd))
        assert (answer.status, answer.body) == (401, b'{"error":"unauthorised"}')


async def test_a_token_of_other_bytes_is_401(run: Running) -> None:
    """The API's as well."""
    asked = b"GET /api/tickets/zendesk/main/1 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer \xff\r\n\r\n"
    assert (await exchange(run, asked)).status == 401


async def test_a_delivery_id_of_other_bytes_is_taken(run: Running) -> None:
    """Zendesk's is not signed; it is stored in a form that JSON can hold, and is still the same on a repeat."""
    sent = request("zendesk", None, b"x-zendesk-webhook-invocation-id" + NOT_UTF_8)
    answers = [await exchange(run, sent) for _ in range(2)]
    assert [(answer.status, answer.json["status"]) for answer in answers] == [(202, "accepted"), (202, "duplicate")]


async def test_a_body_that_does_not_come_is_given_up(run: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stalled sender, and one whose chunks break off on the way, are refused after a while and not held for ever."""
    assert BODY_PATIENCE_S < 8.0
    head = request("jelou", b"", "transfer-encoding: chunked", content_length=None)
    clock, sent = LoopClock(monkeypatch), [asyncio.Event() for _ in range(3)]
    stalled = asyncio.gather(
        exchange(run, request(content_length=str(len(JELOU.body) + 1)), sent=sent[0]),
        exchange(run, head + b"2\r\n{}\r\n", b"not a chunk\r\n", sent=sent[1]),
        exchange(run, head, b"2\r\n{}\r\n", sent=sent[2]),
    )
    for one in sent:
        await one.wait()
    await clock.pass_s(BODY_PATIENCE_S)
    answers = await stalled
    assert [answer.status for answer in answers] == [400, 400, 400]
    assert {answer.body for answer in answers} == {b'{"error":"did not come in time","field":"body"}'}


async def test_a_sender_that_hangs_up_is_no_fault(run: Running, caplog: pytest.LogCaptureFixture) -> None:
    """Its delivery is refused without anybody to tell, and without a traceback in the log."""
    assert (await exchange(run, request(content_length="99999"), within_s=0.2)).status == 0
    assert (await exchange(run, request("zendesk"))).status == 202
    assert [record for record in caplog.records if record.exc_info] == []


# --- properties ------------------------------------------------------------------------------------------------------

TAKEN_OR_REFUSED = {202, 400, 401, 413, 415}
FRAMING = {"content-length", "transfer-encoding", "connection", "expect", "upgrade"}
"""Headers that say where the request ends: other words for another request."""

KNOWN_HEADERS = ["host", "content-type", "content-encoding", "authorization", "accept", "cookie", "x-forwarded-for"]
KNOWN_HEADERS += sorted({header for sender in SENDERS.values() for header in sender.headers()})
HEADER_NAMES = st.sampled_from(KNOWN_HEADERS) | st.from_regex(r"[A-Za-z0-9-]{1,12}", fullmatch=True)
HEADER_VALUES = st.binary(max_size=40).map(lambda value: value.translate(None, b"\r\n\x00"))
HEADERS = st.dictionaries(HEADER_NAMES.filter(lambda name: name.lower() not in FRAMING), HEADER_VALUES, max_size=5)
PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def posted(name: str, body: bytes, headers: dict[str, bytes]) -> bytes:
    """A signed request in which these headers stand instead, or besides."""
    without = {header.lower().replace("-", "_"): None for header in headers}
    return request(name, body, *[header.encode() + b": " + value for header, value in headers.items()], **without)


@pytest.mark.parametrize("name", SENDERS)
@given(body=st.binary(max_size=200), headers=HEADERS)
@PROPERTY
async def test_arbitrary_bytes_are_taken_or_refused(
    run: Running, name: str, body: bytes, headers: dict[str, bytes]
) -> None:
    """Any headers and any body, with a genuine signature or with another in its place."""
    answer = await exchange(run, posted(name, body, headers))
    assert answer.status in TAKEN_OR_REFUSED
    assert harmless(answer)


@pytest.mark.parametrize("name", SENDERS)
@given(told=JSON | st.dictionaries(st.sampled_from(["type", "event", "data", "detail", "ticket", "value"]), JSON))
@PROPERTY
async def test_arbitrary_genuine_json_is_taken_or_unreadable(run: Running, name: str, told: Any) -> None:
    """What a sender has signed gets as far as it can: it is stored, or refused as 400."""
    answer = await exchange(run, request(name, orjson.dumps(told)))
    assert answer.status in {202, 400}
    assert harmless(answer)
