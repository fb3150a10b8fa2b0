"""What the bridge asks the receiver of a Standard Webhooks account to write: type and data of its messages. Pure.

The forms are described for the receiver's author in ``standard_webhooks``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain import AddNote, AddReply, SetField, SetStatus

if TYPE_CHECKING:
    from bridge.domain import OpenTicket, TicketRef, WriteBack
    from bridge.helpdesks.reading import Json


def asked(ref: TicketRef, action: WriteBack) -> Json:
    """The message that asks for one write on a ticket."""
    name, what = _named(action)
    return {"type": name, "data": {"ticket": {"id": ref.id}, **what}}


def _named(action: WriteBack) -> tuple[str, Json]:
    match action:
        case AddNote():
            return "note.add", {"note": {"body": action.text, "marker": action.marker}}
        case AddReply():
            written = {"body": action.text, "marker": action.marker}
            return "reply.add", {"reply": {**written, "author": action.author, "user_id": action.user_id}}
        case SetStatus():
            return "status.set", {"status": action.status}
        case SetField():
            return "field.set", {"field": {"name": action.field, "value": action.value}}


def opening(action: OpenTicket) -> Json:
    """The message that asks for a ticket."""
    ticket = {"subject": action.subject, "body": action.text, "marker": action.marker, "group": action.group}
    requester = {"id": action.user_id, "name": action.name, "phone": action.phone}
    return {"type": "ticket.open", "data": {"ticket": ticket, "requester": requester}}
