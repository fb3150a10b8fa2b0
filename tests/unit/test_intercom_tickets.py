"""Intercom: a ticket is read however little it tells, and written to so that nobody is mailed and nothing is lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from bridge.chat_text import plain
from bridge.domain import (
    AddNote,
    AddReply,
    OpenTicket,
    SetField,
    SetStatus,
)
from bridge.errors import (
    Ambiguous,
    CallError,
    Conflict,
    Denied,
    Gone,
    Refused,
    Throttled,
)
from tests.intercom_bodies import (
    ACCESS,
    ADMIN,
    CUSTOMER,
    DIALECT,
    MARK,
    REF,
    account,
    answer,
    opened,
    part,
    posted,
    refusal,
    ticket,
)
from tests.senders import NOW_MS

if TYPE_CHECKING:
    from bridge.domain import WriteBack
    from bridge.helpdesks.intercom_access import IntercomAccount


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
    assert DIALECT.found(account(), action, answer(shown)) == action.text


@pytest.mark.parametrize(
    "shown", ["<p>{0}<br>{1}</p>", "<p>{0}</p>\n<p>{1}</p>", '<div class="x">{0}</div><div>{1}</div>']
)
def test_a_note_that_is_found_is_told_line_by_line(shown: str) -> None:
    """After a loss the conversation is read from its line, however Intercom has wrapped it."""
    action = AddNote(f"Conversation: conv_1\n{MARK}", MARK)
    found = DIALECT.found(
        account(), action, answer(ticket(part("note", body=shown.format("Conversation: conv_1", MARK))))
    )
    assert re.search(r"^Conversation: (\S+)$", found, re.MULTILINE)
    assert MARK in found


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
