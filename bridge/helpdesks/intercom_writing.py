"""What the bridge writes at Intercom, as bodies; and what refusals mean. Pure.

Everything is written with ``skip_notifications``, so that Intercom mails nobody. A note is HTML. What the customer
wrote is a comment of the contact, in plain text, which Intercom wraps itself; on a ticket that tells no contact it is a
note. A state is set without ``admin_id``, which workflows want: so none is set off.

Sources: "Tickets", "Tags", "Error codes", "Rate limiting" of Intercom's API reference 2.15.
"""

from __future__ import annotations

from email.utils import formatdate
from html import escape
from typing import TYPE_CHECKING, Final, TypeGuard

from bridge.domain import AddNote, AddReply, Reply, SetField, SetStatus
from bridge.errors import Ambiguous, CallError, Conflict, Gone, Refused
from bridge.helpdesks import intercom_tickets as tickets
from bridge.helpdesks import reading
from bridge.helpdesks.reading import text, told
from bridge.replies import Because, raise_for, reply_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.domain import OpenTicket, WriteBack
    from bridge.helpdesks.reading import Json
    from bridge.replies import Meanings

TAG: Final = "tag"
"""The field that stands for the ticket's tags."""

CONFLICT: Final = 409
NOT_FOUND: Final = 404

OPEN: Final[Mapping[str, bool]] = {"open": True, "pending": True, "solved": False}
"""The statuses that can be set, and whether the ticket is open then."""

_DELETED: Final = Because(Gone, "the ticket is deleted")
_NO_TICKET: Final = "ticket_not_found"
_NOTHING: Final = frozenset({"", "not_found", _NO_TICKET})
"""The codes of a 404 where only the ticket can be missing; others speak of an admin, a tag."""

_LATEST_S: Final = 10**10


def _missing(reply: Reply) -> type[CallError] | Because:
    return _DELETED if error(reply, "code") in _NOTHING else Refused


def _one_missing(reply: Reply) -> type[CallError] | Because:
    # A lead that became a user is another contact: its ticket is still there.
    return _DELETED if error(reply, "code") == _NO_TICKET else Refused


MEANINGS: Final[Meanings] = {NOT_FOUND: _missing, CONFLICT: Conflict}
"""400 is also the answer to a state of another type of ticket."""

BY_CONTACT: Final[Meanings] = {NOT_FOUND: _one_missing, CONFLICT: Conflict}
"""Of what a contact writes. 400 is also the answer on a Back-office ticket."""

ELSEWHERE: Final[Meanings] = {NOT_FOUND: Refused, CONFLICT: Conflict}
"""Where what is asked for is no ticket that is there."""


def judged(reply: Reply, meanings: Meanings) -> Json:
    """The object of an answer. Raises CallError for a refusal; a throttled one tells when it ends."""
    raise_for(_timed(reply), meanings)
    return reply_object(reply)


def _timed(reply: Reply) -> Reply:
    """``X-RateLimit-Reset``, in Unix seconds, as the date that Retry-After may be."""
    told_s = reading.count(dict(reply.headers), "x-ratelimit-reset")
    if "retry-after" in reply.headers or not 0 < told_s < _LATEST_S:
        return reply
    return Reply(reply.status, {**reply.headers, "retry-after": formatdate(told_s, usegmt=True)}, reply.body)


def error(reply: Reply, name: str) -> str:
    """What the first error of a refusal says under this name; empty where it says nothing."""
    try:
        errors = reading.records(reply_object(reply), "errors")
    except Ambiguous:
        return ""
    return text(next(iter(errors), {}), name)


# --- writes ----------------------------------------------------------------------------------------------------------


def by_contact(action: WriteBack) -> TypeGuard[AddReply]:
    """Whether the customer writes it, where the ticket tells its contact."""
    return isinstance(action, AddReply) and action.user_id != ""


def reply_body(action: AddNote | AddReply, admin: str) -> Json:
    """What the contact wrote, or a note."""
    if by_contact(action):
        body = {"message_type": "comment", "type": "user", "intercom_user_id": action.user_id, "body": action.text}
    else:
        body = {"message_type": "note", "type": "admin", "admin_id": admin, "body": html(action.text)}
    return {**body, "skip_notifications": True}


def html(said: str) -> str:
    """The text as HTML, every line on its own."""
    return "<p>" + escape(said, quote=False).replace("\n", "<br>") + "</p>"


def change(action: SetField | SetStatus) -> Json | None:
    """The body of an update; None for a status that cannot be set."""
    if isinstance(action, SetField):
        return {"ticket_attributes": {action.field: action.value}, "skip_notifications": True}
    if action.status not in OPEN:
        return None
    return {**told(ticket_state_id=action.by), "open": OPEN[action.status], "skip_notifications": True}


def tagging(tag_id: str, admin: str) -> Json:
    """The body that puts a tag on a ticket."""
    return {"id": tag_id, "admin_id": admin}


def opening(action: OpenTicket, ticket_type: str) -> Json:
    """The body that opens a ticket. A group is a team's id; without ``contact`` the customer's id names it."""
    contact = {"id": action.contact} if action.contact else {"external_id": action.user_id}
    return {
        "ticket_type_id": ticket_type,
        "contacts": [contact],
        "ticket_attributes": {tickets.TITLE: action.subject, tickets.DESCRIPTION: action.text},
        "skip_notifications": True,
        **told(assignment=told(team_assignee_id=action.group)),
    }


def written_id(action: WriteBack, reply: Reply) -> str:
    """The part's id for a note or a reply; empty for the rest. Raises CallError."""
    found = judged(reply, BY_CONTACT if by_contact(action) else MEANINGS)
    return text(found, "id") if isinstance(action, AddNote | AddReply) else ""
