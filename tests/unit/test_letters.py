"""What a replay would do, for each letter and each state its ticket may be in by then: said first, and done once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.accounts import Account, Project
from bridge.domain import AddNote, Phase, SetField, StartConversation
from bridge.letters import BURIED, PARKED, Letter, Replay, letter_id, replay
from bridge.links import Link
from bridge.owed import Todo

NOW_MS = 1_700_000_000_000
TICKET = "zendesk/acme/7"
NOTE = Todo("1:note:started", AddNote.type, "Conversation started in Jelou.")
FIELD = Todo("1:field", SetField.type, "c-1", field="external_id")
TAG = Todo("1:tag", SetField.type, "jelou", field="tag")
FROZEN = StartConversation("b", "593", "Hola", {}, None, "")


def letter(action: str = StartConversation.type, event: str = "{}", todo: Todo | None = None) -> Letter:
    """A letter about the ticket."""
    return Letter(letter_id(TICKET, action), TICKET, "zendesk/acme~soporte", action, "refused", 1, event, todo)


def given_up(todo: Todo) -> Letter:
    """The letter of a write-back."""
    return letter(f"{todo.kind} {todo.key}", "", todo)


def link(phase: Phase, **changes: Any) -> Link:
    """The ticket's link; it has a conversation where its phase says so."""
    conversation = "c-1" if phase in {Phase.STARTED, Phase.OPEN, Phase.CLOSED} else ""
    return Link(**{"phase": phase, "conversation": conversation, "first_try_ms": 5, "tries": 9, **changes})


def replayed(of: Letter, on: Link, **write_back: Any) -> Replay:
    """What a replay would do, for an account that wants notes or not."""
    account = Account.model_validate({"project": "soporte", "write_back": write_back})
    project = Project.model_validate({"project_id": "p", "bot_id": "b", "api_key": "k", "signing_secrets": ["s"]})
    return replay(of, on, account, project, NOW_MS)


# --- starts ----------------------------------------------------------------------------------------------------------

BY_THE_RULES = "would start a conversation, by the rules as they are now"
PERHAPS_TWO = "would start a conversation again; if the earlier start worked after all, there will be two"


@pytest.mark.parametrize(
    ("phase", "start", "says", "events"),
    [
        (Phase.FAILED, None, BY_THE_RULES, ("{}",)),
        (Phase.FAILED, FROZEN, PERHAPS_TWO, ()),
        (Phase.PARKED, FROZEN, PERHAPS_TWO, ()),
    ],
)
def test_a_start_is_made_again(
    phase: Phase, start: StartConversation | None, says: str, events: tuple[str, ...]
) -> None:
    """By the event where that is at hand; a start that was frozen may have arrived, and it says so."""
    told = replayed(letter(PARKED if phase is Phase.PARKED else StartConversation.type), link(phase, start=start))
    assert (told.does, told.says, told.events) == ("start", says, events)
    assert told.link is not None
    assert (told.link.phase, told.link.start, told.link.tries) == (Phase.NEW, start, 0)


def test_the_horizon_begins_anew() -> None:
    """Else what was given up a day ago is given up again at its first throttled call."""
    for of in (letter(), given_up(NOTE)):
        told = replayed(of, link(Phase.FAILED, receipts={NOTE.key: BURIED}))
        assert told.link is not None
        assert told.link.first_try_ms == NOW_MS


@pytest.mark.parametrize("phase", [Phase.STARTED, Phase.OPEN, Phase.CLOSED])
def test_a_start_that_is_made_already_lacks_its_note_at_most(phase: Phase) -> None:
    """Nothing is started; the note that was never written is added, and nothing but the note."""
    told = replayed(letter(), link(phase), field="external_id", tag="jelou")
    assert (told.does, told.says) == ("write", "already started as c-1, would only add the note")
    assert told.link is not None
    assert (told.link.phase, [todo.key for todo in told.link.todo]) == (phase, [NOTE.key])


@pytest.mark.parametrize("done", [{"receipts": {NOTE.key: "n-1"}}, {"todo": (NOTE,)}])
def test_a_start_that_is_made_and_told_already_has_nothing_left(done: dict[str, Any]) -> None:
    """Written, or about to be."""
    told = replayed(letter(), link(Phase.OPEN, **done))
    assert (told.does, told.says, told.link, told.settled) == (
        "nothing",
        "nothing to do: already started as c-1",
        None,
        True,
    )


def test_an_account_without_notes_lacks_none() -> None:
    """Nothing is written that is not wanted."""
    assert replayed(letter(), link(Phase.OPEN), note=False).says == "nothing to do: already started as c-1"


def test_a_note_that_was_given_up_has_a_letter_of_its_own() -> None:
    """The letter about the start says which."""
    told = replayed(letter(), link(Phase.OPEN, receipts={NOTE.key: BURIED}))
    assert (told.does, told.settled) == ("nothing", True)
    assert told.says.endswith(f"is dead letter {given_up(NOTE).id}")


@pytest.mark.parametrize(
    ("phase", "why"),
    [
        (Phase.NEW, "its start is waiting to be tried already"),
        (Phase.STARTING, "a start call is on its way"),
        (Phase.UNKNOWN, "a start call was made and may have worked; it settles by itself"),
        (Phase.IGNORED, "by the rules nothing is started for this ticket"),
    ],
)
def test_a_start_that_is_under_way_is_left_alone(phase: Phase, why: str) -> None:
    """A second one beside it would be a second conversation."""
    told = replayed(letter(), link(phase, start=FROZEN))
    assert (told.does, told.says, told.link, told.settled) == ("nothing", f"nothing to do: {why}", None, True)


def test_a_start_whose_event_is_gone_stays_listed() -> None:
    """A replay cannot do it; only a person's discard takes it from the list."""
    told = replayed(letter(event=""), link(Phase.FAILED))
    assert (told.does, told.link, told.settled) == ("nothing", None, False)
    assert "discard" in told.says


# --- write-backs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("todo", "what"), [(NOTE, "add the note"), (FIELD, "set the field"), (TAG, "add the tag")])
def test_a_write_that_was_given_up_is_made_again(todo: Todo, what: str) -> None:
    """Only that, and looked for first: nobody knows whether the last try of it arrived."""
    told = replayed(given_up(todo), link(Phase.OPEN, receipts={todo.key: BURIED}))
    assert told.says == f"already started as c-1, would only {what}, unless an earlier try had arrived"
    assert told.link is not None
    assert (told.link.todo, told.link.receipts) == ((replace(todo, sent=True, first_ms=NOW_MS),), {})


def test_a_note_about_a_start_that_failed_is_made_again() -> None:
    """There is no conversation to name."""
    told = replayed(given_up(NOTE), link(Phase.FAILED, receipts={NOTE.key: BURIED}))
    assert told.says == "would only add the note, unless an earlier try had arrived"


@pytest.mark.parametrize(
    ("known", "says"),
    [
        ({"todo": (NOTE,)}, "nothing to do: the note is being written already"),
        ({"receipts": {NOTE.key: "n-1"}}, "nothing to do: the note was written as n-1"),
        ({"receipts": {NOTE.key: ""}}, "nothing to do: the note was written"),
    ],
)
def test_a_write_that_is_made_has_nothing_left(known: dict[str, Any], says: str) -> None:
    """It says that it was, and as what."""
    told = replayed(given_up(NOTE), link(Phase.OPEN, **known))
    assert (told.says, told.link, told.settled) == (says, None, True)


def test_a_letter_of_a_ticket_in_an_unknown_phase_stays() -> None:
    """A newer version has the ticket, and knows what a replay would do."""
    told = replayed(letter(), Link.load(b'{"phase": "from the future"}'))
    assert (told.does, told.says) == ("nothing", "nothing to do: this version knows no phase from the future")
    assert not told.settled
