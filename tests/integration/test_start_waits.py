"""A start that waits long is told on its ticket, once, with why and what happens next; and counted while it waits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.brake import Pause, StartLimit
from bridge.correlate import contact_key
from bridge.errors import NotSent
from bridge.start_waits import LATE_MS
from bridge.twins.faults import Fault
from tests.clocks import ServerClock, WallClock
from tests.harness import PROJECT, eventually, scene
from tests.held import Held
from tests.outcomes import FIRM, due_now, told
from workers.limits import Limits
from workers.main import background, end

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.domain import Call, Reply
    from bridge.wiring import App
    from tests.harness import Scene
    from tests.steps import Steps

ACCOUNT = "zendesk/acme"
LANE = f"{ACCOUNT}~{PROJECT}"
PHONE = "+593987654321"
WAITS = "has not started yet"
NEW = '{"phase":"new"}'
FOREVER_MS = 10**14


@dataclass
class Desk:
    """A scene whose server's clock moves when told."""

    on: Scene
    clock: ServerClock
    redis: Any
    prefix: str

    async def opened(self, phone: str = PHONE) -> int:
        """A ticket whose start is held back."""
        ticket = self.on.zendesk.open_ticket("Hola", phone).id
        await self.on.zendesk.settle()
        await self.until(ticket, lambda trace: bool(told(trace, "waiting")))
        return ticket

    async def until(self, ticket: int, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The ticket's trace as soon as it holds."""
        return await self.on.bridge.traced("zendesk", "acme", str(ticket), holds)

    async def looked_at(self, ticket: int, times: int = 2) -> None:
        """A worker has had the ticket in its hands so many times more."""
        for _ in range(times):
            before = await self.worked()
            await due_now(self.redis, self.prefix, LANE, f"{ACCOUNT}/{ticket}")

            async def again(before: float = before) -> bool:
                return await self.worked() > before

            await eventually(again)

    async def worked(self) -> float:
        """How many claims of the account have ended."""
        counted = self.on.bridge.app.metrics.worked.collect()
        return float(sum(one.value for metric in counted for one in metric.samples if one.name.endswith("_total")))

    async def go_on(self, lanes: list[str]) -> None:
        """What lets starts go on wakes these."""
        for lane in lanes:
            await self.on.bridge.app.queue.wake(lane)

    async def noted(self, ticket: int) -> str:
        """The first note on it, when it is there and known to be."""
        await self.until(ticket, lambda trace: bool(told(trace, "answered", key="1:note:waits")))
        return str(self.on.zendesk.notes(ticket)[0])


async def pause(desk: Desk) -> None:
    """The account's starts are held back."""
    await desk.on.bridge.app.store.brake.pause(ACCOUNT, Pause(1, "ana"))


async def pause_all(desk: Desk) -> None:
    """Those of all accounts."""
    await desk.on.bridge.app.store.brake.pause_all([ACCOUNT], Pause(1, "ana"))


async def limit(desk: Desk) -> None:
    """One a minute, and others are before."""
    await desk.on.bridge.app.store.brake.limit(StartLimit(1, FOREVER_MS))
    await desk.redis.set(f"{desk.prefix}:pace:starts", str(FOREVER_MS))


async def cap(desk: Desk) -> None:
    """This hour's starts and the next one's are used up."""
    now_s, _ = await desk.redis.time()
    for hour in (now_s // 3600, now_s // 3600 + 1):
        await desk.redis.set(f"{desk.prefix}:starts:{ACCOUNT}:{hour}", 10_000)


async def broken(desk: Desk, reason: str = "it does not answer") -> None:
    """The project is not called."""
    state = {"until": FOREVER_MS, "reason": reason, "kind": "wait"}
    await desk.redis.hset(f"{desk.prefix}:breaker:jelou:{PROJECT}", mapping=state)


async def denied(desk: Desk) -> None:
    """Its key is revoked."""
    await broken(desk, f"the credential is refused, see jelou.{PROJECT}.api_key or basic: 401")


async def person(desk: Desk) -> None:
    """Another start of the same person is on its way."""
    contact = contact_key(PROJECT, desk.on.jelou.settings.bot_id, PHONE[1:])
    await desk.redis.set(f"{desk.prefix}:starting:{contact}", "zendesk/acme/4711")


async def nothing(_: Desk) -> None:
    """It waits by itself."""


async def unreachable(desk: Desk) -> None:
    """Jelou asks for patience."""
    desk.on.jelou.faults.next_start(Fault.named("throttled", retry_after="3000"), times=9)


NIGHT: dict[str, Any] = {"quiet_hours": {"from": "00:00", "to": "23:59:59", "timezone": "UTC"}, "language": "es"}
CAUSES: dict[str, tuple[Callable[[Desk], Awaitable[None]], dict[str, Any], str]] = {
    "pause": (pause, {}, "paused new conversations; it starts by itself when they are resumed"),
    "every": (pause_all, {"language": "pt"}, "um administrador pausou as conversas novas"),
    "limit": (limit, {}, "each minute"),
    "starts_per_hour": (cap, {}, "within the next hour"),
    "quiet_hours": (nothing, NIGHT, "horario de silencio"),
    "not_called": (broken, {}, "as soon as Jelou answers"),
    "credential": (denied, {}, "refuses the bridge's credential; please tell your administrator"),
    "same_person": (person, {}, "of the same customer"),
    "throttled": (unreachable, {}, "as soon as Jelou answers"),
}


@pytest.fixture
def clock(redis: Any, prefix: str) -> ServerClock:
    """The server's clock."""
    return ServerClock(redis, prefix)


@pytest.mark.parametrize("cause", CAUSES)
async def test_a_start_that_waits_long_is_told_once_with_its_reason(
    cause: str, redis_url: str, prefix: str, redis: Any, clock: ServerClock
) -> None:
    """Whatever it waits for: nothing before two minutes, then one note in the account's language, and none later."""
    arrange, account, words = CAUSES[cause]
    async with scene(redis_url, prefix, zendesk={"language": "en", **account}, adapted=clock) as on:
        desk = Desk(on, clock, redis, prefix)
        await arrange(desk)
        ticket = await desk.opened()
        await desk.looked_at(ticket)
        assert on.zendesk.notes(ticket) == []
        await clock.pass_ms(LATE_MS)
        assert words in await desk.noted(ticket)
        await desk.looked_at(ticket)
        assert len(on.zendesk.notes(ticket)) == 1
        assert on.jelou.ledger.starts == []


async def test_another_reason_is_no_second_note(redis_url: str, prefix: str, redis: Any, clock: ServerClock) -> None:
    """What is on the ticket stays; the trace has each reason. The conversation starts all the same."""
    async with scene(redis_url, prefix, adapted=clock) as on:
        desk = Desk(on, clock, redis, prefix)
        await pause(desk)
        ticket = await desk.opened()
        await clock.pass_ms(LATE_MS)
        await desk.noted(ticket)
        await broken(desk)
        await desk.go_on(await on.bridge.app.store.resume(ACCOUNT))
        await desk.until(ticket, lambda trace: "not called" in trace["waits_for"])
        await desk.looked_at(ticket)
        assert len(on.zendesk.notes(ticket)) == 1
        await redis.delete(f"{prefix}:breaker:jelou:{PROJECT}")
        await due_now(redis, prefix, LANE, f"{ACCOUNT}/{ticket}")
        await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        assert [WAITS in note for note in on.zendesk.notes(ticket)] == [True, False]


async def test_a_note_whose_start_went_meanwhile_is_not_written(
    redis_url: str, prefix: str, redis: Any, clock: ServerClock
) -> None:
    """The helpdesk was away while the start waited: when both can go, the start goes, and the note is pointless."""
    async with scene(redis_url, prefix, adapted=clock) as on:
        desk = Desk(on, clock, redis, prefix)
        await pause(desk)
        ticket = await desk.opened()
        helpdesk = f"{prefix}:breaker:helpdesk:{ACCOUNT}"
        await redis.hset(helpdesk, mapping={"until": FOREVER_MS, "reason": "away", "kind": "wait"})
        await clock.pass_ms(LATE_MS)
        await desk.until(ticket, lambda trace: trace["to_write"] == ["1:note:waits"])
        await redis.delete(helpdesk)
        await desk.go_on(await on.bridge.app.store.resume(ACCOUNT))
        trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        assert [WAITS in note for note in on.zendesk.notes(ticket)] == [False]
        assert [one["how"] for one in told(trace, "skipped")] == ["the start waits no longer"]


async def test_an_account_that_takes_no_notes_is_told_nothing(
    redis_url: str, prefix: str, redis: Any, clock: ServerClock
) -> None:
    """And its tickets are not looked at for it: they wait until the pause ends, or an hour."""
    async with scene(redis_url, prefix, zendesk={"write_back": {"note": False}}, adapted=clock) as on:
        desk = Desk(on, clock, redis, prefix)
        await pause(desk)
        ticket = await desk.opened()
        trace = await desk.until(ticket, lambda trace: trace["due_in_s"] > 3_000)
        await clock.pass_ms(LATE_MS)
        await desk.looked_at(ticket)
        assert (on.zendesk.notes(ticket), trace["to_write"]) == ([], [])


async def test_a_note_of_unknown_fate_is_looked_for_and_stands_once(
    redis_url: str, prefix: str, redis: Any, clock: ServerClock
) -> None:
    """Its answer was lost, as with a worker that dies: the next claim finds it on the ticket."""
    lost, wall = Held("/tickets", lost=True, method="PUT"), WallClock()
    async with scene(redis_url, prefix, adapted=lambda app: wall(clock(lost(app)))) as on:
        desk = Desk(on, clock, redis, prefix)
        await pause(desk)
        ticket = await desk.opened()
        lost.to = f"/tickets/{ticket}.json"
        await clock.pass_ms(LATE_MS)
        await lost.is_out()
        lost.let_go()
        await desk.until(ticket, lambda trace: bool(told(trace, "unanswered", key="1:note:waits")))
        wall.ahead_ms = 60_000
        await desk.looked_at(ticket, 1)
        trace = await desk.until(ticket, lambda trace: bool(told(trace, "answered", key="1:note:waits")))
        [answered] = told(trace, "answered", key="1:note:waits")
        assert answered["how"] == "found: an earlier try had arrived"
        await desk.looked_at(ticket)
        assert len(on.zendesk.notes(ticket)) == 1


@pytest.mark.parametrize("held", [True, False])
async def test_the_time_without_any_worker_counts(
    held: bool, redis_url: str, prefix: str, redis: Any, clock: ServerClock
) -> None:
    """Once one is there: what has to wait on is told at once, and what can start is started and told nothing."""
    async with scene(redis_url, prefix, adapted=clock, work=False) as on:
        desk = Desk(on, clock, redis, prefix)
        if held:
            await cap(desk)
        ticket = on.zendesk.open_ticket("Hola", PHONE).id
        await on.zendesk.settle()
        await clock.pass_ms(LATE_MS + 1)
        tasks = background(on.bridge.app, on.bridge.lanes, Limits(drain_s=1.0, sweep_s=0.1, tend_s=0.1))
        try:
            if held:
                assert WAITS in await desk.noted(ticket)
            else:
                await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
                assert [WAITS in note for note in on.zendesk.notes(ticket)] == [False]
        finally:
            await on.bridge.lanes.drain()
            await end(tasks)


async def test_a_start_that_is_out_waits_for_nothing_that_is_told(
    redis_url: str, prefix: str, redis: Any, clock: ServerClock
) -> None:
    """Nobody knows whether it worked: that is told when a person has to decide, and then no other note follows."""
    async with scene(redis_url, prefix, zendesk=FIRM, adapted=clock) as on:
        desk = Desk(on, clock, redis, prefix)
        on.jelou.faults.next_start(Fault.named("reset_before_accepting"))
        ticket = await desk.opened()
        await clock.pass_ms(LATE_MS)
        await desk.looked_at(ticket)
        assert on.zendesk.notes(ticket) == []
        assert await on.bridge.app.store.brake.waiting() == ([], {})


@pytest.mark.parametrize("why", ["refused", "not called"])
async def test_a_note_that_cannot_be_written_holds_up_no_start(
    why: str, redis_url: str, prefix: str, redis: Any, clock: ServerClock
) -> None:
    """The helpdesk takes no notes for an hour; the conversation starts as soon as it may."""
    refusing = Refusing()
    async with scene(redis_url, prefix, adapted=lambda app: clock(refusing(app))) as on:
        desk = Desk(on, clock, redis, prefix)
        await pause(desk)
        ticket = await desk.opened()
        helpdesk = f"{prefix}:breaker:helpdesk:{ACCOUNT}"
        if why == "not called":
            await redis.hset(helpdesk, mapping={"until": FOREVER_MS, "reason": "away", "kind": "wait"})
        await clock.pass_ms(LATE_MS)
        await desk.until(ticket, lambda trace: trace["to_write"] == ["1:note:waits"])
        await desk.looked_at(ticket)
        await desk.go_on(await on.bridge.app.store.resume(ACCOUNT))
        await desk.until(ticket, lambda trace: trace["phase"] == "open")
        assert len(on.jelou.ledger.starts) == 1


class Refusing:
    """The HTTP client of a bridge whose helpdesk takes no writes for an hour."""

    def __init__(self) -> None:
        self._http: Any = None

    def __call__(self, app: App) -> App:
        """The same bridge, with this client."""
        self._http = app.http
        return replace(app, http=self)  # type: ignore[arg-type]

    async def send(self, call: Call, allowed: Callable[[], bool] = lambda: True) -> Reply:
        """As the bridge's own, but for writes on tickets."""
        if call.method == "PUT":
            raise NotSent("it takes no writes", status=503, retry_after_s=3_600)
        reply: Reply = await self._http.send(call, allowed)
        return reply


# --- counted ---------------------------------------------------------------------------------------------------------


async def test_a_waiting_start_is_counted_by_its_cause_until_it_goes(
    redis_url: str, prefix: str, redis: Any, clock: ServerClock
) -> None:
    """With how long the oldest waits; another cause is another count; what has started is none."""
    async with scene(redis_url, prefix, adapted=clock) as on:
        desk, brake = Desk(on, clock, redis, prefix), on.bridge.app.store.brake
        await pause(desk)
        tickets = [await desk.opened(), await desk.opened("+593987654322")]
        await clock.pass_ms(LATE_MS + 1)
        [found], started = await brake.waiting([ACCOUNT])
        assert (found.account, found.cause, found.count, found.late) == (ACCOUNT, "pause", 2, 2)
        assert found.oldest_ms > LATE_MS
        assert started == {ACCOUNT: 0}
        await desk.go_on(await brake.resume(ACCOUNT))
        for ticket in tickets:
            await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        assert await brake.waiting([ACCOUNT]) == ([], {ACCOUNT: 2})
        assert not await redis.exists(f"{prefix}:start-waits")


async def test_what_a_worker_of_the_version_before_has_started_is_counted_no_more(steps: Steps) -> None:
    """It does not know of the count: whoever looks lets go what has gone. What is removed leaves no trace there."""
    await steps.accept(ticket="gone")
    await steps.accept(ticket="forgotten")
    await steps.accept(ticket="waits")
    for claimed in (await steps.claim()).tickets:
        await steps.finish(claimed, state=NEW, wait="firm", due_in_ms=1, account=ACCOUNT, start_wait="pace")
    [found], _ = await steps.store.brake.waiting()
    assert (found.count, found.late) == (3, 0)
    await steps.redis.hset(steps.key("link", "gone"), "state", '{"phase":"open"}')
    await steps.forget("forgotten")
    [found], _ = await steps.store.brake.waiting()
    assert found.count == 1
    assert await steps.redis.zrange(steps.key(f"open-start:{ACCOUNT}:pace"), 0, -1) == [b"waits"]
