"""GLPI: its challenge, its signature and its tickets, with their traps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.domain import (
    Reply,
    TicketOpened,
    TicketReopened,
)
from bridge.errors import Denied, SignatureRejected, Unreadable
from bridge.helpdesks.glpi_account import GlpiAccount
from bridge.signatures import verify
from tests.glpi_helpdesk import (
    CURRENT,
    GLPI,
    HOUR_MS,
    OLD,
    RECORDED,
    REF,
    account,
    asked,
    body,
    deaf,
    digest,
    ok,
    opened,
    read,
)
from tests.helpdesk_recordings import FOLDER
from tests.senders import NOW_MS, delivered, prove

VECTORS = json.loads((FOLDER / "signatures" / "helpdesks.json").read_text(encoding="utf-8"))["vectors"]


# --- the challenge ---------------------------------------------------------------------------------------------------


def test_a_challenge_cannot_be_used_to_sign_a_delivery() -> None:
    """The answer to T is the signature of T: whoever asks for a body and its time stamp gets nothing."""
    forged = b'{"item": {"id": 532, "status": {"id": 5}}, "event": "update"}'
    told = GLPI.handshake(account(), asked(forged.decode() + str(NOW_MS // 1000)))
    assert told is None


@given(token=st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.from_regex(r"[0-9a-f]{64}"))
@example(digest("another secret", "validate_cra_challenge"))
@example(digest(CURRENT, "another text"))
@example(digest(CURRENT, ""))
@example("validate_cra_challenge")
def test_no_token_of_a_strangers_is_answered(token: str) -> None:
    """Whatever its shape: without the secret nobody has a token, and without a token there is no answer."""
    assert GLPI.handshake(account(), asked(token)) is None


@pytest.mark.parametrize("secret", [CURRENT, OLD])
def test_a_challenge_is_answered_with_the_secret_that_made_it(secret: str) -> None:
    """During a rotation GLPI may still have the old one; another answer would stop all its deliveries."""
    token = digest(secret, "validate_cra_challenge")
    told = GLPI.handshake(account(), asked(token))
    assert told is not None
    assert (told.status, told.content_type, told.body.decode()) == (200, "text/plain", digest(secret, token))


def test_the_answer_to_a_challenge_signs_no_delivery() -> None:
    """It is the signature of a text that is no body and time stamp."""
    token = digest(CURRENT, "validate_cra_challenge")
    told = GLPI.handshake(account(), asked(token))
    assert told is not None
    for at in range(len(token)):
        headers = {"x-glpi-signature": told.body.decode(), "x-glpi-timestamp": token[at:]}
        with pytest.raises(SignatureRejected):
            verify(delivered(token[:at].encode(), headers=headers), GLPI.verification(account()), NOW_MS)


# --- deliveries ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("late_ms", "taken"), [(0, True), (20 * HOUR_MS, True), (25 * HOUR_MS, False)])
def test_a_delivery_is_as_old_as_its_queueing(*, late_ms: int, taken: bool) -> None:
    """GLPI sends it again as it was signed, hours later where its cron rests."""
    scheme = GLPI.verification(account())
    delivery = prove(delivered(b"{}"), scheme).on(delivered(b"{}"))
    try:
        verify(delivery, scheme, NOW_MS + late_ms)
    except SignatureRejected:
        assert not taken
    else:
        assert taken


def test_the_recorded_signature_is_accepted() -> None:
    """Hex of the body and the seconds behind it; not with the two the other way round."""
    [vector] = [one for one in VECTORS if one["name"] == "glpi"]
    section = {**RECORDED.section, "verification": {"secrets": [vector["secret"]]}}
    scheme = GLPI.verification(GlpiAccount.model_validate(section))
    delivery = delivered(vector["request"]["body"].encode(), headers=vector["request"]["headers"])
    assert verify(delivery, scheme, NOW_MS).delivery is delivery
    with pytest.raises(SignatureRejected):
        verify(delivery, replace(scheme, signed="{timestamp}{body}"), NOW_MS)


def test_a_replay_is_known_by_its_signature() -> None:
    """GLPI numbers no deliveries; the signature is the same on each try, and another for another moment."""
    scheme = GLPI.verification(account())
    first, again, later = (
        prove(delivered(b"{}"), scheme, now_ms=NOW_MS + late).on(delivered(b"{}")) for late in (0, 0, 1000)
    )
    ids = [GLPI.delivery_id(one, account()) for one in (first, again, later)]
    assert ids[0] == ids[1] != ids[2]
    assert all(ids)


def test_the_tolerance_is_the_engineers() -> None:
    """Who runs the queue each minute may want less than a day."""
    section = {**RECORDED.section, "verification": {"secrets": ["x"], "tolerance_s": 60}}
    timestamp = GLPI.verification(GlpiAccount.model_validate(section)).timestamp
    assert timestamp is not None
    assert timestamp.tolerance_s == 60


# --- tickets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        ({"id": 1, "name": "Nuevo"}, "new"),
        ({"id": 2, "name": "Em atendimento (atribuído)"}, "open"),
        ({"id": 3, "name": "x"}, "open"),
        ({"id": "4", "name": "x"}, "pending"),
        ({"id": 5, "name": "x"}, "solved"),
        ({"id": 6, "name": "x"}, "closed"),
        ({"id": 10, "name": "x"}, "on-hold"),
        ({"id": 42, "name": "x"}, "42"),
        ({"name": "Em atendimento (atribuído)"}, "open"),
        ({"name": "Resuelto"}, "solved"),
        (3, "open"),
        ("Cerrado", "closed"),
        (None, None),
        ({}, None),
        ([5], None),
    ],
)
def test_a_status_is_its_number(status: Any, meant: str | None) -> None:
    """The name is in the language of whoever was logged in; a template may print either alone."""
    assert opened(status=status).get("status") == meant


def test_the_accounts_own_labels_come_first() -> None:
    """By GLPI's number."""
    labels = {"status": {"4": "on-hold"}, "priority": {"6": "high"}}
    [event] = read(body(status={"id": 4, "name": "Pending"}, priority=6), deaf(labels=labels))
    assert isinstance(event, TicketOpened)
    assert (event.ticket.fields["status"], event.ticket.fields["priority"]) == ("on-hold", "high")


@pytest.mark.parametrize(
    ("priority", "meant"),
    [(1, "low"), (2, "low"), (3, "normal"), ("4", "high"), (5, "urgent"), (6, "urgent"), ("Média", "normal")],
)
def test_a_priority_is_its_number(priority: Any, meant: str) -> None:
    """From very low to major."""
    assert opened(priority=priority)["priority"] == meant


def test_a_ticket_of_which_little_is_told_is_a_ticket() -> None:
    """Null objects, no team, no dates: only the id is needed."""
    nothing = dict.fromkeys(("category", "location", "entity", "team", "request_type", "status", "date_creation"))
    told = opened(**nothing, date=None, priority=None, name=None, urgency=None, impact=None)
    assert told == {"id": "532", "type": "incident"}


def test_the_date_stands_in_where_the_creation_is_not_told() -> None:
    """What came by mail has both."""
    assert opened(date_creation=None)["created_at"] == "2026-11-20T14:02:11+00:00"


def test_a_group_is_the_one_to_which_the_ticket_is_assigned() -> None:
    """Not the one that asks or watches."""
    team = [
        {"id": 3, "type": "Group", "role": "requester", "name": "Ventas"},
        {"id": 5, "type": "Group", "role": "assigned", "name": "Soporte"},
    ]
    assert opened(team=team)["group"] == "5"


@pytest.mark.parametrize("team", [[], None, [{"id": 3, "type": "Group", "role": "requester"}], [{"role": "requester"}]])
def test_a_requester_who_is_no_user_is_not_asked_for(team: Any) -> None:
    """A group or a mail address has no phone number."""
    ticket = ok({**body()["item"], "team": team})
    assert GLPI.fetch_more(account(), REF, [ticket]) is None
    assert "requester" not in GLPI.fetched(account(), REF, ticket).fields


@pytest.mark.parametrize(
    ("user", "phone"),
    [
        ({"mobile": "0991", "phone": "022", "phone2": "033"}, "0991"),
        ({"mobile": "", "phone": "022", "phone2": "033"}, "022"),
        ({"mobile": None, "phone": " ", "phone2": 593987654321}, "593987654321"),
        ({}, None),
    ],
)
def test_the_phone_number_is_the_mobile_one_where_there_is_one(user: dict[str, Any], phone: str | None) -> None:
    """WhatsApp is seldom on a desk."""
    ticket = GLPI.fetched(account(), REF, ok(body()["item"]), ok({"id": 42, **user}))
    assert ticket.fields["requester"].get("phone") == phone


def test_a_user_who_may_not_be_read_is_told() -> None:
    """A right that is missing is a mistake in the profile: the ticket is not taken for one without a number."""
    with pytest.raises(Denied):
        GLPI.fetched(account(), REF, ok(body()["item"]), Reply(403))


@pytest.mark.parametrize("number", [4, 5])
def test_a_ticket_in_the_bin_is_closed(number: int) -> None:
    """Its status stays what it was."""
    record = {**body()["item"], "status": {"id": number}, "is_deleted": True}
    assert GLPI.fetched(account(), REF, ok(record)).fields["status"] == "closed"
    [event] = GLPI.changes(account(), "main", ok([record])).events
    assert (event.type, event.fact) == ("ticket.solved", "status:closed:1795183331000")


def test_an_update_of_an_open_ticket_is_a_guess() -> None:
    """It says neither what changed nor what was before; the fact is that of the list."""
    [event] = read(body("ticket-update.json", status={"id": 2}))
    assert isinstance(event, TicketReopened)
    assert event.guessed
    assert event in GLPI.changes(account(), "main", ok([body("ticket-update.json", status={"id": 2})["item"]])).events


def test_a_problem_is_no_ticket() -> None:
    """Its ids are numbers of their own: number 532 may be both."""
    without = dict.fromkeys(("type", "external_id", "request_type"), ...)
    [event] = read(body("ticket-update.json", **without))
    assert (event.type, event.ref) == ("unrecognised", None)


@pytest.mark.parametrize("told", [{}, {"item": None}, {"item": []}, {"event": "new"}, {"item": {"id": {}}}])
def test_a_body_without_an_item_is_unreadable(told: dict[str, Any]) -> None:
    """A payload of one's own must keep the item."""
    with pytest.raises(Unreadable, match=r"^item\.id: is not the id of a ticket$"):
        read(told)
