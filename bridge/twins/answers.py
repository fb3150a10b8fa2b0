"""Answers as values, and one operation as an aiohttp handler that suffers the faults ordered for it."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from bridge.twins.faults import Cause, Shape

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable, Mapping

    from bridge.twins.faults import Fault, Faults
    from bridge.twins.listener import Listener

Json = dict[str, Any]

JSON_TYPE = "application/json"

TAKEN = range(200, 300)
"""The statuses that say that something was taken."""

GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


def _ignore(_told: str) -> None:
    pass


@dataclass(slots=True)
class Answer:
    """What an operation answers. ``first`` is to be over before it goes out; ``told`` hears what the caller hears.

    What it hears: the status as text, ``reset``, or ``nothing`` where the listener stopped before the answer.
    """

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    first: Task[None] | None = None
    told: Callable[[str], None] = _ignore


class RefusedError(Exception):
    """A request is refused with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def _flat(body: Json) -> Json:
    inner = body.get("data", body.get("error"))
    return inner if isinstance(inner, dict) else body


def _string(body: Json) -> Json:
    return {**body, "message": " ".join(body.get("message", []))} if isinstance(body.get("message"), list) else body


def _bare(body: Json) -> Json:
    return {"message": _string(body).get("message", "")}


SHAPES: dict[Shape, Callable[[Json], tuple[bytes, str]]] = {
    Shape.OWN: lambda body: (orjson.dumps(body), JSON_TYPE),
    Shape.STRING: lambda body: (orjson.dumps(_string(body)), JSON_TYPE),
    Shape.BARE: lambda body: (orjson.dumps(_bare(body)), JSON_TYPE),
    Shape.FLAT: lambda body: (orjson.dumps(_flat(body)), JSON_TYPE),
    Shape.HTML: lambda _body: (GATEWAY_PAGE, "text/html"),
    Shape.EMPTY: lambda _body: (b"", JSON_TYPE),
    Shape.CUT: lambda body: (orjson.dumps(body)[:-3], JSON_TYPE),
}


def respond(answer: Answer, shape: Shape = Shape.OWN, retry_after: str = "") -> web.Response:
    """Put an answer into an HTTP response, in this shape."""
    body, content_type = SHAPES[shape](answer.body)
    headers = {**answer.headers, "Content-Type": content_type}
    if retry_after:
        headers["Retry-After"] = retry_after
    return web.Response(body=body, status=answer.status, headers=headers)


def abort(request: web.Request) -> web.Response:
    """Reset the connection under a request; the response returned goes nowhere."""
    transport = request.transport
    if transport is not None:
        # Lingering for no time makes the kernel send RST, which a client tells from an orderly end.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


@dataclass(frozen=True, slots=True)
class Stage:
    """What the operations of a twin share. ``failure`` is the vendor's answer for a status that a fault asks for."""

    faults: Faults
    listener: Listener
    failure: Callable[[int], Answer]


class Endpoint:
    """One operation as a handler. ``act`` carries it out: from a request and its body to an answer, or RefusedError."""

    def __init__(self, stage: Stage, name: str, act: Callable[[web.Request, bytes], Answer]) -> None:
        self._stage = stage
        self._name = name
        self._act = act

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request, with the fault that was ordered for it."""
        raw = await request.read()
        fault = self._stage.faults.of_request(self._name, Cause(request.path, raw))
        if fault is not None:
            return await self._suffer(request, raw, fault)
        answer = await self._carry_out(request, raw)
        answer.told(str(answer.status))
        return respond(answer)

    async def _suffer(self, request: web.Request, raw: bytes, fault: Fault) -> web.StreamResponse:
        done = await self._carry_out(request, raw) if fault.accept else None
        serving = await self._stage.listener.hold(fault.delay_s)
        if fault.reset or not serving:
            (done.told if done else _ignore)("reset" if serving else "nothing")
            return abort(request)
        if done is None and not fault.status:
            done = await self._carry_out(request, raw)
        said = done if done and not fault.status else self._stage.failure(fault.status)
        (done.told if done else _ignore)(str(said.status))
        return respond(said, fault.shape, fault.retry_after)

    async def _carry_out(self, request: web.Request, raw: bytes) -> Answer:
        try:
            answer = self._act(request, raw)
        except RefusedError as refused:
            return refused.answer
        if answer.first is not None:
            await answer.first
        return answer
