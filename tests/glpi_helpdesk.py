"""A GLPI, as its recordings show it: bodies and accounts with changes, and how they are read."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any

import orjson

from bridge.domain import (
    AddNote,
    AgentReplied,
    OpenTicket,
    Reply,
    TicketOpened,
    TicketRef,
)
from bridge.helpdesks.glpi import Glpi
from bridge.helpdesks.glpi_account import GlpiAccount
from tests.helpdesk_recordings import Recordings
from tests.senders import delivered, verified

if TYPE_CHECKING:
    from bridge.domain import Call, Delivery, TicketEvent

GLPI, RECORDED = Glpi(), Recordings("glpi")
CURRENT, OLD = "glpi-secret-current", "glpi-secret-old"
MARK = "[jelou-bridge:0123456789abcdef]"
REF = TicketRef("glpi", "main", "532")
NOTE = AddNote(f"Conversation started.\n{MARK}", MARK)
OPEN = OpenTicket("Ana", f"Hola\n{MARK}", MARK, "593987654321", "Ana", "+593987654321")
HOUR_MS = 3_600_000


def account(**access: Any) -> GlpiAccount:
    """The recorded account with these changes of its access; None takes a setting away."""
    told = {name: value for name, value in {**RECORDED.section["access"], **access}.items() if value is not None}
    return GlpiAccount.model_validate({**RECORDED.section, "access": told})


def deaf(**changes: Any) -> GlpiAccount:
    """An account that only listens."""
    section = {name: value for name, value in RECORDED.section.items() if name != "access"}
    return GlpiAccount.model_validate({**section, **changes})


def body(file: str = "ticket-created.json", /, **item: Any) -> dict[str, Any]:
    """A recorded body with these changes of its item; an ellipsis takes a property away."""
    told: dict[str, Any] = json.loads(RECORDED.body(file))
    told["item"] = {key: value for key, value in {**told["item"], **item}.items() if value is not ...}
    return told


def read(told: dict[str, Any], to: GlpiAccount | None = None) -> list[TicketEvent]:
    """The events of a body."""
    to = to or account()
    return GLPI.read(verified(orjson.dumps(told), GLPI.verification(to)), to, "main")


def opened(**item: Any) -> dict[str, Any]:
    """The fields of a new ticket with these changes."""
    [event] = read(body(**item))
    assert isinstance(event, TicketOpened)
    return dict(event.ticket.fields)


def comment(to: GlpiAccount | None = None, **item: Any) -> AgentReplied:
    """An agent's follow-up with these changes."""
    [event] = read(body("followup-new.json", **item), to)
    assert isinstance(event, AgentReplied)
    return event


def digest(secret: str, words: str) -> str:
    """What GLPI's own function makes."""
    return hmac.digest(secret.encode(), words.encode("utf-8", "surrogatepass"), "sha256").hex()


def asked(token: str, **told: Any) -> Delivery:
    """A challenge."""
    return delivered(b"", query={"crc_token": token}, **{"method": "GET", **told})


def ok(told: Any, status: int = 200) -> Reply:
    """An answer of JSON."""
    return Reply(status, {}, orjson.dumps(told))


def url(call: Call | None) -> str:
    """Where a call goes."""
    assert call is not None
    return call.url
