"""Zendesk's dialect against the twin: what it writes is recognised when it comes back, by webhook and by list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.domain import (
    AddNote,
    AddReply,
    AgentReplied,
    Attachment,
    OpenTicket,
    SetStatus,
    TicketEvent,
    TicketOpened,
    TicketSolved,
)
from bridge.errors import Gone, Refused
from bridge.helpdesks.zendesk import Zendesk, ZendeskAccount
from bridge.timestamps import iso8601
from bridge.twins import zendesk_desk
from bridge.twins.ledger import now_ms
from tests.helpdesk_calls import MARK, Desk, Inbox, inbox, send
from tests.twin_callers import zendesk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.domain import Changes
    from bridge.twins.zendesk import ZendeskTwin

PHONE = "+593987654321"
OPEN = OpenTicket("Ana Pérez on WhatsApp", f"Hola\n{MARK}", MARK, "593987654321", "Ana Pérez", PHONE)


@pytest.fixture
async def told() -> AsyncIterator[Inbox]:
    """The webhook's end."""
    async with inbox(now_ms()) as listening:
        yield listening


@pytest.fixture
async def twin(told: Inbox) -> AsyncIterator[ZendeskTwin]:
    """A Zendesk that tells its events."""
    async with zendesk(webhook_url=told.url, export_after_s=0.0) as running:
        yield running


@pytest.fixture
def desk(twin: ZendeskTwin) -> Desk:
    """The dialect with an account that does not know Zendesk's id of the bridge: marks alone tell."""
    return desk_of(twin)


def desk_of(twin: ZendeskTwin, **access: Any) -> Desk:
    """The dialect with an account at this twin."""
    settings = twin.settings
    reach = {"base_url": twin.url, "email": settings.email, "api_token": settings.api_token, **access}
    section = {"project": "p", "verification": {"secrets": [settings.secret]}, "access": reach}
    return Desk(Zendesk(), ZendeskAccount.model_validate(section))


async def comments(desk: Desk, ticket_id: object) -> list[AgentReplied]:
    """The comments as the dialect reads them. Raises CallError."""
    call = desk.dialect.fetch_comments(desk.account, desk.ref(ticket_id))
    assert call is not None
    return list(desk.dialect.fetched_comments(desk.account, desk.ref(ticket_id), await send(call)))


async def changes(desk: Desk, since_ms: int = 1_000, after: str = "") -> Changes:
    """A page of what changed. Raises CallError."""
    call = desk.dialect.changed(desk.account, since_ms, after)
    assert call is not None
    return desk.dialect.changes(desk.account, "main", await send(call))


def of_type(events: list[TicketEvent], kind: type[Any]) -> list[Any]:
    """The events of one kind."""
    return [one for one in events if isinstance(one, kind)]


async def test_what_the_customer_wrote_is_in_the_customers_name(twin: ZendeskTwin, told: Inbox, desk: Desk) -> None:
    """A public comment by the requester; its echo is known as ours, and a second look finds it."""
    ticket = twin.open_ticket("x", PHONE)
    action = AddReply(f"Sigo esperando\n{MARK}", MARK, "Ana", str(ticket.requester_id))
    receipt = await desk.write(ticket.id, action)
    await twin.settle()
    written = ticket.comments[-1]
    assert (written.author_id, written.public, receipt) == (ticket.requester_id, True, str(written.id))
    assert await desk.look(ticket.id, action) == written.body
    assert [one.by_bridge for one in of_type(told.events(desk), AgentReplied)] == [True]
    assert [one.by_bridge for one in await comments(desk, ticket.id)] == [True]


async def test_a_customer_whom_zendesk_does_not_name_is_quoted_in_a_note(twin: ZendeskTwin, desk: Desk) -> None:
    """Nothing is put into a mouth that is not known."""
    ticket = twin.open_ticket("x", PHONE)
    await desk.write(ticket.id, AddReply(f"Ana: Hola\n{MARK}", MARK, "Ana"))
    assert (ticket.comments[-1].public, ticket.comments[-1].author_id) == (False, twin.desk.bridge.id)


@pytest.mark.parametrize("status", ["open", "pending", "solved"])
async def test_a_status_is_set(twin: ZendeskTwin, desk: Desk, status: str) -> None:
    """In Zendesk's own word, which is the bridge's."""
    ticket = twin.open_ticket("x", PHONE)
    assert await desk.write(ticket.id, SetStatus(status)) == ""
    assert ticket.status == status


async def test_a_ticket_that_takes_nothing_any_more_says_why(twin: ZendeskTwin, desk: Desk) -> None:
    """Closed, merged and deleted ones are gone, in words for a person."""
    closed, merged, deleted = (twin.open_ticket("x", PHONE).id for _ in range(3))
    twin.change(closed, status="closed")
    twin.merge(merged, into=deleted)
    twin.delete(deleted)
    reasons = []
    for ticket_id in (closed, merged, deleted):
        for action in (AddNote(MARK, MARK), SetStatus("solved")):
            with pytest.raises(Gone) as caught:
                await desk.write(ticket_id, action)
            reasons.append(caught.value.reason)
    ended = "answered 422: the ticket is closed for good, or merged into another"
    assert reasons == [ended] * 4 + ["answered 404: the ticket is deleted"] * 2


async def test_a_fetched_comment_is_the_webhooks_and_whole(twin: ZendeskTwin, told: Inbox, desk: Desk) -> None:
    """The same fact; formatting and files are in the list alone, and what is private stays private."""
    ticket = twin.open_ticket("x", PHONE)
    file = zendesk_desk.Attachment("https://acme.zendesk.com/attachments/1", "a.pdf", "application/pdf", 12)
    twin.customer_writes(ticket.id, "Hola")
    twin.agent_writes(ticket.id, "Mañana", html="<p><b>Mañana</b></p>", attachments=[file])
    twin.agent_writes(ticket.id, "No le digas", public=False)
    await twin.settle()
    heard, read = of_type(told.events(desk), AgentReplied), await comments(desk, ticket.id)
    assert [(one.fact, one.public) for one in heard] == [(one.fact, one.public) for one in read]
    assert [one.partial for one in heard + read] == [True, True, False, False]
    assert read[0].attachments == (Attachment(file.content_url, "a.pdf", "application/pdf", 12),)
    assert [(one.markup, one.public) for one in read] == [("html", True), ("text", False)]
    assert "<b>Mañana</b>" in read[0].text


async def test_an_agents_description_is_no_reply(twin: ZendeskTwin, desk: Desk) -> None:
    """No webhook tells the first comment as one, so the list does not either: it was not meant for the customer."""
    requester = twin.open_ticket("x", PHONE).requester_id
    values = {"comment": {"body": "A call came in"}, "subject": "x", "requester_id": requester}
    ticket = twin._account.create(values, twin.desk.agent, "web")  # noqa: SLF001 - agents open none at the twin's face
    ticket.comments[0].author_id = twin.desk.agent.id
    assert await comments(desk, ticket.id) == []


async def test_a_ticket_is_opened_once(twin: ZendeskTwin, desk: Desk) -> None:
    """The same key opens the same one, and a look finds it by its external id."""
    assert await desk.look_for(OPEN) == ""
    ticket_id = await desk.open(OPEN)
    assert await desk.open(OPEN) == ticket_id
    assert await desk.look_for(OPEN) == ticket_id
    ticket = twin.desk.ticket(int(ticket_id))
    assert (len(twin.desk.tickets), ticket.tags, ticket.comments[0].public) == (1, ["jelou"], False)
    assert twin.desk.users[ticket.requester_id].phone == PHONE


async def test_an_opened_ticket_is_known_as_ours(twin: ZendeskTwin, told: Inbox, desk: Desk) -> None:
    """By its webhook, when it is fetched, and in the list of changes; its external id is no conversation's."""
    ticket_id = await desk.open(OPEN)
    await twin.settle()
    call = desk.dialect.fetch(desk.account, desk.ref(ticket_id))
    assert call is not None
    fetched = desk.dialect.fetched(desk.account, desk.ref(ticket_id), await send(call))
    opened = [*of_type(told.events(desk), TicketOpened), *of_type([*(await changes(desk)).events], TicketOpened)]
    assert [(one.fact, one.by_bridge, one.ticket.by_bridge) for one in opened] == [("opened", True, True)] * 2
    assert fetched.by_bridge
    assert "external_id" not in fetched.fields


async def test_a_customers_ticket_is_not_ours(twin: ZendeskTwin, told: Inbox) -> None:
    """Neither with nor without Zendesk's id of the bridge."""
    twin.open_ticket("x", PHONE)
    await twin.settle()
    for desk in (desk_of(twin), desk_of(twin, bridge_user_id=twin.desk.bridge.id)):
        assert [one.by_bridge for one in of_type(told.events(desk), TicketOpened)] == [False]


async def test_a_group_that_is_none_is_refused(desk: Desk) -> None:
    """Zendesk wants the number of a group; a name is refused and not left out in silence."""
    with pytest.raises(Refused):
        await desk.open(OpenTicket("x", MARK, MARK, "5", group="soporte"))


async def test_what_changed_has_the_webhooks_facts(twin: ZendeskTwin, told: Inbox, desk: Desk) -> None:
    """An opened and a solved ticket, as the webhooks told them; a deleted one asks for no comments."""
    fresh, solved, deleted = (twin.open_ticket("x", PHONE).id for _ in range(3))
    twin.change(solved, status="solved")
    twin.delete(deleted)
    await twin.settle()
    found, heard = await changes(desk), told.events(desk)
    assert of_type([*found.events], TicketOpened)[0].ticket.fields["requester"]["phone"] == PHONE
    ended = {(one.ref, one.fact, one.status) for one in of_type([*found.events], TicketSolved)}
    assert ended == {(one.ref, one.fact, one.status) for one in of_type(heard, TicketSolved)}
    assert {(ref, status) for ref, _, status in ended} == {(desk.ref(solved), "solved"), (desk.ref(deleted), "closed")}
    assert set(found.tickets) == {desk.ref(fresh), desk.ref(solved)}


async def test_the_list_of_changes_is_read_to_its_end(twin: ZendeskTwin, desk: Desk) -> None:
    """Page by page, each ticket once, and nothing before the time that was asked for."""
    ids = [twin.open_ticket("x", PHONE).id for _ in range(130)]
    old = twin.desk.ticket(ids[0])
    old.updated_ms = iso8601("2026-01-01T00:00:00Z") or 0
    first = await changes(desk, since_ms=old.updated_ms + 1_000)
    second = await changes(desk, after=first.after)
    assert (bool(first.after), second.after) == (True, "")
    assert {one.id for one in first.tickets + second.tickets} == {str(one) for one in ids[1:]}
    assert len(first.tickets) + len(second.tickets) == 129
