"""Write back: notes, what customers wrote, fields and statuses on the ticket, each once, in order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge import notes
from bridge.domain import (
    WRITTEN,
    AddNote,
    AddReply,
    AgentReplied,
    Phase,
    Probe,
    SetField,
    SetStatus,
    TicketReopened,
    TicketSolved,
)
from bridge.errors import CallError, Gone, Refused
from bridge.links import LIVE
from bridge.owed import Side
from bridge.protocol import CallClass
from workers import steps
from workers.admit import FIELD_TURN, RECOVERING, TICKET, HeldBackError, admit, admit_next, helpdesk_gate
from workers.perform import perform
from workers.reading import ticket_now
from workers.recovery import asked_ms, shaken, since_loss
from workers.waiting import Wait, again_in, hopeless, try_again

if TYPE_CHECKING:
    from bridge.domain import Call, WriteBack
    from bridge.links import Link
    from bridge.owed import Todo
    from workers.work import Work

TOLD_AGAIN_MS = 60_000
"""The least time between two tries of the note that a start waits."""

LIMITS = (notes.WRITES, notes.FIELDS)
"""The waits for more of what a customer writes and for the ticket's own rate. They hold back no reading."""


async def write_next(work: Work) -> bool:
    """Perform the first write-back that may go out. False where there is none, or all have to wait."""
    for limit in LIMITS:
        work.waits.pop(limit, None)
    if not work.link.todo or work.holding(Side.HELPDESK):
        return False
    for todo in notes.first_of_each(work.link.todo):
        if _pointless(work, todo):
            return True
        if _merging(work, todo) or _untold(work, todo) or _behind_the_start(work, todo):
            continue
        work.writing = todo.key
        waits = _queued(work, todo) or _limited(work, todo)
        if _settled(work, todo) or (not waits and await _tried(work, todo)):
            return True
    return False


def _merging(work: Work, todo: Todo) -> bool:
    """Whether it waits for more of what the customer writes; the note that a start waits, for its next try."""
    left_ms = todo.due_ms - work.app.now_ms()
    if left_ms > 0:
        again = todo.key == notes.waits_key(work.link)
        reason = "the next try of a note" if again else "what the customer writes next"
        work.waits[notes.limit_of(todo)] = Wait(reason, left_ms, firm=again)
    return left_ms > 0


def _untold(work: Work, todo: Todo) -> bool:
    """Whether it waits for what workers have to tell after a loss. It alone: what came since is read meanwhile."""
    hold_ms = work.claimed.shaken.hold_ms if todo.doubted else 0
    if hold_ms:
        work.waits[RECOVERING] = Wait(RECOVERING, hold_ms)
    return hold_ms > 0


def _behind_the_start(work: Work, todo: Todo) -> bool:
    """Whether it says that the start waits, and this claim has not found that it still does. The start goes first."""
    return todo.key == notes.waits_key(work.link) and work.link.phase is Phase.NEW and not work.start_told


def _queued(work: Work, todo: Todo) -> bool:
    """Whether it only informs, and waits for its turn, or for an agent's reply to be read: that has the next turn."""
    return _class_of(todo) is CallClass.FIELD and (FIELD_TURN in work.waits or _to_be_read(work))


def _to_be_read(work: Work) -> bool:
    event = work.next.event if work.next else None
    return isinstance(event, AgentReplied) and event.partial and work.link.phase in LIVE and not work.link.fuse


def _limited(work: Work, todo: Todo) -> bool:
    """Whether it is known to wait for the ticket's own rate."""
    left_ms = work.link.rate_limited.get(notes.limit_of(todo), 0) - work.app.now_ms()
    if left_ms > 0:
        work.waits[notes.limit_of(todo)] = Wait(notes.OWN_RATE, left_ms)
    return left_ms > 0


async def _tried(work: Work, todo: Todo) -> bool:
    """False where it alone has to wait: for the ticket's own rate, or for the turn of what only informs."""
    try:
        if todo.kind == AddReply.type and not work.link.requester:
            await _meet(work, todo)
        else:
            await _write(work, todo)
    except HeldBackError as held:
        if held.verdict == TICKET:
            _limit(work, notes.limit_of(todo), int(held.detail))
        elif FIELD_TURN not in work.waits:
            raise
        return False
    return True


def _limit(work: Work, limit: str, wait_ms: int) -> None:
    """Noted in the link, so that no later claim asks before its time; told once, until such a write has gone out."""
    until = work.app.now_ms() + wait_ms
    if limit not in work.link.rate_limited:
        work.tell("waiting", reason=notes.OWN_RATE, until=until)
    work.link = replace(work.link, rate_limited={**work.link.rate_limited, limit: until})
    work.waits[limit] = Wait(notes.OWN_RATE, wait_ms)


# --- what needs no call ----------------------------------------------------------------------------------------------


def _settled(work: Work, todo: Todo) -> bool:
    """Whether it is settled without a call."""
    if undone := _out_of_date(work, todo):
        work.drop_closed_status(undone)
    elif work.link.gone:
        _skip(work, todo, f"the ticket takes no more writes: {work.link.gone}")
    elif _unchanged(work, todo):
        _done(work, todo, "", "the ticket says so already", "skipped")
    else:
        return False
    return True


def _unchanged(work: Work, todo: Todo) -> bool:
    """Whether the ticket has it already: by our own last write, or by an event that has just come."""
    if todo.kind == SetStatus.type:
        events = (one.event for one in work.inbox[work.done :])
        changes = [event.status for event in events if isinstance(event, TicketSolved | TicketReopened)]
        return changes[-1:] == [todo.text]
    return todo.kind == SetField.type and not shaken(work) and work.link.written.get(todo.field) == todo.text


def _out_of_date(work: Work, todo: Todo) -> str:
    """Why the status that a conversation's end asked for is not to be written any more; empty where it is."""
    if todo.key != notes.closed_key(work.link):
        return ""
    if any(isinstance(one.event, TicketReopened) and not one.event.guessed for one in work.inbox[work.done :]):
        return "the ticket was reopened since"
    if todo.doubted and work.claimed.shaken.uncertain:
        return "Redis has lost data, and nobody can say whether the ticket itself had asked for the end"
    return ""


def _pointless(work: Work, todo: Todo) -> bool:
    """Whether it says that the start waits, and it does not any more. One that may be on the ticket stays told."""
    if todo.key != notes.waits_key(work.link) or work.link.phase is Phase.NEW:
        return False
    receipts = {**work.link.receipts, todo.key: ""} if todo.sent else work.link.receipts
    work.link = replace(_instead(work.link, todo), receipts=receipts)
    work.tell("skipped", action=todo.kind, key=todo.key, how="the start waits no longer")
    return True


def _told_later(work: Work, todo: Todo, error: CallError, *, sent: bool) -> None:
    """The note that a start waits is tried again by itself, and holds back nothing else; of no use, it is let be."""
    wait = again_in(error, "", todo.tries + 1)
    due_ms = work.app.now_ms() + max(wait.due_in_ms, TOLD_AGAIN_MS)
    first_ms = todo.first_ms or work.app.now_ms()
    changes = {"sent": sent, "looked": False, "tries": todo.tries + 1, "first_ms": first_ms, "due_ms": due_ms}
    if hopeless(work, error, todo.first_ms):
        _done(work, todo, "", f"it could not be written: {error.reason}", "skipped")
    else:
        work.link, _ = _changed(work.link, todo, **changes)


async def _meet(work: Work, todo: Todo) -> None:
    """A customer is written for in their own name, where the helpdesk tells who they are there."""
    try:
        if await ticket_now(work) is None:
            work.link = replace(work.link, requester=notes.NOBODY)
    except CallError as error:
        _not_written(work, todo, error, sent=todo.sent)


async def _write(work: Work, todo: Todo) -> None:
    pair = work.pair
    action = notes.write_back(work.ref, todo, work.link, pair.account.language, work.app.bridge.mark_keys)
    try:
        first = steps.first_of(work, work.ref, action)
        call = pair.dialect.call(pair.account, work.ref, action, todo.key, now_ms=work.app.now_ms())
        if call is None and first is None:
            _done(work, todo, "", "this account takes no such write", "skipped")
            return
        if (todo.sent or shaken(work)) and not _looked(work, todo):
            if await _arrived(work, todo, action):
                _done(work, todo, "", "found: an earlier try had arrived")
                return
            # Where one call a time is allowed the write has to wait now, and must not look again for ever.
            todo = _look(work, todo)
    except CallError as error:
        # The look failed, not the write: that one's fate is as unknown as before.
        _not_written(work, todo, error, sent=True)
        return
    try:
        receipt = await _send(work, todo, action, first, call)
    except CallError as error:
        _not_written(work, todo, error, sent=not error.certain)
    else:
        if todo.field:
            work.link = replace(work.link, written={**work.link.written, todo.field: todo.text})
        work.link = replace(work.link, changed_ms=work.app.now_ms())
        _done(work, todo, receipt, "")


def _looked(work: Work, todo: Todo) -> bool:
    """Whether it was looked for, and nothing that Redis has lost since can have written it."""
    return todo.looked and since_loss(work, work.link.looked_ms)


def _look(work: Work, todo: Todo) -> Todo:
    """It was looked for just now; what was found out of others before a loss is not known any more."""
    if not since_loss(work, work.link.looked_ms):
        others = tuple(replace(one, looked=False) if one.looked else one for one in work.link.todo)
        work.link, todo = replace(work.link, todo=others), replace(todo, looked=False)
    link, looked = _changed(work.link, todo, looked=True)
    work.link = replace(link, looked_ms=asked_ms(work))
    return looked


async def _arrived(work: Work, todo: Todo, action: WriteBack) -> bool:
    """Look for the mark of a write of unknown fate before repeating it."""
    pair, gate = work.pair, helpdesk_gate(work, _class_of(todo))
    probe = pair.dialect.probe(pair.account, work.ref, action)
    if probe is None:
        return False
    await admit(work, gate)
    return bool(
        await perform(work, gate, Probe.type, probe, lambda reply: pair.dialect.found(pair.account, action, reply))
    )


async def _send(work: Work, todo: Todo, action: WriteBack, first: Call | None, call: Call | None) -> str:
    """What must not go out twice is noted before: whoever takes over looks, and adds nothing to a customer's words.

    A helpdesk that knows an update by its id would take a longer one as the same.
    """
    pair, once = work.pair, call.once if call else isinstance(action, WRITTEN)
    gate = helpdesk_gate(work, _class_of(todo), writes=True, spares=todo.kind == SetField.type)
    sent = todo.sent or once or todo.key.startswith(notes.MESSAGE)
    link, _ = _changed(_going_out(work.link, todo), todo, sent=sent, looked=False)
    await admit(work, gate, link, sending={"action": todo.kind, "key": todo.key})
    if first:
        ready = await steps.prepared(work, gate, work.ref, action, first)
        call = pair.dialect.call(pair.account, work.ref, ready, todo.key, now_ms=work.app.now_ms())
    if call is None:
        msg = "this account takes no such write"
        raise Refused(msg)
    if first:
        await admit_next(work, gate)
    return await perform(work, gate, action.type, call, lambda reply: pair.dialect.receipt(pair.account, action, reply))


def _class_of(todo: Todo) -> CallClass:
    """Words are of a live conversation; what only informs, the package and that a start waits, may wait."""
    live = todo.kind in {AddNote.type, AddReply.type} and not todo.key.endswith((notes.PACKAGE, notes.WAITS))
    return CallClass.LIVE if live else CallClass.FIELD


def _changed(link: Link, todo: Todo, **changes: Any) -> tuple[Link, Todo]:
    """The link with the todo as it is now, and that."""
    changed = replace(todo, **changes)
    return _instead(link, todo, changed), changed


def _instead(link: Link, todo: Todo, *others: Todo) -> Link:
    """The link with others in the place of one todo, however far that has come."""
    at = [(one.key, one.text) for one in link.todo].index((todo.key, todo.text))
    return replace(link, todo=(*link.todo[:at], *others, *link.todo[at + 1 :]))


def _going_out(link: Link, todo: Todo) -> Link:
    """While the write is out nobody knows what its field says; and the wait for it is over."""
    written = {name: text for name, text in link.written.items() if name != todo.field}
    limited = {name: until for name, until in link.rate_limited.items() if name != notes.limit_of(todo)}
    return replace(link, written=written, rate_limited=limited)


def _done(work: Work, todo: Todo, receipt: str, how: str, what: str = "answered") -> None:
    _next(work, todo, receipt)
    work.tell(what, action=todo.kind, key=todo.key, id=receipt, how=how)


WROTE_MOST = 50
"""Ids of what was written, by which its echo is known: it comes within minutes."""


def _next(work: Work, todo: Todo, receipt: str) -> None:
    """What is done many times over (a customer's messages, the status) needs no receipt: its facts are known once."""
    lasting, wrote = not todo.key.startswith(notes.MANY), work.link.wrote
    if receipt and todo.kind in {AddNote.type, AddReply.type}:
        wrote = (*wrote, receipt)[-WROTE_MOST:]
    receipts = {**work.link.receipts, todo.key: receipt} if lasting else work.link.receipts
    work.link = replace(_instead(work.link, todo), receipts=receipts, wrote=wrote)


def give_up(work: Work, key: str, reason: str) -> bool:
    """The write-back of this key becomes a letter, and holds back no other; False where there is none."""
    todo = next((one for one in work.link.todo if one.key == key), None)
    if todo is None:
        return False
    work.dead(reason, f"{todo.kind} {todo.key}", todo=todo)
    _next(work, todo, "buried")
    return True


def _skip(work: Work, todo: Todo, reason: str) -> None:
    """The ticket takes nothing any more. A customer's words are kept as a letter; what only informs is not."""
    if todo.key.startswith(notes.MESSAGE):
        work.dead(reason, f"{todo.kind} {todo.key}", todo=todo)
    _done(work, todo, "", reason, "skipped")


def _not_written(work: Work, todo: Todo, error: CallError, *, sent: bool) -> None:
    what, known = ("refused", "") if error.certain else ("unanswered", "that the call went out, not what became of it")
    work.tell(what, action=todo.kind, key=todo.key, reason=error.reason, known=known)
    if isinstance(error, Gone):
        work.link = replace(work.link, gone=error.reason)
        work.tell("gone", reason=error.reason)
        return
    if todo.key == notes.waits_key(work.link):
        _told_later(work, todo, error, sent=sent)
        return
    first_ms = todo.first_ms or work.app.now_ms()
    link, tried = _changed(work.link, todo, sent=sent, looked=False, tries=todo.tries + 1, first_ms=first_ms)
    if hopeless(work, error, todo.first_ms):
        # Kept with the letter as it is now: a replay looks before it writes.
        work.dead(error.reason, f"{todo.kind} {todo.key}", todo=tried)
        _next(work, todo, "buried")
        return
    work.link = link
    try_again(work, Side.HELPDESK, error, f"the ticket could not be written: {error.reason}", tried.tries)
