"""What the bridge wrote comes back as an echo, what quotes it does not: asked of every helpdesk that tells of texts."""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final

import pytest
from pydantic import SecretStr

from bridge import marks
from bridge.domain import AgentReplied
from bridge.say import messages_of
from tests.helpdesk_recordings import KINDS, Recordings, named

KEYS: Final = [SecretStr("key-of-the-marks-1")]
MARK: Final = "[jelou-bridge:0123456789abcdef]"
UNTOLD: Final = {"freshservice": "its recorded replies hold no text", "hubspot": "its webhooks tell no text"}
"""Kinds whose deliveries hold no text of an agent's."""


def walked(told: Any, old: str, new: str) -> Any:
    """The body with another text wherever this one stands."""
    if isinstance(told, dict):
        return {name: walked(value, old, new) for name, value in told.items()}
    if isinstance(told, list):
        return [walked(value, old, new) for value in told]
    return told.replace(old, new) if isinstance(told, str) else told


def public(recordings: Recordings) -> tuple[str, AgentReplied] | None:
    """A recorded delivery with a public reply of an agent's in words, and that reply."""
    for name in sorted(recordings.expected):
        for event in recordings.read(recordings.body(name), name):
            told = isinstance(event, AgentReplied) and event.public and not event.by_bridge and event.markup != "adf"
            if told and isinstance(event, AgentReplied) and event.text.strip():
                return name, event
    return None


def reply_in(recordings: Recordings, name: str, old: AgentReplied, text: str) -> AgentReplied:
    """The reply in the same delivery with another text, judged."""
    body = json.dumps(walked(json.loads(recordings.body(name)), old.text, text)).encode()
    found = [one for one in recordings.read(body, name) if isinstance(one, AgentReplied)]
    return next(marks.judged_reply(one, KEYS) for one in found if "jelou-bridge" in one.text)


def lines(text: str, markup: str) -> str:
    """Lines as this markup writes them."""
    return "<br>".join(map(escape, text.split("\n"))) if markup == "html" else text


@pytest.mark.parametrize("recordings", KINDS, ids=named)
def test_what_quotes_the_mark_is_sent_and_what_carries_it_is_not(recordings: Recordings) -> None:
    """Each in the same delivery of an agent's public reply."""
    told = public(recordings)
    if told is None:
        assert recordings.name in UNTOLD
        return
    name, event = told
    mark = marks.line(MARK, str(event.ref), KEYS)
    quoted = f"own words\n\nOn 30 Nov 2026 9:30, Ana wrote:\n\n> Gracias\n> {mark}"
    sent = reply_in(recordings, name, event, lines(quoted, event.markup))
    assert (sent.by_bridge, sent.public) == (False, True)
    assert [one.content["body"] for one in messages_of(sent, sent.ref, 1)[:1]] == ["own words"]
    echo = reply_in(recordings, name, event, lines(f"Gracias\n{mark}\n\nAcme", event.markup))
    assert (echo.by_bridge, echo.echo) == (True, marks.PROVEN)
    other = marks.line(MARK, f"{event.ref}0", KEYS)
    assert not reply_in(recordings, name, event, lines(f"Gracias\n{other}", event.markup)).by_bridge
