"""What the bridge writes in Jira, as bodies; how a status is reached; and what Jira's refusals mean. Pure.

A comment is a document of Atlassian's (ADF) over the platform's API, marked as internal by its property: there the text
stays the text it is. The service desk's own call reads comments as wiki markup, in which a customer's braces are macros
and the mark's brackets a link. A customer cannot be written for, and a public comment would be mailed to the customer,
so what the customer wrote is internal as well, headed by who wrote it.

A status is not set but reached, by a transition of the workflow that leads there from where the issue is; its id
differs per workflow. A screen on the way may want a resolution, which is given. Canceled or declined is never taken for
solved.

A ticket is opened as a customer request, whose description is wiki markup. It takes only the fields that the request
type shows: no label, so the mark stands in the description.

Errors. A ticket that the bridge may not see answers 404 like one that is deleted. So does, on some sites, every ticket
once the token is revoked, since the bridge is then nobody; ``X-Seraph-LoginReason`` tells, whatever the code is. A 429
may come with ``X-RateLimit-Reset`` alone, a time.

Sources: "Issues", "Issue comments", "Customer request", "Rate limiting" on Atlassian's developer site.
"""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from bridge.errors import Conflict, Denied, Gone, Refused
from bridge.helpdesks import jira_reading, jira_wiki, reading
from bridge.helpdesks.jira_reading import CUSTOM, DROPPED
from bridge.helpdesks.reading import Json, section, text, told
from bridge.replies import Because, Meanings, raise_for
from bridge.timestamps import iso8601

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.accounts import Account
    from bridge.domain import OpenTicket, Reply, SetField

LONGEST_SUMMARY: Final = 255

_GONE: Final = Because(Gone, "the ticket is deleted, or the bridge may not see it")
_FULL: Final = Because(Refused, "the ticket holds as many comments as Jira takes")

MEANINGS: Final[Meanings] = {404: _GONE, 409: Conflict, 413: _FULL}
"""A 409 is another update at the same moment: nothing was written, and the next try will be."""

OPENING: Final[Meanings] = {404: Refused, 409: Conflict}
"""Where there is no ticket yet that could be gone."""

_NOBODY: Final = ("AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED")
_FARTHEST_MS: Final = 4_102_444_800_000
"""The year 2100."""


def judge(reply: Reply, meanings: Meanings = MEANINGS) -> None:
    """Returns for a 2xx to the bridge's own user, else raises the CallError that the answer means."""
    login = reply.headers.get("x-seraph-loginreason", "")
    if any(reason in login for reason in _NOBODY):
        msg = f"answered {reply.status}: as to nobody"
        raise Denied(msg, status=reply.status)
    raise_for(_dated(reply), meanings)


def _dated(reply: Reply) -> Reply:
    """The reply with ``X-RateLimit-Reset`` as the date that ``Retry-After`` may be."""
    until = iso8601(reply.headers.get("x-ratelimit-reset", ""))
    if reply.status != 429 or until is None or "retry-after" in reply.headers:  # noqa: PLR2004 - too many requests
        return reply
    date = formatdate(min(max(until, 0), _FARTHEST_MS) / 1000, usegmt=True)
    return replace(reply, headers={**reply.headers, "retry-after": date})


# --- bodies ----------------------------------------------------------------------------------------------------------


def comment(body: str) -> Json:
    """An internal comment."""
    internal = {"key": "sd.public.comment", "value": {"internal": True}}
    return {"body": {"type": "doc", "version": 1, "content": [_paragraph(body)]}, "properties": [internal]}


def _paragraph(body: str) -> Json:
    """One paragraph with its line ends. An empty text is no node."""
    content: list[Json] = []
    for line in body.split("\n"):
        content += [{"type": "hardBreak"}, *([{"type": "text", "text": line}] if line else [])]
    return {"type": "paragraph", "content": content[1:]}


def field(action: SetField) -> Json | None:
    """The body that sets a field or adds a tag; None for what is no custom field. A label has no blanks."""
    if action.field == "tag":
        return {"update": {"labels": [{"add": "-".join(action.value.split())}]}}
    number = action.field.removeprefix(CUSTOM)
    known = action.field.startswith(CUSTOM) and number.isascii() and number.isdigit()
    return {"fields": {action.field: action.value}} if known else None


def opening(action: OpenTicket, desk: Mapping[str, str], phone_field: str) -> Json:
    """The body of a customer request. ``desk`` names the service desk, the request type, and for whom it is raised."""
    values = {
        "summary": " ".join(action.subject.split())[:LONGEST_SUMMARY],
        "description": jira_wiki.escaped(action.text),
        **({phone_field: action.phone} if phone_field and action.phone else {}),
    }
    return {**told(**desk), "requestFieldValues": values}


# --- transitions -----------------------------------------------------------------------------------------------------

THERE: Final = "there"
"""Stands for a transition where the ticket has its status already."""

ENOUGH: Final[Mapping[str, tuple[str, ...]]] = {
    "open": ("open", "new"),
    "pending": ("pending", "on-hold"),
    "solved": ("solved", "closed"),
}
"""A status that is wanted, and what will do, the best first."""


def is_there(account: Account, wanted: str, status: Json) -> bool:
    """Whether a ticket of this status needs no transition any more."""
    return jira_reading.status(account, status) in ENOUGH.get(wanted, (wanted,))


def way(account: Account, wanted: str, transitions: list[Json]) -> str:
    """The transition to a status, with the resolution it wants. Raises Refused where no transition leads there."""
    for word in ENOUGH.get(wanted, (wanted,)):
        for one in transitions:
            if _leads_to(account, one, word):
                return " ".join(filter(None, (text(one, "id"), _resolution(one))))
    msg = f"the workflow has no transition from here to a status that is {wanted}, or it wants fields filled in"
    raise Refused(msg)


def _leads_to(account: Account, transition: Json, word: str) -> bool:
    to = section(transition, "to")
    usable = reading.usable_id(transition, "id") != "" and reading.flag(transition, "isAvailable") is not False
    dropped = text(to, "name").strip().casefold() in DROPPED
    return usable and not dropped and jira_reading.status(account, to) == word and not _wants_more(transition)


def _wants_more(transition: Json) -> bool:
    """Whether its screen wants what only a person knows."""
    fields = section(transition, "fields")
    wanted = (name for name in fields if name != "resolution" and _required(section(fields, name)))
    return next(wanted, "") != ""


def _required(of_screen: Json) -> bool:
    return reading.flag(of_screen, "required") is True and reading.flag(of_screen, "hasDefaultValue") is not True


def _resolution(transition: Json) -> str:
    """The first that is no refusal, where one has to be given."""
    asked = section(section(transition, "fields"), "resolution")
    if not _required(asked):
        return ""
    allowed = reading.records(asked, "allowedValues")
    kept = [one for one in allowed if text(one, "name").strip().casefold() not in UNRESOLVED]
    return next((text(one, "id") for one in (*kept, *allowed)), "")


UNRESOLVED: Final = DROPPED | {"won't do", "won't fix", "duplicate", "cannot reproduce", "no se hará", "duplicado"}


def transition(by: str) -> Json:
    """The body that takes a way."""
    transition_id, _, resolution = by.partition(" ")
    fields = {"fields": {"resolution": {"id": resolution}}} if resolution else {}
    return {"transition": {"id": transition_id}, **fields}
