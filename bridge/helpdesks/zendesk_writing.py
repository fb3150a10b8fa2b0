"""What the bridge writes at Zendesk, as bodies; and what Zendesk's refusals mean. Pure.

A note is a private comment. What the customer wrote is a public comment whose author is the requester, where Zendesk's
id of that person is known; else a note. Tags are added by a call of their own: ``tags`` in the body of a ticket would
replace all of them. A ticket of ours has a private description, so that nobody is mailed, and the mark as its
``external_id``, under which it is looked for. Of a requester Zendesk documents name and email there; the phone number
is sent beside the name, and may be left out by Zendesk.

Sources: "Tickets", "Ticket comments", "Tags", "Merging tickets" on Zendesk's developer and help sites.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.domain import AddNote, AddReply, SetField, SetStatus
from bridge.errors import CallError, Conflict, Gone, Refused
from bridge.helpdesks import writing
from bridge.helpdesks.reading import told
from bridge.replies import Because

if TYPE_CHECKING:
    from bridge.domain import OpenTicket, Reply, WriteBack
    from bridge.helpdesks.reading import Json
    from bridge.replies import Meanings

TAG: Final = "jelou"
"""On every ticket that the bridge opens."""

_DELETED: Final = Because(Gone, "the ticket is deleted")
_ENDED: Final = Because(Gone, "the ticket is closed for good, or merged into another")


def _refused(reply: Reply) -> type[CallError] | Because:
    # It stands in details.status[].description, or in details.base[] where the field itself was not sent. Zendesk
    # merges by closing, so that a merged ticket answers the same; its tag closed_by_merge tells.
    return _ENDED if b"closed prevents ticket update" in reply.body else Refused


MEANINGS: Final[Meanings] = {404: _DELETED, 409: Conflict, 422: _refused}
"""A 409 is another update at the same moment: nothing was written, and the next try will be."""

OPENING: Final[Meanings] = {404: Refused, 409: Conflict}
"""Where there is no ticket yet that could be gone."""


def change(action: WriteBack) -> Json | None:
    """The body of an update; None for what Zendesk has no place for."""
    match action:
        case AddNote():
            return _comment(action.text, public=False)
        case AddReply():
            author = writing.number(action.user_id)
            known = isinstance(author, int)
            return _comment(action.text, public=known, **({"author_id": author} if known else {}))
        case SetStatus():
            return {"ticket": {"status": action.status}}
        case SetField():
            return _field(action.field, action.value)


def _field(name: str, value: str) -> Json | None:
    if name == "tag":
        return {"tags": [value]}
    if name == "external_id":
        return {"ticket": {"external_id": value}}
    if name.isascii() and name.isdigit():
        return {"ticket": {"custom_fields": [{"id": int(name), "value": value}]}}
    return None


def _comment(body: str, **more: bool | int | str) -> Json:
    return {"ticket": {"comment": {"body": body, **more}}}


def opening(action: OpenTicket) -> Json:
    """The body that opens a ticket. A requester needs a name: the phone number or the id stands in for it."""
    requester = told(name=action.name or action.phone or action.user_id, phone=action.phone)
    return {
        "ticket": {
            "subject": action.subject,
            "comment": {"body": action.text, "public": False},
            "requester": requester,
            "tags": [TAG],
            "external_id": writing.mark_id(action.marker),
            **told(group_id=writing.number(action.group)),
        }
    }
