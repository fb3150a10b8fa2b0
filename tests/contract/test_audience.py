"""Whom an agent's words are for, asked of every helpdesk: by ``audience.json`` beside its recordings.

Three questions, each with cases of both kinds: what is held back, and beside it what still arrives. A helpdesk to which
a question does not apply says why. A case is a recorded body with edits, or the answers of a read of the comments.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from bridge.addressees import REASONS
from bridge.domain import AgentReplied, Unrecognised
from tests.helpdesk_recordings import ACCOUNT_NAME, KINDS, Recordings, named, ref_of, reply_of
from tests.senders import verified

if TYPE_CHECKING:
    from bridge.accounts import Account
    from bridge.domain import TicketEvent

QUESTIONS: Final = {
    "addressees": "a mail to somebody else than the requester is private; one to them, or to nobody, is public",
    "own words": "what the requester wrote is not sent back to them, what another agent wrote is sent",
    "hidden": "what the helpdesk shows to staff alone, has taken away or not sent yet is private, the rest is not",
}
VERDICTS: Final = frozenset({"public", "private", "customer", "to be read", *REASONS})

each_kind = pytest.mark.parametrize("recordings", KINDS, ids=named)


def cases(recordings: Recordings, question: str) -> list[dict[str, Any]]:
    """Those of one question."""
    told = recordings.audience[question]
    return told if isinstance(told, list) else []


EVERY: Final = [
    pytest.param(one, case, id=f"{one.name}-{question}-{at}")
    for one in KINDS
    for question in QUESTIONS
    for at, case in enumerate(cases(one, question))
]


def account_of(recordings: Recordings, case: dict[str, Any]) -> Account:
    """The recorded account, with what the case changes of it."""
    return recordings.dialect.settings.model_validate({**recordings.section, **case.get("account", {})})


def edited(body: Any, edits: dict[str, Any]) -> Any:
    """The body with each value at its path; a number in a path is a place in a list."""
    for path, value in edits.items():
        *way, last = path.split("/")
        place = body
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        place[int(last) if isinstance(place, list) else last] = copy.deepcopy(value)
    return body


def delivered(recordings: Recordings, case: dict[str, Any]) -> TicketEvent:
    """The event of the case's delivery that is about something somebody wrote."""
    name, account = case["body"], account_of(recordings, case)
    raw = json.dumps(edited(json.loads(recordings.body(name)), case.get("edits", {}))).encode()
    checked = verified(raw, recordings.dialect.verification(account), headers=recordings.headers.get(name))
    events = recordings.dialect.read(checked, account, ACCOUNT_NAME)
    return next((one for one in events if isinstance(one, AgentReplied)), events[0])


def found(recordings: Recordings, case: dict[str, Any]) -> AgentReplied | None:
    """The comment of the case as the read of all shows it; each answer is asked for, and no other one."""
    dialect, account = recordings.dialect, account_of(recordings, case)
    ref = ref_of(recordings, recordings.writes["ticket_id"])
    assert dialect.fetch_comments(account, ref) is not None
    told = [reply_of({"status": 200, **one}) for one in case["answers"]]
    asked = [dialect.comments_more(account, ref, told[: at + 1]) for at in range(len(told))]
    assert [one is not None for one in asked] == [True] * (len(told) - 1) + [False]
    comments = dialect.fetched_comments(account, ref, *told)
    return next((one for one in comments if one.comment_id == case["id"]), None)


def verdict(event: TicketEvent | None) -> str:
    """What becomes of it, in one word of ``VERDICTS``."""
    if event is None or isinstance(event, Unrecognised):
        return "customer"
    assert isinstance(event, AgentReplied)
    if event.withheld and event.public:
        assert event.partial
        return "to be read"
    return event.withheld or ("public" if event.public else "private")


@each_kind
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_helpdesk_answers_every_question(recordings: Recordings, question: str) -> None:
    """With what is held back and what arrives, or with the reason why it does not apply there."""
    told = recordings.audience[question]
    verdicts = {one["told"] for one in cases(recordings, question)}
    assert verdicts <= VERDICTS
    if isinstance(told, str):
        assert len(told) > 10
        return
    assert "public" in verdicts
    assert verdicts - {"public", "to be read"}


@pytest.mark.parametrize(("recordings", "case"), EVERY)
def test_words_reach_whom_they_are_for(recordings: Recordings, case: dict[str, Any]) -> None:
    """As ``QUESTIONS`` says, by webhook and by reading."""
    event = delivered(recordings, case) if "body" in case else found(recordings, case)
    assert verdict(event) == case["told"]


@pytest.mark.parametrize(("recordings", "case"), EVERY)
def test_an_account_may_leave_addressees_unasked(recordings: Recordings, case: dict[str, Any]) -> None:
    """With ``addressees: off`` a mail to anybody counts as public, and nothing else changes."""
    off = {**case, "account": {**case.get("account", {}), "addressees": "off"}}
    if "answers" in case or case["told"] not in {"addressees", "unknown_requester", "to be read"}:
        return
    assert verdict(delivered(recordings, off)) == "public"
