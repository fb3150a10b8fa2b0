"""What must be known before a write at Intercom: which state a status is, which tag, which contact. Pure.

A state belongs to some types of tickets, so the ticket's type and the workspace's states are read first. A tag is put
on by its id, which making it again tells.

A ticket needs a contact: looked for by the customer's id at Jelou and by phone, else made. The search is behind at
times; then making it conflicts, and the refusal names the contact, which may have been archived.

Sources: "Ticket states", "Tags", "Contacts" of Intercom's API reference 2.15.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.domain import OpenTicket, SetField, SetStatus
from bridge.errors import Ambiguous, Refused
from bridge.helpdesks import intercom_tickets as tickets
from bridge.helpdesks import reading
from bridge.helpdesks.intercom_access import post, read, ticket_type
from bridge.helpdesks.intercom_writing import CONFLICT, ELSEWHERE, MEANINGS, OPEN, TAG, error, judged
from bridge.helpdesks.reading import Json, section, text, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.accounts import Account
    from bridge.domain import Call, Reply, TicketRef, WriteBack

_NAMED: Final = re.compile(r"\bid=([0-9A-Za-z_-]+)")
"""How the refusal to make a contact names the one that is there."""


def step(
    account: Account, ref: TicketRef | None, action: WriteBack | OpenTicket, replies: Sequence[Reply]
) -> Call | None:
    """The next call before the write; None where there is none, or none is needed. Raises CallError."""
    match action:
        case SetStatus() if ref is not None and action.status in OPEN:
            return _before_status(account, ref, replies)
        case SetField() if action.field == TAG:
            return None if replies else post(account, "/tags", {"name": action.value})
        case OpenTicket() if ticket_type(account):
            return _before_opening(account, action, replies)
        case _:
            return None


def _before_status(account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
    if not replies:
        return read(account, "/tickets/{id}", ref.id)
    judged(replies[0], MEANINGS)
    return read(account, "/ticket_states") if len(replies) == 1 else None


def _before_opening(account: Account, action: OpenTicket, replies: Sequence[Reply]) -> Call | None:
    """The contact looked for, then made, then taken out of the archive, as far as it takes."""
    if not replies:
        return post(account, "/contacts/search", asked_contacts(action))
    if len(replies) == 1:
        found = found_contact(action, judged(replies[0], ELSEWHERE))
        return None if found else post(account, "/contacts", made_contact(action))
    made = contact_id(replies[1])
    archived = len(replies) == 2 and is_archived(replies[1])  # noqa: PLR2004 - nothing was asked after it
    return post(account, "/contacts/{id}/unarchive", {}, made) if archived else None


def with_ids(account: Account, action: WriteBack | OpenTicket, replies: Sequence[Reply]) -> WriteBack | OpenTicket:
    """The action with the id of the state, of the tag, of the contact. Raises CallError."""
    match action:
        case SetStatus():
            kind = text(section(judged(replies[0], MEANINGS), "ticket_type"), "id")
            states = judged(replies[-1], ELSEWHERE)
            return replace(action, by=state_id(account, action.status, kind, states))
        case SetField():
            return replace(action, value=tag_id(replies))
        case OpenTicket():
            found = found_contact(action, judged(replies[0], ELSEWHERE))
            return replace(action, contact=found or contact_id(replies[min(1, len(replies) - 1)]))
        case _:
            return action


def state_id(account: Account, status: str, ticket_type: str, page: Json) -> str:
    """The id of a state with this status that the type of ticket has. Raises Refused where there is none."""
    states = [
        one
        for one in reading.records(page, "data")
        if not reading.flag(one, "archived") and tickets.state_word(one, account) == status
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
    named = _NAMED.search(error(reply, "message")) if reply.status == CONFLICT else None
    if named:
        return named[1]
    found = reading.usable_id(judged(reply, ELSEWHERE), "id")
    if not found:
        msg = f"answered {reply.status} without the id of a contact"
        raise Ambiguous(msg, status=reply.status)
    return found


def is_archived(reply: Reply) -> bool:
    """Whether the contact that was there must be taken out of the archive first."""
    return reply.status == CONFLICT and "archived" in error(reply, "message").casefold()


def tag_id(replies: Sequence[Reply]) -> str:
    """The id of the tag that was made, or was there. Raises CallError."""
    found = text(judged(replies[-1], ELSEWHERE), "id")
    if not found:
        msg = "answered without the id of the tag"
        raise Ambiguous(msg, status=replies[-1].status)
    return found
