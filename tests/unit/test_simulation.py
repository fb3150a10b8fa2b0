"""A simulation takes the way of a delivery as the workers would, and makes every call that they would make."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bridge.accounts import Project
from bridge.domain import Call, Reply
from bridge.errors import FAULT
from bridge.helpdesks import REGISTRY
from bridge.helpdesks.zendesk import Zendesk
from bridge.masking import HIDDEN, masked_call, secrets_in
from bridge.simulation import Desk, Simulation, simulate
from tests.helpdesk_recordings import KINDS, Recordings, named, reply_of
from tests.senders import NOW_MS, delivered, prove

ZENDESK = next(one for one in KINDS if one.name == "zendesk")
PROJECT = Project.model_validate(
    {"project_id": "p1", "bot_id": "b1", "api_key": "k-e-y-0001", "signing_secrets": ["s-e-c-r-e-t"]}
)
RULES = {
    "start_when": [{"name": "all", "max_age_s": 1e12}],
    "goodbye": "Adiós",
    "assignment": [{"to": {"type": "queue", "target": "q1"}}],
}


def desk(recordings: Recordings = ZENDESK, **changes: Any) -> Desk:
    """An account of the recordings that starts something for every ticket."""
    section = recordings.section | RULES | {"write_back": {"note": True, "tag": "jelou"}} | changes
    account = recordings.dialect.settings.model_validate(section)
    return Desk(recordings.dialect, account, "main", PROJECT)


def simulated(name: str, of: Desk | None = None, recordings: Recordings = ZENDESK, **more: Any) -> Simulation:
    """What one recorded body would become."""
    return simulate(of or desk(recordings), delivered(recordings.body(name)), NOW_MS, signed=False, **more)


def whats(told: Simulation) -> list[str]:
    """What each call would be for."""
    return [one.what for step in told.steps for one in step.calls]


def fetched() -> list[Reply]:
    """What Zendesk answers to the read of a ticket."""
    return [reply_of(ZENDESK.writes["fetches"][0]["reply"])]


def test_a_ticket_shows_the_whole_way() -> None:
    """The read, the rule that starts, the start with its assignment, and each write-back, in their order."""
    told = simulated("ticket-created.json", answers=fetched())
    assert whats(told) == [
        "helpdesk: read the ticket",
        "Jelou: start the conversation",
        "helpdesk: add.note",
        "helpdesk: set.field",
    ]
    start = json.loads(told.steps[0].calls[1].call.body)
    assert start["metadata"]["ticketId"] == "48211"
    assert any("started by all" in line for line in told.steps[0].lines)
    assert told.is_good


def test_without_the_answers_it_is_what_the_delivery_tells_alone() -> None:
    """And the first read that would be made is shown."""
    told = simulated("ticket-created.json")
    assert whats(told)[0] == "helpdesk: read the ticket"
    assert "--answer" in told.steps[0].lines[0]


def test_a_ticket_that_starts_nothing_says_why() -> None:
    """As the timeline would."""
    told = simulated("ticket-created.json", desk(start_when=[]), answers=fetched())
    assert told.steps[0].lines == ["no conversation is started: the account has no start_when rule: starting is opt-in"]
    assert whats(told) == ["helpdesk: read the ticket"]


def test_a_ticket_that_cannot_start_is_a_problem() -> None:
    """The words are those that an agent would read."""
    told = simulated("ticket-created.json", desk(user_id={"fields": ["custom.none"]}), answers=fetched())
    assert not told.is_good
    assert "custom.none" in told.steps[0].problem


def test_a_reply_is_what_the_customer_would_get() -> None:
    """Read whole first, where the webhook tells too little."""
    comments = [reply_of(ZENDESK.writes["comments"][0]["reply"])]
    told = simulated("comment-added.json", answers=comments)
    assert whats(told)[0] == "helpdesk: read the comments"
    told = simulated("comment-added.json", desk(access=None))
    assert whats(told) == ["Jelou: send text"]


def test_a_private_note_goes_nowhere() -> None:
    """Not even in a simulation."""
    told = simulated("internal-note-added.json", desk(access=None))
    assert whats(told) == []
    assert told.steps[0].lines == ["nothing: a private note stays in the helpdesk"]


def of_kind(kind: str) -> Recordings:
    """The recordings of this kind."""
    return next(one for one in KINDS if one.name == kind)


def decided(kind: str, name: str, **more: Any) -> tuple[list[str], list[str]]:
    """What is said of the last event of a recorded body, and what its calls are for."""
    step = simulated(name, recordings=of_kind(kind), **more).steps[-1]
    return step.lines[-1:], [one.what for one in step.calls]


@pytest.mark.parametrize(
    ("kind", "name", "why"),
    [
        ("zammad", "composed/forward-to-supplier.json", "the mail is addressed to somebody else"),
        ("intercom", "composed/backoffice-comment.json", "a private note stays in the helpdesk"),
        ("zendesk", "comment-of-requesting-agent.json", "nothing to do for customer comment"),
        ("jira", "data-center-own-comment.json", "nothing to do for customer comment"),
    ],
)
def test_what_is_not_for_the_customer_says_why(kind: str, name: str, why: str) -> None:
    """A forward, words for staff alone, and what the requester wrote; nothing is read for them."""
    assert decided(kind, name) == ([f"nothing: {why}"], [])


def test_a_private_note_is_not_the_public_reply_beside_it() -> None:
    """A trigger that names no comment: the newest public one must not stand in for a note."""
    comment = {"id": 1, "body": "<div>Hola</div>", "incoming": False, "private": False, "user_id": 320, "source": 0}
    answers = [Reply(200, {}, json.dumps([comment]).encode())]
    lines, calls = decided("freshdesk", "public/private-note.json", answers=answers)
    assert lines == ["nothing: a private note stays in the helpdesk"]
    assert calls == []
    assert "Jelou: send text" in decided("freshdesk", "public/public-note.json", answers=answers)[1]


def test_a_note_nearer_in_time_does_not_hide_the_message_that_was_sent() -> None:
    """HubSpot tells when, and not which."""
    known = of_kind("hubspot").writes["comments"][0]
    at = "2026-11-20T14:20:05.201Z"
    event = [{"subscriptionType": "ticket.propertyChange", "objectId": 15830021177, "propertyName": SENT}]
    event[0]["propertyValue"] = "1795184405201"
    staff = {"senders": [{"actorId": "A-1"}], "createdBy": "A-1", "createdAt": at}
    note = {**staff, "id": "c7", "type": "COMMENT", "text": "nota interna"}
    sent = {**staff, "id": "m7", "type": "MESSAGE", "direction": "OUTGOING", "text": "Respuesta"}
    sent["createdAt"] = at.replace(":05.201", ":03")
    pages = [known["reply"]["body"], {"results": [sent, note]}, {"results": []}]
    answers = [Reply(200, {}, json.dumps(one).encode()) for one in pages]
    told = simulate(
        desk(of_kind("hubspot")), delivered(json.dumps(event).encode()), NOW_MS, signed=False, answers=answers
    )
    assert b"Respuesta" in told.steps[0].calls[-1].call.body


SENT = "hs_last_message_sent_at"


def test_a_solved_ticket_closes_after_a_look() -> None:
    """With the account's goodbye."""
    told = simulated("trigger-solved.json")
    assert whats(told) == ["Jelou: look at the conversation", "Jelou: close the conversation"]
    assert json.loads(told.steps[0].calls[1].call.body)["redirectPayload"]["text"] == "Adiós"


def test_a_label_that_no_table_knows_is_told() -> None:
    """As the ticket's timeline would."""
    body = json.loads(ZENDESK.body("ticket-created.json"))
    body["detail"]["status"] = "Esperando"
    told = simulate(desk(), delivered(json.dumps(body).encode()), NOW_MS, signed=False)
    assert told.steps[0].lines[0] == "status 'esperando' is in no table: map it under labels.status"


def test_an_echo_is_nothing() -> None:
    """What the bridge wrote itself ends here."""
    told = simulated("note-with-mark.json")
    assert told.steps[0].lines == ["nothing: the bridge did this itself"]


# --- the proof -------------------------------------------------------------------------------------------------------


def test_headers_are_checked_where_they_are_given() -> None:
    """A genuine one is accepted, another refused as the web would refuse it, and without any it is said."""
    delivery, of = delivered(ZENDESK.body("ticket-created.json")), desk()
    genuine = prove(delivery, of.dialect.verification(of.account)).on(delivery)
    assert simulate(of, genuine, NOW_MS, signed=True).proof == "accepted"
    refused = simulate(of, delivery, NOW_MS, signed=True)
    assert (refused.proof, refused.problem.partition(":")[0], refused.steps) == ("refused", "401", [])
    assert simulate(of, delivery, NOW_MS, signed=False).proof.startswith("not checked")


def test_a_body_that_cannot_be_read_says_where() -> None:
    """The line and the column: a template breaks where a quote stands in a subject."""
    told = simulate(desk(), delivered(b'{\n "a": "x "y" "\n}'), NOW_MS, signed=False)
    assert told.problem == "400: body: is not JSON (line 2, column 11)"
    assert not told.is_good


class Stumbling(Zendesk):
    """A dialect with faults of the bridge's own, each with a customer's words in its text."""

    def read(self, delivery: Any, account: Any, name: str) -> Any:
        """Stumble over what the delivery tells."""
        if name == "stumbles":
            raise KeyError(WORDS)
        return super().read(delivery, account, name)

    def fetched(self, account: Any, ref: Any, *replies: Any) -> Any:  # noqa: ARG002 - its signature
        """Stumble over what the helpdesk answers."""
        raise ZeroDivisionError(WORDS)


WORDS = "mi clave es 1234"


def test_a_fault_of_the_bridge_is_told_as_the_web_tells_it() -> None:
    """400 with the places and none of the words, and no traceback."""
    of = replace(desk(), dialect=Stumbling(), name="stumbles")
    told = simulate(of, delivered(b"{}"), NOW_MS, signed=False)
    assert told.problem.startswith(f"400: body: {FAULT} (KeyError at simulation.py:")
    assert WORDS not in told.problem


def test_a_fault_with_one_event_is_told_there() -> None:
    """What the delivery tells is shown all the same; without the answer nothing is wrong with it."""
    of = replace(desk(), dialect=Stumbling())
    [step] = simulated("ticket-created.json", of, answers=fetched()).steps
    assert (step.event.type, step.problem.startswith(f"event: {FAULT} (ZeroDivisionError at ")) == (
        "ticket.opened",
        True,
    )
    assert WORDS not in step.problem
    assert FAULT not in simulated("ticket-created.json", of).steps[0].problem


def test_an_answer_that_is_no_ticket_is_told_with_its_field() -> None:
    """As a worker would tell it."""
    [step] = simulated("ticket-created.json", answers=[Reply(200, {}, b'{"ticket": ["odd"]}')]).steps
    assert step.problem
    assert FAULT not in step.problem


@pytest.mark.parametrize("recordings", KINDS, ids=named)
def test_every_recorded_body_of_every_helpdesk_can_be_simulated(recordings: Recordings) -> None:
    """And no call shows a secret."""
    of = desk(recordings)
    secrets = list(secrets_in(of.account)) + list(secrets_in(of.project))
    for name in recordings.expected:
        told = simulated(name, of, recordings)
        assert not told.problem
        shown = json.dumps([masked_call(one.call, secrets) for step in told.steps for one in step.calls])
        assert not any(secret in shown for secret in secrets)


def test_a_call_is_shown_whole_but_for_its_secrets() -> None:
    """In headers, in the address and in the body."""
    call = Call(
        "POST",
        "https://x.example/a?token=hush-hush",
        {"Authorization": "Basic eDp5", "accept": "*/*"},
        b'{"a": "hush-hush"}',
    )
    assert masked_call(call, ["hush-hush"]) == {
        "method": "POST",
        "url": f"https://x.example/a?token={HIDDEN}",
        "headers": {"Authorization": HIDDEN, "accept": "*/*"},
        "body": {"a": HIDDEN},
    }
    assert masked_call(Call("GET", "/", granted=True), [])["headers"] == {"authorization": f"Bearer {HIDDEN}"}


def test_the_registry_can_be_simulated() -> None:
    """Whatever is added to it."""
    assert {one.kind for one in KINDS} == set(REGISTRY)
