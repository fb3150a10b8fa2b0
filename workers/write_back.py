"""Write back: notes, what customers wrote, fields and statuses on the ticket, each once, in order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import notes
from bridge.domain import WRITTEN, AddReply, Probe, TicketReopened
from bridge.errors import CallError, Gone, Refused
from bridge.owed import Side
from workers import steps
from workers.admit import RECOVERING, admit, helpdesk_gate
from workers.perform import perform
from workers.reading import ticket_now
from workers.recovery import shaken
from workers.waiting import Wait, again_in, hopeless

if TYPE_CHECKING:
    from bridge.domain import Call, WriteBack
    from bridge.owed import Todo
    from workers.work import Work

MERGING = "merging"
"""The wait for more of what a customer writes. It is nobody's failure, and holds back no reading."""


async def write_next(work: Work) -> bool:
    """Perform the first write-back that is not done. False where there is none, or it has to wait."""
    if not work.link.todo or work.holding(Side.HELPDESK):
        return False
    todo = work.link.todo[0]
    left_ms = todo.due_ms - work.app.now_ms()
    if left_ms > 0:
        work.waits[MERGING] = Wait("what the customer writes next", left_ms)
        return False
    if _untold(work, todo):
        return False
    if undone := _out_of_date(work, todo):
        work.drop_closed_status(undone)
        return True
    if work.link.gone:
        _skip(work, todo, f"the ticket takes no more writes: {work.link.gone}")
    elif todo.kind == AddReply.type and not work.link.requester:
        await _meet(work, todo)
    else:
        await _write(work, todo)
    return True


def _untold(work: Work, todo: Todo) -> bool:
    """Whether it waits for what workers have to tell after a loss. It alone: what came since is read meanwhile."""
    hold_ms = work.claimed.shaken.hold_ms if todo.doubted else 0
    if hold_ms:
        work.waits[RECOVERING] = Wait(RECOVERING, hold_ms)
    return hold_ms > 0


def _out_of_date(work: Work, todo: Todo) -> str:
    """Why the status that a conversation's end asked for is not to be written any more; empty where it is."""
    if todo.key != notes.closed_key(work.link):
        return ""
    if any(isinstance(one.event, TicketReopened) and not one.event.guessed for one in work.inbox[work.done :]):
        return "the ticket was reopened since"
    if todo.doubted and work.claimed.shaken.uncertain:
        return "Redis has lost data, and nobody can say whether the ticket itself had asked for the end"
    return ""


async def _meet(work: Work, todo: Todo) -> None:
    """A customer is written for in their own name, where the helpdesk tells who they are there."""
    try:
        if await ticket_now(work) is None:
            work.link = replace(work.link, requester=notes.NOBODY)
    except CallError as error:
        _not_written(work, todo, error, sent=todo.sent)


async def _write(work: Work, todo: Todo) -> None:
    pair = work.pair
    action = notes.write_back(work.ref, todo, work.link, pair.account.language)
    try:
        first = steps.first_of(work, work.ref, action)
        call = pair.dialect.call(pair.account, work.ref, action, todo.key, now_ms=work.app.now_ms())
        if call is None and first is None:
            _done(work, todo, "", "this account takes no such write", "skipped")
            return
        if (todo.sent or shaken(work)) and not todo.looked:
            if await _arrived(work, action):
                _done(work, todo, "", "found: an earlier try had arrived")
                return
            # Where one call a time is allowed the write has to wait now, and must not look again for ever.
            todo = replace(todo, looked=True)
            work.link = replace(work.link, todo=(todo, *work.link.todo[1:]))
    except CallError as error:
        # The look failed, not the write: that one's fate is as unknown as before.
        _not_written(work, todo, error, sent=True)
        return
    try:
        receipt = await _send(work, todo, action, first, call)
    except CallError as error:
        _not_written(work, todo, error, sent=not error.certain)
    else:
        work.link = replace(work.link, changed_ms=work.app.now_ms())
        _done(work, todo, receipt, "")


async def _arrived(work: Work, action: WriteBack) -> bool:
    """Look for the mark of a write of unknown fate before repeating it."""
    pair, gate = work.pair, helpdesk_gate(work)
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
    gate = helpdesk_gate(work, writes=True, cost=1 + (first.calls if first else 0))
    sent = replace(todo, sent=todo.sent or once or todo.key.startswith(notes.MESSAGE), looked=False)
    link = replace(work.link, todo=(sent, *work.link.todo[1:]))
    await admit(work, gate, link, sending={"action": todo.kind, "key": todo.key})
    if first:
        ready = await steps.prepared(work, gate, work.ref, action, first)
        call = pair.dialect.call(pair.account, work.ref, ready, todo.key, now_ms=work.app.now_ms())
    if call is None:
        msg = "this account takes no such write"
        raise Refused(msg)
    return await perform(work, gate, action.type, call, lambda reply: pair.dialect.receipt(pair.account, action, reply))


def _done(work: Work, todo: Todo, receipt: str, how: str, what: str = "answered") -> None:
    _next(work, todo, receipt)
    work.tell(what, action=todo.kind, key=todo.key, id=receipt, how=how)


def _next(work: Work, todo: Todo, receipt: str) -> None:
    """What is done many times over (a customer's messages, the status) needs no receipt: its facts are known once."""
    lasting = not todo.key.startswith(notes.MANY)
    receipts = {**work.link.receipts, todo.key: receipt} if lasting else work.link.receipts
    work.link = replace(work.link, todo=work.link.todo[1:], receipts=receipts)


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
    # Kept with the letter as well: a replay looks before it writes.
    tried = replace(todo, sent=sent, looked=False, tries=todo.tries + 1, first_ms=todo.first_ms or work.app.now_ms())
    if hopeless(work, error, todo.first_ms):
        work.dead(error.reason, f"{todo.kind} {todo.key}", todo=tried)
        _next(work, todo, "buried")
        return
    work.link = replace(work.link, todo=(tried, *work.link.todo[1:]))
    work.hold(Side.HELPDESK, again_in(error, f"the ticket could not be written: {error.reason}", tried.tries))
