"""Forward: the start of a conversation, its tries, and what becomes of one whose fate is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import correlate, jelou, notes, translate, wording
from bridge import quiet as quiet_hours
from bridge.domain import Phase, StartAnswered, StartConversation, StartSent
from bridge.errors import Ambiguous, CallError
from bridge.jelou_answers import AlreadyActive
from bridge.letters import PARKED
from bridge.links import Signal
from bridge.owed import Side
from bridge.protocol import CallClass, StartLimits
from bridge.start_waits import Cause
from bridge.timeline import masked
from workers.admit import admit, jelou_gate
from workers.closing import solved_behind
from workers.evidence import SETTLED, open_unconfirmed
from workers.perform import perform
from workers.reading import conversation_now
from workers.recovery import remember
from workers.waiting import Wait, hopeless, overdue, try_again

if TYPE_CHECKING:
    from bridge.links import Link
    from bridge.protocol import Gate
    from workers.work import Work


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
        "assignment": wording.in_words("en", start.assignment),
        "assignment_rule": start.rule,
    }
    if quiet(work):
        return
    gate = jelou_gate(work, CallClass.SETTLE if link.attempt > 1 else CallClass.START)
    work.known = _certainly(work, "the call had not gone out")
    await admit(work, gate, link, start=_limits(work, start, link), sending=sending)
    remember(work, StartSent(work.claimed.token, link.attempt, link.bot, link.user, link.episode))
    await _call(work, gate, start)


def quiet(work: Work) -> bool:
    """Whether the customer is not to be woken now; then the start waits for the morning."""
    hours = work.pair.account.quiet_hours
    ends_ms = quiet_hours.ends_ms(hours, work.app.now_ms()) if hours else 0
    if ends_ms:
        work.hold(Side.JELOU, _until(ends_ms - work.app.now_ms()))
    return bool(ends_ms)


def _until(due_in_ms: int) -> Wait:
    return Wait("the account's quiet hours", due_in_ms, firm=True, cause=Cause.QUIET)


def _starting(work: Work, start: StartConversation, covered: int) -> Link:
    """The link as it is while the call is out: whoever takes over from a dead worker finds this."""
    return work.link.moved(
        Signal.MARKED,
        attempt=work.link.attempt + 1,
        start=start,
        covered=covered,
        claim=work.claimed.token,
        bot=start.bot_id,
        user=work.link.user if start.user_id == work.link.contact_id else start.user_id,
        rule=start.rule,
        assignment=start.assignment,
        since_ms=work.app.now_ms(),
        first_try_ms=work.link.first_try_ms or work.app.now_ms(),
    )


def _limits(work: Work, start: StartConversation, link: Link) -> StartLimits:
    """A retry of an unknown start is not counted again."""
    contact = correlate.contact_key(work.pair.project_name, start.bot_id, start.user_id)
    return StartLimits(
        account=work.account,
        contact=contact,
        also=correlate.other_keys(contact, link.user, link.contact_id),
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
    work.known = StartAnswered(work.claimed.token, conversation, "", link.attempt, link.bot, link.user, link.episode)
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
    elif hopeless(work, error, work.link.first_try_ms):
        # Certainly no try that worked: "already active" after a replay would not be evidence of it.
        work.link = replace(work.link, attempt=work.link.attempt - 1)
        said = notes.reason(work.pair.account.language, error)
        fail(work, Signal.REFUSED, error.reason, covered=work.link.covered, said=said)
        work.app.store.no_testimony(work.claimed.ticket)
    else:
        _nothing_happened(work, error)


def _now_unknown(work: Work, reason: str) -> None:
    work.consume(work.link.covered)
    work.move(Signal.UNANSWERED, covered=0, reason=reason, since_ms=work.app.now_ms())


def _nothing_happened(work: Work, error: CallError) -> None:
    """Certainly not sent: the plan thaws, so that a repaired rule counts at the next try."""
    work.app.store.no_testimony(work.claimed.ticket)
    thawed = None if work.link.covered else work.link.start
    work.move(Signal.NOTHING_HAPPENED, attempt=work.link.attempt - 1, start=thawed, covered=0, reason=error.reason)
    work.uncount = work.account if work.link.attempt == 0 else ""
    start_again_later(work, error, error.reason)


def start_again_later(work: Work, error: CallError, reason: str) -> None:
    """Wait as the error asks, else longer each time."""
    first = work.link.first_try_ms or work.app.now_ms()
    work.link = replace(work.link, tries=work.link.tries + 1, first_try_ms=first)
    try_again(work, Side.JELOU, error, reason, work.link.tries)


def fail(work: Work, signal: Signal, reason: str, *, covered: int, said: str = "") -> None:
    """Give the start up. A replay works the event again where it is at hand, else repeats the frozen start."""
    event = work.next_raw if covered else b""
    work.consume(covered)
    start = None if event else work.link.start
    work.move(signal, reason=reason, start=start, covered=0, tries=0, first_try_ms=0)
    work.dead(reason, StartConversation.type, event=event)
    work.add(notes.told(work.link, "failed", work.pair.account, "failed", reason=said or reason))


async def settle_start(work: Work) -> bool:
    """A start of unknown fate, or one that is to be tried again. False where there is none, or it waits."""
    unknown, again = work.link.phase is Phase.UNKNOWN, work.link.phase is Phase.NEW and work.link.start is not None
    if not (unknown or again) or work.holding(Side.JELOU):
        return False
    if unknown:
        settle_unknown(work)
    elif work.link.ending:
        # The end stays noted: should an earlier try have worked after all, its conversation is closed.
        work.move(Signal.IGNORE, reason=f"not tried again: {work.link.ending.reason}", start=None)
    elif solved_behind(work):
        work.move(Signal.IGNORE, reason="not tried again: the ticket is solved", start=None)
    else:
        await start_again(work)
    return True


def settle_unknown(work: Work) -> None:
    """Wait for the event that settles it; when that time is over, do as the account's policy says."""
    policy = work.pair.account.unknown_start
    due_in_ms = work.link.since_ms + int(policy.wait_s * 1000) - work.app.now_ms()
    if due_in_ms > 0:
        reason = f"Jelou's start event may settle it: {work.link.reason}"
        work.hold(Side.JELOU, Wait(reason, due_in_ms, firm=True))
        return
    facts = f"a start call has no answer ({work.link.reason}), and no start event came in {policy.wait_s:g} s"
    if policy.then == "retry" and not overdue(work, work.link.first_try_ms):
        work.move(Signal.TRY_AGAIN, reason=f"{facts}; the account's policy is to try again")
    else:
        park(work, facts)


def park(work: Work, reason: str) -> None:
    """A person decides, with what is known and what is not; evidence that comes later still counts."""
    work.move(Signal.PARK, reason=reason, tries=0, first_try_ms=0)
    work.letter(reason, PARKED)
    work.app.log.warning("parked", reason=reason)
    why = f"{reason[:1].upper()}{reason[1:]}"
    work.add(notes.told(work.link, "parked", work.pair.account, "parked", reason=why))


async def settle_started(work: Work) -> bool:
    """Started, and its event has not come: wait a while, then ask Jelou for what it would have told, and go on."""
    if work.link.phase is not Phase.STARTED or work.holding(Side.JELOU):
        return False
    due_in_ms = work.link.since_ms + int(work.pair.account.confirm_wait_s * 1000) - work.app.now_ms()
    if due_in_ms > 0:
        work.hold(Side.JELOU, Wait("Jelou's start event", due_in_ms))
        return True
    try:
        await conversation_now(work, CallClass.SETTLE)
    except CallError as error:
        # The note does not hang on the room.
        work.tell("refused", action="get.conversation", reason=error.reason)
    open_unconfirmed(work)
    return True
