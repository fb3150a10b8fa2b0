"""What Jira's webhooks tell: issues and comments, as an administrator's webhook sends them. Pure.

An updated issue comes with a changelog of several items, of which only the status is acted upon. The changelog's id
is the fact: bulk edits and post functions of a workflow send one change several times, and the list of changes tells
the same id. A comment that was made on the way of a transition may stand in the issue's event as well as in its own.

A comment comes with a cut-down issue, without reporter and custom fields. Its author is a customer where the account
is one of the portal's (``accountType``); an employee who asks for help has an ordinary account, so where the bridge can
read, a comment is read again beside its reporter. ``jsdPublic`` tells whether the customer sees it; where it is missing
the reading tells, and without that the comment is private.

What status there was before is told by its name alone. A name that is no product's own is known by the account's
``labels``, or by a resolution that the same change took away.

Traps. A project may be moved and its issues get other keys, never other ids. ``issue_created`` may be told before the
request's own fields are filled in, so an issue without a phone number is read again.

Sources: "Webhooks" on Atlassian's developer site (Jira platform, and Jira Service Management).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge import marks
from bridge.domain import AgentReplied, TicketOpened, TicketRef, TicketReopened, TicketSolved, Unrecognised
from bridge.helpdesks import jira_reading, reading
from bridge.helpdesks.jira_reading import KIND, Site, acted, ended, ticket
from bridge.helpdesks.labels import ENDED
from bridge.helpdesks.reading import Json, section, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.domain import TicketEvent

UPDATED: Final = "jira:issue_updated"
INTERNAL: Final = "sd.public.comment"
"""A comment's property that a Data Center and apps write where it is no customer's to see."""


class Message(NamedTuple):
    """A delivery about one issue."""

    ref: TicketRef
    name: str
    body: Json
    delivery_id: str
    site: Site

    @property
    def version(self) -> str:
        """What tells two changes apart, the same however often one is sent."""
        return text(section(self.body, "changelog"), "id") or text(self.body, "timestamp") or self.delivery_id


def events(body: Json, delivery_id: str, site: Site) -> list[TicketEvent]:
    """The events in a body. Raises Unreadable."""
    name, issue = reading.event_name(body, "webhookEvent"), section(body, "issue")
    reader = _READERS.get(name)
    if reader is None:
        found = reading.usable_id(issue, "id")
        ref = TicketRef(KIND, site.account_name, found) if found else None
        return [Unrecognised(ref, f"told:{delivery_id or text(body, 'timestamp') or name}", name)]
    ref = TicketRef(KIND, site.account_name, reading.ticket_id(issue, "id", "issue.id"))
    return reader(Message(ref, name, body, delivery_id, site))


def _opened(message: Message) -> list[TicketEvent]:
    opened = ticket(message.ref, section(message.body, "issue"), message.site)
    partial = message.site.readable and "phone" not in opened.fields.get("requester", {})
    return [TicketOpened(message.ref, "opened", replace(opened, partial=partial), opened.by_bridge)]


def _updated(message: Message) -> list[TicketEvent]:
    items = reading.records(section(message.body, "changelog"), "items")
    moved = next((one for one in items if _is(one, "status")), None)
    found = _commented(message) if reading.usable_id(section(message.body, "comment"), "id") else []
    if moved is not None:
        found.append(_status_changed(message, moved, items))
    return found or [_unrecognised(message)]


def _is(item: Json, field: str) -> bool:
    # fieldId names it in every language; older bodies tell the name alone.
    return (text(item, "fieldId") or text(item, "field")).casefold() == field


def _status_changed(message: Message, moved: Json, items: list[Json]) -> TicketEvent:
    account, detail = message.site.account, section(section(message.body, "issue"), "fields")
    now = section(detail, "status")
    # The issue is told as it is now, which may be a change further on.
    there = now if text(now, "id") == text(moved, "to") else {"name": text(moved, "toString")}
    status, by_bridge = jira_reading.status(account, there), acted(message.site, message.body, "user")
    fact = f"status:{message.version}"
    if status in ENDED:
        return TicketSolved(message.ref, fact, status, by_bridge)
    if ended(account, text(moved, "fromString")) or any(map(_unresolved, items)):
        return TicketReopened(message.ref, fact, status, by_bridge)
    return Unrecognised(message.ref, fact, message.name, by_bridge)


def _unresolved(item: Json) -> bool:
    return _is(item, "resolution") and text(item, "from") != "" and text(item, "to") == ""


def _commented(message: Message) -> list[TicketEvent]:
    comment, site = section(message.body, "comment"), message.site
    comment_id, body = text(comment, "id"), comment.get("body")
    fact = f"comment:{comment_id or message.version}"
    by_user = acted(site, comment, "author")
    by_bridge = by_user or reading.marked(jira_reading.document(body), markup(body))
    reporter = section(section(section(message.body, "issue"), "fields"), "reporter")
    if not by_bridge and by_customer(comment, reporter):
        return [Unrecognised(message.ref, fact, "customer comment")]
    public = is_public(comment)
    return [
        AgentReplied(
            message.ref,
            fact,
            comment_id,
            jira_reading.document(body),
            site.readable if public is None else public,
            by_bridge,
            markup=markup(body),
            partial=site.readable,
            at_ms=reading.moment_ms(comment, "created"),
            echo=marks.USER if by_user else "",
        )
    ]


def is_public(comment: Json) -> bool | None:
    """Whether the customer sees it; None where that is not told. What only a role or a group may read is private."""
    internal = (section(one, "value") for one in reading.records(comment, "properties") if text(one, "key") == INTERNAL)
    hidden = any(reading.flag(one, "internal") for one in internal)
    return False if comment.get("visibility") or hidden else reading.flag(comment, "jsdPublic")


def by_customer(comment: Json, reporter: Json) -> bool:
    """Whether a customer wrote it: somebody of the portal, or who asked."""
    author = section(comment, "author")
    return jira_reading.same_person(author, reporter) or text(author, "accountType") == jira_reading.CUSTOMER


def markup(body: object) -> str:
    """How a comment's text is written."""
    return "adf" if isinstance(body, dict) else "wiki"


def _deleted(message: Message) -> list[TicketEvent]:
    """Nobody will solve it any more: as good as closed. Who reads it again finds it gone."""
    return [TicketSolved(message.ref, "status:deleted", "closed", acted(message.site, message.body, "user"))]


def _unrecognised(message: Message) -> TicketEvent:
    by_bridge = acted(message.site, message.body, "user")
    return Unrecognised(message.ref, f"told:{message.version or message.name}", message.name, by_bridge)


_READERS: Final[Mapping[str, Callable[[Message], list[TicketEvent]]]] = {
    "jira:issue_created": _opened,
    UPDATED: _updated,
    "jira:issue_deleted": _deleted,
    "comment_created": _commented,
}
