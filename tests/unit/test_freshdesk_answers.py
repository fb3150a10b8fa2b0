"""Freshdesk: what its answers mean, what is written there, and what its refusals say."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from bridge import wording
from bridge.chat_text import plain
from bridge.domain import AddNote, AddReply, OpenTicket, Reply, SetField
from bridge.errors import Ambiguous, CallError, Gone, Refused
from tests.freshdesk_cases import ACME, DESK, MARK, REF, account, answered, commented, conversation
from tests.senders import NOW_MS

# --- what the API answers --------------------------------------------------------------------------------------------


def test_the_customers_words_and_forwarded_mail_never_go_to_the_customer() -> None:
    """The first are no agent's, the second are for somebody else."""
    assert commented(conversation(incoming=True)) == []
    [forwarded] = commented(conversation(source=8))
    assert not forwarded.public


@pytest.mark.parametrize("private", [True, None, "maybe"])
def test_what_is_not_told_to_be_public_is_private(private: Any) -> None:
    """Nothing leaves the helpdesk by mistake."""
    [one] = commented(conversation(private=private))
    assert not one.public


def test_what_an_agent_quotes_is_not_said_again() -> None:
    """The customer knows what they wrote."""
    quote = '<div class="freshdesk_quote"><blockquote class="freshdesk_quote">No puedo entrar</blockquote></div>'
    [one] = commented(conversation(body=f"<div>Ya <b>puede</b> entrar.</div>{quote}"))
    assert plain(one.text, one.markup) == "Ya puede entrar."


@pytest.mark.parametrize(
    "values", [{"user_id": 42}, {"user_id": "42"}, {"body": f"<div>x<br>{MARK}</div>"}, {"body": "", "body_text": MARK}]
)
def test_what_the_bridge_wrote_is_known_by_its_author_or_its_mark(values: dict[str, Any]) -> None:
    """Also when it stands there as the customer's."""
    [one] = commented(conversation(incoming=True, **values))
    assert one.by_bridge


def test_the_newest_comments_are_read_from_the_last_page() -> None:
    """Freshdesk lists the oldest first, and names the next page in a header."""
    behind = 'link: <x>; rel="prev", <https://acme.freshdesk.com/api/v2/tickets/1187/conversations?page=2>; rel="next"'
    first, second = answered([conversation()], link=behind), answered([conversation(id=6)])
    more = DESK.comments_more(ACME, REF, [first])
    assert more is not None
    assert more.url == "https://acme.freshdesk.com/api/v2/tickets/1187/conversations?per_page=100&page=2"
    assert DESK.comments_more(ACME, REF, [first, second]) is None
    assert [one.comment_id for one in DESK.fetched_comments(ACME, REF, first, second)] == ["5", "6"]


def test_a_link_header_leads_nowhere_else() -> None:
    """Only the number is taken from it."""
    away = '<https://evil.example/api?page=3>; rel="next"'
    more = DESK.comments_more(ACME, REF, [answered([], link=away)])
    assert more is not None
    assert more.url.startswith("https://acme.freshdesk.com/api/v2/tickets/1187/conversations?")


@pytest.mark.parametrize(
    ("flag", "why"), [("deleted", "the ticket is deleted"), ("spam", "the ticket is marked as spam")]
)
def test_a_ticket_in_the_trash_is_gone_although_it_is_shown(flag: str, why: str) -> None:
    """The API shows it, and takes no update of it."""
    shown = answered({"id": 1187, flag: True})
    with pytest.raises(Gone, match=why):
        DESK.fetched(ACME, REF, shown)
    with pytest.raises(Gone, match=why):
        DESK.prepared(ACME, SetField("tag", "jelou"), [shown])


def test_the_external_id_is_asked_for_where_the_account_uses_it() -> None:
    """It does not come with the ticket: that is a call more, and not made for nothing."""
    uses, ticket = account(user_id={"fields": ["requester.external_id"]}), answered({"id": 1187, "requester_id": 5})
    assert DESK.fetch_more(ACME, REF, [ticket]) is None
    more = DESK.fetch_more(uses, REF, [ticket])
    assert more is not None
    assert more.url == "https://acme.freshdesk.com/api/v2/contacts/5"
    person = answered({"id": 5, "unique_external_id": "crm-7781", "mobile": None, "phone": "022222222"})
    found = DESK.fetched(uses, REF, ticket, person)
    assert found.fields["requester"] == {"id": "5", "external_id": "crm-7781", "phone": "022222222"}


def test_a_list_that_moves_while_it_is_read_tells_twice_and_not_never() -> None:
    """A ticket that changes meanwhile goes to the front, where it is found again."""
    call = DESK.changed(ACME, 1_795_183_200_000, "")
    assert call is not None
    assert "order_by=updated_at&order_type=desc" in call.url


# --- what is written -------------------------------------------------------------------------------------------------


def test_a_note_is_shown_as_it_was_written_and_found_line_by_line() -> None:
    """Nothing in it is HTML to Freshdesk; and a second look reads the conversation's id from its own line."""
    note = AddNote(
        f"{wording.say('es', 'started')}\n{wording.say('es', 'started.conversation', conversation='c_1')}\n{MARK}", MARK
    )
    call = DESK.call(ACME, REF, note, "1:note", now_ms=NOW_MS)
    assert call is not None
    body = orjson.loads(call.body)["body"]
    text = DESK.found(ACME, note, answered([conversation(body=f"<div>{body}</div>", body_text="one line")]))
    found = re.search(wording.named_in_note(), text, re.MULTILINE)
    assert found
    assert found[1] == "c_1"
    call = DESK.call(ACME, REF, AddNote(f"a < b & <b>c</b>\n{MARK}", MARK), "1:note", now_ms=NOW_MS)
    assert call is not None
    assert orjson.loads(call.body) == {"body": f"a &lt; b &amp; &lt;b&gt;c&lt;/b&gt;<br>{MARK}", "private": True}


def test_a_customers_words_mail_nobody() -> None:
    """They are a note, never a reply: that would be mailed to the customer."""
    call = DESK.call(ACME, REF, AddReply(f"Hola\n{MARK}", MARK, "Ana", "5"), "1:m", now_ms=NOW_MS)
    assert call is not None
    assert call.url.endswith("/notes")
    assert orjson.loads(call.body) == {"body": f"Hola<br>{MARK}", "private": False, "incoming": True, "user_id": 5}


def test_a_note_that_may_stand_on_a_later_page_is_not_said_to_be_missing() -> None:
    """Else it would be written twice."""
    note = AddNote(f"x\n{MARK}", MARK)
    with pytest.raises(Ambiguous):
        DESK.found(ACME, note, answered([conversation()], link='<https://x/y?page=2>; rel="next"'))


def test_a_tag_keeps_those_that_are_there() -> None:
    """Freshdesk replaces all of them."""
    assert DESK.prepare(ACME, REF, SetField("cf_x", "1"), []) is None
    action = DESK.prepared(ACME, SetField("tag", "jelou"), [answered({"id": 1187, "tags": ["vip", None]})])
    call = DESK.call(ACME, REF, action, "1:tag", now_ms=NOW_MS)
    assert call is not None
    assert orjson.loads(call.body) == {"tags": ["vip", "jelou"]}


def test_a_refusal_names_the_fields_and_never_what_stands_in_them() -> None:
    """An admin sees which field must be filled before a ticket is solved."""
    errors = [
        {"field": "cf_plan", "message": "It should not be Ana Pérez", "code": "missing_field"},
        {"field": "Ana Pérez", "message": "x", "code": 5},
    ]
    with pytest.raises(Refused) as caught:
        DESK.receipt(ACME, SetField("cf_x", "1"), answered({"errors": errors}, 400))
    assert caught.value.reason == "answered 400: not accepted: cf_plan (missing_field), ? (5)"


def test_a_ticket_is_opened_for_whom_the_helpdesk_can_find() -> None:
    """By the phone number, else by the external id; a contact that is made needs a name."""
    action = OpenTicket("x", MARK, MARK, "crm-1", phone="+593987654321")
    for one, has, lacks in (
        (action, {"phone": "+593987654321", "name": "+593987654321"}, "unique_external_id"),
        (OpenTicket("x", MARK, MARK, "crm-1"), {"unique_external_id": "crm-1", "name": "crm-1"}, "phone"),
    ):
        call = DESK.open_ticket(ACME, one, "1:open", now_ms=NOW_MS)
        assert call is not None
        body = orjson.loads(call.body)
        assert body.items() >= has.items()
        assert lacks not in body
        assert all(len(tag) <= 32 for tag in body["tags"])


def test_a_ticket_pushed_off_the_page_by_others_is_not_said_to_be_missing() -> None:
    """A hundred that are newer than an hour may hide it; a hundred of a day do not."""
    action = OpenTicket("x", MARK, MARK, "crm-1")
    burst = [{"id": n, "created_at": "2026-11-20T14:02:11Z"} for n in range(1, 101)]
    with pytest.raises(Ambiguous):
        DESK.found_opened(ACME, action, answered(burst))
    burst[-1]["created_at"] = "2026-11-20T12:02:11Z"
    assert DESK.found_opened(ACME, action, answered(burst)) == ""


@pytest.mark.parametrize("field", ["conversation", "cf_", "subject", "cf_Plan", "tag"])
def test_a_field_that_freshdesk_cannot_have_is_no_setting(field: str) -> None:
    """It is told before anything runs."""
    with pytest.raises(ValidationError, match="custom field"):
        account(write_back={"field": field})


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"results": []}', b'"x"'])
def test_an_answer_that_is_no_list_tells_nothing(body: bytes) -> None:
    """It is not taken for an empty one: what is looked for may be there."""
    for look in (
        lambda reply: DESK.found_opened(ACME, OpenTicket("x", MARK, MARK, "1"), reply),
        lambda reply: DESK.found(ACME, AddNote(MARK, MARK), reply),
        lambda reply: DESK.changes(ACME, "main", reply),
    ):
        with pytest.raises(CallError):
            look(Reply(200, {}, body))
