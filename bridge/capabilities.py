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
    "customer": AddReply(f"x\n{MARK}", MARK, "Ana", "7"),
    "status": SetStatus("solved"),
    "tag": SetField("tag", "jelou"),
}

FIELDS: Final = ("external_id", "jelou_conversation", "cf_jelou", "customfield_10062", "360001112299")
"""Names of fields as helpdesks write them; where one of them can be written, a field can."""

PROOFS: Final[Mapping[type[Verification], str]] = {
    HmacSigned: "signature",
    HashSigned: "signature",
    **dict.fromkeys((HeaderTokens, BasicCredentials, UrlTokens), "token"),
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


COLUMNS: Final = ("kind", "proof", "reads", "comments", *ACTIONS, "field", "opens", "lists")
"""``reads`` the ticket and its ``comments``; writes a ``note``, the ``customer``'s words, a ``status`` and so on;
``opens`` tickets, ``lists`` what has changed. A ``token`` is one in a header or the address, or a password."""


def capabilities(dialect: Helpdesk, account: Account, name: str = "") -> Capabilities:
    """Asked of the dialect, by the calls it makes for this account."""
    ref = TicketRef(dialect.kind, "main", "1")
    opening = OpenTicket("x", f"x\n{MARK}", MARK, "593987654321", "Ana", "+593987654321", "1")
    fields = [SetField(name, "x") for name in FIELDS]
    written = {what for what, action in ACTIONS.items() if _writes(dialect, account, ref, action)}
    written |= {"field"} if any(_writes(dialect, account, ref, one) for one in fields) else set()
    return Capabilities(
        kind=name or dialect.kind,
        proof=PROOFS[type(dialect.verification(account))],
        reads=dialect.fetch(account, ref) is not None,
        comments=dialect.fetch_comments(account, ref) is not None,
        writes=tuple(sorted(written)),
        opens=dialect.open_ticket(account, opening, "1:x", now_ms=0) is not None,
        lists=dialect.changed(account, 1_000, "") is not None,
        calls_per_minute=account.calls_per_minute or dialect.calls_per_minute,
    )


def _writes(dialect: Helpdesk, account: Account, ref: TicketRef, action: WriteBack) -> bool:
    """What must be looked up first is written as well."""
    first = dialect.prepare(account, ref, action, ())
    return first is not None or dialect.call(account, ref, action, "1:x", now_ms=0) is not None


def row(known: Capabilities) -> tuple[str, ...]:
    """The values of ``COLUMNS``, yes or empty."""
    told = (
        known.reads,
        known.comments,
        *(what in known.writes for what in (*ACTIONS, "field")),
        known.opens,
        known.lists,
    )
    return known.kind, known.proof, *("yes" if one else "" for one in told)
