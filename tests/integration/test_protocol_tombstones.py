"""What is told of a removed ticket: duplicates stay duplicates, late events leave nothing, new facts are new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.steps import DAY_MS, DECISION, KEEP, LANE, PROJECT

if TYPE_CHECKING:
    from tests.steps import Steps


async def retired(steps: Steps) -> None:
    """A ticket with a conversation, closed and removed."""
    await steps.ended(adopt=("c-1",))
    await steps.pass_ms(DAY_MS)
    assert await steps.retire() == {"closed": 1}


async def test_the_same_fact_told_again_starts_nothing(steps: Steps) -> None:
    """By another delivery, when the first one's key has long expired: accepted, and nothing comes of it."""
    await retired(steps)
    before = await steps.everything()
    accepted = await steps.accept("opened t", fact="opened t")
    assert (accepted.status, accepted.wake) == ("accepted", ())
    assert "seen:" in await steps.everything()
    assert without_seen(await steps.everything()) == without_seen(before)


def without_seen(everything: str) -> list[str]:
    """What is kept, but for the keys of deliveries, which end by themselves."""
    return [line for line in everything.splitlines() if ":seen:" not in line and ":clock" not in line]


async def test_a_new_fact_of_a_retired_ticket_is_new(steps: Steps) -> None:
    """Its time was over, it was not forgotten: what the helpdesk tells for the first time is worked."""
    await retired(steps)
    assert (await steps.accept("reopened", fact="reopened")).wake == (LANE,)
    [claimed] = (await steps.claim()).tickets
    assert claimed.inbox == (b"reopened",)
    await steps.finish(claimed, ended="closed")
    await steps.pass_ms(DAY_MS)
    assert await steps.retire() == {"closed": 1}
    for fact in ("opened t", "reopened"):
        await steps.accept("again", fact=fact)
    assert await steps.inbox() == []


async def test_evidence_counts_again_for_what_has_begun_anew(steps: Steps) -> None:
    """A removed ticket with a new fact has a link again, and a start of its own."""
    await retired(steps)
    await steps.accept("reopened", fact="reopened")
    assert (await steps.told("start", ticket="t", conversation="c-2")).ticket == "t"
    assert await steps.evidence() == ["start"]


@pytest.mark.parametrize("kind", ["start", "close", "message"])
@pytest.mark.parametrize("named_by", ["ticket", "conversation"])
async def test_late_events_of_a_removed_ticket_leave_nothing(steps: Steps, kind: str, named_by: str) -> None:
    """Accepted without an error; no link that is half of one, no orphan."""
    await retired(steps)
    before = without_seen(await steps.everything())
    accepted = await steps.told("late", kind=kind, ticket="t" if named_by == "ticket" else "", conversation="c-1")
    assert (accepted.status, accepted.ticket, accepted.by, accepted.wake) == ("accepted", "", "removed", ())
    assert without_seen(await steps.everything()) == before


async def test_a_conversation_that_a_late_start_names_is_known_from_then_on(steps: Steps) -> None:
    """A message that came before it is no orphan any more, and those after it are none."""
    await retired(steps)
    assert (await steps.told("early", kind="message", conversation="c-2")).status == "orphaned"
    assert (await steps.told("late", ticket="t", conversation="c-2")).by == "removed"
    assert (await steps.told("hello", kind="message", conversation="c-2")).by == "removed"
    assert "c-2" not in await steps.everything()


async def test_a_person_cannot_give_an_orphan_to_a_removed_ticket(steps: Steps) -> None:
    """It is said, and the orphan stays."""
    await retired(steps)
    await steps.told("start", conversation="c-2")
    claimed = await steps.store.records.claim_orphan(PROJECT, "c-2", "t", LANE, "claimed", DECISION)
    assert claimed == ("removed", "")
    assert await steps.orphans("c-2") == ["start"]


async def test_a_tombstone_ends(steps: Steps) -> None:
    """It has its own time, which Redis keeps."""
    await retired(steps)
    found = [key async for key in steps.redis.scan_iter(steps.key("tombstone", "*"))]
    assert len(found) == 2
    for key in found:
        assert KEEP.tombstones - 60_000 < await steps.redis.pttl(key) <= KEEP.tombstones


async def test_tombstones_of_two_installations_differ(steps: Steps) -> None:
    """The hash is keyed: who can guess a ticket's number cannot look it up by that."""
    await retired(steps)
    first = {key async for key in steps.redis.scan_iter(steps.key("tombstone", "*"))}
    await steps.redis.delete(steps.key("hash-key"))
    await steps.ended(adopt=("c-1",))
    await steps.pass_ms(DAY_MS)
    assert await steps.retire() == {"closed": 1}
    second = {key async for key in steps.redis.scan_iter(steps.key("tombstone", "*"))}
    assert len(second) == 4
    assert first < second
