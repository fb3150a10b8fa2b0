"""The gate before every call: pace shared by all workers and fair between lanes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bridge.protocol import Finish, Gate, Incoming
from tests.turns import five_a_second, went

if TYPE_CHECKING:
    from tests.turns import Desk


async def test_a_burst_goes_and_the_rest_gets_slots(desk: Desk) -> None:
    """Five of twenty go at once; the others wait one interval more each, and nobody asks twice."""
    await desk.open("a", *(f"t{number:02}" for number in range(20)))
    first = await desk.turn("a")
    waits = sorted(int(one.detail) for one in first.values() if one.verdict == "paced")
    assert went(first) == 5
    assert waits == [200 * (number + 1) for number in range(15)]
    gone = []
    for tick in range(1, 17):
        await desk.at(1_000_000 + 200 * tick)
        gone.append(went(await desk.turn("a")))
    assert gone == [1] * 15 + [0]


async def test_who_comes_later_does_not_overtake_its_own_lane(desk: Desk) -> None:
    """A new ticket takes its place behind those of its lane that wait, even when it is claimed first."""
    await desk.open("a", *(f"t{number}" for number in range(8)))
    first = await desk.turn("a")
    [waiting] = [ticket for ticket, verdict in first.items() if verdict.detail == "200"]
    await desk.at(desk.now + 199)
    await desk.open("a", "late")
    await desk.at(desk.now + 51)
    verdicts = await desk.turn("a")
    assert verdicts[waiting].verdict == "go"
    assert verdicts["late"].verdict == "paced"


async def test_a_slot_is_for_one_call(desk: Desk) -> None:
    """A ticket that had its turn stands at the end of the row with its next call."""
    await desk.open("a", *(f"t{number}" for number in range(8)))
    waits = {verdict.detail: ticket for ticket, verdict in (await desk.turn("a")).items()}
    await desk.at(desk.now + 200)
    assert (await desk.turn("a"))[waits["200"]].verdict == "go"
    await desk.at(desk.now + 199)
    again = Incoming(waits["200"], "a", "again", '"e"', "{}", "{}")
    await desk.store.accept("d-again", "again", 60, [again])
    await desk.at(desk.now + 51)
    verdicts = await desk.turn("a")
    assert verdicts[waits["400"]].verdict == "go"
    assert verdicts[waits["200"]].verdict == "paced"


async def test_a_slot_outlasts_the_gates_before_it(desk: Desk) -> None:
    """A ticket that is fetched anew before each try of its start keeps its place in the start's row."""
    other = Gate("helpdesk:zendesk/acme", "a", 1.0, 1_000)
    await desk.open("a", *(f"t{number:02}" for number in range(20)))
    await desk.turn("a")
    for tick in range(1, 17):
        await desk.at(1_000_000 + 200 * tick)
        for claimed in (await desk.store.claim("a", "job", 100)).tickets:
            assert (await desk.pass_by(claimed, other)).verdict == "go"
            assert (await desk.pass_by(claimed, five_a_second("a"))).verdict == "go"
            await desk.store.finish(Finish(claimed.ticket, "a", claimed.token, "{}", 1, 0, 0, ()))
    assert not await desk.redis.zcard(f"{desk.prefix}:lane:a")


async def test_each_waiting_lane_widens_the_slots(desk: Desk) -> None:
    """While another lane waits as well, the slots of a lane are two intervals apart: together they fit the pace."""
    await desk.open("a", *(f"a{number}" for number in range(8)))
    await desk.turn("a")
    await desk.open("b", "b0", "b1", "b2")
    waits = sorted(int(verdict.detail) for verdict in (await desk.turn("b")).values())
    assert waits == [200, 600, 1_000]


async def test_a_flood_in_one_lane_does_not_delay_another(desk: Desk) -> None:
    """With two hundred tickets waiting in one lane, a ticket of another one goes within two intervals."""
    await desk.open("flood", *(f"f{number}" for number in range(200)))
    await desk.turn("flood")
    await desk.open("calm", "only")
    for tick in range(3):
        await desk.at(1_000_000 + 200 * tick)
        if went(await desk.turn("calm")):
            return
        await desk.turn("flood")
    pytest.fail("the calm lane waits for the flood")


async def test_two_floods_share_the_pace(desk: Desk) -> None:
    """Two flooded lanes get about half each, and together never more than the pace allows."""
    await desk.open("a", *(f"a{number}" for number in range(100)))
    await desk.open("b", *(f"b{number}" for number in range(100)))
    gone: Counter[str] = Counter()
    for tick in range(100):
        await desk.at(1_000_000 + 200 * tick)
        for lane in ("a", "b") if tick % 2 else ("b", "a"):
            gone[lane] += went(await desk.turn(lane))
    assert 95 <= gone.total() <= 105
    assert min(gone.values()) >= 35


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


async def test_a_write_that_waits_for_its_ticket_alone_takes_no_turn(desk: Desk) -> None:
    """Also where the account's pace is used up: then the ticket's next read, which has a turn, would be behind it."""
    write, read = five_a_second("a", ("ticket:t1", 20_000.0, 1)), five_a_second("a")
    await desk.open("a", "t1")
    [claimed] = (await desk.store.claim("a", "job", 100)).tickets
    gates = (write, write, read, read, read, read, write, read)
    verdicts = [await desk.pass_by(claimed, gate) for gate in gates]
    assert [one.verdict for one in verdicts] == ["go", "ticket", *["go"] * 4, "ticket", "paced"]
    assert verdicts[-1].detail == "200"


async def test_some_writes_leave_a_part_of_a_tickets_own_rate_to_others(desk: Desk) -> None:
    """Both are counted together: who asks with fewer calls waits while the others go on, as long as all is used up."""
    fields, words = (five_a_second("a", ("ticket:t1", 20_000.0, calls)) for calls in (2, 3))
    await desk.open("a", "t1")
    [claimed] = (await desk.store.claim("a", "job", 100)).tickets
    for gate, expected in ((fields, "go"), (words, "go"), (fields, "ticket"), (words, "go"), (words, "ticket")):
        await desk.at(desk.now + 1_000)
        assert (verdict := await desk.pass_by(claimed, gate)).verdict == expected
    assert int(verdict.detail) == 16_000
    await desk.at(desk.now + 16_000)
    assert (await desk.pass_by(claimed, fields)).detail == "1000"
    assert (await desk.pass_by(claimed, words)).verdict == "go"
