"""One person, several ids: starts, closes, coming back, events without a conversation and forgetting know who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.correlate import contact_key, other_ids, other_keys
from bridge.forgetting import people_of
from tests.api_calls import Api
from tests.hand_overs import USER, acme, at_phase, one_ticket, wanted, worked, written
from tests.harness import PROJECT, configuration, scene
from tests.steps import Steps
from tests.talk import open_ticket
from tests.world import ACCOUNT, JELOU

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.asyncio

SPELT = [("525512345678", "5215512345678"), ("5491123456789", "541123456789"), ("551187654321", "5511987654321")]


def key(user: str) -> str:
    """The index key of this id."""
    return contact_key(PROJECT, "b", user)


async def begun(redis: Redis, prefix: str) -> Steps:
    """A store whose clock runs."""
    steps = Steps(redis, prefix)
    await steps.pass_ms(0)
    return steps


@pytest.mark.parametrize(("first", "second"), SPELT)
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("old", ["first", "second", "none"])
async def test_two_calls_for_one_person_never_run_at_the_same_time(
    redis: Redis, prefix: str, first: str, second: str, *, alone: bool, old: str
) -> None:
    """Starts and closes, whichever way each writes the id, also where a worker before this version has one of them."""
    steps = await begun(redis, prefix)
    one, other = await steps.held(ticket="one"), await steps.held(ticket="other")
    also = () if old == "first" else other_keys(key(first))
    assert (await steps.mark(one, contact=key(first), also=also)).verdict == "go"
    also_other = () if old == "second" else other_keys(key(second))
    busy = await steps.mark(other, contact=key(second), also=also_other, alone=alone)
    assert (busy.verdict, busy.detail) == ("busy", "one")
    await steps.finish(other, wait="firm", due_in_ms=9_000, behind=key(second), behind_also=also_other)
    await steps.finish(one, contact=key(first), also=also, release=True)
    assert await steps.due_in_ms("other") == (9_000 if old == "first" else 0)
    await steps.pass_ms(9_000)
    [again] = (await steps.claim()).tickets
    assert (await steps.mark(again, contact=key(second), also=also_other, alone=alone)).verdict == "go"


@pytest.mark.parametrize(("first", "second"), SPELT)
async def test_an_event_that_names_only_its_person_finds_the_ticket(
    redis: Redis, prefix: str, first: str, second: str
) -> None:
    """By either way to write the id; with another ticket of theirs open it stays nobody's."""
    steps = await begun(redis, prefix)
    await steps.finish(await steps.held(), contact=key(first), also=other_keys(key(first)), open=True)
    found = await steps.told(kind="close", conversation="", contact=key(second), also=other_keys(key(second)))
    assert (found.ticket, found.by) == ("t", "contact")
    [told] = (await steps.claim()).tickets
    await steps.finish(told, contact=key(first), also=other_keys(key(first)), open=True)
    await steps.finish(await steps.held(ticket="u"), contact=key(second), open=True)
    both = await steps.told(kind="close", conversation="", contact=key(first), also=other_keys(key(first)))
    assert both.status == "orphaned"


@pytest.mark.parametrize(("first", "second"), SPELT)
async def test_a_customer_who_comes_back_under_another_spelling_is_the_same(
    redis_url: str, prefix: str, first: str, second: str
) -> None:
    """The ticket that called them by the number gets the conversation of their WhatsApp id."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        ticket = on.zendesk.open_ticket("No puedo entrar", f"+{first}")
        await at_phase(on, ticket, "open")
        on.jelou.close(first)
        await at_phase(on, ticket, "closed")
        again = on.jelou.hand_over(second, "Una cosa más")
        assert (await worked(on, again))["reason"] == f"its customer came back to zendesk/acme/{ticket.id}"
        assert len(on.zendesk.desk.tickets) == 1


@pytest.mark.parametrize(("first", "second"), SPELT)
async def test_forgetting_a_person_finds_every_spelling(redis: Redis, prefix: str, first: str, second: str) -> None:
    """Whichever was stored, by this version or the one before."""
    bridge = configuration(JELOU, {"zendesk": {"acme": ACCOUNT}})
    steps = await begun(redis, prefix)
    for stored, others in ((first, other_ids(first)), (second, ())):
        ticket = f"zendesk/acme/{stored}"
        await steps.finish(await steps.held(ticket=ticket), person=stored, people=others)
    for asked in (first, second, f"+{second}", f"{second}@s.whatsapp.net"):
        found = await steps.forget(preview=True, people=people_of(bridge, asked))
        assert {one.ticket for one in found.shown} == {f"zendesk/acme/{first}", f"zendesk/acme/{second}"}


async def test_another_number_is_another_person(redis_url: str, prefix: str) -> None:
    """The positive twin: a stranger's conversation is not taken to the ticket."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        first, _ = await open_ticket(on)
        on.jelou.close("593987654321")
        await on.until_phase(str(first), "closed", kind="zendesk", account="acme")
        on.jelou.hand_over("593987654322", "Hola")
        other = await one_ticket(on, 1)
        assert (await at_phase(on, other, "open"))["episode"] == 1


async def test_how_jelou_calls_the_customer_of_our_own_conversation_is_the_same_person(
    redis_url: str, prefix: str
) -> None:
    """From then on: the close names them so, they come back under either id, and each finds what is to be forgotten."""
    async with scene(redis_url, prefix, zendesk=acme(), jelou=wanted()) as on:
        ticket, conversation = await open_ticket(on)
        conversation.user_id = "EC.1A2b3C"
        on.jelou.ledger.open(conversation)
        on.jelou.customer_writes("EC.1A2b3C", "Hola")
        await written(on.zendesk.desk.ticket(ticket), "Hola")
        on.zendesk.change(ticket, status="solved")
        await on.until_phase(str(ticket), "closed", kind="zendesk", account="acme")
        assert conversation.state == "closed"
        again = on.jelou.hand_over("EC.1A2b3C", "Una cosa más")
        assert (await worked(on, again))["reason"] == f"its customer came back to zendesk/acme/{ticket}"
        for user in (USER, "EC.1A2b3C"):
            answer = await Api(on.bridge).post("forget", user=user, preview=True)
            assert f"zendesk/acme/{ticket}" in [one["ticket"] for one in answer.json["tickets"]]
