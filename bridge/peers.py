"""The connections of one process: how many there are, which have proven something, and which must make room.

A connection is *proven* once a delivery on it, or a bearer token, was genuine. Until then it is anybody's: it may be
idle for a short time only, and where there are too many, the oldest that is idle makes room. A proven one is a sender's
or a load balancer's. It is kept idle for longer than those keep theirs, because one that we close just as it is used is
a 502 to the sender, which Zendesk does not send again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bridge.draining import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

IDLE_S = 15.0
"""How long a connection that has proven nothing may wait for its next request, or its first."""

PROVEN_IDLE_S = 620.0
"""Longer than any cloud's balancer keeps its connections to us: Google's 600 s, the others' are shorter."""

CONNECTIONS_MOST = 1_000
"""Of one process. A balancer holds some dozens; each that only costs memory costs up to 100 kB."""

REFUSED = ("no_room", "made_room", "head_too_slow", "head_too_long")
"""No other could make room; it made room for another; its head took too long, or was too long."""

UNREAD_S = 10.0
"""How long a sender may leave its answer unread."""


class Wire(Connection, Protocol):
    """What the registry needs of a connection, and what draining asks of it."""

    def waits(self) -> bool:
        """Whether it waits for a request: between two, before the first, or in the midst of a head."""
        ...

    def unread(self) -> bool:
        """Whether the other end leaves unread what was sent, or closing waits for it."""
        ...

    def close(self) -> None:
        """Close it after what is still to be sent."""
        ...

    def abort(self) -> None:
        """Close it at once."""
        ...


@dataclass(eq=False, slots=True)
class Peer:
    """One connection: since when it has been idle, and since when its answer lies unread (None: it does not)."""

    wire: Wire
    idle_since: float
    proven: bool = False
    unread_since: float | None = None


def _loop_s() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Peers:
    """All of a process. ``tend`` is called about every second."""

    most: int = CONNECTIONS_MOST
    idle_s: float = IDLE_S
    proven_idle_s: float = PROVEN_IDLE_S
    clock: Callable[[], float] = _loop_s
    refused: Callable[[str], object] = str
    """Hears why a connection was refused or cut off: one of ``REFUSED``."""
    _peers: dict[Peer, None] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._peers)

    def count(self, *, proven: bool) -> int:
        """How many have proven something, or have not."""
        return sum(peer.proven == proven for peer in self._peers)

    def admit(self, wire: Wire) -> Peer | None:
        """A new connection; None where it must be refused, because none of the others can make room."""
        if len(self._peers) >= self.most and not self._made_room():
            self.refused("no_room")
            return None
        peer = Peer(wire, self.clock())
        self._peers[peer] = None
        return peer

    def _made_room(self) -> bool:
        # A dict keeps the order of arrival: the first is the oldest.
        oldest = next((peer for peer in self._peers if not peer.proven and peer.wire.waits()), None)
        if oldest is None:
            return False
        self.refused("made_room")
        self.leave(oldest)
        oldest.wire.abort()
        return True

    def leave(self, peer: Peer) -> None:
        """It is closed."""
        self._peers.pop(peer, None)

    def heard(self, peer: Peer) -> None:
        """Something came from there."""
        peer.idle_since = self.clock()

    def wires(self) -> list[Wire]:
        """All connections, the oldest first."""
        return [peer.wire for peer in self._peers]

    def tend(self) -> None:
        """Close those that have been idle, or have left their answer unread, for too long."""
        now = self.clock()
        for peer in list(self._peers):
            self._tend(peer, now)

    def _tend(self, peer: Peer, now: float) -> None:
        if not peer.wire.unread():
            peer.unread_since = None
        elif peer.unread_since is None:
            peer.unread_since = now
        elif now - peer.unread_since >= UNREAD_S:
            peer.wire.abort()
        if not peer.wire.waits():
            peer.idle_since = now
        elif now - peer.idle_since >= (self.proven_idle_s if peer.proven else self.idle_s):
            peer.wire.close()


class Connected(asyncio.Protocol):
    """A protocol that knows its connection in the registry."""

    peer: Peer | None = None


def is_proven(request: web.Request) -> bool:
    """Whether the request's connection has proven something."""
    peer = _peer(request)
    return peer is not None and peer.proven


def prove(request: web.Request) -> None:
    """The request is genuine, so its connection is."""
    if peer := _peer(request):
        peer.proven = True


def _peer(request: web.Request) -> Peer | None:
    protocol = request.transport.get_protocol() if request.transport else None
    return protocol.peer if isinstance(protocol, Connected) else None
