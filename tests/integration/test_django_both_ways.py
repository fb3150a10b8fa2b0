"""django-helpdesk's dialect against a real one: what it writes is recognised when it comes back, and mails nobody."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from bridge.domain import AddNote, AddReply, AgentReplied, OpenTicket, SetStatus, TicketOpened, TicketSolved
from bridge.embedded import free_port
from bridge.errors import Gone, Refused
from bridge.helpdesks.django_helpdesk import DjangoHelpdesk, DjangoHelpdeskAccount
from bridge.twins import django_process
from bridge.twins.django_process import HelpdeskClient, HelpdeskSetup
from tests.helpdesk_calls import MARK, OTHER_MARK, Desk, Inbox, inbox, send
from tests.real_helpdesk import real_helpdesk_or_skip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.domain import Changes

PHONE = "+593987654321"
OPENED = "[jelou-bridge:aaaabbbbccccdddd]"
OPEN = OpenTicket("Ana Pérez on WhatsApp", f"Hola {{{{ x }}}}\n{OPENED}", OPENED, "593987654321", "Ana Pérez", PHONE)

pytestmark = [pytest.mark.helpdesk, pytest.mark.asyncio(loop_scope="module")]


class Site:
    """A running helpdesk, an agent at it, and the dialect with an account there."""

    def __init__(self, helpdesk: django_process.DjangoHelpdesk, session: aiohttp.ClientSession, told: Inbox) -> None:
        self.helpdesk, self.told = helpdesk, told
        self.agent = HelpdeskClient(session, helpdesk, helpdesk.admin)
        self.session = session
        self.desk = self.desk_of()

    def desk_of(self, **access: Any) -> Desk:
        """The dialect with an account that does not know the id of the bridge's user: marks alone tell."""
        bot = self.helpdesk.bot
        reach = {"base_url": self.helpdesk.url, "username": bot.name, "password": bot.password}
        section = {
            "project": "p",
            "verification": {"type": "basic", "username": "jelou", "passwords": ["made-up"]},
            "access": {**reach, "queue": self.helpdesk.queue, **access},
        }
        return Desk(DjangoHelpdesk(), DjangoHelpdeskAccount.model_validate(section))

    async def ticket(self, title: str = "Order 1042") -> int:
        """A ticket that a customer has by way of an agent, the mail address and all."""
        made = await self.agent.create_ticket(title, "Where is it?", submitter_email="ana@example.com", phone=PHONE)
        return int(made["id"])

    def heard(self, kind: type[Any]) -> list[Any]:
        """What the webhooks told of this kind."""
        return [one for one in self.told.events(self.desk) if isinstance(one, kind)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One real helpdesk for all: it takes seconds to start."""
    python, folder = real_helpdesk_or_skip(request), tmp_path_factory.mktemp("helpdesk")
    async with inbox(int(time.time() * 1000), "jelou:made-up@") as told, aiohttp.ClientSession() as session:
        setup = HelpdeskSetup(folder, free_port(), [told.url], [told.url], python=python)
        async with django_process.running(setup) as helpdesk:
            yield Site(helpdesk, session, told)


@pytest.fixture
def site(shared: Site) -> Site:
    """The helpdesk, of which nothing has been told yet."""
    shared.told.deliveries.clear()
    return shared


async def comments(desk: Desk, ticket_id: object) -> list[AgentReplied]:
    """The comments as the dialect reads them. Raises CallError."""
    call = desk.dialect.fetch_comments(desk.account, desk.ref(ticket_id))
    assert call is not None
    return list(desk.dialect.fetched_comments(desk.account, desk.ref(ticket_id), await send(call)))


async def changes(desk: Desk, since_ms: int, after: str = "") -> Changes:
    """A page of what changed. Raises CallError."""
    call = desk.dialect.changed(desk.account, since_ms, after)
    assert call is not None
    return desk.dialect.changes(desk.account, "main", await send(call))


async def test_what_the_customer_wrote_is_a_private_followup(site: Site) -> None:
    """It mails nobody, its echo is known as ours, and a second look finds it."""
    number = await site.ticket()
    action = AddReply(f"Ana: Sigo esperando {{{{ ticket.title }}}}\n{MARK}", MARK, "Ana")
    receipt = await site.desk.write(number, action)
    written = (await site.agent.followups(number))[-1]
    assert (written["public"], written["email_recipients"], str(written["id"])) == (False, [], receipt)
    assert await site.desk.look(number, action) == written["comment"]
    assert [(one.by_bridge, one.comment_id) for one in site.heard(AgentReplied)] == [(True, receipt)]
    assert [one.by_bridge for one in await comments(site.desk, number)] == [True]


@pytest.mark.parametrize(
    ("status", "number", "on_hold"), [("open", 1, False), ("pending", 1, True), ("solved", 3, False)]
)
async def test_a_status_is_set_silently(site: Site, status: str, number: int, on_hold: bool) -> None:
    """Nothing else of the ticket changes, no follow-up is written, nobody is mailed and no webhook is called."""
    ticket = await site.ticket()
    before = await site.agent.get_ticket(ticket)
    await site.desk.write(ticket, SetStatus(status))
    after = await site.agent.get_ticket(ticket)
    assert after == {**before, "status": number, "on_hold": on_hold}
    assert len(site.told.deliveries) == 1


async def test_a_solved_ticket_is_opened_again(site: Site) -> None:
    """The status may go back."""
    ticket = await site.ticket()
    for status in ("solved", "open"):
        await site.desk.write(ticket, SetStatus(status))
    assert (await site.agent.get_ticket(ticket))["status"] == 1


async def test_a_ticket_that_is_not_there_says_why(site: Site) -> None:
    """By a follow-up's answer as by a status's."""
    for action in (AddNote(MARK, MARK), SetStatus("solved")):
        with pytest.raises(Gone, match="the ticket is deleted"):
            await site.desk.write(999, action)


async def test_a_ticket_is_opened_and_known_as_ours(site: Site) -> None:
    """By its webhook and when it is fetched; it has the customer's phone, and nobody was mailed."""
    await site.ticket()
    assert await site.desk.look_for(OPEN) == ""
    ticket_id = await site.desk.open(OPEN)
    assert await site.desk.look_for(OPEN) == ticket_id
    made = await site.agent.get_ticket(int(ticket_id))
    assert (made["custom_phone"], made["followup_set"][0]["email_recipients"]) == (PHONE, [])
    assert made["description"] == OPEN.text
    opened = site.heard(TicketOpened)
    assert [(one.ref.id == ticket_id, one.by_bridge, one.ticket.by_bridge) for one in opened] == [
        (False, False, False),
        (True, True, True),
    ]
    call = site.desk.dialect.fetch(site.desk.account, site.desk.ref(ticket_id))
    assert call is not None
    assert site.desk.dialect.fetched(site.desk.account, site.desk.ref(ticket_id), await send(call)).by_bridge


async def test_a_queue_that_is_none_is_refused(site: Site) -> None:
    """By number or by name."""
    for group in ("999", "support"):
        with pytest.raises(Refused):
            await site.desk.open(OpenTicket("x", MARK, MARK, "5", group=group))


async def test_files_are_told_where_they_lie(site: Site) -> None:
    """By webhook and by list the same comment with the same file at the same address, which has it."""
    ticket = await site.ticket()
    await site.agent.add_file(ticket, "See the file", "note.txt", b"12 bytes .tx", public=True)
    (heard,), (read,) = site.heard(AgentReplied), await comments(site.desk, ticket)
    assert heard == read
    (file,) = read.attachments
    assert (file.name, file.mime_type, file.size, read.public, read.partial) == (
        "note.txt",
        "text/plain",
        12,
        True,
        False,
    )
    assert file.url.startswith(f"{site.helpdesk.url}/media/")
    async with site.session.get(file.url) as answer:
        assert await answer.read() == b"12 bytes .tx"


async def test_fetched_comments_have_the_webhooks_facts(site: Site) -> None:
    """The description is none of them, and what is private stays private."""
    ticket = await site.ticket()
    await site.agent.add_followup(ticket, "**Tomorrow**", public=True)
    await site.agent.add_followup(ticket, "Do not tell", public=False)
    read = await comments(site.desk, ticket)
    assert read == site.heard(AgentReplied)
    assert [(one.text, one.public, one.markup) for one in read] == [
        ("**Tomorrow**", True, "markdown"),
        ("Do not tell", False, "markdown"),
    ]


async def test_changes_have_the_webhooks_facts(site: Site) -> None:
    """Tickets and solutions since then, and nothing that is older."""
    before, after = await site.ticket("before"), 0
    await site.agent.add_followup(before, "Old", public=True, new_status=3)
    for _ in range(101):
        await site.desk.write(before, AddNote(f"x\n{OTHER_MARK}", OTHER_MARK))
    since_ms = int(time.time() * 1000)
    after = await site.ticket("after")
    await site.agent.add_followup(after, "Done", public=True, new_status=3)
    page = await changes(site.desk, since_ms)
    solved = [one for one in page.events if isinstance(one, TicketSolved)]
    opened = [one for one in page.events if isinstance(one, TicketOpened)]
    assert solved == site.heard(TicketSolved)[-1:]
    assert [(one.ref.id, one.fact, one.ticket.partial) for one in opened] == [(str(after), "opened", True)]
    assert (page.tickets, page.after) == ((site.desk.ref(after),), "")


async def test_changes_are_read_to_their_beginning(site: Site) -> None:
    """Page by page back, until the time that was asked for."""
    tickets = [await site.ticket()]
    for _ in range(101):
        await site.desk.write(tickets[0], AddNote(f"x\n{OTHER_MARK}", OTHER_MARK))
    tickets.append(await site.ticket())
    pages = [await changes(site.desk, 1_000)]
    while pages[-1].after:
        pages.append(await changes(site.desk, 1_000, pages[-1].after))
    opened = [one.ref.id for page in pages for one in page.events if isinstance(one, TicketOpened)]
    assert len(pages) > 1
    assert [opened.count(str(one)) for one in tickets] == [1, 1]
