"""``/api/`` for orphans: listed, claimed for a ticket, discarded with a reason that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from bridge.decisions import Decision
from bridge.forgetting import Forgetting
from tests.api_calls import Api
from tests.harness import PROJECT, Scene, scene
from tests.webhooks import SENDERS, deliver, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from tests.harness import Running

TICKET = "standard-webhooks/scripts/T9"
MADE_UP = "0123456789ab"
PHONE = "593111111111"


@pytest.fixture
async def on(redis_url: str, prefix: str) -> AsyncIterator[Scene]:
    """A bridge between its twins."""
    async with scene(redis_url, prefix) as on:
        yield on


@pytest.fixture
async def run(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process alone."""
    async with listening(redis_url, prefix) as run:
        yield run


async def orphaned(on: Scene) -> dict[str, Any]:
    """A conversation that nobody asked for, as it is listed."""
    on.jelou.hand_over(PHONE, "Hola")
    await on.jelou.settle()
    [orphan] = (await Api(on.bridge).get("orphans")).json["orphans"]
    return dict(orphan)


async def test_an_orphan_is_claimed_for_a_ticket(on: Scene) -> None:
    """Its events go to that ticket; who claimed it, and for which, is kept; a second press says so."""
    orphan, api = await orphaned(on), Api(on.bridge)
    assert (orphan["project"], sorted(orphan["events"])) == (PROJECT, ["conversation.start", "customer.wrote"])
    assert (await api.get("orphans?project=guarded")).json == {"orphans": [], "next": ""}
    path = f"orphans/{orphan['id']}/claim"
    assert (await api.post(path, ticket=TICKET, by="ana")).json == {
        "says": f"{orphan['conversation']} belongs to {TICKET} now"
    }
    told = await on.until_phase("T9", "open")
    assert told["conversation"] == orphan["conversation"]
    assert [one["by"] for one in told["timeline"] if one["what"] == "claimed"] == ["ana (API token 1)"]
    assert (await api.get("orphans")).json["orphans"] == []
    again = await api.post(path, ticket=TICKET)
    assert (again.status, "it was claimed on" in again.json["error"]) == (404, True)
    [decided] = (await api.get("decisions?thing=orphan")).json["decisions"]
    assert (decided["id"], decided["what"], decided["ticket"]) == (orphan["id"], "claimed", TICKET)


async def test_an_orphan_is_discarded_with_a_reason(on: Scene) -> None:
    """There is no timeline to keep it; it is among the decisions, with what there was."""
    orphan, api = await orphaned(on), Api(on.bridge)
    assert (await api.post(f"orphans/{orphan['id']}/discard", reason="a wrong number")).json == {"says": "discarded"}
    assert (await api.get("orphans")).json["orphans"] == []
    [decided] = (await api.get("decisions")).json["decisions"]
    assert (decided["what"], decided["reason"]) == ("discarded", "a wrong number")
    assert decided["about"] == f"{PROJECT} {orphan['conversation']}"
    assert set(decided["because"].split(", ")) == {"conversation.start", "customer.wrote"}
    again = await api.post(f"orphans/{orphan['id']}/discard", reason="again")
    assert (again.status, "a wrong number" in again.json["error"]) == (404, True)


async def test_a_conversation_of_another_ticket_is_409(on: Scene, redis: Redis, prefix: str) -> None:
    """Two tickets do not silently share one."""
    orphan, api = await orphaned(on), Api(on.bridge)
    await redis.set(f"{prefix}:conversation:{PROJECT}:{orphan['conversation']}", "zendesk/acme/1")
    answer = await api.post(f"orphans/{orphan['id']}/claim", ticket=TICKET)
    assert (answer.status, answer.json["error"]) == (
        409,
        f"{orphan['conversation']} is the conversation of zendesk/acme/1",
    )
    assert len((await api.get("orphans")).json["orphans"]) == 1


async def test_what_came_meanwhile_is_not_discarded_unseen(on: Scene) -> None:
    """An event more than the person saw: look again."""
    orphan = await orphaned(on)
    lost = on.bridge.app.store.records
    [name] = await lost.orphan_names(PROJECT)
    decision = Decision(orphan["id"], "orphan", "discarded", 0, "ana")
    assert await lost.discard_orphan(PROJECT, name, 1, decision) == "changed"
    assert await lost.discard_orphan(PROJECT, name, 2, decision) == "done"
    assert await lost.discard_orphan(PROJECT, name, 2, decision) == "gone"


async def test_an_orphan_without_a_conversation_shows_no_number(run: Running) -> None:
    """The store knows it by the person's number; lists, paths, decisions and the timeline do not."""
    body = orjson.loads(SENDERS["jelou"].body) | {"event": "conversation.close"}
    del body["conversation"]
    assert (await deliver(run, "jelou", orjson.dumps(body))).json["status"] == "orphaned"
    api = Api(run)
    [orphan] = (await api.get("orphans")).json["orphans"]
    assert (orphan["conversation"], len(orphan["id"])) == ("", 12)
    number = body["contact"]["id"]
    await api.post(f"orphans/{orphan['id']}/claim", ticket="zendesk/main/9")
    told = [await api.get("decisions"), await api.get("tickets/zendesk/main/9")]
    assert [number in answer.body.decode() for answer in told] == [False, False]
    assert number not in str(orphan)


async def test_a_long_list_comes_in_pages(run: Running, redis: Redis, prefix: str) -> None:
    """Over all projects, newest first, each once."""
    for number in range(25):
        project = (PROJECT, "guarded")[number % 2]
        event = orjson.dumps({"type": "conversation.start", "event": {"conversation_id": f"c{number}"}}).decode()
        await redis.rpush(f"{prefix}:orphan:{project}:c{number}", orjson.dumps([True, "", event, ""]))  # type: ignore[misc]
        await redis.zadd(f"{prefix}:orphans:{project}", {f"c{number}": 1_000 + number // 4})
    found, after, pages = [], "", 0
    while pages == 0 or after:
        told = (await Api(run).get(f"orphans?limit=10&after={after}")).json
        found += [(one["since_ms"], one["id"]) for one in told["orphans"]]
        after, pages = told["next"], pages + 1
    assert (len(found), pages) == (25, 3)
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 25


async def test_where_a_page_ended_tells_no_number(run: Running, redis: Redis, prefix: str) -> None:
    """Many people's, all of one moment: each is on one page, also where the last of a page has gone meanwhile."""
    event = orjson.dumps({"type": "conversation.close", "event": {}}).decode()
    for number in range(12):
        name = f"{PROJECT}:bot-1:59398765432{number}"
        await redis.rpush(f"{prefix}:orphan:{PROJECT}:{name}", orjson.dumps([True, "", event, ""]))  # type: ignore[misc]
        await redis.zadd(f"{prefix}:orphans:{PROJECT}", {name: 1_000})
    found, after, pages = list[str](), "", 0
    while pages == 0 or after:
        told = await Api(run).get(f"orphans?limit=3&after={after}")
        assert b"59398" not in told.body
        found += [one["id"] for one in told.json["orphans"]]
        await Api(run).post(f"orphans/{found[-1]}/discard", reason="seen")
        after, pages = told.json["next"], pages + 1
    assert (len(set(found)), len(found), pages) == (12, 12, 4)


@pytest.mark.parametrize(
    ("step", "body", "field"),
    [
        ("claim", {}, "ticket"),
        ("claim", {"ticket": ""}, "ticket"),
        ("claim", {"ticket": "a/b/c", "x": 1}, "x"),
        ("discard", {}, "reason"),
        ("discard", {"reason": ""}, "reason"),
    ],
)
async def test_a_question_that_cannot_be_read_names_the_field(
    run: Running, step: str, body: dict[str, Any], field: str
) -> None:
    """400, before anything is looked up."""
    answer = await Api(run).post(f"orphans/{MADE_UP}/{step}", **body)
    assert (answer.status, answer.json["field"]) == (400, field)


@pytest.mark.parametrize("ticket", ["9", "zendesk/9", "zendesk/acme/9/1", "zendesk//9", "zendesk/other/9", "no/acme/9"])
async def test_a_ticket_that_no_account_has_cannot_claim(on: Scene, ticket: str) -> None:
    """A worker would have nobody to write to; the orphan stays."""
    orphan, api = await orphaned(on), Api(on.bridge)
    answer = await api.post(f"orphans/{orphan['id']}/claim", ticket=ticket)
    assert (answer.status, answer.json["field"]) == (400, "ticket")
    assert len((await api.get("orphans")).json["orphans"]) == 1


async def test_what_is_not_there_is_404(run: Running) -> None:
    """An orphan that never was, a project that is not configured."""
    api = Api(run)
    assert (await api.post(f"orphans/{MADE_UP}/claim", ticket="zendesk/main/9")).status == 404
    assert (await api.post(f"orphans/{MADE_UP}/discard", reason="a")).status == 404
    assert (await api.get("orphans?project=other")).json == {"orphans": [], "next": ""}


# --- forgetting ------------------------------------------------------------------------------------------------------


async def test_what_was_decided_about_a_forgotten_persons_orphan_is_forgotten(on: Scene) -> None:
    """Discarded long before, and about nobody's ticket; what was decided about another's stays."""
    api = Api(on.bridge)
    for phone in (PHONE, "593222222222"):
        on.jelou.hand_over(phone, "Hola")
    await on.jelou.settle()
    for orphan in (await api.get("orphans")).json["orphans"]:
        await api.post(f"orphans/{orphan['id']}/discard", reason=f"told by {orphan['contact']}")
    assert len((await api.get("decisions")).json["decisions"]) == 2
    await api.post("forget", user=PHONE, preview=False)
    [left] = (await api.get("decisions")).json["decisions"]
    assert left["reason"].endswith("222")


async def test_an_orphan_that_comes_between_the_look_and_the_yes_is_forgotten(on: Scene) -> None:
    """Whoever says yes means the person, not a list; what comes later in its conversation is not kept."""
    forgetting = Forgetting(on.bridge.app.store, on.bridge.app.bridge)
    whom = await forgetting.whom(user=PHONE)
    await orphaned(on)
    assert (await forgetting.forget(whom))["orphans"] == 1
    on.jelou.customer_writes(PHONE, "mariposa")
    await on.jelou.settle()
    assert (await Api(on.bridge).get("orphans")).json["orphans"] == []


async def test_many_orphans_are_looked_through_page_by_page(on: Scene, redis: Redis, prefix: str) -> None:
    """The person's is found behind those of others."""
    await orphaned(on)
    other = orjson.dumps([False, "fact", '{"event":{"user_id":"ben"}}', "told"])
    for number in range(250):
        await redis.rpush(f"{prefix}:orphan:{PROJECT}:o-{number}", other)  # type: ignore[misc]
    newer = {f"o-{number}": 9e12 + number for number in range(250)}
    await redis.zadd(f"{prefix}:orphans:{PROJECT}", newer)
    forgetting = Forgetting(on.bridge.app.store, on.bridge.app.bridge)
    assert (await forgetting.forget(await forgetting.whom(user=PHONE)))["orphans"] == 1
    assert await redis.zcard(f"{prefix}:orphans:{PROJECT}") == 250
