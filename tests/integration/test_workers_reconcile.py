"""Reconciling by itself: in its time, one worker of all, on with what was broken off; and who falls silent is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import orjson

from bridge.doubting import doubt
from bridge.errors import NotSent
from bridge.hearing import EVERY_MS, listen, senders, silent_now
from bridge.missed import Window
from bridge.silence import BUCKET_MS, DAY
from bridge.wiring import wall_clock_ms
from tests.harness import PROJECT, Scene, eventually, scene
from tests.listed import ACCOUNT, PHONE, Listed, is_open, listing, lost
from tests.log_capture import configured
from tests.outcomes import conversations
from tests.outcomes import told as told_of
from tests.webhooks import get
from workers.limits import Limits
from workers.reconcile import REST_MS, reconcile

if TYPE_CHECKING:
    import pytest

    from bridge.domain import Call, Changes, Reply
    from bridge.http import Http
    from bridge.wiring import App

EVERY_SECOND = Limits(drain_s=1.0, sweep_s=0.1, reconcile_at_s=frozenset(range(60)))


def never() -> bool:
    """The worker is not draining."""
    return False


async def window(on: Scene) -> Window:
    """How far the account was looked at."""
    return Window.load(await on.bridge.app.store.rounds.window(ACCOUNT))


async def test_a_lost_webhook_is_found_by_the_workers_themselves(redis_url: str, prefix: str) -> None:
    """Nobody asks for it: the ticket is started, once."""
    async with scene(redis_url, prefix, adapted=listing(), limits=EVERY_SECOND) as on:
        ticket = await lost(on)
        await is_open(on, ticket)
        assert len(conversations(on, str(ticket))) == 1


async def test_a_look_is_noted_and_the_next_waits_for_its_time(redis_url: str, prefix: str) -> None:
    """Every five minutes, not every minute."""
    listed = Listed()
    async with scene(redis_url, prefix, adapted=listing(listed), work=False) as on:
        before = wall_clock_ms()
        await reconcile(on.bridge.app, never)
        assert (await window(on)).until_ms >= before
        asked = len(listed.asked)
        await reconcile(on.bridge.app, never)
        # The question whether there is a list at all asks nobody.
        assert [one for one in listed.asked[asked:] if one] == []
        assert (await window(on)).began_ms == 0


async def test_two_workers_do_not_look_at_the_same_time(redis_url: str, prefix: str) -> None:
    """The turn is had by one, and given back when it has looked."""
    async with scene(redis_url, prefix, adapted=listing(), work=False) as on:
        await on.bridge.app.store.rounds.take_turn(f"reconcile:{ACCOUNT}", 60_000)
        await reconcile(on.bridge.app, never)
        assert await window(on) == Window()
        await on.bridge.app.store.rounds.give_back(f"reconcile:{ACCOUNT}")
        await asyncio.gather(*(reconcile(on.bridge.app, never) for _ in range(3)))
        assert (await window(on)).until_ms
        assert await on.bridge.app.store.rounds.take_turn(f"reconcile:{ACCOUNT}", 60_000)


class Holding:
    """An HTTP client whose first call waits until the test says go."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._first = True
        self.go = asyncio.Event()

    async def send(self, call: Call, *allowed: Any) -> Reply:
        """As the client's."""
        first, self._first = self._first, False
        if first:
            await self.go.wait()
        return await self._http.send(call, *allowed)


async def test_a_slow_account_keeps_no_other_waiting(redis_url: str, prefix: str) -> None:
    """They are looked at beside each other, and the round ends with the slowest."""
    http: list[Holding] = []
    two = {ACCOUNT, "zendesk/other"}

    def adapted(app: App) -> App:
        http.append(Holding(app.http))
        zendesk = app.bridge.helpdesks["zendesk"]["acme"]
        accounts = {**app.bridge.helpdesks, "zendesk": {"acme": zendesk, "other": zendesk}}
        bridge = app.bridge.model_copy(update={"helpdesks": accounts})
        return listing(bridge=bridge, http=cast("Http", http[0]))(app)

    async with scene(redis_url, prefix, adapted=adapted, work=False) as on:

        async def looked() -> set[str]:
            return two & set(await on.bridge.app.store.rounds.windows())

        async def one_is() -> bool:
            return len(await looked()) == 1

        async with asyncio.TaskGroup() as group:
            group.create_task(reconcile(on.bridge.app, never))
            await eventually(one_is)
            http[0].go.set()
        assert await looked() == two


class Breaking(Listed):
    """A list whose second page cannot be had, once."""

    broken = False

    def changes(self, account: Any, account_name: str, reply: Reply) -> Changes:
        """Fails at the second page."""
        if self._after and not self.broken:
            self.broken = True
            message = "the connection broke"
            raise NotSent(message)
        return super().changes(account, account_name, reply)


async def test_a_look_that_fails_begins_again_and_leaves_no_gap(redis_url: str, redis: Any, prefix: str) -> None:
    """After a minute; the time looked at stays that of its beginning, and what was fed is known by then."""
    async with scene(redis_url, prefix, adapted=listing(Breaking(page=2)), work=False) as on:
        for _ in range(3):
            await lost(on)
        await reconcile(on.bridge.app, never)
        broken = await window(on)
        assert (broken.until_ms, broken.after) == (0, "")
        assert broken.began_ms
        await reconcile(on.bridge.app, never)
        assert await window(on) == broken
        assert 0 < await redis.pttl(f"{prefix}:turn:reconcile:{ACCOUNT}") <= REST_MS
        await on.bridge.app.store.rounds.give_back(f"reconcile:{ACCOUNT}")
        await reconcile(on.bridge.app, never)
        assert await window(on) == Window(until_ms=broken.began_ms)


async def test_a_worker_that_ends_leaves_the_rest_to_the_next(redis_url: str, prefix: str) -> None:
    """Each page is noted when it is done."""
    async with scene(redis_url, prefix, adapted=listing(Listed(page=2)), work=False) as on:
        for _ in range(3):
            await lost(on)
        looked = iter([False, False, True])
        await reconcile(on.bridge.app, lambda: next(looked, True))
        assert (await window(on)).after == "2"
        await reconcile(on.bridge.app, never)
        assert (await window(on)).began_ms == 0


class Buggy(Listed):
    """A dialect that cannot read what it asked for."""

    def changes(self, *_: Any, **__: Any) -> Changes:
        """Fails."""
        message = "a bug"
        raise KeyError(message)


async def test_a_bug_in_one_account_does_not_end_the_round(redis_url: str, redis: Any, prefix: str) -> None:
    """It has its next turn a minute later, and nothing is raised."""
    async with scene(redis_url, prefix, adapted=listing(Buggy()), work=False) as on:
        await reconcile(on.bridge.app, never)
        assert 0 < await redis.pttl(f"{prefix}:turn:reconcile:{ACCOUNT}") <= REST_MS


async def test_an_account_that_wants_none_is_not_looked_at(redis_url: str, prefix: str) -> None:
    """It is a setting."""
    off = {"reconcile": {"enabled": False}}
    async with scene(redis_url, prefix, zendesk=off, adapted=listing(), work=False) as on:
        await reconcile(on.bridge.app, never)
        assert await window(on) == Window()


async def test_an_open_conversation_that_nobody_asked_for_is_doubted(redis_url: str, redis: Any, prefix: str) -> None:
    """The ticket's worker gets it as evidence, once in its time, and the timeline says so."""
    async with scene(redis_url, prefix, adapted=listing()) as on:
        ticket = on.zendesk.open_ticket("Hola", PHONE).id
        trace = await is_open(on, ticket)
        assert await doubt(on.bridge.app, PROJECT, 3_600_000) == []
        await redis.zincrby(f"{prefix}:open:{PROJECT}", -3_600_001, f"{ACCOUNT}/{ticket}")
        assert await doubt(on.bridge.app, PROJECT, 3_600_000, preview=True) == [f"{ACCOUNT}/{ticket}"]
        assert await doubt(on.bridge.app, PROJECT, 3_600_000) == [f"{ACCOUNT}/{ticket}"]
        assert await doubt(on.bridge.app, PROJECT, 3_600_000) == []

        async def worked() -> bool:
            return not await redis.exists(f"{prefix}:evidence:{ACCOUNT}/{ticket}")

        await eventually(worked)
        [line] = told_of(await on.bridge.trace("zendesk", "acme", str(ticket)), "doubted")
        assert line["conversation"] == trace["conversation"]


# --- silence ---------------------------------------------------------------------------------------------------------


async def was_heard(redis: Any, prefix: str, *, until: int = 3) -> None:
    """Eight days of twenty deliveries in ten minutes, until so many times ten minutes ago."""
    now = wall_clock_ms() // BUCKET_MS
    counts = dict.fromkeys(range(now - 8 * DAY, now - until), 20)
    await redis.hset(f"{prefix}:heard:{ACCOUNT}", mapping=counts)


async def test_a_silent_sender_is_told_everywhere_once(
    redis_url: str, redis: Any, prefix: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A line when it begins and one when it ends; the metric and /ready as long as it lasts; /ready stays 200."""
    with configured("info", "json"):
        async with scene(redis_url, prefix, adapted=listing(), work=False) as on:
            await was_heard(redis, prefix)
            for _ in range(2):
                await listen(on.bridge.app)
                await on.bridge.app.store.rounds.give_back("silence")
            ready = await get(on.bridge, "/ready")
            assert ready.status == 200
            [silent] = ready.json["silent"]
            assert (silent["sender"], silent["usual"] >= 40) == (ACCOUNT, True)
            assert f'bridge_silent{{sender="{ACCOUNT}"}} 1.0'.encode() in (await get(on.bridge, "/metrics")).body
            on.zendesk.open_ticket("Hola", PHONE)
            await on.zendesk.settle()
            await listen(on.bridge.app)
            assert await silent_now(on.bridge.app) == {}
            assert f'bridge_silent{{sender="{ACCOUNT}"}} 0.0'.encode() in (await get(on.bridge, "/metrics")).body
    lines = [orjson.loads(one) for one in b"".join(capsysbinary.readouterr()).splitlines() if b'"sender ' in one]
    assert [one["event"] for one in lines] == ["sender silent", "sender heard again"]
    assert lines[0]["usual"] >= 40


async def test_one_process_looks_twice_a_minute(redis_url: str, redis: Any, prefix: str) -> None:
    """The others leave it to that one."""
    async with scene(redis_url, prefix, adapted=listing(), work=False) as on:
        await listen(on.bridge.app)
        await was_heard(redis, prefix)
        await listen(on.bridge.app)
        assert await silent_now(on.bridge.app) == {}
        assert 0 < await redis.pttl(f"{prefix}:turn:silence") <= EVERY_MS


async def test_the_sweep_of_a_worker_looks(redis_url: str, redis: Any, prefix: str) -> None:
    """Nothing else need run."""
    await was_heard(redis, prefix)
    async with scene(redis_url, prefix, adapted=listing()) as on:

        async def told() -> bool:
            return ACCOUNT in await silent_now(on.bridge.app)

        await eventually(told)


async def test_every_sender_is_listened_to_but_for_those_that_want_it_not(
    redis_url: str, redis: Any, prefix: str
) -> None:
    """Helpdesks and Jelou; one that is switched off is not told."""
    off = {"silence": {"enabled": False}}
    async with scene(redis_url, prefix, zendesk=off, adapted=listing(), work=False) as on:
        assert set(senders(on.bridge.app.bridge)) == {ACCOUNT, "standard-webhooks/scripts", f"jelou/{PROJECT}"}
        await was_heard(redis, prefix)
        await listen(on.bridge.app)
        assert await silent_now(on.bridge.app) == {}


async def test_both_sides_are_counted_by_the_web(redis_url: str, prefix: str) -> None:
    """Under the names by which deliveries are told."""
    async with scene(redis_url, prefix, adapted=listing()) as on:
        ticket = on.zendesk.open_ticket("Hola", PHONE).id
        await is_open(on, ticket)
        heard = await on.bridge.app.store.rounds.heard([ACCOUNT, f"jelou/{PROJECT}"])
        assert all(sum(counts.values()) > 0 for counts in heard.values())
