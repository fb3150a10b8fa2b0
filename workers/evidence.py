"""Jelou's start and close events settle what is not certain. They count in every phase and are applied first.

So is the late answer of a worker that has lost the ticket meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge import notes
from bridge.correlate import EPISODE
from bridge.domain import (
    ConversationClosed,
    ConversationStarted,
    Doubted,
    EndAsked,
    Phase,
    StartAnswered,
    StartSent,
    Unrecognised,
)
from bridge.events import UNKNOWN
from bridge.links import LIVE, Signal
from workers.closing import come_back, ended

if TYPE_CHECKING:
    from bridge.events import Received
    from bridge.links import Link
    from workers.work import Work


SETTLED: dict[str, Any] = {"start": None, "covered": 0, "tries": 0, "first_try_ms": 0, "reason": ""}
"""What is left of a start when its conversation is known."""

EPISODE_DIGITS = 9
"""More than any ticket has. Whoever has the API's key writes metadata, and beyond 4,300 digits ``int`` fails."""


def settle_mark(work: Work) -> None:
    """A start that was marked and not finished: the worker before died in between. Its fate is unknown."""
    if work.link.phase is not Phase.STARTING:
        return
    work.consume(min(work.link.covered, len(work.inbox)))
    reason = "a worker stopped between sending and noting the answer"
    known = "that the call was to go out, not whether it did"
    work.tell("unanswered", action="start.conversation", reason=reason, known=known)
    work.move(Signal.UNANSWERED, covered=0, reason=reason)


def apply_evidence(work: Work) -> None:
    """Apply all evidence of this claim, in the order it came."""
    for received in work.evidence:
        _catch_up(work, _begun(received))
        if isinstance(received.event, ConversationStarted):
            _start_seen(work, received.event)
        elif isinstance(received.event, StartSent):
            _start_sent(work, received.event)
        elif isinstance(received.event, ConversationClosed):
            _close_seen(work, received.event, received.at_ms)
        elif isinstance(received.event, StartAnswered):
            _answer_seen(work, received.event)
        elif isinstance(received.event, EndAsked):
            _end_asked(work, received.event)
        elif isinstance(received.event, Doubted):
            _doubted(work, received.event)
        elif isinstance(received.event, Unrecognised):
            work.tell("ignored", event=received.event.told, reason=UNKNOWN)
        work.applied += 1


def _begun(received: Received) -> int:
    """The episode that this says has begun; 0 where it says nothing of the kind."""
    event = received.event
    if isinstance(event, ConversationStarted):
        return episode_of(event)
    if isinstance(event, StartSent) or (isinstance(event, StartAnswered) and event.conversation_id):
        return event.episode
    return 0


def _catch_up(work: Work, episode: int) -> None:
    """Redis was set back: a later episode has begun, so the one that the link tells of has ended."""
    if episode <= work.link.episode or not work.link.conversation:
        return
    ended(work, "Redis has lost how it ended; the next episode has begun")
    if work.link.phase is Phase.CLOSED:
        work.next_episode()
        work.link = replace(work.link, episode=episode)


def _start_seen(work: Work, event: ConversationStarted) -> None:
    link, ours = work.link, episode_of(event)
    if link.knew(event.conversation_id):
        work.tell("ignored", event=event.type, reason="that episode has ended")
        return
    if not ours and _given(link):
        come_back(work, event)
        return
    other = link.conversation and event.conversation_id != link.conversation
    if other or 0 < ours < link.episode:
        _extra(work, event.conversation_id)
        return
    changes = {
        "conversation": event.conversation_id,
        "room": event.room_id or link.room,
        "bot": link.bot or event.bot_id,
        "user": link.user or event.user_id,
        "contact_id": link.met(event.user_id).contact_id if ours else link.contact_id,
        "assignment": event.assignment or link.assignment,
        "confirmed": True,
        "name": event.user_name or link.name,
        "opened_ms": link.opened_ms or event.at_ms or work.app.now_ms(),
        **SETTLED,
    }
    work.named = (*work.named, event.conversation_id)
    if work.move(Signal.START_SEEN, **changes):
        work.add(notes.opened(work.link, work.pair.account, work.pair.project))
    else:
        # Open or closed already: the event only adds what it knows.
        work.link = replace(link, room=link.room or event.room_id, confirmed=True)


def episode_of(event: ConversationStarted) -> int:
    """The episode that our own metadata names; 0 where the start was not ours."""
    told = str(event.metadata.get(EPISODE, ""))
    return int(told) if len(told) <= EPISODE_DIGITS and told.isascii() and told.isdigit() else 0


def _given(link: Link) -> bool:
    """Whether a conversation that is not ours may become the ticket's: it has ended its own, or never had one."""
    return link.phase is Phase.CLOSED or (link.phase is Phase.NEW and link.start is None)


def _start_sent(work: Work, event: StartSent) -> None:
    """A start went out and the link does not know of it: nobody can say yet what came of it."""
    if event.episode < work.link.episode:
        return
    reason = "a start went out, and Redis has lost what came of it"
    work.move(Signal.UNANSWERED, reason=reason, **_known(work.link, event), since_ms=work.app.now_ms())


def _answer_seen(work: Work, event: StartAnswered) -> None:
    if event.conversation_id and event.episode < work.link.episode:
        _late(work, event)
    elif event.conversation_id:
        _conversation_named(work, event)
    elif work.link.claim == event.claim:
        _nothing_happened(work, event.reason)


def _late(work: Work, event: StartAnswered) -> None:
    """An answer of an episode before: its conversation is one of its own, or known as ended."""
    if not work.link.knew(event.conversation_id):
        _extra(work, event.conversation_id)


def _conversation_named(work: Work, event: StartAnswered) -> None:
    """As if the answer had come in time: Jelou's event confirms it, or get-conversation does."""
    link, conversation = work.link, event.conversation_id
    if link.conversation and conversation != link.conversation:
        _extra(work, conversation)
        return
    work.named = (*work.named, conversation)
    known = _known(link, event) | SETTLED
    work.move(Signal.ANSWERED, conversation=conversation, since_ms=work.app.now_ms(), **known)


def _known(link: Link, event: StartSent | StartAnswered) -> dict[str, Any]:
    """What a link that Redis has lost learns again of its start."""
    return {
        "claim": event.claim,
        "attempt": max(link.attempt, event.attempt),
        "bot": link.bot or event.bot_id,
        "user": link.user or event.user_id,
    }


def _nothing_happened(work: Work, reason: str) -> None:
    """The frozen start may go out as the try that it was; a person need not look."""
    work.unparked = work.link.phase is Phase.PARKED
    work.move(Signal.NOTHING_HAPPENED, attempt=work.link.attempt - 1, reason=reason)
    work.uncount = work.account if work.link.attempt == 0 else ""


def _extra(work: Work, conversation: str) -> None:
    """A second conversation of ours, after a start that was tried again. Indexed and said, never closed blindly."""
    if conversation in work.link.extra:
        return
    work.link = replace(work.link, extra=(*work.link.extra, conversation))
    work.named = (*work.named, conversation)
    work.tell("extra", conversation=conversation)
    said = notes.told(work.link, f"extra:{conversation}", work.pair.account, "extra", conversation=conversation)
    work.add(said)


def _close_seen(work: Work, event: ConversationClosed, received_ms: int) -> None:
    if event.conversation_id and event.conversation_id != work.link.conversation:
        work.tell("ignored", event=event.type, reason="it closes another conversation")
        return
    if not event.conversation_id and _began_later(work.link, event):
        work.tell("ignored", event=event.type, reason="it is older than the ticket's conversation")
        return
    open_unconfirmed(work)
    if not event.conversation_id and work.link.conversation and work.link.phase in LIVE:
        # Found by room or person alone: it may be the end of another conversation of theirs.
        work.tell("doubted", reason="Jelou tells of an end, and not of which conversation")
        work.link = replace(work.link, look=True, outcome=event.reason)
        return
    if not ended(work, event.reason, outcome=event.reason, by_jelou=True, at_ms=min(event.at_ms, received_ms)):
        work.tell("ignored", event=event.type, reason=f"the link is {work.link.phase.value}")


def _began_later(link: Link, event: ConversationClosed) -> bool:
    """Whether the conversation began after this was told. Where its start event has not come that is not known."""
    return link.confirmed and 0 < event.at_ms < link.opened_ms


def _end_asked(work: Work, event: EndAsked) -> None:
    """Whether the end came about is asked of Jelou; its status is the ticket's own."""
    if event.conversation_id != work.link.conversation:
        return
    work.drop_closed_status("the ticket itself had asked for the end")
    if work.link.phase in LIVE:
        work.link = replace(work.link, look=True, closing=True)


def _doubted(work: Work, event: Doubted) -> None:
    if event.conversation_id == work.link.conversation and work.link.phase in LIVE:
        work.link = replace(work.link, look=True)


def open_unconfirmed(work: Work) -> None:
    """A started conversation is taken as open although its event has not come; the ticket is told once."""
    if work.move(Signal.UNCONFIRMED, start=None, reason="", opened_ms=work.app.now_ms()):
        work.add(notes.opened(work.link, work.pair.account, work.pair.project))
