"""What Jira lists: the comments of an issue, and the issues that changed. Pure.

Comments are told as documents (ADF). A page begins with the newest; beside it the issue is asked for its reporter,
whose own comments are no agent's. Files are behind Jira's login, for Jelou and the customer too: they are told by their
name, where the document has it, and not as attachments.

Changed issues come with the newest forty changes of each: the one that brought it to its status has the id that its
webhook tells. Every issue that is not done is told as opened: what is known already is a repeat. The search may lag
behind by seconds; whoever reads it on from a time goes back by more than that. A date in JQL is in the time zone of
the bridge's user and knows no seconds, so the time is given as the number of milliseconds, which Jira takes as well.
Deleted issues are in no list.

Sources: "Issue comments", "Issue search" (enhanced search) on Atlassian's developer site.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from bridge import marks
from bridge.domain import AgentReplied, Changes, TicketOpened, TicketRef, TicketSolved
from bridge.helpdesks import jira_events, jira_reading, reading, writing
from bridge.helpdesks.jira_events import by_customer, markup
from bridge.helpdesks.jira_reading import KIND, acted
from bridge.helpdesks.labels import ENDED
from bridge.helpdesks.reading import Json, section, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.domain import TicketEvent
    from bridge.helpdesks.jira_reading import Site

PAGE: Final = 50
"""Issues of one page, each with its changes."""

COMMENTS: Final = "/rest/api/3/issue/{id}/comment?orderBy=-created&maxResults=100"
REPORTER: Final = "/rest/api/3/issue/{id}?fields=reporter"
ISSUE: Final = f"/rest/api/3/issue/{{id}}?fields=*all,-comment,-worklog,-attachment&properties={jira_reading.PROPERTY}"

_NO_WORD: Final = re.compile(r"[^A-Za-z0-9:-]+")


def search(jql: str, **more: str) -> str:
    """The path of a search."""
    return "/rest/api/3/search/jql?" + urlencode({"jql": jql, **more}, quote_via=quote)


def changed(scope: str, since_ms: int, after: str) -> str:
    """The path of a page of issues changed since then, within the JQL of ``scope``."""
    more = {"nextPageToken": after} if after else {}
    return search(
        f"({scope}) AND updated >= {since_ms} ORDER BY updated ASC",
        fields="*all,-comment,-worklog,-attachment",
        properties=jira_reading.PROPERTY,
        expand="changelog",
        maxResults=str(PAGE),
        **more,
    )


def described(marker: str) -> str:
    """The path of a search for the issue whose description carries the mark, wherever it was opened.

    What the bridge opened within the hour is looked through as well: how Jira cuts a text into words is its own affair.
    """
    words = _NO_WORD.sub(" ", writing.mark_id(marker))
    recent = "creator = currentUser() AND created >= -1h"
    jql = f'description ~ "\\"{words}\\"" OR ({recent}) ORDER BY created DESC'
    return search(jql, fields="description", maxResults="100")


def found_in(page: Json, marker: str) -> str:
    """The id of the issue on the page whose description carries the mark; empty where there is none."""
    mark = writing.mark_id(marker)
    found = (one for one in reading.records(page, "issues") if mark in jira_reading.plain(_detail(one, "description")))
    return next((reading.usable_id(one, "id") for one in found), "")


def _detail(issue: Json, name: str) -> object:
    return section(issue, "fields").get(name)


# --- comments --------------------------------------------------------------------------------------------------------


def written(page: Json) -> list[Json]:
    """The words of each comment on a page, the newest first."""
    return [{"text": jira_reading.plain(one.get("body"))} for one in reading.records(page, "comments")]


def replies(ref: TicketRef, page: Json, issue: Json, site: Site) -> list[AgentReplied]:
    """The agents' comments, and the bridge's own, oldest first."""
    reporter = section(section(issue, "fields"), "reporter")
    told = [(one, _reply(ref, one, site)) for one in reading.records(page, "comments")[::-1]]
    return [reply for one, reply in told if reply.by_bridge or not by_customer(one, reporter)]


def _reply(ref: TicketRef, comment: Json, site: Site) -> AgentReplied:
    comment_id, body = text(comment, "id"), comment.get("body")
    by_user = acted(site, comment, "author")
    return AgentReplied(
        ref,
        f"comment:{comment_id}",
        comment_id,
        jira_reading.document(body),
        jira_events.is_public(comment) is True,
        by_user or reading.marked(jira_reading.document(body), markup(body)),
        markup=markup(body),
        at_ms=reading.moment_ms(comment, "created"),
        echo=marks.USER if by_user else "",
    )


# --- changes ---------------------------------------------------------------------------------------------------------


def changes(page: Json, site: Site) -> Changes:
    """One page of the search."""
    found = [(TicketRef(KIND, site.account_name, ref_id), one) for ref_id, one in _issues(page)]
    last = reading.flag(page, "isLast") is True
    return Changes(
        events=tuple(_event(ref, one, site) for ref, one in found),
        tickets=tuple(ref for ref, _ in found),
        after="" if last else text(page, "nextPageToken"),
        changed_ms={ref: reading.changed_ms(section(one, "fields"), "updated") for ref, one in found},
    )


def _issues(page: Json) -> Iterator[tuple[str, Json]]:
    for one in reading.records(page, "issues"):
        ref_id = reading.usable_id(one, "id")
        if ref_id:
            yield ref_id, one


def _event(ref: TicketRef, issue: Json, site: Site) -> TicketEvent:
    detail = section(issue, "fields")
    now = section(detail, "status")
    status = jira_reading.status(site.account, now)
    if status in ENDED:
        change = _change_to(issue, text(now, "id"))
        version = text(change, "id") or f"{status}:{reading.moment_ms(detail, 'updated')}"
        return TicketSolved(ref, f"status:{version}", status, acted(site, change, "author"))
    opened = jira_reading.ticket(ref, issue, site)
    return TicketOpened(ref, "opened", opened, opened.by_bridge)


def _change_to(issue: Json, status_id: str) -> Json:
    """The newest change that brought the issue to this status."""
    told = reading.records(section(issue, "changelog"), "histories")
    found = [one for one in told if any(_moves(item, status_id) for item in reading.records(one, "items"))]
    return max(found, key=lambda one: reading.count(one, "id"), default={})


def _moves(item: Json, status_id: str) -> bool:
    return text(item, "fieldId") == "status" and text(item, "to") == status_id
