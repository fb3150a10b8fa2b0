"""Zendesk's webhook: native events composed, signed, and delivered with Zendesk's own rules for trying again.

Left out is its circuit breaker (over 70 % errors within five minutes), which would stop a test from being a test.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from bridge.twins.answers import TAKEN
from bridge.twins.ledger import now_ms
from bridge.twins.zendesk_changes import text, upper
from bridge.twins.zendesk_desk import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.twins.zendesk_changes import Change
    from bridge.twins.zendesk_desk import Ticket, ZendeskSettings

Json = dict[str, Any]

PREFIX = "zen:event-type:ticket."

EVENTS = (
    "created",
    "comment_added",
    "status_changed",
    "priority_changed",
    "type_changed",
    "subject_changed",
    "external_id_changed",
    "group_assignment_changed",
    "agent_assignment_changed",
    "organization_changed",
    "requester_changed",
    "custom_status_changed",
    "form_changed",
    "brand_changed",
    "tags_changed",
    "custom_field_changed",
    "merged",
    "soft_deleted",
)

TIMED_OUT = "TimeoutError"

RETRIES: dict[int | str, int] = {409: 3, 429: 3, 503: 3, TIMED_OUT: 5}
"""How often an outcome is tried again; any other is final. For 429 and 503 the number is not known."""

NEEDS_RETRY_AFTER = (429, 503)

PATIENCE_S = 60
"""A ``Retry-After`` of this or more is not waited for."""

RETRY_WAIT_S = 5.0
"""Between tries where no ``Retry-After`` tells; Zendesk's own is not known."""


def short_id() -> str:
    """Make an id of the form that webhooks, invocations and sequences have."""
    return "01" + "".join(secrets.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(12))


@dataclass(slots=True)
class Attempt:
    """One try. ``status`` is 0 where no answer came; ``problem`` names why."""

    status: int
    problem: str = ""
    retry_after: str = ""
    at_ms: int = field(default_factory=now_ms)

    @property
    def outcome(self) -> int | str:
        """The status, or the problem where there is none."""
        return self.status or self.problem


@dataclass(slots=True)
class WebhookDelivery:
    """One event on its way. ``state``: waiting, delivered or given_up. ``id`` is the invocation's, kept on retries."""

    type: str
    ticket_id: int
    event_id: str
    id: str = field(default_factory=short_id)
    state: str = "waiting"
    attempts: list[Attempt] = field(default_factory=list)


def compose(settings: ZendeskSettings, ticket: Ticket, actor_id: int, changes: Sequence[Change]) -> list[Json]:
    """Compose the events of one action; they share a sequence and tell the ticket as it is now."""
    sequence, time_ns = short_id(), time.time_ns()
    return [
        {
            "account_id": settings.account_id,
            "detail": detail(ticket, actor_id),
            "event": {**change.event, "meta": {"sequence": {"id": sequence, "position": position}}},
            "id": str(uuid.uuid4()),
            "subject": f"zen:ticket:{ticket.id}",
            "time": f"{iso(time_ns // 1_000_000)[:-1]}.{time_ns % 1_000_000_000:09d}Z",
            "type": PREFIX + change.type,
            "zendesk_event_version": "2022-11-06",
        }
        for position, change in enumerate(changes, start=1)
    ]


def detail(ticket: Ticket, actor_id: int) -> Json:
    """Tell a ticket as native events do: ids as text, enumerations in upper case, no custom fields, no phone."""
    return {
        "actor_id": str(actor_id),
        "assignee_id": text(ticket.assignee_id),
        "brand_id": str(ticket.brand_id),
        "created_at": iso(ticket.created_ms),
        "custom_status": str(ticket.custom_status_id),
        "description": ticket.description,
        "external_id": ticket.external_id,
        "form_id": str(ticket.ticket_form_id),
        "group_id": text(ticket.group_id),
        "id": str(ticket.id),
        "is_public": ticket.is_public,
        "organization_id": text(ticket.organization_id),
        "priority": upper(ticket.priority),
        "requester_id": str(ticket.requester_id),
        "status": upper(ticket.status),
        "subject": ticket.subject,
        "submitter_id": str(ticket.submitter_id),
        "tags": ticket.tags,
        "type": upper(ticket.type),
        "updated_at": iso(ticket.updated_ms),
        "via": {"channel": ticket.channel},
    }


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Sign timestamp and body, joined without anything between: base64 of HMAC-SHA256."""
    return base64.b64encode(hmac.digest(secret.encode(), timestamp.encode() + body, hashlib.sha256)).decode()


def headers(settings: ZendeskSettings, invocation_id: str, body: bytes, *, rightly: bool) -> dict[str, str]:
    """Make the headers of one try; signed with another secret where not ``rightly``."""
    timestamp = iso(now_ms())
    secret = settings.secret if rightly else f"not {settings.secret}"
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Zendesk Webhook",
        "X-Zendesk-Account-Id": str(settings.account_id),
        "X-Zendesk-Webhook-Id": settings.webhook_id,
        "X-Zendesk-Webhook-Invocation-Id": invocation_id,
        "X-Zendesk-Webhook-Signature": signature(secret, timestamp, body),
        "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
    }


def wait_s(attempts: Sequence[Attempt]) -> float | None:
    """Tell how long to wait before the next try; None where there is none."""
    last = attempts[-1]
    tried = sum(attempt.outcome == last.outcome for attempt in attempts)
    if tried > RETRIES.get(last.outcome, 0):
        return None
    if last.status not in NEEDS_RETRY_AFTER:
        return RETRY_WAIT_S
    short = last.retry_after.isdecimal() and int(last.retry_after) < PATIENCE_S
    return float(last.retry_after) if short else None


async def attempt(session: ClientSession, settings: ZendeskSettings, body: bytes, head: dict[str, str]) -> Attempt:
    """Post once."""
    timeout = ClientTimeout(total=None, sock_connect=settings.timeout_s, sock_read=settings.timeout_s)
    url = settings.webhook_url
    try:
        async with session.post(url, data=body, headers=head, timeout=timeout, allow_redirects=False) as answer:
            await answer.read()
            return Attempt(answer.status, retry_after=answer.headers.get("Retry-After", ""))
    except TimeoutError:
        return Attempt(0, TIMED_OUT)
    except (ClientError, OSError) as error:
        return Attempt(0, type(error).__name__)


async def deliver(
    session: ClientSession, settings: ZendeskSettings, delivery: WebhookDelivery, body: bytes, *, rightly: bool
) -> None:
    """Post until it is taken or Zendesk would give up; ``delivery`` tells how it went."""
    while True:
        head = headers(settings, delivery.id, body, rightly=rightly)
        last = await attempt(session, settings, body, head)
        delivery.attempts.append(last)
        pause = wait_s(delivery.attempts)
        if pause is None:
            break
        await asyncio.sleep(pause * settings.time_scale)
    delivery.state = "delivered" if last.status in TAKEN else "given_up"
