"""Zammad: what happened is told by the body and the trigger's name, and read loosely."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bridge.domain import (
    AgentReplied,
    Attachment,
    TicketEvent,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import Unreadable
from bridge.helpdesks.zammad import Zammad
from bridge.helpdesks.zammad_account import ZammadAccount
from tests.senders import verified

SECTION: dict[str, Any] = {
    "project": "acme",
    "verification": {"secrets": ["made-up"]},
    "access": {"base_url": "https://help.acme.example/", "token": "x", "bridge_user_id": "jelou@acme.example"},
}
ACCOUNT = ZammadAccount.model_validate(SECTION)
DIALECT = Zammad()
REF = TicketRef("zammad", "main", "81")
CREATED, TOUCHED = "2026-11-20T14:00:00.000Z", "2026-11-20T14:20:05.201Z"
TOUCHED_MS = 1_795_184_405_201
AGENT = {"id": 5, "login": "andrea@acme.example"}
BRIDGE = {"id": 14, "login": "jelou@acme.example"}


def body(article: dict[str, Any] | None = None, **ticket: Any) -> dict[str, Any]:
    """A body of Zammad's own, of a ticket with two articles."""
    told = {
        "id": 81,
        "title": "T",
        "state": "open",
        "priority": {"id": 2, "name": "2 normal"},
        "customer_id": 8,
        "article_ids": [104, 105],
        "article_count": 2,
        "created_at": CREATED,
        "updated_at": TOUCHED,
        "close_at": None,
        "updated_by_id": 5,
        "updated_by": AGENT,
    }
    return {"ticket": {**told, **ticket}, "article": article or {}}


def written(**values: Any) -> dict[str, Any]:
    """An agent's public article."""
    told = {"id": 105, "sender": "Agent", "internal": False, "content_type": "text/html", "body": "<p>Hola</p>"}
    return {**told, "created_by_id": 5, "created_by": AGENT, "attachments": [], "created_at": TOUCHED, **values}


def read(told: dict[str, Any], trigger: str = "Jelou", account: ZammadAccount = ACCOUNT) -> list[TicketEvent]:
    """The events in a body that this trigger sent."""
    headers = {"x-zammad-trigger": trigger, "x-zammad-delivery": "job-1"}
    return DIALECT.read(verified(orjson.dumps(told), DIALECT.verification(account), headers=headers), account, "main")


def labelled(**labels: dict[str, str]) -> ZammadAccount:
    """The account with labels of its own."""
    return ZammadAccount.model_validate(SECTION | {"labels": labels})


# --- what happened ---------------------------------------------------------------------------------------------------


def test_a_late_job_still_tells_of_an_opened_ticket() -> None:
    """The body shows the ticket as it is when the job is run: the first article says what the trigger fired for."""
    (event,) = read(body(written(id=104, sender="Customer"), state="closed"))
    assert isinstance(event, TicketOpened)
    assert event.ticket.fields["status"] == "closed"


def test_a_reply_that_closes_is_two_events() -> None:
    """An agent may write and close at once: the customer reads it before the conversation ends."""
    replied, solved = read(body(written(), state="closed"))
    assert replied == AgentReplied(
        REF, "comment:105", "105", "<p>Hola</p>", public=True, markup="html", at_ms=TOUCHED_MS
    )
    assert solved == TicketSolved(REF, f"status:closed:{TOUCHED_MS}", "closed")


def test_the_bridges_note_on_a_closed_ticket_says_nothing_of_its_status() -> None:
    """Each note would tell the closing once more."""
    events = read(body(written(created_by=BRIDGE, created_by_id=14), state="closed"))
    assert [(event.type, event.by_bridge) for event in events] == [("agent.replied", True)]


def test_closing_is_not_lost_where_the_bridge_wrote_last() -> None:
    """By the time of the job a note of the bridge's may have made it the one who changed the ticket."""
    (event,) = read(body(state="closed", updated_by=BRIDGE, updated_by_id=14))
    assert event == TicketSolved(REF, f"status:closed:{TOUCHED_MS}", "closed", by_bridge=False)


@pytest.mark.parametrize("trigger", ["Jelou: reopened", "ticket.reopened", "REOPENED", "Jelou (reabierto)"])
def test_a_trigger_says_reopened(trigger: str) -> None:
    """The last word of its name does; nothing in the body would."""
    (event,) = read(body(close_at="2026-11-20T14:10:00.000Z"), trigger)
    assert event == TicketReopened(REF, f"status:open:{TOUCHED_MS}", "open")


@pytest.mark.parametrize(
    ("trigger", "ticket"),
    [
        ("Jelou: reopened", {"close_at": None}),
        ("Jelou: created", {}),
        ("Jelou: solved", {}),
        ("reopened tickets to Jelou", {"close_at": "2026-11-20T14:10:00.000Z"}),
    ],
)
def test_a_trigger_does_not_contradict_the_body(trigger: str, ticket: dict[str, Any]) -> None:
    """A ticket that was never closed is not reopened, an old one not created, an open one not solved."""
    assert read(body(**ticket), trigger) == [Unrecognised(REF, f"told:ticket:{TOUCHED_MS}", "ticket updated")]


def test_a_reopening_of_the_bridges_own_is_known() -> None:
    """A customer who writes on a pending ticket opens it: that is no reason for another conversation."""
    told = body(close_at=CREATED, updated_by=BRIDGE, updated_by_id=14)
    assert [event.by_bridge for event in read(told, "Jelou: reopened")] == [True]


def test_a_reply_that_reopens_is_carried() -> None:
    """What the agent wrote with it is told too."""
    events = read(body(written(), close_at=CREATED), "Jelou: reopened")
    assert [event.type for event in events] == ["agent.replied", "ticket.reopened"]


@pytest.mark.parametrize(("updated_at", "opened"), [("2026-11-20T14:00:00.051Z", True), (TOUCHED, False)])
def test_a_ticket_without_an_article_is_opened_only_once(updated_at: str, opened: bool) -> None:
    """It has no first article, so that its times tell whether it has just begun."""
    (event,) = read(body(article_ids=[], article_count=None, updated_at=updated_at))
    assert isinstance(event, TicketOpened) is opened


# --- an admin's own body ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"event": "ticket.created"}, "ticket.opened"),
        ({"ticket": {"id": "81", "article_count": "1"}}, "ticket.opened"),
        ({"event": "article"}, "agent.replied"),
        ({}, "agent.replied"),
    ],
)
def test_an_own_body_needs_no_list_of_articles(said: dict[str, Any], kind: str) -> None:
    """It says itself what happened; texts stand for numbers there."""
    (event,) = read({"ticket": {"id": "81"}, "article": {"id": "104", "internal": "false"}, **said})
    assert event.type == kind


def test_an_unprinted_variable_is_missing() -> None:
    """Zammad prints the name of a variable that has no value: it is neither an id nor a text nor a number."""
    unprinted = "#{ticket.x / no such method}"
    told = {
        "event": "solved",
        "ticket": {"id": "81", "state": "closed", "title": unprinted, "updated_at": "2026-11-20 14:20:05 UTC"},
        "article": {"id": unprinted, "body": unprinted},
    }
    assert read(told) == [TicketSolved(REF, "status:closed:1795184405000", "closed")]
    with pytest.raises(Unreadable, match=r"^ticket\.id: is not the id of a ticket$"):
        read({"ticket": {"id": unprinted}})


def test_a_broken_template_is_unreadable() -> None:
    """Zammad sends what went wrong in place of the body."""
    with pytest.raises(Unreadable):
        read({"error": "unexpected token at '{'"})


def test_an_article_without_its_text_is_fetched() -> None:
    """Only where the bridge can read it; without access there is nothing more to be had."""
    told = body({"id": 105, "sender": "Agent"})
    deaf = ZammadAccount.model_validate({name: value for name, value in SECTION.items() if name != "access"})
    partial = [[getattr(event, "partial", None) for event in read(told, account=one)] for one in (ACCOUNT, deaf)]
    assert partial == [[True], [False]]


# --- tickets and articles --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("pending reminder", "pending"),
        ("pending close", "pending"),
        ("merged", "closed"),
        ("removed", "closed"),
        ("Warten auf Erinnerung", "pending"),
        ("geschlossen", "closed"),
        ("Cerrado", "closed"),
        ("fechado", "closed"),
        ({"name": "neu"}, "new"),
        ("En laboratorio", "en laboratorio"),
        (None, None),
        (["open"], None),
    ],
)
def test_a_state_is_known_in_four_languages(state: Any, status: str | None) -> None:
    """By its name; one that nobody knows stays as it is, in lower case."""
    (event,) = read(body(written(id=104), state=state))
    assert isinstance(event, TicketOpened)
    assert event.ticket.fields.get("status") == status


def test_the_accounts_own_labels_come_first() -> None:
    """An admin's state and priority mean what the account says, in any case."""
    account = labelled(status={"Entregado": "solved"}, priority={"4 vip": "urgent"})
    assert [event.type for event in read(body(state="ENTREGADO"), account=account)] == ["ticket.solved"]
    (event,) = read(body(written(id=104), priority={"name": "4 VIP"}), account=account)
    assert isinstance(event, TicketOpened)
    assert event.ticket.fields["priority"] == "urgent"


@pytest.mark.parametrize("state", ["Entregado", None])
def test_a_state_in_no_table_is_solved_where_the_trigger_says_so(state: str | None) -> None:
    """Its name is then worth more than a label that nobody knows."""
    assert read(body(state=state), "Jelou: solved") == [TicketSolved(REF, f"status:solved:{TOUCHED_MS}", "solved")]


@pytest.mark.parametrize(
    ("customer", "phone"),
    [
        ({"mobile": "+593987654321", "phone": "022991234"}, "+593987654321"),
        ({"mobile": " ", "phone": "022991234"}, "022991234"),
        ({"mobile": 593987654321}, "593987654321"),
        ({"mobile": None}, None),
        (None, None),
        ("maria@acme.example", None),
    ],
)
def test_the_mobile_number_is_the_phone(customer: Any, phone: str | None) -> None:
    """It is the one that has WhatsApp; a customer told by login alone has none yet."""
    (event,) = read(body(written(id=104), customer=customer))
    assert isinstance(event, TicketOpened)
    assert event.ticket.fields["requester"].get("phone") == phone
    assert event.ticket.fields["requester"]["id"] == "8"


@pytest.mark.parametrize(
    ("internal", "public"), [(False, True), ("false", True), (True, False), (None, False), ("", False), (0, True)]
)
def test_what_is_not_said_to_be_public_is_private(internal: Any, public: bool) -> None:
    """Private notes never leave the helpdesk, also where a template forgets to say which it is."""
    (event,) = read(body(written(internal=internal)))
    assert isinstance(event, AgentReplied)
    assert event.public is public


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ({"sender": "Customer"}, "customer article"),
        ({"sender": "System"}, "system article"),
        ({"sender": None, "created_by_id": 8}, "customer article"),
    ],
)
def test_only_agents_reply(who: dict[str, Any], told: str) -> None:
    """A customer's own words and the mails of Zammad's triggers do not go to the customer."""
    assert read(body(written(**who))) == [Unrecognised(REF, "comment:105", told)]


@pytest.mark.parametrize(
    "mine",
    [
        {"created_by": BRIDGE},
        {"created_by": "Jelou@acme.example"},
        {"message_id": "jelou-bridge:0123456789abcdef"},
        {"message_id": "<jelou-bridge:0123456789abcdef>"},
        {"body": "Hola<br>[jelou-bridge:0123456789abcdef]"},
        {"sender": "Customer", "created_by": BRIDGE},
    ],
)
def test_an_echo_is_known_by_author_message_id_or_mark(mine: dict[str, Any]) -> None:
    """Any of them is enough, also for what was written in the customer's name."""
    assert [event.by_bridge for event in read(body(written(**mine)))] == [True]


def test_a_file_has_the_address_at_which_the_api_shows_it() -> None:
    """What a body says of its address counts for nothing: another place may be meant by it."""
    files = [{"id": 1, "filename": "a.pdf", "size": "12", "url": "https://evil.example/x"}, {"id": 2}]
    (event,) = read(body(written(attachments=files)))
    assert isinstance(event, AgentReplied)
    place = f"https://help.acme.example/api/v1/ticket_attachment/81/{event.comment_id}/1"
    assert event.attachments == (Attachment(place, "a.pdf", "", 12),)
    assert [one.id for one in event.attachments] == ["1"]
