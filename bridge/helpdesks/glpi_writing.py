"""What the bridge writes at GLPI, as bodies; and what GLPI's refusals mean. Pure.

Content is HTML, so a text is escaped and its lines are parted by ``<br>``. All follow-ups are private: GLPI mails a
public one to the requester. One that holds what the customer wrote says so, as nobody else's name can be put on it.

Every follow-up and every opened ticket carries the request source of ``access.request_type_id``: it comes back in the
webhook. A ticket of ours has the mark as its ``external_id`` too, under which it is looked for. There are no tags.

What a property may hold is GLPI's ``readOnly`` and ``x-mapped-from``: a dropdown is set by its id, and neither the team
nor the author can be written with the ticket, so that its requester is the bridge's own user.

An answer of 500 with the title "Failed to create item(s)" says that GLPI, a template or a plugin refused: nothing was
written. A 403 is a right that is missing, as it is for a follow-up on a closed ticket that may not be reopened.

Sources: GLPI 11, ``src/Glpi/Api/HL/ResourceAccessor.php``, ``Controller/AbstractController.php``,
``Controller/ITILController.php``, ``src/ITILFollowup.php``, read and not tried.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from bridge.customer_text import merged
from bridge.domain import AddReply, SetField, SetStatus
from bridge.errors import Ambiguous, CallError, Denied, Gone, Refused
from bridge.helpdesks import writing
from bridge.helpdesks.reading import Json, section, text, told
from bridge.replies import Because, raise_for, reply_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.domain import AddNote, OpenTicket, Reply
    from bridge.policies import Language
    from bridge.replies import Meanings

STATUSES: Final[Mapping[str, int]] = {"open": 2, "pending": 4, "solved": 5}
"""The bridge's word to GLPI's number: processing (assigned), pending, solved."""

FIELDS: Final = frozenset({"external_id", "name"})
"""The properties of a ticket that hold a text."""

LONGEST_NAME: Final = 255

_DELETED: Final = Because(Gone, "the ticket is deleted, or in an entity that the bridge may not see")


def _failed(reply: Reply) -> type[CallError] | Because:
    return Because(Refused, "GLPI made no item of it") if b'"Failed to ' in reply.body else Ambiguous


MEANINGS: Final[Meanings] = {404: _DELETED, 500: _failed}

OPENING: Final[Meanings] = {404: Refused, 500: _failed}
"""Where there is no ticket yet that could be gone."""

GRANTING: Final[Meanings] = {400: Denied}
"""OAuth answers 400 for a user, a password, a grant or a scope that it does not take."""


def markup(words: str) -> str:
    """A plain text as HTML that shows it: nothing in it is markup, its lines stay lines."""
    return f"<p>{escape(words, quote=False)}</p>".replace("\n", "<br>")


def followup(action: AddNote | AddReply, request_type: str, language: Language) -> Json:
    """The body of a private follow-up. A text whose author GLPI knows is not headed yet by whose it is."""
    words = action.text
    if isinstance(action, AddReply) and action.user_id:
        words = merged([words], action.author or action.user_id, language)
    return {"content": markup(words), "is_private": True, **_source(request_type)}


def change(action: SetField | SetStatus) -> Json | None:
    """The body of an update; None for what GLPI has no place for."""
    if isinstance(action, SetField):
        return {action.field: action.value} if action.field in FIELDS else None
    number = STATUSES.get(action.status)
    return {"status": {"id": number}} if number else None


def opening(action: OpenTicket, request_type: str) -> Json:
    """The body that opens a ticket."""
    return {
        "name": action.subject[:LONGEST_NAME],
        "content": markup(action.text),
        "external_id": writing.mark_id(action.marker),
        **_source(request_type),
    }


def _source(request_type: str) -> Json:
    return told(request_type={"id": writing.number(request_type)} if request_type else None)


# --- answers that are lists ------------------------------------------------------------------------------------------


def listed(reply: Reply, meanings: Meanings = MEANINGS) -> list[Json]:
    """The objects in a list. Raises CallError, Ambiguous where the answer is no list."""
    raise_for(reply, meanings)
    return reply_list(reply)


def timeline(reply: Reply) -> list[tuple[str, Json]]:
    """The items of a timeline with their type: they stand in ``item``, beside ``type``. Raises CallError."""
    return [(text(one, "type") or "Followup", section(one, "item") or one) for one in listed(reply)]


def with_external_id(reply: Reply, external_id: str) -> str:
    """The id of the listed ticket with this external id, else empty. Raises CallError, Ambiguous for a part of a list.

    It is compared here as well: GLPI leaves out a filter that it does not know, and answers with all tickets.
    """
    found = listed(reply, OPENING)
    ours = (writing.opened_id(reply.status, one) for one in found if text(one, "external_id") == external_id)
    ticket_id = next(ours, "")
    if not ticket_id and reply.status == PARTIAL:
        msg = "the list is longer than what was answered"
        raise Ambiguous(msg, status=reply.status)
    return ticket_id


PARTIAL: Final = 206
"""The answer of a list that goes on."""
