"""A stage for real worker code: where its steps wait to be let go, and the other sides as one object that remembers.

Each task of a worker waits before each of its steps (a script of the store, the bytes of a call, its answer) until the
test lets it go on. A worker that is not let go is asleep; one whose tasks are cancelled there is killed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from bridge.domain import Reply
from bridge.errors import Ambiguous, LeaseLost, NotSent

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain import Call
    from bridge.store import Store

ACCEPTED_AND_LOST, ERROR, FINE, THROTTLED, UNREACHED = "lost", "500", "200", "429", "no connection"
FATES = (FINE, FINE, FINE, ACCEPTED_AND_LOST, ERROR, THROTTLED, UNREACHED)
"""What may become of a call. The first four of them were worked by the other side."""


class Quiet(asyncio.SelectorEventLoop):
    """A loop without time: nothing ends because the test takes long."""

    def time(self) -> float:
        """Always the same."""
        return 0.0


@dataclass(eq=False)
class Step:
    """One step that a worker's task is about to take."""

    worker: str
    label: str
    go: asyncio.Future[str]
    task: asyncio.Task[Any]


class Stage:
    """Where all steps wait."""

    def __init__(self) -> None:
        self._steps: list[Step] = []

    async def turn(self, worker: str, label: str) -> str:
        """Wait to be let go; what the test says of it."""
        task = asyncio.current_task()
        assert task is not None
        step = Step(worker, label, asyncio.get_running_loop().create_future(), task)
        self._steps.append(step)
        try:
            return await step.go
        finally:
            self._steps.remove(step)

    def waiting(self) -> list[Step]:
        """All that wait, in an order that does not hang on Redis' answers."""
        return sorted((one for one in self._steps if not one.go.done()), key=lambda one: (one.worker, one.label))

    async def settle(self) -> None:
        """Until every task has ended or waits here."""
        while asyncio.all_tasks() - {asyncio.current_task()} - {one.task for one in self.waiting()}:
            await asyncio.sleep(0)


@dataclass
class Conversation:
    """One conversation at Jelou."""

    id: str
    ticket: str
    user: str
    metadata: dict[str, str]
    closed: bool = False


class Sides:
    """Jelou and a Zendesk: what they were asked to do and did, whatever became of the answer."""

    def __init__(self) -> None:
        self.conversations: list[Conversation] = []
        self.messages: list[tuple[str, str]] = []
        """The id and text of each, as it came."""
        self.notes: dict[str, list[str]] = defaultdict(list)
        self.fields: dict[str, str] = {}
        self.tags: dict[str, set[str]] = defaultdict(set)

    def work(self, call: Call) -> Reply:
        """Do what the call asks; the answer."""
        told = orjson.loads(call.body) if call.body else {}
        if call.url.startswith("https://jelou"):
            return self._jelou(call, told)
        ticket = call.url.split("/tickets/")[1].partition(".json")[0].partition("/")[0]
        if call.method == "GET":
            comments = [{"body": body} for body in self.notes[ticket]]
            return _reply({"ticket": {"id": int(ticket), "status": "open", "requester_id": 7}, "comments": comments})
        self._write(ticket, told)
        return _reply({"audit": {"events": [{"type": "Comment", "id": len(self.notes[ticket])}]}})

    def _jelou(self, call: Call, told: dict[str, Any]) -> Reply:
        if call.method == "GET":
            return _reply({"data": {"roomId": f"room-of-{call.url.rpartition('/')[2]}"}})
        if "value" in told:
            self.messages.append((told["value"]["id"], told["value"]["content"]["body"]))
            return _reply({"success": True})
        one = Conversation(
            id=f"c-{len(self.conversations) + 1}",
            ticket=told["metadata"]["bridgeTicket"],
            user=told["userId"],
            metadata=told["metadata"],
        )
        self.conversations.append(one)
        return _reply({"data": {"conversationId": one.id}})

    def _write(self, ticket: str, told: dict[str, Any]) -> None:
        change = told.get("ticket", {})
        if "comment" in change:
            self.notes[ticket].append(change["comment"]["body"])
        if "external_id" in change:
            self.fields[ticket] = change["external_id"]
        self.tags[ticket].update(told.get("tags", ()))


def _reply(told: dict[str, Any]) -> Reply:
    return Reply(200, {}, orjson.dumps(told))


@dataclass
class Line:
    """A worker's way to the other sides."""

    stage: Stage
    sides: Sides
    worker: str

    async def send(self, call: Call, allowed: Callable[[], bool] = lambda: True) -> Reply:
        """As ``bridge.http``: the lease is asked after right before the bytes."""
        what = f"{call.method} {call.url}"
        fate = await self.stage.turn(self.worker, f"bytes {what}")
        if not allowed():
            raise LeaseLost
        if fate == UNREACHED:
            msg = "no connection to the host"
            raise NotSent(msg)
        reply = Reply(429, {"retry-after": "2"}) if fate == THROTTLED else self.sides.work(call)
        await self.stage.turn(self.worker, f"answer {what}")
        if fate == ACCEPTED_AND_LOST:
            msg = "the connection broke"
            raise Ambiguous(msg)
        return Reply(500) if fate == ERROR else reply


NO_STEP = {"beat", "testimony", "no_testimony"}
"""The heartbeat, and what a worker keeps in its own memory."""


class Stepping:
    """A worker's store: the real one, each of whose steps waits for its turn. The heartbeat is the test's to make."""

    def __init__(self, store: Store, stage: Stage, worker: str) -> None:
        self._store, self._stage, self._worker = store, stage, worker

    def __getattr__(self, name: str) -> Any:
        """The store's own; a step of it waits first."""
        real = getattr(self._store, name)
        if not callable(real) or name in NO_STEP:
            return real

        async def stepped(*args: Any, **named: Any) -> Any:
            await self._stage.turn(self._worker, f"{name} {getattr(args[0], 'ticket', args[0])}")
            return await real(*args, **named)

        return stepped
