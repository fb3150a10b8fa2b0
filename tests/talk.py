"""Conversations as their two ends see them: what the customer heard, what stands on the ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge import events
from bridge.timeline import entry
from tests.harness import eventually
from tests.outcomes import told

if TYPE_CHECKING:
    from bridge.domain import Testimony
    from bridge.twins.ledger import Conversation
    from tests.harness import Scene
    from tests.outcomes import Trace

PHONE, USER = "+593987654321", "593987654321"
QUICK: dict[str, Any] = {"messages": {"merge_s": 0.2}}


async def open_ticket(on: Scene) -> tuple[int, Conversation]:
    """A ticket of Zendesk's with its open conversation."""
    ticket = on.zendesk.open_ticket("No puedo entrar", PHONE).id
    trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
    return ticket, on.jelou.ledger.conversations[trace["conversation"]]


async def closed(on: Scene, ticket: int) -> Trace:
    """The ticket's trace when its conversation is over and all is written."""
    return await on.until_phase(str(ticket), "closed", kind="zendesk", account="acme")


def heard(conversation: Conversation) -> list[str]:
    """What the customer got, in order: texts, and the addresses of media."""
    by_bridge = [one.content for one in conversation.messages if one.by == "bridge"]
    return [content.get("body") or content["url"] for content in by_bridge]


async def hears(conversation: Conversation, *texts: str) -> None:
    """Until the customer has got exactly this."""

    async def got() -> bool:
        return heard(conversation) == list(texts)

    await eventually(got, lambda: str(heard(conversation)))


def read(on: Scene, ticket: int) -> list[str]:
    """What stands on the ticket of the customer's, without marks, in order; an update is one text."""
    requester = on.zendesk.desk.ticket(ticket).requester_id
    comments = on.zendesk.desk.ticket(ticket).comments[1:]
    return [one.body.rpartition("\n[jelou-bridge:")[0] for one in comments if one.author_id == requester]


async def reads(on: Scene, ticket: int, *texts: str) -> None:
    """Until the ticket shows exactly these updates."""

    async def shown() -> bool:
        return read(on, ticket) == list(texts)

    await eventually(shown, lambda: str(read(on, ticket)))


async def traced(on: Scene, ticket: int, what: str, **detail: Any) -> Trace:
    """The ticket's trace as soon as its timeline tells this."""
    return await on.bridge.traced("zendesk", "acme", str(ticket), lambda trace: bool(told(trace, what, **detail)))


async def hand_in(on: Scene, name: str, told_by_us: Testimony) -> None:
    """Evidence of the bridge's own for a ticket of Zendesk's."""
    app = on.bridge.app
    event, line = events.dump(told_by_us, "", 1), entry(1, "received", event=told_by_us.type)
    fact = f"{told_by_us.type}:{told_by_us!r}"
    await app.queue.wake(await app.store.testify(name, "zendesk/acme~soporte", fact, event, line))
