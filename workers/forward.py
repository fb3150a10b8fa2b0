"""Forward: a ticket's events, in order, become a start at Jelou."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import correlate, jelou, translate
from bridge.domain import Fetch, Phase, StartAnswered, StartConversation, StartSent, TicketOpened
from bridge.errors import Ambiguous, CallError, Denied, Unstartable
from bridge.jelou_answers import AlreadyActive
from bridge.letters import PARKED
from bridge.links import Signal
from bridge.protocol import StartLimits
from bridge.routing import start_rule
from bridge.timeline import masked
from workers.admit import admit, helpdesk_gate, jelou_gate
from workers.evidence import SETTLED, open_unconfirmed
from workers.perform import perform
from workers.recovery import remember, settled_before, shaken
from workers.waiting import DENIED_S, Wait, backoff_s

if TYPE_CHECKING:
    from bridge.domain import Ticket
    from bridge.events import Received
    from bridge.links import Link
    from bridge.protocol import Gate
    from workers.work import Work


async def work_event(work: Work, received: Received) -> None:
    """Work the event at the head of the inbox, or say why it asks for nothing."""
    event = received.event
    reason = _nothing_to_do(work, received)
    if reason:
        work.tell("ignored", event=event.type, reason=reason)
        work.consume()
    elif isinstance(event, TicketOpened):
        await _opened(work, event, received.at_ms)


def _nothing_to_do(work: Work, received: Received) -> str:
    event = received.event
    if not isinstance(event, TicketOpened):
        return "the bridge starts conversations; this event asks for nothing"
    if work.link.phase is not Phase.NEW:
        return f"the ticket is {work.link.phase.value} already"
    return ""


async def _opened(work: Work, event: TicketOpened, at_ms: int) -> None:
    """Rules first, on what the webhook told; what it did not tell is fetched."""
    try:
        ticket = await _whole(work, event)
        rule, why_not = start_rule(work.pair.account, ticket, at_ms)
        if why_not:
            work.tell("ignored", event=event.type, reason=why_not)
            work.move(Signal.IGNORE, reason=why_not)
            work.consume()
            return
        start = translate.start_conversation(work.ref, ticket, work.pair.account, work.pair.project, 1)
        work.person = start.user_id
        if shaken(work) and await settled_before(work, start):
            return
    except Unstartable as error:
        _fail(work, Signal.FAIL, str(error), covered=1)
    except CallError as error:
        _fetch_failed(work, error)
    else:
        await start_now(work, start, started_by=rule, covered=1)


async def _whole(work: Work, event: TicketOpened) -> Ticket:
    if not event.ticket.partial:
        return event.ticket
    pair = work.pair
    call = pair.dialect.fetch(pair.account, work.ref)
    if call is None:
        return event.ticket
    gate = helpdesk_gate(work)
    await admit(work, gate)
    ticket = await perform(
        work, gate, Fetch.type, call, lambda reply: pair.dialect.fetched(pair.account, work.ref, reply)
    )
    work.tell("fetched")
    return ticket


def _fetch_failed(work: Work, error: CallError) -> None:
    """Reading is safe to repeat, so only an answer that will not change ends it."""
    reason = f"the ticket could not be read: {error.reason}"
    if hopeless(work, error):
        _fail(work, Signal.FAIL, reason, covered=1)
    else:
        again_later(work, error, reason)


async def start_again(work: Work) -> None:
    """The frozen start once more, after an unknown was given up waiting for."""
    frozen = work.link.start
    if frozen is not None:
        start = translate.again(frozen, work.ref, work.link.episode, work.link.attempt + 1)
        await start_now(work, start, started_by="", covered=0)


async def start_now(work: Work, start: StartConversation, *, started_by: str, covered: int) -> None:
    """Mark, call, and note what came of it."""
    link = _starting(work, start, covered)
    sending = {
        "action": start.type,
        "attempt": link.attempt,
        "user": masked(start.user_id),
        "start_rule": started_by,
        "assignment": translate.in_words(start.assignment),
        "assignment_rule": start.rule,
    }
    gate = jelou_gate(work)
    work.known = _certainly(work, "the call had not gone out")
    await admit(work, gate, link, start=_limits(work, start, link), sending=sending)
    remember(work, StartSent(work.claimed.token, link.attempt, link.bot, link.user))
    await _call(work, gate, start)


def _starting(work: Work, start: StartConversation, covered: int) -> Link:
    """The link as it is while the call is out: whoever takes over from a dead worker finds this."""
    return work.link.moved(
        Signal.MARKED,
        attempt=work.link.attempt + 1,
        start=start,
        covered=covered,
        claim=work.claimed.token,
        bot=start.bot_id,
        user=start.user_id,
        rule=start.rule,
        assignment=start.assignment,
        since_ms=work.app.now_ms(),
        first_try_ms=work.link.first_try_ms or work.app.now_ms(),
    )


def _limits(work: Work, start: StartConversation, link: Link) -> StartLimits:
    """A retry of an unknown start is not counted again."""
    return StartLimits(
        account=work.account,
        contact=correlate.contact_key(work.pair.project_name, start.bot_id, start.user_id),
        cap=work.pair.account.starts_per_hour,
        count=link.attempt == 1,
        evidence=len(work.evidence),
    )


async def _call(work: Work, gate: Gate, start: StartConversation) -> None:
    project, work.known = work.pair.project, None
    try:
        conversation = await perform(work, gate, start.type, jelou.start_call(project, start), jelou.started_id)
    except CallError as error:
        _not_started(work, start, error)
        return
    link = work.link
    work.known = StartAnswered(work.claimed.token, conversation, "", link.attempt, link.bot, link.user)
    remember(work, work.known)
    work.consume(work.link.covered)
    work.tell("answered", action=start.type, conversation=conversation, ms=work.actions[-1]["ms"])
    work.named = (*work.named, conversation)
    work.move(Signal.ANSWERED, conversation=conversation, since_ms=work.app.now_ms(), **SETTLED)


def _certainly(work: Work, reason: str) -> StartAnswered:
    return StartAnswered(work.claimed.token, "", reason)


def _not_started(work: Work, start: StartConversation, error: CallError) -> None:
    work.known = _certainly(work, error.reason) if error.certain else None
    known = "" if error.certain else "that the call went out, not whether Jelou started a conversation"
    work.tell("refused" if error.certain else "unanswered", action=start.type, reason=error.reason, known=known)
    if isinstance(error, Ambiguous):
        _now_unknown(work, error.reason)
    elif isinstance(error, AlreadyActive) and work.link.attempt > 1:
        earlier = work.link.reason
        _now_unknown(work, error.reason)
        park(work, f"{earlier}; then {error.reason}: an earlier try probably worked, but its event has not come")
    elif hopeless(work, error):
        # Certainly no try that worked: "already active" after a replay would not be evidence of it.
        work.link = replace(work.link, attempt=work.link.attempt - 1)
        _fail(work, Signal.REFUSED, error.reason, covered=work.link.covered)
        work.app.store.no_testimony(work.claimed.ticket)
    else:
        _nothing_happened(work, error)


def _now_unknown(work: Work, reason: str) -> None:
    work.consume(work.link.covered)
    work.move(Signal.UNANSWERED, covered=0, reason=reason, since_ms=work.app.now_ms())


def _nothing_happened(work: Work, error: CallError) -> None:
    """Certainly not sent: the plan thaws, so that a repaired rule or phone number counts at the next try."""
    work.app.store.no_testimony(work.claimed.ticket)
    thawed = None if work.link.covered else work.link.start
    work.move(Signal.NOTHING_HAPPENED, attempt=work.link.attempt - 1, start=thawed, covered=0, reason=error.reason)
    work.uncount = work.account if work.link.attempt == 0 else ""
    again_later(work, error, error.reason)


def again_later(work: Work, error: CallError, reason: str) -> None:
    """Wait as the error asks, else longer each time."""
    first = work.link.first_try_ms or work.app.now_ms()
    work.link = replace(work.link, tries=work.link.tries + 1, first_try_ms=first)
    asked_s = error.retry_after_s or (DENIED_S if isinstance(error, Denied) else 0)
    wait_s = asked_s or backoff_s(work.link.tries)
    work.hold(Wait(reason, int(wait_s * 1000), firm=bool(error.retry_after_s)))


def hopeless(work: Work, error: CallError) -> bool:
    """Whether to give up: the answer will not change, or the account's horizon has passed.

    Nothing is ever given up for a refused credential: that is repaired by a person, not by the ticket.
    """
    if isinstance(error, Denied):
        return False
    return _overdue(work) or (error.certain and not error.again)


def _overdue(work: Work) -> bool:
    first = work.link.first_try_ms
    return bool(first) and work.app.now_ms() - first > work.pair.account.horizon_s * 1000


def _fail(work: Work, signal: Signal, reason: str, *, covered: int) -> None:
    """Give the start up. A replay works the event again where it is at hand, else repeats the frozen start."""
    event = work.next_raw if covered else b""
    work.consume(covered)
    start = None if event else work.link.start
    work.move(signal, reason=reason, start=start, covered=0, tries=0, first_try_ms=0)
    work.dead(reason, StartConversation.type, event=event)
    text = f"No conversation was started in Jelou: {reason}."
    work.add(translate.told(work.link, "failed", text, work.pair.account))


def settle_unknown(work: Work) -> None:
    """Wait for the event that settles it; when that time is over, do as the account's policy says."""
    policy = work.pair.account.unknown_start
    due_in_ms = work.link.since_ms + int(policy.wait_s * 1000) - work.app.now_ms()
    if due_in_ms > 0:
        work.hold(Wait(f"Jelou's start event may settle it: {work.link.reason}", due_in_ms, firm=True))
        return
    facts = f"a start call has no answer ({work.link.reason}), and no start event came in {policy.wait_s:g} s"
    if policy.then == "retry" and not _overdue(work):
        work.move(Signal.TRY_AGAIN, reason=f"{facts}; the account's policy is to try again")
    else:
        park(work, facts)


def park(work: Work, reason: str) -> None:
    """A person decides, with what is known and what is not; evidence that comes later still counts."""
    work.move(Signal.PARK, reason=reason, tries=0, first_try_ms=0)
    work.letter(reason, PARKED)
    text = f"It is not known whether a conversation was started in Jelou. {reason[:1].upper()}{reason[1:]}."
    work.add(translate.told(work.link, "parked", text, work.pair.account))


async def settle_started(work: Work) -> None:
    """Started, and its event has not come: wait a while, then ask Jelou for what it would have told, and go on."""
    due_in_ms = work.link.since_ms + int(work.pair.account.confirm_wait_s * 1000) - work.app.now_ms()
    if due_in_ms > 0:
        work.hold(Wait("Jelou's start event", due_in_ms))
        return
    call, gate = jelou.get_call(work.pair.project, work.link.conversation), jelou_gate(work)
    await admit(work, gate)
    try:
        work.link = replace(work.link, room=await perform(work, gate, "get.conversation", call, jelou.room_id))
        work.tell("answered", action="get.conversation")
    except CallError as error:
        # The note does not hang on the room.
        work.tell("refused", action="get.conversation", reason=error.reason)
    open_unconfirmed(work)
