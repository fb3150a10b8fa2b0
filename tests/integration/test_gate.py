"""The queue before every call: order by class, lane and time, the whole of the pace and no more."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import orjson
import pytest

from bridge.protocol import CallClass, Finish, Gate, Incoming
from tests.turns import DESTINATION, five_a_second, went

if TYPE_CHECKING:
    from bridge.protocol import Verdict
    from tests.turns import Desk


async def asked(desk: Desk, name: str, call_class: CallClass = CallClass.START, lane: str = "a") -> Verdict:
    """Somebody who is no ticket asks for a call, at one call each 200 ms."""
    gate = five_a_second(lane, burst=1, call_class=call_class, caller=True)
    return await desk.store.rounds.pass_gate(name, gate, ())


async def order(desk: Desk, waiting: dict[str, tuple[CallClass, str]], moments: int) -> list[str]:
    """Who goes at each moment of the pace, when all these ask at each."""
    gone: list[str] = []
    for _ in range(moments):
        await desk.at(desk.now + 200)
        await desk.store.due()
        for name, (call_class, lane) in [*waiting.items()]:
            if (await asked(desk, name, call_class, lane)).verdict == "go":
                gone.append(name)
                del waiting[name]
                break
    return gone


# --- the pace --------------------------------------------------------------------------------------------------------


async def test_a_burst_goes_and_the_rest_one_by_one(desk: Desk) -> None:
    """Half of what may go at once is for live conversations; then each interval lets one go, and nobody else asks."""
    await desk.open("a", *(f"t{number:02}" for number in range(20)))
    assert went(await desk.turn("a")) == 3
    gone = []
    for tick in range(1, 19):
        await desk.at(1_000_000 + 200 * tick)
        turn = await desk.turn("a")
        assert len(turn) == went(turn)
        gone.append(went(turn))
    assert gone == [1] * 17 + [0]


async def test_what_is_granted_ahead_waits_for_its_moment(desk: Desk) -> None:
    """Within the lead a call may go after so many ms; one that is noted as sent comes back then."""
    await asked(desk, "first")
    ahead = Gate(DESTINATION, "a", 200.0, 1, caller=True, lead_ms=250)
    told = await desk.store.rounds.pass_gate("second", ahead, ())
    assert (told.verdict, told.detail) == ("go", "200")
    exact = Gate(DESTINATION, "a", 200.0, 1, caller=True, lead_ms=450, exact=True)
    told = await desk.store.rounds.pass_gate("third", exact, ())
    assert (told.verdict, told.detail) == ("soon", "400")
    await desk.at(desk.now + 400)
    told = await desk.store.rounds.pass_gate("third", exact, ())
    assert (told.verdict, told.detail) == ("go", "0")


async def test_a_grant_that_is_not_used_in_time_is_a_place_again(desk: Desk) -> None:
    """Its moment is gone; it stands before those that came later, and the next moment is its own."""
    await asked(desk, "first")
    for name in ("second", "third"):
        assert (await asked(desk, name)).verdict == "paced"
    await desk.at(desk.now + 200)
    await desk.store.due()
    await desk.at(desk.now + 1_000)
    assert (await asked(desk, "second")).verdict == "go"
    assert (await asked(desk, "third")).verdict == "paced"


async def test_a_grant_that_nobody_comes_for_is_forgotten(desk: Desk) -> None:
    """Whoever asked is gone, and the others go on."""
    await asked(desk, "first")
    await asked(desk, "gone")
    await desk.at(desk.now + 200)
    await desk.store.due()
    await desk.at(desk.now + 3_000)
    await desk.store.due()
    left = {key.decode().removeprefix(f"{desk.prefix}:") async for key in desk.redis.scan_iter(f"{desk.prefix}:*")}
    assert not {key for key in left if key.startswith(("queue", "places", "grants", "turns", "at:"))}


async def test_no_rate_of_a_destination_is_passed(desk: Desk) -> None:
    """Beside the minute's a vendor counts ten seconds: the slower one at each moment holds."""
    gate = Gate(DESTINATION, "a", 10.0, 1, rates=((1_000.0, 2),), lead_ms=0, call_class=CallClass.LIVE, caller=True)
    gone = 0
    for tick in range(300):
        await desk.at(1_000_000 + 10 * tick)
        gone += (await desk.store.rounds.pass_gate(f"c{gone}", gate, ())).verdict == "go"
    assert gone == 4


# --- the order -------------------------------------------------------------------------------------------------------


async def test_who_asked_first_goes_first(desk: Desk) -> None:
    """A place is kept however often it is asked for, and whoever else asks before it."""
    await asked(desk, "now")
    for name in ("one", "two", "three"):
        assert (await asked(desk, name)).verdict == "paced"
    waiting = dict.fromkeys(("three", "two", "one"), (CallClass.START, "a"))
    assert await order(desk, waiting, 3) == ["one", "two", "three"]


async def test_tickets_go_in_the_order_in_which_they_came(desk: Desk) -> None:
    """Of a hundred that came in one millisecond none overtakes another."""
    tickets = [f"t{number}" for number in range(100)]
    await desk.open("a", *tickets)
    gate = five_a_second("a", burst=1)
    gone = [ticket for ticket, verdict in (await desk.turn("a", gate=gate)).items() if verdict.verdict == "go"]
    for _ in range(100):
        await desk.at(desk.now + 200)
        gone += await desk.turn("a", gate=gate)
    assert gone == tickets


async def test_a_start_that_was_refused_stands_where_it_stood(desk: Desk) -> None:
    """It is to be made again: those that came after it wait behind it."""
    await desk.open("a", "first", "second", "third")
    await desk.at(desk.now + 1)
    gate = five_a_second("a", burst=1)
    [held] = (await desk.store.claim("a", "job", 1)).tickets
    assert (await desk.pass_by(held, gate)).verdict == "go"
    await desk.turn("a", gate=gate)
    again = Finish(held.ticket, "a", held.token, "{}", 0, 0, 1, (), wait="firm", due_in_ms=9_000_000)
    await desk.store.finish(_requeued(again, gate))
    gone: list[str] = []
    for _ in range(3):
        await desk.at(desk.now + 200)
        gone += await desk.turn("a", gate=gate)
    assert gone == ["first", "second", "third"]


def _requeued(finish: Finish, gate: Gate) -> Finish:
    return Finish(
        finish.ticket,
        finish.lane,
        finish.token,
        finish.state,
        finish.inbox_done,
        0,
        finish.left,
        (),
        wait=finish.wait,
        due_in_ms=finish.due_in_ms,
        wanted=(gate.destination,),
        requeue=(gate,),
    )


async def test_a_better_class_goes_first(desk: Desk) -> None:
    """Whatever came before it: what was begun, live conversations, what settles an unknown, starts, fields, looks."""
    await asked(desk, "now")
    names = {call_class.value: (call_class, "a") for call_class in reversed(CallClass)}
    for name, (call_class, lane) in names.items():
        assert (await asked(desk, name, call_class, lane)).verdict == "paced"
    assert (await order(desk, dict(names), 2)) == ["begun", "live"]


async def test_a_place_becomes_better_and_never_worse(desk: Desk) -> None:
    """A ticket that waits to write a tag, and has a customer's words now, waits for those."""
    await asked(desk, "now")
    for number in range(5):
        await asked(desk, f"start-{number}")
    await asked(desk, "ticket", CallClass.FIELD)
    await asked(desk, "ticket", CallClass.LIVE)
    await asked(desk, "ticket", CallClass.FIELD)
    assert await order(desk, {"ticket": (CallClass.FIELD, "a"), "start-0": (CallClass.START, "a")}, 1) == ["ticket"]


@pytest.mark.parametrize(
    ("call_class", "share"), [(CallClass.SETTLE, 10), (CallClass.START, 12), (CallClass.FIELD, 30)]
)
async def test_a_worse_class_keeps_a_small_share(desk: Desk, call_class: CallClass, share: int) -> None:
    """While live conversations wait all the time, each other class gets one call of so many, and no more."""
    gone: Counter[str] = Counter()
    for moment in range(share * 10):
        await desk.at(1_000_000 + 200 * moment)
        for name in (CallClass.LIVE, call_class):
            for number in range(2):
                if (await asked(desk, f"{name.value}-{number}", name)).verdict == "go":
                    gone[name.value] += 1
    assert gone[call_class.value] == pytest.approx(10, abs=1)
    assert gone.total() == pytest.approx(share * 10, abs=2)


async def test_lanes_take_turns(desk: Desk) -> None:
    """Ten accounts with queues of very different length get the same, and one that joins late is not made up for."""
    for lane in range(10):
        await desk.open(f"lane{lane}", *(f"z/{lane}/t{number}" for number in range(10 + 10 * lane)))
        await desk.turn(f"lane{lane}", gate=five_a_second(f"lane{lane}", burst=1))
    gone: Counter[str] = Counter()
    for _ in range(90):
        await desk.at(desk.now + 200)
        for lane in range(10):
            gone[f"lane{lane}"] += went(await desk.turn(f"lane{lane}", gate=five_a_second(f"lane{lane}", burst=1)))
    assert gone.total() == 90
    assert set(gone.values()) == {9}


async def test_a_ticket_of_a_calm_lane_waits_for_one_of_the_flood(desk: Desk) -> None:
    """With two hundred tickets waiting in one lane, a ticket of another one goes next."""
    await desk.open("flood", *(f"f{number}" for number in range(200)))
    await desk.turn("flood", gate=five_a_second("flood", burst=1))
    await desk.open("calm", "only")
    assert not went(await desk.turn("calm", gate=five_a_second("calm", burst=1)))
    for _ in range(2):
        await desk.at(desk.now + 200)
        if went(await desk.turn("calm", gate=five_a_second("calm", burst=1))):
            return
        await desk.turn("flood", gate=five_a_second("flood", burst=1))
    pytest.fail("the calm lane waits for the flood")


async def test_a_verdict_says_what_stands_before_it(desk: Desk) -> None:
    """How many calls of which class, and how long they will take."""
    for name in ("now", "s1", "s2"):
        await asked(desk, name)
    await asked(desk, "reply", CallClass.LIVE)
    told = await asked(desk, "s3")
    assert orjson.loads(told.reason) == {"live": 1, "start": 2}
    assert int(told.detail) == 800


# --- further rates of a call -----------------------------------------------------------------------------------------


async def test_a_ticket_has_a_rate_of_its_own(desk: Desk) -> None:
    """A vendor's limit on one ticket holds that ticket back, and takes nothing of the account's pace."""
    rate = (("ticket:t1", 20_000.0, 1),)
    for number, expected in ((1, "go"), (2, "ticket")):
        await desk.store.accept(f"x{number}", "x", 60, [Incoming("t1", "a", f"f{number}", '"e"', "{}", "{}")])
        verdict = (await desk.turn("a", gate=five_a_second("a", *rate)))["t1"]
        assert verdict.verdict == expected
    assert int(verdict.detail) == 20_000
    await desk.open("a", "t2")
    assert (await desk.turn("a"))["t2"].verdict == "go"


async def test_a_write_that_waits_for_its_ticket_alone_takes_no_place(desk: Desk) -> None:
    """Also where the account's pace is used up: the ticket's next read keeps the place that it has."""
    write, read = five_a_second("a", ("ticket:t1", 20_000.0, 1), burst=1), five_a_second("a", burst=1)
    await desk.open("a", "t1")
    [claimed] = (await desk.store.claim("a", "job", 100)).tickets
    verdicts = [await desk.pass_by(claimed, gate) for gate in (write, write, read, write)]
    assert [one.verdict for one in verdicts] == ["go", "ticket", "paced", "ticket"]
    await desk.at(desk.now + 200)
    assert (await desk.pass_by(claimed, read)).verdict == "go"


async def test_what_is_quiet_gets_no_more_than_its_part(desk: Desk) -> None:
    """Questions whether something was missed take a tenth of a project's pace, though nothing else waits."""
    gate = five_a_second("a", burst=1, call_class=CallClass.QUIET, caller=True, quiet_ms=2_000.0)
    gone = 0
    for tick in range(101):
        await desk.at(1_000_000 + 200 * tick)
        await desk.store.due()
        gone += (await desk.store.rounds.pass_gate(f"q{gone}", gate, ())).verdict == "go"
    assert gone == 11
