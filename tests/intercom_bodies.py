"""What Intercom sends and answers, made with defaults."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from bridge.domain import (
    OpenTicket,
    Reply,
    TicketOpened,
    TicketRef,
)
from bridge.helpdesks.intercom import Intercom
from bridge.helpdesks.intercom_access import IntercomAccount
from tests.senders import NOW_MS, verified

if TYPE_CHECKING:
    from bridge.domain import Ticket, TicketEvent, WriteBack


ADMIN, AGENT, CUSTOMER = "42", "5", "c-1"
ACCESS = {"token": "made-up", "admin_id": 42, "app_package_code": "ours-1", "ticket_type_id": 9}
DIALECT = Intercom()
REF = TicketRef("intercom", "main", "7")
MARK = "[jelou-bridge:0123456789abcdef]"
MADE_S = 1_795_183_331


def account(**sections: Any) -> IntercomAccount:
    """An account with access."""
    told = {"project": "acme", "verification": {"secrets": ["made-up"]}, "access": ACCESS}
    return IntercomAccount.model_validate(told | sections)


def ticket(*parts: dict[str, Any], state: Any = "in_progress", label: str = "", **values: Any) -> dict[str, Any]:
    """A ticket with these parts."""
    told = {"type": "ticket_state", "id": "1", "category": state, "internal_label": label}
    return {
        "type": "ticket",
        "id": "7",
        "ticket_id": "1001",
        "ticket_state": told,
        "ticket_parts": {"type": "ticket_part.list", "ticket_parts": list(parts), "total_count": len(parts)},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": CUSTOMER, "external_id": "crm-1"}]},
        "created_at": MADE_S,
        "updated_at": MADE_S + 9,
        "open": True,
        **values,
    }


def part(kind: str = "comment", *, by: str = AGENT, who: str = "admin", at: int = 1, **values: Any) -> dict[str, Any]:
    """A part of a ticket."""
    made = {"type": "ticket_part", "id": str(100 + at), "part_type": kind, "created_at": MADE_S + at}
    return {**made, "body": "<p>Hola</p>", "author": {"id": by, "type": who}, "attachments": [], **values}


def changed(now: str, before: str, at: int, **values: Any) -> dict[str, Any]:
    """The part of a state that was changed."""
    told = {"body": None, "ticket_state": now, "previous_ticket_state": before}
    return part("ticket_state_updated_by_admin", at=at, **told | values)


def read(topic: str, item: Any, *, to: IntercomAccount | None = None, **envelope: Any) -> TicketEvent:
    """The event in a notification."""
    body = {"type": "notification_event", "id": "notif_1", "topic": topic, "data": {"item": item}, **envelope}
    told = to or account()
    return DIALECT.read(verified(orjson.dumps(body), DIALECT.verification(told)), told, "main")[0]


def replied(new: dict[str, Any], *before: dict[str, Any], topic: str = "ticket.admin.replied") -> TicketEvent:
    """The event of a part that is new on a ticket."""
    return read(topic, {"type": "ticket_ticket_part", "ticket": ticket(*before, new), "ticket_part": new})


def opened(item: dict[str, Any], to: IntercomAccount | None = None) -> Ticket:
    """The ticket that was created."""
    event = read("ticket.created", item, to=to)
    assert isinstance(event, TicketOpened)
    return event.ticket


def answer(body: Any = None, status: int = 200, **headers: str) -> Reply:
    """An answer of Intercom's."""
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, orjson.dumps(body or {}))


def refusal(status: int, code: str, message: str = "") -> Reply:
    """A refusal as Intercom words it."""
    return answer({"type": "error.list", "errors": [{"code": code, "message": message}]}, status)


def posted(action: WriteBack | OpenTicket, to: IntercomAccount | None = None) -> dict[str, Any]:
    """The body that is written."""
    told = to or account()
    if isinstance(action, OpenTicket):
        call = DIALECT.open_ticket(told, action, "key", now_ms=NOW_MS)
    else:
        call = DIALECT.call(told, REF, action, "key", now_ms=NOW_MS)
    assert call
    found: dict[str, Any] = json.loads(call.body)
    return found
