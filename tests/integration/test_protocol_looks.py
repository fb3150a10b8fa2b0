"""When open conversations are asked for: what a finish says of it, what is taken when, and what is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.personal import TICKET, named, opened
from tests.steps import DAY_MS, HOUR_MS, LANE, PROJECT

if TYPE_CHECKING:
    from tests.steps import Steps

MINUTE_MS = 60_000
FIRST_MS = 10 * MINUTE_MS
FIRST = (FIRST_MS, 6 * HOUR_MS, True)
"""What a finish says that brings something new: in ten minutes, and six hours after the last look at most."""


async def with_conversation(
    steps: Steps, ticket: str = TICKET, look: tuple[int, int, bool] = FIRST, **how: object
) -> None:
    """A ticket with an open conversation."""
    await steps.finish(await opened(steps, ticket), **named(look=look, **how))


async def worked(steps: Steps, look: tuple[int, int, bool], **how: Any) -> None:
    """The same ticket is worked once more."""
    await steps.accept(ticket=TICKET)
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed, **named(adopt=(), look=look, **how))


async def taken(steps: Steps, most: int = 10) -> list[str]:
    """The tickets whose conversations are asked for now."""
    found = await steps.store.rounds.looks_due(PROJECT, FIRST_MS, most)
    assert {(one.lane, one.state) for one in found} <= {(LANE, b'"done"')}
    return [one.ticket for one in found]


async def test_a_quiet_conversation_is_taken_when_its_time_has_come(steps: Steps) -> None:
    """Not before; and again after the first pause, where nobody came to ask."""
    await with_conversation(steps)
    await steps.pass_ms(FIRST_MS - 1)
    assert await taken(steps) == []
    await steps.pass_ms(1)
    assert await taken(steps) == [TICKET]
    assert await taken(steps) == []
    await steps.pass_ms(FIRST_MS)
    assert await taken(steps) == [TICKET]


async def test_a_finish_that_brings_nothing_new_leaves_the_time_as_it_is(steps: Steps) -> None:
    """What does bring something sets it anew."""
    await with_conversation(steps)
    await steps.pass_ms(FIRST_MS - 1)
    await worked(steps, (FIRST_MS, 6 * HOUR_MS, False))
    await steps.pass_ms(1)
    assert await taken(steps) == [TICKET]
    await worked(steps, FIRST)
    await steps.pass_ms(FIRST_MS - 1)
    await worked(steps, FIRST)
    await steps.pass_ms(1)
    assert await taken(steps) == []
    await steps.pass_ms(FIRST_MS - 1)
    assert await taken(steps) == [TICKET]


async def test_a_conversation_that_is_never_quiet_is_asked_for_all_the_same(steps: Steps) -> None:
    """What goes on at the ticket shows nothing of what Jelou knows: the longest pause is counted from the last look."""
    await with_conversation(steps, look=(FIRST_MS, HOUR_MS, True))
    for _ in range(12):
        assert await taken(steps) == []
        await steps.pass_ms(5 * MINUTE_MS)
        await worked(steps, (FIRST_MS, HOUR_MS, True))
    assert await taken(steps) == [TICKET]


async def test_no_more_than_asked_for_are_taken_and_those_that_wait_longest_first(steps: Steps) -> None:
    """The rest is for the next rounds."""
    for number in range(3):
        await with_conversation(steps, f"zendesk/acme/{number}", adopt=(f"c-{number}",))
        await steps.pass_ms(1)
    await steps.pass_ms(FIRST_MS)
    assert await taken(steps, 2) == ["zendesk/acme/0", "zendesk/acme/1"]
    assert await taken(steps, 2) == ["zendesk/acme/2"]


@pytest.mark.parametrize("how", ["closed", "forgotten", "retired"])
async def test_nothing_is_left_of_a_conversation_that_has_ended(steps: Steps, how: str) -> None:
    """Closed, forgotten or removed, neither list names it."""
    await with_conversation(steps)
    if how == "forgotten":
        await steps.forget(TICKET)
    else:
        await worked(steps, FIRST, open=how == "retired", ended="closed")
    await steps.pass_ms(2 * DAY_MS)
    if how == "retired":
        await steps.retire()
    assert not await steps.redis.exists(steps.key("open", PROJECT), steps.key("open-due", PROJECT))
    assert await taken(steps) == []


async def test_a_ticket_that_is_set_aside_keeps_its_time(steps: Steps) -> None:
    """Its worker does not know it, and says nothing of its conversation."""
    await with_conversation(steps)
    await steps.accept(ticket=TICKET)
    [claimed] = (await steps.claim()).tickets
    await steps.finish(claimed, project="")
    await steps.pass_ms(FIRST_MS)
    assert await taken(steps) == [TICKET]


# --- beside a version that does not know of it -----------------------------------------------------------------------


async def test_what_the_version_before_holds_to_be_open_is_taken_up(steps: Steps) -> None:
    """By when it was last asked for; and a removal finds it."""
    await with_conversation(steps)
    await steps.redis.delete(steps.key("open-due", PROJECT))
    await steps.redis.srem(steps.key("named", TICKET), f"open-due:{PROJECT}")
    await steps.pass_ms(FIRST_MS - 1)
    assert await taken(steps) == []
    await steps.pass_ms(1)
    assert await taken(steps) == [TICKET]
    await steps.forget(TICKET)
    assert not await steps.redis.exists(steps.key("open-due", PROJECT))


async def test_what_the_version_before_has_ended_is_not_asked_for(steps: Steps) -> None:
    """It takes it from its own list alone. The same conversation, open again, has its own time."""
    await with_conversation(steps)
    await steps.redis.zrem(steps.key("open", PROJECT), TICKET)
    await steps.pass_ms(FIRST_MS)
    assert await taken(steps) == []
    assert not await steps.redis.exists(steps.key("open-due", PROJECT))


async def test_the_version_before_does_not_ask_as_well(steps: Steps) -> None:
    """What was taken counts as asked for in its list."""
    await with_conversation(steps)
    await steps.pass_ms(HOUR_MS)
    assert await taken(steps) == [TICKET]
    assert await steps.store.rounds.doubt(PROJECT, "", HOUR_MS, 10, preview=True) == []
