"""What the other sides are asked: the ticket as it is now, its comments, the conversation as Jelou has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import jelou, jelou_send, marks
from bridge.notes import NOBODY
from bridge.owed import Side
from bridge.protocol import CallClass
from bridge.requesters import comparable, identity
from workers import steps
from workers.admit import admit, jelou_gate
from workers.perform import perform
from workers.waiting import hopeless, try_again

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.domain import AgentReplied, Call, Reply, Ticket
    from bridge.errors import CallError
    from workers.perform import T
    from workers.work import Work


async def ticket_now(work: Work, call_class: CallClass = CallClass.LIVE) -> Ticket | None:
    """The ticket as the helpdesk has it; None where it has no such call. Raises CallError, HeldBackError."""
    pair = work.pair
    call = pair.dialect.fetch(pair.account, work.ref)
    if call is None:
        return None
    ticket = await _ask(
        work,
        call_class,
        call,
        lambda replies: (
            pair.dialect.fetch_more(pair.account, work.ref, replies)
            or pair.dialect.fetched(pair.account, work.ref, *replies)
        ),
    )
    meet(work, ticket)
    work.tell("fetched")
    return ticket


def meet(work: Work, ticket: Ticket) -> None:
    """Who the customer is in the helpdesk."""
    requester = ticket.fields.get("requester") or {}
    link, known = work.link, identity(requester)
    found = str(requester.get("id") or "") or link.requester or NOBODY
    if comparable(link.asked_by, known) and known != link.asked_by:
        # What the customer writes stays theirs, whoever the ticket was given to.
        found = link.requester or NOBODY
    name = link.name or str(requester.get("name") or "")
    work.link = replace(link, requester=found, asked_by=link.asked_by or known, name=name)


async def comments_now(work: Work) -> Sequence[AgentReplied] | None:
    """What agents wrote, oldest first; None where the helpdesk has no such call. Raises CallError, HeldBackError."""
    pair = work.pair
    call = pair.dialect.fetch_comments(pair.account, work.ref)
    if call is None:
        return None
    found = await _ask(
        work,
        CallClass.LIVE,
        call,
        lambda replies: (
            pair.dialect.comments_more(pair.account, work.ref, replies)
            or pair.dialect.fetched_comments(pair.account, work.ref, *replies)
        ),
    )
    return [resolved(work, one) for one in found]


def resolved(work: Work, event: AgentReplied) -> AgentReplied:
    """The reply with what its ticket tells of whether the bridge wrote it."""
    judged = marks.judged_reply(event, work.app.bridge.mark_keys)
    written = {*work.link.wrote, *work.link.receipts.values()} - {""}
    return marks.resolved(judged, keyed=work.link.keyed, written=written)


async def _ask(work: Work, call_class: CallClass, call: Call, judge: Callable[[Sequence[Reply]], Call | T]) -> T:
    answer = await steps.read(work, call_class, call, judge)
    work.link = replace(work.link, read_tries=0, read_first_ms=0)
    return answer


def read_again_later(work: Work, error: CallError, reason: str) -> bool:
    """Wait and ask again; False where that is of no use any more."""
    link, now = work.link, work.app.now_ms()
    if hopeless(work, error, link.read_first_ms):
        work.link = replace(link, read_tries=0, read_first_ms=0)
        return False
    tries = link.read_tries + 1
    work.link = replace(link, read_tries=tries, read_first_ms=link.read_first_ms or now)
    try_again(work, Side.HELPDESK, error, reason, tries)
    return True


async def conversation_now(work: Work, call_class: CallClass = CallClass.LIVE) -> str:
    """Whether Jelou has the ticket's conversation as active or closed; its room is noted. Raises CallError.

    What Jelou calls by another word is active: only one that is known to be over is over.
    """
    call, gate = jelou.get_call(work.pair.project, work.link.conversation), jelou_gate(work, call_class)
    await admit(work, gate)
    found = await perform(work, gate, "get.conversation", call, jelou_send.conversation)
    work.link = replace(work.link, room=found.room or work.link.room)
    work.tell("answered", action="get.conversation", state=found.state)
    return found.state
