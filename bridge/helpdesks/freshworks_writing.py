"""What the bridge writes at Freshdesk and Freshservice, as bodies; and what their refusals mean. Pure.

A note is private and notifies nobody. What the customer wrote is a public note that is ``incoming`` and by the
requester, where their id is known, else a private one. ``/reply`` is never called: it mails the customer.

A change of ``tags`` replaces all of them, so those that are there are read just before and written with the new one;
a tag that somebody else sets in that instant is lost.

A ticket of ours is opened for a phone number, or at Freshdesk for an external id where there is none: either product
makes a contact of who is not known yet, and wants a name for it. The mark stands in the description and as a tag. If
the contact has a mail address, the product mails it about the new ticket unless the notification to requesters is off.

Sources: "Create a note", "Update a ticket", "Create a ticket", "Errors" on both developer sites.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Final

from bridge.domain import AddNote, AddReply, SetField, SetStatus
from bridge.errors import CallError, Conflict, Gone, Refused, Unreadable
from bridge.helpdesks import writing
from bridge.helpdesks.reading import decoded, records, text, told
from bridge.replies import Because

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.domain import OpenTicket, Reply, WriteBack
    from bridge.helpdesks.freshworks_product import Product
    from bridge.helpdesks.reading import Json
    from bridge.replies import Meanings

TAG: Final = "jelou"
"""On every ticket that the bridge opens."""

STATUSES: Final[Mapping[str, int]] = {"open": 2, "pending": 3, "solved": 4}
PRIORITIES: Final[Mapping[str, int]] = {"low": 1, "normal": 2, "high": 3, "urgent": 4}

_MOST_NAMED: Final = 5
_NAME: Final = re.compile(r"[A-Za-z0-9_.]{1,60}")

_DELETED: Final = Because(Gone, "the ticket is deleted")
_TRASHED: Final = Because(Gone, "the ticket is in the trash, or marked as spam")


def _refused(reply: Reply) -> type[CallError] | Because:
    """Which fields the product does not accept as they are, by name; never their values."""
    try:
        found = decoded(reply.body)
    except Unreadable:
        return Refused
    wrong = [f"{_name(one, 'field')} ({_name(one, 'code')})" for one in records(found, "errors")[:_MOST_NAMED]]
    return Because(Refused, f"not accepted: {', '.join(wrong)}") if wrong else Refused


def _name(error: Json, where: str) -> str:
    found = _NAME.fullmatch(text(error, where))
    return found.group() if found else "?"


MEANINGS: Final[Meanings] = {400: _refused, 404: _DELETED, 405: _TRASHED, 409: Conflict}
"""A field that must be filled before a ticket is solved answers 400, with its name."""

OPENING: Final[Meanings] = {400: _refused, 404: Refused, 409: Conflict}
"""Where there is no ticket yet that could be gone."""


def is_tag(action: WriteBack | OpenTicket) -> bool:
    """Whether the write adds to the ticket's tags."""
    return isinstance(action, SetField) and action.field == "tag"


def note(action: AddNote | AddReply) -> Json:
    """The body of a note. A customer's is public and theirs, where their id is one; else it says whose it is."""
    author = writing.number(action.user_id) if isinstance(action, AddReply) else ""
    if isinstance(author, int):
        return {"body": html(action.text), "private": False, "incoming": True, "user_id": author}
    # Where no id is known at all, the text says already who wrote it.
    whose = f"{action.author}:\n" if isinstance(action, AddReply) and author and action.author else ""
    return {"body": html(whose + action.text), "private": True}


def change(product: Product, action: SetField | SetStatus) -> Json | None:
    """The body of an update; None for what the product has no place for."""
    if isinstance(action, SetStatus):
        return _numbered("status", STATUSES.get(action.status))
    if is_tag(action):
        return {"tags": list(dict.fromkeys((*action.beside, action.value)))}
    if action.field == "priority":
        return _numbered("priority", PRIORITIES.get(action.value))
    return {"custom_fields": {action.field: action.value}} if product.custom.fullmatch(action.field) else None


def _numbered(name: str, value: int | None) -> Json | None:
    return None if value is None else {name: value}


def opening(product: Product, action: OpenTicket) -> Json | None:
    """The body that opens a ticket; None where the product makes no contact of what is known of the customer."""
    external_id = "" if action.phone else action.user_id
    if not action.phone and not product.external_ids:
        return None
    return {
        "subject": action.subject,
        "description": html(action.text),
        "status": STATUSES["open"],
        "priority": PRIORITIES["normal"],
        "source": product.chat,
        "tags": [TAG, writing.mark_id(action.marker)],
        "name": action.name or action.phone or action.user_id,
        **told(phone=action.phone, unique_external_id=external_id, group_id=writing.number(action.group)),
    }


def html(said: str) -> str:
    """The text as HTML that shows it as it is, line by line."""
    return escape(said, quote=False).replace("\n", "<br>")
