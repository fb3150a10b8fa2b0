"""What goes round by itself: facts looked up, conversations doubted, senders counted, calls without a ticket."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.protocol import Gate, Outcome
from tests.personal import TICKET, named, opened
from tests.steps import DAY_MS, HOUR_MS, LANE, PROJECT

if TYPE_CHECKING:
    from bridge.protocol import Verdict
    from tests.steps import Steps

DESK = "helpdesk:zendesk/acme"
SLOW = Gate(DESK, "reconciler", interval_ms=1_000, burst=1)
TEN_MINUTES = 600_000


# --- what is known ---------------------------------------------------------------------------------------------------


async def test_facts_are_looked_up_and_nothing_is_written(steps: Steps) -> None:
    """New, known, or of a ticket that is gone; with the ticket's link."""
    await steps.finish(await opened(steps), **named())
    await steps.forget(TICKET)
    await steps.ended(ticket="kept")
    await steps.ended(ticket="retired")
    await steps.redis.zrem(steps.key("ended", "closed"), "kept")
    await steps.pass_ms(DAY_MS)
    await steps.retire()
    before = await steps.everything()
    asked = [
        ("kept", "opened kept"),
        ("kept", "other"),
        ("retired", "opened retired"),
        ("retired", "other"),
        (TICKET, "other"),
    ]
    found = await steps.store.rounds.known([*asked, ("stranger", "opened")])
    assert [one.verdict for one in found] == ["known", "new", "gone", "new", "gone", "new"]
    assert [one.state for one in found] == [b'"done"', b'"done"', b"", b"", b"", b""]
    assert await steps.everything() == before


async def test_a_repeat_without_a_line_is_not_told(steps: Steps) -> None:
    """The reconciler's: what is known stays as it is, and new events are taken as from a webhook."""
    await steps.accept("opened", fact="opened")
    before = await steps.timeline()
    again = replace(steps.incoming("again", fact="opened"), repeated="")
    news = replace(steps.incoming("news", fact="comment"), repeated="")
    await steps.deliver(again, news)
    assert await steps.inbox() == ["opened", "news"]
    assert await steps.timeline() == [*before, "received news"]


# --- conversations that may be closed --------------------------------------------------------------------------------


async def with_conversation(steps: Steps, ticket: str = TICKET, **how: object) -> None:
    """A ticket with an open conversation."""
    await steps.finish(await opened(steps, ticket), **named(**how))


async def doubted(steps: Steps, older_ms: int = HOUR_MS, *, account: str = "", preview: bool = False) -> list[str]:
    """The tickets that are doubted now."""
    found = await steps.store.rounds.doubt(PROJECT, account, older_ms, 10, preview=preview)
    assert {(one.lane, one.state) for one in found} <= {(LANE, b'"done"')}
    return [one.ticket for one in found]


async def test_an_open_conversation_is_doubted_after_its_time_and_once(steps: Steps) -> None:
    """Then again after the same time; a look that only looks changes nothing."""
    await with_conversation(steps)
    await steps.pass_ms(HOUR_MS - 1)
    assert await doubted(steps) == []
    await steps.pass_ms(1)
    assert await doubted(steps, preview=True) == [TICKET]
    assert await doubted(steps) == [TICKET]
    assert await doubted(steps) == []
    await steps.pass_ms(HOUR_MS)
    assert await doubted(steps) == [TICKET]


async def test_work_on_a_ticket_does_not_put_off_the_question(steps: Steps) -> None:
    """An agent who writes shows nothing of what Jelou knows."""
    await with_conversation(steps)
    await steps.pass_ms(HOUR_MS)
    await steps.accept("reply", ticket=TICKET)
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed, **named(adopt=()))
    assert await doubted(steps) == [TICKET]


@pytest.mark.parametrize("how", ["closed", "forgotten", "retired"])
async def test_a_conversation_that_has_ended_is_not_doubted(steps: Steps, how: str) -> None:
    """Closed, forgotten or removed, nothing of it is left in the list."""
    await with_conversation(steps)
    if how == "forgotten":
        await steps.forget(TICKET)
    else:
        await steps.accept("closed", ticket=TICKET)
        [claimed] = (await steps.claim()).tickets
        await steps.finish(claimed, **named(adopt=(), open=how == "retired", ended="closed"))
    await steps.pass_ms(2 * DAY_MS)
    if how == "retired":
        await steps.retire()
    assert await doubted(steps) == []
    assert not await steps.redis.exists(steps.key("open", PROJECT))


async def test_a_ticket_that_is_set_aside_stays_in_the_list(steps: Steps) -> None:
    """Its worker does not know it, and says nothing of its conversation."""
    await with_conversation(steps)
    await steps.accept("reply", ticket=TICKET)
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed, project="", state='"done"')
    await steps.pass_ms(HOUR_MS)
    assert await doubted(steps) == [TICKET]


async def test_one_account_is_asked_for_alone(steps: Steps) -> None:
    """The others' conversations are left for their time."""
    for ticket in ("zendesk/acme/1", "zendesk/acme-co/1"):
        await with_conversation(steps, ticket, adopt=(ticket,))
    await steps.pass_ms(HOUR_MS)
    assert await doubted(steps, account="zendesk/acme") == ["zendesk/acme/1"]
    assert await doubted(steps) == ["zendesk/acme-co/1"]


# --- who is heard ----------------------------------------------------------------------------------------------------


async def heard(steps: Steps, sender: str) -> dict[int, int]:
    """How many deliveries, by how many times ten minutes ago."""
    counts = (await steps.store.rounds.heard([sender]))[sender]
    return {steps.now // TEN_MINUTES - bucket: count for bucket, count in counts.items()}


async def from_sender(steps: Steps, name: str, seen: str = "") -> None:
    """A delivery of a sender."""
    seen = seen or f"seen-{next(steps._numbers)}"  # noqa: SLF001 - a delivery of its own
    await steps.store.accept(seen, seen, 600, [steps.incoming()], sender=name)


async def test_each_delivery_counts_for_its_sender_in_its_ten_minutes(steps: Steps) -> None:
    """A duplicate does not, nor what the reconciler found."""
    for _ in range(3):
        await from_sender(steps, "zendesk/acme", "same")
        await from_sender(steps, "zendesk/acme")
    await from_sender(steps, "")
    await steps.pass_ms(TEN_MINUTES)
    await from_sender(steps, "zendesk/acme")
    assert await heard(steps, "zendesk/acme") == {1: 4, 0: 1}
    assert await heard(steps, "zendesk/other") == {}


async def test_counts_are_kept_for_fifteen_days(steps: Steps) -> None:
    """What is older goes with the next delivery, and all of it if there is none."""
    await from_sender(steps, "zendesk/acme")
    await steps.pass_ms(15 * DAY_MS - TEN_MINUTES)
    await from_sender(steps, "zendesk/acme")
    assert len(await heard(steps, "zendesk/acme")) == 2
    await steps.pass_ms(TEN_MINUTES)
    await from_sender(steps, "zendesk/acme")
    assert await heard(steps, "zendesk/acme") == {1: 1, 0: 1}
    assert 0 < await steps.redis.pttl(steps.key("heard", "zendesk/acme")) <= 15 * DAY_MS


# --- calls without a ticket ------------------------------------------------------------------------------------------


async def passed(steps: Steps, *outcomes: Outcome, caller: str = "reconciler") -> Verdict:
    """The reconciler asks for a call."""
    return await steps.store.rounds.pass_gate(caller, replace(SLOW, lane=caller, caller=True), outcomes)


async def test_a_call_without_a_ticket_shares_the_pace_with_the_tickets(steps: Steps) -> None:
    """Whoever comes first goes, the other waits its turn and then has it."""
    claimed = await steps.held()
    assert (await passed(steps)).verdict == "go"
    told = await steps.store.mark(replace(steps.marking(claimed), gate=replace(SLOW, lane=LANE)))
    assert told.verdict == "paced"
    waits = await passed(steps)
    assert waits.verdict == "paced"
    for _ in range(2):
        await steps.pass_ms(int(SLOW.interval_ms))
        await steps.store.due()
    assert (await passed(steps)).verdict == "go"
    assert await steps.redis.keys(steps.key("link", "reconciler*")) == []


async def test_the_place_of_a_caller_that_is_gone_is_given_up(steps: Steps) -> None:
    """A process that dies while it waits leaves nothing for ever: nobody comes for what it is granted."""
    await passed(steps)
    await passed(steps)
    assert await steps.redis.exists(steps.key("places", DESK))
    await steps.pass_ms(int(SLOW.interval_ms))
    await steps.store.due()
    await steps.pass_ms(2_000)
    await steps.store.due()
    assert not await steps.redis.exists(steps.key("places", DESK), steps.key("grants", DESK))


async def test_what_becomes_of_such_calls_opens_the_breaker_for_all(steps: Steps) -> None:
    """A refused credential holds back the tickets' calls as well."""
    claimed = await steps.held()
    await steps.store.rounds.pass_gate("reconciler", None, [Outcome(DESK, "denied", 0, "the credential is refused")])
    told = await passed(steps)
    assert (told.verdict, told.reason) == ("broken", "the credential is refused")
    assert (await steps.store.mark(replace(steps.marking(claimed), gate=SLOW))).verdict == "broken"


# --- turns -----------------------------------------------------------------------------------------------------------


async def test_a_turn_is_had_by_one_until_it_is_given_back(steps: Steps) -> None:
    """Or until its time is over."""
    assert await steps.store.rounds.take_turn("look", 60_000)
    assert not await steps.store.rounds.take_turn("look", 60_000)
    assert await steps.store.rounds.take_turn("other", 60_000)
    await steps.store.rounds.give_back("look")
    assert await steps.store.rounds.take_turn("look", 60_000)
    assert 0 < await steps.redis.pttl(steps.key("turn", "look")) <= 60_000
