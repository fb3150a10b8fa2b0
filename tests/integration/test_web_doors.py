"""What a stranger may learn or turn at the doors: by headers sent twice, odd expectations, and answers' own headers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bridge.embedded import free_port
from bridge.helpdesks import REGISTRY
from bridge.signatures import UrlTokens
from bridge.wiring import opened
from tests.harness import API_TOKEN, PROJECT, serving
from tests.helpdesk_recordings import recordings_of
from tests.integration.test_web_broken import harmless, request
from tests.webhooks import SENDERS, bridge, exchange, listening, post
from workers.main import observable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.harness import Running

ROUTES = ("/live", "/ready", "/metrics", "/openapi.json", "/api/orphans", "/nope", "/webhooks/jelou/soporte")


@pytest.fixture
async def run(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process."""
    async with listening(redis_url, prefix) as run:
        yield run


def asked(path: str, *more: bytes, method: bytes = b"GET") -> bytes:
    """A request without a body, as bytes."""
    lines = [method + b" " + path.encode() + b" HTTP/1.1", b"host: a", b"connection: close", *more, b"", b""]
    return b"\r\n".join(lines)


# --- Expect ----------------------------------------------------------------------------------------------------------

ODD = (b"nonsense", b"\xff\xfe", b"100-continue\x01", b"100-continue, 100-continue", b"caf\xc3\xa9")


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("odd", ODD)
async def test_an_odd_expectation_is_417_everywhere(run: Running, path: str, odd: bytes) -> None:
    """Whatever bytes it is of, on every route and where there is none; the answer repeats nothing of it."""
    for more in ([b"expect: " + odd], [b"expect: 100-continue", b"expect: " + odd]):
        answer = await exchange(run, asked(path, *more))
        # A control character is no header for the parser.
        assert answer.status == (400 if b"\x01" in odd else 417)
        assert harmless(answer)
        assert b"nonsense" not in answer.body


async def test_the_workers_port_answers_the_same_way(redis_url: str, prefix: str) -> None:
    """An odd expectation is 417 there too, and no answer names the server."""
    async with opened(bridge(), redis_url, prefix=prefix) as app, serving(observable(app), free_port()) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        for sent, status in ((asked("/live", b"expect: \xff"), b"417"), (asked("/nope"), b"404"), (BROKEN[1], b"400")):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(sent)
            answer = await reader.read()
            writer.close()
            assert answer.split()[1] == status
            assert b"server:" not in answer.lower()


# --- the server's name -----------------------------------------------------------------------------------------------

BROKEN = (
    b"\x16\x03\x01\x02\x00\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    asked("/live", b"x: a\x00b"),
    asked("/live", b"content-length: -1"),
    asked("http://[::/live"),
)
ANSWERED = (
    *map(asked, ROUTES),
    asked("/live", method=b"DELETE"),
    asked("/live", b"expect: x"),
    *BROKEN,
    request(),
    request("jelou", None, content_encoding="gzip"),
    request("jelou", None, content_type="text/plain"),
)


@pytest.mark.parametrize("sent", ANSWERED)
async def test_no_answer_names_the_server(run: Running, sent: bytes) -> None:
    """Neither ours nor aiohttp's own, to whole requests and to broken ones."""
    answer = await exchange(run, sent)
    assert answer.status
    assert "server" not in answer.headers
    assert b"aiohttp" not in answer.body.lower()


# --- twice -----------------------------------------------------------------------------------------------------------


def proofs(name: str) -> list[str]:
    """The headers that a sender's proof is made of."""
    return [header for header in SENDERS[name].headers() if header != "content-type"]


BY_HEADER = [
    (name, header)
    for name, sender in SENDERS.items()
    for header in proofs(name)
    if not any(isinstance(one, UrlTokens) for one in sender.verifications)
]


@pytest.mark.parametrize(("name", "header"), BY_HEADER)
@pytest.mark.parametrize("first", [True, False])
async def test_a_proof_sent_twice_is_401(run: Running, name: str, header: str, first: bool) -> None:
    """Whichever of them is the right one: two readers must not see two different proofs."""
    right = SENDERS[name].headers()[header]
    for other in ("other", right):
        lines = [f"{header}: {value}" for value in ([right, other] if first else [other, right])]
        answer = await exchange(run, request(name, None, *lines, **{header.replace("-", "_"): None}))
        assert (answer.status, answer.body) == (401, b'{"error":"unauthorised"}')
    assert (await exchange(run, request(name))).status == 202


async def test_a_token_in_the_address_sent_twice_is_401(redis_url: str, prefix: str) -> None:
    """Whichever of them is the right one."""
    section = {**recordings_of("freshdesk").section, "project": PROJECT}
    section["verification"] = {"type": "url_token", "parameter": "key", "tokens": ["right"]}
    account = REGISTRY["freshdesk"].settings.model_validate(section)
    path, body = SENDERS["freshdesk"].path, SENDERS["freshdesk"].body
    async with listening(redis_url, prefix, helpdesks={"freshdesk": {"main": account}}) as run:
        for query, status in (("key=right", 202), ("key=right&key=x", 401), ("key=x&key=right", 401), ("key=x", 401)):
            answer = await post(run, f"{path}?{query}", body, {"content-type": "application/json"})
            assert answer.status == status


@pytest.mark.parametrize("other", ["other", API_TOKEN])
async def test_a_token_sent_twice_is_401(run: Running, other: str) -> None:
    """The API's as well."""
    one, two = f"authorization: Bearer {API_TOKEN}".encode(), f"authorization: Bearer {other}".encode()
    assert (await exchange(run, asked("/api/orphans", one))).status == 200
    assert (await exchange(run, asked("/api/orphans", one, two))).status == 401
    assert (await exchange(run, asked("/api/orphans", two, one))).status == 401


async def test_a_delivery_id_sent_twice_is_none(run: Running) -> None:
    """The same bytes are the same delivery then, and no other delivery is taken for it."""
    name, ids = "zendesk", ["x-zendesk-webhook-invocation-id: first", "x-zendesk-webhook-invocation-id: second"]
    twice = [await exchange(run, request(name, None, *ids)) for _ in range(2)]
    assert [answer.json["status"] for answer in twice] == ["accepted", "duplicate"]
    for one in ids:
        answer = await exchange(run, request(name, None, one))
        assert answer.json["status"] == "accepted"


async def test_a_type_sent_twice_is_415(run: Running) -> None:
    """A browser's form cannot come in beside the right one."""
    assert (await exchange(run, request("jelou", None, "content-type: text/plain"))).status in {400, 415}
    lines = ["content-type: text/plain", "content-type: application/json"]
    assert (await exchange(run, request("jelou", None, *lines, content_type=None))).status in {400, 415}


async def test_a_host_sent_twice_is_400(run: Running) -> None:
    """Some signatures are over the address."""
    assert (await exchange(run, request("jelou", None, "host: other.example"))).status == 400
