"""Support cases with a real Request Tracker, its scrip, real processes and a real Valkey; only Jelou is a twin.

They run where Debian's packages of RT are installed (deploy/request-tracker/install.sh) and are skipped, with a line
that says so, where they are not. Everything stays on loopback, in folders of the tests' own.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from bridge.domain import MARK
from bridge.embedded import free_port
from tests.acceptance.support_case import SAYS
from tests.harness import API_TOKEN, eventually
from tests.processes import Processes, is_open, processes
from tests.real_helpdesk import real_request_tracker_or_skip
from tests.request_tracker import AGENT, BRIDGE, CUSTOMER, OTHER, RequestTracker, Setup, request_tracker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.ledger import Conversation

pytestmark = [pytest.mark.helpdesk, pytest.mark.asyncio(loop_scope="module")]

ACCOUNT = "generic/rt"
USER_ID = "593987654321"
GOODBYE = "Damos por resuelto su caso."
STARTED, ENDED = "Conversation started in Jelou", "Conversation ended in Jelou."


def account(tracker: RequestTracker) -> dict[str, Any]:
    """The account, as a person writes it into ``bridge.yaml``."""
    return {
        "project": "soporte",
        "mapping": "request-tracker",
        "verification": {"secrets": ["${RT_SECRET}"]},
        "access": {
            "base_url": tracker.setup.url,
            "credential": {"type": "basic", "username": BRIDGE, "password": "${RT_PASSWORD}"},
        },
        "start_when": [{"name": "every new ticket"}],
        "user_id": {"fields": ["requester.phone"], "region": "EC"},
        "initial_message": "Hola, recibimos su caso: {{ ticket.subject }}",
        "default_assignment": {"type": "queue", "target": "SOPORTE"},
        "write_back": {"field": "JelouConversation"},
        "messages": {"merge_s": 0.2},
        "goodbye": GOODBYE,
    }


@dataclass
class Case:
    """RT as its people see it, Jelou as it is, and the bridge between them."""

    rt: RequestTracker
    bridge: Processes

    def conversations(self, ticket: str) -> list[Conversation]:
        """What Jelou really has for the ticket."""
        ledger = self.bridge.jelou.ledger
        return [ledger.conversations[start.conversation_id] for start in ledger.by_ticket(ticket)]

    def heard(self, ticket: str) -> list[str]:
        """What the customer has got in the ticket's conversation."""
        [conversation] = self.conversations(ticket)
        return [one.content["body"] for one in conversation.messages if one.by == "bridge"]

    async def customer_hears(self, ticket: str, *texts: str) -> None:
        """Until the customer has got exactly these messages."""

        async def heard() -> bool:
            return self.heard(ticket) == list(texts)

        await eventually(heard, lambda: f"{self.heard(ticket)} and not {texts}")

    async def is_open(self, ticket: str) -> dict[str, Any]:
        """The bridge's trace, as soon as the conversation is open and everything is written on the ticket."""
        return await self.bridge.until(ticket, is_open, account=ACCOUNT)

    async def is_closed(self, ticket: str) -> dict[str, Any]:
        """The same, as soon as the conversation is over."""
        return await self.bridge.until(
            ticket, lambda told: told["phase"] == "closed" and not told["to_write"], account=ACCOUNT
        )

    async def reconciles(self) -> int:
        """How much the bridge finds that no webhook brought."""
        url, headers = f"{self.bridge.url}/api/accounts/{ACCOUNT}/reconcile", {"authorization": f"Bearer {API_TOKEN}"}
        async with self.bridge.session.post(url, json={"since_s": 600}, headers=headers) as answer:
            told = await answer.json()
            assert answer.status == HTTPStatus.OK, told
            return int(told["fed"])

    async def notes(self, ticket: str, beginning: str = "") -> list[str]:
        """What the bridge has written on the ticket, each private and with our mark."""
        written = await self.rt.written(ticket)
        assert all(way == "Comment" and MARK in text for way, text in written)
        return [text for _, text in written if text.startswith(beginning)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Case]:
    """One RT and one bridge for all cases; each case has a ticket of its own."""
    real_request_tracker_or_skip(request)
    folder, port = tmp_path_factory.mktemp("rt"), free_port()
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    setup = Setup(folder / "rt", free_port(), f"http://127.0.0.1:{port}/webhooks/helpdesks/{ACCOUNT}", secret)
    async with ClientSession() as session, request_tracker(setup, session) as rt:
        environ = {"RT_SECRET": secret, "RT_PASSWORD": setup.password}
        helpdesks = {"generic": {"rt": account(rt)}}
        async with processes(folder, helpdesks=helpdesks, environ=environ, port=port) as bridge:
            yield Case(rt, bridge)


async def test_a_ticket_becomes_a_conversation_and_is_worked_to_its_end(case: Case) -> None:
    """Each word reaches the other side once, what is private stays, and nothing that the bridge writes comes back."""
    ticket = await case.rt.opens("No puedo facturar", "Desde esta mañana.")
    await case.is_open(ticket)
    [conversation] = case.conversations(ticket)
    assert conversation.user_id == USER_ID
    assert conversation.initial_message == "Hola, recibimos su caso: No puedo facturar"
    [note] = await case.notes(ticket)
    assert note.startswith(STARTED)
    assert conversation.id in note
    assert (await case.rt.ticket(ticket))["fields"]["JelouConversation"] == conversation.id

    # The customer writes to RT, the agent to a colleague, and then to the customer: only that is for the chat.
    await case.rt.writes(CUSTOMER, ticket, "Sigo igual.", public=True)
    await case.rt.writes(AGENT, ticket, "Cliente difícil.", public=False)
    await case.rt.writes(AGENT, ticket, "Hola, soy Marta.", public=True)
    await case.customer_hears(ticket, "Hola, soy Marta.")

    case.bridge.jelou.customer_writes(USER_ID, "Ya funciona, gracias")

    async def stands_there() -> bool:
        return any("Ya funciona, gracias" in one for one in await case.notes(ticket))

    await eventually(stands_there)

    await case.rt.sets(ticket, "resolved")
    told = await case.is_closed(ticket)
    assert conversation.state == "closed"
    assert case.heard(ticket) == ["Hola, soy Marta.", GOODBYE]
    started, words, ended = await case.notes(ticket)
    assert started == note
    assert words.splitlines()[:-1] == ["Customer 4321 (Jelou):", "Ya funciona, gracias"]
    assert ended.startswith(ENDED)
    assert (told["episode"], told["past"]) == (1, [])
    reasons = [one["reason"] for one in told["timeline"] if one["what"] == "ignored"]
    assert "the bridge did this itself" not in reasons, "RT tells what the bridge did"


async def test_a_conversation_that_ends_in_jelou_resolves_the_ticket_and_mails_nobody(case: Case) -> None:
    """The customer has been told in the chat: RT, which mails whoever's ticket is resolved, leaves the bridge out."""
    ticket = await case.rt.opens("Una pregunta", "¿Cuánto cuesta?")
    await case.is_open(ticket)
    mails = case.rt.mails()
    assert mails, "RT itself mails that the ticket has come"

    case.bridge.jelou.close(USER_ID)
    await case.is_closed(ticket)
    assert (await case.rt.ticket(ticket))["Status"] == "resolved"
    assert case.rt.mails() == mails
    [conversation] = case.conversations(ticket)
    assert conversation.state == "closed"
    assert [one[: len(ENDED)] for one in await case.notes(ticket)][-1] == ENDED
    assert SAYS not in "".join(await case.notes(ticket))


async def test_a_customers_reply_reopens_the_ticket_and_begins_the_next_conversation(case: Case) -> None:
    """RT reopens it by itself, in nobody's name; the number is still known, though the bridge may not read people's."""
    ticket = await case.rt.opens("Otra vez", "No entra.")
    await case.is_open(ticket)
    await case.rt.sets(ticket, "resolved")
    await case.is_closed(ticket)

    await case.rt.writes(CUSTOMER, ticket, "Volvió a fallar.", public=True)
    await case.bridge.until(ticket, lambda told: told["episode"] == 2 and is_open(told), account=ACCOUNT)
    first, second = case.conversations(ticket)
    assert (first.state, second.state, second.user_id) == ("closed", "active", USER_ID)
    await case.rt.sets(ticket, "resolved")
    await case.is_closed(ticket)


async def test_what_rt_could_not_tell_is_found(case: Case) -> None:
    """RT tells once: a ticket and a reply of a time without the bridge are found, and no note is sent."""
    known = await case.rt.opens("Sin noticias", "Hola")
    await case.is_open(known)
    await case.bridge.web.stop()
    await case.rt.writes(AGENT, known, "Estamos en ello.", public=True)
    await case.rt.writes(AGENT, known, "Cliente difícil.", public=False)
    # Jelou has one conversation of a person at a time, and a reply would find the newest.
    missed = await case.rt.opens("Nadie lo supo", "Hola", OTHER)
    await case.bridge.web.start()
    await case.bridge.web.ready(case.rt.session)

    assert await case.reconciles() >= 2
    await case.customer_hears(known, "Estamos en ello.")
    await case.is_open(missed)
    assert len(case.conversations(missed)) == 1
    assert await case.reconciles() == 0
