"""The events of a ticket's inbox, in order: each is planned into what is owed to either side, or says why it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge import customer_text, file_links, say, wording
from bridge.addressees import REASONS, TOLD
from bridge.chat_history import own_words
from bridge.domain import (
    AddNote,
    AddReply,
    AgentReplied,
    CustomerWrote,
    Phase,
    TicketOpened,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import CallError
from bridge.events import UNKNOWN
from bridge.helpdesks.labels import ENDED
from bridge.letters import FUSE
from bridge.links import LIVE
from bridge.notes import MESSAGE, told
from bridge.owed import Ending, Say, Side, Todo
from bridge.renewing import file_of
from bridge.translate import rendered
from workers.closing import come_back, transcribe
from workers.early import comes_early, keep, take
from workers.opening import opened, reopened
from workers.reading import comments_now, read_again_later, resolved, ticket_now
from workers.recovery import asked_ms, shaken
from workers.renewing import serving
from workers.requester import hold, is_another, must_read
from workers.tripping import moment, stopped, tripped
from workers.unshown import ask_again, give_up, shown, waits_until_shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.events import Received
    from workers.work import Work

ONE_UPDATE_MOST = 20_000
"""Characters of what a customer writes in one update; Zendesk takes 64 KiB in a comment."""

CARRIED_MOST = 50
"""A trigger may tell no id of its comment, and the reconciler does: so many are known by what the helpdesk says."""


async def next_event(work: Work) -> bool:
    """Work the event at the head of the inbox. False where there is none, or it has to wait."""
    take(work)
    received = work.next
    if received is None or (work.link.phase is Phase.NEW and work.link.start is not None):
        return False
    if isinstance(received.event, AgentReplied | CustomerWrote) and stopped(work):
        if work.news:
            # Its letter may have been discarded, and people look there for what stands still.
            work.letter(work.link.fuse, FUSE)
        return False
    before = (work.done, work.link)
    if comes_early(work, received.event):
        keep(work)
    else:
        await _worked(work, received)
    return (work.done, work.link) != before


async def _worked(work: Work, received: Received) -> None:
    event = received.event
    if isinstance(event, TicketOpened):
        await opened(work, event, received.at_ms)
    elif isinstance(event, AgentReplied):
        await _replied(work, event)
    elif isinstance(event, TicketSolved):
        await _solved(work, event)
    elif isinstance(event, TicketReopened):
        await reopened(work, event)
    elif isinstance(event, CustomerWrote):
        _wrote(work, event)
    elif isinstance(event, Unrecognised):
        work.tell("ignored", event=event.told, reason=UNKNOWN)
        work.consume()
    else:
        _ignore(work, event, "it asks for nothing")


def _ignore(work: Work, event: Any, reason: str) -> None:
    work.tell("ignored", event=event.type, reason=reason)
    work.consume()


# --- an agent's reply ------------------------------------------------------------------------------------------------

NO_CONVERSATION = {
    Phase.NEW: "the ticket has no conversation",
    Phase.FAILED: "no conversation could be started for the ticket",
    Phase.IGNORED: "nothing is started for the ticket",
}


ENDS = {*NO_CONVERSATION, Phase.CLOSED}
"""In which nothing would have been said."""


async def _replied(work: Work, event: AgentReplied) -> None:
    event = resolved(work, event)
    asks = must_read(work, event) and not _not_for_the_customer(work, event)
    if asks and work.holding(Side.HELPDESK):
        return
    meant = [event]
    if event.partial and not _not_for_the_customer(work, replace(event, withheld="")):
        if waits_until_shown(work) or work.holding(Side.HELPDESK):
            return
        try:
            meant = say.whole(event, await comments_now(work), work.link.carried)
        except CallError as error:
            _reply_unread(work, event, error)
            return
        if not say.settled(event, meant, work.link.carried) and ask_again(work):
            return
        if not meant:
            give_up(work, event)
    await _meant(work, event, meant)


async def _meant(work: Work, event: AgentReplied, meant: Sequence[AgentReplied]) -> None:
    try:
        held = any(not _not_for_the_customer(work, one) for one in meant) and await _is_another(work, event)
    except CallError as error:
        _reply_unread(work, event, error)
        return
    for one in meant:
        reason = _not_for_the_customer(work, one)
        if reason:
            _withhold(work, one, reason)
        elif not held:
            _to_be_said(work, one, _read_ms(work, event))
    if held:
        hold(work, event)
    shown(work)
    work.consume()


def _read_ms(work: Work, event: AgentReplied) -> int:
    """When the addresses of its files were told: just now where they were read, else with the delivery."""
    received = work.next
    return work.app.now_ms() if event.partial or received is None else received.at_ms


async def _is_another(work: Work, event: AgentReplied) -> bool:
    return work.link.phase not in ENDS and event.fact not in work.link.carried and await is_another(work, event)


def _withhold(work: Work, event: AgentReplied, reason: str) -> None:
    """Told in the trace each time, and on the ticket once where an agent may have meant the customer."""
    work.tell("ignored", event=event.type, reason=reason)
    link, account = work.link, work.pair.account
    if event.withheld in TOLD and not event.by_bridge and account.messages.to_customer and link.phase not in ENDS:
        work.add(told(link, f"withheld:{event.withheld}", account, f"withheld.{event.withheld}"))


def _not_for_the_customer(work: Work, event: AgentReplied) -> str:
    if event.by_bridge:
        return "the bridge did this itself"
    if not event.public or event.withheld:
        return REASONS.get(event.withheld, "a private note stays in the helpdesk")
    if not work.pair.account.messages.to_customer:
        return "the account's messages.to_customer is off"
    return NO_CONVERSATION.get(work.link.phase, "")


def _reply_unread(work: Work, event: AgentReplied, error: CallError) -> None:
    reason = f"the comment could not be read: {error.reason}"
    if not read_again_later(work, error, reason):
        work.dead(reason, f"{event.type} {event.fact}", event=work.next_raw)
        shown(work)
        work.consume()


def _to_be_said(work: Work, event: AgentReplied, read_ms: int) -> None:
    link = work.link
    said = event.fact in link.carried
    if link.phase is Phase.CLOSED and not said:
        work.tell("refused", event=event.type, reason="the conversation is closed")
        why = wording.say(work.pair.account.language, "reason.closed_meanwhile")
        work.add(told(link, f"undelivered:{event.fact}", work.pair.account, "unsent", reason=why))
        return
    messages = say.messages_of(event, work.ref, link.episode, serving(work))
    reason = "it was said already" if said else ""
    reason = reason or ("" if messages else "there is nothing in it to say")
    if reason:
        work.tell("ignored", event=event.type, reason=reason)
        return
    more = tuple(Say(one.id, one.message_type, dict(one.content), event.comment_id) for one in messages)
    carried = (*link.carried, event.fact)[-CARRIED_MOST:]
    files = {name: one for message in messages for name, one in file_of(message, event.fact, read_ms).items()}
    work.link = replace(link, says=(*link.says, *more), carried=carried, files={**link.files, **files})
    _names_alone(work, event)
    tripped(work, "to_customer", own_words(event.text, event.markup), _moment(work, event))


def _moment(work: Work, event: AgentReplied | CustomerWrote) -> int:
    return moment(work.next.at_ms if work.next else 0, event.at_ms)


def _names_alone(work: Work, event: AgentReplied) -> None:
    """Told on the ticket once: agents see the file there, and the customer its name."""
    pair = work.pair
    alone = [one for one in event.attachments if file_links.names_alone(pair.dialect, pair.account, one)]
    if alone:
        work.tell("ignored", event=event.type, reason="a file needs a login: its name alone was sent", files=len(alone))
        work.add(told(work.link, "files:login", pair.account, "files.login"))


# --- a ticket's end --------------------------------------------------------------------------------------------------


async def _solved(work: Work, event: TicketSolved) -> None:
    """Read again before anything is closed: the webhook may be late, and the ticket open once more."""
    account, link = work.pair.account, work.link
    waits = link.phase in LIVE or link.phase in {Phase.UNKNOWN, Phase.PARKED}
    if not account.close_when_solved or not waits:
        reason = f"the ticket is {link.phase.value}" if not waits else "the account's close_when_solved is off"
        _ignore(work, event, reason)
        return
    if work.holding(Side.HELPDESK):
        return
    try:
        ticket = await ticket_now(work)
    except CallError as error:
        if not read_again_later(work, error, f"the ticket could not be read: {error.reason}"):
            goodbye, read_ms = rendered(account.goodbye, None), asked_ms(work)
            work.link = replace(work.link, ending=Ending("the ticket is gone", goodbye, read_ms=read_ms))
            work.consume()
        return
    if ticket and ticket.fields.get("status") not in ENDED:
        _ignore(work, event, "the ticket is not solved any more")
        return
    ending = Ending(f"the ticket is {event.status}", rendered(account.goodbye, ticket), read_ms=asked_ms(work))
    work.link = replace(work.link, ending=ending)
    work.consume()


# --- a customer's message --------------------------------------------------------------------------------------------


def _wrote(work: Work, event: CustomerWrote) -> None:
    come_back(work, event)
    account = work.pair.account
    if account.messages.to_ticket == "nothing":
        _ignore(work, event, "the account's messages.to_ticket is nothing")
        return
    text = customer_text.line_of(event, account.language)
    if event.conversation_id and event.conversation_id == work.link.conversation:
        work.link = work.link.met(event.user_id)
    work.link = replace(work.link, name=event.user_name or work.link.name, window="")
    _to_be_written(work, event, text)
    transcribe(work, event.at_ms, "customer", text)
    tripped(work, "to_ticket", text, _moment(work, event))
    work.consume()


def _to_be_written(work: Work, event: CustomerWrote, text: str) -> None:
    """Added to what is not on its way yet, else an update of its own.

    What Redis has forgotten may be on the ticket already; known by its mark, it must not have grown.
    """
    open_ones = (
        []
        if shaken(work)
        else [n for n, one in enumerate(work.link.todo) if one.key.startswith(MESSAGE) and not one.sent]
    )
    if open_ones and len(work.link.todo[open_ones[-1]].text) + len(text) < ONE_UPDATE_MOST:
        at = open_ones[-1]
        todo = list(work.link.todo)
        todo[at] = replace(todo[at], text=f"{todo[at].text}\n{text}")
        work.link = replace(work.link, todo=tuple(todo))
        return
    messages = work.pair.account.messages
    kind = AddReply.type if messages.to_ticket == "reply" else AddNote.type
    due_ms = work.app.now_ms() + int(messages.merge_s * 1000)
    work.add((Todo(f"{MESSAGE}{event.message_id}", kind, text, due_ms=due_ms),))
