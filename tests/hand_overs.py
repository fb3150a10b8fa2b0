"""Conversations that no ticket asked for, between the twins: the settings, and what is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from bridge.twins import zendesk_events
from tests.api_calls import Api
from tests.harness import PROJECT, eventually

if TYPE_CHECKING:
    from bridge.twins.ledger import Conversation
    from bridge.twins.zendesk_desk import Ticket
    from tests.harness import Scene
    from tests.outcomes import Trace

USER = "593987654321"
LANE = f"jelou/{PROJECT}~{PROJECT}"


def wanted(**changes: Any) -> dict[str, Any]:
    """A project that opens tickets, at once."""
    return {"unasked": {"then": "open_ticket", "account": "zendesk/acme", "wait_s": 0.0, **changes}}


def acme(**changes: Any) -> dict[str, Any]:
    """An account that waits for nothing, and writes so little that Zendesk's pace for one ticket is no matter."""
    return {"messages": {"merge_s": 0.0}, "write_back": {"package": False}, **changes}


async def one_ticket(on: Scene, number: int = 0) -> Ticket:
    """The ticket that was opened as the ``number`` th, as soon as it is there."""

    async def there() -> bool:
        return len(on.zendesk.desk.tickets) > number

    await eventually(there)
    return list(on.zendesk.desk.tickets.values())[number]


async def at_phase(on: Scene, ticket: Ticket, *phases: str) -> Trace:
    """The trace of a Zendesk ticket."""
    return await on.until_phase(str(ticket.id), *phases, kind="zendesk", account="acme")


async def worked(on: Scene, conversation: Conversation, *phases: str) -> Trace:
    """The trace of the conversation itself, when all is done or given up."""
    return await on.bridge.traced(
        "jelou", PROJECT, conversation.id, lambda trace: trace["phase"] in (phases or ("ignored",))
    )


async def written(ticket: Ticket, *texts: str) -> None:
    """Until all of these stand on the ticket, in this order, each on a comment behind its description."""

    async def there() -> bool:
        all_of_it = "\n".join(comment.body for comment in ticket.comments[1:])
        places = [all_of_it.find(text) for text in texts]
        return -1 not in places and places == sorted(places)

    await eventually(there, lambda: str([comment.body for comment in ticket.comments]))


async def closed(on: Scene, ticket: Ticket) -> Trace:
    """Jelou ends the ticket's conversation."""
    on.jelou.close(USER)
    return await at_phase(on, ticket, "closed")


async def orphans(on: Scene) -> list[str]:
    """The conversations that are listed."""
    return [one["conversation"] for one in (await Api(on.bridge).get("orphans")).json["orphans"]]


async def trigger(on: Scene, ticket: Ticket) -> None:
    """A webhook that tells of a new ticket no more than its number."""
    body = orjson.dumps({"event": "ticket.created", "ticket_id": str(ticket.id)})
    headers = zendesk_events.headers(on.zendesk.settings, zendesk_events.short_id(), body, rightly=True)
    assert (await on.bridge.post("/webhooks/helpdesks/zendesk/acme", body, headers))[0] == 202
