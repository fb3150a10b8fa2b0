"""A ticket as it was read, kept while its start waits, so that the helpdesk is not asked again at each try. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from bridge.domain import Ticket

if TYPE_CHECKING:
    from bridge.domain import TicketRef

FRESH_MS = 600_000
"""How long it is taken for true. Whatever is told of the ticket ends that at once; but a phone number that is repaired
in its customer's profile is told by no event, and is to count while somebody still waits for the conversation."""

MOST_BYTES = 32_768
"""A bigger ticket is not kept: it would be stored anew at the end of each claim, and come with each."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A ticket and when it was read."""

    ticket: Ticket
    read_ms: int
    changes: int = 0
    """How many of the ticket's changes that ask for nothing had been told by then."""

    def fresh(self, now_ms: int, changes: int) -> bool:
        """Whether it still counts. A clock that went wrong must not make it count for ever."""
        return changes == self.changes and abs(now_ms - self.read_ms) < FRESH_MS

    def dump(self) -> str:
        """As JSON text; empty where the ticket is too big, or nests deeper than can be written."""
        ticket = self.ticket
        kept = {"fields": ticket.fields, "created_ms": ticket.created_ms, "by_bridge": ticket.by_bridge}
        try:
            text = orjson.dumps(kept | {"read_ms": self.read_ms, "changes": self.changes})
        except orjson.JSONEncodeError:
            return ""
        return text.decode() if len(text) <= MOST_BYTES else ""

    @classmethod
    def load(cls, text: str, ref: TicketRef) -> Snapshot | None:
        """Read what ``dump`` wrote, in this version or another; None where there is nothing that can be read."""
        try:
            kept = orjson.loads(text)
            ticket = Ticket(ref, dict(kept["fields"]), int(kept["created_ms"]), by_bridge=bool(kept["by_bridge"]))
            return cls(ticket, int(kept["read_ms"]), int(kept.get("changes", 0)))
        except (ValueError, TypeError, KeyError, OverflowError):
            return None
