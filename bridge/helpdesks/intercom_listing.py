"""What Intercom lists: the parts of a ticket, and the tickets that its search finds. Pure.

A ticket tells up to 500 of its parts with itself: there is no other list of them. The search is asked by POST, and
pages by ``starting_after``. It tells the tickets as the API does, without their contacts' phone numbers, so what it
tells as opened is partial. It may be some seconds behind, and may count dates by the day: what is told again is known
as a repeat.

Sources: "Search tickets", "Pagination" of Intercom's API reference 2.15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.domain import AgentReplied, Changes, TicketOpened, TicketRef, TicketSolved
from bridge.errors import Ambiguous
from bridge.helpdesks import intercom_events as events
from bridge.helpdesks import intercom_tickets as tickets
from bridge.helpdesks import reading, writing
from bridge.helpdesks.labels import ENDED
from bridge.helpdesks.reading import Json, section, text, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.domain import TicketEvent
    from bridge.helpdesks.intercom_tickets import Ours

PAGE: Final = 50
"""Tickets of one page; Intercom takes up to 150, but each comes with all its parts."""


def replies(ref: TicketRef, record: Json, ours: Ours) -> list[AgentReplied]:
    """The agents' parts of a ticket, and the bridge's own, oldest first."""
    told = (events.written(ref, record, part, ours, "") for part in tickets.parts(record) if text(part, "id"))
    return [one for one in told if isinstance(one, AgentReplied)]


def changed_since(since_ms: int, after: str) -> Json:
    """The question for the tickets that changed since then, the earliest change first."""
    return {
        "query": {"operator": "AND", "value": [{"field": "updated_at", "operator": ">", "value": since_ms // 1000}]},
        "sort": {"field": "updated_at", "order": "ascending"},
        "pagination": {"per_page": PAGE, **told(starting_after=after)},
    }


def changes(account_name: str, page: Json, ours: Ours) -> Changes:
    """One page of the search: tickets not done as opened, tickets done as solved."""
    found = [(TicketRef(tickets.KIND, account_name, ref_id), one) for ref_id, one in _tickets(page)]
    return Changes(
        events=tuple(_event(ref, one, ours) for ref, one in found),
        tickets=tuple(ref for ref, _ in found),
        after=_after(page),
        changed_ms={ref: reading.count(one, "updated_at") * 1000 for ref, one in found},
    )


def _event(ref: TicketRef, record: Json, ours: Ours) -> TicketEvent:
    status, part = tickets.standing(record, ours.account)
    if status in ENDED:
        return TicketSolved(ref, tickets.status_fact(status, part, record), status, ours.wrote(part))
    opened = tickets.ticket(ref, record, ours, partial=True)
    return TicketOpened(ref, "opened", opened, opened.by_bridge)


def with_mark(marker: str) -> Json:
    """The question for the ticket whose description carries the mark."""
    wanted = {"field": "description", "operator": "~", "value": writing.mark_id(marker)}
    return {"query": {"operator": "AND", "value": [wanted]}, "pagination": {"per_page": PAGE}}


def opened_with(marker: str, page: Json) -> str:
    """The ticket on the page whose description carries the mark; empty where none does.

    Raises Ambiguous where none does and there are further pages.
    """
    found = next((ref_id for ref_id, one in _tickets(page) if marker in _description(one)), "")
    if not found and _after(page):
        msg = "more tickets were found than one page holds"
        raise Ambiguous(msg)
    return found


def _description(record: Json) -> str:
    return text(section(record, "ticket_attributes"), tickets.DESCRIPTION)


def _tickets(page: Json) -> Iterator[tuple[str, Json]]:
    for one in reading.records(page, "tickets"):
        ref_id = reading.usable_id(one, "id")
        if ref_id:
            yield ref_id, one


def _after(page: Json) -> str:
    return text(section(section(page, "pages"), "next"), "starting_after")
