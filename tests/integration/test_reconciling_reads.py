"""Which comments the reconciler reads: of what changed later than is known, and now and then of all that changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.helpdesks.zendesk import Zendesk
from bridge.links import Link
from bridge.missed import WHOLE_S, Window, whole_name
from bridge.reconcile_once import reconcile_once
from bridge.reconciling import Reconciler
from tests.clocks import WallClock
from tests.harness import Scene, eventually, scene
from tests.listed import ACCOUNT, DROPPED, listing
from tests.talk import QUICK, USER, hears, open_ticket, reads
from workers.reconcile import reconcile

if TYPE_CHECKING:
    from bridge.accounts import Account
    from bridge.domain import Call, TicketRef
    from bridge.reconciling import Looked

LATER_MS = 10_000
QUIET: dict[str, Any] = {**QUICK, "reconcile": {"enabled": False}}
"""The workers do not look by themselves."""


class Counting(Zendesk):
    """A Zendesk that tells of which tickets the comments were read."""

    def __init__(self) -> None:
        self.read_of: list[str] = []

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """As Zendesk's."""
        self.read_of.append(ref.id)
        return super().fetch_comments(account, ref)


async def look(on: Scene, *, whole: bool = False) -> Looked:
    """One look at the last hour."""
    return await Reconciler(on.bridge.app, ACCOUNT, on.bridge.app.now_ms() - 3_600_000, whole=whole).all()


async def link_of(redis: Any, prefix: str, ticket: int) -> Link:
    """What is known of the ticket."""
    return Link.load(await redis.hget(f"{prefix}:link:{ACCOUNT}/{ticket}", "state"))


async def time_passes(redis: Any, prefix: str, ticket: int) -> None:
    """What is known of the ticket is of a while ago."""
    link = await link_of(redis, prefix, ticket)
    earlier = replace(link, changed_ms=link.changed_ms - LATER_MS)
    await redis.hset(f"{prefix}:link:{ACCOUNT}/{ticket}", "state", earlier.dump())


async def agent_writes_unheard(on: Scene, ticket: int, text: str) -> None:
    """An agent's reply whose webhook is lost."""
    on.zendesk.faults.next_event(DROPPED, "comment_added")
    on.zendesk.agent_writes(ticket, text)
    await on.zendesk.settle()


async def customer_writes(on: Scene, ticket: int, text: str) -> None:
    """And it stands on the ticket, as is known of it."""
    on.jelou.customer_writes(USER, text)
    await reads(on, ticket, text)
    await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")


async def test_what_only_the_bridge_changed_is_not_read(redis_url: str, redis: Any, prefix: str) -> None:
    """Its notes and the customer's words change every live ticket; reading them all takes the pace of the others."""
    zendesk = Counting()
    async with scene(redis_url, prefix, adapted=listing(zendesk), zendesk=QUIET) as on:
        ticket, _ = await open_ticket(on)
        await time_passes(redis, prefix, ticket)
        await customer_writes(on, ticket, "hola")
        zendesk.read_of.clear()
        told = await look(on)
        assert (told.tickets, told.fed, told.complete, zendesk.read_of) == (1, 0, True, [])


async def test_what_a_delivery_told_is_not_read(redis_url: str, redis: Any, prefix: str) -> None:
    """It is noted when it is taken: an agent's reply that came leaves nothing to be looked for."""
    zendesk = Counting()
    async with scene(redis_url, prefix, adapted=listing(zendesk), zendesk=QUIET) as on:
        ticket, talk = await open_ticket(on)
        before = (await link_of(redis, prefix, ticket)).changed_ms
        on.zendesk.agent_writes(ticket, "how can we help?")
        await hears(talk, "how can we help?")

        async def noted() -> bool:
            return (await link_of(redis, prefix, ticket)).changed_ms > before

        await eventually(noted)
        zendesk.read_of.clear()
        assert (await look(on)).fed == 0
        assert zendesk.read_of == []


@pytest.mark.parametrize("ahead_ms", [0, 60_000, -60_000])
async def test_a_lost_reply_after_our_own_note_is_found(redis_url: str, redis: Any, prefix: str, ahead_ms: int) -> None:
    """By the next look, whatever the helpdesk's clock says; and what came before it is not read."""
    zendesk, clock = Counting(), WallClock(ahead_ms)

    def adapted(app: Any) -> Any:
        return clock(listing(zendesk)(app))

    async with scene(redis_url, prefix, adapted=adapted, zendesk=QUIET) as on:
        ticket, talk = await open_ticket(on)
        await customer_writes(on, ticket, "hola")
        zendesk.read_of.clear()
        assert (await look(on)).fed == 0
        assert zendesk.read_of == []
        await time_passes(redis, prefix, ticket)
        await agent_writes_unheard(on, ticket, "how can we help?")
        assert [one.event for one in (await look(on)).missed] == ["agent.replied"]
        await hears(talk, "how can we help?")


async def test_a_lost_reply_before_our_own_note_is_found_by_a_whole_look(redis_url: str, prefix: str) -> None:
    """The helpdesk tells the last change alone, and that was ours. A person's look is whole as well."""
    async with scene(redis_url, prefix, adapted=listing(Counting()), zendesk=QUIET) as on:
        ticket, talk = await open_ticket(on)
        for at, text in enumerate(("how can we help?", "are you there?")):
            await agent_writes_unheard(on, ticket, text)
            on.jelou.customer_writes(USER, f"hola {at}")
            await reads(on, ticket, *(f"hola {number}" for number in range(at + 1)))
            await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
            assert (await look(on)).fed == 0
            told = (await reconcile_once(on.bridge.app, ACCOUNT, 3_600, dry_run=False)).looked if at else None
            assert (told or await look(on, whole=True)).fed == 1
        await hears(talk, "how can we help?", "are you there?")


async def test_the_workers_look_whole_now_and_then(redis_url: str, prefix: str) -> None:
    """Beside their other looks, and each in its own time."""
    async with scene(redis_url, prefix, adapted=listing(Counting()), zendesk=QUICK) as on:
        rounds, kept = on.bridge.app.store.rounds, (ACCOUNT, whole_name(ACCOUNT))

        async def come_round(*ago_s: float) -> list[Window]:
            now = on.bridge.app.now_ms()
            for name, ago in zip(kept, ago_s, strict=True):
                await rounds.note_window(name, Window(until_ms=now - round(ago * 1_000)).dump())
            await reconcile(on.bridge.app, lambda: False)
            return [Window.load(await rounds.window(name)) for name in kept]

        ticket, talk = await open_ticket(on)
        await agent_writes_unheard(on, ticket, "how can we help?")
        await customer_writes(on, ticket, "hola")
        before = on.bridge.app.now_ms()
        later, not_yet = await come_round(301, WHOLE_S - 60)
        assert later.until_ms >= before > not_yet.until_ms
        not_yet, later = await come_round(200, WHOLE_S + 1)
        assert later.until_ms >= before > not_yet.until_ms
        await hears(talk, "how can we help?")
