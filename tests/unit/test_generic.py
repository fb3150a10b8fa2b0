"""The generic dialect: proofs as data, rules, steps, outcomes, and what ``bridge check`` says of a mapping."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.domain import (
    AddNote,
    AddReply,
    AgentReplied,
    Delivery,
    OpenTicket,
    Reply,
    SetField,
    SetStatus,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import Ambiguous, ConfigError, Conflict, Gone, Refused, SignatureRejected, Throttled, Unreadable
from bridge.helpdesks import REGISTRY
from bridge.helpdesks.generic import Generic
from bridge.helpdesks.generic_account import GenericAccount
from bridge.signatures import verify
from config.load import load
from tests.senders import NOW_MS, delivered, prove, verified
from tests.unit.test_signature_vectors import HELPDESKS, delivery_of, one_byte_off, time_of

EXAMPLE = Path(__file__).parents[2] / "config" / "mapping.example.yaml"
DESK = Generic()
REF = TicketRef("generic", "desk", "7")
MARK = "[jelou-bridge:0123456789abcdef]"
NOTE = AddNote(f"Hola\n{MARK}", MARK)
ACCESS = {"base_url": "https://desk.example/x", "credential": {"type": "header", "scheme": "Bearer", "token": "tk"}}


def mapping(**changes: Any) -> dict[str, Any]:
    """The example's mapping with these keys changed."""
    return {**copy.deepcopy(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))), **changes}


def account(**changes: Any) -> GenericAccount:
    """An account of the example's mapping, with these keys of the mapping changed."""
    section = {"project": "clinic", "mapping": mapping(**changes), "verification": {"secrets": ["s3cret"]}}
    return GenericAccount.model_validate({**section, "access": ACCESS})


def told(body: Any, of: GenericAccount | None = None, **more: Any) -> list[Any]:
    """The events in a delivery of this body."""
    own = of or account()
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(DESK.read(verified(raw, DESK.verification(own), **more), own, "desk"))


def item(event: str, **ticket: Any) -> dict[str, Any]:
    """What the example's desk sends."""
    return {"event": event, "ticket": {"id": 7, "updated_at": "2026-11-20T14:20:05Z", **ticket}}


def answer(body: Any, status: int = 200, **headers: str) -> Reply:
    """An answer of JSON."""
    return Reply(status, headers, json.dumps(body).encode())


# --- proofs ----------------------------------------------------------------------------------------------------------


def proof_of(vector: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """A vector's scheme as a mapping writes it, and the user name beside it."""
    scheme = dict(vector["scheme"])
    kind = scheme.pop("kind")
    plain: dict[str, dict[str, Any]] = {
        "static_header": {"type": "header", "header": scheme.get("header")},
        "basic": {"type": "basic"},
    }
    plain |= {"bearer": {"type": "header", "scheme": "Bearer"}, "url_token": {"type": "url", "parameter": "token"}}
    if kind in plain:
        return plain[kind], scheme.get("username", "")
    renamed: dict[str, str] = {"list_separator": "separator", "version_prefix": "prefix"}
    prefix = {"secret_prefix": "whsec_"} if vector["secret"].startswith("whsec_") else {}
    return {"type": kind, **{renamed.get(str(name), str(name)): one for name, one in scheme.items()}, **prefix}, ""


@pytest.mark.parametrize("vector", HELPDESKS, ids=lambda one: one["name"])
def test_every_vendors_signature_is_data(vector: dict[str, Any]) -> None:
    """All the recorded signatures are accepted by a proof that a mapping writes, and none with a byte changed."""
    proof, username = proof_of(vector)
    section = {"project": "p", "mapping": mapping(proof=proof)}
    own = GenericAccount.model_validate(
        {**section, "verification": {"secrets": [vector["secret"]], "username": username}}
    )
    delivery, verification = delivery_of(vector), DESK.verification(own)
    assert verify(delivery, verification, time_of(vector)).delivery is delivery
    if proof["type"] in {"hmac", "hash"}:
        for body in one_byte_off(delivery.body):
            with pytest.raises(SignatureRejected):
                verify(Delivery(**{**fields(delivery), "body": body}), verification, time_of(vector))


def fields(delivery: Delivery) -> dict[str, Any]:
    """The fields of a delivery."""
    return {name: getattr(delivery, name) for name in Delivery.__dataclass_fields__}


# --- deliveries ------------------------------------------------------------------------------------------------------


def test_rules_decide_in_their_order_what_is_told() -> None:
    """The first that holds; what none knows is unrecognised by the sender's own name."""
    (opened,) = told(item("ticket.created", subject="Hola", priority="Alta", requester={"id": 3, "mobile": "+593"}))
    assert isinstance(opened, TicketOpened)
    assert opened.ticket.fields["priority"] == "high"
    assert opened.ticket.fields["requester"] == {"id": "3", "phone": "+593"}
    (solved,) = told(item("ticket.changed", status="Resuelto"))
    assert solved == TicketSolved(REF, "status:solved:2026-11-20T14:20:05Z", "solved")
    (reopened,) = told(item("ticket.changed", status="open"))
    assert isinstance(reopened, TicketReopened)
    (other,) = told(item("ticket.merged"))
    assert isinstance(other, Unrecognised)
    assert (other.ref, other.told) == (REF, "ticket.merged")


def test_one_delivery_may_tell_several_things() -> None:
    """A list is exploded, each item by its own rules, with what stands beside it; a rule may tell two things."""
    own = account(
        explode="body.changes",
        ticket={"id": "body.ticket.id", "status": "item.to"},
        events=[{"when": "item.to", "tells": ["agent.replied", "ticket.solved"]}],
        comment={"id": "item.id", "text": "item.text", "public": "item.public"},
    )
    body = {"ticket": {"id": "A-1"}, "changes": [{"to": "closed", "id": 1, "text": "Adiós", "public": True}, {"x": 1}]}
    replied, solved, other = told(body, own)
    assert (replied.ref.id, replied.text, replied.public, replied.fact) == ("A-1", "Adiós", True, "comment:1")
    assert (solved.status, other.type) == ("closed", "unrecognised")


def test_nothing_is_told_twice_for_its_time() -> None:
    """Without a version the same content is the same fact, and another content another."""
    own = account(version="")
    first, again, other = (told(item("ticket.changed", status="solved", n=n), own)[0] for n in (1, 1, 2))
    assert first.fact == again.fact != other.fact


def test_a_customers_comment_is_not_sent_back_and_our_own_is_known() -> None:
    """By who wrote it, and by the mark."""
    comment = {"id": 9, "body": "Gracias", "public": True, "author": {"id": 3}}
    (customers,) = told({**item("comment.added", requester={"id": 3}), "comment": comment})
    assert (customers.type, customers.told) == ("unrecognised", "customer comment")
    (ours,) = told({**item("comment.added"), "comment": {**comment, "body": f"x {MARK}"}})
    (acted,) = told({**item("comment.added"), "comment": comment, "actor": {"name": "bridge"}})
    assert ours.by_bridge
    assert acted.by_bridge


def test_a_comment_that_is_told_whole_is_not_read_again() -> None:
    """Else it is, where the helpdesk's comments can be read."""
    comment = {"id": 9, "body": "Hola", "public": True}
    (read_again,) = told({**item("comment.added"), "comment": comment})
    (whole,) = told(
        {**item("comment.added"), "comment": comment}, account(comment={**mapping()["comment"], "whole": True})
    )
    assert (read_again.partial, whole.partial) == (True, False)


@pytest.mark.parametrize("public", ["true", 1, None, "yes", {}])
def test_what_is_not_said_to_be_public_is_private(public: Any) -> None:
    """A comment leaves the helpdesk only where the mapping finds a true."""
    (reply,) = told({**item("comment.added"), "comment": {"id": 9, "body": "x", "public": public}})
    assert isinstance(reply, AgentReplied)
    assert not reply.public


def test_a_ticket_without_an_id_is_refused_only_where_something_is_told() -> None:
    """An event about something else needs none."""
    with pytest.raises(Unreadable, match=r"ticket\.id: is not the id"):
        told({"event": "ticket.created", "ticket": {"id": ".."}})
    (other,) = told({"event": "user.created"})
    assert other.ref is None


def test_forms_and_lists_are_read() -> None:
    """A form as its fields, or with the JSON in one of them; a list where the mapping says so, and nowhere else."""
    rule = [{"when": "item.kind", "tells": ["ticket.solved"]}]
    form = account(content="form", ticket={"id": "item.id"}, events=rule)
    assert told(b"kind=x&id=a%20b", form)[0].ref.id == "a b"
    inside = account(content="form", content_field="payload", ticket={"id": "item.id"}, events=rule)
    assert told(b"payload=%7B%22kind%22%3A1%2C%22id%22%3A5%7D", inside)[0].ref.id == "5"
    many = account(content="json-list", explode="body", ticket={"id": "item.id"}, events=rule)
    assert [one.ref.id for one in told([{"kind": 1, "id": 1}, {"kind": 1, "id": 2}], many)] == ["1", "2"]
    for own, raw in ((form, b"\xff"), (inside, b"payload=%7B"), (many, b"{}"), (account(), b"[]")):
        with pytest.raises(Unreadable, match=r"^body: is not"):
            told(raw, own)


def test_too_many_events_are_refused_whole() -> None:
    """Rather than read in part and the rest lost."""
    with pytest.raises(Unreadable, match="tells more than 1000 events"):
        told([{}] * 1_001, account(content="json-list", explode="body"))


def test_a_handshake_is_answered_where_its_condition_holds() -> None:
    """With what was asked, as plain text."""
    own = account(handshake=[{"when": 'header."x-desk-challenge"', "answer": '=header."x-desk-challenge"'}])
    shaken = DESK.handshake(own, delivered(headers={"X-Desk-Challenge": "abc"}))
    assert shaken is not None
    assert (shaken.status, shaken.body, shaken.content_type) == (200, b"abc", "text/plain")
    assert DESK.handshake(own, delivered()) is None


# --- calls -----------------------------------------------------------------------------------------------------------


def test_a_fetch_takes_its_steps_in_a_row() -> None:
    """Each may ask for what the ones before it read; one that is not wanted is left out."""
    own = account()
    first = DESK.fetch(own, REF)
    assert first is not None
    assert (first.url, first.calls) == ("https://desk.example/x/api/tickets/7", 2)
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


# --- what bridge check says ------------------------------------------------------------------------------------------


def mistakes(tmp_path: Path, *edits: tuple[str, str], section: str = "") -> list[str]:
    """What is said of the example's mapping after these edits of its text."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "desk.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "bridge.yaml").write_text(
        "jelou: {clinic: {project_id: p, bot_id: b, api_key: '${S}', signing_secrets: ['${S}']}}\n"
        "helpdesks:\n  generic:\n    desk:\n      project: clinic\n      mapping: file:desk.yaml\n"
        "      verification: {secrets: ['${S}']}\n" + section,
        encoding="utf-8",
    )
    try:
        load(tmp_path / "bridge.yaml", {kind: one.settings for kind, one in REGISTRY.items()}, {"S": "secret-value"})
    except ConfigError as error:
        return [f"{Path(one.path).name}:{one.line}: {one.key}: {one.problem}" for one in error.mistakes]
    return []


def line_of(text: str) -> int:
    """The line of the example on which this text first stands."""
    whole = EXAMPLE.read_text(encoding="utf-8")
    return whole[: whole.index(text)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "key", "problem"),
    [
        ("  subject: item.ticket.subject", "  subjet: item.ticket.subject", "ticket.subjet", "unknown key"),
        ("version: item.ticket.updated_at", "version: itm.ticket", "version", "asks for itm, which is not there"),
        ("  at: item.comment.created_at", "  at: lowr(item.x)", "comment.at", "calls lowr(), which is not a function"),
        (
            "    - path: /api/tickets/{id}/tags",
            "    - path: /api/{tickt}",
            "writes.tag[0].path",
            "asks for tickt, which",
        ),
    ],
)
def test_a_mistake_in_a_mapping_is_told_with_its_file_and_line(
    tmp_path: Path, old: str, new: str, key: str, problem: str
) -> None:
    """A field that is not there is found when the file is checked, not when a delivery comes."""
    said = mistakes(tmp_path, (old, new))
    wanted = f"desk.yaml:{line_of(old.rstrip())}: helpdesks.generic.desk.mapping.{key}: {problem}"
    assert any(one.startswith(wanted) for one in said), said


def test_a_step_asks_only_for_what_was_read(tmp_path: Path) -> None:
    """By an earlier step."""
    said = mistakes(tmp_path, ("/api/contacts/{read.ticket.requester_id}", "/api/contacts/{read.tickt.requester_id}"))
    assert any("the step contact asks for read.tickt, which no earlier step reads" in one for one in said), said


@pytest.mark.parametrize(
    ("edit", "section", "problem"),
    [
        (("settings.user", "settings.usr"), "", "asks for settings.usr, which is not among its settings"),
        (("    default: bridge\n", ""), "", "the mapping asks for user"),
        (("title", "title"), "      settings: {usr: x}\n", "the mapping asks for no usr; known: user"),
    ],
)
def test_settings_that_do_not_meet_are_told(tmp_path: Path, edit: tuple[str, str], section: str, problem: str) -> None:
    """What a mapping asks for and what the account gives."""
    assert any(problem in one for one in mistakes(tmp_path, edit, section=section))


def test_a_mapping_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    """With the closest name that is; and nothing is said of what would stand in it."""
    (tmp_path / "bridge.yaml").write_text(
        "jelou: {clinic: {project_id: p, bot_id: b, api_key: '${S}', signing_secrets: ['${S}']}}\n"
        "helpdesks:\n  generic:\n    desk:\n      project: clinic\n      mapping: request-traker\n"
        "      verification: {secrets: ['${S}']}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "bridge.yaml", {kind: one.settings for kind, one in REGISTRY.items()}, {"S": "secret-value"})
    assert [(one.line, one.problem, one.fix) for one in caught.value.mistakes] == [
        (6, "no mapping of that name is shipped", "did you mean request-tracker?; or write file:PATH")
    ]


def test_the_example_itself_is_without_a_mistake(tmp_path: Path) -> None:
    """The measure measures."""
    assert mistakes(tmp_path) == []


def test_the_mappings_pace_is_the_accounts_unless_it_has_its_own() -> None:
    """Both the account's calls and the writes on one ticket."""
    own = account()
    assert (own.calls_per_minute, own.ticket_pace and own.ticket_pace.calls) == (120, 30)
    section = {"project": "p", "mapping": mapping(), "verification": {"secrets": ["s"]}, "calls_per_minute": 7}
    assert GenericAccount.model_validate(section).calls_per_minute == 7


def test_a_signature_of_another_secret_is_rejected() -> None:
    """As of every helpdesk."""
    own = account()
    delivery = delivered(b"{}")
    genuine = prove(delivery, DESK.verification(own)).on(delivery)
    other = own.model_copy(update={"verification": own.verification.model_validate({"secrets": ["another"]})})
    assert verify(genuine, DESK.verification(own), NOW_MS)
    with pytest.raises(SignatureRejected):
        verify(genuine, DESK.verification(other), NOW_MS)
