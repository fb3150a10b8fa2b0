"""A reply is for the person with whom the conversation began: held where the ticket's requester is another by now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.letters import HELD
from bridge.notes import told
from bridge.requesters import Change, changed, id_of, identity
from bridge.translate import person
from workers.reading import ticket_now

if TYPE_CHECKING:
    from bridge.domain import AgentReplied
    from workers.work import Work

FRESH_MS = 60_000
"""For so long a requester that was read is taken for true."""

REASON = "the ticket's requester is another person than the conversation's customer"


def must_read(work: Work, event: AgentReplied) -> bool:
    """Whether the ticket has to be read to know who is its requester."""
    link = work.link
    fresh = abs(work.app.now_ms() - link.requester_ms) < FRESH_MS
    if event.requester:
        return bool(link.asked_by) and event.requester != link.asked_by and not (fresh and link.other_requester)
    return not fresh


async def is_another(work: Work, event: AgentReplied) -> bool:
    """Whether the reply is to be held. Raises CallError, HeldBackError."""
    link, found, user = work.link, event.requester, ""
    if must_read(work, event):
        ticket = await ticket_now(work)
        requester = (ticket.fields.get("requester") or {}) if ticket else {}
        found = identity(requester) or found
        user = person(work.pair.account.user_id, ticket) if ticket else ""
        work.link = replace(work.link, requester_ms=work.app.now_ms())
    elif not found or found != link.asked_by:
        found = link.other_requester or link.asked_by or found
    return _judged(work, found, user)


def _judged(work: Work, found: str, user: str) -> bool:
    link, account = work.link, work.pair.account
    # A user is compared only where the link knows one, and where both are of the account's own reading.
    change = changed(link.asked_by, (link.user, link.contact_id), found, user if link.user else "")
    if change is Change.OTHER:
        work.link = replace(link, other_requester=found)
        return True
    work.link = replace(link, asked_by=link.asked_by or found, other_requester="")
    if change is Change.MERGED:
        work.link = replace(work.link, asked_by=found, requester=id_of(found) or link.requester)
        work.tell("requester", reason="another user of the same person's: they were merged")
    elif change is Change.NUMBER:
        work.add(told(work.link, "requester:number", account, "requester.number"))
    return False


def hold(work: Work, event: AgentReplied) -> None:
    """Kept for a person to decide; told on the ticket once for each new requester."""
    work.dead(REASON, f"{HELD} {event.fact}", event=work.next_raw)
    link, account = work.link, work.pair.account
    work.add(
        told(link, f"requester:{link.other_requester}", account, "requester.other", command=f"bridge decide {work.ref}")
    )
