"""Who is the requester, asked of every helpdesk: told by a reply's delivery, or read, and the same person in both."""

from __future__ import annotations

from typing import Final

import pytest

from bridge.domain import AgentReplied, TicketOpened
from bridge.requesters import comparable, identity
from tests.helpdesk_recordings import ACCOUNT_NAME, KINDS, Recordings, named, ref_of
from tests.senders import verified

TELL: Final = frozenset(
    {"freshdesk", "freshservice", "glpi", "intercom", "jira", "standard-webhooks", "zammad", "zendesk"}
)
"""Whose deliveries tell it. Of the others the ticket is read, once a minute at most."""

READ: Final = frozenset({"django-helpdesk", "generic", "hubspot"})
"""These others. A helpdesk that is in neither list does not know who is the requester, and holds no reply back."""

NO_REPLY_TELLS: Final = frozenset({"standard-webhooks"})
"""Which cannot be read: a sender that tells no requester with its replies is taken at its word."""


@pytest.mark.parametrize("recordings", KINDS, ids=named)
def test_a_delivery_tells_the_requester_as_the_ticket_does(recordings: Recordings) -> None:
    """What is compared is one person's id, however it came here."""
    seen = set()
    for name in recordings.expected:
        body = recordings.body(name)
        checked = verified(
            body, recordings.dialect.verification(recordings.account), headers=recordings.headers.get(name)
        )
        found = identity(recordings.dialect.requester(checked, recordings.account))
        seen |= {found} - {""}
        for event in recordings.dialect.read(checked, recordings.account, ACCOUNT_NAME):
            known = identity(event.ticket.fields.get("requester")) if isinstance(event, TicketOpened) else ""
            assert not comparable(found, known) or found == known
    assert (recordings.kind in TELL) <= bool(seen)


@pytest.mark.parametrize("recordings", KINDS, ids=named)
def test_where_a_reply_does_not_tell_the_ticket_can_be_read(recordings: Recordings) -> None:
    """Else nobody would know that it was given to another person."""
    replies = [
        event
        for name in recordings.expected
        for event in recordings.read(recordings.body(name), name)
        if isinstance(event, AgentReplied) and not event.by_bridge
    ]
    silent = [one for one in replies if not one.requester]
    readable = recordings.dialect.fetch(recordings.account, ref_of(recordings, "7")) is not None
    asked = recordings.kind in TELL | READ
    assert not (asked and silent) or readable or recordings.name in NO_REPLY_TELLS
