"""What GLPI lists: a ticket's timeline, and the tickets that changed. Pure.

The timeline holds follow-ups and solutions whole, the private ones too, and neither files nor who is the requester:
that is asked of the ticket where authors are told.

The list of changed tickets is read on from the last id, so that a ticket that changes meanwhile moves no other one out
of sight. GLPI compares ``date_mod`` as its database holds it, in the zone of the API's user and without one: where
``access.timezone`` does not name it, it is asked from twelve hours earlier, which no zone is behind of. A filter that
GLPI does not know is left out by it, so nothing here relies on one.

Sources: GLPI 11, ``src/Glpi/Api/HL/Search.php``, ``RSQL/Parser.php``, ``RSQL/Lexer.php``,
``Controller/AdministrationController.php``; the zones of filters as clients of the API report them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from bridge.domain import AgentReplied, Changes, TicketOpened, TicketRef
from bridge.helpdesks import glpi_events, reading
from bridge.helpdesks.glpi_writing import OPENING, PARTIAL, listed, timeline
from bridge.helpdesks.reading import Json, section, text, told

if TYPE_CHECKING:
    from bridge.domain import Reply, TicketEvent
    from bridge.helpdesks.glpi_events import Site

PAGE: Final = 100

SOLUTION: Final = "Solution"
COMMENTS: Final = ("Followup", SOLUTION)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FURTHEST_BEHIND: Final = timedelta(hours=12)


def replies(ref: TicketRef, reply: Reply, record: Json, site: Site) -> list[AgentReplied]:
    """The agents' follow-ups and solutions in a timeline, and the bridge's own, oldest first. Raises CallError.

    ``record`` is the ticket, empty where it was not asked for.
    """
    customers = glpi_events.customers_of(record)
    found = [
        glpi_events.replied(ref, item, site, customers, solution=kind == SOLUTION)
        for kind, item in timeline(reply)
        if kind in COMMENTS and reading.usable_id(item, "id")
    ]
    said = [one for one in found if isinstance(one, AgentReplied)]
    return sorted(said, key=lambda one: one.at_ms or _LAST)


_LAST: Final = 2**63
"""A solution tells no time, and comes last."""


def authors_told(reply: Reply) -> bool:
    """Whether a timeline says who wrote what. Raises CallError."""
    return any(text(section(item, "user"), "id") for _, item in timeline(reply))


def requester(record: Json, user: Json) -> Json:
    """The requester of a ticket: ``phone`` is the first of GLPI's mobile, phone and phone2, and the last two stay."""
    named = " ".join(filter(None, (text(user, "firstname").strip(), text(user, "realname").strip())))
    phones = [text(user, name).strip() for name in ("mobile", "phone", "phone2")]
    found = told(
        name=named,
        email=_email(user),
        phone=next(filter(None, phones), ""),
        mobile=phones[0],
        phone2=phones[2],
    )
    return glpi_events.requester_of(record) | found


def _email(user: Json) -> str:
    emails = sorted(reading.records(user, "emails"), key=lambda one: reading.flag(one, "is_default") is not True)
    return next((text(one, "email") for one in emails), "")


def since(since_ms: int, timezone: str) -> str:
    """The moment as the list is asked for it."""
    moment = _EPOCH + timedelta(milliseconds=since_ms)
    local = moment.astimezone(ZoneInfo(timezone)) if timezone else moment - _FURTHEST_BEHIND
    return local.strftime("%Y-%m-%d %H:%M:%S")


def changes(account_name: str, reply: Reply, site: Site) -> Changes:
    """One page of the changed tickets, by their id. Raises CallError."""
    page = listed(reply, OPENING)
    found = [(TicketRef(glpi_events.KIND, account_name, reading.usable_id(one, "id")), one) for one in page]
    named = [(ref, one) for ref, one in found if ref.id]
    more = bool(named) and (reply.status == PARTIAL or len(page) >= PAGE)
    return Changes(
        events=tuple(event for ref, one in named for event in _events(ref, one, site)),
        tickets=tuple(ref for ref, one in named if not reading.flag(one, "is_deleted")),
        after=named[-1][0].id if more else "",
        changed_ms={ref: reading.changed_ms(one, "date_mod") for ref, one in named},
    )


def _events(ref: TicketRef, record: Json, site: Site) -> list[TicketEvent]:
    moved = glpi_events.moved(ref, record, site)
    if moved.type == "ticket.solved":
        return [moved]
    opened = glpi_events.ticket(ref, record, site, glpi_events.requester_of(record), partial=True)
    return [TicketOpened(ref, "opened", opened, opened.by_bridge), moved]
