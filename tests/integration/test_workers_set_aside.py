"""Tickets that cannot be worked now: they wait, they say why, they keep everything, and their lane goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.helpdesks import REGISTRY
from bridge.helpdesks.zendesk import Zendesk
from bridge.protocol import Incoming, Leases
from bridge.store import Store
from tests.harness import PROJECT, Scene, configuration, eventually, project, running, scene, scripted_account
from tests.outcomes import FIRM, HELD, due_now, kept, line, reasons, told
from workers.lanes import Lanes
from workers.limits import Limits

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from bridge.domain import Call, TicketRef
    from bridge.wiring import App

KIND, ACCOUNT = "standard-webhooks", "scripts"
LANE = f"{KIND}/{ACCOUNT}~{PROJECT}"
TICKET = f"{KIND}/{ACCOUNT}/T-1"
USER = "593987654321"


class Faulty(Zendesk):
    """A dialect with a bug: to fetch some tickets breaks it."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.calls: list[str] = []

    def fetch(self, account: Any, ref: TicketRef) -> Call | None:
        """As Zendesk's, but for the bug."""
        self.calls.append(ref.id)
        if ref.id in self.broken:
            msg = "a bug"
            raise RuntimeError(msg)
        return super().fetch(account, ref)


async def test_a_bug_neither_spins_nor_takes_its_lane_along(redis_url: str, prefix: str, redis: Redis) -> None:
    """The ticket waits and says so, the others of its lane are worked, and when the bug is gone nothing is lost."""
    faulty = Faulty()

    def with_bug(app: App) -> App:
        return replace(app, helpdesks={**REGISTRY, "zendesk": faulty})

    async with scene(redis_url, prefix, adapted=with_bug) as on:
        broken = str(on.zendesk.open_ticket("Hola", f"+{USER}").id)
        faulty.broken.add(broken)
        trace = await on.bridge.traced("zendesk", "acme", broken, lambda trace: bool(told(trace, "waiting")))
        assert reasons(trace, "waiting") == ["a fault in the bridge: RuntimeError"]
        for n in range(3):
            fine = on.zendesk.open_ticket("Hola", f"+59398765432{n}").id
            await on.until_phase(str(fine), "open", kind="zendesk", account="acme")
        assert faulty.calls.count(broken) == 1
        faulty.broken.clear()
        await due_now(redis, prefix, f"zendesk/acme~{PROJECT}", f"zendesk/acme/{broken}")
        await on.until_phase(broken, "open", kind="zendesk", account="acme")


# --- a ticket that kills its workers ---------------------------------------------------------------------------------


async def worked_once(on: Scene, limits: Limits) -> dict[str, Any]:
    """The ticket's trace after one job of a worker of this test's own."""
    lanes = Lanes(on.bridge.app, limits)
    await lanes.run(LANE)
    await lanes.drain()
    return await on.bridge.trace(KIND, ACCOUNT, "T-1")


async def test_a_ticket_that_kills_its_workers_is_set_aside_with_all_it_has(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """After so many claims without an end it waits; event and evidence are worked when the wait is over."""
    dying = Store(redis, prefix=prefix, leases=Leases(ticket_ms=0))
    async with scene(redis_url, prefix, work=False) as on:
        await on.scripted("T-1")
        await on.start_elsewhere(USER, bridgeTicket=TICKET)
        for _ in range(2):
            assert len((await dying.claim(LANE, "dies", 1)).tickets) == 1
        trace = await worked_once(on, Limits(poison_claims=2))
        assert "claimed 3 times without an end" in trace["waits_for"]
        assert (line(trace), trace["due_in_s"] > 50) == (["waiting"], True)
        assert [len(await kept(redis, prefix, name, TICKET)) for name in ("evidence", "inbox")] == [1, 1]
        await due_now(redis, prefix, LANE, TICKET)
        trace = await worked_once(on, Limits(poison_claims=2))
        assert line(trace) == ["waiting", "to open", "ignored"]


async def test_as_many_claims_as_are_forgiven_are_worked(redis_url: str, prefix: str, redis: Redis) -> None:
    """One worker died with it, and a second claim is the last that is: it is worked, and nothing waits."""
    dying = Store(redis, prefix=prefix, leases=Leases(ticket_ms=0))
    async with scene(redis_url, prefix, work=False) as on:
        await on.scripted("T-1")
        assert len((await dying.claim(LANE, "dies", 1)).tickets) == 1
        trace = await worked_once(on, Limits(poison_claims=2))
        assert line(trace)[:2] == ["sending", "answered"]


# --- what this version or this configuration cannot work -------------------------------------------------------------


async def test_an_account_removed_from_the_configuration_loses_nothing(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """Its tickets wait, evidence included, and say why once; they go on when the account is back."""
    async with scene(redis_url, prefix, scripts=FIRM) as on:
        on.jelou.faults.next_event(HELD)
        await on.scripted("T-1")
        await on.until_phase("T-1", "started")
        on.bridge.lanes.draining = True
        without = configuration(project(on.jelou), {KIND: {"others": scripted_account()}})
        async with running(without, redis_url, prefix, limits=Limits(sweep_s=0.05)):
            await on.jelou.settle()
            await eventually(lambda: _set_aside(on))
            for _ in range(3):
                await due_now(redis, prefix, LANE, TICKET)
                await eventually(lambda: _set_aside(on))
        trace = await on.bridge.trace(KIND, ACCOUNT, "T-1")
        assert reasons(trace, "waiting").count("its account is not configured") == 1
        on.bridge.lanes.draining = False
        await due_now(redis, prefix, LANE, TICKET)
        assert (await on.until_phase("T-1", "open"))["conversation"]


async def _set_aside(on: Scene) -> bool:
    trace = await on.bridge.trace(KIND, ACCOUNT, "T-1")
    came = told(trace, "received", event="conversation.start")
    return bool(came) and trace["due_in_s"] is not None and trace["due_in_s"] > 31


async def stored(on: Scene, event: str) -> None:
    """An event in the ticket's inbox, as some version stored it."""
    item = Incoming(TICKET, LANE, "", event, '{"at": 1, "what": "received"}', "{}")
    await on.bridge.app.store.accept(event, "d", 60, [item])
    await on.bridge.app.queue.wake(LANE)


async def test_an_event_of_a_newer_version_is_told_as_ignored(redis_url: str, prefix: str, redis: Redis) -> None:
    """After a step back an event may be of a kind that is not known, in inbox or evidence: its ticket goes on."""
    async with scene(redis_url, prefix) as on:
        unheard = '{"type": "from.the.future", "delivery": "d", "at_ms": 1, "event": {}}'
        line = '{"at": 1, "what": "received"}'
        await on.bridge.app.store.testify(TICKET, LANE, "heard", unheard.replace("future", "past"), line)
        await stored(on, unheard)
        await on.scripted("T-1")
        trace = await on.until_phase("T-1", "open")
        ignored = [(one["event"], one["reason"]) for one in told(trace, "ignored")]
        reason = "this version knows no such event"
        assert sorted(ignored) == [("from.the.future", reason), ("from.the.past", reason)]
        assert await kept(redis, prefix, "inbox", TICKET) == await kept(redis, prefix, "evidence", TICKET) == []


async def test_a_ticket_in_a_phase_of_a_newer_version_is_kept_for_it(redis_url: str, prefix: str, redis: Redis) -> None:
    """Nobody here can say what may be sent: it waits as it is, its trace is shown, and its lane goes on."""
    async with scene(redis_url, prefix) as on:
        state = '{"phase": "from the future", "conversation": "c-1"}'
        await redis.hset(f"{prefix}:link:{TICKET}", mapping={"lane": LANE, "state": state})  # type: ignore[misc]
        await on.scripted("T-1")
        trace = await on.bridge.traced(KIND, ACCOUNT, "T-1", lambda trace: bool(told(trace, "waiting")))
        assert reasons(trace, "waiting") == ["what is stored of it cannot be read"]
        assert (trace["phase"], trace["says"]) == ("from the future", "this version does not know its phase")
        assert len(await kept(redis, prefix, "inbox", TICKET)) == 1
        assert await redis.hget(f"{prefix}:link:{TICKET}", "state") == state.encode()  # type: ignore[misc]
        await on.scripted("T-2")
        await on.until_phase("T-2", "open")
