"""What django-helpdesk tells: tickets and follow-ups, in its webhooks, of one ticket, and in its list. Pure.

A follow-up may comment and change the status at once: then two events are told, the comment first. Its ``user`` is a
member of staff or nobody, so nobody stands for the customer. The first follow-up is the ticket's description, written
with it: its date stands for the ticket's, which is not told, and it is never an agent's reply.

Files are told with their follow-up, over the API with a whole address, in a webhook with a path behind the site's.

The list of follow-ups, oldest first, is the list of changes: tickets do not tell when they changed. Its newest page is
``page=last``, and the pages before it lead back. A status changed over the API or in bulk writes no follow-up: it is in
no list, as it is in no webhook.

Sources: django-helpdesk 2.6.1, ``serializers.py``, ``views/api.py``, ``models.py``, ``forms.py``, ``webhooks.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from bridge import marks
from bridge.domain import (
    AgentReplied,
    Attachment,
    Changes,
    Ticket,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import Ambiguous
from bridge.helpdesks import labels, reading
from bridge.helpdesks.labels import ENDED
from bridge.helpdesks.reading import Json, section, text, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.accounts import Account
    from bridge.domain import TicketEvent

KIND: Final = "django-helpdesk"
MARKUP: Final = "markdown"
"""How django-helpdesk shows a comment."""

STATUSES: Final[Mapping[str, str]] = {"1": "open", "2": "open", "3": "solved", "4": "closed", "5": "closed"}
"""Open, reopened, resolved, closed, duplicate."""

PRIORITIES: Final[Mapping[str, str]] = {"1": "urgent", "2": "high", "3": "normal", "4": "low", "5": "low"}
"""Critical, high, normal, low, very low."""

REOPENED: Final = "2"
"""What a follow-up's ``new_status`` tells of a ticket that was done before."""

CUSTOM: Final = "custom_"
FILES: Final = "followupattachment_set"

FEWEST: Final = 5
"""The newest page may have just begun; with fewer follow-ups on it what is looked for may stand on the one before."""


class Site(NamedTuple):
    """What is known of a site: scheme and host, and the bridge's user there; each empty where it is not configured."""

    account: Account
    origin: str = ""
    bridge_user: str = ""


def events(ref: TicketRef, body: Json, site: Site) -> list[TicketEvent]:
    """The opened ticket, or the one or two events of a follow-up."""
    record = section(body, "ticket")
    followups = reading.records(record, "followup_set")
    wanted = text(body, "followup_id")
    if wanted:
        return _followed_up(ref, next((one for one in followups if text(one, "id") == wanted), {"id": wanted}), site)
    opened = ticket(ref, record, text(body, "queue_slug"), site)
    return [TicketOpened(ref, "opened", opened, opened.by_bridge)]


def ticket(ref: TicketRef, record: Json, queue_slug: str, site: Site) -> Ticket:
    """The ticket, which webhooks and API write alike; the API tells the queue's number and not its slug."""
    custom = {name.removeprefix(CUSTOM): value for name, value in record.items() if name.startswith(CUSTOM)}
    first = next(iter(reading.records(record, "followup_set")), {})
    status = labels.status(site.account, text(record, "status"), STATUSES)
    fields = told(
        id=ref.id,
        subject=text(record, "title"),
        status="on-hold" if status == "open" and reading.flag(record, "on_hold") else status,
        priority=labels.priority(site.account, text(record, "priority"), PRIORITIES),
        group=queue_slug,
        created_at=text(first, "date"),
        requester=told(email=text(record, "submitter_email"), phone=text(custom, "phone")),
        custom=told(**custom),
    )
    by_bridge = _by_bridge(first, site) or reading.opened_by_mark(text(record, "description"), MARKUP)
    return Ticket(ref, fields, reading.moment_ms(first, "date"), by_bridge=by_bridge)


def replies(ref: TicketRef, record: Json, site: Site) -> list[AgentReplied]:
    """The agents' comments of a ticket and the bridge's own, oldest first; its description is none of them."""
    told = (_commented(ref, one, site) for one in reading.records(record, "followup_set")[1:])
    return [one for one in told if isinstance(one, AgentReplied)]


def changes(account_name: str, page: Json, site: Site) -> Changes:
    """One page of the list of follow-ups. Which tickets are new is not told there: any may be, and is partial."""
    since_ms, before = _earlier(page)
    recent = [one for one in _followups(page) if reading.moment_ms(one, "date") >= since_ms]
    about = [(TicketRef(KIND, account_name, text(one, "ticket")), one) for one in recent]
    opened = {ref: _opened(ref, one) for ref, one in about if _may_open(one, site)}
    ended = [event for ref, one in about for event in _changed(ref, one, site)]
    return Changes(
        events=(*opened.values(), *ended),
        tickets=tuple(dict.fromkeys(ref for ref, _ in about)),
        after=before if len(recent) == len(_followups(page)) else "",
        changed_ms=_newest(about),
    )


def _newest(about: list[tuple[TicketRef, Json]]) -> dict[TicketRef, int]:
    found: dict[TicketRef, int] = {}
    for ref, one in about:
        found[ref] = max(found.get(ref, 0), reading.changed_ms(one, "date"))
    return found


def _followups(page: Json) -> list[Json]:
    return [one for one in reading.records(page, "results") if reading.usable_id(one, "ticket")]


def _earlier(page: Json) -> tuple[int, str]:
    """Since when was asked, and the page before this one: the helpdesk keeps the question in its own link."""
    try:
        asked = parse_qs(urlsplit(text(page, "previous")).query)
    except ValueError:
        asked = {}
    since = {"since_ms": asked.get("since_ms", [""])[0]}
    return reading.count(since, "since_ms"), asked.get("page", ["1"])[0] if asked else ""


def _may_open(followup: Json, site: Site) -> bool:
    public, silent = reading.flag(followup, "public") is True, text(followup, "new_status") == ""
    return public and silent and not _by_bridge(followup, site)


def _opened(ref: TicketRef, followup: Json) -> TicketOpened:
    created_ms = reading.moment_ms(followup, "date")
    return TicketOpened(ref, "opened", Ticket(ref, {"id": ref.id}, created_ms, partial=True))


def opened_with(marker: str, page: Json) -> str:
    """The ticket whose description carries the mark; empty where there is none. Raises Ambiguous on a short page."""
    followups = _followups(page)
    found = next((reading.usable_id(one, "ticket") for one in followups if marker in text(one, "comment")), "")
    if not found and len(followups) < FEWEST and text(page, "previous"):
        msg = "the newest page has just begun"
        raise Ambiguous(msg)
    return found


def _followed_up(ref: TicketRef, followup: Json, site: Site) -> list[TicketEvent]:
    changed = _changed(ref, followup, site)
    said = text(followup, "comment") or reading.records(followup, FILES)
    return [_commented(ref, followup, site), *changed] if said or not changed else changed


def _changed(ref: TicketRef, followup: Json, site: Site) -> list[TicketEvent]:
    told = text(followup, "new_status")
    status = labels.status(site.account, told, STATUSES)
    fact, by_bridge = f"status:{status}:{text(followup, 'id')}", _by_bridge(followup, site)
    if status in ENDED:
        return [TicketSolved(ref, fact, status, by_bridge)]
    if told == REOPENED:
        return [TicketReopened(ref, fact, status, by_bridge)]
    return [Unrecognised(ref, fact, "followup", by_bridge, status)] if labels.unknown(status) else []


def _commented(ref: TicketRef, followup: Json, site: Site) -> TicketEvent:
    followup_id, comment = text(followup, "id"), text(followup, "comment")
    fact, by_bridge = f"comment:{followup_id}", _by_bridge(followup, site)
    files = tuple(_attachments(followup, site))
    if not comment and not files:
        return Unrecognised(ref, fact, "followup", by_bridge)
    if not text(followup, "user") and not by_bridge:
        return Unrecognised(ref, fact, "customer followup")
    public = reading.flag(followup, "public") is True
    written_ms = reading.moment_ms(followup, "date")
    echo = marks.USER if _by_user(followup, site) else ""
    return AgentReplied(
        ref, fact, followup_id, comment, public, by_bridge, MARKUP, attachments=files, at_ms=written_ms, echo=echo
    )


def _attachments(followup: Json, site: Site) -> Iterator[Attachment]:
    for one in reading.records(followup, FILES):
        told = text(one, "file")
        behind = told.startswith("/") and not told.startswith("//")
        if told:
            url = site.origin + told if behind else told
            about = (url, text(one, "filename"), text(one, "mime_type"), reading.count(one, "size"))
            yield Attachment(*about, id=text(one, "id"))


def _by_bridge(followup: Json, site: Site) -> bool:
    return _by_user(followup, site) or reading.marked(text(followup, "comment"), MARKUP)


def _by_user(followup: Json, site: Site) -> bool:
    return site.bridge_user != "" and text(followup, "user") == site.bridge_user
