"""A ticket of Intercom as its notifications, its API and its search tell it alike: parts, states, people. Pure.

``id`` is the ticket's id for the API, ``ticket_id`` the number that people see. A ticket has a state, and is open or
closed beside it. What is closed without being resolved counts as closed. A workspace names its states as it likes: the
account's own labels come first, then the state's category.

A ticket has no priority of its own: an attribute named priority, prioridad or prioridade stands for it.

Contacts cannot write on Back-office and Tracker tickets. So the contact's id of such a ticket is not told: what the
customer writes then becomes a note that says whose it is.

Sources: "Tickets", "Ticket states", "Contacts" of Intercom's API reference 2.15.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge import marks
from bridge.domain import Ticket
from bridge.helpdesks import labels, reading
from bridge.helpdesks.labels import CHANNELS, ENDED, STATUSES, TYPES, label
from bridge.helpdesks.reading import Json, section, text, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.accounts import Account
    from bridge.domain import TicketRef

KIND: Final = "intercom"
MARKUP: Final = "html"

TITLE: Final = "_default_title_"
DESCRIPTION: Final = "_default_description_"

STATES: Final[Mapping[str, str]] = {
    "submitted": "new",
    "in_progress": "open",
    "waiting_on_customer": "pending",
    "resolved": "solved",
}
"""The category of a state to the bridge's word."""

WITHOUT_REPLIES: Final = frozenset({"back-office", "back office", "tracker"})
"""The categories of tickets on which contacts cannot write."""

PRIORITY_NAMES: Final = frozenset({"priority", "prioridad", "prioridade"})

STATE_PART: Final = "ticket_state_updated"
"""Begins the type of every part that changed the state; what follows says who did."""

CLOSE_PART: Final = "close"

_NOBODY: Final = frozenset({"", "0"})
"""What stands for no team."""

_LATEST_S: Final = 10**11
"""Later than any date; a larger number is none."""


class Ours(NamedTuple):
    """An account, and how the bridge is known there: each empty where it is not configured."""

    account: Account
    admin: str = ""
    app: str = ""

    def wrote(self, part: Json) -> bool:
        """Whether the bridge made this part: its app did, its admin, or its mark is in the text."""
        return self.echo(part) != "" or reading.marked(text(part, "body"), MARKUP)

    def echo(self, part: Json) -> str:
        """Whether its app or its admin did."""
        author = section(part, "author")
        if self.app != "" and text(part, "app_package_code") == self.app:
            return marks.APP
        by_admin = self.admin != "" and text(author, "type") == "admin" and text(author, "id") == self.admin
        return marks.USER if by_admin else ""


# --- parts -----------------------------------------------------------------------------------------------------------


def parts(record: Json) -> list[Json]:
    """The parts of a ticket, oldest first."""
    found = reading.records(section(record, "ticket_parts"), "ticket_parts")
    return sorted(found, key=lambda part: reading.count(part, "created_at"))


def text_parts(part: Json) -> bool:
    """Whether somebody wrote something in it."""
    return text(part, "body") != "" or bool(reading.records(part, "attachments"))


def state_parts(part: Json) -> bool:
    """Whether it changed the ticket's state."""
    return text(part, "part_type").startswith(STATE_PART)


def newest(record: Json, wanted: Callable[[Json], bool]) -> Json:
    """The newest of the parts that are wanted; empty where there is none."""
    return next((part for part in reversed(parts(record)) if wanted(part)), {})


# --- states ----------------------------------------------------------------------------------------------------------


def state_word(found: Json, account: Account) -> str:
    """The bridge's word for a state: by the account's own labels, by its category, by its label."""
    meant = labels.status(account, text(found, "category"), STATES)
    named = text(found, "internal_label")
    return labels.status(account, named, {named.strip().casefold(): meant} if meant else STATUSES) if named else meant


def state(record: Json, account: Account) -> str:
    """The state of a ticket. Old versions of the API tell its category alone."""
    found = section(record, "ticket_state") or {"category": record.get("ticket_state")}
    return state_word(found, account)


def had_ended(part: Json, account: Account) -> bool:
    """Whether the state before this part was one in which a ticket is done."""
    return labels.status(account, text(part, "previous_ticket_state"), STATES) in ENDED


def standing(record: Json, account: Account) -> tuple[str, Json]:
    """The status of a ticket, and the part that brought it there.

    A ticket that was reopened by its state alone may still be closed, until somebody closes it again.
    """
    status, part = state(record, account), newest(record, state_parts)
    last = newest(record, lambda one: state_parts(one) or _closes(one))
    if status in ENDED or reading.flag(record, "open") is not False or had_ended(last, account):
        return status, part
    return "closed", newest(record, _closes)


def _closes(part: Json) -> bool:
    return text(part, "part_type") == CLOSE_PART


def status_fact(status: str, part: Json, record: Json, notification: str = "") -> str:
    """The fact of a status: the same by whichever topic, and by the search."""
    return f"status:{status}:{text(part, 'id') or text(record, 'updated_at') or notification}"


# --- tickets ---------------------------------------------------------------------------------------------------------


def ticket(ref: TicketRef, record: Json, ours: Ours, contact: Json | None = None, *, partial: bool = False) -> Ticket:
    """The ticket. ``contact`` is its first contact as the API tells it, with name and phone."""
    attributes = section(record, "ticket_attributes")
    created_s = moment_s(record, "created_at")
    team = text(record, "team_assignee_id")
    fields = told(
        id=ref.id,
        subject=text(attributes, TITLE),
        status=standing(record, ours.account)[0],
        priority=_priority(attributes, ours.account),
        type=label(TYPES, text(section(record, "ticket_type"), "name")),
        group="" if team in _NOBODY else team,
        channel=label(CHANNELS, text(record, "channel")),
        created_at=_iso8601(created_s),
        requester=requester(record, contact or {}),
        custom=told(**{name: value for name, value in attributes.items() if name not in {TITLE, DESCRIPTION}}),
    )
    by_bridge = reading.opened_by_mark(text(attributes, DESCRIPTION))
    return Ticket(ref, fields, created_s * 1000, partial, by_bridge)


def first_contact(record: Json) -> Json:
    """The first contact of a ticket: its id, and the id it has at the company."""
    return next(iter(reading.records(section(record, "contacts"), "contacts")), {})


def requester(record: Json, contact: Json) -> Json:
    """Who asks: the first contact, with what more is known of them; without an id where none takes replies."""
    found = reading.person(first_contact(record)) | reading.person(contact)
    return {name: value for name, value in found.items() if name != "id" or _takes_replies(record)}


def _takes_replies(record: Json) -> bool:
    category = text(record, "category") or text(section(record, "ticket_type"), "category")
    return category.strip().casefold() not in WITHOUT_REPLIES


def is_seen(record: Json, part: Json) -> bool:
    """Whether contacts see this part: it is neither taken out nor a draft, and the ticket is shared with them."""
    shared = _takes_replies(record) and reading.flag(record, "is_shared") is not False
    draft = reading.flag(part, "is_draft") or text(part, "state").casefold() == "draft"
    return shared and not draft and not reading.flag(part, "redacted")


def _priority(attributes: Json, account: Account) -> str:
    named = next((name for name in attributes if name.strip().casefold() in PRIORITY_NAMES), "")
    return labels.priority(account, text(attributes, named))


def moment_s(record: Json, name: str) -> int:
    """The Unix time under this name, s; 0 where there is none."""
    found = reading.count(record, name)
    return found if found < _LATEST_S else 0


def _iso8601(moment_s: int) -> str:
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment_s else ""
