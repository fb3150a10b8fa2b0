"""The script of the gate against a plain model of the queue: whoever asks, in any class, at any time."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from bridge.protocol import CallClass, Gate
from tests.queue_model import CLASSES, QueueModel
from tests.turns import DESTINATION, Desk

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = {f"caller-{number}": f"lane-{number % 3}" for number in range(9)}
_numbers = itertools.count(1)

asks = st.tuples(st.sampled_from(sorted(NAMES)), st.sampled_from(CLASSES))
pauses = st.sampled_from([200, 200, 200, 200, 1, 40, 199, 450, 2_500])
rounds = st.tuples(pauses, st.lists(asks, min_size=2, max_size=8))


@st.composite
def busy(draw: st.DrawFn) -> list[Any]:
    """A queue that is hardly ever empty: at each moment of the pace several ask, of few classes."""
    few = draw(st.sets(st.sampled_from(CLASSES), min_size=2, max_size=3))
    told = draw(st.lists(rounds, min_size=30, max_size=60))
    return [step for pause, asking in told for step in (pause, *((n, c if c in few else min(few)) for n, c in asking))]


@pytest.mark.parametrize(("burst", "quiet_ms"), [(1, 0.0), (4, 2_000.0)])
@settings(max_examples=15)
@given(steps=st.one_of(busy(), st.lists(st.one_of(asks, pauses, st.just("look")), max_size=40)))
def test_the_script_does_what_the_model_does(redis_url: str, burst: int, quiet_ms: float, steps: Sequence[Any]) -> None:
    """The same verdict for each that asks, and the same count of those before it."""
    asyncio.run(_compared(redis_url, Gate(DESTINATION, "", 200.0, burst, quiet_ms=quiet_ms), steps))


async def _compared(redis_url: str, gate: Gate, steps: Sequence[Any]) -> None:
    redis = Redis.from_url(redis_url)
    desk = Desk(redis, f"model-{next(_numbers)}")
    model = QueueModel(gate.interval_ms, gate.burst, gate.quiet_ms)
    try:
        await desk.at(desk.now)
        for number, step in enumerate(steps):
            await _step(desk, model, gate, number, step)
    finally:
        await redis.aclose()


async def _step(desk: Desk, model: QueueModel, gate: Gate, number: int, step: Any) -> None:
    if isinstance(step, int):
        await desk.at(desk.now + step)
    elif step == "look":
        await desk.store.due()
        model.look(desk.now)
    else:
        name, call_class = step
        expected = model.ask(name, call_class, NAMES[name], desk.now, desk.now + number / 1_000)
        told = await desk.store.rounds.pass_gate(
            name,
            Gate(
                gate.destination,
                NAMES[name],
                gate.interval_ms,
                gate.burst,
                call_class=CallClass(call_class),
                quiet_ms=gate.quiet_ms,
                lead_ms=0,
                caller=True,
            ),
            (),
        )
        assert told.verdict == expected
        if expected == "paced":
            assert orjson.loads(told.reason) == model.before(name)
