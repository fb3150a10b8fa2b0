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
    AgentReplied,
    Delivery,
    Reply,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import SignatureRejected, Unreadable
from bridge.helpdesks.generic import Generic
from bridge.helpdesks.generic_account import GenericAccount
from bridge.signatures import verify
from tests.senders import delivered, verified
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


def test_the_first_usable_number_is_the_customers() -> None:
    """Words where a number should be are passed over; where nothing is a number, the refusal shows what was told."""
    for mobile, phone, taken in (("ask Ana", "+593 98 765 4321", "+593 98 765 4321"), ("ask Ana", "", "ask Ana")):
        (opened,) = told(item("ticket.created", requester={"id": 3, "mobile": mobile, "phone": phone}))
        assert opened.ticket.fields["requester"]["phone"] == taken


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
    (ours,) = told({**item("comment.added"), "comment": {**comment, "body": f"x\n{MARK}"}})
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
    for own, raw in ((form, b"\xff"), (inside, b"payload=%7B"), (many, b"1"), (account(), b"[]")):
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
