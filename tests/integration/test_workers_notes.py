"""Writing back to Zendesk: each note once, whatever becomes of its call, and no note is lost in silence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.helpdesks import REGISTRY
from bridge.helpdesks.zendesk import Zendesk
from bridge.twins.faults import Fault, Shape
from tests.harness import PROJECT, eventually, scene
from tests.held import Held
from tests.outcomes import BRIEF_LANES, due_now, line, reasons, told
from workers.limits import Limits

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from bridge.domain import Call
    from bridge.wiring import App
    from tests.harness import Scene
    from tests.outcomes import Trace

ARRIVED = {
    "500 after accepting": Fault.named("error_after_accepting"),
    "502 page after accepting": Fault(accept=True, status=502, shape=Shape.HTML),
    "reset after accepting": Fault.named("reset_after_accepting"),
    "hang after accepting": Fault.named("hang_after_accepting"),
    "2xx that breaks off": Fault.named("unreadable_after_accepting"),
}

NOT_ARRIVED = {
    "500": Fault(status=500),
    "503": Fault(status=503),
    "reset before accepting": Fault.named("reset_before_accepting"),
    "429": Fault.named("throttled", retry_after="0.1"),
    "409": Fault(status=409),
}

NOT_SEEN = {
    "429": Fault.named("throttled", retry_after="0.1"),
    "page": Fault.named("not_json"),
}

NOTE = "1:note:started"
FOUND = "found: an earlier try had arrived"


class Impatient(Zendesk):
    """The dialect of Zendesk with calls that give up soon."""

    def call(self, *args: Any, **named: Any) -> Call | None:
        """The same call, with less patience."""
        call = super().call(*args, **named)
        return call and replace(call, timeout_s=0.3)


def impatient(app: App) -> App:
    """A bridge that does not wait six seconds for Zendesk."""
    return replace(app, helpdesks={**REGISTRY, "zendesk": Impatient()})


def open_ticket(on: Scene, phone: int = 593_987_654_321, **faults: Fault) -> int:
    """A ticket of the Zendesk twin; the first call of each operation for it meets the fault of that name."""
    ticket = on.zendesk.open_ticket("No puedo entrar", f"+{phone}").id
    for operation, fault in faults.items():
        on.zendesk.faults.next(operation, replace(fault, only=f"/{ticket}"))
    return ticket


async def written(on: Scene, ticket: int, *phases: str) -> Trace:
    """The trace of a ticket when all is written on it."""
    return await on.until_phase(str(ticket), *(phases or ("open",)), kind="zendesk", account="acme")


def how(trace: Trace) -> str | None:
    """How the note came to stand on the ticket."""
    [answered] = told(trace, "answered", key=NOTE)
    return answered.get("how")


async def test_a_note_that_may_have_arrived_is_looked_for(redis_url: str, prefix: str) -> None:
    """Its mark is found among the comments, so it is not written twice; field and tag follow."""
    async with scene(redis_url, prefix, adapted=impatient) as on:
        tickets = {
            name: open_ticket(on, 593_987_654_000 + n, update_ticket=fault)
            for n, (name, fault) in enumerate(ARRIVED.items())
        }
        for name, ticket in tickets.items():
            trace = await written(on, ticket)
            assert (len(on.zendesk.notes(ticket)), how(trace)) == (1, FOUND), name
            assert on.zendesk.desk.ticket(ticket).external_id == trace["conversation"]
            assert on.zendesk.desk.ticket(ticket).tags == ["jelou"]


async def test_a_note_that_did_not_arrive_is_written(redis_url: str, prefix: str) -> None:
    """Whether that was certain or found out by a look."""
    async with scene(redis_url, prefix) as on:
        tickets = {
            name: open_ticket(on, 593_987_654_000 + n, update_ticket=fault)
            for n, (name, fault) in enumerate(NOT_ARRIVED.items())
        }
        for name, ticket in tickets.items():
            trace = await written(on, ticket)
            assert (len(on.zendesk.notes(ticket)), how(trace)) == (1, None), name


async def test_a_look_that_failed_is_made_again(redis_url: str, prefix: str) -> None:
    """As long as nobody looked, the note may stand there: it is not written again before."""
    arrived = Fault.named("error_after_accepting")
    async with scene(redis_url, prefix) as on:
        tickets = {
            name: open_ticket(on, 593_987_654_000 + n, update_ticket=arrived, list_comments=fault)
            for n, (name, fault) in enumerate(NOT_SEEN.items())
        }
        for name, ticket in tickets.items():
            trace = await written(on, ticket)
            assert (len(on.zendesk.notes(ticket)), how(trace)) == (1, FOUND), name


async def test_a_slow_helpdesk_holds_back_its_own_ticket_alone(redis_url: str, prefix: str) -> None:
    """What is done of a batch is finished, and claiming goes on beside the call that hangs."""
    async with scene(redis_url, prefix) as on:
        hung = open_ticket(on, 593_987_654_000, update_ticket=Fault.named("hang_after_accepting"))
        for n in range(1, 5):
            await written(on, open_ticket(on, 593_987_654_000 + n))
        trace = await on.bridge.trace("zendesk", "acme", str(hung))
        assert (trace["to_write"], trace["waits_for"]) == ([NOTE, "1:field", "1:tag"], "a worker has it in its hands")


async def test_a_field_of_unknown_fate_is_written_again(redis_url: str, prefix: str) -> None:
    """That is harmless, so nobody looks; the note before it stays one."""
    async with scene(redis_url, prefix) as on:
        on.zendesk.faults.next("update_ticket", Fault.named("error_after_accepting", only="external_id"))
        ticket = open_ticket(on)
        trace = await written(on, ticket)
        assert on.zendesk.desk.ticket(ticket).external_id == trace["conversation"]
        assert on.zendesk.desk.ticket(ticket).tags == ["jelou"]
        assert len(on.zendesk.notes(ticket)) == 1


async def test_a_ticket_that_is_closed_for_good_is_an_outcome_of_its_own(redis_url: str, prefix: str) -> None:
    """It is not tried for ever: what is left to write is left out with the reason, and the conversation ends."""
    call = Held()
    async with scene(redis_url, prefix, adapted=call) as on:
        ticket = open_ticket(on)
        await call.is_out()
        on.zendesk.change(ticket, status="closed")
        call.let_go()
        trace = await on.until_phase(str(ticket), "closed", kind="zendesk", account="acme")
        ended = "answered 422: the ticket is closed for good, or merged into another"
        assert reasons(trace, "gone") == [ended]
        assert told(trace, "buried") == []
        assert told(trace, "skipped", key="1:field") != []
        [conversation] = on.jelou.ledger.conversations.values()
        assert conversation.state == "closed"
        assert on.zendesk.notes(ticket) == []


async def test_a_helpdesk_that_is_away_gets_its_note_later(redis_url: str, prefix: str) -> None:
    """The conversation does not wait for it."""
    call = Held()
    async with scene(redis_url, prefix, adapted=call) as on:
        ticket = open_ticket(on)
        await call.is_out()
        await on.jelou.settle()
        port = int(on.zendesk.url.rpartition(":")[2])
        await on.zendesk.stop()
        call.let_go()
        trace = await on.bridge.traced("zendesk", "acme", str(ticket), lambda seen: bool(told(seen, "refused")))
        assert (trace["phase"], trace["to_write"]) == ("open", [NOTE, "1:field", "1:tag"])
        await on.zendesk.start(port)
        await written(on, ticket)
        assert len(on.zendesk.notes(ticket)) == 1


async def test_a_ticket_that_cannot_be_read_yet_is_read_later(redis_url: str, prefix: str) -> None:
    """Reading is safe to repeat, whatever became of the call before."""
    async with scene(redis_url, prefix, adapted=impatient) as on:
        ticket = open_ticket(on, get_ticket=Fault.named("reset_after_accepting"))
        on.zendesk.faults.next("get_ticket", Fault.named("throttled", retry_after="0.1"))
        trace = await written(on, ticket)
        assert len(told(trace, "waiting")) >= 2
        assert len(on.jelou.ledger.starts) == 1


async def test_a_ticket_that_does_not_exist_any_more_starts_nothing(redis_url: str, prefix: str) -> None:
    """An answer that will not change ends it: buried, with the reason."""
    async with scene(redis_url, prefix) as on:
        ticket = open_ticket(on, get_ticket=Fault(status=404))
        trace = await written(on, ticket, "failed")
        assert "could not be read" in trace["reason"]
        assert line(trace)[:2] == ["to failed", "buried"]
        assert on.jelou.ledger.starts == []
        assert len(on.zendesk.notes(ticket)) == 1


async def test_an_account_that_wants_no_notes_gets_none(redis_url: str, prefix: str) -> None:
    """Neither for a start nor for a failure; field and tag are asked for apart."""
    async with scene(redis_url, prefix, zendesk={"write_back": {"note": False, "tag": "jelou"}}) as on:
        ticket = open_ticket(on)
        await written(on, ticket)
        assert on.zendesk.notes(ticket) == []
        assert on.zendesk.desk.ticket(ticket).tags == ["jelou"]
        on.jelou.faults.next_start(Fault(status=422))
        ticket = open_ticket(on)
        await written(on, ticket, "failed")
        assert on.zendesk.notes(ticket) == []


async def test_a_worker_that_died_while_writing_leaves_one_note(redis_url: str, prefix: str, redis: Redis) -> None:
    """The note is marked before it goes out: whoever takes over looks first."""
    limits = Limits(drain_s=0.05, sweep_s=0.1)
    async with scene(redis_url, prefix, leases=BRIEF_LANES, limits=limits) as on:
        ticket = open_ticket(on, update_ticket=Fault.named("hang_after_accepting"))

        async def noted() -> bool:
            return len(on.zendesk.notes(ticket)) == 1

        await eventually(noted)
        await on.bridge.lanes.drain()
        on.bridge.lanes.draining = False
        await due_now(redis, prefix, f"zendesk/acme~{PROJECT}", f"zendesk/acme/{ticket}")
        trace = await written(on, ticket)
        assert (len(on.zendesk.notes(ticket)), how(trace)) == (1, FOUND)
