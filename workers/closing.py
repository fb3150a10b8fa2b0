"""The end of a conversation, from either side, and what comes after it: the close package, the customer who is back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from bridge import jelou_send, notes, package
from bridge.domain import (
    AddNote,
    CloseConversation,
    ConversationStarted,
    CustomerWrote,
    Phase,
    TicketReopened,
    TicketSolved,
)
from bridge.errors import AlreadyClosed, Ambiguous, CallError
from bridge.helpdesks.labels import ENDED
from bridge.letters import REQUESTER_CHANGED
from bridge.links import LIVE, SOLVED, Signal
from bridge.owed import Side, Todo
from bridge.protocol import CallClass, StartLimits
from workers.admit import HeldBackError, admit, jelou_gate
from workers.perform import perform
from workers.reading import conversation_now, read_again_later, ticket_now
from workers.recovery import asked_ms, remember_end, since_loss
from workers.waiting import hopeless, try_again

if TYPE_CHECKING:
    from bridge.owed import Ending
    from workers.work import Work

CLOSED = "closed"
"""Jelou's word for a conversation that is over."""

LOOK_HOLDS_MS = 30_000
"""How long it is taken for true that a conversation is active. A close of its own has an event that tells it."""

UNHURRIED = 9
"""So many tries the question waits for that nothing else waits for: the longest backoff from its first failure on."""


# --- ending it because the ticket is solved --------------------------------------------------------------------------


async def end_conversation(work: Work) -> bool:
    """End the conversation once all is said, after a look whether it is still ours to end. False: nothing to do now."""
    ending = work.link.ending
    if ending is None or work.link.phase not in LIVE or work.link.says or work.holding(Side.JELOU):
        return False
    if ending.reason != REQUESTER_CHANGED and not _fresh(work, ending.read_ms):
        return await _still_solved(work, ending)
    try:
        # A close names bot and user only: late, it would hit a newer conversation of theirs.
        if await _is_over(work, ending):
            ended(work, "it had ended at Jelou already")
        else:
            await _close(work, ending)
    except HeldBackError as held:
        if held.verdict != "shared":
            raise
        _left_open(work, held.detail)
    except AlreadyClosed:
        ended(work, "it had ended at Jelou already")
    except CallError as error:
        _not_closed(work, ending, error)
    return True


def solved_behind(work: Work) -> bool | None:
    """Whether the ticket was solved by what came and is not worked yet; None where nothing of the kind came."""
    behind = (one.event for one in work.inbox[work.done :])
    changes = [isinstance(event, TicketSolved) for event in behind if isinstance(event, TicketSolved | TicketReopened)]
    return changes[-1] if changes else None


def _fresh(work: Work, at_ms: int) -> bool:
    """Whether an answer of then is still taken for true: a young one, and none that a loss may have brought back."""
    return work.app.now_ms() - at_ms < LOOK_HOLDS_MS and since_loss(work, at_ms)


async def _still_solved(work: Work, ending: Ending) -> bool:
    """Whether the end is asked for as before is long known, or known from before a loss: the ticket is read again."""
    if work.holding(Side.HELPDESK):
        return False
    try:
        ticket = await ticket_now(work)
    except CallError as error:
        if read_again_later(work, error, f"the ticket could not be read: {error.reason}"):
            return True
        ticket = None  # it is gone: that ends its conversation as well
    if ticket and ticket.fields.get("status") not in ENDED:
        work.tell("ignored", event=TicketSolved.type, reason="the ticket is not solved any more")
        work.link = replace(work.link, ending=None)
    else:
        work.link = replace(work.link, ending=replace(ending, read_ms=asked_ms(work)))
    return True


async def _is_over(work: Work, ending: Ending) -> bool:
    """The answer is kept for a while: where calls are few, a look takes the place of the close that is to follow it."""
    if _fresh(work, ending.looked_ms):
        return False
    if await conversation_now(work) == CLOSED:
        return True
    work.link = replace(work.link, ending=replace(ending, looked_ms=asked_ms(work)))
    return False


async def _close(work: Work, ending: Ending) -> None:
    # The look before it was its turn.
    link, gate = work.link, jelou_gate(work, CallClass.BEGUN)
    # One that went out may have worked: whoever comes after it looks again.
    out = replace(link, ending=replace(ending, looked_ms=0), closing=True)
    action = CloseConversation(link.bot, link.to, ending.goodbye)
    limits = StartLimits(account="", contact=work.contact, also=work.also, cap=0, count=False, alone=True)
    await admit(work, gate, out, start=limits, sending={"action": action.type, "conversation": link.conversation})
    remember_end(work)
    call = jelou_send.close_call(work.pair.project, action)
    await perform(work, gate, action.type, call, jelou_send.closed)
    work.tell("answered", action=action.type, conversation=link.conversation)
    if ending.goodbye:
        transcribe(work, work.app.now_ms(), "agent", ending.goodbye)
    ended(work, ending.reason, outcome=SOLVED)


def _left_open(work: Work, other: str) -> None:
    """A close would hit the other ticket's conversation with this person: it is left to that one's end."""
    work.tell("left open", shared_with=other)
    work.add(notes.told(work.link, "left-open", work.pair.account, "left_open", ticket=other.rpartition("/")[2]))
    ended(work, f"left open: ticket {other} has a conversation with the same person")


def _not_closed(work: Work, ending: Ending, error: CallError) -> None:
    known = "" if error.certain else "that the call went out, not what became of it"
    work.tell(
        "refused" if error.certain else "unanswered", action=CloseConversation.type, reason=error.reason, known=known
    )
    tries, first = ending.tries + 1, ending.first_ms or work.app.now_ms()
    # Of two tries the one before may have worked.
    work.link = replace(work.link, closing=work.link.closing and not (error.certain and ending.tries == 0))
    if not isinstance(error, Ambiguous) and hopeless(work, error, first):
        work.dead(error.reason, CloseConversation.type)
        why = notes.reason(work.pair.account.language, error)
        work.add(notes.told(work.link, "not-closed", work.pair.account, "not_closed", reason=why))
        work.link = replace(work.link, ending=None)
        return
    # An unanswered close may have worked: the look before the next try tells.
    work.link = replace(work.link, ending=replace(ending, tries=tries, first_ms=first, looked_ms=0))
    try_again(work, Side.JELOU, error, f"the conversation could not be closed: {error.reason}", tries)


def ended(work: Work, reason: str, *, outcome: str = "", by_jelou: bool = False, at_ms: int = 0) -> bool:
    """The conversation is over; False where it was already. Its package follows when all before it is written.

    ``by_jelou``: then the ticket is over as well, unless its own end was on the way to Jelou. ``at_ms`` is when it
    ended, 0 where that is not known: before a loss it may have been our doing.
    """
    asked = work.link.ending is not None or work.link.closing
    if not work.move(Signal.CLOSE_SEEN, reason=reason):
        return False
    account, now = work.pair.account, work.app.now_ms()
    work.link = replace(work.link, closed_ms=now, outcome=outcome, ending=None, window="", packaged=False, look=False)
    status = account.write_back.closed_status
    if asked:
        remember_end(work)
    elif by_jelou and status:
        work.add(notes.closed_status(work.link, status, doubted=not since_loss(work, at_ms)))
    return True


async def look(work: Work) -> bool:
    """Whether the conversation is still open, where somebody doubts it: its close event may never have come."""
    if not work.link.look or work.link.phase not in LIVE or work.holding(Side.JELOU):
        return False
    # A reopened ticket waits for it, or a solved one; else nobody does.
    waited_for = work.link.closing or work.link.ending
    try:
        if await conversation_now(work, CallClass.LIVE if waited_for else CallClass.QUIET) == CLOSED:
            why = work.link.outcome or "it had ended at Jelou, and no event said so"
            ended(work, why, outcome=work.link.outcome, by_jelou=True)
        else:
            work.link = replace(work.link, look=False, closing=False, outcome="")
    except CallError as error:
        _not_looked(work, error)
    return True


def _not_looked(work: Work, error: CallError) -> None:
    """Asked again until there is an answer, or a refusal that will not change."""
    work.tell("refused", action="get.conversation", reason=error.reason)
    if error.certain and not error.again:
        work.link = replace(work.link, look=False, closing=False)
        return
    tries = 1 if work.link.closing or work.link.ending else UNHURRIED
    reason = f"the conversation could not be asked for: {error.reason}"
    try_again(work, Side.JELOU, error, reason, tries, counted=False)


# --- the close package -----------------------------------------------------------------------------------------------


def transcribe(work: Work, at_ms: int, who: str, text: str) -> None:
    """A line for the transcript, where there is to be one."""
    to = work.pair.account.write_back
    if to.package and to.note:
        work.said.append(orjson.dumps({"at_ms": at_ms, "who": who, "text": text}).decode())


async def package_up(work: Work) -> bool:
    """The one note at the end, when nothing is left to be worked before it. False where there is none to write."""
    if work.next is not None or work.claimed.left or work.link.says:
        return False
    return await packaged(work)


async def packaged(work: Work) -> bool:
    """The same whatever else is left: what comes next may begin another conversation, whose words are another's."""
    link, account = work.link, work.pair.account
    if link.packaged or link.phase is not Phase.CLOSED:
        return False
    if account.write_back.package and account.write_back.note:
        lines = [*await work.app.store.transcript(work.claimed.ticket), *(one.encode() for one in work.said)]
        text = package.close_package(
            [package.Entry.load(one) for one in lines],
            account.language,
            outcome=link.outcome,
            assignment=link.assignment,
            started_ms=link.opened_ms,
            ended_ms=link.closed_ms,
        )
        work.add((Todo(f"{link.episode}{notes.PACKAGE}", AddNote.type, text),))
        work.transcribed = True
    work.link = replace(work.link, packaged=True)
    return True


# --- the customer who is back ----------------------------------------------------------------------------------------


def come_back(work: Work, event: ConversationStarted | CustomerWrote) -> None:
    """A conversation that no ticket asked for was given to this one: it is the ticket's next episode, and open.

    Nothing where the ticket has a conversation, or knows this one.
    """
    link, conversation = work.link, event.conversation_id
    known = conversation in {"", link.conversation, *link.extra} or link.knew(conversation)
    if known or link.phase in LIVE or (link.phase is Phase.NEW and link.start is not None):
        return
    if link.phase is Phase.CLOSED:
        work.next_episode()
        if work.pair.account.write_back.closed_status:
            work.add(notes.back_status(work.link))
    begin(work, event)


def begin(work: Work, event: ConversationStarted | CustomerWrote) -> None:
    """The link's conversation is this one, and open."""
    customer = work.link.with_customer(event.user_id)
    changes: dict[str, Any] = {
        "conversation": event.conversation_id,
        "room": event.room_id or work.link.room,
        "bot": event.bot_id or work.link.bot,
        "user": customer.user,
        "contact_id": customer.contact_id,
        "name": event.user_name or work.link.name,
        "assignment": getattr(event, "assignment", None) or work.link.assignment,
        "confirmed": True,
        "opened_ms": event.at_ms or work.app.now_ms(),
    }
    work.named = (*work.named, event.conversation_id)
    if work.move(Signal.START_SEEN, **changes):
        work.add(notes.opened(work.link, work.pair.account, work.pair.project))
