"""A 2xx that is not what was asked for is no answer: a read is asked again, and nobody says what became of a write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from bridge.domain import Reply
from bridge.errors import Ambiguous, CallError
from tests.helpdesk_recordings import GENERIC, MAPPINGS, Recordings, action_of, opening_of, ref_of, reply_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS = [Recordings(GENERIC, mapping) for mapping in MAPPINGS]

HTML = "<!doctype html><html><head><title>Maintenance</title></head><body>Back soon</body></html>"
OTHER = json.dumps({"message": "ok"})


def fetched(recordings: Recordings, replies: list[Reply]) -> Any:
    """The ticket, out of these answers."""
    ref = ref_of(recordings, recordings.writes["ticket_id"])
    recordings.dialect.fetch_more(recordings.account, ref, replies)
    return recordings.dialect.fetched(recordings.account, ref, *replies)


def comments(recordings: Recordings, replies: list[Reply]) -> Any:
    """Its comments."""
    ref = ref_of(recordings, recordings.writes["ticket_id"])
    recordings.dialect.comments_more(recordings.account, ref, replies)
    return recordings.dialect.fetched_comments(recordings.account, ref, *replies)


def changes(recordings: Recordings, replies: list[Reply]) -> Any:
    """What has changed."""
    return recordings.dialect.changes(recordings.account, "main", replies[0])


READS: dict[str, Callable[[Recordings, list[Reply]], Any]] = {
    "fetches": fetched,
    "comments": comments,
    "changes": changes,
}


def ugly(reply: Reply) -> Iterator[tuple[str, Reply]]:
    """What may come instead of this answer, with its code."""
    text = reply.body.decode()
    yield "a page of HTML", Reply(200, {"content-type": "text/html"}, HTML.encode())
    yield "nothing", Reply(200, {}, b"")
    yield "another object", Reply(200, {}, OTHER.encode())
    yield "null", Reply(200, {}, b"null")
    if len(text) > 2:
        yield "half of it", Reply(200, {}, text[: len(text) // 2].encode())


def answers(case: dict[str, Any]) -> list[Reply]:
    """All recorded answers of a read."""
    return [reply_of(case["reply"]), *(reply_of(step["reply"]) for step in case.get("more", []))]


def reads() -> Iterator[Any]:
    """Each recorded read of each kind, with each of its answers spoilt in each way."""
    for recordings in KINDS:
        for name in READS:
            for n, case in enumerate(recordings.writes[name]):
                if "none" not in case and reply_of(case["reply"]).status == 200:
                    yield pytest.param(recordings, name, case, id=f"{recordings.name} {name} {n}")


@pytest.mark.parametrize(("recordings", "name", "case"), list(reads()))
def test_a_read_that_is_not_what_was_asked_for_is_asked_again(
    recordings: Recordings, name: str, case: dict[str, Any]
) -> None:
    """It says neither that nothing is there, nor that the ticket is gone, nor that its customer has no phone."""
    good, wrong = answers(case), []
    for n, reply in enumerate(good):
        for how, spoilt in ugly(reply):
            told = [*good[:n], spoilt]
            try:
                READS[name](recordings, told)
            except CallError as error:
                if error.certain and not error.again:
                    wrong.append((n, how, repr(error)))
            else:
                wrong.append((n, how, "taken as an answer"))
    assert wrong == []


def looks() -> Iterator[Any]:
    """Each look for a write, or for an opened ticket, of unknown fate."""
    for recordings in KINDS:
        for name in ("probes", "finds"):
            for n, case in enumerate(recordings.writes[name]):
                if "none" not in case:
                    yield pytest.param(recordings, name, case, id=f"{recordings.name} {name} {n}")


@pytest.mark.parametrize(("recordings", "name", "case"), list(looks()))
def test_a_look_that_is_not_answered_does_not_say_that_nothing_is_there(
    recordings: Recordings, name: str, case: dict[str, Any]
) -> None:
    """Else what stands there already would be written a second time."""
    dialect, account, wrong = recordings.dialect, recordings.account, []
    for how, spoilt in ugly(reply_of(case["missing"])):
        try:
            if name == "probes":
                dialect.found(account, action_of(case["action"]), spoilt)
            else:
                dialect.found_opened(account, opening_of(case["action"]), spoilt)
        except CallError as error:
            if error.certain and not error.again:
                wrong.append((how, repr(error)))
        else:
            wrong.append((how, "taken as an answer"))
    assert wrong == []


def writes() -> Iterator[Any]:
    """Each recorded answer to a write that tells an id."""
    for recordings in KINDS:
        for n, case in enumerate(recordings.writes["receipts"]):
            yield pytest.param(recordings, case, id=f"{recordings.name} {n}")


@pytest.mark.parametrize(("recordings", "case"), list(writes()))
def test_a_write_that_is_answered_with_something_else_is_of_unknown_fate(
    recordings: Recordings, case: dict[str, Any]
) -> None:
    """A page of somebody between us and the helpdesk says nothing of it."""
    action, wrong = action_of(case["action"]), []
    for how, spoilt in ugly(reply_of(case["reply"])):
        if how in {"another object", "null", "nothing"} and not case["receipt"]:
            continue
        if how == "nothing" and not reply_of(case["reply"]).body:
            continue
        try:
            recordings.dialect.receipt(recordings.account, action, spoilt)
        except Ambiguous:
            continue
        except CallError as error:
            wrong.append((how, repr(error)))
        else:
            wrong.append((how, "taken as an answer"))
    assert wrong == []
