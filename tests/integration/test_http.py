"""The HTTP client: what certainly did not leave, what may have, and that nothing is ever sent twice."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass
from email.utils import formatdate
from time import time
from typing import TYPE_CHECKING, Any

import pytest

from bridge.domain import Call
from bridge.embedded import free_port
from bridge.errors import Ambiguous, CallError, LeaseLost, NotSent
from bridge.http import BODY_MOST, YOUNG_S, Http
from bridge.replies import retry_after_s
from tests.clocks import LoopClock
from tests.harness import DEADLINE_S, eventually
from tests.raw_server import Peer, answering, hanging, http, raw_server, resetting, silent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bridge.domain import Reply
    from tests.raw_server import Act

TOKEN = "t0ken-in-the-url"
LONG_S = 600.0
"""The time of a call: no machine is that slow, and where it is to be over, the test's clock goes on."""


@pytest.fixture
async def client() -> AsyncIterator[Http]:
    """A client of its own."""
    client = Http.open()
    yield client
    await client.close()


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> LoopClock:
    """What every time limit in the test goes by."""
    return LoopClock(monkeypatch)


@dataclass
class Ages:
    """The clock by which a kept connection grows old."""

    now_s: float = 0.0


@pytest.fixture(autouse=True)
def ages(monkeypatch: pytest.MonkeyPatch) -> Ages:
    """Stands still until it is told to move: a slow machine makes no connection old."""
    ages = Ages()
    monkeypatch.setattr("aiohttp.connector.monotonic", lambda: ages.now_s)
    return ages


async def overdue(client: Http, wanted: Call, clock: LoopClock, begun: Callable[[], bool]) -> CallError:
    """Why a call failed whose time was over once this much of it had come about, and not before."""
    failing = asyncio.create_task(error_of(client, wanted))
    await eventually(lambda: asyncio.sleep(0, begun()))
    await clock.pass_s(wanted.timeout_s / 2)
    assert not failing.done()
    await clock.pass_s(wanted.timeout_s / 2)
    return await asyncio.wait_for(failing, DEADLINE_S)


def call(url: str, method: str = "POST", **changes: Any) -> Call:
    """A call whose URL and body hold what must stay out of every error."""
    told: dict[str, Any] = {"headers": {"x-key": TOKEN}, "body": b"{}" if method in {"POST", "PUT"} else b""}
    return Call(method, f"{url}/path?token={TOKEN}", **{**told, "timeout_s": LONG_S, **changes})


async def error_of(client: Http, wanted: Call) -> CallError:
    """Why a call failed, which never says what it carried."""
    with pytest.raises(CallError) as caught:
        await client.send(wanted)
    assert TOKEN not in f"{caught.value!r} {caught.value}"
    return caught.value


# --- certainly not sent ----------------------------------------------------------------------------------------------


async def test_a_refused_connection_is_not_sent(client: Http) -> None:
    """Nobody listens: safe to try again."""
    port = free_port()
    error = await error_of(client, call(f"http://127.0.0.1:{port}/v1?token={TOKEN}"))
    assert (type(error), error.reason) == (NotSent, f"cannot connect to 127.0.0.1:{port} (connection refused)")
    assert (error.again, error.certain) == (True, True)


async def test_an_unknown_host_is_not_sent(client: Http) -> None:
    """The name ends in .invalid, which no resolver knows; one that does not answer is no connection either."""
    error = await error_of(client, call("http://jelou.invalid", timeout_s=20.0))
    assert type(error) is NotSent
    why = error.reason.removeprefix("cannot connect to jelou.invalid:80 ")
    assert why in {"(its name is not known)", "(no connection in time)"}


@pytest.mark.parametrize("url", ["", "jelou.example", "ftp://jelou.example", "http://", "http://a:99999", "http://[::"])
async def test_an_address_that_is_none_is_not_sent(client: Http, url: str) -> None:
    """A mistake of the configuration is no mystery."""
    assert type(await error_of(client, call(url))) is NotSent


UNWRITABLE: dict[str, dict[str, Any]] = {
    "a line break": {"headers": {"x-key": f"{TOKEN}\nx: y"}},
    "a return": {"headers": {"x-key": f"{TOKEN}\r"}},
    "NUL": {"headers": {"x-key": f"{TOKEN}\x00"}},
    "a bell": {"headers": {"x-key": f"{TOKEN}\x07"}},
    "half a pair": {"headers": {"x-key": f"{TOKEN}\ud83e"}},
    "a number": {"headers": {"x-key": 7}},
    "nothing": {"headers": {"x-key": None}},
    "a line break in the name": {"headers": {"x-key\r\nx": TOKEN}},
    "a blank in the name": {"headers": {"x key": TOKEN}},
    "a cookie": {"headers": {"cookie": f"a={TOKEN}\n"}},
    "a length": {"headers": {"content-length": "1\n0"}},
    "a method": {"method": "PO ST"},
}


@pytest.mark.parametrize("what", UNWRITABLE)
async def test_a_request_that_cannot_be_written_is_not_sent(client: Http, what: str) -> None:
    """Nothing left, and nobody need look whether it arrived: not even a connection's first byte."""
    async with raw_server(answering(http())) as server:
        error = await error_of(client, call(server.url, **UNWRITABLE[what]))
        assert type(error) is NotSent
        assert server.requests == []


@pytest.mark.parametrize("value", ["contraseña", "日本", "a\tb", ""])
async def test_a_header_beyond_ascii_is_sent(client: Http, value: str) -> None:
    """As UTF-8: what the other side makes of it is its own."""
    async with raw_server(answering(http())) as server:
        assert (await client.send(call(server.url, headers={"x-key": value}))).status == 200
        assert value.encode() in server.requests[0]


async def test_a_connection_that_does_not_come_about_in_time_is_not_sent(client: Http, clock: LoopClock) -> None:
    """The host takes the connection and never shakes hands: no byte of the request left."""
    async with raw_server(silent) as server:
        wanted = call(f"https://127.0.0.1:{server.port}", timeout_s=20.0)
        error = await overdue(client, wanted, clock, lambda: server.connections == 1)
        assert type(error) is NotSent
        assert error.reason == f"cannot connect to 127.0.0.1:{server.port} (no connection in time)"
        await eventually(lambda: asyncio.sleep(0, server.ended == 1))
        assert TOKEN.encode() not in b"".join(server.requests)


async def test_a_host_that_does_not_speak_tls_is_not_sent(client: Http) -> None:
    """The handshake fails before any request."""
    async with raw_server(garbling) as server:
        error = await error_of(client, call(f"https://127.0.0.1:{server.port}"))
        assert type(error) is NotSent
        assert error.reason == f"cannot connect to 127.0.0.1:{server.port} (no agreement on TLS)"


async def test_a_lost_lease_sends_nothing(client: Http) -> None:
    """Asked for the last time with the connection in hand, new or kept: not a byte goes out."""
    async with raw_server(silent) as server:
        with pytest.raises(LeaseLost):
            await client.send(call(server.url), lambda: False)
        await eventually(lambda: asyncio.sleep(0, server.ended == 1))
        assert server.requests == [b""]
    async with raw_server(answering(http(), http())) as server:
        await client.send(call(server.url))
        with pytest.raises(LeaseLost):
            await client.send(call(server.url), lambda: False)
        await eventually(lambda: asyncio.sleep(0, server.ended == 1))
        assert len(server.requests) == server.connections == 1


# --- possibly sent ---------------------------------------------------------------------------------------------------


async def garbling(peer: Peer) -> None:
    """Answer in no known language."""
    await peer.reader.read(100)
    await peer.say(b"220 mail.example.com ESMTP\r\n")


def once(answer: bytes) -> Act:
    """Answer one request with these bytes and close."""

    async def act(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer)

    return act


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (resetting, "the connection broke"),
        (answering(), "the connection was closed before the answer"),
        (once(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}"), "the answer broke off"),
        (once(http(b"no gzip", content_encoding="gzip")), "the answer broke off"),
        (once(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), "the exchange failed"),
        (once(b"HTTP/1.1 ??? No\r\n\r\n"), "the exchange failed"),
        (garbling, "the exchange failed"),
    ],
)
async def test_what_breaks_after_the_request_is_ambiguous(client: Http, act: Act, reason: str) -> None:
    """The bytes went out: whether they were worked nobody knows, and it is not tried again by itself."""
    async with raw_server(act) as server:
        error = await error_of(client, call(server.url))
        assert (type(error), error.reason) == (Ambiguous, reason)
        assert (error.again, error.certain) == (False, False)
        assert server.connections == 1


async def test_a_host_that_hangs_is_ambiguous_when_the_time_is_over(client: Http, clock: LoopClock) -> None:
    """The call's own time is the only limit, and it is kept."""
    async with raw_server(hanging) as server:
        error = await overdue(client, call(server.url), clock, lambda: len(server.requests) == 1)
        assert (type(error), error.reason) == (Ambiguous, "no answer in time")


async def test_an_answer_that_trickles_is_ambiguous_when_the_time_is_over(client: Http, clock: LoopClock) -> None:
    """The time is that of the whole exchange, not of its first byte."""
    drops: list[bytes] = []

    async def trickling(peer: Peer) -> None:
        await peer.request()
        for drop in (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", b"{"):
            await peer.say(drop)
            drops.append(drop)
        await peer.reader.read()

    async with raw_server(trickling) as server:
        error = await overdue(client, call(server.url), clock, lambda: len(drops) == 2)
        assert error.reason == "no answer in time"


# --- never twice, nowhere else ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH"])
async def test_a_kept_connection_that_breaks_is_never_repeated(client: Http, method: str) -> None:
    """By itself aiohttp would send PUT and DELETE a second time: a note would stand on the ticket twice."""
    async with raw_server(answering(http())) as server:
        await client.send(call(server.url, "GET"))
        error = await error_of(client, call(server.url, method))
        assert type(error) is Ambiguous
        assert server.methods() == ["GET", method]
        assert server.connections == 1


async def test_a_young_connection_is_kept_and_an_old_one_is_not(client: Http, ages: Ages, clock: LoopClock) -> None:
    """The other side may close an old one just as a request goes out on it; one that idles is closed by itself."""
    async with raw_server(answering(*[http()] * 9)) as server:
        for age_s in (0.0, 0.0, YOUNG_S - 0.1):
            ages.now_s += age_s
            await client.send(call(server.url))
        assert server.connections == 1
        ages.now_s += YOUNG_S + 0.1
        await client.send(call(server.url))
        assert server.connections == 2
        ages.now_s += YOUNG_S + 0.1
        await clock.pass_s(2 * YOUNG_S + 1)
        await eventually(lambda: asyncio.sleep(0, server.ended == 2))


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_an_answer_and_is_not_followed(client: Http, status: str) -> None:
    """A customer's words go to configured hosts only, and a POST goes once."""
    async with (
        raw_server(silent) as elsewhere,
        raw_server(answering(http(status=status, location=elsewhere.url))) as here,
    ):
        assert (await client.send(call(here.url))).status == int(status[:3])
        assert (elsewhere.connections, here.methods()) == (0, ["POST"])


async def test_the_environments_proxy_is_not_used(client: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where calls go is the configuration's alone."""
    async with raw_server(silent) as proxy, raw_server(answering(http())) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        await client.send(call(server.url))
        assert (proxy.connections, server.connections) == (0, 1)


# --- what goes out and what comes back -------------------------------------------------------------------------------


async def test_a_request_goes_out_as_it_was_made(client: Http) -> None:
    """Body and headers to the byte; an empty body is none."""
    async with raw_server(answering(http(), http())) as server:
        await client.send(call(server.url, body='{"ñ": 1}'.encode(), headers={"content-type": "application/json"}))
        await client.send(call(server.url, "GET"))
        posted, got = server.requests
        assert posted.endswith('\r\n\r\n{"ñ": 1}'.encode())
        assert posted.lower().count(b"content-type: application/json\r\n") == posted.lower().count(b"content-type") == 1
        assert got.endswith(b"\r\n\r\n")


async def test_cookies_are_not_kept(client: Http) -> None:
    """One account's session must not travel with another's call."""
    async with raw_server(answering(http(set_cookie="session=1; Path=/"), http())) as server:
        await client.send(call(server.url))
        await client.send(call(server.url))
        assert b"cookie" not in server.requests[1].lower()


async def test_an_answer_is_handed_on_whatever_its_code(client: Http) -> None:
    """What it means is the dialect's business; names of headers come in lower case."""
    async with raw_server(answering(http(b"no", "503 Busy", RETRY_AFTER="7"))) as server:
        reply: Reply = await client.send(call(server.url))
        assert (reply.status, reply.body, reply.headers["retry-after"]) == (503, b"no", "7")


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_huge_answer_is_cut(client: Http, encoding: str) -> None:
    """No answer fills the memory, packed or not, and its connection is not used again."""
    body = b"x" * (BODY_MOST * 3)
    sent = gzip.compress(body, mtime=0) if encoding == "gzip" else body
    async with raw_server(answering(http(sent, content_encoding=encoding), http())) as server:
        assert len((await client.send(call(server.url))).body) == BODY_MOST
        assert (await client.send(call(server.url))).status == 200
        assert server.connections == 2


async def test_a_date_to_wait_for_needs_no_date_of_the_server(client: Http) -> None:
    """A server without a clock in its answer is measured by ours, and obeyed all the same."""
    then = formatdate(time() + 600, usegmt=True)
    async with raw_server(answering(http(status="429 Slow Down", retry_after=then))) as server:
        asked_s = retry_after_s(await client.send(call(server.url)))
        assert asked_s is not None
        assert 500 < asked_s <= 600
