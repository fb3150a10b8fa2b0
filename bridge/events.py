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


BESIDE: Final = ("withheld", "requester")
"""Stand beside the event and not in it: a worker of the version before takes no field there that it does not know."""


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
        told |= {"event": _inside(event), **{name: found for name in BESIDE if (found := getattr(event, name))}}
    try:
        return orjson.dumps(told).decode()
    except orjson.JSONEncodeError:
        raise Unreadable("body", "is nested too deeply") from None


def _beside(told: dict[str, Any], name: str) -> str:
    return str(told.get(name) or "")


def _inside(event: domain.AgentReplied) -> dict[str, Any]:
    return {one.name: getattr(event, one.name) for one in fields(event) if one.name not in BESIDE}


def load(text: bytes) -> Received:
    """Read what ``dump`` wrote, in whichever version. An event of a kind that is not known here is unrecognised."""
    told = orjson.loads(text)
    name = told.get("type", "")
    kind = _CLASSES.get(name)
    event = stored.read(kind, told["event"]) if kind else domain.Unrecognised(None, "", name)
    if isinstance(event, domain.AgentReplied):
        event = replace(event, withheld=_beside(told, "withheld"), requester=_beside(told, "requester"))
    return Received(event, told.get("delivery", ""), told.get("at_ms", 0))
