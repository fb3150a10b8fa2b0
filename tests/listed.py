"""A Zendesk whose changed tickets can be listed, for the reconciler: its dialect reads them from the twin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from bridge.domain import (
    AgentReplied,
    Call,
    Changes,
    Ticket,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.helpdesks import REGISTRY
from bridge.helpdesks.zendesk import Zendesk, ZendeskAccount
from bridge.replies import raise_for
from bridge.twins.faults import EventFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.accounts import Account
    from bridge.domain import Reply, TicketEvent
    from bridge.ports import Helpdesk
    from bridge.wiring import App
    from tests.harness import Scene

ACCOUNT = "zendesk/acme"
PHONE = "+593987001234"
DROPPED = EventFault.named("dropped")

STATUSES = {"solved": TicketSolved, "closed": TicketSolved}


def base_url(account: Account) -> str:
    """Where the twin is."""
    assert isinstance(account, ZendeskAccount)
    assert account.access
    return str(account.access.base_url).rstrip("/")


class Listed(Zendesk):
    """The dialect of Zendesk with the twin's own list, ``page`` tickets at a time. ``refused``: without credential."""

    def __init__(self, page: int = 100, *, refused: bool = False) -> None:
        self._page = page
        self.refused = refused
        self.asked: list[str] = []
        """The pages that were asked for."""

    def changed(self, account: Account, since_ms: int, after: str) -> Call | None:
        """The twin's tickets from ``after`` on."""
        self._after = int(after or 0)
        self.asked.append(after)
        if self.refused:
            return Call("GET", f"{base_url(account)}/api/v2/tickets/1.json")
        return Call("GET", f"{base_url(account)}/twin/tickets?since={since_ms}&after={after}")

    def changes(self, account: Account, account_name: str, reply: Reply) -> Changes:  # noqa: ARG002 - all accounts alike
        """One page of them."""
        raise_for(reply, {})
        tickets = orjson.loads(reply.body)
        end = self._after + self._page
        page, after = tickets[self._after : end], str(end) if len(tickets) > end else ""
        events = [event for one in page for event in self._told(account_name, one)]
        refs = tuple(TicketRef("zendesk", account_name, str(one["id"])) for one in page)
        changed = {ref: one["updated_ms"] for ref, one in zip(refs, page, strict=True)}
        return Changes(tuple(events), refs, after, changed)

    def _told(self, account_name: str, one: dict[str, Any]) -> list[TicketEvent]:
        ref = TicketRef("zendesk", account_name, str(one["id"]))
        fields = {"id": ref.id, "subject": one["subject"], "tags": one["tags"]}
        opened = TicketOpened(ref, "opened", Ticket(ref, fields, one["created_ms"], partial=True))
        version = one["updated_ms"] // 1000 * 1000
        fact = f"status:{one['status']}:{version}"
        if one["status"] in STATUSES:
            return [opened, TicketSolved(ref, fact, one["status"])]
        if one["status"] == "open":
            return [opened, TicketReopened(ref, fact, "open")]
        return [opened, Unrecognised(ref, fact, "ticket.changed")]

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """One ticket of the twin with its comments."""
        return Call("GET", f"{base_url(account)}/twin/tickets/{ref.id}")

    def fetched_comments(self, account: Account, ref: TicketRef, reply: Reply, *_more: Reply) -> list[AgentReplied]:  # noqa: ARG002 - all accounts alike
        """All but the requester's own."""
        raise_for(reply, {})
        told = orjson.loads(reply.body)
        staff = [one for one in told["comments"] if one["author_id"] != told["requester_id"]]
        return [
            AgentReplied(
                ref, f"comment:{one['id']}", str(one["id"]), one["body"], one["public"],
                by_bridge="[jelou-bridge:" in one["body"], at_ms=one["created_ms"],
            )
            for one in staff
        ]  # fmt: skip


def listing(dialect: Helpdesk | None = None, **changes: Any) -> Callable[[App], App]:
    """A bridge whose Zendesk can be asked what has changed; ``changes`` are further ones of its parts."""
    helpdesks = {**REGISTRY, "zendesk": dialect or REGISTRY["zendesk"]}
    return lambda app: replace(app, helpdesks=helpdesks, **changes)


async def lost(on: Scene, *names: str, **fields: Any) -> int:
    """A ticket of which no webhook came; ``names`` are the events that are lost."""
    for name in names or ("created",):
        on.zendesk.faults.next_event(DROPPED, name)
    ticket = on.zendesk.open_ticket("Hola", PHONE, **fields)
    await on.zendesk.settle()
    return ticket.id


async def is_open(on: Scene, ticket: int) -> dict[str, Any]:
    """The ticket's trace when its conversation is open."""
    return await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
