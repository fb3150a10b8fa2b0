"""When what came had happened. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain import TicketEvent, TicketOpened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.events import Received


def born_ms(received: Received) -> int:
    """The earliest time an event knows of its ticket or conversation; when it was received, if no other."""
    event = received.event
    told = event.ticket.created_ms if isinstance(event, TicketOpened) else getattr(event, "at_ms", 0)
    return min(told or received.at_ms, received.at_ms)


def changed_ms(inbox: Iterable[Received]) -> int:
    """The newest change of the ticket that its helpdesk's deliveries tell of; 0 where there is none.

    A delivery that comes late tells of its own time: what changed since may have been told by another that was lost.
    """
    return max((born_ms(one) for one in inbox if isinstance(one.event, TicketEvent)), default=0)
