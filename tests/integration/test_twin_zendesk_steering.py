"""A person in a browser, or a test in another process, steers the Zendesk twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.twins.answers import RefusedError
from tests.twin_callers import (
    Caller,
    zendesk,
    zendesk_caller,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.zendesk import ZendeskTwin

PHONE = "+593987654321"


@pytest.fixture
async def twin() -> AsyncIterator[ZendeskTwin]:
    """Play a Zendesk without a webhook."""
    async with zendesk() as running:
        yield running


@pytest.fixture
def call(twin: ZendeskTwin) -> Caller:
    """Call with the API token."""
    return zendesk_caller(twin)


def note(body: str = "Jelou: conversación iniciada", **more: Any) -> dict[str, Any]:
    """Compose an update that adds an internal note."""
    return {"ticket": {"comment": {"body": body, "public": False}, **more}}


async def test_people_at_the_desk_are_held_to_the_same_rules(twin: ZendeskTwin) -> None:
    """What a test lets an agent or a customer do must be something that Zendesk would take."""
    ticket = twin.open_ticket("x", PHONE)
    with pytest.raises(RefusedError):
        twin.change(ticket.id, status="SOLVED")
    with pytest.raises(RefusedError):
        twin.open_ticket("x", PHONE, priority="HIGH")
    with pytest.raises(LookupError):
        twin.customer_writes(1, "Hola")


async def test_another_process_can_steer_the_twin(twin: ZendeskTwin, call: Caller) -> None:
    """Tickets are opened, changed and read over HTTP, with their comments and audits."""
    steer = Caller(twin.url)
    new = {"subject": "Hola", "phone": PHONE, "tags": ["portal"], "custom_fields": {"7": "gold"}}
    ticket = (await steer("POST", "/twin/tickets", new)).json
    path = f"/twin/tickets/{ticket['id']}"
    await steer("PATCH", path, {"comment": {"body": "Nota", "public": False}, "status": "open"})
    wrong = await steer("PATCH", path, {"status": "SOLVED"})
    missing = await steer("GET", "/twin/tickets/1")
    unknown = await steer("POST", "/twin/tickets", {"subject": "x", "colour": "blue"})
    told = (await steer("GET", path)).json
    assert [wrong.status, missing.status, unknown.status] == [422, 404, 422]
    assert (told["status"], told["custom_fields"], len(told["comments"]), len(told["audits"])) == (
        "open",
        {"7": "gold"},
        2,
        2,
    )
    await steer("POST", "/twin/reset")
    assert (await call("GET", f"/tickets/{ticket['id']}")).status == 404


async def test_the_page_opens_a_ticket_and_shows_its_note(twin: ZendeskTwin, call: Caller) -> None:
    """What is clicked together is a ticket, and what is written on it is shown as text."""
    page = Caller(twin.url, {"Content-Type": "application/x-www-form-urlencoded"})
    await page("POST", "/page/open", b"subject=Hola&name=Ana&phone=%2B593987654321&priority=high&tags=a+b")
    ticket = next(iter(twin.desk.tickets.values()))
    await call("PUT", f"/tickets/{ticket.id}", note("<i>conv_8f2b</i>", external_id="conv_8f2b"))
    await page("POST", "/page/write", f"ticket={ticket.id}&text=Nota&kind=note".encode())
    await page("POST", "/page/status", f"ticket={ticket.id}&status=closed".encode())
    await page("POST", "/page/write", f"ticket={ticket.id}&text=Tarde&kind=reply".encode())
    shown = (await page("GET", "/")).body.decode()
    assert (ticket.priority, ticket.tags, ticket.status) == ("high", ["a", "b"], "closed")
    assert "&lt;i&gt;conv_8f2b&lt;/i&gt;" in shown
    assert "internal note" in shown
    assert "Tarde" not in shown
