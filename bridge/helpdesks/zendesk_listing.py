"""What Zendesk lists: the comments of a ticket, and the tickets that changed. Pure.

The same comment is told whole here and without its attachments by a webhook, so both make the same fact of its id. The
oldest comment is the ticket's description: no webhook tells it as a comment, and neither does this.

A changed ticket's status is told under the fact of its last change, which is the webhook's where nothing else changed
since. The list does not say since when it was asked, so every ticket on it that is not done is told as opened: what is
known already is a repeat, and the rules for a start know what is too old. What changed within the last minute is not in
the list: whoever reads it on from a time goes back by more than that.

Sources: "Ticket comments" and "Incremental exports" (cursor-based) on Zendesk's developer site.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bridge import marks
from bridge.domain import AgentReplied, Attachment, Changes, TicketOpened, TicketRef, TicketSolved
from bridge.helpdesks import labels, reading, zendesk_events
from bridge.helpdesks.labels import ENDED
from bridge.helpdesks.reading import Json, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.accounts import Account
    from bridge.domain import Ticket, TicketEvent

END_USER: Final = "end-user"
DELETED: Final = "deleted"

_RICH: Final = re.compile(r"<(?:a|b|blockquote|code|em|h\d|hr|i|img|li|ol|pre|s|strong|table|u|ul)\b", re.IGNORECASE)
"""What an agent formatted. A plain comment is wrapped in div, p and br as well, and its ``body`` says it better."""


def replies(ref: TicketRef, page: Json, bridge_user: str, detail: Json | None = None) -> list[AgentReplied]:
    """The agents' comments on a page that begins with the newest, and the bridge's own; oldest first.

    ``detail`` is the ticket, None where nobody had to be asked who is its requester.
    """
    found = reading.records(page, "comments")[::-1]
    authors, requester = people(page), text(detail or {}, "requester_id")
    commented = [(one, _reply(ref, one, bridge_user)) for one in (found if page.get("next_page") else found[1:])]
    return [reply for one, reply in commented if reply.by_bridge or _by_staff(one, authors, requester)]


def _by_staff(comment: Json, authors: Mapping[str, Json], requester: str = "") -> bool:
    author = text(comment, "author_id")
    return text(authors.get(author, {}), "role") != END_USER and (author == "" or author != requester)


def asks_for_requester(page: Json, bridge_user: str) -> bool:
    """Whether the requester may be an agent: the description is one's, or stands on a page further back."""
    found, authors = reading.records(page, "comments"), people(page)
    public = [one for one in found if reading.flag(one, "public") and text(one, "author_id") != bridge_user]
    begun_by_staff = bool(found) and (page.get("next_page") is not None or _by_staff(found[-1], authors))
    return begun_by_staff and any(_by_staff(one, authors) for one in public if one is not found[-1])


def _reply(ref: TicketRef, comment: Json, bridge_user: str) -> AgentReplied:
    comment_id, body, html = text(comment, "id"), text(comment, "body"), text(comment, "html_body")
    rich = _RICH.search(html) is not None
    acted = bridge_user != "" and text(comment, "author_id") == bridge_user
    reply = AgentReplied(
        ref,
        f"comment:{comment_id}",
        comment_id,
        html if rich else body,
        reading.flag(comment, "public") is True,
        acted or reading.marked(html if rich else body, "html" if rich else "text"),
        markup="html" if rich else "text",
        attachments=tuple(_attachments(comment)),
        at_ms=reading.moment_ms(comment, "created_at"),
        echo=marks.USER if acted else "",
    )
    return zendesk_events.recorded(reply, comment)


def _attachments(comment: Json) -> Iterator[Attachment]:
    for one in reading.records(comment, "attachments"):
        url = text(one, "content_url")
        if url:
            told = (url, text(one, "file_name"), text(one, "content_type"), reading.count(one, "size"))
            yield Attachment(*told, id=text(one, "id"))


def changes(account: Account, account_name: str, page: Json, bridge_user: str) -> Changes:
    """One page of the incremental export, with the people beside the tickets."""
    found = [(TicketRef(zendesk_events.KIND, account_name, ref_id), one) for ref_id, one in _tickets(page)]
    users, last = people(page), reading.flag(page, "end_of_stream") is not False
    return Changes(
        events=tuple(_event(ref, one, users, account, bridge_user) for ref, one in found),
        tickets=tuple(ref for ref, one in found if text(one, "status") != DELETED),
        after="" if last else text(page, "after_cursor"),
        changed_ms={ref: reading.changed_ms(one, "updated_at") for ref, one in found},
    )


def _tickets(page: Json) -> Iterator[tuple[str, Json]]:
    for one in reading.records(page, "tickets"):
        ref_id = reading.usable_id(one, "id")
        if ref_id:
            yield ref_id, one


def _event(ref: TicketRef, detail: Json, users: Mapping[str, Json], account: Account, bridge_user: str) -> TicketEvent:
    said = text(detail, "status")
    version = reading.moment_ms(detail, "updated_at")
    status = "closed" if said == DELETED else labels.status(account, said)
    if status in ENDED:
        return TicketSolved(ref, f"status:{status}:{version}", status)
    opened = whole(ref, detail, users, account, bridge_user)
    return TicketOpened(ref, "opened", opened, opened.by_bridge)


def people(page: Json) -> dict[str, Json]:
    """The people beside tickets or comments, by their id."""
    return {text(one, "id"): one for one in reading.records(page, "users")}


def whole(ref: TicketRef, detail: Json, users: Mapping[str, Json], account: Account, bridge_user: str) -> Ticket:
    """The ticket as the API tells it: phone and external id of its requester, custom fields by their number."""
    requester_id = text(detail, "requester_id")
    custom = {text(one, "id"): one.get("value") for one in reading.records(detail, "custom_fields")}
    requester = users.get(requester_id, {"id": requester_id})
    by_bridge = bridge_user != "" and text(detail, "submitter_id") == bridge_user
    return zendesk_events.ticket(ref, detail, requester, custom, account, by_bridge=by_bridge)


def with_external_id(page: Json, external_id: str) -> str:
    """The id of the ticket on the page that has this external id; empty where there is none."""
    found = (one for one in reading.records(page, "tickets") if text(one, "external_id") == external_id)
    return next((reading.usable_id(one, "id") for one in found), "")
