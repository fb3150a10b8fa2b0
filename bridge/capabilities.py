"""What the bridge can do with each kind of helpdesk, asked of its dialect and never written down by hand. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.domain import AddNote, AddReply, OpenTicket, SetField, SetStatus, TicketRef
from bridge.signatures import BasicCredentials, HashSigned, HeaderTokens, HmacSigned, UrlTokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.accounts import Account
    from bridge.domain import WriteBack
    from bridge.ports import Helpdesk
    from bridge.signatures import Verification

MARK: Final = "[jelou-bridge:0123456789abcdef]"
ACTIONS: Final[Mapping[str, WriteBack]] = {
    "note": AddNote(f"x\n{MARK}", MARK),
    "customer's words": AddReply(f"x\n{MARK}", MARK, "Ana", "7"),
    "status": SetStatus("solved"),
    "tag": SetField("tag", "jelou"),
}

PROOFS: Final[Mapping[type[Verification], str]] = {
    HmacSigned: "signature",
    HashSigned: "signature",
    HeaderTokens: "token",
    BasicCredentials: "password",
    UrlTokens: "token in the address",
}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one kind can do for an account that has access."""

    kind: str
    proof: str
    reads: bool
    comments: bool
    writes: tuple[str, ...]
    opens: bool
    lists: bool
    calls_per_minute: int


COLUMNS: Final = ("kind", "proof", "read ticket", "read comments", *ACTIONS, "open ticket", "list changes")


def capabilities(dialect: Helpdesk, account: Account, name: str = "") -> Capabilities:
    """Asked of the dialect, by the calls it makes for this account."""
    ref = TicketRef(dialect.kind, "main", "1")
    opening = OpenTicket("x", f"x\n{MARK}", MARK, "593987654321", "Ana", "+593987654321", "1")
    calls = {what: dialect.call(account, ref, action, "1:x", now_ms=0) for what, action in ACTIONS.items()}
    return Capabilities(
        kind=name or dialect.kind,
        proof=PROOFS[type(dialect.verification(account))],
        reads=dialect.fetch(account, ref) is not None,
        comments=dialect.fetch_comments(account, ref) is not None,
        writes=tuple(what for what, call in calls.items() if call is not None),
        opens=dialect.open_ticket(account, opening, "1:x", now_ms=0) is not None,
        lists=dialect.changed(account, 1_000, "") is not None,
        calls_per_minute=account.calls_per_minute or dialect.calls_per_minute,
    )


def row(known: Capabilities) -> tuple[str, ...]:
    """The values of ``COLUMNS``, yes or empty."""
    told = (known.reads, known.comments, *(what in known.writes for what in ACTIONS), known.opens, known.lists)
    return known.kind, known.proof, *("yes" if one else "" for one in told)
