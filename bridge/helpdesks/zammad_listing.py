"""What Zammad's API answers: a ticket in three parts, its articles, lists of tickets and of users. Pure.

With ``expand=true`` a ticket tells its state, priority and group by name and its people by login: the phone number is
with the user, and the tags have an address of their own. The first article is the ticket's description: no webhook
tells it as a reply, and neither does this.

Lists of tickets are asked for by conditions, without a query: then Zammad reads its database, which knows a ticket at
once; a query goes to its search index, which lags and need not be there. They are asked for oldest change first, and
the next page begins where this one ends.

Sources: "Ticket", "Articles", "User", "Tags" of the API documentation; ``tickets_controller.rb``, ``can_search.rb``,
``selector/sql.rb`` in Zammad's source.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from bridge.domain import Changes, TicketOpened, TicketRef, TicketSolved
from bridge.errors import Ambiguous
from bridge.helpdesks import reading, zammad_reading
from bridge.helpdesks.labels import ENDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.accounts import Account
    from bridge.domain import AgentReplied, Ticket, TicketEvent
    from bridge.helpdesks.reading import Json

PAGE: Final = 100
"""Tickets of one page; Zammad takes up to 200."""

LATEST_MS: Final = 253_402_300_799_999
"""The end of the year 9999."""


def changed_since(since_ms: int, after: str) -> str:
    """The question for the tickets changed since then, or behind the page that told ``after``."""
    begin_ms = min(reading.count({"ms": after}, "ms") or max(since_ms, 0), LATEST_MS)
    moment = datetime.fromtimestamp(begin_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return _search("ticket.updated_at", "after (absolute)", moment.replace("+00:00", "Z"), PAGE)


def noted(mark: str) -> str:
    """The question for the ticket that the bridge opened with this mark."""
    return _search("ticket.note", "is", mark, 10)


def _search(attribute: str, operator: str, value: str, most: int) -> str:
    asked = {
        f"condition[{attribute}][operator]": operator,
        f"condition[{attribute}][value]": value,
        "sort_by": "updated_at",
        "order_by": "asc",
        "per_page": str(most),
        "expand": "true",
    }
    return f"/api/v1/tickets/search?{urlencode(asked, quote_via=quote)}"


def changes(account_name: str, page: Sequence[Json], account: Account, bridge_user: str) -> Changes:
    """One page: tickets not done as opened, tickets done as solved."""
    named = [(reading.usable_id(one, "id"), one) for one in page]
    found = [(TicketRef(zammad_reading.KIND, account_name, ref_id), one) for ref_id, one in named if ref_id]
    last_ms = zammad_reading.moment_ms(page[-1], "updated_at") if page else 0
    return Changes(
        events=tuple(_event(ref, one, account, bridge_user) for ref, one in found),
        tickets=tuple(ref for ref, _ in found),
        # A millisecond back: others of the last one's moment may stand on the next page.
        after=str(last_ms - 1) if len(page) >= PAGE and last_ms > 1 else "",
        changed_ms={ref: reading.changed_ms(one, "updated_at") for ref, one in found},
    )


def _event(ref: TicketRef, about: Json, account: Account, bridge_user: str) -> TicketEvent:
    opened = zammad_reading.ticket(ref, about, {}, account, bridge_user, partial=True)
    status = str(opened.fields.get("status", ""))
    if status in ENDED:
        return TicketSolved(ref, f"status:{status}:{zammad_reading.moment_ms(about, 'updated_at')}", status)
    return TicketOpened(ref, "opened", opened, opened.by_bridge)


def with_note(page: Sequence[Json], mark: str) -> str:
    """The id of the ticket with this mark; empty for an empty page. Raises Ambiguous for one of other tickets."""
    found = next((reading.usable_id(one, "id") for one in page if reading.text(one, "note") == mark), "")
    if page and not found:
        msg = "answered with tickets that were not asked for"
        raise Ambiguous(msg)
    return found


def whole(ref: TicketRef, about: Json, customer: Json, tags: Json, account: Account, bridge_user: str) -> Ticket:
    """The ticket with its customer and its tags."""
    return zammad_reading.ticket(ref, {**about, "tags": tags.get("tags")}, customer, account, bridge_user)


def replies(
    ref: TicketRef, articles: Sequence[Json], bridge_user: str, account: Account, customer: Json
) -> list[AgentReplied]:
    """The articles of agents and of the bridge, oldest first; the first of the ticket is none of them.

    ``customer`` is the user, empty where nobody had to be asked for.
    """
    customer_id = reading.text(customer, "id")
    told = [(one, zammad_reading.reply(ref, one, bridge_user)) for one in articles[1:]]
    kept = [(one, found) for one, found in told if found.by_bridge or zammad_reading.by_agent(one, customer_id)]
    return [zammad_reading.for_customer(found, one, customer, account) for one, found in kept]


def with_phone(users: Sequence[Json], phone: str) -> str:
    """The id of the first user with this phone number, however it is written; empty where there is none."""
    wanted = _digits(phone)
    numbers = ((one, {_digits(reading.text(one, name)) for name in ("mobile", "phone")}) for one in users)
    return next((reading.usable_id(one, "id") for one, found in numbers if wanted and wanted in found), "")


def _digits(phone: str) -> str:
    return "".join(one for one in phone if one.isascii() and one.isdigit())
