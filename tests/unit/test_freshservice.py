"""Freshservice: where it is not Freshdesk."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson
import pytest
from yarl import URL

from bridge.domain import (
    OpenTicket,
    Reply,
    SetField,
    TicketEvent,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
)
from bridge.errors import Ambiguous, Unreadable
from bridge.helpdesks import freshservice
from bridge.helpdesks.freshservice import Freshservice, FreshserviceAccount
from tests.senders import NOW_MS, verified

DESK = Freshservice()
MARK = "[jelou-bridge:0123456789abcdef]"
BASIC = {"type": "basic", "username": "jelou", "passwords": ["made-up"]}
ACME = FreshserviceAccount.model_validate(
    {
        "project": "acme",
        "verification": BASIC,
        "access": {"base_url": "https://acme.freshservice.com", "api_key": "made-up"},
        "user_id": {"fields": ["requester.phone", "requester.external_id"]},
    }
)


def read(body: bytes | dict[str, Any]) -> list[TicketEvent]:
    """The events in a body."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return DESK.read(verified(raw, DESK.verification(ACME)), ACME, "main")


def answered(body: Any, status: int = 200) -> Reply:
    """An answer of the API."""
    return Reply(status, {}, json.dumps(body).encode())


def test_the_documented_template_is_read_whole() -> None:
    """The template to paste, filled in by Freshservice, tells a ticket with the mobile number."""
    template = re.search(r"^    \{.*?^\n", freshservice.__doc__ or "", re.DOTALL | re.MULTILINE)
    assert template
    values = {"ticket.id_numeric": "532", "ticket.status": "Aberto", "ticket.requester.mobile": "+593987654321"}
    filled = re.sub(r"\{\{(.*?)\}\}", lambda match: values.get(match[1], ""), template[0])
    [event] = read(filled.encode())
    assert isinstance(event, TicketOpened)
    assert event.ticket.fields == {"id": "532", "status": "open", "requester": {"phone": "+593987654321"}}


@pytest.mark.parametrize("shown", ["INC-532", "#INC-532", "SR-532", "532", 532])
def test_a_ticket_has_one_name_however_it_is_shown(shown: Any) -> None:
    """The number behind the prefix is what the API and its lists tell: two names would be two tickets."""
    [event] = read({"event": "ticket.created", "ticket_id": shown})
    page = DESK.changes(ACME, "main", answered({"tickets": [{"id": 532, "status": 2}]}))
    assert event.ref == page.tickets[0] == TicketRef("freshservice", "main", "532")


def test_a_person_may_name_a_ticket_as_it_is_shown() -> None:
    """The call goes to its number."""
    call = DESK.fetch(ACME, TicketRef("freshservice", "main", "INC-532"))
    assert call is not None
    assert call.url == "https://acme.freshservice.com/api/v2/tickets/532?include=requester"


@pytest.mark.parametrize("shown", ["INC-", "INC", "", "INC 532", "532-INC"])
def test_what_holds_no_number_is_no_ticket(shown: str) -> None:
    """It is refused by name."""
    with pytest.raises(Unreadable, match="ticket_id"):
        read({"event": "ticket.created", "ticket_id": shown})


def test_a_workflows_own_name_says_what_happened_where_the_label_does_not() -> None:
    """An account's own status has a label that nobody taught us."""
    [end] = read({"event": "ticket.solved", "ticket_id": "INC-532", "ticket_status": "Entregado"})
    [again] = read({"event": "ticket.reopened", "ticket_id": "INC-532", "ticket_status": "Cerrado"})
    assert isinstance(end, TicketSolved)
    assert end.status == "solved"
    assert isinstance(again, TicketReopened)
    assert again.status == "open"


def test_a_requester_who_is_an_agent_has_no_external_id() -> None:
    """Freshservice answers 404 for them there; the ticket is read all the same."""
    ref, ticket = TicketRef("freshservice", "main", "532"), answered({"ticket": {"id": 532, "requester_id": 9}})
    more = DESK.fetch_more(ACME, ref, [ticket])
    assert more is not None
    assert more.url == "https://acme.freshservice.com/api/v2/requesters/9"
    assert DESK.fetched(ACME, ref, ticket, Reply(404)).fields["requester"] == {"id": "9"}


def test_answers_stand_under_their_names() -> None:
    """A bare object or list of theirs is none."""
    ref = TicketRef("freshservice", "main", "532")
    ready = DESK.prepared(ACME, SetField("tag", "jelou"), [answered({"ticket": {"id": 532, "tags": ["vip"]}})])
    assert ready == SetField("tag", "jelou", ("vip",))
    with pytest.raises(Ambiguous):
        DESK.fetched(ACME, ref, answered({"meta": {}}))
    with pytest.raises(Ambiguous):
        DESK.fetched_comments(ACME, ref, answered({"meta": {}}))


@pytest.mark.parametrize(("workspace", "listed", "opened"), [(None, None, None), (0, "0", None), (2, "2", 2)])
def test_lists_are_those_of_the_workspace(workspace: int | None, listed: str | None, opened: int | None) -> None:
    """Without one Freshservice shows the primary workspace alone; who has none must not name one."""
    reach = {"base_url": "https://acme.freshservice.com", "api_key": "made-up", "workspace_id": workspace}
    acme = FreshserviceAccount.model_validate({"project": "acme", "verification": BASIC, "access": reach})
    phone = OpenTicket("x", MARK, MARK, "593987654321", phone="+593987654321")
    for call in (DESK.changed(acme, 0, ""), DESK.find_opened(acme, phone)):
        assert call is not None
        assert URL(call.url).query.get("workspace_id") == listed
    call = DESK.open_ticket(acme, phone, "1:open", now_ms=NOW_MS)
    assert call is not None
    assert orjson.loads(call.body).get("workspace_id") == opened


def test_no_ticket_is_opened_for_an_external_id_alone() -> None:
    """Freshservice makes no contact of it."""
    assert DESK.open_ticket(ACME, OpenTicket("x", MARK, MARK, "crm-1"), "1:open", now_ms=NOW_MS) is None
    phone = OpenTicket("x", MARK, MARK, "593987654321", phone="+593987654321")
    assert DESK.open_ticket(ACME, phone, "1:open", now_ms=NOW_MS) is not None
