"""A conversation that no ticket asked for: its customer's last ticket gets it, or one is opened for it, once.

It is worked under a name of its own (``bridge/unasked.py``), with one write-back: to open the ticket. What it waits for
and what is refused is held, tried again and buried as any write is; meanwhile the conversation stays among the orphans.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from bridge import events, stored, unasked
from bridge.correlate import lane_name
from bridge.domain import OpenTicket, Probe, TicketRef, Unasked
from bridge.errors import CallError, Refused
from bridge.granting import Whose
from bridge.letters import BURIED
from bridge.links import Signal
from bridge.notes import marker
from bridge.owed import Side, Todo
from bridge.protocol import CallClass
from bridge.timeline import entry
from workers import steps
from workers.admit import BEHIND_MS, HeldBackError, admit, admit_next, helpdesk_gate
from workers.perform import perform
from workers.recovery import shaken
from workers.waiting import Wait, hopeless, try_again

if TYPE_CHECKING:
    from bridge.domain import Call
    from workers.work import Work

NO_TICKETS = "this account opens no tickets"

NOBODY = "-"
"""Stands for the ticket that a customer came back to where that takes nothing more."""


async def work_unasked(work: Work) -> None:
    """Work it. Raises LeaseLost, StoreUnavailable. Repeated, it finds what was done and goes on from there."""
    _begin(work)
    if not work.link.todo or work.holding(Side.HELPDESK):
        return
    try:
        await _settle(work, work.link.todo[0])
    except HeldBackError:
        # Its side has its wait by then.
        return


def _begin(work: Work) -> None:
    received = work.next
    if received is None:
        return
    event = received.event
    # A worker that died has left the event, and with the link what it was about to do.
    if isinstance(event, Unasked) and not work.link.todo:
        todo = (Todo(unasked.OPEN, OpenTicket.type, ""),)
        work.link = replace(work.link, bot=event.bot_id, user=event.user_id, name=event.user_name, todo=todo)
    work.consume(len(work.inbox) - work.done)


async def _settle(work: Work, todo: Todo) -> None:
    try:
        found = await _found(work, todo)
        wanted = found is None or (not found and await _still_unasked(work, todo))
    except CallError as error:
        # A look failed: what became of the call before it is as unknown as it was.
        _not_opened(work, todo, error, sent=todo.sent)
        return
    if found:
        work.tell("answered", action=OpenTicket.type, id=found, how="found: an earlier try had arrived")
        await _give(work, found)
    elif wanted:
        await _open(work, work.link.todo[0])


# --- an earlier try --------------------------------------------------------------------------------------------------


async def _found(work: Work, todo: Todo) -> str | None:
    """The ticket that an earlier try has opened, else empty; None where that very try is simply repeated.

    Raises CallError, HeldBackError.
    """
    if not (todo.sent or shaken(work)):
        return ""
    pair, gate = work.pair, helpdesk_gate(work, CallClass.START)
    action = _frozen(todo) or OpenTicket("", "", marker(work.ref, unasked.OPEN), work.link.user)
    call = pair.dialect.find_opened(pair.account, action)
    if call is None:
        return None if todo.sent and todo.text else ""
    await admit(work, gate)
    return await perform(
        work, gate, Probe.type, call, lambda reply: pair.dialect.found_opened(pair.account, action, reply)
    )


def _frozen(todo: Todo) -> OpenTicket | None:
    """What went out, or may have: under the same key nothing else may follow."""
    return stored.read(OpenTicket, orjson.loads(todo.text)) if todo.text else None


# --- whose it is -----------------------------------------------------------------------------------------------------


async def _still_unasked(work: Work, todo: Todo) -> bool:
    """Whether a ticket is to be opened, which is then planned. Else it is somebody's, or waits to be known as that."""
    verdict, other, wake = await _asked(work)
    if verdict == "back":
        verdict, other, wake = await _asked(work, other if await _takes_more(work, todo, other) else NOBODY)
    if verdict in {"busy", "back"}:
        reason = f"another start for the same person: {other}"
        work.waits[Side.JELOU] = Wait(reason, BEHIND_MS, firm=True, behind=work.contact)
        work.tell("waiting", reason=reason, until=work.app.now_ms() + BEHIND_MS)
    elif verdict == "gone":
        _ended(work, f"it belongs to {other} now" if other else "it is not among the orphans any more")
    elif verdict == "given":
        _ended(work, f"its customer came back to {other}")
        await _wake(work, wake)
    else:
        await _plan(work, todo, other)
    return verdict == "open"


async def _asked(work: Work, back_to: str = "") -> tuple[str, str, str]:
    told = entry(work.app.now_ms(), "given", conversation=work.ref.id, reason="its customer came back")
    return await work.app.store.records.unasked(
        str(work.ref), work.pair.project_name, work.ref.id, work.contact, back_to, told
    )


async def _takes_more(work: Work, todo: Todo, ticket: str) -> bool:
    """Whether the customer's last ticket can still be written on: one that was closed for good cannot.

    Raises CallError, HeldBackError.
    """
    ref, bridge = TicketRef.parse(ticket), work.app.bridge
    found = unasked.account_of(ref, bridge)
    if found is None:
        return False
    (kind, name, account), dialect = found, work.app.helpdesks[found[0]]
    call = dialect.fetch(account, ref)
    if call is None:
        return True
    try:
        read = await steps.read(
            work,
            CallClass.START,
            call,
            lambda replies: dialect.fetch_more(account, ref, replies) or dialect.fetched(account, ref, *replies),
            Whose(dialect, account, f"{kind}/{name}"),
        )
    except CallError as error:
        if hopeless(work, error, todo.first_ms):
            return False
        raise
    return read.fields.get("status") != "closed"


async def _plan(work: Work, todo: Todo, earlier: str) -> None:
    if todo.text:
        return
    texts = await work.app.store.records.orphan(work.pair.project_name, work.ref.id)
    told = [events.load(orjson.loads(text)[2]) for text in texts]
    known = TicketRef.parse(earlier).id if earlier else ""
    policy, language = work.pair.project.unasked, work.pair.account.language
    action = unasked.opening(work.ref, work.link, told, policy, language, known)
    work.link = replace(work.link, todo=(replace(todo, text=orjson.dumps(action).decode()),))


# --- its ticket ------------------------------------------------------------------------------------------------------


async def _open(work: Work, todo: Todo) -> None:
    pair, action, first, call = work.pair, _frozen(todo), None, None
    if action:
        first = steps.first_of(work, None, action)
        call = pair.dialect.open_ticket(pair.account, action, todo.key, now_ms=work.app.now_ms())
    if not action or not (call or first):
        _bury(work, replace(todo, text=""), NO_TICKETS)
        return
    try:
        ticket = await _send(work, todo, action, first, call)
    except CallError as error:
        _not_opened(work, todo, error, sent=not error.certain)
    else:
        work.tell("answered", action=OpenTicket.type, id=ticket)
        await _give(work, ticket)


async def _send(work: Work, todo: Todo, action: OpenTicket, first: Call | None, call: Call | None) -> str:
    """Noted before it goes out: whoever takes over looks for the ticket before opening another."""
    pair = work.pair
    gate = helpdesk_gate(work, CallClass.START)
    link = replace(work.link, todo=(replace(todo, sent=True),))
    await admit(work, gate, link, sending={"action": OpenTicket.type, "key": todo.key})
    if first:
        ready = await steps.prepared(work, gate, None, action, first)
        call = pair.dialect.open_ticket(pair.account, ready, todo.key, now_ms=work.app.now_ms())
    if call is None:
        raise Refused(NO_TICKETS)
    if first:
        await admit_next(work, gate)
    return await perform(work, gate, OpenTicket.type, call, lambda reply: pair.dialect.opened(pair.account, reply))


async def _give(work: Work, ticket_id: str) -> None:
    kind, _, name = work.account.partition("/")
    ref, project = TicketRef(kind, name, ticket_id), work.pair.project_name
    told = entry(work.app.now_ms(), "given", conversation=work.ref.id, reason="it was opened for it")
    verdict, wake = await work.app.store.records.give_orphan(
        project, work.ref.id, str(ref), lane_name(ref, project), told
    )
    work.link = replace(work.link, receipts={**work.link.receipts, unasked.OPEN: ticket_id})
    _ended(work, f"{ref} was opened for it" + ("" if verdict == "done" else ", and meanwhile it found another"))
    await _wake(work, wake)


def _ended(work: Work, reason: str) -> None:
    work.link = replace(work.link, todo=(), holds={})
    work.move(Signal.IGNORE, reason=reason)


async def _wake(work: Work, lane: str) -> None:
    if lane:
        await work.app.queue.wake(lane)


# --- what was not opened ---------------------------------------------------------------------------------------------


def _not_opened(work: Work, todo: Todo, error: CallError, *, sent: bool) -> None:
    what, known = ("unanswered", "that the call went out, not what became of it") if sent else ("refused", "")
    work.tell(what, action=OpenTicket.type, key=todo.key, reason=error.reason, known=known)
    first_ms = todo.first_ms or work.app.now_ms()
    # What certainly opened nothing is planned anew: a repaired group or template counts.
    tried = replace(todo, text=todo.text if sent else "", sent=sent, tries=todo.tries + 1, first_ms=first_ms)
    if hopeless(work, error, todo.first_ms):
        _bury(work, tried, error.reason)
        return
    work.link = replace(work.link, todo=(tried,))
    try_again(work, Side.HELPDESK, error, f"the ticket could not be opened: {error.reason}", tried.tries)


def _bury(work: Work, todo: Todo, reason: str) -> None:
    """The conversation stays among the orphans, for a person to claim; or the letter is replayed."""
    work.dead(reason, OpenTicket.type, todo=todo)
    work.link = replace(work.link, todo=(), receipts={**work.link.receipts, unasked.OPEN: BURIED})
