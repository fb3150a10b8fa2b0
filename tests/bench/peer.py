"""An instant Jelou for the benchmark: every POST is answered 200 with a conversation, and its time is kept.

As lean as a peer can be, so that what is measured is the worker. ``GET /calls`` tells ``{ticketId: monotonic}``.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from time import monotonic
from typing import cast

import orjson
import uvloop

from bridge.lifeline import die_with_parent

CALLS: dict[str, float] = {}
_numbers = itertools.count(1)
HEAD_END = b"\r\n\r\n"


class Peer(asyncio.Protocol):
    """HTTP/1.1 with Content-Length, one request after the other."""

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; uvloop's is no subclass of asyncio's."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every whole request in the buffer."""
        self._buffer += data
        while (head_end := self._buffer.find(HEAD_END)) >= 0:
            head = self._buffer[:head_end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in head else 0
            end = head_end + len(HEAD_END) + length
            if len(self._buffer) < end:
                return
            body, self._buffer = self._buffer[head_end + len(HEAD_END) : end], self._buffer[end:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"get /calls"):
            answer = orjson.dumps(CALLS)
        elif head.startswith(b"get /reset"):
            CALLS.clear()
            answer = b"{}"
        else:
            CALLS[orjson.loads(body)["metadata"]["ticketId"]] = monotonic()
            answer = b'{"message":["ok"],"statusMessage":"success","status":1,"data":{"conversationId":"c%d"}}' % next(
                _numbers
            )
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
        if self._transport is not None:
            self._transport.write(head + answer)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Peer, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    die_with_parent()
    uvloop.run(_serve(int(sys.argv[1])))
