"""What a mapping's expressions are asked of, and which of its writes an action takes. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bridge.domain import (
    WRITTEN,
    AddNote,
    AddReply,
    Changes,
    OpenTicket,
    SetField,
    SetStatus,
    TicketOpened,
    TicketSolved,
)
from bridge.helpdesks import generic_calls as calls
from bridge.helpdesks import generic_reading as reader
from bridge.helpdesks.generic_account import settings_of
from bridge.helpdesks.generic_expressions import found, holds, told
from bridge.helpdesks.generic_functions import instant
from bridge.helpdesks.generic_reading import Source, usable
from bridge.helpdesks.labels import ENDED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.domain import Call, Delivery, TicketRef, WriteBack
    from bridge.helpdesks.generic_account import GenericAccount
    from bridge.helpdesks.generic_recipes import Changes as ListOfChanges
    from bridge.helpdesks.generic_recipes import Write

KIND: Final = "generic"


def source_of(account: GenericAccount, account_name: str) -> Source:
    """The mapping with its account."""
    return Source(account.mapping, account, KIND, account_name, account.access is not None)


def delivered(account: GenericAccount, delivery: Delivery, body: Any) -> dict[str, Any]:
    """A delivery as expressions see it."""
    return {
        "body": body,
        "header": dict(delivery.headers),
        "query": dict(delivery.query),
        "method": delivery.method,
        "settings": settings_of(account),
    }


def whole(asked: dict[str, Any]) -> dict[str, Any]:
    """The same, where nothing is exploded."""
    return asked | {"item": asked["body"]}


def asked_of(account: GenericAccount, ticket_id: str) -> dict[str, Any]:
    """A ticket as expressions see it."""
    return {"id": ticket_id, "settings": settings_of(account)}


def asked_about(account: GenericAccount, ticket_id: str, action: WriteBack | OpenTicket) -> dict[str, Any]:
    """An action on a ticket as expressions see it."""
    return asked_of(account, ticket_id) | {"action": calls.about(action, account.mapping.status_labels)}


def write_of(account: GenericAccount, action: WriteBack | OpenTicket, asked: Mapping[str, Any]) -> Write | None:
    """The first of the mapping's writes for this action whose condition holds."""
    writes, opening = account.mapping.writes, account.mapping.opening
    match action:
        case AddNote():
            known = writes.note
        case AddReply():
            known = writes.reply
        case SetField(field="tag"):
            known = writes.tag
        case SetField():
            known = writes.field
        case SetStatus():
            known = writes.status if "label" in asked["action"] else []
        case OpenTicket():
            known = [opening] if opening else []
    return next((one for one in known if not one.when or holds(one.when, asked)), None)


def writing_call(account: GenericAccount, ticket_id: str, action: WriteBack | OpenTicket, key: str) -> Call | None:
    """The call of that write; None without access or where there is none."""
    asked = asked_about(account, ticket_id, action) | {"key": key}
    write = write_of(account, action, asked)
    if account.access is None or write is None or _unready(account, write, action, asked):
        return None
    made = calls.made(write, account.access, asked, once=isinstance(action, (*WRITTEN, OpenTicket)))
    keyed = {write.key_header.lower(): key} if write.key_header else {}
    return replace(made, headers={**made.headers, **keyed}) if made else None


def _unready(account: GenericAccount, write: Write, action: WriteBack | OpenTicket, asked: dict[str, Any]) -> bool:
    """Whether the write wants what none of its steps would read: all of them are left out for this action."""
    if not write.by or account.access is None or isinstance(action, WRITTEN):
        return False
    known = action.contact if isinstance(action, OpenTicket) else action.by
    return not known and calls.walk(write.before, account.mapping, account.access, asked, ()).call is None


def listed(source: Source, recipe: ListOfChanges, asked: dict[str, Any]) -> Changes:
    """A page of a list: tickets not done as opened, tickets done as solved. A list of events may name one often."""
    items = found(recipe.each, asked)
    each = [asked | {"item": item} for item in (items if isinstance(items, list) else [])]
    about = [(event, one) for one in each if (event := _listed(source, recipe, one)) is not None]
    newest: dict[TicketRef, int] = {}
    for event, one in about:
        newest[event.ref] = max(newest.get(event.ref, 0), instant(found(recipe.changed_at, one)) or 0)
    events, refs = tuple(event for event, _ in about), tuple(event.ref for event, _ in about)
    return Changes(events, refs, told(recipe.next, asked), newest)


def _listed(source: Source, recipe: ListOfChanges, asked: dict[str, Any]) -> TicketOpened | TicketSolved | None:
    ticket_id = usable(told(recipe.ticket.id, asked))
    if not ticket_id:
        return None
    ticket = reader.ticket(source, source.ref(ticket_id), recipe.ticket, asked, partial=True)
    word = str(ticket.fields.get("status", ""))
    if word in ENDED:
        return TicketSolved(ticket.ref, f"status:{word}:{told(recipe.version, asked)}", word)
    return TicketOpened(ticket.ref, "opened", ticket, ticket.by_bridge)
