"""A status that nobody knows: the ticket says where to map it, once; mapped, it ends the conversation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.harness import Scene, scene
from tests.steps import DAY_MS

if TYPE_CHECKING:
    from bridge.protocol import Incoming
    from tests.steps import Steps

WARNING = "status 'entregado al cliente' is in no table: map it under labels.status"


def warned(trace: dict[str, Any]) -> list[str]:
    """What the ticket's timeline warns of."""
    return [told["label"] for told in trace["timeline"] if told["what"] == "warning"]


async def updated(on: Scene, message_id: str, status: str) -> None:
    """The ticket's status was changed; answered 202."""
    body = {"type": "ticket.updated", "data": {"ticket": {"id": "T1", "status": status}}}
    assert (await on.signed(body, message_id))[0] == 202


async def test_an_unknown_status_is_warned_of_once(redis_url: str, prefix: str) -> None:
    """The conversation goes on, since nobody knows whether it is an end; told again, it is no news."""
    async with scene(redis_url, prefix) as on:
        await on.scripted("T1")
        await on.until_phase("T1", "open")
        await updated(on, "m1", "Entregado al cliente")
        await updated(on, "m2", "ENTREGADO AL CLIENTE")
        trace = await on.until_phase("T1", "open")
        assert warned(trace) == [WARNING]
        assert [told["what"] for told in trace["timeline"]][-3:] == ["ignored", "warning", "ignored"]


async def test_a_mapped_status_ends_the_conversation(redis_url: str, prefix: str) -> None:
    """The same delivery, after the admin has done what the warning says."""
    mapped = {"labels": {"status": {"Entregado al cliente": "solved"}}}
    async with scene(redis_url, prefix, scripts=mapped) as on:
        await on.scripted("T1")
        await on.until_phase("T1", "open")
        await updated(on, "m1", "Entregado al cliente")
        assert warned(await on.until_phase("T1", "closed")) == []


async def test_a_new_ticket_with_unknown_labels_starts_all_the_same(redis_url: str, prefix: str) -> None:
    """Each label is warned of, and the conversation begins."""
    async with scene(redis_url, prefix) as on:
        await on.scripted("T1", status="Recibido", priority="P1")
        assert warned(await on.until_phase("T1", "open")) == [
            "status 'recibido' is in no table: map it under labels.status",
            "priority 'p1' is in no table: map it under labels.priority",
        ]


async def test_a_warning_stands_behind_what_was_told_and_once(steps: Steps) -> None:
    """Another event with the same label is told without it, another label of the same ticket with it."""
    for at, word in enumerate(("x", "x", "y")):
        await steps.deliver(labelled(steps.incoming(f"e{at}"), word))
    assert await steps.timeline() == ["received e0", "warned of x", "received e1", "received e2", "warned of y"]


async def test_a_removed_ticket_is_not_begun_anew_by_a_warning(steps: Steps) -> None:
    """A repeat of what it knew before tells nothing, and neither does a label beside it."""
    await steps.accept("opened", fact="opened")
    await steps.finish(await steps.held(), ended="closed")
    await steps.pass_ms(100 * DAY_MS)
    assert sum((await steps.retire()).values()) == 1
    await steps.deliver(labelled(steps.incoming("opened", fact="opened"), "x"))
    assert await steps.timeline() == []
    assert await steps.redis.exists(steps.key("facts", "t")) == 0


def labelled(item: Incoming, word: str) -> Incoming:
    """The event, with a label that is in no table."""
    return replace(item, warnings=((f"label:status:{word}", f"warned of {word}"),))
