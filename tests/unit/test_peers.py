"""Connections: one that has proven nothing is kept idle for a short time, and makes room for others."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.metrics import Metrics
from bridge.peers import IDLE_S, PROVEN_IDLE_S, REFUSED, UNREAD_S, Peer, Peers


@dataclass
class Line:
    """A connection that does nothing by itself."""

    idle: bool = True
    stuck: bool = False
    quiet_s: float | None = None
    half_closed: bool = False
    ended: list[str] = field(default_factory=list)

    def waits(self) -> bool:
        """As the test says."""
        return self.idle

    def unread(self) -> bool:
        """As the test says."""
        return self.stuck

    def half_close(self) -> None:
        """Noted."""
        self.ended.append("half closed")

    def close(self) -> None:
        """Noted."""
        self.ended.append("closed")

    def abort(self) -> None:
        """Noted."""
        self.ended.append("aborted")


@dataclass
class Clock:
    """A clock that a test puts forward."""

    now: float = 0.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


def admitted(peers: Peers, *, proven: bool = False, idle: bool = True, stuck: bool = False) -> tuple[Line, Peer]:
    """A new connection."""
    line = Line(idle, stuck)
    peer = peers.admit(line)
    assert peer
    peer.proven = proven
    return line, peer


def test_idleness_ends_sooner_for_who_has_proven_nothing() -> None:
    """After it, a connection outlasts every balancer's."""
    clock = Clock()
    peers = Peers(clock=clock)
    (stranger, _), (sender, _) = admitted(peers), admitted(peers, proven=True)
    clock.now = IDLE_S - 1
    peers.tend()
    assert (stranger.ended, sender.ended) == ([], [])
    clock.now = IDLE_S
    peers.tend()
    assert (stranger.ended, sender.ended) == (["closed"], [])
    clock.now = PROVEN_IDLE_S
    peers.tend()
    assert sender.ended == ["closed"]
    assert IDLE_S < 60
    assert PROVEN_IDLE_S > 600


def test_a_request_begins_the_idleness_anew() -> None:
    """When something came, and when the answer was seen to be under way."""
    clock = Clock()
    peers = Peers(clock=clock)
    (asks, one), (answered, _) = admitted(peers), admitted(peers, idle=False)
    clock.now = IDLE_S
    peers.heard(one)
    peers.tend()
    answered.idle = True
    clock.now += IDLE_S - 1
    peers.tend()
    assert (asks.ended, answered.ended) == ([], [])


def test_an_answer_that_is_not_read_holds_nothing_for_long() -> None:
    """Proven or not; one that is read after all is none of them."""
    clock = Clock()
    peers = Peers(clock=clock)
    (stuck, _), (slow, _) = (
        admitted(peers, proven=True, idle=False, stuck=True),
        admitted(peers, idle=False, stuck=True),
    )
    peers.tend()
    slow.stuck = False
    clock.now = UNREAD_S / 2
    peers.tend()
    slow.stuck = True
    clock.now = UNREAD_S
    peers.tend()
    assert (stuck.ended, slow.ended) == (["aborted"], [])


def test_at_the_limit_the_oldest_idle_stranger_makes_room() -> None:
    """Never a proven one, nor one with a request under way."""
    peers = Peers(most=4, clock=Clock())
    sender, busy, old, young = (
        admitted(peers, proven=True)[0],
        admitted(peers, idle=False)[0],
        admitted(peers)[0],
        admitted(peers)[0],
    )
    assert peers.admit(Line())
    assert [line.ended for line in (sender, busy, old, young)] == [[], [], ["aborted"], []]
    assert len(peers) == 4


def test_where_nobody_can_make_room_the_new_one_is_refused() -> None:
    """And taken again as soon as one has left."""
    peers = Peers(most=2, clock=Clock())
    (_, sender), _ = admitted(peers, proven=True), admitted(peers, idle=False)
    assert peers.admit(Line()) is None
    peers.leave(sender)
    assert peers.admit(Line())


def test_all_connections_are_known_until_they_leave() -> None:
    """The oldest first, whatever they do: who drains the process lets each go."""
    peers = Peers(clock=Clock())
    (idle, _), (busy, leaving) = admitted(peers), admitted(peers, idle=False)
    assert peers.wires() == [idle, busy]
    peers.leave(leaving)
    assert peers.wires() == [idle]


def test_connections_are_counted_and_so_is_what_is_refused() -> None:
    """By port and reason alone; what is closed is not open any more."""
    metrics, peers = Metrics(), Peers(most=2, clock=Clock())
    metrics.watch("public", peers)
    admitted(peers, proven=True)
    admitted(peers)
    admitted(peers, idle=False)
    assert peers.admit(Line()) is None

    def shown(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"bridge_connections{name}", {"port": "public", **labels})

    assert [shown("", proven=said) for said in ("yes", "no")] == [1, 1]
    assert {reason: shown("_refused_total", reason=reason) for reason in REFUSED} == {
        "no_room": 1,
        "made_room": 1,
        "head_too_slow": 0,
        "head_too_long": 0,
    }
