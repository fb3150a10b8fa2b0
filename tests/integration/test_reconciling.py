"""The reconciler: what no webhook brought is found and worked once, and nothing else is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.forgetting import Forgetting
from bridge.missed import LEFT, WOULD_BE_FED
from bridge.reconcile_once import reconcile_once
from bridge.reconciling import NotListedError, Reconciler
from bridge.twins.faults import EventFault, Fault
from tests.harness import Scene, scene
from tests.listed import ACCOUNT, DROPPED, PHONE, Listed, is_open, listing, lost
from tests.outcomes import conversations
from tests.outcomes import told as told_of
from tests.steps import content

if TYPE_CHECKING:
    from bridge.reconcile_once import Reconciled

CHANGING = (
    "used",
    "processes",
    "processes-seen",
    "worker-seen",
    "pace",
    "breaker",
    "row",
    "place",
    "sequence",
    "alive",
    "workers",
    "lanes",
    "jobs",
    "turn",
    "awake",
    "hash-key",
    "gate",
    "queues",
)
"""Keys that change by themselves, or by a call going out."""

QUIET = {"zendesk": {"reconcile": {"enabled": False}}}
"""The workers do not look by themselves."""


async def looked(on: Scene, since_s: int = 3_600, *, dry_run: bool = False) -> Reconciled:
    """A person asks."""
    return await reconcile_once(on.bridge.app, ACCOUNT, since_s, dry_run=dry_run)


async def kept(redis: Any, prefix: str) -> dict[str, str]:
    """Everything that is kept of tickets."""
    keys = [key async for key in redis.scan_iter(f"{prefix}:*")]
    return {key.decode(): await content(redis, key) for key in keys if key.decode().split(":")[1] not in CHANGING}


async def test_a_ticket_whose_webhook_was_lost_is_started_once(redis_url: str, prefix: str) -> None:
    """It says on its timeline how it came; looking again, and the webhook that comes late, change nothing."""
    async with scene(redis_url, prefix, adapted=listing(), **QUIET) as on:
        ticket = await lost(on)
        first = await looked(on)
        assert [(one.ticket, one.event, one.done) for one in first.looked.missed] == [
            (f"{ACCOUNT}/{ticket}", "ticket.opened", "fed")
        ]
        trace = await is_open(on, ticket)
        assert [one["by"] for one in told_of(trace, "received", event="ticket.opened")] == [
            "the reconciler: no webhook had brought it"
        ]
        again = await looked(on)
        assert (again.looked.fed, again.looked.known, again.looked.complete) == (0, 1, True)
        assert told_of(await is_open(on, ticket), "repeated") == []
        assert len(conversations(on, str(ticket))) == 1


async def test_a_webhook_that_comes_after_the_look_starts_nothing_more(redis_url: str, prefix: str) -> None:
    """It was only late: it is a repeat, and says so."""
    async with scene(redis_url, prefix, adapted=listing(), **QUIET) as on:
        on.zendesk.faults.next_event(EventFault.named("out_of_order"), "created")
        ticket = on.zendesk.open_ticket("Hola", PHONE).id
        assert (await looked(on)).looked.fed == 1
        await is_open(on, ticket)
        await on.zendesk.settle()
        trace = await is_open(on, ticket)
        assert [one["event"] for one in told_of(trace, "repeated")] == ["ticket.opened"]
        assert len(conversations(on, str(ticket))) == 1


async def test_a_ticket_that_came_leaves_no_trace_of_the_look(redis_url: str, redis: Any, prefix: str) -> None:
    """Neither a line on its timeline nor anything else; only how far was looked is noted."""
    async with scene(redis_url, prefix, adapted=listing(), **QUIET) as on:
        ticket = on.zendesk.open_ticket("Hola", PHONE).id
        await is_open(on, ticket)
        before = await kept(redis, prefix)
        told = (await looked(on)).looked
        assert (told.tickets, told.fed, told.left, told.known) == (1, 0, 0, 1)
        after = await kept(redis, prefix)
        assert {name for name in {**before, **after} if before.get(name) != after.get(name)} == {f"{prefix}:reconciled"}


async def test_a_dry_run_asks_and_writes_nothing(redis_url: str, redis: Any, prefix: str) -> None:
    """It tells what would be done; every key that tells of tickets is as before."""
    async with scene(redis_url, prefix, adapted=listing(), **QUIET) as on:
        await is_open(on, on.zendesk.open_ticket("Hola", PHONE).id)
        ticket = await lost(on)
        before = await kept(redis, prefix)
        told = await looked(on, dry_run=True)
        assert [(one.ticket, one.done) for one in told.looked.missed] == [(f"{ACCOUNT}/{ticket}", WOULD_BE_FED)]
        assert told.looked.fed == 1
        assert await kept(redis, prefix) == before


async def test_a_reply_that_was_lost_is_fed_and_an_old_or_private_one_is_not(redis_url: str, prefix: str) -> None:
    """Of a ticket with a live conversation the comments are read."""
    async with scene(redis_url, prefix, adapted=listing(), **QUIET) as on:
        ticket = on.zendesk.open_ticket("Hola", PHONE).id
        await is_open(on, ticket)
        on.zendesk.faults.next_event(DROPPED, "comment_added", times=3)
        on.zendesk.agent_writes(ticket, "from before")
        on.zendesk.desk.ticket(ticket).comments[-1].created_ms -= 7_200_000
        on.zendesk.agent_writes(ticket, "a note", public=False)
        on.zendesk.agent_writes(ticket, "how can we help?")
        await on.zendesk.settle()
        told = (await looked(on)).looked
        assert [(one.event, one.done) for one in told.missed] == [("agent.replied", "fed")]
        trace = await on.bridge.trace("zendesk", "acme", str(ticket))
        assert len(told_of(trace, "received", event="agent.replied")) == 1
        assert (await looked(on)).looked.fed == 0


async def test_comments_that_cannot_be_read_are_told_and_read_next_time(redis_url: str, prefix: str) -> None:
    """The other tickets are looked at all the same."""
    async with scene(redis_url, prefix, adapted=listing(), **QUIET) as on:
        tickets = [on.zendesk.open_ticket("Hola", f"+59398765430{number}").id for number in range(2)]
        for ticket in tickets:
            await is_open(on, ticket)
            on.zendesk.faults.next_event(DROPPED, "comment_added")
            on.zendesk.agent_writes(ticket, "how can we help?")
        on.zendesk.faults.next("list_comments", Fault(status=500, only=f"/{tickets[0]}/"))
        looked_at = (await looked(on)).looked
        assert {one.ticket: one.done.partition(":")[0] for one in looked_at.missed} == {
            f"{ACCOUNT}/{tickets[0]}": "left",
            f"{ACCOUNT}/{tickets[1]}": "fed",
        }
        assert looked_at.complete
        assert (await looked(on)).looked.fed == 1


async def test_a_solved_ticket_is_told_where_its_conversation_is_open(redis_url: str, prefix: str) -> None:
    """One that the bridge does not know is none of its business."""
    async with scene(redis_url, prefix, adapted=listing(), **QUIET) as on:
        ticket = on.zendesk.open_ticket("Hola", PHONE).id
        await is_open(on, ticket)
        stranger = await lost(on)
        on.zendesk.desk.ticket(stranger).created_ms -= 7_200_000
        for one in (ticket, stranger):
            on.zendesk.faults.next_event(DROPPED, "status_changed")
            on.zendesk.change(one, status="solved")
        await on.zendesk.settle()
        told = (await looked(on)).looked
        assert [(one.ticket, one.event) for one in told.missed] == [(f"{ACCOUNT}/{ticket}", "ticket.solved")]
        assert not (await on.bridge.trace("zendesk", "acme", str(stranger)))["known"]


async def test_a_forgotten_ticket_stays_forgotten(redis_url: str, redis: Any, prefix: str) -> None:
    """The helpdesk still lists it; nothing of it comes back."""
    async with scene(redis_url, prefix, adapted=listing(), **QUIET) as on:
        ticket = on.zendesk.open_ticket("Hola", PHONE).id
        await is_open(on, ticket)
        forgetting = Forgetting(on.bridge.app.store, on.bridge.app.bridge)
        await forgetting.forget(await forgetting.whom(ticket=f"{ACCOUNT}/{ticket}"))
        told = (await looked(on)).looked
        assert (told.fed, told.forgotten, told.missed) == (0, 1, [])
        assert not [key for key in await kept(redis, prefix) if str(ticket) in key]


async def test_what_is_too_old_for_the_rules_is_left_to_a_person(redis_url: str, prefix: str) -> None:
    """By themselves the workers start no old ticket; whoever asks for it by hand does."""
    async with scene(redis_url, prefix, adapted=listing(), **QUIET) as on:
        ticket = await lost(on)
        on.zendesk.desk.ticket(ticket).created_ms -= 1_800_000
        looking = Reconciler(on.bridge.app, ACCOUNT, on.bridge.app.now_ms() - 3_600_000)
        told = await looking.all()
        assert [(one.done, told.left) for one in told.missed] == [(LEFT, 1)]
        assert (await looked(on)).looked.fed == 1
        await is_open(on, ticket)


async def test_a_rule_measures_the_age_at_which_a_ticket_was_found(redis_url: str, prefix: str) -> None:
    """By the workers; the account's other rules do not make it younger."""
    rules = [{"when": {"tags": "vip"}, "max_age_s": 3_600}, {"max_age_s": 60}]
    zendesk = {**QUIET["zendesk"], "start_when": rules}
    async with scene(redis_url, prefix, adapted=listing(), zendesk=zendesk) as on:
        ticket = await lost(on)
        on.zendesk.desk.ticket(ticket).created_ms -= 600_000
        told = await Reconciler(on.bridge.app, ACCOUNT, on.bridge.app.now_ms() - 3_600_000).all()
        assert told.fed == 1
        trace = await on.until_phase(str(ticket), "ignored", kind="zendesk", account="acme")
        assert "older than max_age_s" in trace["timeline"][-1]["reason"]


async def test_every_page_is_looked_at(redis_url: str, prefix: str) -> None:
    """One after the other, to the end."""
    listed = Listed(page=2)
    async with scene(redis_url, prefix, adapted=listing(listed), work=False) as on:
        for _ in range(5):
            await lost(on)
        told = (await looked(on)).looked
        assert (told.tickets, told.fed, told.complete) == (5, 5, True)
        assert listed.asked[-3:] == ["", "2", "4"]
        short = await Reconciler(on.bridge.app, ACCOUNT, 0).all(pages=1)
        assert (short.complete, "more than 1 pages" in short.problem) == (False, True)


async def test_a_refused_credential_is_told_in_words_and_known_to_the_gate(redis_url: str, prefix: str) -> None:
    """The setting is named; then the helpdesk is not called again, as by the workers."""
    async with scene(redis_url, prefix, adapted=listing(Listed(refused=True)), **QUIET) as on:
        told = (await looked(on)).looked
        assert "helpdesks.zendesk.acme.access" in told.problem
        assert not told.complete
        again = (await looked(on)).looked
        assert again.problem.startswith("zendesk/acme is not called just now: the credential is refused")


async def test_the_looks_keep_the_pace_of_the_account(redis_url: str, redis: Any, prefix: str) -> None:
    """Each call takes its turn at the same gate as the tickets' calls."""
    async with scene(redis_url, prefix, adapted=listing(Listed(page=1)), work=False) as on:
        for _ in range(3):
            await lost(on)
        await looked(on)
        assert await redis.get(f"{prefix}:pace:helpdesk:{ACCOUNT}")
        until = on.bridge.app.now_ms() + 60_000
        broken = {"until": until, "reason": "it fails", "kind": "fail"}
        await redis.hset(f"{prefix}:breaker:helpdesk:{ACCOUNT}", mapping=broken)
        told = (await looked(on)).looked
        assert told.problem == f"{ACCOUNT} is not called just now: it fails"


async def test_an_account_without_a_list_says_so(redis_url: str, prefix: str) -> None:
    """By its name."""
    async with scene(redis_url, prefix, adapted=listing(), work=False) as on:
        with pytest.raises(NotListedError, match="standard-webhooks/scripts: there is no list"):
            await reconcile_once(on.bridge.app, "standard-webhooks/scripts", 60, dry_run=False)
