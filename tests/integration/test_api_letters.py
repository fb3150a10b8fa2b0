"""``/api/`` for dead letters: listed, previewed, replayed, discarded; pressed twice, nothing is done twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bridge.letters import Letter, letter_id
from bridge.twins.faults import Fault
from tests.api_calls import Api
from tests.harness import Scene, eventually, scene
from tests.webhooks import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

ACCOUNT = "standard-webhooks/scripts"


@pytest.fixture
async def on(redis_url: str, prefix: str) -> AsyncIterator[Scene]:
    """A bridge between its twins."""
    async with scene(redis_url, prefix) as on:
        yield on


async def failed(on: Scene, *tickets: str) -> list[dict[str, Any]]:
    """Tickets that no conversation could be started for, as their letters; the newest first."""
    for ticket in tickets:
        await on.scripted(ticket, phone="none")
        await on.until_phase(ticket, "failed")
    return list((await Api(on.bridge).get("dead-letters")).json["dead_letters"])


async def many(redis: Redis, prefix: str, count: int, at_ms: int = 0) -> list[str]:
    """Letters of as many tickets; ``at_ms`` 0 gives each a time of its own. Their ids, newest first."""
    made = []
    for number in range(count):
        ticket = f"{ACCOUNT}/T{number}"
        letter = Letter(letter_id(ticket, "a"), ticket, f"{ACCOUNT}~soporte", "a", f"reason {number % 2}", number)
        await redis.hset(f"{prefix}:dead-letters", letter.id, letter.dump())  # type: ignore[misc]
        await redis.zadd(f"{prefix}:dead-letters-by-time", {letter.id: at_ms or 1_000 + number})
        made.append(letter.id)
    return sorted(made, reverse=True) if at_ms else made[::-1]


# --- looking ---------------------------------------------------------------------------------------------------------


async def test_they_are_listed_newest_first_and_narrowed(on: Scene) -> None:
    """By account, ticket and a part of the reason; without the event, which holds a customer's data."""
    second, first = await failed(on, "T1", "T2")
    assert (first["ticket"], second["ticket"]) == (f"{ACCOUNT}/T1", f"{ACCOUNT}/T2")
    assert set(first) == {"id", "ticket", "action", "reason", "at_ms"}
    api = Api(on.bridge)
    for query, found in [
        (f"account={ACCOUNT}", [second, first]),
        ("account=zendesk/acme", []),
        ("ticket=T1", [first]),
        (f"ticket={ACCOUNT}/T2", [second]),
        ("reason_has=PHONE", [second, first]),
        ("reason_has=credential", []),
        (f"account={ACCOUNT}&ticket=T1&reason_has=phone", [first]),
    ]:
        assert (await api.get(f"dead-letters?{query}")).json == {"dead_letters": found, "next": ""}


@pytest.mark.parametrize("at_ms", [0, 5_000])
async def test_a_long_list_comes_in_pages(redis: Redis, redis_url: str, prefix: str, at_ms: int) -> None:
    """Each once and in order, also where many were given up in the same millisecond."""
    ids = await many(redis, prefix, 25, at_ms)
    async with listening(redis_url, prefix) as run:
        found, after, pages = [], "", 0
        while pages == 0 or after:
            told = (await Api(run).get(f"dead-letters?limit=10&after={after}")).json
            found += [one["id"] for one in told["dead_letters"]]
            after, pages = told["next"], pages + 1
    assert (found, pages) == (ids, 3)


async def test_a_filter_looks_through_all_pages(redis: Redis, redis_url: str, prefix: str) -> None:
    """A page holds so many that match, however many lie between."""
    await many(redis, prefix, 250)
    async with listening(redis_url, prefix) as run:
        told = (await Api(run).get("dead-letters?limit=100&reason_has=reason+1")).json
    assert len(told["dead_letters"]) == 100
    assert {one["reason"] for one in told["dead_letters"]} == {"reason 1"}


async def test_one_is_shown_with_what_a_replay_would_do(on: Scene) -> None:
    """The preview is the same as the command line's."""
    [letter] = await failed(on, "T1")
    shown = (await Api(on.bridge).get(f"dead-letters/{letter['id']}")).json
    would = "would start a conversation, by the rules as they are now"
    assert shown == letter | {"replay": {"does": "start", "says": would, "done": False}}


# --- replaying -------------------------------------------------------------------------------------------------------


async def test_a_replay_is_previewed_done_and_pressed_again(on: Scene) -> None:
    """Each time it says what it does; the second press says who pressed the first, and starts nothing."""
    on.jelou.faults.next_start(Fault.named("status", status=422))
    await on.scripted("T1")
    await on.until_phase("T1", "failed")
    api = Api(on.bridge)
    [letter] = (await api.get("dead-letters")).json["dead_letters"]
    path = f"dead-letters/{letter['id']}/replay"
    previewed = (await api.post(path, preview=True)).json
    assert (previewed["does"], previewed["done"]) == ("start", False)
    assert on.jelou.ledger.by_ticket("T1") == []
    done = (await api.raw(path, b"")).json
    assert done == {"does": "start", "says": "will start a conversation, by the rules as they are now", "done": True}
    told = await on.until_phase("T1", "open")
    again = (await api.post(path)).json
    assert (again["does"], again["done"]) == ("nothing", False)
    assert again["says"].startswith("nothing to do: it was replayed on ")
    assert "by API token 1: would start a conversation" in again["says"]
    assert len(on.jelou.ledger.by_ticket("T1")) == 1
    assert [(one["what"], one["by"]) for one in told["timeline"] if "by" in one and one["what"] == "replayed"] == [
        ("replayed", "API token 1")
    ]


async def test_two_presses_at_once_start_one_conversation(on: Scene) -> None:
    """Whoever comes second is told."""
    on.jelou.faults.next_start(Fault.named("status", status=422))
    await on.scripted("T1")
    await on.until_phase("T1", "failed")
    api = Api(on.bridge)
    [letter] = (await api.get("dead-letters")).json["dead_letters"]
    answers = await asyncio.gather(*(api.post(f"dead-letters/{letter['id']}/replay") for _ in range(6)))
    assert [answer.json["done"] for answer in answers if answer.status == 200].count(True) == 1
    assert {answer.status for answer in answers} <= {200, 409}
    await on.until_phase("T1", "open")
    assert len(on.jelou.ledger.by_ticket("T1")) == 1


async def test_a_ticket_in_a_workers_hands_is_409(on: Scene, redis: Redis, prefix: str) -> None:
    """Its worker knows better; look again. Among many, the others are done all the same."""
    second, first = await failed(on, "T1", "T2")
    await redis.hset(f"{prefix}:link:{first['ticket']}", "holder", "somebody")  # type: ignore[misc]
    api = Api(on.bridge)
    answer = await api.post(f"dead-letters/{first['id']}/replay")
    assert (answer.status, "look again" in answer.json["error"]) == (409, True)
    told = (await api.post("dead-letters/replay", ids=[first["id"], second["id"]])).json
    assert [(one["does"], one["done"]) for one in told["results"]] == [("nothing", False), ("start", True)]
    assert "look again" in told["results"][0]["says"]


async def test_many_are_previewed_and_replayed(on: Scene) -> None:
    """By filter: first what each would do, then that; then nothing is left that matches."""
    on.jelou.settings.users = frozenset()
    for number in range(3):
        await on.scripted(f"T{number}", phone=f"+59398765432{number}")
        await on.until_phase(f"T{number}", "failed")
    on.jelou.settings.users = None
    api = Api(on.bridge)
    would = (await api.post("dead-letters/replay", account=ACCOUNT, preview=True)).json
    assert [one["ticket"] for one in would["results"]] == [f"{ACCOUNT}/T{number}" for number in (2, 1, 0)]
    assert {(one["does"], one["done"]) for one in would["results"]} == {("start", False)}
    done = (await api.post("dead-letters/replay", account=ACCOUNT, reason_has="no such user")).json
    assert {(one["does"], one["done"]) for one in done["results"]} == {("start", True)}
    for number in range(3):
        await on.until_phase(f"T{number}", "open")
    again = (await api.post("dead-letters/replay", account=ACCOUNT)).json
    assert again == {"results": [], "gone": {}, "next": ""}
    pressed = (await api.post("dead-letters/replay", ids=[one["id"] for one in done["results"]])).json
    assert (pressed["results"], len(pressed["gone"])) == ([], 3)
    assert all("it was replayed on" in says for says in pressed["gone"].values())


async def test_many_are_worked_in_pages(redis: Redis, redis_url: str, prefix: str) -> None:
    """One request works so many and says where to go on."""
    await many(redis, prefix, 25)
    async with listening(redis_url, prefix, helpdesks={}) as run:
        api, seen, after = Api(run), [], ""
        for _ in range(3):
            told = (await api.post("dead-letters/replay", account=ACCOUNT, limit=10, after=after, preview=True)).json
            seen += [one["id"] for one in told["results"]]
            after = told["next"]
    assert (len(set(seen)), after) == (25, "")


async def test_a_letter_of_an_account_that_is_gone_stays(redis: Redis, redis_url: str, prefix: str) -> None:
    """Nothing can be done with it, and it says so; it is not taken from the list for that."""
    [letter] = await many(redis, prefix, 1)
    async with listening(redis_url, prefix, helpdesks={}) as run:
        told = (await Api(run).post(f"dead-letters/{letter}/replay")).json
        assert (told["does"], told["says"]) == (
            "nothing",
            f"nothing to do: no account {ACCOUNT} is configured any more",
        )
        assert len((await Api(run).get("dead-letters")).json["dead_letters"]) == 1


# --- discarding ------------------------------------------------------------------------------------------------------


async def test_what_was_discarded_can_be_looked_up(on: Scene) -> None:
    """On the ticket's timeline, among the decisions, and at a second press: who, when, what and why."""
    [letter] = await failed(on, "T1")
    api = Api(on.bridge)
    path = f"dead-letters/{letter['id']}"
    done = (await api.post(f"{path}/discard", reason=" a test ticket ", by="ana")).json
    assert done == {"does": "discard", "says": "discarded", "done": True}
    line = (await on.bridge.trace("standard-webhooks", "scripts", "T1"))["timeline"][-1]
    assert (line["what"], line["reason"], line["by"]) == ("discarded", "a test ticket", "ana (API token 1)")
    [decided] = (await api.get("decisions?thing=dead-letter")).json["decisions"]
    assert decided | {"at_ms": 0} == {
        "id": letter["id"],
        "thing": "dead-letter",
        "what": "discarded",
        "at_ms": 0,
        "by": "ana (API token 1)",
        "ticket": f"{ACCOUNT}/T1",
        "about": letter["action"],
        "because": letter["reason"],
        "reason": "a test ticket",
    }
    gone = await api.get(path)
    assert (gone.status, "by ana (API token 1): a test ticket" in gone.json["error"]) == (404, True)
    again = (await api.post(f"{path}/discard", reason="once more")).json
    assert (again["does"], "it was discarded on" in again["says"]) == ("nothing", True)
    assert (await api.post(f"{path}/replay")).json["does"] == "nothing"


async def test_many_are_discarded_with_one_reason(on: Scene) -> None:
    """Shown first, then done; each ticket keeps why."""
    await failed(on, "T1", "T2")
    api = Api(on.bridge)
    would = (await api.post("dead-letters/discard", account=ACCOUNT, reason="tests", preview=True)).json
    assert {(one["does"], one["says"], one["done"]) for one in would["results"]} == {
        ("discard", "would be discarded", False)
    }
    done = (await api.post("dead-letters/discard", account=ACCOUNT, reason="tests")).json
    assert {one["done"] for one in done["results"]} == {True}
    assert (await api.get("dead-letters")).json["dead_letters"] == []
    assert [one["reason"] for one in (await api.get("decisions")).json["decisions"]] == ["tests", "tests"]


async def test_what_is_given_up_anew_is_not_decided_from_an_old_screen(on: Scene) -> None:
    """The person saw another failure than the one that is there now: 409, and it stays."""
    [letter] = await failed(on, "T1")
    api = Api(on.bridge)
    path, seen = f"dead-letters/{letter['id']}", letter["at_ms"]
    await api.post(f"{path}/replay", at_ms=seen)

    async def given_up_anew() -> bool:
        found = (await api.get("dead-letters")).json["dead_letters"]
        return bool(found) and found[0]["at_ms"] > seen

    await eventually(given_up_anew)
    assert (await api.post(f"{path}/discard", at_ms=seen, reason="old")).status == 409
    assert (await api.post(f"{path}/replay", at_ms=seen)).status == 409
    assert (await api.get(path)).status == 200


async def test_decisions_are_kept_for_a_bounded_time(on: Scene, redis: Redis, prefix: str) -> None:
    """Older ones go when the next is made, and all of them when nobody decides any more."""
    first = (await failed(on, "T1"))[0]
    api = Api(on.bridge)
    await api.post(f"dead-letters/{first['id']}/discard", reason="old")
    await redis.zadd(f"{prefix}:decisions-by-time", {first["id"]: 1})
    second = (await failed(on, "T2"))[0]
    await api.post(f"dead-letters/{second['id']}/discard", reason="new")
    assert [one["reason"] for one in (await api.get("decisions")).json["decisions"]] == ["new"]
    assert await redis.hkeys(f"{prefix}:decisions") == [second["id"].encode()]  # type: ignore[misc]
    for name in ("decisions", "decisions-by-time"):
        assert 0 < await redis.ttl(f"{prefix}:{name}") <= 90 * 86_400


async def test_the_last_of_two_same_keys_counts(on: Scene) -> None:
    """As with every JSON that is read here, so that no two readers differ."""
    await failed(on, "T1")
    raw = b'{"account":"zendesk/acme","account":"standard-webhooks/scripts","preview":false,"preview":true}'
    [one] = (await Api(on.bridge).raw("dead-letters/replay", raw)).json["results"]
    assert (one["ticket"], one["done"]) == (f"{ACCOUNT}/T1", False)
