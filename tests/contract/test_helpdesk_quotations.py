"""The customer reads an agent's own words, in whichever markup a helpdesk tells them: no history, no signature."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from bridge.domain import AgentReplied
from bridge.say import messages_of
from tests.helpdesk_recordings import KINDS, Recordings, named

HISTORY: Final = {
    "html": "<div>On 30 Nov 2026, 9:30, Ana wrote:</div><blockquote type='cite'>old words</blockquote>",
    "text": "\n\nOn 30 Nov 2026, 9:30, Ana wrote:\n> old words\n",
    "markdown": "\n\nOn 30 Nov 2026, 9:30, Ana wrote:\n\n> old words\n",
    "wiki": "\n\nOn 30 Nov 2026, 9:30, Ana wrote:\nbq. old words\n",
    "adf": "",
}
"""Markup to what a mail program adds. Nobody answers by mail in Atlassian's documents: Jira reads mails as wiki."""

TYPED: Final = {
    "html": "<div>before</div><blockquote>cited</blockquote><div>after</div>",
    "text": "before\n> cited\nafter",
    "markdown": "before\n\n> cited\n\nafter",
    "wiki": "before\nbq. cited\nafter",
    "adf": "",
}


def replies(recordings: Recordings) -> list[AgentReplied]:
    """One for each markup in which this helpdesk tells what agents write."""
    told = [event for name in recordings.expected for event in recordings.read(recordings.body(name), name)]
    found = {event.markup: event for event in told if isinstance(event, AgentReplied)}
    return list(found.values())


def said(event: AgentReplied, text: str) -> str:
    """What Jelou is told."""
    return "".join(one.content.get("body", "") for one in messages_of(replace(event, text=text), event.ref, 1))


@pytest.mark.parametrize("recordings", KINDS, ids=named)
def test_history_is_cut_and_a_citation_stays(recordings: Recordings) -> None:
    """Whatever the helpdesk, and both in the same reply's markup."""
    for event in filter(lambda one: HISTORY[one.markup], replies(recordings)):
        own = "<div>own words</div>" if event.markup == "html" else "own words"
        assert said(event, own + HISTORY[event.markup]) == "own words"
        assert said(event, TYPED[event.markup]).split() == ["before", ">", "cited", "after"]
