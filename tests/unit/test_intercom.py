"""Intercom: what a notification tells is decided by its part and by the ticket's states, whatever is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from bridge.chat_text import plain
from bridge.domain import (
    AddNote,
    AddReply,
    AgentReplied,
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
from bridge.errors import Ambiguous, CallError, Conflict, Denied, Gone, Refused, Throttled, Unreadable
from bridge.helpdesks.intercom import Intercom
from bridge.helpdesks.intercom_access import IntercomAccount
from tests.senders import NOW_MS, delivered, verified

if TYPE_CHECKING:
    from bridge.domain import Ticket, TicketEvent, WriteBack

ADMIN, AGENT, CUSTOMER = "42", "5", "c-1"
ACCESS = {"token": "made-up", "admin_id": 42, "app_package_code": "ours-1", "ticket_type_id": 9}
DIALECT = Intercom()
REF = TicketRef("intercom", "main", "7")
MARK = "[jelou-bridge:0123456789abcdef]"
MADE_S = 1_795_183_331


def account(**sections: Any) -> IntercomAccount:
    """An account with access."""
    told = {"project": "acme", "verification": {"secrets": ["made-up"]}, "access": ACCESS}
    return IntercomAccount.model_validate(told | sections)


def ticket(*parts: dict[str, Any], state: Any = "in_progress", label: str = "", **values: Any) -> dict[str, Any]:
    """A ticket with these parts."""
    told = {"type": "ticket_state", "id": "1", "category": state, "internal_label": label}
    return {
        "type": "ticket",
        "id": "7",
        "ticket_id": "1001",
        "ticket_state": told,
        "ticket_parts": {"type": "ticket_part.list", "ticket_parts": list(parts), "total_count": len(parts)},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": CUSTOMER, "external_id": "crm-1"}]},
        "created_at": MADE_S,
        "updated_at": MADE_S + 9,
        "open": True,
        **values,
    }


def part(kind: str = "comment", *, by: str = AGENT, who: str = "admin", at: int = 1, **values: Any) -> dict[str, Any]:
    """A part of a ticket."""
    made = {"type": "ticket_part", "id": str(100 + at), "part_type": kind, "created_at": MADE_S + at}
    return {**made, "body": "<p>Hola</p>", "author": {"id": by, "type": who}, "attachments": [], **values}


def changed(now: str, before: str, at: int, **values: Any) -> dict[str, Any]:
    """The part of a state that was changed."""
    told = {"body": None, "ticket_state": now, "previous_ticket_state": before}
    return part("ticket_state_updated_by_admin", at=at, **told | values)


def read(topic: str, item: Any, *, to: IntercomAccount | None = None, **envelope: Any) -> TicketEvent:
    """The event in a notification."""
    body = {"type": "notification_event", "id": "notif_1", "topic": topic, "data": {"item": item}, **envelope}
    told = to or account()
    return DIALECT.read(verified(orjson.dumps(body), DIALECT.verification(told)), told, "main")[0]


def replied(new: dict[str, Any], *before: dict[str, Any], topic: str = "ticket.admin.replied") -> TicketEvent:
    """The event of a part that is new on a ticket."""
    return read(topic, {"type": "ticket_ticket_part", "ticket": ticket(*before, new), "ticket_part": new})


def opened(item: dict[str, Any], to: IntercomAccount | None = None) -> Ticket:
    """The ticket that was created."""
    event = read("ticket.created", item, to=to)
    assert isinstance(event, TicketOpened)
    return event.ticket


def answer(body: Any = None, status: int = 200, **headers: str) -> Reply:
    """An answer of Intercom's."""
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, orjson.dumps(body or {}))


def refusal(status: int, code: str, message: str = "") -> Reply:
    """A refusal as Intercom words it."""
    return answer({"type": "error.list", "errors": [{"code": code, "message": message}]}, status)


def posted(action: WriteBack | OpenTicket, to: IntercomAccount | None = None) -> dict[str, Any]:
    """The body that is written."""
    told = to or account()
    if isinstance(action, OpenTicket):
        call = DIALECT.open_ticket(told, action, "key", now_ms=NOW_MS)
    else:
        call = DIALECT.call(told, REF, action, "key", now_ms=NOW_MS)
    assert call
    found: dict[str, Any] = json.loads(call.body)
    return found


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
    assert DIALECT.delivery_id(delivered(body)) == known


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


# --- tickets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said", "meant"),
    [
        ("Prioridad", "Alta", "high"),
        ("PRIORITY", "urgent", "urgent"),
        (" prioridade ", "Média", "normal"),
        ("Priority", "P1", "urgent"),
        ("Severity", "High", None),
        ("Priority", None, None),
        ("Priority", ["High"], None),
    ],
)
def test_an_attribute_may_stand_for_the_priority(name: str, said: Any, meant: str | None) -> None:
    """In English, Spanish and Portuguese, with the account's own labels."""
    to = account(labels={"priority": {"P1": "urgent"}})
    found = opened(ticket(ticket_attributes={name: said}), to)
    assert found.fields.get("priority") == meant


@pytest.mark.parametrize("category", ["Back-office", "back-office", "Tracker", "Customer", "", None])
@pytest.mark.parametrize("of_type", [True, False])
def test_the_contact_of_a_ticket_that_takes_no_replies_has_no_id(category: Any, *, of_type: bool) -> None:
    """So its words become a note; who it is and how to reach them is told all the same."""
    told = {"ticket_type": {"name": "T", "category": category}} if of_type else {"category": category}
    contact = {"id": CUSTOMER, "phone": "+593987654321", "name": "Ana", "external_id": "crm-1"}
    found = DIALECT.fetched(account(), REF, answer(ticket(**told)), answer(contact)).fields["requester"]
    named = {} if (category or "").lower() in {"back-office", "tracker"} else {"id": CUSTOMER}
    assert found == {**named, "phone": "+593987654321", "name": "Ana", "external_id": "crm-1"}


@pytest.mark.parametrize("attributes", [None, [], {}, {"_default_title_": None, "_default_description_": 7}])
@pytest.mark.parametrize("contacts", [None, [], {"contacts": None}, {"contacts": [None]}, {"contacts": [{"id": None}]}])
def test_a_ticket_is_read_however_little_it_tells(attributes: Any, contacts: Any) -> None:
    """Only its id is needed."""
    bare = {"id": 7, "ticket_attributes": attributes, "contacts": contacts, "ticket_parts": None, "ticket_state": None}
    assert opened(bare).fields == {"id": "7"}


@pytest.mark.parametrize("created", [None, "soon", 0, -5, 10**17, 1.5, "1795183331"])
def test_a_time_that_is_none_is_absent(created: Any) -> None:
    """Seconds as digits are read as the number is."""
    found = opened(ticket(created_at=created))
    known = created == "1795183331"
    assert found.created_ms == (1_795_183_331_000 if known else 0)
    assert found.fields.get("created_at") == ("2026-11-20T14:02:11Z" if known else None)


def test_a_team_of_zero_is_none() -> None:
    """Intercom writes nobody as 0, as a number or a text."""
    assert [opened(ticket(team_assignee_id=told)).fields.get("group") for told in ("0", 0, "8", 8)] == [
        None,
        None,
        "8",
        "8",
    ]


def test_the_contact_is_asked_for_once_and_may_be_gone() -> None:
    """A lead that became a user, or was merged, is not there any more: the ticket is."""
    call = DIALECT.fetch_more(account(), REF, [answer(ticket())])
    assert call is not None
    assert call.url == "https://api.intercom.io/contacts/c-1"
    gone = refusal(404, "not_found", "User Not Found")
    assert DIALECT.fetch_more(account(), REF, [answer(ticket()), gone]) is None
    assert DIALECT.fetched(account(), REF, answer(ticket()), gone).fields["requester"]["external_id"] == "crm-1"
    with pytest.raises(Denied):
        DIALECT.fetched(account(), REF, answer(ticket()), refusal(403, "forbidden"))


def test_a_ticket_without_a_contact_asks_for_none() -> None:
    """A Back-office ticket may have nobody."""
    assert DIALECT.fetch_more(account(), REF, [answer(ticket(contacts={"contacts": []}))]) is None


# --- writes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action", [AddNote(f"<b>a & b</b>\n\nc\n{MARK}", MARK), AddReply(f"<b>a & b</b>\n\nc\n{MARK}", MARK)]
)
def test_a_note_says_what_was_written_and_does_nothing_else(action: AddNote | AddReply) -> None:
    """Its HTML reads as the text did, mark and empty lines included, and is found again."""
    body = posted(action)
    assert (body["message_type"], body["type"], body["admin_id"]) == ("note", "admin", ADMIN)
    assert "<b>" not in body["body"]
    assert plain(body["body"], "html") == action.text
    shown = ticket(part("note", body=body["body"]))
    assert DIALECT.found(account(), action, answer(shown)) == body["body"]


def test_what_the_customer_wrote_is_the_contacts_own() -> None:
    """As plain text: HTML is not taken from contacts."""
    body = posted(AddReply(f"a < b\n{MARK}", MARK, "Ana", CUSTOMER))
    assert (body["type"], body["intercom_user_id"], body["body"]) == ("user", CUSTOMER, f"a < b\n{MARK}")


@pytest.mark.parametrize(
    "action",
    [
        AddNote("x", MARK),
        AddReply("x", MARK),
        AddReply("x", MARK, "Ana", CUSTOMER),
        SetStatus("solved", by="3"),
        SetField("Plan", "gold"),
        OpenTicket("s", "x", MARK, "593987654321"),
    ],
)
def test_nothing_that_is_written_mails_anybody(action: WriteBack | OpenTicket) -> None:
    """Intercom is told so each time."""
    assert posted(action)["skip_notifications"] is True


def test_no_workflow_is_set_off_by_a_state() -> None:
    """They want to know the admin, who is not told."""
    assert "admin_id" not in posted(SetStatus("pending", by="3"))


@pytest.mark.parametrize(
    ("code", "by_note", "by_contact"),
    [("ticket_not_found", Gone, Gone), ("not_found", Gone, Refused), ("contact_not_found", Refused, Refused)],
)
def test_a_contact_that_is_missing_does_not_end_its_ticket(
    code: str, by_note: type[CallError], by_contact: type[CallError]
) -> None:
    """What a contact writes may be refused because it became another one."""
    for action, wanted in ((AddNote("x", MARK), by_note), (AddReply("x", MARK, "", CUSTOMER), by_contact)):
        with pytest.raises(CallError) as caught:
            DIALECT.receipt(account(), action, refusal(404, code))
        assert type(caught.value) is wanted


def test_a_throttled_call_waits_until_the_window_is_over() -> None:
    """Intercom tells when, and its own clock is what counts."""
    now = "Wed, 25 Nov 2026 08:00:00 GMT"
    with pytest.raises(Throttled) as caught:
        DIALECT.receipt(account(), SetStatus("open"), answer(status=429, date=now, x_ratelimit_reset="1795593609"))
    assert caught.value.retry_after_s == 9


# --- before a write --------------------------------------------------------------------------------------------------


def stated(number: int, category: str, *types: int, label: str = "", **values: Any) -> dict[str, Any]:
    """A state of the workspace, for these types of tickets."""
    kinds = {"type": "list", "data": [{"type": "ticket_type", "id": one} for one in types]}
    return {"id": number, "category": category, "internal_label": label, "ticket_types": kinds, **values}


def state_for(status: str, *states: dict[str, Any], to: IntercomAccount | None = None) -> str:
    """The state that is set on a ticket of type 9."""
    replies = [answer(ticket(ticket_type={"id": "9"})), answer({"type": "list", "data": list(states)})]
    return DIALECT.prepared(to or account(), SetStatus(status), replies).by


def test_a_state_is_one_of_the_tickets_type() -> None:
    """Another type's is refused by Intercom; a state that names no type is taken where no other fits."""
    others, ours, nobodys = stated(1, "resolved", 8), stated(2, "resolved", 8, 9), stated(3, "resolved")
    assert state_for("solved", others, nobodys, ours) == "2"
    assert state_for("solved", others, nobodys) == "3"
    with pytest.raises(Refused, match="no state for solved"):
        state_for("solved", others, stated(4, "resolved", 9, archived=True), stated(5, "in_progress", 9))


def test_a_state_is_chosen_by_the_accounts_own_labels() -> None:
    """A state that is on hold by its label is not the one to open a ticket with."""
    to = account(labels={"status": {"Con el taller": "on-hold"}})
    assert (
        state_for("open", stated(1, "in_progress", 9, label="Con el taller"), stated(2, "in_progress", 9), to=to) == "2"
    )


def test_a_tag_without_an_id_is_not_put_on() -> None:
    """An answer that tells none leaves nothing to write."""
    tag = SetField("tag", "jelou")
    with pytest.raises(Ambiguous):
        DIALECT.prepared(account(), tag, [answer({"type": "tag"})])
    with pytest.raises(Denied):
        DIALECT.prepared(account(), tag, [refusal(401, "unauthorized")])


OPENING = OpenTicket("s", "x", MARK, "593987654321", "Ana", "+593987654321")
NONE = answer({"type": "list", "data": []})


def test_a_contact_that_the_search_missed_is_the_one_that_the_refusal_names() -> None:
    """The search is some seconds behind."""
    there = refusal(409, "conflict", "A contact matching those details already exists with id=abc123")
    assert DIALECT.prepare(account(), None, OPENING, [NONE, there]) is None
    assert DIALECT.prepared(account(), OPENING, [NONE, there]).contact == "abc123"


def test_a_conflict_that_names_nobody_is_tried_again() -> None:
    """Another contact was made at the same moment; the next search will find it."""
    for reply in (refusal(409, "conflict", "try later"), answer(status=409)):
        with pytest.raises(Conflict):
            DIALECT.prepared(account(), OPENING, [NONE, reply])


def test_no_contact_is_looked_for_where_no_ticket_can_be_opened() -> None:
    """Without a type of tickets there is nothing to open."""
    deaf = account(access={**ACCESS, "ticket_type_id": ""})
    assert DIALECT.prepare(deaf, None, OPENING, []) is None
    assert DIALECT.open_ticket(deaf, OPENING, "key", now_ms=NOW_MS) is None


@pytest.mark.parametrize("section", [{"admin_id": ""}, {"admin_id": None}, {"token": None}])
def test_access_without_an_admin_or_a_token_is_no_access(section: dict[str, Any]) -> None:
    """A note needs an author; the configuration says so before anything starts."""
    with pytest.raises(ValueError, match="access"):
        account(access=ACCESS | section)
