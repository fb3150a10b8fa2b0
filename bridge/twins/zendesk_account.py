"""A Zendesk account at work: tickets change, and every change is told to the webhook."""

from __future__ import annotations

import re
import time
from collections import defaultdict, deque
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from bridge.twins import zendesk_changes
from bridge.twins.courier import Courier
from bridge.twins.faults import Cause, Faults
from bridge.twins.ledger import now_ms
from bridge.twins.zendesk_bodies import refused
from bridge.twins.zendesk_changes import Change
from bridge.twins.zendesk_desk import Desk
from bridge.twins.zendesk_events import EVENTS, PREFIX, WebhookDelivery, compose, deliver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.twins.faults import EventFault
    from bridge.twins.zendesk_desk import Audit, Ticket, User, ZendeskSettings

Json = dict[str, Any]

OPERATIONS = (
    "get_ticket",
    "update_ticket",
    "create_ticket",
    "add_tags",
    "list_comments",
    "list_tickets",
    "export_tickets",
    "get_user",
)
"""The operations of the API, by the names that faults know them."""

MERGED = "closed_by_merge"
DELETED = "deleted"
IN_BRACKETS = re.compile(r"\[[^\[\]]*\]")

NO_CAUSE = Cause()


class ZendeskAccount:
    """The state of one account and what can happen in it. Knows nothing of HTTP but for the events it posts."""

    def __init__(self, settings: ZendeskSettings) -> None:
        self.settings = settings
        self.faults = Faults(OPERATIONS, EVENTS)
        self.courier = Courier()
        self.desk = Desk(settings)
        self.deliveries: list[WebhookDelivery] = []
        self._updates: defaultdict[tuple[int, int], deque[float]] = defaultdict(deque)

    def create(self, values: Json, actor: User, channel: str, cause: Cause = NO_CAUSE) -> Ticket:
        """Make a ticket of valid attributes and tell it. Raises RefusedError."""
        ticket, changes = zendesk_changes.create(self.desk, values, actor)
        ticket.channel = channel
        self._tell(ticket, actor, changes, cause)
        return ticket

    def update(self, ticket: Ticket, values: Json, actor: User, cause: Cause = NO_CAUSE) -> Audit:
        """Change a ticket by valid attributes and tell every change. Raises RefusedError."""
        self._check_limit(ticket, actor)
        audit, changes = zendesk_changes.apply(self.desk, ticket, values, actor)
        self._tell(ticket, actor, changes, cause)
        self._echo(ticket, values, actor)
        return audit

    def merge(self, ticket: Ticket, into: Ticket, actor: User) -> None:
        """Merge a ticket into another: it is closed, tagged, and takes nothing any more. Raises RefusedError."""
        self.update(ticket, {"status": "closed", "tags": [*ticket.tags, MERGED]}, actor)
        self._tell(ticket, actor, [Change("merged", {"target_ticket_id": str(into.id)})], NO_CAUSE)

    def delete(self, ticket: Ticket, actor: User) -> None:
        """Delete a ticket: the API knows it no more, but for the incremental export."""
        del self.desk.tickets[ticket.id]
        ticket.status, ticket.updated_ms = DELETED, now_ms()
        self.desk.deleted[ticket.id] = ticket
        self._tell(ticket, actor, [Change("soft_deleted", {})], NO_CAUSE)

    def _echo(self, ticket: Ticket, values: Json, actor: User) -> None:
        comment, echo = values.get("comment"), self.desk.automation
        if not self.settings.echo or comment is None or actor in (echo, self.desk.agent):
            return
        echoed = sum(one.author_id == echo.id for one in ticket.comments)
        body = IN_BRACKETS.sub("", comment["body"]).strip()
        if body and echoed < self.settings.echoes_most and ticket.status != "closed":
            self.update(ticket, {"comment": {"body": body, "public": True}}, echo)

    def reset(self) -> None:
        """Forget tickets, end users, deliveries and faults; numbers go on."""
        self.desk.clear()
        self.deliveries.clear()
        self.faults.clear()
        self._updates.clear()

    def _check_limit(self, ticket: Ticket, actor: User) -> None:
        limit, window_s, now_s = self.settings.updates_per_ticket, self.settings.update_window_s, time.monotonic()
        recent = self._updates[ticket.id, actor.id]
        while recent and recent[0] <= now_s - window_s:
            recent.popleft()
        if limit and len(recent) >= limit:
            error = refused(429, "TooManyRequests", "This ticket was updated too often")
            error.answer.headers = {"Retry-After": str(max(1, round(recent[0] + window_s - now_s)))}
            raise error
        recent.append(now_s)

    def _tell(self, ticket: Ticket, actor: User, changes: Sequence[Change], cause: Cause) -> None:
        if not self.settings.webhook_url:
            return
        for event in compose(self.settings, ticket, actor.id, changes):
            name = event["type"].removeprefix(PREFIX)
            subscribed = self.settings.subscriptions
            if subscribed is None or f"ticket.{name}" in subscribed:
                self._dispatch(event, ticket, self.faults.of_event(name, cause))

    def _dispatch(self, event: Json, ticket: Ticket, fault: EventFault) -> None:
        delivery = WebhookDelivery(event["type"], ticket.id, event["id"])
        self.deliveries.append(delivery)
        self.courier.dispatch(str(ticket.id), partial(self._deliver, delivery, orjson.dumps(event)), fault)

    async def _deliver(self, delivery: WebhookDelivery, body: bytes, fault: EventFault) -> None:
        await deliver(self.courier.session, self.settings, delivery, body, rightly=fault.signed)
