"""A person's desk: dead letters previewed, replayed and discarded, orphans claimed; nothing done twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bridge.accounts import WriteBackTo
from bridge.desk import Desk, Wanted
from bridge.errors import Changed, NotThere
from bridge.letters import PARKED, Letter, letter_id
from bridge.lost import LostAndFound
from bridge.twins.faults import Fault
from tests.clocks import TWO_DAYS_MS, WallClock
from tests.harness import PROJECT, Scene, eventually, scene
from tests.outcomes import HELD


def desk(on: Scene) -> Desk:
    """The desk of the scene's bridge."""
    app = on.bridge.app
    return Desk(app.store.records, app.bridge, app.queue.wake, app.now_ms, "ana")


def lost(on: Scene) -> LostAndFound:
    """The orphans at that desk."""
    return LostAndFound(desk(on))


async def the_letter(on: Scene, ticket: str) -> Letter:
    """The one dead letter of a ticket."""
    [letter] = (await desk(on).dead_letters(Wanted(ticket=ticket))).items
    return letter


async def listed(on: Scene, **wanted: str) -> list[Letter]:
    """The dead letters that match."""
    return (await desk(on).dead_letters(Wanted(**wanted))).items


async def test_a_refused_start_is_replayed_once_its_cause_is_gone(redis_url: str, prefix: str) -> None:
    """The preview says what it would do, the replay does it, and the settled letter is gone."""
    async with scene(redis_url, prefix) as on:
        on.jelou.settings.users = frozenset()
        await on.scripted("T1")
        await on.until_phase("T1", "failed")
        letter = await the_letter(on, "T1")
        assert "knows no such user" in letter.reason
        assert (await desk(on).preview(letter)).says == "would start a conversation, by the rules as they are now"
        on.jelou.settings.users = None
        assert (await desk(on).replay(letter)).says == "will start a conversation, by the rules as they are now"
        await on.until_phase("T1", "open")
        assert await listed(on) == []
        assert len(on.jelou.ledger.by_ticket("T1")) == 1


async def test_a_replay_pressed_twice_starts_once(redis_url: str, prefix: str) -> None:
    """The second press of an old screen finds the conversation and says so."""
    async with scene(redis_url, prefix) as on:
        on.jelou.faults.next_start(Fault.named("status", status=422))
        await on.scripted("T1")
        await on.until_phase("T1", "failed")
        letter = await the_letter(on, "T1")
        await desk(on).replay(letter)
        told = await on.until_phase("T1", "open")
        assert (await desk(on).replay(letter)).says == f"nothing to do: already started as {told['conversation']}"
        assert len(on.jelou.ledger.by_ticket("T1")) == 1


async def test_a_ticket_that_fails_again_is_one_letter_again(redis_url: str, prefix: str) -> None:
    """A replay without a repair ends where it began, with the same letter."""
    async with scene(redis_url, prefix) as on:
        await on.scripted("T1", phone="none")
        await on.until_phase("T1", "failed")
        letter = await the_letter(on, "T1")
        await desk(on).replay(letter)

        async def buried_again() -> bool:
            found = await listed(on, ticket="T1")
            return [one.id for one in found] == [letter.id] and found[0].at_ms > letter.at_ms

        await eventually(buried_again)


async def test_a_parked_start_shows_both_facts(redis_url: str, prefix: str) -> None:
    """Its replay says that there may be two; evidence that comes after all settles it and takes the letter away."""
    unknown = {"wait_s": 0.3, "then": "park"}
    async with scene(redis_url, prefix, scripts={"unknown_start": unknown}) as on:
        on.jelou.faults.next_start(Fault.named("error_after_accepting"))
        on.jelou.faults.next_event(HELD)
        await on.scripted("T1")
        await on.until_phase("T1", "parked")
        letter = await the_letter(on, "T1")
        assert "there will be two" in (await desk(on).preview(letter)).says
        await on.jelou.settle()
        await on.until_phase("T1", "open")
        assert await listed(on) == []
        assert len(on.jelou.ledger.by_ticket("T1")) == 1


async def test_a_refused_note_is_written_by_its_replay(redis_url: str, prefix: str) -> None:
    """The start stays as it is; only the note is tried again."""
    async with scene(redis_url, prefix) as on:
        on.zendesk.faults.next("update_ticket", Fault.named("status", status=422))
        ticket = on.zendesk.open_ticket("Hola", "+593987654321")
        await on.until_phase(str(ticket.id), "open", kind="zendesk", account="acme")
        letter = await the_letter(on, str(ticket.id))
        assert letter.action.startswith("add.note")
        assert on.zendesk.notes(ticket.id) == []
        await desk(on).replay(letter)

        async def written() -> bool:
            return len(on.zendesk.notes(ticket.id)) == 1

        await eventually(written)
        assert len(on.jelou.ledger.by_ticket(str(ticket.id))) == 1


async def test_a_note_that_had_arrived_is_not_written_twice(redis_url: str, prefix: str) -> None:
    """It was given up without an answer; its replay looks for it first, and finds it."""
    async with scene(redis_url, prefix, zendesk={"horizon_s": 0.001}) as on:
        on.zendesk.faults.next("update_ticket", Fault.named("error_after_accepting"))
        on.zendesk.faults.next("list_comments", Fault(status=500))
        ticket = on.zendesk.open_ticket("Hola", "+593987654321")
        where = {"kind": "zendesk", "account": "acme"}
        await on.until_phase(str(ticket.id), "open", **where)
        letter = await the_letter(on, str(ticket.id))
        assert len(on.zendesk.notes(ticket.id)) == 1
        assert (await desk(on).replay(letter)).says.endswith("only add the note, unless an earlier try had arrived")
        told = await on.bridge.traced(
            "zendesk", "acme", str(ticket.id), lambda told: "found" in str(told["timeline"][-1].get("how", ""))
        )
        assert (told["to_write"], len(on.zendesk.notes(ticket.id))) == ([], 1)


async def test_a_start_that_was_made_is_replayed_as_its_note_alone(redis_url: str, prefix: str) -> None:
    """An account that did not want notes then and does now: the conversation is not started again."""
    async with scene(redis_url, prefix, zendesk={"write_back": {"note": False}}) as on:
        ticket = on.zendesk.open_ticket("Hola", "+593987654321")
        told = await on.until_phase(str(ticket.id), "open", kind="zendesk", account="acme")
        name, app = f"zendesk/acme/{ticket.id}", on.bridge.app
        letter = Letter(letter_id(name, PARKED), name, f"zendesk/acme~{PROJECT}", PARKED, "unknown", 1)
        async with Redis.from_url(redis_url) as redis:
            await redis.execute_command("HSET", f"{prefix}:dead-letters", letter.id, letter.dump())
        account = app.bridge.helpdesks["zendesk"]["acme"].model_copy(update={"write_back": WriteBackTo()})
        changed = app.bridge.model_copy(update={"helpdesks": {"zendesk": {"acme": account}}})
        doing = await replace(desk(on), bridge=changed).replay(letter)
        assert doing.says == f"already started as {told['conversation']}, will only add the note"

        async def written() -> bool:
            return len(on.zendesk.notes(ticket.id)) == 1

        await eventually(written)
        assert len(on.jelou.ledger.by_ticket(str(ticket.id))) == 1


async def test_a_discarded_letter_keeps_its_reason(redis_url: str, prefix: str) -> None:
    """It leaves the list, and the timeline says why."""
    async with scene(redis_url, prefix) as on:
        await on.scripted("T1", phone="none")
        told = await on.until_phase("T1", "failed")
        await desk(on).discard(await the_letter(on, "T1"), "a test ticket")
        told = await on.bridge.trace("standard-webhooks", "scripts", "T1")
        assert told["timeline"][-1] | {"at": 0} == {
            "at": 0,
            "what": "discarded",
            "action": "start.conversation",
            "letter": told["timeline"][-1]["letter"],
            "reason": "a test ticket",
            "by": "ana",
        }
        assert await listed(on) == []


async def test_a_letter_that_was_given_up_anew_is_not_discarded(redis_url: str, prefix: str) -> None:
    """Decided in one step with the taking away: a worker that buries it just then is not undone."""
    async with scene(redis_url, prefix) as on:
        await on.scripted("T1", phone="none")
        await on.until_phase("T1", "failed")
        letter = await the_letter(on, "T1")
        older = replace(letter, at_ms=letter.at_ms - 1)
        with pytest.raises(Changed, match="given up anew"):
            await desk(on).discard(older, "seen yesterday")
        with pytest.raises(Changed):
            await desk(on).replay(older)
        assert await listed(on) == [letter]


async def test_a_replay_has_its_horizon_before_it(redis_url: str, prefix: str) -> None:
    """A letter of long ago waits for a throttled Jelou as a new ticket would, and is not given up at once."""
    clock = WallClock()
    async with scene(redis_url, prefix, adapted=clock) as on:
        on.jelou.faults.next_start(Fault.named("status", status=422))
        await on.scripted("T1")
        await on.until_phase("T1", "failed")
        letter = await the_letter(on, "T1")
        clock.ahead_ms = TWO_DAYS_MS
        on.jelou.faults.next_start(Fault.named("throttled"))
        await desk(on).replay(letter)
        await on.until_phase("T1", "open")


async def test_a_filter_chooses_letters(redis_url: str, prefix: str) -> None:
    """Account, ticket and a part of the reason narrow the list."""
    async with scene(redis_url, prefix) as on:
        for ticket in ("T1", "T2"):
            await on.scripted(ticket, phone="none")
            await on.until_phase(ticket, "failed")
        assert len(await listed(on, account="standard-webhooks/scripts")) == 2
        assert len(await listed(on, account="zendesk/acme")) == 0
        assert len(await listed(on, reason="PHONE NUMBER")) == 2
        assert len(await listed(on, reason="credential")) == 0


async def test_an_orphan_is_claimed_for_a_ticket(redis_url: str, prefix: str) -> None:
    """A conversation that nobody asked for is listed, and belongs to the ticket a person names."""
    async with scene(redis_url, prefix) as on:
        on.jelou.hand_over("593111111111", "Hola")
        await on.jelou.settle()
        [orphan] = (await lost(on).orphans()).items
        assert set(orphan.events) == {"conversation.start", "customer.wrote"}
        assert "593111111111" not in str(orphan)
        ticket = "standard-webhooks/scripts/T9"
        says = await lost(on).claim(orphan, ticket)
        assert says == f"{orphan.conversation} belongs to {ticket} now"
        told = await on.until_phase("T9", "open")
        assert told["conversation"] == orphan.conversation
        assert (await lost(on).orphans()).items == []
        with pytest.raises(NotThere):
            await lost(on).claim(orphan, ticket)


async def test_what_is_not_there_is_said(redis_url: str, prefix: str) -> None:
    """An unknown letter or orphan is an error that names it."""
    async with scene(redis_url, prefix, work=False) as on:
        with pytest.raises(NotThere, match="no dead letter x"):
            await desk(on).letter("x")
        with pytest.raises(NotThere, match="no orphan c"):
            await lost(on).orphan("c", PROJECT)


async def test_a_ticket_that_changed_is_not_replayed_blindly(redis_url: str, prefix: str) -> None:
    """A worker's hands, or a newer state, win over an old screen."""
    async with scene(redis_url, prefix) as on:
        await on.scripted("T1", phone="none")
        await on.until_phase("T1", "failed")
        letter = await the_letter(on, "T1")
        async with Redis.from_url(redis_url) as redis:
            await redis.execute_command("HSET", f"{prefix}:link:{letter.ticket}", "holder", "somebody")
        with pytest.raises(Changed):
            await desk(on).replay(letter)
