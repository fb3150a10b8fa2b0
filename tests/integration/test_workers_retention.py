"""Retention and forgetting with workers at it: nothing doubled, nothing brought back, and it is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
from prometheus_client.parser import text_string_to_metric_families

from bridge.forgetting import Forgetting
from bridge.policies import Retention
from bridge.store import Store
from bridge.twins.faults import Fault
from tests.harness import PROJECT, eventually, scene
from tests.held import Held
from tests.log_capture import configured
from tests.outcomes import FIRM, HELD, conversations
from tests.steps import Steps, content
from workers.retention import TURN, retire

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from redis.asyncio import Redis

    from bridge.wiring import App
    from tests.harness import Scene

PHONE = "+593 98 700 1234"
USER = "593987001234"
PERSONAL = (USER, PHONE, "T-4711", "mariposa")
A_MOMENT = 0.5 / 86_400
"""Half a second, in days."""


def keeping(**days: float) -> Callable[[App], App]:
    """A bridge with this retention."""
    kept = Retention.model_validate(days)
    return lambda app: replace(app, bridge=app.bridge.model_copy(update={"retention": kept}))


async def ticket(on: Scene, message_id: str = "first", name: str = "T-4711") -> None:
    """The ticket that is to go; its sender makes the delivery's id of the ticket's."""
    status, _ = await on.scripted(name, message_id=f"{name}-{message_id}", subject="mariposa", phone=PHONE)
    assert status == 202


async def left(redis: Redis, prefix: str) -> list[str]:
    """What of the person is still to be found in Redis, in any key or value."""
    found = [(key, await content(redis, key)) async for key in redis.scan_iter(f"{prefix}:*")]
    return [word for word in PERSONAL if any(word in key.decode() or word in told for key, told in found)]


async def told_again(on: Scene, redis: Redis, prefix: str) -> None:
    """The ticket is told once more and its customer writes: one conversation, and nothing is kept."""
    await ticket(on, "again")
    on.jelou.customer_writes(USER, "mariposa")
    await on.jelou.settle()
    await eventually(lambda: hands_are_empty(on))
    assert len(conversations(on, "T-4711")) == 1
    assert await left(redis, prefix) == []


async def hands_are_empty(on: Scene) -> bool:
    """Whether no worker has a ticket."""
    return not on.bridge.lanes.works


async def forget(on: Scene, **whom: str) -> dict[str, Any]:
    """What the command and the API do."""
    forgetting = Forgetting(on.bridge.app.store, on.bridge.app.bridge)
    return await forgetting.forget(await forgetting.whom(**whom))


def counted(on: Scene, metric: str) -> dict[str, float]:
    """A metric by its kind."""
    families = text_string_to_metric_families(on.bridge.app.metrics.text().decode())
    samples = [one for family in families for one in family.samples if one.name == metric]
    return {one.labels["kind"]: one.value for one in samples if one.value}


async def removed(on: Scene, name: str) -> None:
    """Rounds of retention follow one another until the ticket is gone."""

    async def gone() -> bool:
        await on.bridge.app.store.rounds.give_back(TURN)
        return not (await on.bridge.trace("standard-webhooks", "scripts", name))["known"]

    await eventually(gone)


# --- retention -------------------------------------------------------------------------------------------------------


async def test_the_sweep_removes_a_closed_ticket_and_it_stays_removed(
    redis_url: str, redis: Redis, prefix: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Nothing but hashes is left; told again it starts nothing; log and metrics say how many went."""
    with configured("info", "json"):
        async with scene(redis_url, prefix, adapted=keeping(closed_days=A_MOMENT)) as on:
            await ticket(on)
            await on.until_phase("T-4711", "open")
            on.jelou.close(USER)
            await removed(on, "T-4711")
            assert await left(redis, prefix) == []
            await ticket(on, "again")
            assert len(conversations(on, "T-4711")) == 1
            assert await left(redis, prefix) == []
            assert counted(on, "bridge_retired_total") == {"closed": 1}
    [line] = [one for one in map(orjson.loads, capsysbinary.readouterr().out.splitlines()) if one["event"] == "retired"]
    assert line["closed"] == 1


async def test_what_is_not_over_is_kept_whatever_is_configured(redis_url: str, prefix: str) -> None:
    """Open, and parked with its letter, while an ignored one goes beside them."""
    soon = dict.fromkeys(("closed_days", "failed_days", "ignored_days", "dead_letters_days"), A_MOMENT)
    scripts = {"unknown_start": {"wait_s": 0.1, "then": "park"}, "start_when": [{"when": {"priority": "high"}}]}
    async with scene(redis_url, prefix, adapted=keeping(**soon), scripts=scripts) as on:
        await on.scripted("open", priority="high")
        await on.until_phase("open", "open")
        on.jelou.faults.next_start(Fault.named("reset_before_accepting"))
        await on.scripted("parked", priority="high", phone="+593987654322")
        await on.until_phase("parked", "parked")
        await on.scripted("ignored", priority="low")
        await removed(on, "ignored")
        assert (await on.until_phase("open", "open"))["known"]
        assert (await on.until_phase("parked", "parked"))["known"]
        letters = [orjson.loads(one) for _, one in await on.bridge.app.store.records.letters(None, 10)]
        assert [one["action"] for one in letters] == ["parked"]
        assert counted(on, "bridge_retired_total") == {"ignored": 1}


# --- forgetting ------------------------------------------------------------------------------------------------------


async def test_a_start_that_is_out_is_forgotten_and_not_repeated(redis_url: str, redis: Redis, prefix: str) -> None:
    """The worker has sent it and waits for the answer: its finish is lost, and the start event finds nobody."""
    call = Held()
    async with scene(redis_url, prefix, scripts=FIRM, adapted=call) as on:
        on.jelou.faults.next_event(HELD)
        await ticket(on)
        await call.is_out()
        [one] = (await forget(on, user=PHONE))["tickets"]
        assert (one["phase"], one["held"], one["start_may_be_out"]) == ("starting", True, True)
        assert await left(redis, prefix) == []
        call.let_go()
        await eventually(lambda: hands_are_empty(on))
        await told_again(on, redis, prefix)


async def test_a_round_goes_on_until_all_that_is_over_has_gone(redis_url: str, redis: Redis, prefix: str) -> None:
    """Batch after batch, not one each time that a worker looks."""
    steps = Steps(redis, prefix)
    steps.store = Store(redis, prefix=prefix)
    for number in range(330):
        await steps.ended(ticket=f"t-{number}")

    def stands_still(app: App) -> App:
        return replace(keeping(closed_days=1e-9)(app), monotonic=lambda: 0.0)

    async with scene(redis_url, prefix, adapted=stands_still, work=False) as on:
        await retire(on.bridge.app)
        assert counted(on, "bridge_retired_total") == {"closed": 330}


async def test_an_unknown_start_is_forgotten_and_its_event_changes_nothing(
    redis_url: str, redis: Redis, prefix: str
) -> None:
    """Nobody waits for it any more, no policy tries it again."""
    retry = {"unknown_start": {"wait_s": 300, "then": "retry"}}
    async with scene(redis_url, prefix, scripts=retry) as on:
        on.jelou.faults.next_start(Fault.named("reset_after_accepting"))
        on.jelou.faults.next_event(HELD)
        await ticket(on)
        await on.until_phase("T-4711", "unknown")
        [one] = (await forget(on, ticket="T-4711"))["tickets"]
        assert (one["phase"], one["start_may_be_out"]) == ("unknown", True)
        assert await redis.zcard(f"{prefix}:lane:standard-webhooks/scripts~{PROJECT}") == 0
        await told_again(on, redis, prefix)


async def test_a_ticket_that_waits_to_start_is_forgotten_and_never_starts(
    redis_url: str, redis: Redis, prefix: str
) -> None:
    """Held by a pause, its event still in the inbox: the end of the pause finds nothing."""
    async with scene(redis_url, prefix) as on:
        store = on.bridge.app.store
        await store.pause("standard-webhooks/scripts", "now")
        await ticket(on)
        await on.bridge.traced("standard-webhooks", "scripts", "T-4711", lambda told: "paused" in told["waits_for"])
        assert len((await forget(on, user="098 700 1234 "))["tickets"]) == 0
        assert len((await forget(on, user=PHONE))["tickets"]) == 1
        assert await store.resume("standard-webhooks/scripts") == []
        await ticket(on, "again")
        assert await left(redis, prefix) == []
    assert on.jelou.ledger.starts == []


async def test_a_ticket_whose_number_only_the_worker_has_read_is_found(redis_url: str, prefix: str) -> None:
    """Zendesk's webhook tells no phone; the ticket was fetched, is held by a pause, and its number is in no event."""
    async with scene(redis_url, prefix) as on:
        await on.bridge.app.store.pause("zendesk/acme", "now")
        number = on.zendesk.open_ticket("mariposa", PHONE).id
        await on.bridge.traced("zendesk", "acme", str(number), lambda told: "paused" in told["waits_for"])

        async def is_found() -> bool:
            return bool((await forget(on, user=PHONE))["tickets"])

        await eventually(is_found)
        assert await on.bridge.app.store.resume("zendesk/acme") == []
    assert on.jelou.ledger.starts == []


async def test_an_open_conversation_goes_on_without_the_bridge(redis_url: str, redis: Redis, prefix: str) -> None:
    """Jelou keeps it; what the customer writes there, and its end, are accepted and not kept."""
    async with scene(redis_url, prefix) as on:
        await ticket(on)
        await on.until_phase("T-4711", "open")
        await forget(on, user=USER)
        await told_again(on, redis, prefix)
        on.jelou.close(USER)
        await on.jelou.settle()
        assert await left(redis, prefix) == []


async def test_a_number_is_read_as_its_account_reads_it(redis_url: str, prefix: str) -> None:
    """Written without its country it is found in the accounts of that country alone; in full it is found in all."""
    more = {"ec": {"user_id": {"region": "EC"}}, "co": {"user_id": {"region": "CO"}}}
    async with scene(redis_url, prefix, more_scripts=more) as on:
        for account, phone in (("ec", "098 700 1234"), ("co", "+593987001234"), ("scripts", "+593987001234")):
            await on.scripted("T-1", message_id=f"m-{account}", account=account, phone=phone)
        for account in ("ec", "co", "scripts"):
            await on.until_phase("T-1", "open", account=account)
        assert await names(on, "098 700 1234") == ["ec"]
        for written in (PHONE, USER, " +593-98-700-1234 "):
            assert await names(on, written) == ["co", "ec", "scripts"]


async def names(on: Scene, user: str) -> list[str]:
    """The accounts in which a preview finds a person."""
    forgetting = Forgetting(on.bridge.app.store, on.bridge.app.bridge)
    told = await forgetting.preview(await forgetting.whom(user=user))
    return sorted(one["ticket"].split("/")[1] for one in told["tickets"])


async def test_orphans_of_a_person_are_found(redis_url: str, redis: Redis, prefix: str) -> None:
    """A conversation that never had a ticket holds their words too."""
    async with scene(redis_url, prefix) as on:
        on.jelou.hand_over(USER, "mariposa")
        await on.jelou.settle()
        assert await left(redis, prefix) == [USER, "mariposa"]
        told = await forget(on, user=PHONE)
        assert (told["tickets"], told["orphans"]) == ([], 1)
        on.jelou.customer_writes(USER, "mariposa")
        await on.jelou.settle()
        assert await left(redis, prefix) == []


async def test_a_worker_counts_and_tells_what_was_forgotten(
    redis_url: str, prefix: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Wherever it was asked for; by counts and tombstones alone."""
    with configured("info", "json"):
        async with scene(redis_url, prefix) as on:
            await ticket(on)
            await on.until_phase("T-4711", "open")
            await forget(on, user=PHONE)

            async def is_counted() -> bool:
                await on.bridge.app.store.rounds.give_back(TURN)
                return counted(on, "bridge_forgotten_total") == {"ticket": 1}

            await eventually(is_counted)
    lines = [
        one for one in map(orjson.loads, capsysbinary.readouterr().out.splitlines()) if one["event"] == "forgotten"
    ]
    [line] = lines
    [tombstone] = line["tombstones"]
    assert line.keys() - {"timestamp", "level"} == {"event", "ticket", "dead_letter", "orphan", "tombstones"}
    assert (line["ticket"], len(tombstone)) == (1, 40)
