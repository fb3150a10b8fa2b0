"""Figures of live conversations: how long an agent's words take to the customer, whatever else there is to do."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.bench.figures import Row, at_most
from tests.bench.measures import most_while, percentile
from tests.bench.peers import START, first_with_tokens, token
from tests.bench.starts import case_of, flooded
from tests.bench.world import Setup, at_intervals, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.bench.desks import Desk, Ticket
    from tests.bench.figures import Run
    from tests.bench.peers import Peer
    from tests.bench.world import World

SHARE, WINDOW_S = 0.1, 2.0
"""Of what is allowed, the most that starts get in any such window while a reply waits."""

BEHIND = 500_000
"""The numbers of the second of two rows of words in one world."""

COME_S = 60.0
"""How long words may take that have not come when the last was written."""


@dataclass
class Words:
    """What was written, and when it was taken; every message has a word by which it is found at the other side."""

    taken: dict[str, float] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def reply(self, desk: Desk, ticket: Ticket) -> None:
        """An agent writes to the customer."""
        word = token(next(self.numbers))
        self.taken[word] = await desk.reply(ticket, f"respuesta {word}")

    def write(self, world: World, project: str, ticket: Ticket) -> None:
        """The customer writes."""
        word = token(next(self.numbers))
        self.taken[word] = time.time()
        world.jelou[project].twin.customer_writes(ticket.user, f"mensaje {word}")

    async def come(self, peer: Peer, within_s: float = COME_S) -> Come:
        """When each came to this peer, or until when it was waited for."""
        await until(lambda: self.taken.keys() <= first_with_tokens(peer.calls).keys(), within_s)
        return Come(self.taken, first_with_tokens(peer.calls), time.time())


@dataclass(frozen=True)
class Come:
    """When words were taken and when they came; those that did not had not at ``end``."""

    taken: Mapping[str, float]
    came: Mapping[str, float]
    end: float

    @property
    def spans(self) -> list[tuple[float, float]]:
        """From when to when each waited."""
        return [(at, max(at, self.came.get(word, self.end))) for word, at in self.taken.items()]

    def delay(self, of: float) -> float:
        """This percentile of the seconds from our 202 to the call."""
        return percentile([end - begin for begin, end in self.spans], of)

    def row(self, figure: int, what: str, of: float, most: float) -> Row:
        """The row of this percentile; all three stand beside it."""
        more = f" (p50 {self.delay(50):.2f}, p95 {self.delay(95):.2f}, p99 {self.delay(99):.2f}; {len(self.taken)}"
        missing = len(self.taken) - len(self.taken.keys() & self.came.keys())
        more += f", {missing} never came)" if missing else ")"
        return at_most(figure, f"{what}, p{of:g}", self.delay(of), most, more=more)


def replies(words: Words, desk: Desk, tickets: Sequence[Ticket], count: int) -> list[tuple[Words, Desk, Ticket]]:
    """So many replies, on each ticket in turn."""
    return [(words, desk, tickets[number % len(tickets)]) for number in range(count)]


async def said(some: Sequence[tuple[Words, Desk, Ticket]], mean_s: float, seed: int) -> None:
    """Write them, at these intervals."""
    await at_intervals([lambda one=one: one[0].reply(*one[1:]) for one in some], mean_s, seed)  # type: ignore[misc]


# --- beside starts ---------------------------------------------------------------------------------------------------


async def behind_starts(run: Run) -> list[Row]:
    """2: replies at half the pace behind waiting starts; then one on every conversation at once."""
    return [row for case in (run.cases[-1:] if run.quick else run.cases) for row in await _behind_starts(run, *case)]


async def _behind_starts(run: Run, workers: int, accounts: int) -> list[Row]:
    live, waiting, count = 30, run.pick(300, 1_000), run.pick(40, 150)
    async with run.world(flooded(accounts, 5.0, workers)) as world:
        tickets = await world.prepared(live // accounts)
        in_turn = [[(world.desks[path], one) for one in some] for path, some in tickets.items()]
        desks = [one for some in zip(*in_turn, strict=True) for one in some]
        await asyncio.gather(*(world.flood(desk, waiting // accounts) for desk in world.desks.values()))
        peer, steady, burst = world.jelou["a"].peer, Words(), Words(numbers=itertools.count(BEHIND))
        turns = [(steady, *desks[number % len(desks)]) for number in range(count)]
        await said(turns, 0.4, run.seed)
        come = await steady.come(peer, run.pick(10.0, COME_S))
        await asyncio.gather(*(burst.reply(desk, one) for desk, one in desks))
        spans = (await burst.come(peer, run.pick(20.0, COME_S))).spans
        most = most_while([call.at for call in peer.of(START)], spans, WINDOW_S)
    where = f"behind {waiting:,} starts; {case_of(workers, accounts)}"
    allowed = round(SHARE * 5 * WINDOW_S)
    what = f"starts in the fullest {WINDOW_S:g} s while replies waited {where}"
    return [
        come.row(2, f"agent's reply {where}", 99, 1.0),
        Row(2, what, f"<= {allowed} of 10", f"{most} of 10", most / 10, most <= allowed),
    ]


async def beside_reads(run: Run) -> list[Row]:
    """3: the same beside new tickets that must be read in the helpdesk first."""
    desks = {"zendesk/z": "a", "freshdesk/f": "b"}
    new, seconds, words = 60, run.pick(25.0, 120.0), {path: Words() for path in desks}
    async with run.world(Setup(desks, {"a": 5.0, "b": 5.0}, max(run.workers))) as world:
        tickets = await world.prepared(8)
        await asyncio.gather(*(world.flood(desk, new) for desk in world.desks.values()))
        # A reply costs a read: half of what the slower of the two allows.
        mean_s = 2.0
        some = [replies(words[path], world.desks[path], tickets[path], int(seconds / mean_s)) for path in desks]
        await asyncio.gather(*(said(one, mean_s, run.seed) for one in some))
        peers = {path: world.jelou[project].peer for path, project in desks.items()}
        come = {path: await words[path].come(peers[path], run.pick(20.0, COME_S)) for path in desks}
    return [come[path].row(3, f"agent's reply beside {new} new tickets of {path}", 99, 2.0) for path in desks]


# --- in a running chat -----------------------------------------------------------------------------------------------


async def chat(run: Run) -> list[Row]:
    """4: agent and customer in turn in running Zendesk chats, with the updates that Zendesk allows one on a ticket."""
    chats, turn_s, turns = 3, run.pick(5.5, 9.0), run.pick(14, 29)
    replied, wrote = Words(), Words(numbers=itertools.count(BEHIND))
    async with run.world(Setup({"zendesk/z": "a"}, workers=run.workers[0])) as world:
        tickets = (await world.prepared(chats))["zendesk/z"]

        async def turn_about(ticket: Ticket, late_s: float) -> None:
            await asyncio.sleep(late_s)
            for _ in range(turns):
                wrote.write(world, "a", ticket)
                await asyncio.sleep(turn_s / 2)
                await replied.reply(world.desk, ticket)
                await asyncio.sleep(turn_s / 2)

        await asyncio.gather(*(turn_about(one, place * turn_s / chats) for place, one in enumerate(tickets)))
        come = await replied.come(world.jelou["a"].peer, run.pick(20.0, COME_S))
    minutes = turns * turn_s / 60
    return [come.row(4, f"agent to customer in Zendesk chats of {turns} turns in {minutes:.1f} minutes", 95, 1.0)]


async def reconciled(run: Run) -> list[Row]:
    """5: live conversations in two Zendesk accounts alike, one with the reconciler on."""
    live, seconds = 60, run.pick(75.0, 200.0)
    desks = {"zendesk/on": "a", "zendesk/off": "b"}
    changes: dict[str, dict[str, Any]] = {
        "zendesk/on": {"reconcile": {"every_s": 60}},
        "zendesk/off": {"reconcile": {"enabled": False}},
    }
    words = {path: Words() for path in desks}
    async with run.world(Setup(desks, {"a": 5.0, "b": 5.0}, max(run.workers), changes)) as world:
        tickets = await world.prepared(live)
        some = [replies(words[path], world.desks[path], tickets[path], int(seconds / 2)) for path in desks]
        await asyncio.gather(*(said(one, 2.0, run.seed) for one in some))
        peers = {path: world.jelou[project].peer for path, project in desks.items()}
        on, off = [await words[path].come(peers[path], run.pick(20.0, COME_S)) for path in desks]
    ratio = on.delay(95) / max(off.delay(95), 0.001)
    what = f"agent to customer with the reconciler on, {live} live, against without, p95"
    was = f"{ratio:.1f} x ({on.delay(95):.2f} s, {off.delay(95):.2f} s without)"
    return [Row(5, what, "< 1.5 x", was, ratio, ratio < 1.5)]
