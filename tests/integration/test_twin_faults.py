"""Every fault that a twin can be ordered shows to a real client, and the ledger knows what really happened."""

from __future__ import annotations

import asyncio
import time
from math import inf
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientConnectionError

from bridge.twins.faults import EVENT_FAULTS, REQUEST_FAULTS, Cause, EventFault, Fault, Faults, Shape
from tests.clocks import LoopClock
from tests.harness import DEADLINE_S
from tests.twin_callers import JelouCaller, jelou_like_recorded, recording, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin


@pytest.fixture
async def twin() -> AsyncIterator[JelouTwin]:
    """Play a Jelou without an integration."""
    async with jelou_like_recorded() as running:
        yield running


@pytest.fixture
def call(twin: JelouTwin) -> JelouCaller:
    """Call with the right key."""
    return JelouCaller.of(twin)


@pytest.mark.parametrize(
    ("status", "recorded"),
    [(404, "start.response.404.bot"), (500, "start.response.500"), (503, "start.response.500")],
)
async def test_a_status_comes_in_the_documented_envelope(
    twin: JelouTwin, call: JelouCaller, status: int, recorded: str
) -> None:
    """The ordered status comes as Jelou would say it, and nothing is started."""
    twin.faults.next_start(Fault(status=status))
    answer = await call.start()
    assert (answer.status, answer.json) == (status, recording(recorded))
    assert not twin.ledger.starts


async def test_a_fault_happens_as_often_as_it_was_ordered(twin: JelouTwin, call: JelouCaller) -> None:
    """Two ordered failures are followed by success."""
    twin.faults.next_start(Fault(status=503), times=2)
    assert [(await call.start()).status for _ in range(3)] == [503, 503, 200]
    assert twin.faults.pending == 0


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (Shape.STRING, recording("start.response.401.enveloped")),
        (Shape.BARE, {"message": "Invalid or missing credentials"}),
        (Shape.FLAT, recording("start.response.401.enveloped")["error"]),
    ],
)
async def test_an_answer_may_have_another_documented_shape(
    twin: JelouTwin, call: JelouCaller, shape: Shape, body: Any
) -> None:
    """The message may be one string, stand alone, or the error lie flat."""
    twin.faults.next_start(Fault(status=401, shape=shape))
    assert (await call.start()).json == body


async def test_a_success_may_lie_flat(twin: JelouTwin, call: JelouCaller) -> None:
    """The data of a success may stand where the envelope should."""
    twin.faults.next_start(Fault(accept=True, shape=Shape.FLAT))
    answer = await call.start()
    assert answer.json.keys() == recording("start.response.200")["data"].keys()


@pytest.mark.parametrize("shape", [Shape.HTML, Shape.EMPTY, Shape.CUT])
async def test_an_answer_may_be_no_json(twin: JelouTwin, call: JelouCaller, shape: Shape) -> None:
    """A success that cannot be read has started the conversation all the same."""
    twin.faults.next_start(Fault(accept=True, shape=shape))
    answer = await call.start()
    with pytest.raises(ValueError, match=r".*"):
        answer.json  # noqa: B018 - reading it is the point
    assert answer.status == 200
    assert len(twin.ledger.starts) == 1


async def test_a_rate_limit_says_when_to_come_back(twin: JelouTwin, call: JelouCaller) -> None:
    """429 carries the ordered Retry-After, and nothing is started."""
    twin.faults.next_start(Fault.named("throttled", retry_after="7"))
    answer = await call.start()
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    assert not twin.ledger.starts


async def test_an_error_after_accepting_has_started_the_conversation(twin: JelouTwin, call: JelouCaller) -> None:
    """The caller hears 500, the ledger has the conversation and what the caller heard."""
    twin.faults.next_start(Fault.named("error_after_accepting"))
    assert (await call.start()).status == 500
    assert [start.told for start in twin.ledger.by_ticket("T-1")] == ["500"]


@pytest.mark.parametrize(("name", "told"), [("reset_after_accepting", ["reset"]), ("reset_before_accepting", [])])
async def test_a_reset_may_come_before_or_after_the_start(
    twin: JelouTwin, call: JelouCaller, name: str, told: list[str]
) -> None:
    """The caller sees the same reset in both cases, only the ledger knows the difference."""
    twin.faults.next_start(Fault.named(name))
    with pytest.raises(ClientConnectionError):
        await call.start()
    assert [start.told for start in twin.ledger.starts] == told


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> LoopClock:
    """What every time limit in the test goes by."""
    return LoopClock(monkeypatch)


async def test_a_hang_after_accepting_never_answers(twin: JelouTwin, clock: LoopClock) -> None:
    """The caller times out; the conversation exists and its caller has heard nothing yet."""
    twin.faults.next_start(Fault.named("hang_after_accepting"))
    waiting = asyncio.create_task(JelouCaller.of(twin).start())
    await until(lambda: bool(twin.ledger.starts))
    await clock.pass_s(2 * DEADLINE_S)
    with pytest.raises(TimeoutError):
        await waiting
    assert [start.told for start in twin.ledger.starts] == [""]


async def test_a_hang_may_end(twin: JelouTwin, call: JelouCaller) -> None:
    """An answer held for some time comes after it, and is the right one."""
    twin.faults.next_start(Fault.named("hang_after_accepting", delay_s=0.1))
    began = time.monotonic()
    answer = await call.start()
    assert time.monotonic() - began >= 0.1
    assert answer.json["data"]["conversationId"] in twin.ledger.conversations


async def test_a_slow_start_happens_although_its_caller_left(twin: JelouTwin, clock: LoopClock) -> None:
    """A request that is only read late is carried out even if nobody waits for its answer any more."""
    twin.faults.next_start(Fault.named("slow", delay_s=5 * DEADLINE_S))
    waiting = asyncio.create_task(JelouCaller.of(twin).start())
    await until(lambda: twin.faults.pending == 0)
    await clock.pass_s(2 * DEADLINE_S)
    with pytest.raises(TimeoutError):
        await waiting
    assert not twin.ledger.starts
    await clock.pass_s(3 * DEADLINE_S)
    await until(lambda: bool(twin.ledger.starts))


async def test_a_stopped_twin_answers_nobody(twin: JelouTwin, call: JelouCaller) -> None:
    """A twin that stops cuts those it kept waiting, at once."""
    twin.faults.next_start(Fault.named("hang_after_accepting"))
    waiting = asyncio.create_task(call.start())
    await until(lambda: bool(twin.ledger.starts))
    await asyncio.wait_for(twin.stop(), DEADLINE_S)
    with pytest.raises(ClientConnectionError):
        await waiting
    assert twin.ledger.starts[0].told == "nothing"


async def test_a_fault_may_be_meant_for_one_ticket(twin: JelouTwin, call: JelouCaller) -> None:
    """A fault for one ticket waits for it and leaves the others alone."""
    twin.faults.next_start(Fault(status=500, only="T-2"))
    assert [(await call.start(ticket)).status for ticket in ("T-1", "T-2", "T-2")] == [200, 500, 200]


@pytest.mark.parametrize("operation", ["close", "get", "send", "create", "read", "update", "delete", "regenerate"])
async def test_every_operation_can_fail(twin: JelouTwin, call: JelouCaller, operation: str) -> None:
    """Not only starts take faults."""
    twin.faults.next(operation, Fault(status=503))
    paths = {
        "close": ("POST", "/conversations/close"),
        "get": ("GET", "/conversations/x"),
        "regenerate": ("POST", "/secret/regenerate"),
        "create": ("POST", ""),
        "read": ("GET", ""),
        "update": ("PATCH", ""),
        "delete": ("DELETE", ""),
    }
    answer = await call.send({}, "x") if operation == "send" else await call.operation(*paths[operation])
    assert answer.status == 503


async def test_another_process_can_order_faults(twin: JelouTwin, call: JelouCaller) -> None:
    """Faults of requests and of events are ordered over HTTP by name, and can be taken back."""
    await call("POST", "/twin/faults", {"operation": "start", "name": "throttled", "retry_after": "3"})
    await call("POST", "/twin/faults", {"operation": "close", "status": 500, "times": 2})
    pending = (await call("POST", "/twin/faults", {"event": "close", "name": "dropped"})).json["pending"]
    answer = await call.start()
    await call("DELETE", "/twin/faults")
    assert pending == 4
    assert (answer.status, answer.headers["retry-after"], twin.faults.pending) == (429, "3", 0)


async def test_the_faults_that_happened_are_told(call: JelouCaller) -> None:
    """By name, with what they struck: whoever compares afterwards must know what was injected. Clearing keeps it."""
    await call("POST", "/twin/faults", {"operation": "start", "name": "error_after_accepting"})
    await call.start("T-7")
    await call("DELETE", "/twin/faults")
    [happened] = (await call("GET", "/twin/faults")).json["happened"]
    assert (happened["name"], happened["to"]) == ("error_after_accepting", "start")
    assert "T-7" in happened["body"]


@pytest.mark.parametrize(
    "order",
    [
        {"operation": "sneeze", "status": 500},
        {"operation": "start", "name": "explode"},
        {"operation": "start", "colour": "blue"},
        {"operation": "start", "status": "500"},
        {"event": "start", "name": "late", "delay_s": "soon"},
        {"event": "sneeze", "name": "late"},
    ],
)
async def test_a_fault_that_does_not_exist_cannot_be_ordered(call: JelouCaller, order: dict[str, Any]) -> None:
    """A mistyped order is an error and not a test that passes because nothing went wrong."""
    assert (await call("POST", "/twin/faults", order)).status == 422


def faults(seed: int = 0) -> Faults:
    """Make the faults of a thing that can only start."""
    return Faults(["start"], ["start"], seed)


def test_chances_are_repeatable() -> None:
    """The same seed gives the same row of faults, another seed another; the share is about what was asked."""
    rows = []
    for seed in (1, 1, 2):
        made = faults(seed)
        made.sometimes("start", Fault(status=500), 0.25)
        rows.append([made.of_request("start", Cause()) is not None for _ in range(400)])
    assert rows[0] == rows[1] != rows[2]
    assert 60 < sum(rows[0]) < 140


def test_what_is_scripted_comes_before_chance() -> None:
    """A scripted fault happens even where chance would do something else."""
    made = faults()
    made.sometimes("start", Fault(status=500), 1.0)
    made.next_start(Fault(status=429))
    drawn = [made.of_request("start", Cause()) for _ in range(2)]
    assert [fault.status for fault in drawn if fault] == [429, 500]


def test_events_have_chances_of_their_own() -> None:
    """An event without a fault has the fault that is none."""
    made = faults()
    made.sometimes_event("start", EventFault.named("dropped"), 1.0)
    assert made.of_event("start", Cause()).copies == 0
    made.clear()
    assert made.of_event("start", Cause()) == EventFault()


def test_the_faults_of_events_are_told_as_well() -> None:
    """An event to which nothing happened is none of them."""
    made = faults()
    made.next_event(EventFault.named("dropped"))
    for body in (b"T-1", b"T-2"):
        made.of_event("start", Cause(body=body))
    assert [(one.name, one.to, one.body) for one in made.happened] == [("dropped", "start", "T-1")]


def test_a_seed_can_be_set_again() -> None:
    """Beginning the row anew repeats it."""
    made = faults(3)
    made.sometimes("start", Fault(status=500), 0.5)
    first = [made.of_request("start", Cause()) for _ in range(30)]
    made.reseed(3)
    assert [made.of_request("start", Cause()) for _ in range(30)] == first


def test_named_faults_are_all_different() -> None:
    """No name stands for what another one does, and none for doing nothing."""
    assert len(set(REQUEST_FAULTS.values()) - {Fault()}) == len(REQUEST_FAULTS)
    assert len(set(EVENT_FAULTS.values()) - {EventFault()}) == len(EVENT_FAULTS)
    assert REQUEST_FAULTS["hang_after_accepting"].delay_s == inf
