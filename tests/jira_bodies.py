"""Bodies of Jira's webhooks, as short as a test wants them, and how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.domain import AgentReplied, TicketOpened, TicketRef
from bridge.helpdesks import jira_events
from bridge.helpdesks.jira_account import JiraAccount, site_of
from tests.helpdesk_recordings import ACCOUNT_NAME, Recordings
from tests.senders import NOW_MS

if TYPE_CHECKING:
    from bridge.domain import TicketEvent

RECORDED = Recordings("jira")
BRIDGE = "712020:9999aaaa-bbbb-4ccc-8ddd-eeeeffff0000"
AGENT = "712020:agent"
REF = TicketRef("jira", ACCOUNT_NAME, "10188")
MARK = "[jelou-bridge:0123456789abcdef]"


def account(**values: Any) -> JiraAccount:
    """An account with access, and what a test says besides."""
    return JiraAccount.model_validate({**RECORDED.section, **values})


def deaf() -> JiraAccount:
    """An account that only listens."""
    return JiraAccount.model_validate({**RECORDED.section, "access": None})


def read(body: dict[str, Any], of: JiraAccount | None = None, *, delivery_id: str = "1-7") -> list[TicketEvent]:
    """The events in a body."""
    return jira_events.events(body, delivery_id, site_of(of or account(), ACCOUNT_NAME))


def only(body: dict[str, Any], of: JiraAccount | None = None) -> TicketEvent:
    """The one event in a body."""
    [event] = read(body, of)
    return event


def status(name: str, category: str = "", status_id: str = "1") -> dict[str, Any]:
    """A status as Jira tells it; without a category as a changelog tells it."""
    return {"id": status_id, "name": name, **({"statusCategory": {"key": category}} if category else {})}


def item(field: str, before: tuple[str, str], after: tuple[str, str]) -> dict[str, Any]:
    """An item of a changelog: ids and names."""
    return {
        "field": field,
        "fieldId": field,
        "from": before[0],
        "fromString": before[1],
        "to": after[0],
        "toString": after[1],
    }


def updated(now: dict[str, Any], *items: dict[str, Any], changelog: str = "20477", **more: Any) -> dict[str, Any]:
    """A body of an updated issue."""
    issue = {"id": "10188", "key": "SD-142", "fields": {"status": now}}
    return {
        "webhookEvent": "jira:issue_updated",
        "timestamp": NOW_MS,
        "issue": issue,
        "changelog": {"id": changelog, "items": list(items)},
        **more,
    }


def created(**fields: Any) -> dict[str, Any]:
    """A body of a created issue."""
    issue = {"id": "10188", "key": "SD-142", "fields": {"summary": "x", **fields}}
    return {"webhookEvent": "jira:issue_created", "timestamp": NOW_MS, "issue": issue}


def commented(body: Any = "Hola", *, author: str = AGENT, kind: str = "atlassian", **values: Any) -> dict[str, Any]:
    """A body of a comment, with the cut-down issue beside it."""
    comment = {"id": "33012", "author": {"accountId": author, "accountType": kind}, "body": body, **values}
    issue = {"id": "10188", "key": "SD-142", "fields": {"summary": "x"}}
    return {"webhookEvent": "comment_created", "timestamp": NOW_MS, "issue": issue, "comment": comment}


def opened(body: dict[str, Any], of: JiraAccount | None = None) -> TicketOpened:
    """The opened ticket in a body."""
    event = only(body, of)
    assert isinstance(event, TicketOpened)
    return event


def replied(body: dict[str, Any], of: JiraAccount | None = None) -> AgentReplied:
    """The agent's reply in a body."""
    event = only(body, of)
    assert isinstance(event, AgentReplied)
    return event
