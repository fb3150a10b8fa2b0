"""django-helpdesk: a follow-up is read for what it is, and written so that it harms nothing."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import (
    AddNote,
    AgentReplied,
    Attachment,
    TicketEvent,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import Unreadable
from bridge.helpdesks.django_helpdesk import DjangoHelpdesk, DjangoHelpdeskAccount
from tests.senders import NOW_MS, verified

ACCOUNT = DjangoHelpdeskAccount.model_validate(
    {
        "project": "acme",
        "verification": {"type": "url_token", "tokens": ["made-up"]},
        "access": {"base_url": "http://localhost:8000/", "username": "bot", "password": "x", "bridge_user_id": 2},
    }
)
DIALECT = DjangoHelpdesk()
REF = TicketRef("django-helpdesk", "main", "7")


def followup(**values: Any) -> dict[str, Any]:
    """A follow-up by an agent."""
    told = {"id": 3, "user": 5, "comment": "Hola", "public": True, "new_status": None, "date": "2026-11-20T14:20:05Z"}
    return {**told, **values}


def body(*followups: dict[str, Any], followup_id: int | None = None, **ticket: Any) -> dict[str, Any]:
    """A body of either webhook."""
    told = {"id": 7, "title": "T", "status": 1, "priority": 3, "followup_set": list(followups), **ticket}
    return {"ticket": told, "queue_slug": "support"} | ({"followup_id": followup_id} if followup_id else {})


def read(told: dict[str, Any]) -> list[TicketEvent]:
    """The events in a body."""
    return DIALECT.read(verified(orjson.dumps(told), DIALECT.verification(ACCOUNT)), ACCOUNT, "main")


def note(text: str) -> dict[str, Any]:
    """The follow-up that is posted for a note."""
    call = DIALECT.call(ACCOUNT, REF, AddNote(text, "[jelou-bridge:0]"), "key", now_ms=NOW_MS)
    assert call
    posted: dict[str, Any] = json.loads(call.body)
    return posted


def test_only_the_followup_that_was_told_is_read() -> None:
    """Every body holds all follow-ups, the private ones too; the others are not repeated."""
    private = followup(id=2, comment="internal", public=False)
    events = read(body(private, followup(), followup(id=4, comment="later"), followup_id=3))
    assert events == [
        AgentReplied(REF, "comment:3", "3", "Hola", public=True, markup="markdown", at_ms=1_795_184_405_000)
    ]


def test_a_followup_may_comment_and_solve() -> None:
    """Both are told, the comment before the end."""
    events = read(body(followup(new_status=4), followup_id=3))
    assert [type(event) for event in events] == [AgentReplied, TicketSolved]
    assert [event.fact for event in events] == ["comment:3", "status:closed:3"]


@pytest.mark.parametrize(
    ("number", "kind", "fact"),
    [
        (2, TicketReopened, "status:open:3"),
        (3, TicketSolved, "status:solved:3"),
        (5, TicketSolved, "status:closed:3"),
        (1, Unrecognised, "comment:3"),
    ],
)
def test_a_status_is_told_in_words(number: int, kind: type, fact: str) -> None:
    """A duplicate is as closed as a closed one; a ticket that is open still is no news."""
    events = read(body(followup(comment="", new_status=number), followup_id=3))
    assert [(type(event), event.fact) for event in events] == [(kind, fact)]


def test_a_file_without_a_comment_is_a_reply() -> None:
    """With the site's address before the path that a webhook tells."""
    file = {"file": "/media/a.pdf", "filename": "a.pdf", "mime_type": "application/pdf", "size": 12}
    (event,) = read(body(followup(comment="", followupattachment_set=[file]), followup_id=3))
    assert isinstance(event, AgentReplied)
    assert event.attachments == (Attachment("http://localhost:8000/media/a.pdf", "a.pdf", "application/pdf", 12),)


def test_a_customer_who_closes_the_ticket_closes_it() -> None:
    """Nobody's follow-up is the customer's: not a reply, but the change of status counts."""
    events = read(body(followup(user=None, new_status=4), followup_id=3))
    assert [type(event) for event in events] == [Unrecognised, TicketSolved]


def test_a_followup_that_is_not_in_the_set_is_not_acted_upon() -> None:
    """A truncated body tells nothing that could be sent on."""
    assert [type(event) for event in read(body(followup_id=9))] == [Unrecognised]


@pytest.mark.parametrize(
    ("number", "ours"), [(1, "urgent"), (2, "high"), (3, "normal"), (4, "low"), (5, "low"), (9, "9")]
)
def test_a_priority_is_told_in_words(number: int, ours: str) -> None:
    """The numbers of django-helpdesk become the bridge's words; an unknown one stays."""
    (event,) = read(body(priority=number))
    assert isinstance(event, TicketOpened)
    assert event.ticket.fields["priority"] == ours


def test_a_ticket_of_the_bridges_own_is_known_at_once() -> None:
    """By the user of its first follow-up, or by the mark in its description."""
    assert read(body(followup(id=1, user=2)))[0].by_bridge
    assert read(body(followup(id=1), description="x\n[jelou-bridge:0]"))[0].by_bridge
    assert not read(body(followup(id=1)))[0].by_bridge


@pytest.mark.parametrize("ticket_id", [None, "", True, 1.5, [1], {"id": 1}])
def test_a_ticket_without_id_is_unreadable(ticket_id: Any) -> None:
    """The one thing that must be there is named by its place."""
    with pytest.raises(Unreadable, match=r"^ticket\.id: "):
        read(body(id=ticket_id))


@given(st.text(st.sampled_from("{}%#a ")))
def test_nothing_in_a_note_is_a_template(text: str) -> None:
    """Whatever a customer writes, Django finds no variable, tag or comment in it, and people read the same."""
    comment = note(text)["comment"]
    assert not any(pair in comment for pair in ("{{", "}}", "{%", "%}", "{#", "#}"))
    assert comment.replace("\u200b", "") == text


def test_a_note_never_renames_the_ticket() -> None:
    """A follow-up's title would become the ticket's, so none is sent; and the note is private."""
    assert note("Hola") == {"ticket": 7, "comment": "Hola", "public": False}
