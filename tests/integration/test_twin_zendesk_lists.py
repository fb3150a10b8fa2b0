"""The Zendesk twin lists tickets as Zendesk does, closes them for good, and has an automation that echoes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.twins.zendesk_desk import Attachment
from tests.twin_callers import Caller, zendesk, zendesk_caller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.zendesk import ZendeskTwin

PHONE = "+593987654321"


@pytest.fixture
async def twin() -> AsyncIterator[ZendeskTwin]:
    """Play a Zendesk without a webhook, whose export may be asked for this very moment."""
    async with zendesk(export_after_s=0.0) as running:
        yield running


@pytest.fixture
def call(twin: ZendeskTwin) -> Caller:
    """Call with the API token."""
    return zendesk_caller(twin)


async def exported(call: Caller, **query: Any) -> Any:
    """A page of the incremental export."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return (await call("GET", f"/incremental/tickets/cursor.json?{asked}")).json


async def test_tickets_are_found_by_external_id(twin: ZendeskTwin, call: Caller) -> None:
    """Only those that have it, and none where nobody does."""
    twin.open_ticket("a", PHONE)
    wanted = twin.open_ticket("b", PHONE, external_id="jelou-bridge:1")
    found = (await call("GET", "/tickets.json?external_id=jelou-bridge%3A1")).json
    missing = (await call("GET", "/tickets.json?external_id=other")).json
    assert ([one["id"] for one in found["tickets"]], missing["tickets"]) == ([wanted.id], [])


async def test_the_export_goes_on_behind_its_cursor(twin: ZendeskTwin, call: Caller) -> None:
    """Page by page every ticket once, then the end, and after a change that ticket again."""
    ids = [twin.open_ticket("x", PHONE).id for _ in range(3)]
    for ticket in twin.desk.tickets.values():
        ticket.updated_ms -= 10_000
    first = await exported(call, start_time=1, per_page=2)
    second = await exported(call, cursor=first["after_cursor"], per_page=2, include="users")
    assert [one["id"] for one in first["tickets"] + second["tickets"]] == ids
    assert (first["end_of_stream"], second["end_of_stream"]) == (False, True)
    assert [one["phone"] for one in second["users"]] == [PHONE]
    twin.customer_writes(ids[0], "Hola")
    third = await exported(call, cursor=second["after_cursor"])
    assert [one["id"] for one in third["tickets"]] == ids[:1]


@pytest.mark.parametrize(("query", "status"), [("start_time=99999999999", 422), ("", 422), ("cursor=no", 400)])
async def test_an_export_from_nowhere_is_refused(call: Caller, query: str, status: int) -> None:
    """A start that is too recent or missing, and a cursor that is none."""
    assert (await call("GET", f"/incremental/tickets/cursor.json?{query}")).status == status


async def test_the_export_leaves_out_the_last_minute(twin: ZendeskTwin, call: Caller) -> None:
    """So that what changes meanwhile is never skipped."""
    twin.settings.export_lag_s = 60.0
    old, _new = twin.open_ticket("x", PHONE), twin.open_ticket("y", PHONE)
    old.updated_ms -= 61_000
    told = await exported(call, start_time=1)
    assert ([one["id"] for one in told["tickets"]], told["end_of_stream"]) == ([old.id], True)


async def test_comments_are_told_with_their_authors(twin: ZendeskTwin, call: Caller) -> None:
    """With the side-load the role says who is a customer; files stand beside their comment."""
    ticket = twin.open_ticket("x", PHONE)
    file = Attachment("https://acme.zendesk.com/attachments/token/1/?name=a.pdf", "a.pdf", "application/pdf", 12)
    twin.agent_writes(ticket.id, "Hola", html="<b>Hola</b>", attachments=[file])
    told = (await call("GET", f"/tickets/{ticket.id}/comments.json?include=users&sort_order=desc")).json
    newest = told["comments"][0]
    assert {one["role"] for one in told["users"]} == {"end-user", "agent"}
    assert "<b>Hola</b>" in newest["html_body"]
    assert (newest["attachments"][0]["file_name"], newest["attachments"][0]["size"]) == ("a.pdf", 12)


async def test_a_merged_ticket_is_closed_for_good(twin: ZendeskTwin, call: Caller) -> None:
    """It has the tag that says so, and takes no comment any more."""
    ticket, into = twin.open_ticket("x", PHONE), twin.open_ticket("y", PHONE)
    await Caller(twin.url)("POST", "/twin/merge", {"id": ticket.id, "into": into.id})
    refused = await call("PUT", f"/tickets/{ticket.id}", {"ticket": {"comment": {"body": "x"}}})
    assert (ticket.status, ticket.tags, refused.status) == ("closed", ["closed_by_merge"], 422)


async def test_a_deleted_ticket_is_in_the_export_alone(twin: ZendeskTwin, call: Caller) -> None:
    """Everywhere else it is as if it had never been."""
    ticket = twin.open_ticket("x", PHONE)
    await Caller(twin.url)("POST", "/twin/delete", {"id": ticket.id})
    assert (await call("GET", f"/tickets/{ticket.id}")).status == 404
    assert [one["status"] for one in (await exported(call, start_time=1))["tickets"]] == ["deleted"]


async def test_an_echo_ends_by_itself(twin: ZendeskTwin) -> None:
    """Somebody else's automation copies customers and the bridge, never an agent or itself, up to its most."""
    twin.echo, twin.settings.echoes_most = True, 2
    ticket = twin.open_ticket("x", PHONE)
    for text in ("Hola [jelou-bridge:0123456789abcdef]", "[nothing else]", "Otra", "Y otra"):
        twin.customer_writes(ticket.id, text)
    twin.agent_writes(ticket.id, "Una respuesta")
    echoes = [one for one in ticket.comments if one.author_id == twin.desk.automation.id]
    assert [(one.body, one.public) for one in echoes] == [("Hola", True), ("Otra", True)]


async def test_another_process_lets_an_agent_answer(twin: ZendeskTwin) -> None:
    """With files, privately or publicly, and switches the echo."""
    steer, ticket = Caller(twin.url), twin.open_ticket("x", PHONE)
    file = {"content_url": "https://acme.zendesk.com/a", "file_name": "a.pdf"}
    said = {"id": ticket.id, "text": "Hola", "public": False, "attachments": [file]}
    assert (await steer("POST", "/twin/agent-writes", said)).status == 200
    assert (await steer("POST", "/twin/echo", {"on": True})).json == {"on": True}
    newest = ticket.comments[-1]
    assert (newest.body, newest.public, newest.attachments[0].file_name, twin.echo) == ("Hola", False, "a.pdf", True)
