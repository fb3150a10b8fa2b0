"""Redis loses data under a running bridge: it is noticed, what was answered 202 goes on, and nothing is done twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.links import Link
from bridge.twins.faults import EventFault, Fault
from tests.harness import eventually
from tests.lost_data import NOTES, PREFIX, on_its_own, restored
from tests.outcomes import HELD
from tests.talk import reads

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lost_data import Bridge

BRIEF_CALL = {"start_timeout_s": 2.0}
PARK = {"unknown_start": {"wait_s": 1.0, "then": "park"}}


async def test_a_flush_does_not_become_duplicates(tmp_path: Path) -> None:
    """A ticket that had its conversation and its note keeps the one of each, and the bridge knows them again."""
    async with on_its_own(tmp_path, zendesk=NOTES) as bridge:
        ticket = bridge.on.zendesk.open_ticket("Ayuda", "+593987000001")
        before = await bridge.on.until_phase(str(ticket.id), "open", kind="zendesk", account="acme")
        await bridge.redis.flushall()
        told = await bridge.noticed("flushed")
        after = await bridge.on.until_phase(str(ticket.id), "open", kind="zendesk", account="acme")
        assert after["conversation"] == before["conversation"]
        assert len(bridge.on.jelou.ledger.by_ticket(str(ticket.id))) == 1
        assert [note.public for note in bridge.on.zendesk.desk.tickets[ticket.id].comments].count(False) == 1
        assert told["redis"]["last_loss"]["put_back"] > 0
        assert any("was emptied" in warning for warning in told["warnings"])


async def test_a_ticket_that_waited_at_a_flush_is_started(tmp_path: Path) -> None:
    """It was answered 202; nothing else remembers it."""
    async with on_its_own(tmp_path) as bridge:
        bridge.on.jelou.faults.next_start(Fault(status=429, retry_after="2"))
        await bridge.on.scripted("waits")
        await bridge.on.bridge.traced("standard-webhooks", "scripts", "waits", lambda told: bool(told["waits_for"]))
        await bridge.redis.flushall()
        await bridge.on.until_phase("waits", "open")
        assert len(bridge.on.jelou.ledger.by_ticket("waits")) == 1


async def test_a_start_from_an_old_file_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """What was accepted, started and noted since the copy is there once, as before."""
    async with on_its_own(tmp_path, zendesk=NOTES) as bridge:
        early = bridge.on.zendesk.open_ticket("Temprano", "+593987000002")
        await bridge.on.until_phase(str(early.id), "open", kind="zendesk", account="acme")
        copy = bridge.copy("old")
        late = bridge.on.zendesk.open_ticket("Tarde", "+593987000003")
        await bridge.on.until_phase(str(late.id), "open", kind="zendesk", account="acme")
        await bridge.on.scripted("late")
        await bridge.on.until_phase("late", "open")
        await restored(bridge.server, copy)
        await bridge.noticed("rolled back")
        for ticket in (early, late):
            await bridge.on.until_phase(str(ticket.id), "open", kind="zendesk", account="acme")
            assert len(bridge.on.jelou.ledger.by_ticket(str(ticket.id))) == 1
            assert [one.public for one in bridge.on.zendesk.desk.tickets[ticket.id].comments].count(False) == 1
        await bridge.on.until_phase("late", "open")
        assert len(bridge.on.jelou.ledger.by_ticket("late")) == 1


async def test_a_ticket_tells_of_its_conversation_when_nobody_else_can(tmp_path: Path) -> None:
    """The process that started it is gone, and Redis knows nothing: the note says it, and Jelou agrees."""
    async with on_its_own(tmp_path, zendesk=NOTES | {"confirm_wait_s": 0.2}) as bridge:
        bridge.on.jelou.faults.next_event(EventFault.named("dropped"))
        ticket = bridge.on.zendesk.open_ticket("Ayuda", "+593987000004")
        before = await bridge.on.until_phase(str(ticket.id), "open", kind="zendesk", account="acme")
        bridge.on.bridge.app.store.no_testimony(f"zendesk/acme/{ticket.id}")
        await bridge.redis.flushall()
        await bridge.noticed("flushed")
        after = await bridge.on.until_phase(str(ticket.id), "open", kind="zendesk", account="acme")
        assert after["conversation"] == before["conversation"]
        assert "looked" in [told["what"] for told in after["timeline"]]
        assert len(bridge.on.jelou.ledger.by_ticket(str(ticket.id))) == 1


async def test_the_field_tells_it_too(tmp_path: Path) -> None:
    """An account that wants a field and no notes."""
    field = {"write_back": {"note": False, "field": "external_id"}, "confirm_wait_s": 0.2}
    async with on_its_own(tmp_path, zendesk=field) as bridge:
        bridge.on.jelou.faults.next_event(EventFault.named("dropped"))
        ticket = bridge.on.zendesk.open_ticket("Ayuda", "+593987000005")
        before = await bridge.on.until_phase(str(ticket.id), "open", kind="zendesk", account="acme")
        bridge.on.bridge.app.store.no_testimony(f"zendesk/acme/{ticket.id}")
        await bridge.redis.flushall()
        await bridge.noticed("flushed")
        after = await bridge.on.until_phase(str(ticket.id), "open", kind="zendesk", account="acme")
        assert after["conversation"] == before["conversation"]
        assert "looked" in [told["what"] for told in after["timeline"]]
        assert len(bridge.on.jelou.ledger.by_ticket(str(ticket.id))) == 1


async def test_what_nobody_can_know_is_not_started_again(tmp_path: Path) -> None:
    """A worker of before has not told, and the sender cannot be asked: a person decides, or Jelou's event does."""
    async with on_its_own(tmp_path, scripts=PARK) as bridge:
        bridge.on.jelou.faults.next_start(Fault(status=429, retry_after="600"), times=2)
        for name in ("never-started", "settled"):
            await bridge.on.scripted(name, phone=f"+5939870000{len(name)}")
        await bridge.gone_worker()
        await bridge.redis.flushall()
        await bridge.on.until_phase("never-started", "parked")
        told = await bridge.on.until_phase("settled", "parked")
        assert "Redis has lost data" in told["reason"]
        assert bridge.on.jelou.ledger.by_ticket("settled") == []


async def test_jelous_event_settles_what_nobody_can_know(tmp_path: Path) -> None:
    """The start had worked: the event that comes late says so, and nothing is started again."""
    async with on_its_own(tmp_path, scripts=PARK | {"confirm_wait_s": 0.2}) as bridge:
        bridge.on.jelou.faults.next_event(HELD)
        await bridge.on.scripted("settled")
        await bridge.on.until_phase("settled", "started", "open")
        await bridge.gone_worker()
        bridge.on.bridge.app.store.no_testimony("standard-webhooks/scripts/settled")
        await bridge.redis.flushall()
        await bridge.on.until_phase("settled", "unknown", "parked")
        await bridge.on.jelou.settle()
        await bridge.on.until_phase("settled", "open")
        assert len(bridge.on.jelou.ledger.by_ticket("settled")) == 1


async def test_a_worker_tells_of_a_start_that_nobody_else_knows_of(tmp_path: Path) -> None:
    """Jelou's event never came and the sender cannot be asked: the worker's own memory settles it."""
    async with on_its_own(tmp_path, scripts={"confirm_wait_s": 0.2}) as bridge:
        bridge.on.jelou.faults.next_event(EventFault.named("dropped"))
        await bridge.on.scripted("told")
        before = await bridge.on.until_phase("told", "open")
        await bridge.redis.flushall()
        after = await bridge.on.until_phase("told", "open")
        assert after["conversation"] == before["conversation"]
        assert "told" in [one["what"] for one in after["timeline"]]
        assert len(bridge.on.jelou.ledger.by_ticket("told")) == 1


async def test_a_start_that_was_out_at_the_loss_is_not_sent_again(tmp_path: Path) -> None:
    """Its answer never comes, nor does its event: a person decides, and what is known is told."""
    async with on_its_own(tmp_path, scripts=PARK, jelou=BRIEF_CALL) as bridge:
        bridge.on.jelou.faults.next_start(Fault.named("hang_after_accepting"))
        bridge.on.jelou.faults.next_event(EventFault.named("dropped"))
        await bridge.on.scripted("out")

        async def sent() -> bool:
            return bool(bridge.on.jelou.ledger.by_ticket("out"))

        await eventually(sent)
        await bridge.redis.flushall()
        await bridge.on.until_phase("out", "parked")
        assert len(bridge.on.jelou.ledger.by_ticket("out")) == 1


@pytest.mark.parametrize("known", ["open", "closed"])
async def test_an_episode_that_redis_has_lost_is_not_begun_twice(tmp_path: Path, known: str) -> None:
    """The ticket was reopened after the copy, which knows its first conversation as open, or as closed."""
    async with on_its_own(tmp_path, zendesk=NOTES) as bridge:
        desk, phases = bridge.on.zendesk, {"kind": "zendesk", "account": "acme"}
        ticket = desk.open_ticket("Ayuda", "+593987000006").id
        copies = {}
        await bridge.on.until_phase(str(ticket), "open", **phases)
        copies["open"] = bridge.copy("open")
        desk.change(ticket, status="solved")
        await bridge.on.until_phase(str(ticket), "closed", **phases)
        copies["closed"] = bridge.copy("closed")
        desk.change(ticket, status="open")
        before = await bridge.on.until_phase(str(ticket), "open", **phases)
        await restored(bridge.server, copies[known])
        await bridge.noticed("rolled back")

        async def again() -> bool:
            after = await bridge.on.until_phase(str(ticket), "open", "closed", **phases)
            return bool(after["conversation"] == before["conversation"])

        await eventually(again)
        assert len(bridge.on.jelou.ledger.by_ticket(str(ticket))) == 2


async def test_a_ticket_is_looked_at_once_after_a_loss(tmp_path: Path) -> None:
    """However often its start has to wait: each look costs two calls of the pace that live conversations need."""
    async with on_its_own(tmp_path, zendesk=NOTES | {"write_back": {"field": "external_id"}}) as bridge:
        bridge.on.jelou.faults.next_start(Fault(status=429, retry_after="1"), times=4)
        ticket = bridge.on.zendesk.open_ticket("Ayuda", "+593987000008")
        await bridge.on.bridge.traced("zendesk", "acme", str(ticket.id), lambda told: bool(told["waits_for"]))
        await bridge.redis.flushall()
        told = await bridge.on.until_phase(str(ticket.id), "open", kind="zendesk", account="acme")
        what = [one["what"] for one in told["timeline"]]
        assert what.count("refused") > 1
        assert what.count("looked") == 1


async def test_a_note_that_was_looked_for_before_a_loss_is_looked_for_again(tmp_path: Path) -> None:
    """It was not there, had to wait and was written; Redis is set back to when it waited."""
    async with on_its_own(tmp_path, zendesk=NOTES | {"calls_per_minute": 60}) as bridge:
        on = bridge.on
        on.jelou.faults.next_start(Fault(status=429, retry_after="1"))
        ticket = on.zendesk.open_ticket("Ayuda", "+593987000009").id
        await on.bridge.traced("zendesk", "acme", str(ticket), lambda told: bool(told["waits_for"]))
        await bridge.redis.flushall()
        await eventually(lambda: _looked_for(bridge, f"zendesk/acme/{ticket}"))
        copy = bridge.copy("waiting")
        await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        await restored(bridge.server, copy)
        await bridge.noticed("rolled back")
        await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        assert [note.public for note in on.zendesk.desk.tickets[ticket].comments].count(False) == 1


async def _looked_for(bridge: Bridge, ticket: str) -> bool:
    # redis-py types one method for its clients of both kinds.
    asked: Any = bridge.redis.hget(f"{PREFIX}:link:{ticket}", "state")
    return any(todo.looked for todo in Link.load(await asked or b"").todo)


async def test_what_a_customer_writes_after_a_loss_is_not_lost(tmp_path: Path) -> None:
    """The update stands on the ticket and Redis has forgotten it: with more text it would be taken as the same one."""
    quick = {"messages": {"merge_s": 0.2}}
    async with on_its_own(tmp_path, zendesk=NOTES | quick) as bridge:
        on, user = bridge.on, "593987000007"
        ticket = on.zendesk.open_ticket("Ayuda", f"+{user}").id
        await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        copy = bridge.copy("open")
        on.jelou.customer_writes(user, "hola")
        await reads(on, ticket, "hola")
        await on.bridge.lanes.drain()
        await restored(bridge.server, copy)
        on.jelou.customer_writes(user, "no puedo entrar")
        await on.jelou.settle()
        on.bridge.lanes.draining = False
        await reads(on, ticket, "hola", "no puedo entrar")


async def test_a_start_that_was_out_at_the_loss_is_tried_again_where_the_account_says_so(tmp_path: Path) -> None:
    """What the start was to be is lost with the link: the ticket's own event tells it again."""
    retry = {"unknown_start": {"wait_s": 1.0, "then": "retry"}, "confirm_wait_s": 0.2}
    async with on_its_own(tmp_path, scripts=retry, jelou=BRIEF_CALL) as bridge:
        bridge.on.jelou.faults.next_start(Fault.named("hang_after_accepting"))
        bridge.on.jelou.faults.next_event(EventFault.named("dropped"))
        await bridge.on.scripted("out")

        async def sent() -> bool:
            return bool(bridge.on.jelou.ledger.by_ticket("out"))

        await eventually(sent)
        await bridge.redis.flushall()
        await bridge.on.until_phase("out", "open")
        assert len(bridge.on.jelou.ledger.by_ticket("out")) == 2
