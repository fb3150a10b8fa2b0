"""What a link owes to either side and what it has behind it: write-backs, messages, an end, past episodes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """The two sides. Each waits on its own: a helpdesk that is away holds back no message to the customer."""

    HELPDESK = "helpdesk"
    JELOU = "jelou"


def side_at(destination: str) -> Side:
    """The side of a destination, as the gates know it."""
    return Side.JELOU if destination.startswith("jelou:") else Side.HELPDESK


@dataclass(frozen=True, slots=True)
class Hold:
    """A side is left alone until then. ``firm``: a new event does not end it."""

    until_ms: int
    reason: str
    firm: bool = False


@dataclass(frozen=True, slots=True)
class Todo:
    """One write-back that is not done yet. ``sent`` says that a try of it may have arrived: look before repeating.

    It is not begun before ``due_ms``; until it is sent, what the customer writes next is added to its ``text``.
    ``tries`` and ``first_ms`` tell how long it has been tried; ``looked`` that no earlier try of it has arrived.
    ``doubted``: Redis may have lost what makes it wrong, and it is left undone where nobody can say.
    """

    key: str
    kind: str
    text: str
    field: str = ""
    sent: bool = False
    due_ms: int = 0
    tries: int = 0
    first_ms: int = 0
    looked: bool = False
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """One message that is not with the customer yet, of the helpdesk's comment ``comment``.

    ``id`` is the same on every try. ``sent`` says that a try may be out; ``doubts`` counts tries of unknown fate.
    """

    id: str
    message_type: str
    content: dict[str, str]
    comment: str = ""
    sent: bool = False
    doubts: int = 0
    tries: int = 0
    first_ms: int = 0


@dataclass(frozen=True, slots=True)
class File:
    """Of which comment's files a message is, by the helpdesk's id and name; it stands beside the message.

    ``read_ms`` is when its address was read, ``stale_ms`` since when it waits to be read again, 0 while it does not.
    """

    fact: str
    id: str = ""
    name: str = ""
    read_ms: int = 0
    stale_ms: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """The conversation is to end, because ``reason``, once all before it is said.

    ``read_ms`` is when the ticket was last read as solved, ``looked_ms`` when Jelou last had the conversation as
    active: 0 where that has to be asked before the next close.
    """

    reason: str
    goodbye: str = ""
    tries: int = 0
    first_ms: int = 0
    looked_ms: int = 0
    read_ms: int = 0


@dataclass(frozen=True, slots=True)
class Past:
    """An episode that has ended."""

    episode: int
    conversation: str
    opened_ms: int = 0
    closed_ms: int = 0
    reason: str = ""
