"""What the bridge writes at Zammad, as bodies; and what Zammad's refusals mean. Pure.

Every article is of the type ``note``: it is the only one that no channel sends and that Zammad's own mailing triggers
(they look at ``email``, ``phone`` and ``web``) pass by. A note is internal. What the customer wrote is a note of the
sender ``Customer``, with the customer as its origin, and not internal: it is theirs to see. Zammad fills in the
ticket's own customer where the id is not known.

Texts are plain, so that nothing in them is markup. The mark stands in the text, as the article's message id, and as the
``note`` of a ticket that the bridge opens, which no form of Zammad's shows.

A ticket waits for its customer in a state that wants a time for its reminder: a day later. Tags are added one by one.
A customer without a user gets one, with a login of the bridge's own making: made again, it is found. Nobody is invited.

Sources: "Ticket", "Articles", "Tags" of the API documentation; ``creates_ticket_articles.rb``, ``handles_errors.rb``,
``adds_metadata_origin_by_id.rb``, ``ticket_policy.rb`` and the seeds of triggers in Zammad's source.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pydantic import Field

from bridge.domain import WRITTEN, AddNote, AddReply, SetField, SetStatus
from bridge.errors import Ambiguous, CallError, Denied, Gone, Refused
from bridge.helpdesks import writing
from bridge.helpdesks.reading import told
from bridge.policies import Model
from bridge.replies import Because, raise_for, reply_object

if TYPE_CHECKING:
    from bridge.domain import OpenTicket, Reply, WriteBack
    from bridge.helpdesks.reading import Json
    from bridge.replies import Meanings

TAG: Final = "jelou"
"""On every ticket that the bridge opens."""

LOGIN: Final = "jelou-"
"""Begins the login of a user that the bridge makes, so that it is nobody else's."""

LONGEST_TITLE: Final = 250
LONGEST_NAME: Final = 100
REMINDER_MS: Final = 86_400_000
LATEST_MS: Final = 253_402_300_799_999

_DELETED: Final = Because(Gone, "the ticket is deleted")
_NOT_OURS: Final = Because(Refused, "the bridge's agent may not do this in the ticket's group")
_ENDED: Final = Because(Gone, "the ticket is closed, and its group takes no follow-up")


def _refused(reply: Reply) -> type[CallError] | Because:
    return _ENDED if b"follow-up on a closed ticket" in reply.body else Refused


def _forbidden(reply: Reply) -> type[CallError] | Because:
    return _NOT_OURS if b'"Not authorized"' in reply.body else Denied


MEANINGS: Final[Meanings] = {403: _forbidden, 404: _DELETED, 422: _refused}
"""A 403 of Zammad's policies is about one ticket; it must not stop the whole account, as a refused token does."""

OPENING: Final[Meanings] = {403: _forbidden, 404: Refused}
"""Where there is no ticket yet that could be gone."""


class ZammadStates(Model):
    """What the states are called that the bridge sets."""

    open: str = Field(default="open", min_length=1, description="The customer wrote, or the conversation is open.")
    pending: str = Field(default="pending reminder", min_length=1, description="Waiting for the customer.")
    solved: str = Field(default="closed", min_length=1, description="The conversation has ended.")


def article(action: AddNote | AddReply) -> Json:
    """An article that mails nobody."""
    mine = {
        "body": action.text,
        "content_type": "text/plain",
        "type": "note",
        "message_id": writing.mark_id(action.marker),
    }
    if isinstance(action, AddNote):
        return {**mine, "sender": "Agent", "internal": True}
    author = writing.number(action.user_id)
    known = {"origin_by_id": author} if isinstance(author, int) else {}
    return {**mine, "sender": "Customer", "internal": False, **known}


def change(action: SetField | SetStatus, states: ZammadStates, now_ms: int) -> Json:
    """The body of an update."""
    if isinstance(action, SetField):
        return {action.field: action.value}
    state = {"open": states.open, "pending": states.pending, "solved": states.solved}.get(action.status, action.status)
    return {"state": state, **({"pending_time": _reminder(now_ms)} if action.status == "pending" else {})}


def _reminder(now_ms: int) -> str:
    moment = datetime.fromtimestamp(min(max(now_ms, 0) + REMINDER_MS, LATEST_MS) / 1000, UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def tag(ticket_id: str, value: str) -> Json:
    """The body that adds a tag; adding it again changes nothing."""
    return {"object": "Ticket", "o_id": writing.number(ticket_id), "item": value}


def opening(action: OpenTicket, group: str) -> Json:
    """The body that opens a ticket, for the user that ``prepared`` found or else for one of the bridge's making."""
    contact, mark = writing.number(action.contact), writing.mark_id(action.marker)
    number = writing.number(group)
    return {
        "title": action.subject[:LONGEST_TITLE],
        **({"group_id": number} if isinstance(number, int) else {"group": group}),
        **({"customer_id": contact} if isinstance(contact, int) else {"customer": _customer(action)}),
        "note": mark,
        "tags": TAG,
        "article": {
            "body": action.text,
            "content_type": "text/plain",
            "type": "note",
            "message_id": mark,
            "sender": "Agent",
            "internal": True,
        },
    }


def _customer(action: OpenTicket) -> Json:
    name = (action.name or action.phone or action.user_id)[:LONGEST_NAME]
    return {"login": f"{LOGIN}{action.user_id}", "firstname": name, **told(mobile=action.phone)}


def written_id(action: WriteBack, reply: Reply) -> str:
    """The id of the article that was written; empty for the rest. Raises CallError."""
    raise_for(reply, MEANINGS)
    if isinstance(action, SetField) and action.field == "tag":
        _added(reply)
        return ""
    found = reply_object(reply)
    return str(found.get("id") or "") if isinstance(action, WRITTEN) else ""


def _added(reply: Reply) -> None:
    if reply.body.strip() != b"true":
        msg = f"answered {reply.status} without saying that the tag was added"
        raise Ambiguous(msg, status=reply.status)
