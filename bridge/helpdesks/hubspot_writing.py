"""What the bridge writes at HubSpot, as bodies; which stage a status is; and what HubSpot's refusals mean. Pure.

A note is an object of its own, tied to the ticket. What the customer wrote is a note as well, and says who wrote it:
a message in the ticket's thread would go out to the customer, and HubSpot lets no app write one in a customer's name
outside of a channel that it has registered. A note's text is HTML. Tickets have no tags.

A status is a stage of the ticket's own pipeline, so the pipeline's stages are read first. A stage means what the
account's labels say of its number, else what the default pipeline's number means, else what its name means; solved is
also any stage that HubSpot counts as closed. A ticket whose stage means the status already stays where it is.

A ticket of ours carries the mark in a property with unique values, under which it is looked for: HubSpot's search
shows a new ticket only after some moments.

Sources: "Notes", "Tickets", "Pipelines", "Search", "Associations", "Error handling", "Usage guidelines" on HubSpot's
developer site.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from bridge.domain import AddNote, AddReply, SetField, SetStatus
from bridge.errors import Ambiguous, CallError, Conflict, Gone, Refused, Throttled
from bridge.helpdesks import labels, reading, writing
from bridge.helpdesks.hubspot_events import STAGES
from bridge.helpdesks.labels import ENDED
from bridge.helpdesks.reading import Json, section, text, told
from bridge.replies import Because, retry_after_s

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.accounts import Account
    from bridge.domain import OpenTicket, Reply, WriteBack
    from bridge.replies import Meanings

PAGE: Final = 100
"""Results of one search. HubSpot takes up to 200."""

NOTE_TO_TICKET: Final = 228
TICKET_TO_CONTACT: Final = 16

NAMES: Final[Mapping[str, str]] = {
    **labels.STATUSES,
    **dict.fromkeys(("waiting on contact", "en espera del contacto", "aguardando contato"), "pending"),
    **dict.fromkeys(("waiting on us", "esperándonos", "aguardando nossa resposta", "in progress"), "open"),
}
"""What a pipeline's stages may be called."""

DEFAULT: Final[Mapping[str, str]] = {"open": "3", "pending": "2", "solved": "4"}
"""The default pipeline's stage of a status, where no other is told yet."""

LAG_S: Final = 15.0
"""So long a write of unknown fate is not looked for: HubSpot's search shows it only after some moments."""

LIMITS: Final[Mapping[bytes, float]] = {b"DAILY": 1_800.0, b"TEN_SECONDLY_ROLLING": 10.0, b"SECONDLY": 1.0}
"""How long a limit holds, in seconds; the day's ends at midnight of the account, so it is asked again now and then."""

_DELETED: Final = Because(Gone, "the ticket is deleted, or hidden from the app")


def _limited(reply: Reply) -> Because:
    name, wait_s = next(((name, wait) for name, wait in LIMITS.items() if name in reply.body.upper()), (b"", 0.0))
    return Because(Throttled, f"the limit {name.decode()}" if name else "", wait_s)


def _refused(reply: Reply) -> type[CallError] | Because:
    # A note tied to a ticket that is not there is a bad request, not a missing page.
    return _DELETED if b"OBJECT_NOT_FOUND" in reply.body else Refused


_UNKNOWN: Final = Because(Ambiguous, "", LAG_S)


def _unavailable(reply: Reply) -> type[CallError] | Because:
    return _UNKNOWN if retry_after_s(reply) is None else Throttled


_ALWAYS: Final[Meanings] = {
    409: Conflict,
    423: Because(Conflict, "locked", 2.0),
    429: _limited,
    477: Because(Throttled, "the account is being moved"),
    **dict.fromkeys((500, 502, 504), _UNKNOWN),
    503: _unavailable,
}

MEANINGS: Final[Meanings] = {**_ALWAYS, 400: _refused, 404: _DELETED}

OPENING: Final[Meanings] = {**_ALWAYS, 404: Refused}
"""Where there is no ticket yet that could be gone."""


def note(ref_id: str, action: AddNote | AddReply, now_ms: int) -> Json:
    """The body of a note: escaped, with its line breaks."""
    body = escape(action.text, quote=False).replace("\n", "<br>")
    return {
        "properties": {"hs_timestamp": str(now_ms), "hs_note_body": body},
        "associations": [_tied(ref_id, NOTE_TO_TICKET)],
    }


def _tied(to_id: str, kind: int) -> Json:
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}]
    return {"to": {"id": to_id}, "types": types}


def change(action: WriteBack) -> Json | None:
    """The body of an update; None for a tag."""
    match action:
        case SetStatus():
            return {"properties": {"hs_pipeline_stage": action.by or DEFAULT.get(action.status, "")}}
        case SetField() if action.field != "tag":
            return {"properties": {action.field: action.value}}
    return None


def stage(account: Account, wanted: str, now: str, stages: Sequence[Json]) -> str:
    """The id of the stage that means the wanted status; the present one where it does. Raises Refused."""
    fit = [one for one in sorted(stages, key=_place) if text(one, "id") and _means(account, one, wanted)]
    ids = [text(one, "id") for one in fit]
    if not ids:
        msg = f"the ticket's pipeline has no stage that means {wanted}; name one under labels.status"
        raise Refused(msg)
    return now if now in ids else ids[0]


def _place(one: Json) -> int:
    return reading.count(one, "displayOrder")


def _means(account: Account, one: Json, wanted: str) -> bool:
    number, name = text(one, "id"), text(one, "label")
    words = {labels.status(account, number, STAGES), labels.status(account, name, NAMES)}
    closed = text(section(one, "metadata"), "ticketState").upper() == "CLOSED"
    return wanted in words or (wanted in ENDED and closed)


# --- searches --------------------------------------------------------------------------------------------------------


def _where(*filters: Json) -> Json:
    return {"filters": list(filters)}


def notes_of(ref_id: str) -> Json:
    """The search for a ticket's newest notes."""
    return {
        "filterGroups": [_where({"propertyName": "associations.ticket", "operator": "EQ", "value": ref_id})],
        "properties": ["hs_note_body"],
        "sorts": [{"propertyName": "hs_createdate", "direction": "DESCENDING"}],
        "limit": PAGE,
    }


def changed_since(since_ms: int, after: str, properties: Sequence[str]) -> Json:
    """The search for tickets changed since then whose numbers are behind this one."""
    behind = [{"propertyName": "hs_object_id", "operator": "GT", "value": after}] if after else []
    since = {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": str(since_ms)}
    return {
        "filterGroups": [_where(since, *behind)],
        "properties": list(properties),
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "limit": PAGE,
    }


def contacts_with(phone: str, properties: Sequence[str]) -> Json:
    """The search for a contact with this number, written with or without +, in one of these properties."""
    values = [phone, phone.removeprefix("+")]
    return {
        "filterGroups": [_where({"propertyName": name, "operator": "IN", "values": values}) for name in properties],
        "properties": list(properties),
        "sorts": [{"propertyName": "createdate", "direction": "ASCENDING"}],
        "limit": 10,
    }


# --- what is opened --------------------------------------------------------------------------------------------------


def contact(action: OpenTicket, phone_property: str) -> Json:
    """The body that makes a contact."""
    return {"properties": {"firstname": action.name or action.phone, phone_property: action.phone}}


def opening(action: OpenTicket, place: str, mark_property: str) -> Json:
    """The body that opens a ticket in ``place``, a pipeline and a stage with / between; its group is another such."""
    pipeline, _, first = (action.group or place).partition("/")
    properties: dict[str, Any] = {
        "subject": action.subject,
        "content": action.text,
        "hs_pipeline": pipeline,
        mark_property: writing.mark_id(action.marker),
        **told(hs_pipeline_stage=first),
    }
    tied = [_tied(action.contact, TICKET_TO_CONTACT)] if action.contact else []
    return {"properties": properties, "associations": tied}
