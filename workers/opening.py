"""A ticket that was opened, or reopened: by the rules it becomes a start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge import notes, translate
from bridge.domain import Phase, Ticket, TicketOpened, TicketReopened
from bridge.errors import CallError, Unstartable
from bridge.helpdesks.labels import ENDED
from bridge.links import LIVE, SOLVED, Signal
from bridge.notes import NOBODY
from bridge.owed import Side
from bridge.protocol import CallClass
from bridge.requesters import Change, changed, id_of, identity
from bridge.routing import start_rule
from bridge.snapshots import Snapshot
from workers.closing import packaged, solved_behind
from workers.forward import fail, start_now
from workers.reading import meet, read_again_later, ticket_now
from workers.recovery import asked_ms, settled_before, shaken, since_loss
from workers.speaking import too_late

if TYPE_CHECKING:
    from bridge.domain import StartConversation
    from workers.work import Work


async def opened(work: Work, event: TicketOpened, at_ms: int) -> None:
    """Rules first, on what the webhook told; what it did not tell is fetched."""
    if work.link.phase is not Phase.NEW and not _forgotten(work):
        _ignored(work, event, f"the ticket is {work.link.phase.value} already")
        return
    if work.holding(Side.HELPDESK) or (work.holding(Side.JELOU) and not _forgotten(work)):
        return
    try:
        ticket = await _whole(work, event)
        if _ended_before(work, ticket, read=ticket is not event.ticket):
            _not_begun(work, event)
            return
        rule, why_not = start_rule(work.pair.account, ticket, at_ms)
        why_not = "the bridge opened this ticket itself" if ticket.by_bridge else why_not
        if why_not:
            _ignored(work, event, why_not)
            work.move(Signal.IGNORE, reason=why_not)
            return
        await _started(
            work, translate.start_conversation(work.ref, ticket, work.pair.account, work.pair.project, 1), rule
        )
    except Unstartable as error:
        fail(work, Signal.FAIL, str(error), covered=1, said=notes.reason(work.pair.account.language, error))
    except CallError as error:
        _not_read(work, error)


ENDED_BEFORE = "the ticket was solved before its conversation began"


def _ended_before(work: Work, ticket: Ticket, *, read: bool) -> bool:
    """Whether nobody waits for the start any more: by the ticket as it was read, else by what came behind it."""
    status = ticket.fields.get("status")
    behind = None if read and status else solved_behind(work)
    return status in ENDED if behind is None else behind


def _not_begun(work: Work, event: TicketOpened) -> None:
    """It stays new: reopened, its first conversation begins."""
    _ignored(work, event, ENDED_BEFORE)
    work.link = replace(work.link, reason=ENDED_BEFORE, start_wait="")


async def _whole(work: Work, event: TicketOpened) -> Ticket:
    found = await _to_start(work) if event.ticket.partial else None
    if found is None:
        meet(work, event.ticket)
    return found or event.ticket


async def _to_start(work: Work) -> Ticket | None:
    """The ticket as it was read while this start waited, else as it is now; None where the helpdesk has no such call.

    Raises CallError, HeldBackError.
    """
    kept = work.snapshot
    if kept and kept.fresh(work.app.now_ms(), work.claimed.changes) and since_loss(work, kept.read_ms):
        return kept.ticket
    ticket = await ticket_now(work, CallClass.START)
    work.snapshot = Snapshot(ticket, asked_ms(work), work.claimed.changes) if ticket else None
    return ticket


def _forgotten(work: Work) -> bool:
    """Whether a start is unknown, and Redis has lost what it was to be: what asked for it tells that again."""
    return work.link.phase in {Phase.UNKNOWN, Phase.PARKED} and work.link.start is None


async def _started(work: Work, start: StartConversation, rule: str) -> None:
    if _forgotten(work):
        work.link = replace(work.link, start=start)
        work.tell("looked", reason="the start that is unknown was for this")
        work.consume()
        return
    work.person = start.user_id
    if not (shaken(work) and await settled_before(work, start)):
        await start_now(work, start, started_by=rule, covered=1)


def _not_read(work: Work, error: CallError) -> None:
    """Reading is safe to repeat, so only an answer that will not change ends it."""
    reason = f"the ticket could not be read: {error.reason}"
    if not read_again_later(work, error, reason):
        fail(work, Signal.FAIL, reason, covered=1)


def _ignored(work: Work, event: TicketOpened | TicketReopened, reason: str) -> None:
    work.tell("ignored", event=event.type, reason=reason)
    work.consume()


async def reopened(work: Work, event: TicketReopened) -> None:
    """The next episode begins; one that was still to be ended goes on."""
    if work.link.ending and not event.guessed:
        work.link = replace(work.link, ending=None)
    if work.link.closing and work.link.phase in LIVE and not event.guessed:
        # A close that is out may have worked: Jelou is asked first.
        work.link = replace(work.link, look=True)
        return
    if work.link.phase is Phase.NEW and work.link.reason == ENDED_BEFORE and not work.link.past:
        first = TicketOpened(work.ref, event.fact, Ticket(work.ref, {"id": work.ref.id}, partial=True))
        await opened(work, first, work.next.at_ms if work.next else 0)
        return
    reason = _not_again(work, event)
    if reason:
        _ignored(work, event, reason)
        return
    if work.holding(Side.HELPDESK) or (work.holding(Side.JELOU) and not _forgotten(work)):
        return
    try:
        ticket = await _to_start(work)
    except CallError as error:
        _reopened_unread(work, event, error)
        return
    if ticket and ticket.fields.get("status") in ENDED:
        _ignored(work, event, "the ticket is solved again")
        return
    await _next_episode(work, ticket)


def _not_again(work: Work, event: TicketReopened) -> str:
    if work.link.phase in LIVE:
        return "its conversation goes on"
    if work.link.phase is Phase.NEW and work.link.past:
        return ""  # this episode has begun, and its start had to wait
    if _forgotten(work) and work.link.past:
        return ""
    if work.link.phase is not Phase.CLOSED:
        return f"the ticket is {work.link.phase.value}"
    if event.guessed and not _was_solved(work):
        # Each change of an open ticket would begin a conversation anew, our own note on its end included.
        return "the ticket was not solved before"
    return "" if work.pair.account.reopen.ticket == "start" else "the account starts nothing for a reopened ticket"


def _was_solved(work: Work) -> bool:
    """Whether the conversation was ended because the ticket was solved, or the ticket solved because it had ended."""
    link = work.link
    by_bridge = work.pair.account.write_back.closed_status == SOLVED and notes.closed_key(link) in link.receipts
    return link.outcome == SOLVED or by_bridge


def _reopened_unread(work: Work, event: TicketReopened, error: CallError) -> None:
    reason = f"the ticket could not be read: {error.reason}"
    if not read_again_later(work, error, reason):
        work.dead(reason, event.type, event=work.next_raw)
        work.consume()


def _for_whom(work: Work, ticket: Ticket) -> None:
    """A ticket that was given to another person meanwhile begins its next conversation with them."""
    link, requester = work.link, ticket.fields.get("requester") or {}
    now, user = identity(requester), translate.person(work.pair.account.user_id, ticket)
    if changed(link.asked_by, (link.user, link.contact_id), now, user) is Change.OTHER:
        name = str(requester.get("name") or "")
        new: dict[str, Any] = {
            "user": "",
            "contact_id": "",
            "room": "",
            "name": name,
            "requester": id_of(now) or NOBODY,
            "asked_by": now,
        }
        work.link = replace(link, **new, other_requester="")


async def _over(work: Work) -> None:
    """What the conversation before still owes the ticket: the next one begins with nothing of it."""
    if work.link.says:
        too_late(work)
    await packaged(work)


async def _next_episode(work: Work, ticket: Ticket | None) -> None:
    if work.link.phase is Phase.CLOSED:
        await _over(work)
        work.next_episode()
    pair = work.pair
    if ticket:
        _for_whom(work, ticket)
    try:
        start = translate.next_start(work.ref, ticket, work.link, pair.account, pair.project)
    except Unstartable as error:
        fail(work, Signal.FAIL, str(error), covered=1, said=notes.reason(work.pair.account.language, error))
        return
    try:
        await _started(work, start, "reopened")
    except CallError as error:
        _not_read(work, error)
