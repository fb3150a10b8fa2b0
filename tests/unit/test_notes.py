"""Write back: what a conversation puts on its ticket, in which words, and each of it once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.accounts import Account, Project
from bridge.domain import MARK, AddNote, AddReply, Assignment, Phase, SetField, SetStatus, TicketRef
from bridge.links import Link
from bridge.notes import NOBODY, first_of_each, marker, opened, start_waits, status_text, told, write_back
from bridge.owed import Todo

REF = TicketRef("zendesk", "acme", "7")


def link(**changes: Any) -> Link:
    """A ticket with a confirmed conversation."""
    known = {"conversation": "c-1", "room": "r-1", "confirmed": True, "assignment": Assignment("queue", "VIP")}
    return Link(**{**known, **changes})


def project(**changes: Any) -> Project:
    """A project without links for agents."""
    told = {"project_id": "p", "bot_id": "b", "api_key": "k", "signing_secrets": ["s"]}
    return Project.model_validate(told | changes)


def account(**write_back: Any) -> Account:
    """An account that wants this written."""
    return Account.model_validate({"project": "soporte", "write_back": write_back})


def note(text: str, of: Link, **settings: Any) -> str:
    """The first thing written on the ticket of this link; fails unless it begins with ``text``."""
    first = opened(of, account(), project(**settings))[0].text
    assert first.startswith(text)
    return first


def keys(todo: tuple[Todo, ...]) -> list[str]:
    """The keys of what is to be written."""
    return [one.key for one in todo]


def test_the_note_tells_an_agent_what_there_is_to_know() -> None:
    """Conversation, who attends, and where to click; nothing of what the customer wrote."""
    assert note("", link(), conversation_url="https://x.example/{room_id}/{conversation_id}") == (
        "Conversation started in Jelou.\nConversation: c-1\nAssigned to: queue VIP\nLink: https://x.example/r-1/c-1"
    )


def test_the_note_says_what_is_not_known() -> None:
    """An unconfirmed start, a shared conversation and a missing id are said in words."""
    vague = link(conversation="", assignment=None, confirmed=False, shared_with="zendesk/acme/3")
    assert note("Conversation started in Jelou.\n", vague).splitlines()[1:] == [
        "Conversation: not told yet",
        "Assigned to: nobody in particular",
        "This conversation is shared with ticket zendesk/acme/3.",
        "Jelou has not confirmed the start with an event yet.",
    ]


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        ({}, ["1:note:started"]),
        ({"note": False}, []),
        ({"field": "external_id"}, ["1:note:started", "1:field"]),
        ({"note": False, "tag": "jelou"}, ["1:tag"]),
        ({"field": "f", "tag": "jelou"}, ["1:note:started", "1:field", "1:tag"]),
    ],
)
def test_only_what_the_account_wants_is_written(wanted: dict[str, Any], written: list[str]) -> None:
    """Note, field and tag are each a setting."""
    assert keys(opened(link(), account(**wanted), project())) == written


def test_nothing_is_planned_twice() -> None:
    """What has a receipt or is planned already is left out; the next episode begins anew."""
    wanted = account(field="f", tag="t")
    half = link(receipts={"1:note:started": "n-1"}, todo=(Todo("1:tag", SetField.type, "t", "tag"),))
    assert keys(opened(half, wanted, project())) == ["1:field"]
    assert keys(opened(replace(half, episode=2), wanted, project())) == ["2:note:started", "2:field", "2:tag"]


def test_an_account_without_notes_is_told_nothing() -> None:
    """Failures are notes too, once per episode and name."""
    assert told(link(), "failed", account(note=False), "failed", reason="No") == ()
    assert keys(told(link(), "failed", account(), "failed", reason="No")) == ["1:note:failed"]
    done = link(receipts={"1:note:failed": ""})
    assert told(done, "failed", account(), "failed", reason="No") == ()


def test_a_note_carries_its_mark_and_a_field_only_its_value() -> None:
    """The mark stands in the last line, where a second look finds it and an echo is known by it."""
    found = write_back(REF, Todo("1:note:started", AddNote.type, "Text"), link(), "en")
    assert isinstance(found, AddNote)
    assert found.text == f"Text\n{found.marker}"
    assert found.marker == marker(REF, "1:note:started")
    assert write_back(REF, Todo("1:field", SetField.type, "c-1", "external_id"), link(), "en") == SetField(
        "external_id", "c-1"
    )


def test_a_mark_is_the_same_for_ever() -> None:
    """It is looked for by later versions of the bridge as well: this one must never change."""
    assert marker(REF, "1:note:started") == f"{MARK}7463d46dd193c712]"


TEXTS = st.text(min_size=1, max_size=5)


@given(one=st.tuples(TEXTS, TEXTS), other=st.tuples(TEXTS, TEXTS))
def test_two_writes_never_share_a_mark(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Another ticket or another note has another mark."""
    marks = [marker(TicketRef("zendesk", "acme", ticket), key) for ticket, key in (one, other)]
    assert (marks[0] == marks[1]) is (one == other)


def test_a_customer_is_written_for_in_their_own_name_where_the_helpdesk_knows_them() -> None:
    """Then the author says whose words they are; else a line before them does, in the account's language."""
    todo = Todo("message:m-1", AddReply.type, "Hola")
    known = write_back(REF, todo, link(requester="77", name="Ana"), "es")
    assert isinstance(known, AddReply)
    assert (known.text, known.author, known.user_id) == (f"Hola\n{known.marker}", "Ana", "77")
    unknown = write_back(REF, todo, link(requester=NOBODY, name="Ana"), "es")
    assert isinstance(unknown, AddReply)
    assert (unknown.text, unknown.user_id) == (f"Ana (vía Jelou):\nHola\n{unknown.marker}", "")


def test_an_update_with_more_in_it_is_another_one() -> None:
    """Else a look after a loss would find the shorter one and leave the rest out."""
    short, long = (Todo("message:m-1", AddReply.type, text) for text in ("Hola", "Hola\nadiós"))
    marks = [write_back(REF, one, link(requester="77"), "en") for one in (short, long, short)]
    found = [one.marker for one in marks if isinstance(one, AddReply)]
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize(
    ("of", "waits_for", "text"),
    [
        (link(phase=Phase.OPEN), "", "Started: c-1"),
        (link(phase=Phase.CLOSED), "", "Closed"),
        (link(phase=Phase.FAILED, reason="no phone"), "", "Failed: no phone"),
        (link(phase=Phase.NEW, since_ms=1), "the account is paused", "Waiting for the account is paused"),
        (link(phase=Phase.IGNORED), "", ""),
    ],
)
def test_the_status_says_where_it_stands(of: Link, waits_for: str, text: str) -> None:
    """In a few words; a ticket for which nothing is started is left alone."""
    assert status_text(of, account(), project(), waits_for) == text


# --- the order of what is written ------------------------------------------------------------------------------------

OWED = {
    "tag": Todo("tag", SetField.type, "jelou", "tag"),
    "field": Todo("field", SetField.type, "c-1", "external_id"),
    "status": Todo("status", SetStatus.type, "solved"),
    "note": Todo("note", AddNote.type, "Conversation started"),
    "words": Todo("words", AddReply.type, "hola", due_ms=9),
}


@pytest.mark.parametrize(
    ("owed", "sent", "first"),
    [
        ("tag field status note words", "", "note tag"),
        ("status words note field tag", "", "words field"),
        ("words note", "", "words"),
        ("status tag field", "", "status tag"),
        ("tag field", "field", "field"),
        ("note words status", "words", "words"),
        ("words status", "status", "status"),
        ("words field", "field", "words field"),
        ("", "", ""),
    ],
)
def test_words_come_before_a_status_and_fields_beside_them(owed: str, sent: str, first: str) -> None:
    """Words in their own order, waiting ones too; what may be out already is settled before others like it."""
    todo = tuple(replace(OWED[name], sent=name == sent) for name in owed.split())
    assert [one.key for one in first_of_each(todo)] == first.split()


# --- a start that waits ----------------------------------------------------------------------------------------------


def test_a_waiting_start_is_told_once_an_episode() -> None:
    """Planned or written, it is not told again; the next episode's start is another one."""
    waiting = link(phase=Phase.NEW)
    [todo] = start_waits(waiting, account(), "pause")
    assert start_waits(replace(waiting, todo=(todo,)), account(), "pace") == ()
    assert start_waits(replace(waiting, receipts={todo.key: "1"}), account(), "pace") == ()
    assert len(start_waits(replace(waiting, receipts={todo.key: "1"}, episode=2), account(), "pace")) == 1


@pytest.mark.parametrize("name", ["failed", "parked"])
def test_a_start_that_a_person_was_told_of_is_not_told_to_wait(name: str) -> None:
    """They decided that it is made again, and know."""
    waiting = link(phase=Phase.NEW)
    [note] = told(waiting, name, account(), name, reason="x")
    assert start_waits(replace(waiting, todo=(note,)), account(), "pace") == ()
    assert start_waits(replace(waiting, receipts={note.key: "1"}), account(), "pace") == ()


def test_an_account_without_notes_is_told_of_no_wait() -> None:
    """As of anything else."""
    assert start_waits(link(phase=Phase.NEW), account(note=False), "pause") == ()


def test_that_a_start_waits_is_written_behind_all_other_words() -> None:
    """And behind a status, even where it may be out: it holds up nothing."""
    [waits] = start_waits(link(phase=Phase.NEW), account(), "pause")
    others = (Todo("1:note:x", AddNote.type, "x"), Todo("1:back", SetStatus.type, "open"))
    for other in others:
        assert first_of_each((waits, other)) == (other,)
        assert first_of_each((replace(waits, sent=True), other)) == (other,)
