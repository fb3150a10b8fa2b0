"""Zendesk: its two forms of body tell the same things in the same words."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from bridge.domain import (
    AddReply,
    AgentReplied,
    OpenTicket,
    TicketEvent,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import Unreadable
from bridge.helpdesks import zendesk_events, zendesk_listing, zendesk_writing
from bridge.helpdesks.zendesk import ZendeskAccount

BRIDGE = "42"
ACCOUNT = ZendeskAccount.model_validate({"project": "acme", "verification": {"secrets": ["made-up"]}})
MINUTE = "2026-11-20T14:20Z"
SECOND = "2026-11-20T14:20:00Z"


def read(body: dict[str, Any], *, delivery_id: str = "invocation-1", bridge_user: str = BRIDGE) -> TicketEvent:
    """The event in a body."""
    told = zendesk_events.Told(orjson.dumps(body), ACCOUNT, "main", delivery_id, bridge_user)
    return zendesk_events.event(told)


def native(name: str, change: dict[str, Any] | None = None, **detail: Any) -> dict[str, Any]:
    """A body of an event subscription."""
    ticket = {"id": "7", "actor_id": "5", "requester_id": "9", "status": "OPEN", "updated_at": SECOND, **detail}
    return {"type": f"zen:event-type:{name}", "id": "event-1", "detail": ticket, "event": change or {}}


def trigger(name: str, **values: Any) -> dict[str, Any]:
    """A body of a trigger."""
    told = {"event": name, "ticket_id": "7", "actor_id": "5", "status": "Open", "updated_at": MINUTE}
    return {**told, "requester": {"id": "9"}, **values}


def test_the_documented_template_is_read_whole() -> None:
    """The template to paste, filled in by Zendesk, tells a ticket with phone and custom field."""
    template = re.search(r"^    \{.*?^\n", zendesk_events.__doc__ or "", re.DOTALL | re.MULTILINE)
    assert template
    values = {
        "ticket.id": "48211", "ticket.status": "Abierto", "ticket.priority": "Urgente", "ticket.tags": "vip web",
        "ticket.requester.phone": "+593987654321", "ticket.ticket_field_360001112233": "gold",
    }  # fmt: skip
    filled = re.sub(r"\{\{(.*?)\}\}", lambda match: values.get(match[1], ""), template[0])
    event = read(orjson.loads(filled))
    assert isinstance(event, TicketOpened)
    assert event.ticket.fields == {
        "id": "48211",
        "status": "open",
        "priority": "urgent",
        "tags": ["vip", "web"],
        "requester": {"phone": "+593987654321"},
        "custom": {"360001112233": "gold"},
    }


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        ("new", ["NEW", "new", "New", "Nuevo", "Novo"]),
        ("open", ["OPEN", "Open", "Abierto", "Aberto"]),
        ("pending", ["PENDING", "Pending", "Pendiente", "Pendente"]),
        ("on-hold", ["HOLD", "hold", "On-hold", "On hold", "En espera", "Em espera"]),
        ("solved", ["SOLVED", "Solved", "Resuelto", "Resolvido"]),
        ("closed", ["CLOSED", "Closed", "Cerrado", "Fechado"]),
        ("esperando al taller", ["Esperando al taller", " ESPERANDO AL TALLER "]),
    ],
)
def test_a_status_is_told_in_one_word(ours: str, said: list[str]) -> None:
    """Capitals, lower case and labels of three languages become the same word; others stay, in lower case."""
    opened = [read(trigger("ticket.created", status=one)) for one in said]
    assert {one.ticket.fields["status"] for one in opened if isinstance(one, TicketOpened)} == {ours}


@pytest.mark.parametrize(
    ("told_natively", "told_by_trigger"),
    [
        (native("ticket.created"), trigger("ticket.created")),
        (
            native("ticket.comment_added", {"comment": {"id": "31", "author": {"is_staff": True}}}),
            trigger("ticket.comment_added", comment={"id": 31}),
        ),
        (
            native("ticket.status_changed", {"current": "SOLVED", "previous": "OPEN"}),
            trigger("ticket.solved", status="Solved", updated_at=SECOND),
        ),
        (
            native("ticket.status_changed", {"current": "OPEN", "previous": "SOLVED"}),
            trigger("ticket.reopened", updated_at=SECOND),
        ),
    ],
    ids=["opened", "comment", "solved", "reopened"],
)
def test_both_forms_tell_the_same_fact(told_natively: dict[str, Any], told_by_trigger: dict[str, Any]) -> None:
    """A trigger and a subscription about the same thing are worked once."""
    one, other = read(told_natively), read(told_by_trigger)
    assert (type(one), one.ref, one.fact) == (type(other), other.ref, other.fact)


@pytest.mark.parametrize(
    ("previous", "current", "kind"),
    [
        ("OPEN", "SOLVED", TicketSolved),
        ("SOLVED", "CLOSED", TicketSolved),
        ("SOLVED", "OPEN", TicketReopened),
        ("SOLVED", "PENDING", TicketReopened),
        ("NEW", "OPEN", Unrecognised),
        ("OPEN", "HOLD", Unrecognised),
    ],
)
def test_a_change_of_status_is_solved_reopened_or_neither(previous: str, current: str, kind: type) -> None:
    """Only the changes into and out of the end are acted upon."""
    event = read(native("ticket.status_changed", {"previous": previous, "current": current}))
    assert type(event) is kind


def test_the_name_of_a_trigger_decides_where_the_label_is_unknown() -> None:
    """A custom status has a label of its own; ticket.solved says what it means."""
    event = read(trigger("ticket.solved", status="Listo para facturar"))
    assert isinstance(event, TicketSolved)
    assert event.status == "solved"


def test_two_changes_are_two_facts() -> None:
    """A ticket solved twice tells two facts, and without a time the delivery tells them apart."""
    change = {"current": "SOLVED", "previous": "OPEN"}
    later = native("ticket.status_changed", change, updated_at="2026-11-20T15:00:00Z")
    assert read(native("ticket.status_changed", change)).fact != read(later).fact
    timeless = trigger("ticket.solved", updated_at=None)
    assert read(timeless, delivery_id="a").fact != read(timeless, delivery_id="b").fact


@pytest.mark.parametrize(
    ("author", "kind"),
    [
        ({"id": "5", "is_staff": True}, AgentReplied),
        ({"id": "9", "is_staff": False}, Unrecognised),
        ({"id": "5"}, AgentReplied),
        ({"id": "9"}, Unrecognised),
        ({}, AgentReplied),
    ],
)
def test_a_customers_comment_is_no_agents_reply(author: dict[str, Any], kind: type) -> None:
    """What the requester wrote is never taken for a reply to the requester."""
    event = read(native("ticket.comment_added", {"comment": {"id": "31", "body": "Hola", "author": author}}))
    assert type(event) is kind


@pytest.mark.parametrize("public", [None, "", "maybe", 2, False, "false"])
def test_a_comment_is_private_unless_it_is_said_to_be_public(public: Any) -> None:
    """Doubt keeps a comment inside the helpdesk."""
    comment = {"id": "31", "body": "x", "is_public": public, "author": {"is_staff": True}}
    event = read(native("ticket.comment_added", {"comment": comment}))
    assert isinstance(event, AgentReplied)
    assert not event.public


def test_what_the_bridges_user_did_is_the_bridges() -> None:
    """Its user's id marks every event; where that id is not known, only the mark does."""
    opened = native("ticket.created", actor_id=int(BRIDGE))
    assert read(opened).by_bridge
    assert not read(opened, bridge_user="").by_bridge
    assert not read(native("ticket.created", actor_id=None), bridge_user="").by_bridge
    assert read(native("ticket.created", description="x\n[jelou-bridge:00]"), bridge_user="").by_bridge


def test_an_event_about_something_else_names_no_ticket() -> None:
    """A user's id is not taken for a ticket's."""
    event = read({"type": "zen:event-type:user.created", "id": "e", "detail": {"id": "7"}})
    assert event == Unrecognised(None, "told:e", "user.created")


@pytest.mark.parametrize(
    ("body", "where"),
    [(native("ticket.created", id=None), "detail.id"), (trigger("ticket.created", ticket_id=" "), "ticket_id")],
)
def test_a_ticket_without_id_is_unreadable(body: dict[str, Any], where: str) -> None:
    """The one thing that must be there is named by its place."""
    with pytest.raises(Unreadable, match=f"^{where}: "):
        read(body)


@pytest.mark.parametrize(
    ("field", "valid"), [("", True), ("external_id", True), ("360001", True), ("subject", False), ("36 0", False)]
)
def test_the_field_to_write_is_checked_with_the_configuration(field: str, *, valid: bool) -> None:
    """A field that Zendesk's dialect cannot write is a mistake of the configuration, found before any ticket."""
    for name in ("field", "status_field"):
        section = {"project": "acme", "verification": {"secrets": ["s"]}, "write_back": {name: field}}
        if valid:
            ZendeskAccount.model_validate(section)
            continue
        with pytest.raises(ValidationError, match=f"{name} is the number of a custom field"):
            ZendeskAccount.model_validate(section)


def test_a_ticket_of_ours_is_known_by_a_trigger_too() -> None:
    """Its external id is one of the few things that a template may print; it is no conversation's."""
    event = read(trigger("ticket.created", external_id="jelou-bridge:0123456789abcdef"), bridge_user="")
    assert isinstance(event, TicketOpened)
    assert (event.by_bridge, event.ticket.by_bridge, "external_id" in event.ticket.fields) == (True, True, False)
    other = read(trigger("ticket.created", external_id="conv_1"), bridge_user="")
    assert isinstance(other, TicketOpened)
    assert (other.by_bridge, other.ticket.fields["external_id"]) == (False, "conv_1")


@pytest.mark.parametrize("readable", [True, False])
def test_a_comment_is_partial_where_it_can_be_read_whole(*, readable: bool) -> None:
    """A webhook tells no files: an account without access has to do without them."""
    body = native("ticket.comment_added", {"comment": {"id": "31", "body": "x"}})
    event = zendesk_events.event(
        zendesk_events.Told(orjson.dumps(body), ACCOUNT, "main", "i", BRIDGE, readable=readable)
    )
    assert isinstance(event, AgentReplied)
    assert event.partial is readable


@pytest.mark.parametrize(
    ("html", "markup"),
    [
        ('<div class="zd-comment" dir="auto"><p>Hola<br>&lt;b&gt;</p></div>', "text"),
        ("<p>Hola <strong>Ana</strong></p>", "html"),
        ('<p><a href="https://acme.example">aquí</a></p>', "html"),
        ("<UL><LI>Hola</LI></UL>", "html"),
        ("", "text"),
    ],
)
def test_only_what_was_formatted_is_html(html: str, markup: str) -> None:
    """A plain comment comes wrapped as well, and its own text says it better."""
    comment = {"id": 1, "author_id": 5, "body": "Hola", "html_body": html, "public": True}
    page = {"comments": [comment], "next_page": "more"}
    (reply,) = zendesk_listing.replies(TicketRef("zendesk", "main", "7"), page, BRIDGE)
    assert (reply.markup, reply.text) == (markup, html if markup == "html" else "Hola")


def test_a_number_too_long_for_an_id_is_none() -> None:
    """It is sent as the text it is, or not taken as the author: nothing breaks."""
    long = "9" * 30
    assert zendesk_writing.change(AddReply("x", "m", user_id=long)) == {
        "ticket": {"comment": {"body": "x", "public": False}}
    }
    assert zendesk_writing.opening(OpenTicket("x", "x", "m", "u", group=long))["ticket"]["group_id"] == long
