"""Every way in which a start call can go wrong ends in the right phase, with one conversation or none, never two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.twins.faults import EventFault, Fault, Shape
from tests.harness import scene
from tests.held import Held
from tests.outcomes import FIRM, SHORT_WAITS, conversations, line, reasons, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.wiring import App
    from tests.harness import Scene
    from tests.outcomes import Trace

TICKET = "T-1"

NEVER = {
    "404 bot": Fault(status=404),
    "422": Fault(status=422),
    "422 with one text as its message": Fault.named("string_message"),
    "400": Fault(status=400),
    "402": Fault(status=402),
    "410": Fault(status=410),
    "redirect": Fault(status=302),
}
"""Understood and refused: sending the same again cannot help."""

SOON = {
    "429 that says when": Fault.named("throttled", retry_after="0.1"),
    "503 that says when": Fault.named("unavailable", retry_after="0.1"),
    "503 of a gateway that says when": Fault(status=503, shape=Shape.HTML, retry_after="0.1"),
    "429": Fault(status=429),
    "503 in Jelou's own envelope": Fault(status=503),
}
"""Certainly not done, and worth another try."""

NO_ANSWER = Fault(name="no answer")
"""Jelou does as it is asked; its answer never arrives."""

ARRIVED = {
    "500 after accepting": Fault.named("error_after_accepting"),
    "503 of a gateway after accepting": Fault(accept=True, status=503, shape=Shape.HTML),
    "no answer": NO_ANSWER,
    "reset after accepting": Fault.named("reset_after_accepting"),
    "2xx that breaks off": Fault.named("unreadable_after_accepting"),
    "2xx without a body": Fault(accept=True, shape=Shape.EMPTY),
    "2xx that is a page": Fault(accept=True, shape=Shape.HTML),
}
"""It worked, and no answer says so."""

NOT_ARRIVED = {
    "500": Fault(status=500),
    "502 that is a page": Fault.named("not_json"),
    "503 of a gateway": Fault(status=503, shape=Shape.HTML),
    "504": Fault(status=504),
    "408": Fault(status=408),
    "reset before accepting": Fault.named("reset_before_accepting"),
}
"""It did not work, and nobody can know."""


def each(faults: dict[str, Fault]) -> pytest.MarkDecorator:
    """One test for each of them."""
    return pytest.mark.parametrize("fault", faults.values(), ids=faults.keys())


def way_back(fault: Fault) -> Callable[[App], App]:
    """What becomes of the answer on its way."""
    lost = Held(lost=True)
    lost.let_go()
    return lost if fault is NO_ANSWER else lambda app: app


async def start(on: Scene, fault: Fault, *phases: str) -> Trace:
    """A ticket whose start call meets the fault, until it is in one of these phases."""
    on.jelou.faults.next_start(fault)
    await on.scripted(TICKET)
    return await on.until_phase(TICKET, *phases)


@each(NEVER)
async def test_a_refused_start_fails_and_is_buried(redis_url: str, prefix: str, fault: Fault) -> None:
    """No conversation, no second try, and the reason among the dead letters."""
    async with scene(redis_url, prefix) as on:
        trace = await start(on, fault, "failed")
        assert line(trace) == ["sending", "refused", "to failed", "buried"]
        assert f"HTTP {fault.status}" in trace["reason"]
        assert reasons(trace, "buried") == [trace["reason"]]
        assert conversations(on, TICKET) == []


async def test_a_user_whom_jelou_does_not_know_is_no_second_try(redis_url: str, prefix: str) -> None:
    """The reason tells an agent what may help."""
    async with scene(redis_url, prefix) as on:
        on.jelou.settings.users = frozenset()
        await on.scripted(TICKET)
        trace = await on.until_phase(TICKET, "failed")
        assert "the person may have to write first" in trace["reason"]
        assert conversations(on, TICKET) == []


@each(SOON)
async def test_a_start_that_certainly_did_not_happen_is_tried_again(redis_url: str, prefix: str, fault: Fault) -> None:
    """One conversation, by the second try, which is the first attempt still."""
    async with scene(redis_url, prefix) as on:
        trace = await start(on, fault, "open")
        # How often it waits hangs on what its own backoff and the destination's time to wait make together.
        steps = [one for one in line(trace) if one != "waiting"]
        assert steps == ["sending", "refused", "to new", "sending", "answered", "to started", "to open"]
        assert {one["attempt"] for one in told(trace, "sending")} == {1}
        assert conversations(on, TICKET) == [trace["conversation"]]


async def test_a_retry_after_is_obeyed_in_full(redis_url: str, prefix: str) -> None:
    """Even where a new event of the ticket comes meanwhile."""
    async with scene(redis_url, prefix) as on:
        on.jelou.faults.next_start(Fault.named("throttled", retry_after="0.6"))
        await on.scripted(TICKET)
        await on.bridge.traced("standard-webhooks", "scripts", TICKET, lambda trace: bool(told(trace, "waiting")))
        reply = {"ticket": {"id": TICKET}, "comment": {"id": "c-1", "body": "Hola"}, "actor": {"type": "agent"}}
        await on.signed({"type": "comment.added", "data": reply}, "msg-reply")
        trace = await on.until_phase(TICKET, "open")
        first, second = (one["at"] for one in told(trace, "sending"))
        assert second - first >= 600


@pytest.mark.parametrize("fault", [Fault(status=401), Fault.named("bare_401"), Fault(status=403)])
async def test_a_refused_credential_waits_for_a_person(redis_url: str, prefix: str, fault: Fault) -> None:
    """Nothing is given up, and nothing is hammered: a 403 may be the ticket's own, a 401 is asked for by a read."""
    async with scene(redis_url, prefix) as on:
        on.jelou.faults.next_start(fault)
        await on.scripted(TICKET)
        trace = await on.bridge.traced(
            "standard-webhooks", "scripts", TICKET, lambda trace: bool(told(trace, "waiting"))
        )
        assert line(trace) == ["sending", "refused", "to new", "waiting"]
        assert "credential" in trace["waits_for"]
        assert 5 < trace["due_in_s"] <= 60
        assert conversations(on, TICKET) == []


async def test_a_jelou_that_is_away_is_tried_again(redis_url: str, prefix: str) -> None:
    """No connection, no bytes: the start is certain not to have happened, and happens when Jelou is back."""
    async with scene(redis_url, prefix) as on:
        port = int(on.jelou.url.rpartition(":")[2])
        await on.jelou.stop()
        await on.scripted(TICKET)
        await on.bridge.traced("standard-webhooks", "scripts", TICKET, lambda trace: bool(told(trace, "refused")))
        await on.jelou.start(port)
        trace = await on.until_phase(TICKET, "open")
        assert set(reasons(trace, "refused")) == {f"cannot connect to 127.0.0.1:{port} (connection refused)"}
        assert conversations(on, TICKET) == [trace["conversation"]]


UNKNOWN = ["sending", "unanswered", "to unknown", "waiting"]


@each(ARRIVED)
async def test_an_unknown_start_is_settled_by_its_event(redis_url: str, prefix: str, fault: Fault) -> None:
    """One conversation, known by the event that carries our metadata; nothing was tried again."""
    async with scene(redis_url, prefix, scripts=FIRM, adapted=way_back(fault)) as on:
        trace = await start(on, fault, "open")
        assert line(trace) == [*UNKNOWN, "to open"]
        assert [trace["conversation"]] == conversations(on, TICKET)


@each(ARRIVED)
async def test_an_unknown_start_without_its_event_is_parked(redis_url: str, prefix: str, fault: Fault) -> None:
    """It worked and nobody knows: a person decides, and there is one conversation and not two."""
    async with scene(redis_url, prefix, scripts=SHORT_WAITS, adapted=way_back(fault)) as on:
        on.jelou.faults.next_event(EventFault.named("dropped"))
        trace = await start(on, fault, "parked")
        assert line(trace) == [*UNKNOWN, "to parked"]
        assert trace["waits_for"] == "a person's decision"
        assert len(conversations(on, TICKET)) == 1


@each(NOT_ARRIVED)
async def test_an_unknown_start_that_did_not_happen_is_parked(redis_url: str, prefix: str, fault: Fault) -> None:
    """Under the policy park it is not tried again blindly."""
    async with scene(redis_url, prefix, scripts=SHORT_WAITS) as on:
        trace = await start(on, fault, "parked")
        assert line(trace) == [*UNKNOWN, "to parked"]
        assert conversations(on, TICKET) == []


@each(NOT_ARRIVED)
async def test_an_unknown_start_that_did_not_happen_is_made_good_by_a_retry(
    redis_url: str, prefix: str, fault: Fault
) -> None:
    """Under the policy retry it is never lost."""
    policy = {"unknown_start": {"wait_s": 0.1, "then": "retry"}}
    async with scene(redis_url, prefix, scripts=policy) as on:
        trace = await start(on, fault, "open")
        assert line(trace) == [*UNKNOWN, "to new", "sending", "answered", "to started", "waiting", "to open"]
        assert [one["attempt"] for one in told(trace, "sending")] == [1, 2]
        assert conversations(on, TICKET) == [trace["conversation"]]
