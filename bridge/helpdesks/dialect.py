"""What a dialect need not say: the parts of ``bridge.ports.Helpdesk`` that a helpdesk may be without. Pure.

Without a word of its own a dialect has one call for each thing, no token, no handshake, and nothing that could be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from bridge.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.accounts import Account
    from bridge.domain import (
        AgentReplied,
        Call,
        Changes,
        Delivery,
        Grant,
        Handshake,
        OpenTicket,
        Rate,
        Reply,
        Ticket,
        TicketRef,
        Verified,
        WriteBack,
    )

Action = TypeVar("Action", bound="WriteBack | OpenTicket")


def unaskable() -> Refused:
    """The error for an answer to a call that is never made."""
    return Refused("this helpdesk has nothing that could be read")


# Each method has the port's arguments, and needs none of them.
# ruff: noqa: ARG002


class Dialect:
    """The base of a dialect. What a helpdesk has, its dialect says in its own words."""

    calls_per_minute: int = 60
    ticket_rate: Rate | None = None
    files_need_login: bool = False
    file_hosts: tuple[str, ...] = ()

    def account_rates(self, account: Account) -> tuple[Rate, ...]:
        """None: the calls of a minute are the only limit."""
        return ()

    def handshake(self, account: Account, delivery: Delivery) -> Handshake | None:
        """None: this is no handshake."""
        return None

    def handshake_in_body(self, account: Account) -> bool:
        """False: whoever posts proves it."""
        return False

    def accepted(self, account: Account) -> Handshake | None:
        """None: 202 is understood."""
        return None

    def content_type(self, account: Account) -> str:
        """JSON."""
        return "application/json"

    def delivery_id(self, delivery: Delivery, account: Account) -> str:
        """Empty: there is none."""
        return ""

    def grant(self, account: Account) -> Call | None:
        """None: the credential is in the call."""
        return None

    def granted(self, account: Account, reply: Reply) -> Grant:
        """Raises Refused: there is no such call."""
        raise unaskable()

    def requester(self, verified: Verified, account: Account) -> Mapping[str, Any]:
        """Empty: a delivery does not tell."""
        return {}

    # -- reads

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """None: a ticket cannot be read."""
        return None

    def fetch_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
        """None: the first answer tells all."""
        return None

    def fetched(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> Ticket:
        """Raises Refused: there is no such call."""
        raise unaskable()

    def field_path(self, field: str) -> str:
        """Among the custom fields, by its own name."""
        return f"custom.{field}"

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """None: comments cannot be read."""
        return None

    def comments_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
        """None: the first answer tells all."""
        return None

    def fetched_comments(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> Sequence[AgentReplied]:
        """Raises Refused: there is no such call."""
        raise unaskable()

    def file_call(self, account: Account, path: str) -> Call | None:
        """None: Jelou fetches files where they lie."""
        return None

    # -- writes

    def prepare(
        self, account: Account, ref: TicketRef | None, action: WriteBack | OpenTicket, replies: Sequence[Reply]
    ) -> Call | None:
        """None: a write needs nothing before it."""
        return None

    def prepared(self, account: Account, action: Action, replies: Sequence[Reply]) -> Action:
        """The action as it is."""
        return action

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """None: writing again is harmless."""
        return None

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:
        """Empty: there is no probe."""
        return ""

    # -- tickets of ours, and lists

    def open_ticket(self, account: Account, action: OpenTicket, key: str, *, now_ms: int) -> Call | None:
        """None: no ticket can be opened."""
        return None

    def opened(self, account: Account, reply: Reply) -> str:
        """Raises Refused: there is no such call."""
        raise unaskable()

    def find_opened(self, account: Account, action: OpenTicket) -> Call | None:
        """None: opening it again is harmless."""
        return None

    def found_opened(self, account: Account, action: OpenTicket, reply: Reply) -> str:
        """Empty: there is no such call."""
        return ""

    def changed(self, account: Account, since_ms: int, after: str) -> Call | None:
        """None: there is no list."""
        return None

    def changes(self, account: Account, account_name: str, reply: Reply) -> Changes:
        """Raises Refused: there is no such call."""
        raise unaskable()
