"""What the bridge wrote comes back and goes nowhere; what a person wrote arrives, whatever it quotes."""

from __future__ import annotations

from typing import Any, Final

import pytest

from bridge.addressees import OWN_USER, REASONS
from bridge.links import Link
from tests.harness import Scene, scene
from tests.outcomes import reasons
from tests.talk import QUICK, hears, open_ticket, reads

pytestmark = pytest.mark.asyncio

KEYS: Final = ("new-key-0123456789", "old-key-0123456789")


def comments(on: Scene, ticket: int) -> list[str]:
    """All that stands on the ticket."""
    return [one.body for one in on.zendesk.desk.ticket(ticket).comments]


async def ignored(on: Scene, ticket: int, reason: str) -> dict[str, Any]:
    """The trace as soon as something was ignored for this reason."""
    return await on.bridge.traced("zendesk", "acme", str(ticket), lambda told: reason in reasons(told, "ignored"))


@pytest.mark.parametrize("keys", [(), KEYS[:1], KEYS])
async def test_a_reply_that_quotes_the_customers_message_arrives(
    redis_url: str, prefix: str, keys: tuple[str, ...]
) -> None:
    """The mark stands under what the customer wrote, and so in every mail that quotes it."""
    async with scene(redis_url, prefix, zendesk=QUICK, mark_keys=keys) as on:
        ticket, conversation = await open_ticket(on)
        on.jelou.customer_writes(conversation.user_id, "No puedo entrar")
        await reads(on, ticket, "No puedo entrar")
        quoted = "> " + comments(on, ticket)[-1].replace("\n", "\n> ")
        on.zendesk.agent_writes(ticket, f"Ya quedó.\n\nOn 30 Nov 2026 9:30, Ana <ana@example.com> wrote:\n{quoted}")
        await hears(conversation, "Ya quedó.")


async def test_a_reply_as_the_bridges_user_is_told_once_and_echoes_are_not(redis_url: str, prefix: str) -> None:
    """The bridge works with an admin's token: that person's words are held, its own go nowhere and are not told."""
    async with scene(redis_url, prefix, zendesk=QUICK, mark_keys=KEYS) as on:
        accounts = on.bridge.app.bridge.helpdesks["zendesk"]
        access = accounts["acme"].access.model_copy(update={"bridge_user_id": str(on.zendesk.desk.agent.id)})
        accounts["acme"] = accounts["acme"].model_copy(update={"access": access})
        ticket, conversation = await open_ticket(on)
        on.jelou.customer_writes(conversation.user_id, "No puedo entrar")
        await reads(on, ticket, "No puedo entrar")
        for text in ("Ya quedó.", "¿Sigue ahí?"):
            on.zendesk.agent_writes(ticket, text)
        await ignored(on, ticket, REASONS[OWN_USER])
        trace = await on.bridge.traced(
            "zendesk",
            "acme",
            str(ticket),
            lambda told: reasons(told, "ignored").count(REASONS[OWN_USER]) == 2 and not told["to_write"],
        )
        assert trace["phase"] == "open"
        assert sum("was written as the user" in one for one in comments(on, ticket)) == 1
        await hears(conversation)


async def test_a_new_ticket_is_keyed_and_remembers_what_was_written(redis_url: str, prefix: str) -> None:
    """So that an unkeyed mark proves nothing there, and an id does."""
    async with scene(redis_url, prefix, zendesk=QUICK, mark_keys=KEYS) as on:
        ticket, conversation = await open_ticket(on)
        on.jelou.customer_writes(conversation.user_id, "No puedo entrar")
        await reads(on, ticket, "No puedo entrar")
        await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        [known] = await on.bridge.app.store.rounds.known([(f"zendesk/acme/{ticket}", "")])
        link = Link.load(known.state)
        assert link.keyed
        ids = [str(one.id) for one in on.zendesk.desk.ticket(ticket).comments]
        assert set(link.wrote) <= set(ids)
        assert link.wrote
