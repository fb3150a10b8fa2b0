"""A fault of the bridge's own does not spin: it waits longer each time, is told once, and is given up in the end."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bridge.desk import Wanted
from bridge.errors import Changed, StoreUnavailable
from bridge.faults import Faults
from bridge.granting import Granting
from bridge.handover import Handover
from bridge.helpdesks import REGISTRY
from bridge.helpdesks.zendesk import Zendesk
from bridge.links import Link
from tests.harness import PROJECT, Scene, eventually, scene
from tests.integration.test_desk import desk
from tests.integration.test_workers_set_aside import Faulty
from tests.outcomes import due_now, line, reasons, told
from tests.talk import USER, hears, open_ticket, reads
from tests.webhooks import get
from workers.aside import LISTED_AT, UNREADABLE
from workers.faults import wait_ms
from workers.main import TENDED, tending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from redis.asyncio import Redis

    from bridge.domain import Call, Reply, TicketRef, WriteBack
    from bridge.granting import Whose
    from bridge.http import Http
    from bridge.letters import Letter
    from bridge.rotations import Rotation
    from bridge.wiring import App

LANE = f"zendesk/acme~{PROJECT}"
FAULT = "a fault in the bridge: RuntimeError"


class Broken:
    """A scene with one ticket over which the bridge has a fault."""

    def __init__(self, on: Scene, redis: Redis, prefix: str, faulty: Faulty) -> None:
        self.on, self._redis, self._prefix, self.faulty = on, redis, prefix, faulty
        self.id = str(on.zendesk.open_ticket("Hola", "+593987654321").id)
        faulty.broken.add(self.id)

    async def seen(self, times: int) -> dict[str, Any]:
        """The trace after so many tries, each as soon as the one before was over."""
        for time in range(1, times + 1):
            await eventually(partial(self._tried, time), lambda: f"{self.faulty.calls}")
            if time < times:
                await self.again()
        return await self.trace()

    async def _tried(self, times: int) -> bool:
        trace = await self.trace()
        held = await self._redis.hget(f"{self._prefix}:link:zendesk/acme/{self.id}", "holder")  # type: ignore[misc]
        return self.faulty.calls.count(self.id) >= times and not held and bool(trace["timeline"])

    async def again(self) -> None:
        """Its wait is over."""
        await due_now(self._redis, self._prefix, LANE, f"zendesk/acme/{self.id}")

    async def trace(self) -> dict[str, Any]:
        """What is told of it."""
        return await self.on.bridge.trace("zendesk", "acme", self.id)

    async def link(self) -> Link:
        """What is stored of it."""
        state: Any = await self._redis.hget(f"{self._prefix}:link:zendesk/acme/{self.id}", "state")  # type: ignore[misc]
        return Link.load(state)

    async def letters(self) -> list[Letter]:
        """Those that are listed for it."""
        return (await desk(self.on).dead_letters(Wanted(ticket=self.id))).items


def with_bug(faulty: Faulty) -> Any:
    """The parts of a bridge whose Zendesk has a bug."""

    def adapted(app: App) -> App:
        return replace(app, helpdesks={**REGISTRY, "zendesk": faulty})

    return adapted


def test_each_wait_is_twice_the_one_before_up_to_an_hour() -> None:
    """From a minute on."""
    minutes = [wait_ms(faults) // 60_000 for faults in (1, 2, 3, 4, 5, 6, 7, 8, 100)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_a_fault_that_goes_on_is_told_once_and_waits_longer(redis_url: str, prefix: str, redis: Redis) -> None:
    """A row of three is one line on the timeline, and counted; once repaired, nothing is left of it."""
    faulty = Faulty()
    async with scene(redis_url, prefix, adapted=with_bug(faulty)) as on:
        broken = Broken(on, redis, prefix, faulty)
        trace = await broken.seen(3)
        assert (reasons(trace, "waiting"), trace["due_in_s"] > 180) == ([FAULT], True)
        assert 'bridge_faults_total{account="zendesk/acme"} 3.0' in (await get(on.bridge, "/metrics")).body.decode()
        faulty.broken.clear()
        await broken.again()
        await on.until_phase(broken.id, "open", kind="zendesk", account="acme")
        assert ((await broken.link()).faults, await broken.letters()) == (0, [])


async def test_what_fails_at_the_horizon_is_given_up_and_can_be_replayed(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """It is listed with its reason and its event; the ticket is told; nothing tries it again by itself."""
    faulty = Faulty()
    async with scene(redis_url, prefix, zendesk={"horizon_s": 0.001}, adapted=with_bug(faulty)) as on:
        broken = Broken(on, redis, prefix, faulty)
        await broken.seen(1)
        await broken.again()
        trace = await on.until_phase(broken.id, "failed", kind="zendesk", account="acme")
        [letter] = await broken.letters()
        assert (letter.reason, bool(letter.event), len(told(trace, "buried"))) == (FAULT, True, 1)
        assert trace["due_in_s"] is None
        faulty.broken.clear()
        await desk(on).replay(letter)
        await on.until_phase(broken.id, "open", kind="zendesk", account="acme")
        assert await broken.letters() == []


class Torn(Zendesk):
    """A dialect with a bug in what an open ticket needs: its writes, or the reading of its comments."""

    def __init__(self) -> None:
        self.broken = ""

    def call(self, account: Any, ref: TicketRef, action: WriteBack, key: str, *, now_ms: int) -> Call | None:
        """As Zendesk's, but for the bug."""
        self._may_break("call")
        return super().call(account, ref, action, key, now_ms=now_ms)

    def fetch_comments(self, account: Any, ref: TicketRef) -> Call | None:
        """As Zendesk's, but for the bug."""
        self._may_break("fetch_comments")
        return super().fetch_comments(account, ref)

    def _may_break(self, name: str) -> None:
        if name == self.broken:
            msg = "a bug"
            raise RuntimeError(msg)


class Lossy(Handover):
    """Without it no message can be signed."""

    broken = False

    async def known(self, project: str, within_s: float = 1.0) -> Rotation:
        """As ever, but for the bug."""
        if self.broken:
            msg = "a bug"
            raise RuntimeError(msg)
        return await super().known(project, within_s)


class Deaf(Granting):
    """What is answered to a message breaks it: by then that is out."""

    broken = False

    async def send(self, http: Http, whose: Whose, call: Call, allowed: Callable[[], bool] = lambda: True) -> Reply:
        """As ever, but for the bug."""
        reply = await super().send(http, whose, call, allowed)
        if self.broken and b"incoming_message" in call.body:
            msg = "a bug"
            raise RuntimeError(msg)
        return reply


@dataclass
class TornScene:
    """A scene with an open ticket, and what of it can be made to fail."""

    on: Scene
    dialect: Torn
    handover: Lossy
    granting: Deaf
    redis: Redis
    prefix: str
    id: int = 0

    async def again_until_letters(self, *actions: str) -> list[Letter]:
        """Each wait is over at once, until exactly this is given up; its actions by how they begin."""
        found: list[Letter] = []

        async def listed() -> bool:
            nonlocal found
            await due_now(self.redis, self.prefix, LANE, f"zendesk/acme/{self.id}")
            found = (await desk(self.on).dead_letters(Wanted(ticket=str(self.id)))).items
            return len(found) == len(actions)

        await eventually(listed, lambda: str(found))
        assert sorted(one.action.split()[0] for one in found) == sorted(actions)
        return found

    async def replayed(self, letter: Letter) -> None:
        """By a person, who looks again where the ticket is being worked just now."""

        async def done() -> bool:
            try:
                return (await desk(self.on).replay(letter)).link is not None
            except Changed:
                return False

        await eventually(done)


@asynccontextmanager
async def torn(redis_url: str, prefix: str, redis: Redis) -> AsyncIterator[TornScene]:
    """The scene, with an open ticket. Whatever fails is given up at the second try."""
    dialect, granting, made = Torn(), Deaf(), []

    def with_bugs(app: App) -> App:
        made.append(Lossy(app.store.rotations, app.monotonic, app.now_ms))
        return replace(app, helpdesks={**REGISTRY, "zendesk": dialect}, handover=made[0], granting=granting)

    account = {"horizon_s": 0.001, "messages": {"merge_s": 0}}
    async with scene(redis_url, prefix, zendesk=account, adapted=with_bugs) as on:
        broken = TornScene(on, dialect, made[0], granting, redis, prefix)
        broken.id, _ = await open_ticket(on)
        yield broken


async def test_a_message_that_a_fault_of_ours_gave_up_is_sent_by_its_replay(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """The agent is told once; those after it go on; the replay is heard once."""
    async with torn(redis_url, prefix, redis) as at:
        at.handover.broken = True
        at.on.zendesk.agent_writes(at.id, "uno")
        [letter] = await at.again_until_letters("say.to.customer")
        assert (letter.reason, letter.say and letter.say.content) == (FAULT, {"body": "uno"})
        at.handover.broken = False
        [chat] = at.on.jelou.ledger.conversations.values()
        at.on.zendesk.agent_writes(at.id, "dos")
        await hears(chat, "dos")
        await at.replayed(letter)
        await hears(chat, "dos", "uno")
        await eventually(partial(_noted, at, "did not reach the customer"))
        assert (await desk(at.on).dead_letters(Wanted())).items == []


async def test_a_message_that_went_out_before_the_fault_is_not_called_undelivered(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """Nobody knows whether it arrived, and so it is told."""
    async with torn(redis_url, prefix, redis) as at:
        at.granting.broken = True
        at.on.zendesk.agent_writes(at.id, "uno")
        await at.again_until_letters("say.to.customer")
        at.granting.broken = False
        await eventually(partial(_noted, at, "not known whether your message"))
        assert not await _noted(at, "did not reach the customer")


async def _noted(at: TornScene, words: str) -> bool:
    return sum(words in note for note in at.on.zendesk.notes(at.id)) == 1


async def test_a_write_that_a_fault_of_ours_gave_up_is_written_by_its_replay(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """Once; what is written after it goes on."""
    async with torn(redis_url, prefix, redis) as at:
        at.dialect.broken = "call"
        at.on.jelou.customer_writes(USER, "hola")
        [letter] = await at.again_until_letters("add.reply")
        assert (letter.reason, letter.todo and letter.todo.text) == (FAULT, "hola")
        at.dialect.broken = ""
        at.on.jelou.customer_writes(USER, "sigo")
        await reads(at.on, at.id, "sigo")
        await at.replayed(letter)
        await at.on.until_phase(str(at.id), "open", kind="zendesk", account="acme")
        await reads(at.on, at.id, "sigo", "hola")
        assert (await desk(at.on).dead_letters(Wanted())).items == []


async def test_a_reply_that_a_fault_of_ours_gave_up_is_read_by_its_replay(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """The event is kept in its letter; those after it go on."""
    async with torn(redis_url, prefix, redis) as at:
        at.dialect.broken = "fetch_comments"
        at.on.zendesk.agent_writes(at.id, "uno")
        [letter] = await at.again_until_letters("agent.replied")
        assert (letter.reason, bool(letter.event)) == (FAULT, True)
        at.dialect.broken = ""
        [chat] = at.on.jelou.ledger.conversations.values()
        await at.replayed(letter)
        await hears(chat, "uno")


async def test_a_ticket_that_nobody_can_read_is_listed_after_some_looks(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """While versions run side by side it waits in silence; then a person is asked, once."""
    faulty = Faulty()
    async with scene(redis_url, prefix, adapted=with_bug(faulty)) as on:
        broken = Broken(on, redis, prefix, faulty)
        await broken.seen(1)
        key = f"{prefix}:link:zendesk/acme/{broken.id}"
        good = await redis.hget(key, "state")  # type: ignore[misc]
        await redis.hset(key, "state", "{")  # type: ignore[misc]
        for times in range(1, LISTED_AT + 2):
            await broken.again()
            await eventually(partial(_looked, on, times))
        assert [one.reason for one in await broken.letters()] == [UNREADABLE]
        faulty.broken.clear()
        await redis.hset(key, "state", good)  # type: ignore[misc]
        await broken.again()
        trace = await on.until_phase(broken.id, "open", kind="zendesk", account="acme")
        assert line(trace).count("buried") == 1


async def _looked(on: Scene, times: int) -> bool:
    text = (await get(on.bridge, "/metrics")).body.decode()
    return f'bridge_faults_total{{account="zendesk/acme"}} {times + 1}.0' in text


async def test_a_loop_that_fails_again_and_again_is_logged_more_and_more_seldom(redis_url: str, prefix: str) -> None:
    """The 1st, 2nd, 4th and 8th of a row; after a success the row begins anew."""
    async with scene(redis_url, prefix, work=False) as on:
        faults = Faults(on.bridge.app, "sweep")
        assert [faults.again() for _ in range(9)] == [True, True, False, True, False, False, False, True, False]

        async def fine() -> None:
            """Nothing fails."""

        await faults.guard(fine)
        assert faults.again()


async def test_what_is_tended_to_goes_on_where_the_step_before_it_fails(redis_url: str, prefix: str) -> None:
    """Whichever fails, by a fault of ours or of Redis': the others have their turn, each round."""
    done: list[str] = []

    def step(name: str, error: Exception | None = None) -> Callable[[App], Awaitable[None]]:
        async def take(_: App) -> None:
            done.append(name)
            if error:
                raise error

        return take

    async with scene(redis_url, prefix, work=False) as on:
        steps = {"a": step("a", RuntimeError("a bug")), "b": step("b", StoreUnavailable("away")), "c": step("c")}
        tend = tending(on.bridge.app, steps)
        await tend()
        await tend()
        assert done == ["a", "b", "c"] * 2
        assert 'bridge_faults_total{account=""} 2.0' in (await get(on.bridge, "/metrics")).body.decode()
        assert list(TENDED) == ["retention", "silence", "quiet conversations"]
