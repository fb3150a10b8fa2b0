"""After a loss: what was sent before is found out before anything is sent again.

Redis may forget a start or a note that went out (``bridge/generations.py``). For a day, a ticket that is older than
the last loss is *shaken*: before its start the ticket itself is asked whether it has a conversation, in the configured
field and by the mark of our note; and before a note is written its mark is looked for. Where the ticket cannot be
asked, or tells nothing while a worker that was alive at the loss has not told what it had sent, the start is unknown:
Jelou's event may settle it, else the account's policy does. An end from before the loss may have been our own doing,
for a ticket that has been reopened since: it asks for no status before all workers have told, nor where one cannot.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import events, jelou, jelou_send, notes, wording
from bridge.chat_text import plain
from bridge.domain import AddNote, EndAsked, Probe
from bridge.errors import Gone, Refused
from bridge.links import Signal
from bridge.owed import Side
from bridge.protocol import CallClass
from bridge.routing import value_at
from bridge.start_waits import Cause
from bridge.timeline import entry
from workers.admit import RECOVERING, admit, helpdesk_gate, jelou_gate
from workers.perform import perform
from workers.reading import ticket_now
from workers.waiting import Wait

if TYPE_CHECKING:
    from bridge.domain import StartAnswered, StartConversation, StartSent
    from workers.work import Work

SHAKEN_MS = 86_400_000
"""How long tickets from before a loss are looked at. What has not been told again by then never will be."""

CLOCKS_MS = 2_000
"""How far our clock and Redis' own may be apart."""


def shaken(work: Work) -> bool:
    """Whether the ticket is older than the last loss, so that Redis may have forgotten what was done for it."""
    lost_ms = work.claimed.shaken.at_ms
    recent = work.app.now_ms() - lost_ms < SHAKEN_MS
    return bool(lost_ms) and recent and work.link.born_ms <= lost_ms + CLOCKS_MS


def since_loss(work: Work, at_ms: int) -> bool:
    """Whether this moment came after the last loss: what was known then, Redis still knows."""
    return not shaken(work) or at_ms > work.claimed.shaken.at_ms + CLOCKS_MS


def asked_ms(work: Work) -> int:
    """The moment to note for an answer of just now: after the last loss, however far the clocks are apart."""
    now = work.app.now_ms()
    return max(now, work.claimed.shaken.at_ms + CLOCKS_MS + 1) if shaken(work) else now


async def settled_before(work: Work, start: StartConversation) -> bool:
    """Whether nothing is to be started: it waits, or it was started before the loss, or nobody knows.

    Raises CallError where the ticket cannot be asked just now, HeldBackError.
    """
    if work.claimed.shaken.hold_ms:
        work.hold(Side.JELOU, Wait(RECOVERING, work.claimed.shaken.hold_ms, firm=True, cause=Cause.RECOVERY))
        return True
    if work.link.unstarted_ms and since_loss(work, work.link.unstarted_ms):
        return False
    conversation = await _conversation(work)
    if conversation:
        _found(work, start, conversation)
    elif work.claimed.shaken.uncertain:
        _nobody_knows(work, start)
    else:
        work.tell("looked", reason="Redis has lost data since; nothing says that it was started before")
        # Kept while its start waits for its turn: each look costs calls that live conversations need.
        work.link = replace(work.link, unstarted_ms=asked_ms(work))
        return False
    return True


def _found(work: Work, start: StartConversation, conversation: str) -> None:
    work.tell("looked", conversation=conversation, reason="started before Redis lost data: the ticket says so")
    work.named = (*work.named, conversation)
    work.consume()
    work.move(
        Signal.START_SEEN,
        conversation=conversation,
        bot=start.bot_id,
        user=start.user_id,
        rule=start.rule,
        assignment=start.assignment,
        confirmed=True,
        opened_ms=work.app.now_ms(),
    )
    work.add(notes.opened(work.link, work.pair.account, work.pair.project))


def _nobody_knows(work: Work, start: StartConversation) -> None:
    work.consume()
    reason = "Redis has lost data, and nobody can say whether the conversation was started before"
    known = {"start": start, "bot": start.bot_id, "user": start.user_id, "rule": start.rule}
    now = work.app.now_ms()
    work.move(Signal.UNANSWERED, covered=0, since_ms=now, first_try_ms=now, reason=reason, **known)


async def _conversation(work: Work) -> str:
    """The ticket's conversation, as the ticket tells it and Jelou knows it; empty where it tells none."""
    for look in (_in_field, _in_note):
        told = await look(work)
        # The field may still tell of the episode before.
        if told and not work.link.knew(told) and await _known_to_jelou(work, told):
            return told
    return ""


async def _in_field(work: Work) -> str:
    pair, field = work.pair, work.pair.account.write_back.field
    ticket = await ticket_now(work, CallClass.SETTLE) if field else None
    found = value_at(ticket.fields, pair.dialect.field_path(field)) if ticket else None
    return str(found) if found else ""


async def _in_note(work: Work) -> str:
    """The conversation that our own note names: its mark makes it ours."""
    pair = work.pair
    mark = notes.started_marker(work.ref, work.link)
    note = AddNote(mark, mark)
    call = pair.dialect.probe(pair.account, work.ref, note)
    if call is None:
        return ""
    gate = helpdesk_gate(work, CallClass.SETTLE)
    await admit(work, gate)
    text = await perform(work, gate, Probe.type, call, lambda reply: pair.dialect.found(pair.account, note, reply))
    # A helpdesk of rich text keeps the note as HTML, all on one line.
    for said in (text, plain(text, "html")):
        told = re.search(wording.named_in_note(), said, re.MULTILINE)
        if told:
            return told.group(1)
    return ""


async def _known_to_jelou(work: Work, conversation: str) -> bool:
    """A field may hold what somebody else wrote there."""
    call, gate = jelou.get_call(work.pair.project, conversation), jelou_gate(work, CallClass.SETTLE)
    await admit(work, gate)
    try:
        found = await perform(work, gate, "get.conversation", call, jelou_send.conversation)
    except (Refused, Gone):
        return False
    work.link = replace(work.link, room=found.room)
    return True


def remember(work: Work, told: StartAnswered | StartSent) -> None:
    """Keep in this process' memory what it knows of the start, should Redis lose it."""
    _keep(work, told, told.claim, work.contact)


def remember_end(work: Work) -> None:
    """The same of a conversation that it has set about to end, since its ticket was solved."""
    told = EndAsked(work.link.conversation)
    _keep(work, told, told.conversation_id, "")


def _keep(work: Work, told: StartAnswered | StartSent | EndAsked, of: str, contact: str) -> None:
    claimed, now = work.claimed, work.app.now_ms()
    line = entry(now, "told", event=told.type, conversation=getattr(told, "conversation_id", ""))
    fact = f"{told.type}:{of}"
    work.app.store.testimony(claimed.ticket, claimed.lane, fact, events.dump(told, "", now), line, contact)
