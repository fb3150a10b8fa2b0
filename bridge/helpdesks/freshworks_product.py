"""What sets Freshdesk and Freshservice apart, as one value each; and the words that both share. Pure.

Both number statuses and priorities alike over the API, and print them in webhooks as labels in the account's language.
An account's own statuses have numbers of their own: they are named under ``labels.status``, by number and by label.

Sources: "Ticket properties" on Freshdesk's developer site, "Tickets" on Freshservice's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.helpdesks import labels
from bridge.helpdesks.labels import CHANNELS, PRIORITIES, STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.accounts import Account

STATUS: Final[Mapping[str, str]] = {**STATUSES, "2": "open", "3": "pending", "4": "solved", "5": "closed"}
PRIORITY: Final[Mapping[str, str]] = {**PRIORITIES, "1": "low", "2": "normal", "3": "high", "4": "urgent"}
CHANNEL: Final[Mapping[str, str]] = {
    **CHANNELS,
    **dict.fromkeys(("portal", "feedback widget", "widget de feedback", "widget de comentarios"), "web"),
    **dict.fromkeys(("phone", "teléfono", "telefone"), "phone"),
}
"""The numbers of sources differ: each product adds its own."""

_KNOWN: Final = frozenset({"new", "open", "pending", "on-hold", "solved", "closed"})
_DISPLAYED: Final = re.compile(r"#?(?:[A-Za-z][A-Za-z0-9]{0,20}-)?([0-9]{1,18})")
"""``1187``, ``#1187``, ``INC-532``, ``#SR-77``: the number behind the prefix is the ticket's id in the API."""


@dataclass(frozen=True, slots=True)
class Product:
    """One of the two products.

    ``newest`` and ``changed`` are the paths of its lists, ``person`` that of a requester by their id, who stands under
    ``person_in`` in the answer. ``custom`` is how the name of a custom field looks, ``chat`` the number of the source.
    """

    kind: str
    statuses: Mapping[str, str]
    channels: Mapping[str, str]
    newest: str
    changed: str
    person: str
    person_in: str
    custom: re.Pattern[str]
    chat: int
    external_ids: bool
    """Whether a ticket may be opened for somebody who is known by an external id alone."""

    def status(self, account: Account, *said: str) -> str:
        """The bridge's word for a status: of the first that is known of what was said, a label or a number."""
        words = [labels.status(account, one, self.statuses) for one in said if one.strip()]
        return next((word for word in words if word in _KNOWN), words[0] if words else "")


def written(tags: Iterable[str], *texts: str) -> tuple[str, ...]:
    """Where a mark may stand: in texts, and among the tags, where it has no brackets."""
    return (*(f"[{tag}]" for tag in tags), *texts)


def number(said: str) -> str:
    """The ticket's number in an id as it is shown to people; empty where there is none."""
    found = _DISPLAYED.fullmatch(said.strip())
    return found.group(1) if found else ""
