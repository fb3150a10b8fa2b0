"""Whom an agent's words are for: a mail to somebody else stays in the helpdesk. Pure.

One ticket may carry mails to several people: a forward to a supplier is as public to the helpdesk as a reply is. So a
mail is the customer's only where one of its addressees (To, Cc, Bcc) is an address of the requester's, whichever of
those that the vendor tells: mails, further ones, phones, the contact's id. Where no addressee is told the helpdesk has
sent it to the requester. Chats, WhatsApp, portals and forms have one reader, and whom they name is not asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.accounts import Account

ELSEWHERE: Final = "addressees"
"""The mail is for somebody else."""
UNKNOWN: Final = "unknown_requester"
"""It is a mail, and nobody knows the requester's address."""
CALL: Final = "call"
"""It is the record of a phone call: nobody was written to."""

OWN_USER: Final = "own_user"
"""The bridge's own user wrote it, and nothing proves that it was the bridge and not a person who works as that user."""

REASONS: Final = {
    ELSEWHERE: "the mail is addressed to somebody else",
    UNKNOWN: "it is a mail, and the helpdesk tells no mail address of the requester",
    CALL: "it is the record of a call",
    OWN_USER: "it is by the bridge's own user, and nothing proves whether the bridge or a person wrote it",
}
"""In the trace."""

TOLD: Final = frozenset({ELSEWHERE, UNKNOWN, OWN_USER})
"""Of which the ticket tells: the agent wrote to somebody, and may have meant the customer."""

DEEP: Final = 8
"""Lists in lists; what nests deeper was made to break its reader."""

_QUOTED: Final = re.compile(r'"[^"]*"\s*<')
"""A name in which a comma may stand, before its address."""
_ANGLED: Final = re.compile(r"<([^<>\s@]+@[^<>\s@]+)>")
_BARE: Final = re.compile(r"[\s\"'<>()\[\]]+")
_PHONE: Final = re.compile(r"[+0-9 ().\-/]{6,40}")


def withheld(account: Account, to: object, customer: object, *, mail: bool | None = None) -> str:
    """Why these words are not for the customer; empty where they are.

    ``to`` and ``customer`` are addresses as they are told: texts, lists of some, headers with names. ``mail`` says
    whether it is one; None where the helpdesk does not: then it is one where it went to a mail address.
    """
    addressed, known = addresses(to), addresses(customer)
    is_mail = any("@" in one for one in addressed) if mail is None else mail
    if account.addressees == "off" or not addressed or not is_mail or addressed & known:
        return ""
    return ELSEWHERE if any("@" in one for one in known) else UNKNOWN


def addresses(told: object, deep: int = DEEP) -> frozenset[str]:
    """The addresses in a text, or in a list of some, so that two of the same person compare as equal."""
    if isinstance(told, list | tuple | set | frozenset):
        return frozenset(one for inner in told for one in addresses(inner, deep - 1)) if deep else frozenset()
    if isinstance(told, int) and not isinstance(told, bool):
        return frozenset({str(told)})
    if not isinstance(told, str):
        return frozenset()
    parts = re.split(r"[,;\n]", _QUOTED.sub("<", told))
    return frozenset(one for part in parts for one in _in_part(part))


def _in_part(part: str) -> Iterable[str]:
    """Of a name with an address behind it the address alone: anything may stand in a name."""
    if "<" in part:
        return map(_folded, _ANGLED.findall(part))
    mails = [_folded(one) for one in _BARE.split(part) if "@" in one.strip("@")]
    whole = _folded(part)
    return mails or ([whole] if whole else [])


def _folded(address: str) -> str:
    said = address.strip().casefold().removeprefix("mailto:").removeprefix("smtp:")
    return re.sub(r"\D", "", said) if _PHONE.fullmatch(said) else said
