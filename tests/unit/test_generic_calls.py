"""The calls of the generic dialect: steps, writes, what answers mean, and the pace. Its account is the example's."""

from __future__ import annotations

import json

import pytest

from bridge.domain import AddNote, AddReply, OpenTicket, Reply, SetField, SetStatus
from bridge.errors import Ambiguous, Conflict, Gone, Refused, SignatureRejected, Throttled
from bridge.helpdesks.generic_account import GenericAccount
from bridge.signatures import verify
from tests.senders import NOW_MS, delivered, prove
from tests.unit.test_generic import DESK, MARK, NOTE, REF, account, answer, mapping


def test_a_fetch_takes_its_steps_in_a_row() -> None:
    """Each may ask for what the ones before it read; one that is not wanted is left out."""
    own = account()
    first = DESK.fetch(own, REF)
    assert first is not None
    assert first.url == "https://desk.example/x/api/tickets/7"
    ticket = answer({"ticket": 1, "requester_id": "c/1", "id": 7, "subject": "Hola"})
    more = DESK.fetch_more(own, REF, [ticket])
    assert more is not None
    assert more.url == "https://desk.example/x/api/contacts/c%2F1"
    contact = answer({"id": "c/1", "mobile": "+593987654321"})
    assert DESK.fetch_more(own, REF, [ticket, contact]) is None
    whole = DESK.fetched(own, REF, ticket, contact)
    assert whole.fields["requester"] == {"id": "c/1", "phone": "+593987654321"}
    assert not whole.partial
    alone = answer({"id": 7, "subject": "Hola"})
    assert DESK.fetch_more(own, REF, [alone]) is None
    assert DESK.fetched(own, REF, alone).fields == {"id": "7", "subject": "Hola"}


def test_what_must_be_known_before_a_write_is_read_first() -> None:
    """A status is set by the transition that leads there; where none does, the write is refused."""
    own = account()
    solved = SetStatus("solved")
    before = DESK.prepare(own, REF, solved, ())
    assert before is not None
    assert before.url.endswith("/api/tickets/7/transitions")
    ways = answer({"transitions": [{"id": 31, "to": "done"}]})
    assert DESK.prepare(own, REF, solved, [ways]) is None
    ready = DESK.prepared(own, solved, [ways])
    assert ready == SetStatus("solved", by="31")
    call = DESK.call(own, REF, ready, "k", now_ms=NOW_MS)
    assert call is not None
    assert json.loads(call.body) == {"transition": "31"}
    with pytest.raises(Refused):
        DESK.prepared(own, solved, [answer({"transitions": []})])
    assert DESK.call(own, REF, SetStatus("pending"), "k", now_ms=NOW_MS) is None


def test_a_field_that_is_not_there_is_not_written() -> None:
    """What `before` reads may stand in the way of any write: nothing is sent that would be lost in silence."""
    before = [{"name": "fields", "path": "/api/fields"}]
    write = {"path": "/api/tickets/{id}", "before": before, "by": "find(read.fields, 'name', action.field).id"}
    own = account(writes={"field": [write]})
    field = SetField("crm_id", "conv_1")
    assert DESK.prepared(own, field, [answer([{"name": "crm_id", "id": 3}])]) == SetField("crm_id", "conv_1", by=3)
    with pytest.raises(Refused):
        DESK.prepared(own, field, [answer([{"name": "other", "id": 3}])])


def test_a_write_whose_steps_are_all_left_out_is_not_made() -> None:
    """It would go out without what they were to read."""
    before = [{"name": "ways", "path": "/api/ways", "when": "action.status == 'open'"}]
    write = {"path": "/api/tickets/{id}", "before": before, "by": "read.ways.id", "body": {"to": "=action.by"}}
    own = account(writes={"status": [write]})
    assert DESK.prepare(own, REF, SetStatus("solved"), ()) is None
    assert DESK.call(own, REF, SetStatus("solved"), "k", now_ms=NOW_MS) is None
    assert DESK.prepare(own, REF, SetStatus("open"), ()) is not None


def test_the_first_write_whose_condition_holds_is_taken() -> None:
    """As the end user where they are known, else otherwise, else not at all."""
    path = "/api/tickets/{id}/comments"
    known = {"when": "action.user_id", "path": path, "body": {"as": "=action.user_id", "text": "=action.text"}}
    own = account(writes={"reply": [known, {"path": path, "body": {"text": "=action.text", "private": True}}]})
    named, nameless = (
        DESK.call(own, REF, AddReply("Hola", MARK, "Ana", user), "k", now_ms=NOW_MS) for user in ("77", "")
    )
    assert named is not None
    assert nameless is not None
    assert json.loads(named.body) == {"as": "77", "text": "Hola"}
    assert json.loads(nameless.body) == {"text": "Hola", "private": True}
    assert named.once
    assert DESK.call(own, REF, NOTE, "k", now_ms=NOW_MS) is None
    assert DESK.call(own, REF, SetField("tag", "x"), "k", now_ms=NOW_MS) is None


def test_an_idempotency_key_takes_the_place_of_the_look() -> None:
    """The same for the same write, another for another; then nothing is looked for."""
    write = {"path": "/api/tickets/{id}/comments", "body": {"text": "=action.text"}, "key_header": "Idempotency-Key"}
    own = account(writes={"note": [write]})
    keys = [
        call.headers["idempotency-key"]
        for key in ("1:a", "1:a", "2:a")
        if (call := DESK.call(own, REF, NOTE, key, now_ms=NOW_MS))
    ]
    assert keys[0] == keys[1] != keys[2]
    assert DESK.probe(own, REF, NOTE) is None


def test_a_form_is_posted_as_one() -> None:
    """Percent-encoded, with its content type."""
    write = {"path": "/n", "content": "form", "body": {"text": "=action.text", "n": 1}}
    call = DESK.call(account(writes={"note": [write]}), REF, AddNote("a&b=ñ", MARK), "k", now_ms=NOW_MS)
    assert call is not None
    assert call.body == b"text=a%26b%3D%C3%B1&n=1"
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("reply", "error", "wait_s"),
    [
        (answer({"error": "no"}), Refused, 0),
        (answer({}, 409), Conflict, 0),
        (answer({}, 410), Gone, 0),
        (answer({}, 404), Refused, 0),
        (answer({}, 500), Ambiguous, 0),
        (answer({}, 429, **{"retry-after": "7"}), Throttled, 7),
        (
            answer({}, 429, **{"x-ratelimit-reset": "1795184425", "date": "Fri, 20 Nov 2026 14:20:05 GMT"}),
            Throttled,
            20,
        ),
    ],
)
def test_an_answer_means_what_the_mapping_says(reply: Reply, error: type[Exception], wait_s: float) -> None:
    """A 200 that failed, the vendor's own codes, and its own headers for when to try again."""
    with pytest.raises(error) as caught:
        DESK.receipt(account(), NOTE, reply)
    assert type(caught.value) is error
    assert caught.value.retry_after_s == wait_s  # type: ignore[attr-defined]


def test_a_ticket_that_is_not_there_yet_cannot_be_gone() -> None:
    """What means gone for a ticket is a refusal where one is opened."""
    with pytest.raises(Refused):
        DESK.opened(account(), answer({}, 410))
    assert DESK.opened(account(), answer({"ticket": {"id": 12}})) == "12"


def test_an_opened_ticket_is_looked_for_by_its_mark() -> None:
    """Under the id that it was opened with."""
    action = OpenTicket("Ana", f"Hola {MARK}", MARK, "593", "Ana", "+593")
    call = DESK.find_opened(account(), action)
    assert call is not None
    assert call.url == "https://desk.example/x/api/tickets?external_id=jelou-bridge%3A0123456789abcdef"
    assert DESK.found_opened(account(), action, answer({"tickets": [{"id": 5}]})) == "5"
    assert DESK.found_opened(account(), action, answer({"tickets": []})) == ""


def test_a_list_is_read_page_by_page() -> None:
    """Tickets that are not done as opened, the others as solved."""
    page = {"tickets": [{"id": 1, "status": "open"}, {"id": 2, "status": "closed", "updated_at": "x"}, {"id": None}]}
    read = DESK.changes(account(), "desk", answer({**page, "next_page": 2}))
    assert [(one.type, one.ref.id if one.ref else "") for one in read.events] == [
        ("ticket.opened", "1"),
        ("ticket.solved", "2"),
    ]
    assert read.after == "2"
    call = DESK.changed(account(), 1_795_184_405_000, "2")
    assert call is not None
    assert call.url.endswith("/api/tickets?updated_since=2026-11-20T14%3A20%3A05Z&page=2")


def test_an_access_token_is_asked_for_by_any_grant() -> None:
    """By the client alone, a user's password, or a refresh token; calls then carry none of their own."""
    base = {"type": "oauth2", "token_url": "https://id.example/token", "client_id": "c", "client_secret": "s"}
    for more, body in (
        ({}, b"grant_type=client_credentials&client_id=c&client_secret=s"),
        ({"username": "u", "password": "p"}, b"grant_type=password&username=u&password=p&client_id=c&client_secret=s"),
        ({"refresh_token": "r"}, b"grant_type=refresh_token&refresh_token=r&client_id=c&client_secret=s"),
    ):
        access = {"base_url": "https://desk.example", "credential": base | more}
        section = {"project": "p", "mapping": mapping(), "verification": {"secrets": ["s"]}, "access": access}
        own = GenericAccount.model_validate(section)
        call, read = DESK.grant(own), DESK.fetch(own, REF)
        assert call is not None
        assert read is not None
        assert (call.body, read.granted) == (body, True)
        assert "authorization" not in read.headers
    grant = DESK.granted(own, answer({"access_token": "t", "expires_in": 60}))
    assert (grant.token, grant.expires_in_s) == ("t", 60)


def test_a_signature_of_another_secret_is_rejected() -> None:
    """As of every helpdesk."""
    own = account()
    delivery = delivered(b"{}")
    genuine = prove(delivery, DESK.verification(own)).on(delivery)
    other = own.model_copy(update={"verification": own.verification.model_validate({"secrets": ["another"]})})
    assert verify(genuine, DESK.verification(own), NOW_MS)
    with pytest.raises(SignatureRejected):
        verify(genuine, DESK.verification(other), NOW_MS)
