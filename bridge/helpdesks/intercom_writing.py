"""What the bridge writes at Intercom, as bodies; what must be looked up before; what refusals mean. Pure.

Everything is written with ``skip_notifications``, so that Intercom mails nobody. A note is HTML. What the customer
wrote is a comment of the contact, in plain text, which Intercom wraps itself; on a ticket that tells no contact it is a
note. A state is set without ``admin_id``, which workflows want: so none is set off. A state belongs to some types of
tickets, so the ticket's type and the workspace's states are read first. A tag is put on by its id, which making it
again tells.

A ticket needs a contact: looked for by the customer's id at Jelou and by phone, else made. The search is behind at
times; then making it conflicts, and the refusal names the contact, which may have been archived.

Sources: "Tickets", "Ticket states", "Tags", "Contacts", "Error codes", "Rate limiting" of Intercom's API reference
2.15.
"""

from __future__ import annotations

import re
from email.utils import formatdate
from html import escape
from typing import TYPE_CHECKING, Final

from bridge.domain import AddNote, AddReply, Reply, SetField, SetStatus
from bridge.errors import Ambiguous, CallError, Conflict, Gone, Refused
from bridge.helpdesks import intercom_events as events
from bridge.helpdesks import reading
from bridge.helpdesks.reading import section, text, told
from bridge.replies import Because, raise_for, reply_object

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.accounts import Account
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
_OF_THE_TICKET: Final = frozenset({"", "not_found", "ticket_not_found"})
"""The codes of a 404 that speak of the ticket; others of an admin, a tag."""

_NAMED: Final = re.compile(r"\bid=([0-9A-Za-z_-]+)")
"""How the refusal to make a contact names the one that is there."""

_LATEST_S: Final = 10**10


def _missing(reply: Reply) -> type[CallError] | Because:
    return _DELETED if _error(reply, "code") in _OF_THE_TICKET else Refused


MEANINGS: Final[Meanings] = {NOT_FOUND: _missing, CONFLICT: Conflict}
"""400 is also the answer to a contact's comment on a Back-office ticket, and to a state of another type of ticket."""

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


def _error(reply: Reply, name: str) -> str:
    try:
        errors = reading.records(reply_object(reply), "errors")
    except Ambiguous:
        return ""
    return text(next(iter(errors), {}), name)


# --- writes ----------------------------------------------------------------------------------------------------------


def reply_body(action: AddNote | AddReply, admin: str) -> Json:
    """A note, or what the contact wrote where the ticket tells its contact."""
    if isinstance(action, AddReply) and action.user_id:
        author = {"message_type": "comment", "type": "user", "intercom_user_id": action.user_id, "body": action.text}
    else:
        author = {"message_type": "note", "type": "admin", "admin_id": admin, "body": html(action.text)}
    return {**author, "skip_notifications": True}


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
        "ticket_attributes": {events.TITLE: action.subject, events.DESCRIPTION: action.text},
        "skip_notifications": True,
        **told(assignment=told(team_assignee_id=action.group)),
    }


# --- before a write --------------------------------------------------------------------------------------------------


def state_id(account: Account, status: str, ticket_type: str, page: Json) -> str:
    """The id of a state with this status that the type of ticket has. Raises Refused where there is none."""
    states = [
        one
        for one in reading.records(page, "data")
        if not reading.flag(one, "archived") and events.state_word(one, account) == status
    ]
    known = [one for one in states if ticket_type in _types(one)] or [one for one in states if not _types(one)]
    found = next((text(one, "id") for one in known if text(one, "id")), "")
    if not found:
        msg = f"this type of ticket has no state for {status}"
        raise Refused(msg)
    return found


def _types(found: Json) -> list[str]:
    return [text(one, "id") for one in reading.records(section(found, "ticket_types"), "data")]


def asked_contacts(action: OpenTicket) -> Json:
    """The question for the contacts with this id of the customer, or this phone."""
    wanted = told(external_id=action.user_id, phone=action.phone)
    fields = [{"field": name, "operator": "=", "value": value} for name, value in wanted.items()]
    return {"query": {"operator": "OR", "value": fields}}


def made_contact(action: OpenTicket) -> Json:
    """The body that makes a contact of the customer."""
    return {"role": "user", "external_id": action.user_id, **told(phone=action.phone, name=action.name)}


def found_contact(action: OpenTicket, page: Json) -> str:
    """The contact of the customer, by id before by phone; empty where none was found."""
    found = [one for one in reading.records(page, "data") if reading.usable_id(one, "id")]
    by_id = [one for one in found if text(one, "external_id") == action.user_id]
    return next((reading.usable_id(one, "id") for one in (*by_id, *found)), "")


def contact_id(reply: Reply) -> str:
    """The contact that was made, or was there. Raises CallError."""
    named = _NAMED.search(_error(reply, "message")) if reply.status == CONFLICT else None
    if named:
        return named[1]
    found = reading.usable_id(judged(reply, ELSEWHERE), "id")
    if not found:
        msg = f"answered {reply.status} without the id of a contact"
        raise Ambiguous(msg, status=reply.status)
    return found


def is_archived(reply: Reply) -> bool:
    """Whether the contact that was there must be taken out of the archive first."""
    return reply.status == CONFLICT and "archived" in _error(reply, "message").casefold()


def tag_id(replies: Sequence[Reply]) -> str:
    """The id of the tag that was made, or was there. Raises CallError."""
    found = text(judged(replies[-1], ELSEWHERE), "id")
    if not found:
        msg = "answered without the id of the tag"
        raise Ambiguous(msg, status=replies[-1].status)
    return found


def written_id(action: WriteBack, reply: Reply) -> str:
    """The part's id for a note or a reply; empty for the rest. Raises CallError."""
    found = judged(reply, MEANINGS)
    return text(found, "id") if isinstance(action, AddNote | AddReply) else ""
