"""Write back: notes and fields on the ticket, each once, in order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import translate
from bridge.domain import Probe
from bridge.errors import CallError
from workers.admit import admit, helpdesk_gate
from workers.forward import again_later, hopeless
from workers.perform import perform
from workers.recovery import shaken

if TYPE_CHECKING:
    from bridge.domain import Call, WriteBack
    from bridge.links import Todo
    from workers.work import Work


async def write_next(work: Work) -> None:
    """Perform the first write-back that is not done."""
    todo, pair = work.link.todo[0], work.pair
    action = translate.write_back(work.ref, todo)
    call = pair.dialect.call(pair.account, work.ref, action, todo.key, now_ms=work.app.now_ms())
    if call is None:
        _done(work, todo, "", "this account takes no such write", "skipped")
        return
    try:
        if (todo.sent or shaken(work)) and await _arrived(work, action):
            _done(work, todo, "", "found: an earlier try had arrived")
            return
    except CallError as error:
        # The look failed, not the write: that one's fate is as unknown as before.
        _not_written(work, todo, error, sent=True)
        return
    try:
        receipt = await _write(work, todo, action, call)
    except CallError as error:
        _not_written(work, todo, error, sent=not error.certain)
    else:
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


async def _write(work: Work, todo: Todo, action: WriteBack, call: Call) -> str:
    """A write that is not idempotent is noted before it goes out: whoever takes over looks before repeating."""
    pair, gate = work.pair, helpdesk_gate(work, writes=True)
    sent = replace(todo, sent=todo.sent or call.once)
    link = replace(work.link, todo=(sent, *work.link.todo[1:]))
    await admit(work, gate, link, sending={"action": todo.kind, "key": todo.key})
    return await perform(work, gate, action.type, call, lambda reply: pair.dialect.receipt(pair.account, action, reply))


def _done(work: Work, todo: Todo, receipt: str, how: str, what: str = "answered") -> None:
    _next(work, todo, receipt)
    work.tell(what, action=todo.kind, key=todo.key, id=receipt, how=how)


def _next(work: Work, todo: Todo, receipt: str) -> None:
    receipts = {**work.link.receipts, todo.key: receipt}
    work.link = replace(work.link, todo=work.link.todo[1:], receipts=receipts, tries=0, first_try_ms=0)


def _not_written(work: Work, todo: Todo, error: CallError, *, sent: bool) -> None:
    what, known = ("refused", "") if error.certain else ("unanswered", "that the call went out, not what became of it")
    work.tell(what, action=todo.kind, key=todo.key, reason=error.reason, known=known)
    # Kept with the letter as well: a replay looks before it writes.
    tried = replace(todo, sent=sent)
    if hopeless(work, error):
        work.dead(error.reason, f"{todo.kind} {todo.key}", todo=tried)
        _next(work, todo, "buried")
        return
    work.link = replace(work.link, todo=(tried, *work.link.todo[1:]))
    again_later(work, error, f"the ticket could not be written: {error.reason}")
