"""Dead letters: what was given up or parked, with its reason, and what a replay of it would do. Pure.

A letter's id is made of ticket and action, so that giving the same thing up twice is one letter, and a ticket that is
settled after all takes its letter along.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

import orjson

from bridge import notes, stored
from bridge.domain import AddNote, OpenTicket, Phase, StartConversation
from bridge.links import LIVE, Link, Signal
from bridge.owed import Ending, Say, Todo
from bridge.requesters import id_of

if TYPE_CHECKING:
    from bridge.accounts import Account, Project
    from bridge.domain import TicketRef

PARKED = "parked"
"""The action of a letter that waits for a person because a start's fate is not known."""

FUSE = "fuse"
"""The action of a letter that waits for a person because something loops."""

FAULT = "fault"
"""The action of a letter that waits for a person because a fault of the bridge's own does not end."""

HELD = "held.reply"
"""Begins the action of a letter with a reply that waits for a person since the ticket's requester was changed."""

REQUESTER_CHANGED = "the requester was changed"
"""Why a person ends a conversation whose ticket need not be solved."""

UNREADABLE = "unreadable"
"""The action of a letter about a ticket of which this version cannot read what is stored."""

BURIED = "buried"
"""The receipt of a write-back that was given up; its letter takes it away again."""


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
    say: Say | None = None

    def dump(self) -> str:
        """As JSON text; ``load`` reads it back."""
        return orjson.dumps(self).decode()

    @classmethod
    def load(cls, text: bytes | str) -> Letter:
        """Read what ``dump`` wrote, in whichever version."""
        return stored.read(cls, orjson.loads(text))


def letter_id(ref: TicketRef | str, action: str) -> str:
    """The id of the letter about this action on this ticket."""
    return sha256(f"{ref}|{action}".encode()).hexdigest()[:12]


def start_ids(ref: TicketRef | str) -> tuple[str, ...]:
    """The letters that are settled when the ticket has a conversation."""
    return (letter_id(ref, StartConversation.type), letter_id(ref, PARKED))


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay does: start, write or nothing, in words, and the link and events it leaves.

    Where there is nothing to do there is no ``link``; ``settled`` says that the letter has had its day.
    """

    does: str
    says: str
    link: Link | None = None
    events: tuple[str, ...] = ()
    settled: bool = False


def replay(letter: Letter, link: Link, account: Account, project: Project, now_ms: int) -> Replay:
    """What a replay of the letter would do to the link as it is now. The horizon begins anew at ``now_ms``."""
    if letter.todo:
        return _write_again(letter.todo, link, now_ms)
    if letter.say:
        return _say_again(letter.say, link)
    if letter.action in GOES_ON:
        return GOES_ON[letter.action](letter, link)
    if letter.event and letter.action not in {StartConversation.type, PARKED}:
        return _event_again(letter, link)
    if link.phase in LIVE or link.phase is Phase.CLOSED:
        return _started_already(letter, link, account, project, now_ms)
    return _start_again(letter, link, now_ms)


def _event_again(letter: Letter, link: Link) -> Replay:
    if is_held(letter):
        says = "would send it to the conversation's customer, as the same person"
        return Replay("go on", says, same(link), (letter.event,))
    return Replay("work", "would work the event again", link, (letter.event,))


def is_held(letter: Letter) -> bool:
    """Whether this is a reply that waits since the requester was changed."""
    return letter.action.startswith(HELD)


def same(link: Link) -> Link:
    """A person has decided: the requester that the ticket has now is the conversation's customer."""
    found = link.other_requester or link.asked_by
    return replace(link, asked_by=found, requester=id_of(found) or link.requester, other_requester="")


def ends(link: Link) -> Link:
    """A person has decided: the conversation is to end, since the ticket is another person's."""
    return replace(link, ending=Ending(REQUESTER_CHANGED)) if link.phase in LIVE else link


def _settled(why: str) -> Replay:
    return Replay(NOTHING, f"nothing to do: {why}", settled=True)


def _write_again(todo: Todo, link: Link, now_ms: int) -> Replay:
    if any(one.key == todo.key for one in link.todo):
        return _settled(f"{_thing(todo)} is being written already")
    receipt = link.receipts.get(todo.key, BURIED)
    if receipt != BURIED:
        return _settled(f"{_thing(todo)} was written{f' as {receipt}' if receipt else ''}")
    receipts = {key: one for key, one in link.receipts.items() if key != todo.key}
    # Looked for first, whatever is known of the last try: a letter may be replayed from an old screen.
    todo = replace(todo, sent=True, tries=0, first_ms=now_ms, due_ms=0)
    again = _anew(replace(link, todo=(*link.todo, todo), receipts=receipts, gone=""), now_ms)
    return Replay("write", f"{_where(link)}would only {_verb(todo)}, unless an earlier try had arrived", again)


def _say_again(say: Say, link: Link) -> Replay:
    if any(one.id == say.id for one in link.says):
        return _settled("the message is being sent already")
    if link.phase not in LIVE:
        return Replay(NOTHING, f"nothing to do: the conversation is {link.phase.value}; reopen the ticket first")
    # With its old id, by which Jelou may know it as a repeat; before what waits, as it was written before that.
    again = replace(link, says=(replace(say, sent=False, doubts=0, tries=0, first_ms=0), *link.says), window="")
    return Replay("say", "would send the message again; if an earlier try had arrived, there may be two of it", again)


def _go_on(_: Letter, link: Link) -> Replay:
    if not link.fuse:
        return _settled("the fuse holds")
    again = replace(link, fuse="", traffic=(), holds={})
    return Replay("go on", "would carry what has waited; see first that nothing loops any more", again)


def _work_again(letter: Letter, link: Link) -> Replay:
    if letter.action == FAULT and not link.fault:
        return _settled("the ticket is worked again")
    again = replace(link, fault="", faults=0, fault_ms=0, fault_in="", holds={})
    return Replay("go on", "would work the ticket again, from where the fault was", again)


GOES_ON = {FUSE: _go_on, FAULT: _work_again, UNREADABLE: _work_again}
"""Letters that hold a whole ticket, by their action."""


def _started_already(letter: Letter, link: Link, account: Account, project: Project, now_ms: int) -> Replay:
    """The start needs no replay; what is written on the ticket about it may have been left out."""
    missing = tuple(todo for todo in notes.opened(link, account, project) if todo.kind == AddNote.type)
    if missing:
        again = _anew(replace(link, todo=(*link.todo, *missing)), now_ms)
        return Replay("write", f"{_where(link)}would only add the note", again)
    note = f"{link.episode}:note:started"
    if link.receipts.get(note) == BURIED:
        other = letter_id(letter.ticket, f"{AddNote.type} {note}")
        return _settled(f"{_where(link)}and its note, which was given up, is dead letter {other}")
    return _settled(f"already started as {link.conversation}")


def _start_again(letter: Letter, link: Link, now_ms: int) -> Replay:
    again = link.moved(Signal.REPLAY, reason="")
    if not stored.is_known(link.phase):
        return Replay(NOTHING, f"nothing to do: this version knows no phase {link.phase.value}")
    if again is link:
        return _settled(UNDER_WAY.get(link.phase, f"the ticket is {link.phase.value}"))
    if link.start is None and not letter.event:
        return Replay(NOTHING, "nothing to do: the event is not kept any more; open the ticket anew, or discard this")
    events = () if link.start is not None else (letter.event,)
    return Replay("start", _start_words(link), _anew(again, now_ms), events)


def _anew(link: Link, now_ms: int) -> Link:
    return replace(link, first_try_ms=now_ms, tries=0, holds={})


def _start_words(link: Link) -> str:
    """A start that was frozen went out at least once, and is repeated as it was."""
    if link.start is not None or link.phase is Phase.PARKED:
        return "would start a conversation again; if the earlier start worked after all, there will be two"
    return "would start a conversation, by the rules as they are now"


def _where(link: Link) -> str:
    return f"already started as {link.conversation}, " if link.conversation else ""


def _thing(todo: Todo) -> str:
    if todo.kind == OpenTicket.type:
        return "the ticket"
    return "the note" if todo.kind == AddNote.type else f"the {'tag' if todo.field == 'tag' else 'field'}"


def _verb(todo: Todo) -> str:
    if todo.kind == OpenTicket.type:
        return "open a ticket for the conversation"
    return f"{'add' if todo.kind == AddNote.type or todo.field == 'tag' else 'set'} {_thing(todo)}"


NOTHING = "nothing"

UNDER_WAY = {
    Phase.NEW: "its start is waiting to be tried already",
    Phase.STARTING: "a start call is on its way",
    Phase.UNKNOWN: "a start call was made and may have worked; it settles by itself",
    Phase.IGNORED: "by the rules nothing is started for this ticket",
}
