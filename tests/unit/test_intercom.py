"""Intercom: what a notification tells is decided by its part and by the ticket's states, whatever is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.domain import (
    AgentReplied,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import (
    SignatureRejected,
    Unreadable,
)
from bridge.signatures import verify
from tests.helpdesk_recordings import FOLDER, recordings_of
from tests.intercom_bodies import (
    ADMIN,
    CUSTOMER,
    DIALECT,
    MADE_S,
    MARK,
    REF,
    account,
    answer,
    changed,
    opened,
    part,
    read,
    replied,
    ticket,
)
from tests.senders import NOW_MS, delivered

VECTORS = json.loads((FOLDER / "signatures" / "helpdesks.json").read_text(encoding="utf-8"))["vectors"]


# --- notifications ---------------------------------------------------------------------------------------------------


def test_only_the_part_that_is_new_is_an_event() -> None:
    """Every notification repeats the whole ticket, private notes too."""
    event = replied(part(at=3, body="<p>Tres</p>"), part(at=1), part("note", at=2, body="<p>secret</p>"))
    at_ms = (MADE_S + 3) * 1000
    assert event == AgentReplied(REF, "comment:103", "103", "<p>Tres</p>", public=True, markup="html", at_ms=at_ms)


def test_a_reply_without_its_part_is_the_newest_text_of_the_ticket() -> None:
    """An older shape of the notification has the ticket alone."""
    parts = (part(at=2, body="<p>Dos</p>"), part(at=1), changed("resolved", "in_progress", 3))
    event = read("ticket.admin.replied", {"type": "ticket", **ticket(*parts)})
    assert isinstance(event, AgentReplied)
    assert event.fact == "comment:102"


@pytest.mark.parametrize(
    ("kind", "public"),
    [
        ("comment", True),
        ("assignment", True),
        ("close", True),
        ("open", True),
        ("quick_reply", True),
        ("note", False),
        ("note_and_reopen", False),
        ("channel_and_reply_time_expectation", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("topic", ["ticket.admin.replied", "ticket.note.created"])
def test_the_part_says_what_the_customer_may_see(kind: str, topic: str, *, public: bool) -> None:
    """The first reply to a ticket that is nobody's is an assignment; the topic says nothing of it."""
    event = replied(part(kind), topic=topic)
    assert isinstance(event, AgentReplied)
    assert event.public is public


@pytest.mark.parametrize("kind", ["assignment", "close"])
def test_an_assignment_without_a_text_is_no_reply(kind: str) -> None:
    """Nothing goes to the customer when a ticket is only handed on."""
    assert isinstance(replied(part(kind, body=None)), Unrecognised)
    assert isinstance(replied(part(kind, body="")), Unrecognised)


@pytest.mark.parametrize("who", ["user", "lead", "contact", "visitor"])
def test_what_a_customer_wrote_in_intercom_is_not_carried_to_jelou(who: str) -> None:
    """By whatever name the contact goes."""
    event = replied(part(by=CUSTOMER, who=who), topic="ticket.contact.replied")
    assert event == Unrecognised(REF, "comment:101", "customer comment")


@pytest.mark.parametrize(
    "ours",
    [
        {"by": ADMIN},
        {"app_package_code": "ours-1"},
        {"by": CUSTOMER, "who": "user", "app_package_code": "ours-1"},
        {"body": f"<p>Hola<br>{MARK}</p>"},
        {"by": CUSTOMER, "who": "user", "body": f"<p>Hola<br>{MARK}</p>"},
    ],
)
def test_what_the_bridge_wrote_is_known(ours: dict[str, Any]) -> None:
    """By its admin, by its app, by its mark: each alone is enough, also for what it wrote as the customer."""
    event = replied(part(**ours))
    assert isinstance(event, AgentReplied)
    assert event.by_bridge


@pytest.mark.parametrize(
    "others", [{}, {"app_package_code": "another-app"}, {"app_package_code": None}, {"by": ADMIN, "who": "bot"}]
)
def test_what_others_wrote_is_not_the_bridges(others: dict[str, Any]) -> None:
    """Another app's part is an agent's, and a bot may have an admin's number."""
    event = replied(part(**others))
    assert isinstance(event, AgentReplied)
    assert not event.by_bridge


def test_nothing_is_the_bridges_where_it_is_not_known() -> None:
    """An account that only listens has no admin and no app: parts without either are not its own."""
    item = {"ticket": ticket(), "ticket_part": part(by="", app_package_code="")}
    event = read("ticket.admin.replied", item, to=account(access=None))
    assert isinstance(event, AgentReplied)
    assert not event.by_bridge


def test_the_number_that_people_see_is_not_the_tickets_id() -> None:
    """Calls want ``id``; a body that tells the other alone is unreadable."""
    assert opened(ticket()).ref.id == "7"
    with pytest.raises(Unreadable, match=r"data\.item\.ticket\.id"):
        read("ticket.created", {"type": "ticket", "ticket_id": "1001"})


def test_a_parts_id_is_not_the_tickets() -> None:
    """The item of a reply has an id of its own where the ticket is missing."""
    with pytest.raises(Unreadable, match=r"data\.item\.ticket\.id"):
        read("ticket.admin.replied", {"type": "ticket_ticket_part", "id": "101", "ticket_part": part()})


@pytest.mark.parametrize("topic", ["ticket.created", "ticket.state.updated", "ticket.closed", "ticket.resolved"])
@pytest.mark.parametrize("nested", [True, False])
def test_each_topic_is_read_in_either_shape(topic: str, *, nested: bool) -> None:
    """The shape changed with the version of the API that the app is set to."""
    item = ticket(state="resolved", open=False)
    event = read(topic, {"type": "ticket_closed", "ticket": item} if nested else item)
    assert event.ref == REF
    assert not isinstance(event, Unrecognised)


@pytest.mark.parametrize("item", [None, [], "x", {"type": "ping", "message": "x"}, {"type": "ping", "id": 7}])
def test_a_ping_is_about_no_ticket(item: Any) -> None:
    """Intercom sends it when a subscription is made, with a null for its id."""
    assert read("ping", item, id=None) == Unrecognised(None, "told:ping", "ping")


def test_an_unknown_topic_names_its_ticket() -> None:
    """It is on the ticket's timeline; what is not about a ticket is on none."""
    assert read("ticket.rating.provided", ticket()) == Unrecognised(REF, "told:notif_1", "ticket.rating.provided")
    assert read("conversation.admin.replied", {"type": "conversation", "id": "7"}).ref is None
    assert read("contact.created", {"id": "7"}).ref is None


@pytest.mark.parametrize(
    ("body", "known"),
    [
        (b'{"id": "notif_1", "delivery_attempts": 2}', "notif_1"),
        (b'{"id": null}', ""),
        (b'{"id": {}}', ""),
        (b"[]", ""),
        (b"{", ""),
        (b"", ""),
    ],
)
def test_a_delivery_is_known_by_the_id_in_its_body(body: bytes, known: str) -> None:
    """The second try differs in its number alone, so no hash would do; an unreadable body has no id."""
    assert DIALECT.delivery_id(delivered(body), recordings_of("intercom").account) == known


def test_the_vendors_vector_is_genuine_to_the_byte() -> None:
    """HMAC-SHA1 of the raw body under the client secret."""
    vector = next(one for one in VECTORS if one["name"] == "intercom")
    told = account(verification={"secrets": ["another", vector["secret"]]})
    body, headers = vector["request"]["body"].encode(), vector["request"]["headers"]
    assert verify(delivered(body, headers=headers), DIALECT.verification(told), NOW_MS)
    with pytest.raises(SignatureRejected):
        verify(delivered(body + b" ", headers=headers), DIALECT.verification(told), NOW_MS)


def test_the_endpoint_is_found_by_head_alone() -> None:
    """An empty 200, to anybody; nothing else is a handshake."""
    told = DIALECT.handshake(account(), delivered(b"", method="HEAD"))
    assert told is not None
    assert (told.status, told.body) == (200, b"")
    assert DIALECT.handshake(account(), delivered(b"", method="GET")) is None


# --- states ----------------------------------------------------------------------------------------------------------


SOLVING = changed("resolved", "in_progress", 4)


def test_one_change_of_state_is_one_fact_by_whatever_topic() -> None:
    """Resolving tells up to three topics, and the search tells it again, after other changes to the ticket."""
    solved = ticket(SOLVING, state="resolved", open=False)
    later = {**solved, "updated_at": MADE_S + 900}
    close = part("close", at=5, body=None)
    told = [
        read("ticket.state.updated", solved),
        read("ticket.resolved", later),
        read("ticket.closed", {"ticket": ticket(SOLVING, close, state="resolved", open=False)}),
        *DIALECT.changes(account(), "main", answer({"tickets": [later]})).events,
    ]
    assert told == [TicketSolved(REF, "status:solved:104", "solved")] * 4


def test_a_ticket_closed_without_being_resolved_is_closed() -> None:
    """By its notification, by the search and when it is read again."""
    closed = ticket(part("close", at=5, body=None), state="waiting_on_customer", open=False)
    wanted = TicketSolved(REF, "status:closed:105", "closed")
    assert read("ticket.closed", {"ticket": closed}) == wanted
    assert DIALECT.changes(account(), "main", answer({"tickets": [closed]})).events == (wanted,)
    assert DIALECT.fetched(account(), REF, answer(closed)).fields["status"] == "closed"


def test_a_ticket_reopened_by_its_state_is_open() -> None:
    """It may be shown as closed still; closed again it is."""
    again, close = changed("in_progress", "resolved", 6), part("close", at=7, body=None)
    assert opened(ticket(SOLVING, again, open=False)).fields["status"] == "open"
    assert opened(ticket(SOLVING, again, close, open=False)).fields["status"] == "closed"


@pytest.mark.parametrize("told", [None, "false?", {}])
def test_a_ticket_that_does_not_say_whether_it_is_open_goes_by_its_state(told: Any) -> None:
    """Only a plain no closes it."""
    assert opened(ticket(open=told)).fields["status"] == "open"


def test_a_reopened_ticket_is_known_by_the_state_before() -> None:
    """The notification tells it in its newest part alone; a state that went on is no reopening."""
    again = changed("in_progress", "resolved", 6)
    wanted = TicketReopened(REF, "status:open:106", "open")
    assert read("ticket.state.updated", ticket(SOLVING, again, state="in_progress")) == wanted
    on = changed("waiting_on_customer", "in_progress", 7)
    event = read("ticket.state.updated", ticket(SOLVING, again, on, state="waiting_on_customer"))
    assert event == Unrecognised(REF, "status:pending:107", "ticket.state.updated")


def test_the_state_of_a_new_ticket_is_no_reopening() -> None:
    """Intercom tells every new ticket's first state as a change from itself."""
    event = read("ticket.state.updated", ticket(changed("submitted", "submitted", 1), state="submitted"))
    assert isinstance(event, Unrecognised)


def test_parts_are_ordered_by_their_time() -> None:
    """Whatever order they are told in."""
    again = changed("in_progress", "resolved", 6)
    event = read("ticket.state.updated", ticket(again, SOLVING, state="in_progress"))
    assert isinstance(event, TicketReopened)


def test_a_state_that_the_bridge_set_is_its_own() -> None:
    """The part is a bot's, with the app's code on it."""
    ours = changed("resolved", "in_progress", 4, author={"id": "1", "type": "bot"}, app_package_code="ours-1")
    event = read("ticket.state.updated", ticket(ours, state="resolved"))
    assert event == TicketSolved(REF, "status:solved:104", "solved", by_bridge=True)


@pytest.mark.parametrize(
    ("category", "label", "meant"),
    [
        ("submitted", "Enviado", "new"),
        ("in_progress", "Em andamento", "open"),
        ("waiting_on_customer", "Esperando al cliente", "pending"),
        ("resolved", "Resuelto", "solved"),
        ("RESOLVED", "Resolvido", "solved"),
        ("in_progress", "En pausa", "on-hold"),
        ("in_progress", " EN PAUSA ", "on-hold"),
        (None, "Resuelto", "solved"),
        (None, "Resolvido", "solved"),
        (None, "Con el taller", "con el taller"),
        ("archived_by_law", "", "archived_by_law"),
        (7, None, "7"),
    ],
)
def test_a_state_is_told_by_the_accounts_labels_then_by_its_category(category: Any, label: Any, meant: str) -> None:
    """A workspace names its states as it likes, in its own language."""
    to = account(labels={"status": {"En pausa": "on-hold"}})
    assert opened(ticket(state=category, label=label), to).fields["status"] == meant


def test_the_state_of_an_old_version_of_the_api_is_its_category() -> None:
    """Before 2.12 it was a word."""
    assert opened({**ticket(), "ticket_state": "waiting_on_customer"}).fields["status"] == "pending"
