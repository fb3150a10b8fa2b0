"""The HTTP client: the only module that sends bytes to Jelou or a helpdesk. ``Call`` in, ``Reply`` out.

What is certain is decided here: before a connection was handed out nothing can have left; after that it may have.
Redirects are never followed: they would send a customer's words to a host nobody configured, or a POST twice.
"""

from __future__ import annotations

import asyncio
import errno
import re
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp

from bridge.domain import Reply
from bridge.errors import Ambiguous, LeaseLost, NotSent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bridge.domain import Call

YOUNG_S = 2.0
"""A kept connection older than this is not used again: the other side may close it just as a POST goes out, and then
nobody knows whether that was read. Servers keep idle connections at least 5 s."""

BODY_MOST = 4 * 1024 * 1024
"""Bytes of an answer that are read. More is no answer of an API we know."""


@dataclass(slots=True)
class Send:
    """One sending: whether it may still go out, and whether bytes may have."""

    allowed: Callable[[], bool]
    possibly_sent: bool = False


_SENDING: ContextVar[Send | None] = ContextVar("sending", default=None)


class _Gate(aiohttp.TCPConnector):
    """Asks for the last time, right before the bytes: a worker that was stopped and wakes later sends nothing."""

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109 - aiohttp's own signature
        """A connection, if the sending is still allowed. Raises LeaseLost."""
        connection = await super().connect(req, traces, timeout)
        sending = _SENDING.get()
        if sending is not None:
            if not sending.allowed():
                connection.close()
                raise LeaseLost
            sending.possibly_sent = True
        return connection


class Http:
    """One client per process; opened by the wiring, closed by it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    def open(cls, *, connections: int = 512) -> Http:
        """A client with connections of its own. Needs a running loop."""
        connector = _Gate(limit=connections, keepalive_timeout=YOUNG_S, ttl_dns_cache=30)
        jar = aiohttp.DummyCookieJar()
        # One time limit, the call's own, in ``send``; aiohttp's would be a second timer per call.
        patience = aiohttp.ClientTimeout(total=None)
        session = aiohttp.ClientSession(connector=connector, cookie_jar=jar, trust_env=False, timeout=patience)
        # aiohttp repeats PUT, GET and DELETE by itself when a kept connection breaks, and has no public switch for it.
        # A Zendesk note goes out as a PUT: repeated blindly, it would stand on the ticket twice.
        session._retry_connection = False  # noqa: SLF001
        return cls(session)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def send(self, call: Call, allowed: Callable[[], bool] = lambda: True) -> Reply:
        """Make the call. Raises NotSent or LeaseLost when nothing left, Ambiguous when it may have.

        ``allowed`` is asked once more when the connection is there. Cancelled after that, the fate is unknown too.
        """
        if not _writable(call):
            raise NotSent(UNWRITABLE)
        sending = Send(allowed)
        token = _SENDING.set(sending)
        try:
            async with asyncio.timeout(call.timeout_s):
                return await self._exchange(call)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            if sending.possibly_sent:
                raise Ambiguous(_unanswered(error)) from error
            raise NotSent(_unconnected(error, call.url)) from error
        finally:
            _SENDING.reset(token)

    async def _exchange(self, call: Call) -> Reply:
        async with self._session.request(
            call.method, call.url, data=call.body or None, headers=call.headers, allow_redirects=False
        ) as answer:
            body = b""
            while not answer.content.at_eof() and len(body) < BODY_MOST:
                body += await answer.content.read(BODY_MOST - len(body))
            # A Retry-After may be a date, which is read against the answer's own; a server without one gets ours.
            named = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status, {"date": formatdate(usegmt=True), **named}, body)

    @asynccontextmanager
    async def stream(
        self, call: Call, follow: Callable[[Call, str], Call | None], first_s: float
    ) -> AsyncIterator[Stream]:
        """The answer to a GET, its body unread until asked for. Raises CallError.

        ``follow`` makes the next call of a redirect, or None: then the redirect is the answer.
        """
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(first_s):
                    answer = await self._answer(stack, call, follow)
                yield Stream(answer)
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL, TimeoutError) as error:
            raise NotSent(_unconnected(error, call.url)) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotSent(_unanswered(error)) from error

    async def _answer(
        self, stack: AsyncExitStack, call: Call, follow: Callable[[Call, str], Call | None]
    ) -> aiohttp.ClientResponse:
        left = REDIRECTS_MOST
        while True:
            headers = {"accept-encoding": "identity", **call.headers}
            asking = self._session.get(call.url, headers=headers, allow_redirects=False)
            answer = await stack.enter_async_context(asking)
            found = follow(call, answer.headers.get("location", "")) if answer.status in REDIRECTS and left else None
            if found is None:
                return answer
            call, left = found, left - 1


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body is read in pieces."""

    answer: aiohttp.ClientResponse

    @property
    def status(self) -> int:
        """Its status."""
        return self.answer.status

    @property
    def content_type(self) -> str:
        """What it says that it is, in lower case."""
        return self.answer.content_type.lower()

    @property
    def length(self) -> int | None:
        """Bytes that will come; None where that is not told, or of what is packed."""
        return None if "content-encoding" in self.answer.headers else self.answer.content_length

    async def chunks(self, size: int) -> AsyncIterator[bytes]:
        """The body, each piece when the one before was taken. Raises CallError where it breaks off."""
        try:
            async for chunk in self.answer.content.iter_chunked(size):
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise NotSent(_unanswered(error)) from error


REDIRECTS = frozenset({301, 302, 303, 307, 308})
REDIRECTS_MOST = 3

UNWRITABLE = "the request cannot be written: a header holds a line break, or another character that none can"


def _writable(call: Call) -> bool:
    """Whether the request line and all headers can be written.

    The client notices only when it has a connection: by then the call would count as one that may have been read.
    """
    return bool(_TOKEN.fullmatch(call.method)) and all(
        isinstance(value, str) and _TOKEN.fullmatch(name) and _VALUE.fullmatch(value)
        for name, value in call.headers.items()
    )


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile("[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*")
"""RFC 9110, 5.5; what is beyond ASCII goes out as UTF-8, halves of pairs cannot."""

UNCONNECTED: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (TimeoutError, "no connection in time"),
    (aiohttp.ClientConnectorDNSError, "its name is not known"),
    (aiohttp.ClientConnectorCertificateError, "its certificate is not trusted"),
    (aiohttp.ClientSSLError, "no agreement on TLS"),
    (aiohttp.InvalidURL, "the URL is not one"),
)
ERRNOS: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.ETIMEDOUT: "no connection in time",
    errno.ENETUNREACH: "no route to its network",
    errno.EHOSTUNREACH: "no route to it",
    errno.EMFILE: "this process has no file descriptors left",
}
UNANSWERED: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (TimeoutError, "no answer in time"),
    (aiohttp.ServerDisconnectedError, "the connection was closed before the answer"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
    (OSError, "the connection broke"),
)
"""First match. Never the exception's own text: it may hold a URL with a token."""


def _unconnected(error: BaseException, url: str) -> str:
    """Why nothing was sent, with the address: what a person looks at first."""
    why = next((words for kind, words in UNCONNECTED if isinstance(error, kind)), "")
    why = why or ERRNOS.get(getattr(error, "errno", None) or 0, "no connection")
    return f"cannot connect to {_address(url)} ({why})"


def _unanswered(error: BaseException) -> str:
    return next((words for kind, words in UNANSWERED if isinstance(error, kind)), "the exchange failed")


PORTS: Final = {"https": 443, "http": 80}
HOST_MOST: Final = 253


def _address(url: str) -> str:
    """Host and port, and nothing else of a URL: the rest may hold a token."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return "a host that its URL does not tell"
    name = f"[{host}]" if ":" in host else host[:HOST_MOST]
    return f"{name}:{port}"
