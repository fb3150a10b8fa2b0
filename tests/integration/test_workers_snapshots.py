"""While a ticket's start waits or is refused, the helpdesk is asked for the ticket once, not at each try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.desk import Desk, Wanted
from bridge.domain import TicketRef
from bridge.protocol import Shaken
from bridge.snapshots import FRESH_MS
from bridge.twins.faults import Fault
from tests.by_hand import ACCOUNT, Hands, Watched
from tests.harness import PROJECT, scene
from tests.talk import PHONE, USER

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.harness import Scene

MANY, TRIES = 100, 10
VIP = [{"when": {"tags": "vip"}, "to": {"type": "queue", "target": "VIP"}}]


def called(on: Scene) -> list[str]:
    """Whom Jelou was asked to write to."""
    return [start.user_id for start in on.jelou.ledger.starts]


# --- once for all tries ----------------------------------------------------------------------------------------------


async def test_a_start_that_is_refused_ten_times_is_read_for_once(
    redis_url: str, prefix: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred tickets, no connection to Jelou: a hundred reads for a thousand tries and the starts after them."""
    monkeypatch.setattr("random.uniform", lambda shortest, _longest: shortest)
    watched = Watched(away=True)
    async with scene(redis_url, prefix, work=False, adapted=watched) as on:
        hands = Hands(on, redis, prefix)
        tickets = [await hands.opened(f"+5939876{number:05}") for number in range(MANY)]
        for _ in range(TRIES):
            await hands.turn(*tickets)
            await _asked_again(hands, watched)
        assert (watched.refused, len(watched.reads)) == (MANY * TRIES, MANY)
        watched.away = False
        while len(set(called(on))) < MANY:
            await hands.turn(*tickets)
            await _asked_again(hands, watched)
        assert len(watched.reads) == MANY


async def _asked_again(hands: Hands, watched: Watched) -> None:
    """The backoff of each ticket is over, and so is the breaker's."""
    watched.clock.ahead_ms += 200
    await hands.redis.delete(f"{hands.prefix}:breaker:jelou:{PROJECT}")


async def test_a_start_that_waits_at_the_gate_is_read_for_once(redis_url: str, prefix: str, redis: Redis) -> None:
    """However often it is looked at meanwhile."""
    watched = Watched()
    async with scene(redis_url, prefix, work=False, adapted=watched) as on:
        hands = Hands(on, redis, prefix)
        ticket = await hands.opened()
        for _ in range(3):
            await hands.paused(ticket)
        work = await hands.resumed(ticket)
        assert (work.link.phase.value, called(on), len(watched.reads)) == ("started", [USER], 1)
        assert work.link.requester == str(hands.customer(ticket).id)


async def test_what_was_read_outlasts_the_worker_and_meets_the_new_rules(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """The next process has a repaired configuration: it counts at once, for the ticket as it was read."""
    before, after = Watched(), Watched()
    async with scene(redis_url, prefix, work=False, adapted=before) as on:
        ticket = await Hands(on, redis, prefix).opened(tags=["vip"])
        await Hands(on, redis, prefix).paused(ticket)
    rules = {"assignment": VIP, "initial_message": "Buenas"}
    async with scene(redis_url, prefix, work=False, adapted=after, zendesk=rules) as on:
        await Hands(on, redis, prefix).resumed(ticket)
        [conversation] = on.jelou.ledger.conversations.values()
        assert conversation.initial_message == "Buenas"
        assert conversation.assignment == VIP[0]["to"]
    assert (len(before.reads), len(after.reads)) == (1, 0)


async def test_a_reopened_ticket_is_read_once_for_its_next_start(redis_url: str, prefix: str, redis: Redis) -> None:
    """While the start of its next episode waits."""
    watched = Watched()
    async with scene(redis_url, prefix, adapted=watched) as on:
        number = on.zendesk.open_ticket("No puedo entrar", PHONE).id
        await on.until_phase(str(number), "open", kind="zendesk", account="acme")
        on.zendesk.change(number, status="solved")
        await on.until_phase(str(number), "closed", kind="zendesk", account="acme")
        await on.bridge.lanes.drain()
        hands, ticket = Hands(on, redis, prefix), f"{ACCOUNT}/{number}"
        on.zendesk.change(number, status="open")
        await on.zendesk.settle()
        watched.reads.clear()
        for _ in range(3):
            await hands.paused(ticket)
        work = await hands.resumed(ticket)
        assert (work.link.episode, work.link.phase.value, len(watched.reads)) == (2, "started", 1)


# --- until something is new ------------------------------------------------------------------------------------------


async def test_an_event_of_the_ticket_has_it_read_again(redis_url: str, prefix: str, redis: Redis) -> None:
    """What has changed with it counts: here the phone number that an agent repaired, and told the customer about."""
    watched = Watched()
    async with scene(redis_url, prefix, work=False, adapted=watched) as on:
        hands = Hands(on, redis, prefix)
        ticket = await hands.opened()
        await hands.paused(ticket)
        hands.customer(ticket).phone = "+593987654399"
        on.zendesk.agent_writes(int(TicketRef.parse(ticket).id), "Ya corregí su número")
        await on.zendesk.settle()
        await hands.paused(ticket)
        await hands.resumed(ticket)
        assert (called(on), len(watched.reads)) == (["593987654399"], 2)


async def test_a_change_that_asks_for_nothing_has_it_read_again(redis_url: str, prefix: str, redis: Redis) -> None:
    """A tag or a priority is no event to work, and may decide where the conversation is to go."""
    watched = Watched()
    async with scene(redis_url, prefix, work=False, adapted=watched) as on:
        hands = Hands(on, redis, prefix)
        ticket = await hands.opened()
        await hands.paused(ticket)
        on.zendesk.change(int(TicketRef.parse(ticket).id), tags=["vip"])
        await on.zendesk.settle()
        await hands.resumed(ticket)
        assert len(watched.reads) == 2
        [conversation] = on.jelou.ledger.conversations.values()
        assert conversation.assignment == VIP[0]["to"]


async def test_what_was_read_ten_minutes_ago_is_read_again(redis_url: str, prefix: str, redis: Redis) -> None:
    """A number that is repaired in the customer's profile is told by no event."""
    watched = Watched()
    async with scene(redis_url, prefix, work=False, adapted=watched) as on:
        hands = Hands(on, redis, prefix)
        ticket = await hands.opened()
        await hands.paused(ticket)
        hands.customer(ticket).phone = "+593987654399"
        watched.clock.ahead_ms = FRESH_MS
        await hands.resumed(ticket)
        assert (called(on), len(watched.reads)) == (["593987654399"], 2)


async def test_what_was_read_before_a_loss_is_read_again(redis_url: str, prefix: str, redis: Redis) -> None:
    """Redis may have brought it back from long ago. What is read after the loss counts as ever."""
    watched = Watched()
    async with scene(redis_url, prefix, work=False, adapted=watched, zendesk={"write_back": {"field": ""}}) as on:
        hands = Hands(on, redis, prefix)
        ticket = await hands.opened()
        await hands.paused(ticket)
        lost = Shaken(on.bridge.app.now_ms())
        for _ in range(3):
            await hands.turn(ticket, shaken=lost)
        assert len(watched.reads) == 2


@pytest.mark.parametrize("phone", ["+593987654321", "call me"])
async def test_a_number_that_was_refused_is_read_anew_by_the_replay(
    redis_url: str, prefix: str, redis: Redis, phone: str
) -> None:
    """Whether Jelou knows no such user, or the ticket tells no number at all."""
    watched = Watched()
    async with scene(redis_url, prefix, work=False, adapted=watched) as on:
        hands, app = Hands(on, redis, prefix), on.bridge.app
        on.jelou.settings.users = frozenset({"593987654399"})
        ticket = await hands.opened(phone)
        await app.store.pause(ACCOUNT, "now")
        await hands.turn(ticket)
        work = await hands.resumed(ticket) if phone == PHONE else None
        assert (await hands.stored(ticket))["phase"] == "failed"
        assert work is None or len(watched.reads) == 1
        hands.customer(ticket).phone = "+593987654399"
        desk = Desk(app.store.records, app.bridge, app.queue.wake, app.now_ms, "ana")
        [letter] = (await desk.dead_letters(Wanted(ticket=ticket))).items
        await desk.replay(letter)
        await hands.resumed(ticket)
        assert called(on) == ["593987654399"]


# --- and no longer ---------------------------------------------------------------------------------------------------


async def test_nothing_of_it_is_kept_when_the_start_is_out(redis_url: str, prefix: str, redis: Redis) -> None:
    """It holds a customer's data, and is of no use any more."""
    async with scene(redis_url, prefix, work=False) as on:
        hands = Hands(on, redis, prefix)
        ticket = await hands.opened()
        await hands.paused(ticket)
        assert PHONE in (await hands.stored(ticket))["snapshot"]
        await hands.resumed(ticket)
        assert (await hands.stored(ticket))["snapshot"] == ""


@pytest.mark.parametrize(
    ("fault", "phase"), [({"status": 422}, "failed"), ({"accept": True, "status": 500}, "unknown")]
)
async def test_nothing_of_it_is_kept_for_a_start_that_failed_or_is_unknown(
    redis_url: str, prefix: str, redis: Redis, fault: dict[str, Any], phase: str
) -> None:
    """What comes after that reads anew."""
    async with scene(redis_url, prefix, work=False) as on:
        hands = Hands(on, redis, prefix)
        ticket = await hands.opened()
        await hands.paused(ticket)
        on.jelou.faults.next_start(Fault(**fault))
        await hands.resumed(ticket)
        stored = await hands.stored(ticket)
        assert (stored["phase"], stored["snapshot"]) == (phase, "")


async def test_nothing_of_it_is_kept_for_a_ticket_that_starts_nothing(
    redis_url: str, prefix: str, redis: Redis
) -> None:
    """By a rule that was changed while it waited."""
    async with scene(redis_url, prefix, work=False) as on:
        ticket = await Hands(on, redis, prefix).opened()
        await Hands(on, redis, prefix).paused(ticket)
    async with scene(redis_url, prefix, work=False, zendesk={"start_when": []}) as on:
        hands = Hands(on, redis, prefix)
        await hands.turn(ticket)
        stored = await hands.stored(ticket)
        assert (stored["phase"], stored["snapshot"]) == ("ignored", "")
