"""No script holds Redis for long, however much there is: it goes in parts, and what strangers say is bounded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from bridge import scripting
from bridge.scripting import REDIS_CLOCK
from tests.steps import DAY_MS, DECISION, KEEP, LANE, PROJECT

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.steps import Steps

PERSON = "593987001234"


async def scripts(steps: Steps) -> int:
    """How many were run."""
    return int((await steps.redis.info("commandstats"))["cmdstat_evalsha"]["calls"])


def decision(number: int, ticket: str = "") -> str:
    """One of many."""
    return replace(DECISION, id=f"d-{number}", ticket=ticket).dump()


# --- large tickets ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["facts", "evidence", "names"])
async def test_a_large_ticket_is_forgotten_in_parts(steps: Steps, what: str) -> None:
    """Nothing of it is left, and what was known of it stays known."""
    await steps.accept("first", fact="fact-0")
    await large(steps, what)
    before = await scripts(steps)
    assert (await steps.forget("t")).tickets == 1
    assert await scripts(steps) - before > 4
    assert [one async for one in steps.redis.scan_iter(f"{steps.prefix}:*:t")] == []
    assert await steps.retire() == {}
    await steps.accept("again", fact="fact-0")
    assert await steps.inbox() == []


async def large(steps: Steps, what: str) -> None:
    """The ticket has very much of this."""
    many = range(2_500)
    if what == "facts":
        await steps.redis.sadd(steps.key("facts", "t"), *[f"fact-{number}" for number in many])
    elif what == "evidence":
        await steps.redis.rpush(steps.key("evidence", "t"), *["{}" for _ in many])
    else:
        await steps.redis.sadd(steps.key("named", "t"), *[f"room:{number}" for number in many])


async def test_a_large_ticket_is_retired_in_parts(steps: Steps) -> None:
    """Until it has gone it is a ticket like any, and a fact that was told is known all the time."""
    await steps.ended()
    await large(steps, "facts")
    await steps.pass_ms(DAY_MS)
    rounds = [await steps.store.removals.retire(KEEP, [PROJECT], 10) for _ in range(2)]
    assert [(one.counts, one.more) for one in rounds] == [({}, True)] * 2
    await steps.accept("again", fact="fact-7")
    assert await steps.inbox() == []
    gone = [await steps.retire() for _ in range(6)]
    assert sum(one.get("closed", 0) for one in gone) == 1
    await steps.accept("again", fact="fact-7")
    assert await steps.inbox() == []


async def test_a_claim_takes_some_of_much_evidence(steps: Steps) -> None:
    """The rest comes with the next, at once."""
    await steps.told(ticket="t")
    await large(steps, "evidence")
    [claimed] = (await steps.claim()).tickets
    assert len(claimed.evidence) < 500
    await steps.finish(claimed)
    assert await steps.due_in_ms() == 0


async def test_many_who_wait_for_one_start_are_woken_in_parts(steps: Steps) -> None:
    """Those that are left stand behind it still, and look by themselves."""
    first, _ = await steps.two_of_one_person()
    await steps.redis.sadd(steps.key("behind", "ana"), *[f"w-{number}" for number in range(2_500)])
    await steps.finish(first, release=True, contact="ana")
    assert await steps.redis.scard(steps.key("behind", "ana")) == 1_500


async def test_a_resumed_account_wakes_all_in_parts(steps: Steps) -> None:
    """Every ticket that was held is due."""
    await steps.redis.sadd(steps.key("held", "acme"), *[f"h-{number}" for number in range(2_500)])
    for number in range(2_500):
        await steps.redis.hset(steps.key("link", f"h-{number}"), "lane", LANE)
    before = await scripts(steps)
    assert await steps.store.resume("acme") == [LANE]
    assert await scripts(steps) - before >= 3
    assert await steps.redis.zcard(steps.key("lane", LANE)) == 2_500


# --- decisions -------------------------------------------------------------------------------------------------------


async def test_decisions_are_gone_through_a_few_at_a_time(steps: Steps) -> None:
    """Ten thousand of them, and all about the ticket go."""
    told = {f"d-{number}": decision(number, "t" if number % 100 == 0 else "other") for number in range(5_000)}
    await steps.redis.hset(steps.key("decisions"), mapping=told)
    await steps.redis.zadd(steps.key("decisions-by-time"), dict.fromkeys(told, steps.now))
    await steps.accept("first")
    before = await scripts(steps)
    await steps.forget("t")
    assert await scripts(steps) - before >= 25
    left = await steps.redis.hvals(steps.key("decisions"))
    assert len(left) == 4_950
    assert {orjson.loads(one)["ticket"] for one in left} == {"other"}


async def test_what_was_decided_about_an_orphan_of_the_person_goes(steps: Steps) -> None:
    """It names nobody, so that who it was about is kept beside it, as a hash."""
    for conversation, person in (("c1", PERSON), ("c2", "ben")):
        await steps.told(conversation=conversation, contact=person)
        about = replace(DECISION, id=conversation, what="discarded")
        assert await steps.store.records.discard_orphan(PROJECT, conversation, 1, about, (person,)) == "done"
    everything = await steps.everything()
    assert PERSON not in everything
    await steps.forget(people=((PERSON, ()),))
    assert [name async for name in steps.redis.hscan_iter(steps.key("decisions"), no_values=True)] == [b"c2"]


# --- orphans ---------------------------------------------------------------------------------------------------------


def sizes(steps: Steps) -> Any:
    """What is noted of the orphans' sizes: all, by name."""
    return steps.redis.hgetall(steps.key("orphan-sizes", PROJECT))


async def test_one_conversation_of_a_stranger_is_bounded(steps: Steps) -> None:
    """Its first event, which says whose it is, and its newest are kept."""
    for number in range(210):
        await steps.told(f"m-{number}", kind="message", conversation="c1")
    kept = await steps.orphans()
    assert (len(kept), kept[0], kept[1], kept[-1]) == (200, "m-0", "m-11", "m-209")
    texts = await steps.redis.lrange(steps.key("orphan", PROJECT, "c1"), 0, -1)
    assert await sizes(steps) == {b"c1": str(sum(map(len, texts))).encode()}


async def test_large_events_of_a_stranger_are_bounded_by_their_bytes(steps: Steps) -> None:
    """The newest is kept whatever its size."""
    for number in range(4):
        await steps.told(str(number) * 120_000, kind="message", conversation="c1")
    assert [one[0] for one in await steps.orphans()] == ["0", "3"]


async def test_the_oldest_orphans_go_where_there_are_too_many(steps: Steps) -> None:
    """It is counted which project lost how many."""
    await steps.told(conversation="old", contact="ana")
    more = {f"o-{number}": steps.now + number for number in range(1, 10_001)}
    await steps.redis.zadd(steps.key("orphans", PROJECT), more)
    await steps.pass_ms(20_000)
    await steps.told(conversation="new")
    assert await steps.redis.zcard(steps.key("orphans", PROJECT)) == 10_000
    assert await steps.orphans("old") == []
    assert len(await steps.orphans("new")) == 1
    assert (await steps.store.removals.retire(KEEP, [PROJECT])).dropped == {PROJECT: 2}
    assert (await steps.store.removals.retire(KEEP, [PROJECT])).dropped == {}


async def test_the_oldest_orphans_go_where_there_are_too_many_bytes(steps: Steps) -> None:
    """And the count of bytes is that of what is there."""
    for number in range(140):
        await steps.told(f"{number:04}" * 60_000, conversation=f"c-{number}")
        await steps.pass_ms(1)
    assert await steps.orphans("c-0") == []
    assert len(await steps.orphans("c-139")) == 1
    noted = {name: int(size) for name, size in (await sizes(steps)).items()}
    total = int(await steps.redis.get(steps.key("orphan-bytes", PROJECT)))
    assert sum(noted.values()) == total <= 32 * 1024 * 1024
    assert len(noted) == await steps.redis.zcard(steps.key("orphans", PROJECT))


async def test_nothing_is_noted_of_orphans_that_have_gone(steps: Steps) -> None:
    """Discarded, adopted, retired or forgotten."""
    for conversation in ("c1", "c2", "c3", "c4"):
        await steps.told(conversation=conversation)
    await steps.store.records.discard_orphan(PROJECT, "c1", 1, DECISION)
    await steps.finish(await steps.held(), adopt=("c2",))
    await steps.forget(orphans=((PROJECT, "c3", "c3"),))
    await steps.pass_ms(KEEP.orphans)
    assert (await steps.retire())["orphan"] == 1
    assert await steps.redis.exists(steps.key("orphan-sizes", PROJECT), steps.key("orphan-bytes", PROJECT)) == 0


async def test_what_an_older_version_has_left_is_brought_within_the_bounds(steps: Steps) -> None:
    """By retention, a part at a time."""
    many = {f"o-{number}": steps.now for number in range(10_250)}
    await steps.redis.zadd(steps.key("orphans", PROJECT), many)
    rounds = [await steps.store.removals.retire(KEEP, [PROJECT]) for _ in range(4)]
    assert [(one.dropped.get(PROJECT, 0), one.more) for one in rounds] == [
        (100, True),
        (100, True),
        (50, True),
        (0, False),
    ]


@pytest.mark.parametrize("name", sorted(scripting._texts(REDIS_CLOCK)))  # noqa: SLF001 - the texts as they are sent
async def test_each_script_compiles(redis: Redis, name: str) -> None:
    """With all that is put before it: Lua takes 200 local names in a function, and 60 of the functions around it."""
    assert await redis.script_load(scripting._texts(REDIS_CLOCK)[name])  # noqa: SLF001 - as above
