"""Zammad: nothing that is written mails anybody, and no list leaves anything out."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from bridge.domain import AddReply, OpenTicket, Reply, SetField, SetStatus, TicketRef
from bridge.errors import Ambiguous, Gone
from bridge.helpdesks.zammad import Zammad
from bridge.helpdesks.zammad_account import ZammadAccount
from bridge.helpdesks.zammad_listing import PAGE
from tests.senders import NOW_MS

SECTION: dict[str, Any] = {
    "project": "acme",
    "verification": {"secrets": ["made-up"]},
    "access": {"base_url": "https://help.acme.example/", "token": "x"},
}
ACCOUNT = ZammadAccount.model_validate(SECTION)
DIALECT = Zammad()
REF = TicketRef("zammad", "main", "81")
TOUCHED = "2026-11-20T14:20:05.201Z"
TOUCHED_MS = 1_795_184_405_201
AGENTS = {"sender": "Agent", "internal": False, "content_type": "text/plain", "body": "Hola"}


# --- what is written -------------------------------------------------------------------------------------------------


def sent(action: Any, account: ZammadAccount = ACCOUNT) -> dict[str, Any]:
    """The body of the call for an action."""
    call = DIALECT.call(account, REF, action, "key", now_ms=NOW_MS)
    assert call
    posted: dict[str, Any] = json.loads(call.body)
    return posted


def test_no_customer_is_named_who_is_not_known() -> None:
    """Zammad takes the ticket's own customer then; a login or a dash would be refused."""
    assert sent(AddReply("Hola", "[jelou-bridge:0]", user_id="-")).get("origin_by_id") is None
    assert sent(AddReply("Hola", "[jelou-bridge:0]", user_id="8"))["origin_by_id"] == 8


def test_states_may_have_other_names() -> None:
    """An account that renamed its states says what is written."""
    access = {**SECTION["access"], "states": {"solved": "Resuelto", "pending": "Esperando"}}
    account = ZammadAccount.model_validate(SECTION | {"access": access})
    assert sent(SetStatus("solved"), account) == {"state": "Resuelto"}
    assert sent(SetStatus("pending"), account)["state"] == "Esperando"


@pytest.mark.parametrize("field", ["article", "state", "customer_id", "preferences", "Jelou", "x y", "a.b"])
def test_no_attribute_of_zammads_own_is_written(field: str) -> None:
    """``article`` would write on the ticket, ``state`` would close it."""
    with pytest.raises(ValidationError, match="ticket attribute"):
        ZammadAccount.model_validate(SECTION | {"write_back": {"field": field}})


def test_a_group_that_takes_no_follow_up_is_an_end() -> None:
    """A closed ticket of such a group takes nothing more; any other 422 is a mistake in what was sent."""
    refused = Reply(422, {}, b'{"error":"Cannot follow-up on a closed ticket. Please create a new ticket."}')
    with pytest.raises(Gone, match="the ticket is closed"):
        DIALECT.receipt(ACCOUNT, SetField("x", "y"), refused)


@pytest.mark.parametrize("answer", [b"false", b'{"id":1}', b""])
def test_a_tag_is_added_where_zammad_says_so(answer: bytes) -> None:
    """It answers ``true`` and nothing else."""
    with pytest.raises(Ambiguous):
        DIALECT.receipt(ACCOUNT, SetField("tag", "jelou"), Reply(201, {}, answer))


def test_no_group_opens_no_ticket() -> None:
    """Zammad has no default group."""
    assert DIALECT.open_ticket(ACCOUNT, OpenTicket("S", "T", "[jelou-bridge:0]", "1"), "k", now_ms=NOW_MS) is None


def test_a_customer_of_the_bridges_making_is_nobody_else() -> None:
    """An id at Jelou that is some agent's login must not make that agent the customer."""
    action = OpenTicket("S", "T", "[jelou-bridge:0]", "admin", group="3")
    call = DIALECT.open_ticket(ACCOUNT, action, "k", now_ms=NOW_MS)
    assert call
    assert json.loads(call.body)["customer"] == {"login": "jelou-admin", "firstname": "admin"}


# --- what is listed --------------------------------------------------------------------------------------------------


def test_pages_go_on_from_the_last_change() -> None:
    """A millisecond back, so that tickets changed at the same moment are not left between two pages."""
    listed = [{"id": at, "state": "open", "updated_at": TOUCHED} for at in range(1, PAGE + 1)]
    page = DIALECT.changes(ACCOUNT, "main", Reply(200, {}, orjson.dumps(listed)))
    assert page.after == str(TOUCHED_MS - 1)
    call = DIALECT.changed(ACCOUNT, 0, page.after)
    assert call
    assert "2026-11-20T14%3A20%3A05.200Z" in call.url


@pytest.mark.parametrize("since_ms", [-1, 0, 10**18])
def test_any_time_can_be_asked_for(since_ms: int) -> None:
    """A clock that is wrong breaks nothing."""
    assert DIALECT.changed(ACCOUNT, since_ms, "") is not None


def test_the_first_article_is_the_description() -> None:
    """Also where an agent opened the ticket: no webhook tells it as a reply, so no list does."""
    articles = Reply(200, {}, orjson.dumps([AGENTS | {"id": 104}, AGENTS | {"id": 105}]))
    assert [one.comment_id for one in DIALECT.fetched_comments(ACCOUNT, REF, articles)] == ["105"]
