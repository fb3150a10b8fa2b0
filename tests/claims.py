"""One claimed ticket in a worker's hands, without Redis and network: a store that lets calls go, sides that answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import orjson

from bridge import events
from bridge.correlate import lane_name
from bridge.domain import Reply, TicketRef
from bridge.helpdesks import REGISTRY
from bridge.metrics import Metrics
from bridge.protocol import Claimed, Leases, Shaken, Verdict
from bridge.wiring import App
from tests.harness import PROJECT, configuration
from tests.world import ACCOUNT, JELOU, Log
from workers.pair import Pair
from workers.ticket import work_ticket
from workers.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.domain import Call
    from bridge.links import Link
    from bridge.protocol import Mark

NOW_MS = 1_700_000_000_000
REF = TicketRef("zendesk", "acme", "1")
USER = "593987654321"

QUIET: dict[str, Any] = {"write_back": {"note": False, "closed_status": ""}}
"""Nothing is written to the ticket unless a test asks for it."""

Sides = Mapping[str, Any]
"""What is answered to a call in whose method and address this stands: a reply, an error, or a list of them in turn."""


def answer(told: Any, status: int = 200) -> Reply:
    """An answer of either side."""
    return Reply(status, {}, orjson.dumps(told))


def ticket_is(status: str, **more: Any) -> Reply:
    """Zendesk's answer to who reads the ticket."""
    detail = {"id": 1, "status": status, "requester_id": 9, **more}
    return answer({"ticket": detail, "users": [{"id": 9, "name": "Ana", "phone": f"+{USER}"}]})


def conversation_is(state: str, room: str = "r-1") -> Reply:
    """Jelou's answer to who asks for the conversation."""
    return answer({"data": {"state": state, "roomId": room}})


@dataclass
class Line:
    """The way to both sides; a call that nobody thought of fails the test."""

    sides: Sides
    calls: list[Call] = field(default_factory=list)

    async def send(self, call: Call, allowed: Callable[[], bool] = lambda: True) -> Reply:
        """The answer that stands for it."""
        assert allowed()
        self.calls.append(call)
        said = f"{call.method} {call.url}"
        name = next((name for name in self.sides if name in said), None)
        assert name is not None, f"nobody answers {said}"
        found = self.sides[name]
        one: Reply | Exception = found.pop(0) if isinstance(found, list) else found
        if isinstance(one, Exception):
            raise one
        return one


@dataclass
class Memory:
    """What of the store a claim needs: each call goes, unless a verdict or an error stands for its mark."""

    verdicts: list[Verdict | Exception] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    leases: Leases = field(default_factory=lambda: Leases(ticket_ms=8_000, lane_ms=8_000))

    async def mark(self, mark: Mark) -> Verdict:
        """The last word before a call."""
        self.marks.append(mark)
        found = self.verdicts.pop(0) if self.verdicts else Verdict("go", "0")
        if isinstance(found, Exception):
            raise found
        return found

    def testimony(self, _: str, __: str, fact: str, *___: str) -> None:
        """What is kept in case Redis loses it."""
        self.kept.append(fact)

    def no_testimony(self, _: str) -> None:
        """It did nothing."""

    async def transcript(self, _: str) -> list[bytes]:
        """Nothing was said."""
        return []


@dataclass
class Claim:
    """A claim of the ticket, and what came of it."""

    work: Work
    line: Line
    store: Memory

    @property
    def link(self) -> Link:
        """The link as it is by now."""
        return self.work.link

    async def go(self) -> Claim:
        """Work the ticket, as a worker does."""
        await work_ticket(self.work)
        return self

    def told(self, what: str) -> list[str]:
        """Why, in the timeline's entries of this kind."""
        entries = [*(text for mark in self.store.marks for text in mark.entries), *self.work.entries]
        return [one.get("reason", "") for one in map(orjson.loads, entries) if one["what"] == what]

    def called(self, part: str) -> int:
        """How many calls went to addresses with this in them."""
        return sum(part in f"{call.method} {call.url}" for call in self.line.calls)


def claim(
    link: Link,
    *inbox: Any,
    evidence: Sequence[Any] = (),
    sides: Sides | None = None,
    account: dict[str, Any] | None = None,
    **changes: Any,
) -> Claim:
    """The ticket as a worker has claimed it; ``changes`` are of the claim (shaken) and of Jelou's project (bot_id)."""
    shaken = changes.pop("shaken", Shaken())
    line, store = Line(sides or {}), Memory()
    bridge = configuration(JELOU | changes, {"zendesk": {"acme": ACCOUNT | QUIET | (account or {})}})
    app = App(
        bridge=bridge,
        helpdesks=REGISTRY,
        store=cast("Any", store),
        handover=cast("Any", SimpleNamespace(known=_no_secrets)),
        queue=cast("Any", None),
        http=cast("Any", line),
        metrics=Metrics(),
        log=cast("Any", Log()),
        now_ms=lambda: NOW_MS,
        monotonic=lambda: 0.0,
        sleep=_at_once,
    )
    claimed = Claimed(
        ticket=str(REF),
        lane=lane_name(REF, PROJECT),
        token="token",
        state=link.dump().encode(),
        shared_with="",
        claims=1,
        left=0,
        inbox=_texts(inbox),
        evidence=_texts(evidence),
        shaken=shaken,
    )
    pair = Pair(
        REGISTRY["zendesk"], bridge.helpdesks["zendesk"]["acme"], bridge.jelou[PROJECT], PROJECT, "zendesk/acme"
    )
    return Claim(Work.take(app, claimed, pair, 8.0), line, store)


def _texts(some: Sequence[Any]) -> tuple[bytes, ...]:
    return tuple(events.dump(one, "d", NOW_MS).encode() for one in some)


async def _no_secrets(_: str) -> SimpleNamespace:
    return SimpleNamespace(secrets=())


async def _at_once(_: float) -> None:
    """Time is the test's."""
