"""A person in a browser, or a test in another process, steers the Jelou twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.twin_callers import (
    USER,
    JelouCaller,
    jelou_like_recorded,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin


@pytest.fixture
async def twin() -> AsyncIterator[JelouTwin]:
    """Play a Jelou without an integration."""
    async with jelou_like_recorded() as running:
        yield running


@pytest.fixture
def call(twin: JelouTwin) -> JelouCaller:
    """Call with the right key."""
    return JelouCaller.of(twin)


async def test_the_ledger_tells_every_start_of_a_ticket(twin: JelouTwin, call: JelouCaller) -> None:
    """Starts are found by ticket, with what their callers heard; a ticket with two conversations is counted."""
    for ticket in ("T-1", "T-2", "T-1"):
        await call.start(ticket)
    told = (await call("GET", "/twin/ledger?ticketId=T-1")).json
    counts = (await call("GET", "/twin/counts")).json
    assert [start.told for start in twin.ledger.by_ticket("T-1")] == ["200", "200"]
    assert len(told["conversations"]) == len(told["starts"]) == 2
    assert (counts["starts"], counts["tickets"], counts["tickets_doubled"]) == (3, 2, 1)


async def test_another_process_can_steer_the_twin(twin: JelouTwin, call: JelouCaller) -> None:
    """Customers, operators, settings and the ledger are within reach over HTTP."""
    await call.start()
    wrote = await call("POST", "/twin/customer-writes", {"userId": USER, "text": "Hola"})
    closed = await call("POST", "/twin/close", {"userId": USER})
    again = await call("POST", "/twin/close", {"userId": USER})
    changed = await call("POST", "/twin/settings", {"when_active": "same", "users": [USER]})
    wrong = [await call("POST", "/twin/settings", told) for told in ({"colour": "blue"}, {"when_active": "sometimes"})]
    assert [wrote.status, closed.status, again.status, changed.status] == [200, 200, 404, 200]
    assert [answer.status for answer in wrong] == [422, 422]
    assert twin.settings.users == frozenset({USER})
    await call("POST", "/twin/reset")
    assert (await call("GET", "/twin/counts")).json["starts"] == 0


async def test_the_page_shows_conversations_and_escapes_what_people_wrote(twin: JelouTwin, call: JelouCaller) -> None:
    """What a customer wrote stands on the page as text, never as markup."""
    await call.start(metadata={"ticketId": "<b>T-1</b>"}, assignment={"type": "queue", "target": "SOPORTE"})
    twin.customer_writes(USER, "<script>alert(1)</script>")
    page = (await call("GET", "/")).body.decode()
    assert "queue: SOPORTE" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<b>T-1</b>" not in page


async def test_the_page_lets_a_customer_write_and_an_operator_close(twin: JelouTwin, call: JelouCaller) -> None:
    """The page's forms do what the twin's methods do, and a form for what is gone does no harm."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    await call("POST", "/page/hand-over", b"user_id=573000000009&text=Hola", form)
    await call("POST", "/page/write", b"user_id=573000000009&text=Ayuda", form)
    await call("POST", "/page/close", b"user_id=573000000009", form)
    page = await call("POST", "/page/close", b"user_id=573000000009", form)
    conversation = next(iter(twin.ledger.conversations.values()))
    assert [message.content["body"] for message in conversation.messages] == ["Hola", "Ayuda"]
    assert (conversation.state, page.status) == ("closed", 200)
