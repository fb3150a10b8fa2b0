"""Who a ticket's requester is, and whether a conversation's words are still for them. Pure.

A requester is known by the helpdesk's id, else by the id that the company gives them, else by mail. Only like is
compared with like: a delivery may tell a mail where the API tells an id.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bridge.domain import AgentReplied
from bridge.phones import person_key

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bridge.accounts import Account
    from bridge.domain import TicketEvent, Verified
    from bridge.ports import Helpdesk

KINDS = ("id", "external_id", "email")
"""Of what a requester is known by, the surest first."""

SAME_PERSON, END = "same-person", "end"
"""What a person decides about replies that are held since the requester was changed."""


class Change(StrEnum):
    """What became of a ticket's requester; all but OTHER go on."""

    NONE = ""
    NUMBER = "number"
    MERGED = "merged"
    OTHER = "other"


def identity(requester: Mapping[str, Any] | None) -> str:
    """By what this requester is known, ``id:7``; empty where nothing is told."""
    for kind in KINDS:
        found = str((requester or {}).get(kind) or "").strip()
        if found:
            return f"{kind}:{found.casefold() if kind == 'email' else found}"
    return ""


def id_of(found: str) -> str:
    """The helpdesk's own id in an identity; empty where it is of another kind."""
    kind, _, rest = found.partition(":")
    return rest if kind == "id" else ""


def comparable(one: str, other: str) -> bool:
    """Whether both are told, and of one kind."""
    return bool(one and other) and one.partition(":")[0] == other.partition(":")[0]


def changed(known: str, users: Collection[str], now: str, user: str) -> Change:
    """What it means that the ticket's requester is ``now``, whose id at Jelou is ``user`` as far as it is told.

    ``known`` is the requester with whom the conversation began, ``users`` the ids that its customer has at Jelou.
    Another requester with the same number or id at Jelou is the same person, whose two users were merged.
    """
    same_user = bool(user) and person_key(user) in {person_key(one) for one in users if one}
    if not comparable(known, now):
        return Change.NONE
    if known == now:
        return Change.NUMBER if user and not same_user else Change.NONE
    return Change.MERGED if same_user else Change.OTHER


def with_requester(
    events: Sequence[TicketEvent], dialect: Helpdesk, verified: Verified, account: Account
) -> list[TicketEvent]:
    """The same events; a reply with who is the requester, where its delivery tells. Raises Unreadable."""
    if not any(isinstance(event, AgentReplied) for event in events):
        return list(events)
    found = identity(dialect.requester(verified, account))
    return [replace(event, requester=found) if isinstance(event, AgentReplied) else event for event in events]
