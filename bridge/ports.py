"""The seams: what a dialect offers, what the I/O modules offer. Fakes and real ones implement the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

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
        TicketEvent,
        TicketRef,
        Verified,
        WriteBack,
    )
    from bridge.signatures import Verification

Action = TypeVar("Action", bound="WriteBack | OpenTicket")


class Helpdesk(Protocol):
    """A dialect: everything the bridge knows of one kind of helpdesk. Pure: it makes calls and reads replies.

    A new helpdesk is one module with such a class, one line in ``bridge.helpdesks.REGISTRY`` and one folder of
    recordings; the contract tests run over all of them.
    """

    @property
    def kind(self) -> str:
        """The name in the webhook's path and under ``helpdesks`` in the configuration."""
        ...

    @property
    def settings(self) -> type[Account]:
        """The model of an account of this kind."""
        ...

    @property
    def calls_per_minute(self) -> int:
        """The vendor's limit for an account, as far as it is known; a sane pace where there is none."""
        ...

    @property
    def ticket_rate(self) -> Rate | None:
        """The vendor's limit on one ticket, None where there is none."""
        ...

    def account_rates(self, account: Account) -> tuple[Rate, ...]:
        """The vendor's further limits for an account, beside the calls of a minute."""
        ...

    def grant(self, account: Account) -> Call | None:
        """The call that asks for an access token; None where the credential stands in each call.

        Calls with ``granted`` carry the token, which is kept until it expires or is refused.
        """
        ...

    def granted(self, account: Account, reply: Reply) -> Grant:
        """The token in the answer of ``grant``. Raises CallError."""
        ...

    def handshake(self, account: Account, delivery: Delivery) -> Handshake | None:
        """The answer to a sender that asks who we are before it sends, or None: this is no handshake.

        Asked before the signature is checked, of GET requests too: nothing in it may help a stranger to sign.
        """
        ...

    def handshake_in_body(self, account: Account) -> bool:
        """Whether a POST without a proof may be a handshake, so that its body must be read to tell."""
        ...

    def accepted(self, account: Account) -> Handshake | None:
        """What the sender hears where its delivery was taken, now or before; None for 202 and the delivery's id."""
        ...

    def verification(self, account: Account) -> Verification:
        """How a delivery for this account proves itself."""
        ...

    def content_type(self, account: Account) -> str:
        """What a delivery's body declares to be; one that declares nothing is taken as that."""
        ...

    def delivery_id(self, delivery: Delivery, account: Account) -> str:
        """The sender's id of this delivery, the same on its retries; empty where it sends none."""
        ...

    def read(self, verified: Verified, account: Account, account_name: str) -> Sequence[TicketEvent]:
        """The events in a delivery. Raises Unreadable, and nothing else, whatever the body is."""
        ...

    def requester(self, verified: Verified, account: Account) -> Mapping[str, Any]:
        """Who a delivery about one ticket says is its requester: id, external_id, email; empty where it does not.

        The same person is told as ``fetched`` tells them. Raises Unreadable.
        """
        ...

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """The call that reads the whole ticket; None where this helpdesk has no such call."""
        ...

    def fetch_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
        """The next call that tells what these answers leave out; None where they tell all. Raises CallError.

        ``replies`` begin with the answer of ``fetch``. Some helpdesks keep the phone number with the contact.
        """
        ...

    def fetched(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> Ticket:
        """The ticket in the answer of ``fetch``, and in those of ``fetch_more``. Raises CallError."""
        ...

    def prepare(
        self, account: Account, ref: TicketRef | None, action: WriteBack | OpenTicket, replies: Sequence[Reply]
    ) -> Call | None:
        """The next call that must come before the write, None where these answers are enough. Raises CallError.

        It reads, or makes something that is harmless to make again: a transition looked up by its status, a contact
        for a ticket to be opened. ``ref`` is None for a ticket that is not there yet.
        """
        ...

    def prepared(self, account: Account, action: Action, replies: Sequence[Reply]) -> Action:
        """The action with what the answers of ``prepare`` told, for ``call`` or ``open_ticket``. Raises CallError."""
        ...

    def call(self, account: Account, ref: TicketRef, action: WriteBack, key: str, *, now_ms: int) -> Call | None:
        """The call that performs the action; None where this account takes no such write.

        ``key`` is the action's own within its ticket, the same on every try: with the ticket it makes an idempotency
        key where the helpdesk has one. ``now_ms`` is the time of this try, for calls that are signed.
        """
        ...

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:
        """The helpdesk's id of what was written (empty where it gives none). Raises CallError."""
        ...

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """The call that tells whether a write of unknown fate arrived; None where writing again is harmless."""
        ...

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:
        """The write as the answer of ``probe`` shows it, in the helpdesk's own text; empty where it is not there.

        Raises CallError.
        """
        ...

    def field_path(self, field: str) -> str:
        """Where in ``Ticket.fields`` the field of this name in ``write_back`` stands when the ticket was fetched."""
        ...

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """The call that reads the ticket's newest comments; None where this helpdesk has no such call."""
        ...

    def comments_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
        """The next call that tells what these answers leave out; None where they tell all. Raises CallError."""
        ...

    def fetched_comments(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> Sequence[AgentReplied]:
        """The comments of agents in the answer of ``fetch_comments``, whole, oldest first, with their webhooks' facts.

        Raises CallError.
        """
        ...

    @property
    def files_need_login(self) -> bool:
        """Whether the files at an account's own host are shown to nobody without a login."""
        ...

    @property
    def file_hosts(self) -> tuple[str, ...]:
        """Where the vendor keeps files: a redirect to these hosts, or below them, is followed without a credential."""
        ...

    def file_call(self, account: Account, path: str) -> Call | None:
        """The call that reads a file at this path of the account's own host; None where there is no such call."""
        ...

    def open_ticket(self, account: Account, action: OpenTicket, key: str, *, now_ms: int) -> Call | None:
        """The call that opens a ticket, marked from its first request; None where this account opens none."""
        ...

    def opened(self, account: Account, reply: Reply) -> str:
        """The id of the ticket that ``open_ticket`` opened. Raises CallError."""
        ...

    def find_opened(self, account: Account, action: OpenTicket) -> Call | None:
        """The call that finds a ticket of unknown fate; None where opening it again with the same key is harmless."""
        ...

    def found_opened(self, account: Account, action: OpenTicket, reply: Reply) -> str:
        """The id of the ticket as the answer of ``find_opened`` shows it; empty where it is not there.

        Raises CallError.
        """
        ...

    def changed(self, account: Account, since_ms: int, after: str) -> Call | None:
        """The call that lists the tickets changed since then, behind ``after``; None where there is no such list."""
        ...

    def changes(self, account: Account, account_name: str, reply: Reply) -> Changes:
        """One page in the answer of ``changed``. Raises CallError."""
        ...
