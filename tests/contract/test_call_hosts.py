"""Every call goes to the host that the configuration names, whatever a ticket, a webhook or an answer tells.

What aiohttp makes of a URL is what counts, so it is read here as aiohttp reads it, and as others do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from bridge.accounts import Project
from bridge.domain import (
    AddNote,
    AddReply,
    Assignment,
    Call,
    OpenTicket,
    SetField,
    SetStatus,
    StartConversation,
    TicketRef,
    WriteBack,
)
from bridge.jelou import get_call, start_call
from tests.helpdesk_recordings import ACCOUNT_NAME, KINDS, Recordings, named
from tests.senders import NOW_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

HOSTS = {
    "chatwoot": "https://chat.acme.example",
    "django-helpdesk": "https://helpdesk.acme.example/helpdesk",
    "front": "https://api2.frontapp.example",
    "front-rule": "https://api2.frontapp.example",
    "help-scout": "https://api.helpscout.example/v2",
    "request-tracker": "https://rt.acme.example",
    "servicenow": "https://acme.service-now.example",
    "jira": "https://acme.atlassian.net",
    "hubspot": "https://api.hubapi.com",
    "intercom": "https://api.intercom.io",
    "glpi": "https://glpi.acme.example/glpi",
    "freshdesk": "https://acme.freshdesk.com",
    "freshservice": "https://acme.freshservice.com",
    "standard-webhooks-sender": "https://desk.acme.example/api",
    "standard-webhooks": "https://tickets.acme.example/hooks/bridge",
    "zammad": "https://help.acme.example",
    "zendesk": "https://acme.zendesk.com",
}
"""What ``account.json`` of each kind configures."""

TRICKS = (
    "@evil.example",
    "x@evil.example:443/",
    "//evil.example/x",
    "///evil.example",
    "\\\\evil.example\\x",
    "https://evil.example/",
    ":8080",
    "?url=https://evil.example",
    "#@evil.example",
    "../../../..",
    "..%2f..%2f",
    "%2F%2Fevil.example",
    "%40evil.example",
    "..;/..",
    "\r\nHost: evil.example\r\n\r\n",
    "\x00.evil.example",
    "\t//evil.example",
    "ⓔvil.example",
    "evil。example/",
    "{id}",
    "{ticket}",
    "1/../../users/me",
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
HOSTILE = TEXT | st.sampled_from(TRICKS) | st.builds("{}{}".format, TEXT, st.sampled_from(TRICKS))

each_kind = pytest.mark.parametrize("recordings", KINDS, ids=named)


def usable(ticket_id: str) -> bool:
    """Whether a webhook, a person or Jelou's metadata can name such a ticket: the two that are no names cannot."""
    return ticket_id.strip() not in {"", ".", ".."}


def goes_astray(calls: Iterable[Call], home: str) -> list[str]:
    """The calls that another host, port or path than the one at home would get."""
    base, told = URL(home), urlsplit(home)
    found = []
    for call in calls:
        sent, read = URL(call.url), urlsplit(call.url)
        same = (sent.scheme, sent.host, sent.port, sent.user, sent.password) == (
            base.scheme,
            base.host,
            base.port,
            None,
            None,
        )
        same = same and (read.scheme, read.netloc) == (told.scheme, told.netloc)
        below = sent.raw_path.startswith(base.raw_path.rstrip("/")) and not sent.fragment
        whole = not any(set("\r\n\x00") & set(value) for value in call.headers.values())
        found += [] if same and below and whole else [call.url]
    return found


def calls(recordings: Recordings, ref: TicketRef, text: str) -> list[Call]:
    """All calls the dialect makes about this ticket, with this text in each place that takes one."""
    dialect, account = recordings.dialect, recordings.account
    actions: list[WriteBack] = [
        AddNote(text, text),
        AddReply(text, text, text, text),
        SetStatus(text),
        SetField("tag", text),
        SetField("external_id", text),
        SetField("360042", text),
        SetField(text, text),
    ]
    made = [dialect.call(account, ref, action, text, now_ms=NOW_MS) for action in actions]
    made += [dialect.probe(account, ref, action) for action in actions]
    opening = OpenTicket(text, text, text, text, text, text, text)
    made += [dialect.open_ticket(account, opening, text, now_ms=NOW_MS), dialect.find_opened(account, opening)]
    made += [dialect.fetch_comments(account, ref), dialect.changed(account, 0, text), dialect.changed(account, 1, "")]
    return [call for call in (*made, dialect.fetch(account, ref)) if call is not None]


@each_kind
@given(ticket_id=HOSTILE.filter(usable), text=HOSTILE)
@example("@evil.example", "https://evil.example")
@example("//evil.example", "\r\nHost: evil.example")
def test_no_ticket_leads_a_write_back_elsewhere(recordings: Recordings, ticket_id: str, text: str) -> None:
    """Neither its id nor anything that is written."""
    made = calls(recordings, TicketRef(recordings.kind, ACCOUNT_NAME, ticket_id), text)
    assert len(made) > 1
    assert goes_astray(made, HOSTS[recordings.name]) == []


@given(conversation=HOSTILE, user=HOSTILE, text=HOSTILE)
def test_nothing_leads_a_call_to_jelou_elsewhere(conversation: str, user: str, text: str) -> None:
    """Neither the customer's id, nor what Jelou itself named a conversation."""
    base = "https://gateway.jelou.ai/platform/v1/external-support"
    project = Project.model_validate(
        {"project_id": "4b0c", "bot_id": "b", "api_key": "k", "signing_secrets": ["s"], "base_url": base}
    )
    start = StartConversation(user, user, text, {"ticketId": text}, Assignment("queue", text), text)
    assert goes_astray([start_call(project, start), get_call(project, conversation)], f"{base}/4b0c/") == []


@pytest.mark.parametrize("ticket_id", [".", "..", "%2E", "%2e%2E", "%2E."])
def test_a_ticket_that_a_path_would_swallow_has_no_name(ticket_id: str) -> None:
    """It would write to another place on the same host. Webhooks refuse it; so do a person's claim and metadata."""
    with pytest.raises(ValueError, match="kind/account/id"):
        TicketRef.parse(f"zendesk/acme/{ticket_id}")


def test_a_call_that_goes_astray_is_seen() -> None:
    """The measure measures."""
    home = "https://acme.zendesk.com/base"
    astray = [
        "https://acme.zendesk.com@evil.example/base",
        "https://evil@acme.zendesk.com/base",
        "https://evil.example/base",
        "http://acme.zendesk.com/base",
        "https://acme.zendesk.com:8443/base",
        "https://acme.zendesk.com/base/../users",
        "https://acme.zendesk.com/base#x",
    ]
    assert goes_astray([Call("GET", url) for url in astray], home) == astray
    assert goes_astray([Call("GET", f"{home}/x?y=z")], home) == []
    assert goes_astray([Call("GET", home, {"x": "a\r\nb"})], home) == [home]
