"""What most helpdesks have in common: one call is enough, a credential is a header, nobody shakes hands. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from bridge.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.accounts import Account
    from bridge.domain import Call, Delivery, Grant, Handshake, OpenTicket, Rate, Reply, TicketRef, WriteBack

Action = TypeVar("Action", bound="WriteBack | OpenTicket")


class Dialect:
    """The part of ``bridge.ports.Helpdesk`` that only few have; those say it in their own words."""

    ticket_rate: Rate | None = None

    def fetch_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:  # noqa: ARG002 - see below
        """None: the first answer tells all."""
        return None

    def comments_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:  # noqa: ARG002 - see below
        """None: the first answer tells all."""
        return None

    def prepare(
        self,
        account: Account,  # noqa: ARG002 - see below
        ref: TicketRef | None,  # noqa: ARG002 - see below
        action: WriteBack | OpenTicket,  # noqa: ARG002 - see below
        replies: Sequence[Reply],  # noqa: ARG002 - see below
    ) -> Call | None:
        """None: a write needs nothing before it."""
        return None

    def prepared(self, account: Account, action: Action, replies: Sequence[Reply]) -> Action:  # noqa: ARG002 - see below
        """The action as it is."""
        return action

    def grant(self, account: Account) -> Call | None:  # noqa: ARG002 - see below
        """None: the credential is in the call."""
        return None

    def granted(self, account: Account, reply: Reply) -> Grant:  # noqa: ARG002 - see below
        """Raises Refused: there is no such call."""
        msg = "this helpdesk hands out no access token"
        raise Refused(msg)

    def handshake(self, account: Account, delivery: Delivery) -> Handshake | None:  # noqa: ARG002 - see below
        """None: this is no handshake."""
        return None
