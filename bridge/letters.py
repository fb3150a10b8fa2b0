"""Dead letters: what was given up or parked, with its reason, and what a replay of it would do. Pure.

A letter's id is made of ticket and action, so that giving the same thing up twice is one letter, and a ticket that is
settled after all takes its letter along.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

import orjson

from bridge.domain import Phase, StartConversation
from bridge.links import LIVE, Link, Signal, Todo

if TYPE_CHECKING:
    from bridge.domain import TicketRef

PARKED = "parked"
"""The action of a letter that waits for a person because a start's fate is not known."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing given up. ``event`` is the inbox's own JSON where the event would be worked again, else empty."""

    id: str
    ticket: str
    lane: str
    action: str
    reason: str
    at_ms: int
    event: str = ""
    todo: Todo | None = None

    def dump(self) -> str:
        """As JSON text; ``load`` reads it back."""
        return orjson.dumps(self).decode()

    @classmethod
    def load(cls, text: bytes | str) -> Letter:
        """Read what ``dump`` wrote."""
        known = orjson.loads(text)
        return cls(**{**known, "todo": Todo(**known["todo"]) if known["todo"] else None})


def letter_id(ref: TicketRef | str, action: str) -> str:
    """The id of the letter about this action on this ticket."""
    return sha256(f"{ref}|{action}".encode()).hexdigest()[:12]


def start_ids(ref: TicketRef | str) -> tuple[str, ...]:
    """The letters that are settled when the ticket has a conversation."""
    return (letter_id(ref, StartConversation.type), letter_id(ref, PARKED))


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay does, in words, and the link and events it leaves; no ``link`` where there is nothing to do."""

    says: str
    link: Link | None
    events: tuple[str, ...] = ()


def replay(letter: Letter, link: Link) -> Replay:
    """What a replay of the letter would do to the link as it is now."""
    return _write_again(letter.todo, link) if letter.todo else _start_again(letter, link)


def _write_again(todo: Todo, link: Link) -> Replay:
    if any(one.key == todo.key for one in link.todo):
        return Replay("nothing: it is being written already", None)
    receipts = {key: receipt for key, receipt in link.receipts.items() if key != todo.key}
    again = replace(link, todo=(*link.todo, todo), receipts=receipts, first_try_ms=0, tries=0)
    return Replay(f"would write it on the ticket again ({todo.kind}), looking for its mark first", again)


def _start_again(letter: Letter, link: Link) -> Replay:
    if link.phase in LIVE or link.phase is Phase.CLOSED:
        return Replay(f"nothing: already started as {link.conversation}", None)
    again = link.moved(Signal.REPLAY, reason="", first_try_ms=0, tries=0)
    if again is link:
        return Replay(f"nothing: the ticket is {link.phase.value}", None)
    if link.start is not None:
        return Replay(_WORDS[link.phase], again)
    if not letter.event:
        return Replay("nothing: the event is not kept any more", None)
    return Replay(_WORDS[link.phase], again, (letter.event,))


_WORDS = {
    Phase.FAILED: "would start a conversation, by the rules as they are now",
    Phase.PARKED: "would start a conversation again; if the earlier start worked after all, there will be two",
}
