"""Events as the JSON of an inbox, and back. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge import domain, stored
from bridge.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.domain import ConversationEvent, Testimony, TicketEvent, Unasked

_CLASSES: Final[Mapping[str, type[Any]]] = {
    kind.type: kind
    for kind in (
        domain.TicketOpened,
        domain.AgentReplied,
        domain.TicketSolved,
        domain.TicketReopened,
        domain.Unrecognised,
        domain.ConversationStarted,
        domain.CustomerWrote,
        domain.ConversationClosed,
        domain.UnrecognisedConversation,
        domain.StartAnswered,
        domain.StartSent,
        domain.EndAsked,
        domain.Doubted,
        domain.Unasked,
    )
}


UNKNOWN: Final = "this version knows no such event"
"""What is said of one that is unrecognised because a newer version has stored it."""


BESIDE: Final = ("withheld", "echo", "requester")
"""Stand beside the event and not in it: a worker of the version before takes no field there that it does not know."""

FILE_IDS: Final = "file_ids"
"""Those of the event's attachments, in their order; beside the event for the same reason."""


@dataclass(frozen=True, slots=True)
class Received:
    """An event with where it came from. ``at_ms`` is when its delivery was received."""

    event: TicketEvent | ConversationEvent | Testimony | Unasked
    delivery: str
    at_ms: int


def dump(event: TicketEvent | ConversationEvent | Testimony | Unasked, delivery: str, at_ms: int) -> str:
    """The event as JSON text. Raises Unreadable where a sender nested its values deeper than can be written (254)."""
    told: dict[str, Any] = {"type": event.type, "delivery": delivery, "at_ms": at_ms, "event": event}
    if isinstance(event, domain.AgentReplied):
        told |= {"event": _without(event), **{name: said for name in BESIDE if (said := getattr(event, name))}}
        ids = [one.id for one in event.attachments]
        told |= {FILE_IDS: ids} if any(ids) else {}
    try:
        return orjson.dumps(told).decode()
    except orjson.JSONEncodeError:
        raise Unreadable("body", "is nested too deeply") from None


def _without(event: domain.AgentReplied) -> dict[str, Any]:
    told = {one.name: getattr(event, one.name) for one in fields(event) if one.name not in BESIDE}
    return told | {"attachments": [_bare(one) for one in event.attachments]}


def _bare(file: domain.Attachment) -> dict[str, Any]:
    return {one.name: getattr(file, one.name) for one in fields(file) if one.name != "id"}


def load(text: bytes) -> Received:
    """Read what ``dump`` wrote, in whichever version. An event of a kind that is not known here is unrecognised."""
    told = orjson.loads(text)
    name = told.get("type", "")
    kind = _CLASSES.get(name)
    event = stored.read(kind, told["event"]) if kind else domain.Unrecognised(None, "", name)
    if isinstance(event, domain.AgentReplied):
        beside: dict[str, Any] = {name: str(told.get(name) or "") for name in BESIDE}
        event = replace(event, **beside, attachments=_named(event, told.get(FILE_IDS)))
    return Received(event, told.get("delivery", ""), told.get("at_ms", 0))


def _named(event: domain.AgentReplied, ids: object) -> tuple[domain.Attachment, ...]:
    found = ids if isinstance(ids, list) and len(ids) == len(event.attachments) else [""] * len(event.attachments)
    return tuple(replace(one, id=str(each)) for one, each in zip(event.attachments, found, strict=True))
