"""What a support case needs: a real django-helpdesk, a bridge of two processes, and a Jelou beside them."""

from __future__ import annotations

import re
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession

from bridge.domain import MARK
from bridge.embedded import free_port
from bridge.twins import django_process
from bridge.twins.django_process import DjangoHelpdesk, HelpdeskClient, HelpdeskSetup
from tests.harness import eventually
from tests.processes import Processes, is_open, processes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.twins.ledger import Conversation

Json = dict[str, Any]

ACCOUNT = "django-helpdesk/mesa"
PHONE = "+593 98 765 4321"
USER_ID = "593987654321"
GOODBYE = "Damos por resuelto su caso. Gracias por escribirnos."
URGENT, NORMAL = 2, 3
"""As django-helpdesk numbers its priorities; 1 is critical."""
REOPENED, RESOLVED = 2, 3
"""The same of statuses."""


def account(site: DjangoHelpdesk) -> Json:
    """The helpdesk's account, as a person writes it into ``bridge.yaml``."""
    return {
        "project": "soporte",
        "verification": {"type": "basic", "username": "bridge", "passwords": ["${MESA_WEBHOOK_PASSWORD}"]},
        "access": {
            "base_url": site.url,
            "username": site.bot.name,
            "password": "${MESA_PASSWORD}",
            "bridge_user_id": str(site.bot.id),
        },
        "start_when": [{"name": "every new ticket"}],
        "user_id": {"fields": ["requester.phone"], "region": "EC"},
        "initial_message": "Hola, recibimos su caso: {{ ticket.subject }}",
        "assignment": [
            {"name": "urgent", "when": {"priority": ["urgent", "high"]}, "to": {"type": "queue", "target": "VIP"}}
        ],
        "default_assignment": {"type": "queue", "target": "SOPORTE"},
        "write_back": {"field": "jelou_conversation_id"},
        "messages": {"merge_s": 1.0},
        "goodbye": GOODBYE,
    }


@dataclass
class SupportCase:
    """The helpdesk as a customer and an agent see it, Jelou as it is, and the bridge between them."""

    bridge: Processes
    helpdesk: HelpdeskClient
    site: DjangoHelpdesk

    async def customer_opens_a_ticket(self, title: str, *, phone: str = PHONE, priority: int = NORMAL) -> int:
        """Over the helpdesk's own API; its number."""
        ticket = await self.helpdesk.create_ticket(
            title, "Desde esta mañana.", submitter_email="ana@example.com", phone=phone, priority=priority
        )
        return int(ticket["id"])

    async def agent_writes(self, ticket: int, comment: str, *, public: bool) -> None:
        """A follow-up of an agent's."""
        await self.helpdesk.add_followup(ticket, comment, public=public)

    async def agent_sends(self, ticket: int, comment: str, name: str, content: bytes) -> str:
        """A public follow-up with a file; where the helpdesk keeps it."""
        made = await self.helpdesk.add_file(ticket, comment, name, content, public=True)
        told = next(one for one in await self.helpdesk.followups(ticket) if one["id"] == made["id"])
        return str(told["followupattachment_set"][0]["file"])

    async def agent_sets(self, ticket: int, status: int) -> None:
        """The status, by a private follow-up: without one no webhook tells it."""
        await self.helpdesk.add_followup(ticket, "Cambio de estado.", public=False, new_status=status)

    def customer_writes(self, ticket: int, *texts: str) -> None:
        """In the chat, one after the other."""
        for text in texts:
            self.bridge.jelou.customer_writes(self.conversations_for(ticket)[-1].user_id, text)

    def customer_sends(self, ticket: int, message_type: str, **content: str) -> None:
        """A file, in the chat."""
        user_id = self.conversations_for(ticket)[-1].user_id
        self.bridge.jelou.customer_writes(user_id, message_type=message_type, content=content)

    def operator_closes(self, ticket: int) -> None:
        """In Jelou, not in the helpdesk."""
        self.bridge.jelou.close(self.conversations_for(ticket)[-1].user_id)

    async def customer_hears(self, ticket: int, *episodes: list[str]) -> None:
        """Until the customer has got exactly these messages, conversation by conversation."""

        async def heard() -> bool:
            return self.heard(ticket) == list(episodes)

        await eventually(heard, lambda: f"{self.heard(ticket)} and not {episodes}")

    def heard(self, ticket: int) -> list[list[str]]:
        """What the customer has got in each of the ticket's conversations, in order."""
        return [
            [one.content["body"] for one in conversation.messages if one.by == "bridge"]
            for conversation in self.conversations_for(ticket)
        ]

    async def agent_reads(self, ticket: int, *updates: str) -> None:
        """Until the ticket shows exactly these updates with the customer's words."""
        found: list[str] = []

        async def shown() -> bool:
            found[:] = [_words(one["comment"]) for one in await self.notes_on(ticket) if SAYS in one["comment"]]
            return found == list(updates)

        await eventually(shown, lambda: f"{found} and not {updates}")

    async def packages_on(self, ticket: int) -> list[str]:
        """The notes at the end of a conversation, each as its transcript: who, and what."""
        ends = [one["comment"] for one in await self.notes_on(ticket) if one["comment"].startswith(ENDED)]
        return ["\n".join(re.findall(r"^(?:\[.{16}\] |  )(.*)$", one, re.MULTILINE)) for one in ends]

    async def is_closed(self, ticket: int) -> Json:
        """The bridge's trace, as soon as the conversation is over and everything is written on the ticket."""
        return await self.bridge.until(
            str(ticket), lambda told: told["phase"] == "closed" and not told["to_write"], account=ACCOUNT
        )

    async def agent_looks_at(self, ticket: int) -> Json:
        """The ticket as the helpdesk tells it."""
        return await self.helpdesk.get_ticket(ticket)

    async def notes_on(self, ticket: int) -> list[Json]:
        """The private follow-ups that carry our mark."""
        return [one for one in await self.helpdesk.followups(ticket) if not one["public"] and MARK in one["comment"]]

    def conversations_for(self, ticket: int) -> list[Conversation]:
        """What Jelou really has for the ticket."""
        ledger = self.bridge.jelou.ledger
        return [ledger.conversations[start.conversation_id] for start in ledger.by_ticket(str(ticket))]

    async def is_opened(self, ticket: int) -> Json:
        """The bridge's trace, as soon as the conversation is open and everything is written on the ticket."""
        return await self.bridge.until(str(ticket), is_open, account=ACCOUNT)

    async def has_failed(self, ticket: int) -> Json:
        """The bridge's trace, as soon as it has given up and said so on the ticket."""
        return await self.bridge.until(
            str(ticket), lambda told: told["phase"] == "failed" and not told["to_write"], account=ACCOUNT
        )

    async def has_ignored(self, ticket: int, count: int) -> Json:
        """The bridge's trace, as soon as so many of the helpdesk's comments came and asked for nothing."""
        return await self.bridge.until(str(ticket), lambda told: len(ignored_comments(told)) >= count, account=ACCOUNT)


SAYS, ENDED = "(via Jelou):", "Conversation ended in Jelou."
"""The first line of a note with the customer's words, and that of a close package."""


def _words(comment: str) -> str:
    """What the customer wrote, without who it was and our mark."""
    return "\n".join(comment.splitlines()[1:-1])


def ignored_comments(told: Json) -> list[str]:
    """Why comments were not acted upon, one reason for each."""
    return [
        one["reason"] for one in told["timeline"] if one["what"] == "ignored" and one.get("event") == "agent.replied"
    ]


@asynccontextmanager
async def support_case(folder: Path) -> AsyncIterator[SupportCase]:
    """Everything real but Jelou, until the end of the block."""
    port, password = free_port(), secrets.token_urlsafe(12)
    webhook = f"http://bridge:{password}@127.0.0.1:{port}/webhooks/helpdesks/{ACCOUNT}"
    setup = HelpdeskSetup(
        data=folder / "helpdesk", port=free_port(), new_ticket_webhooks=[webhook], followup_webhooks=[webhook]
    )
    async with django_process.running(setup) as site, ClientSession() as session:
        helpdesks = {"django-helpdesk": {"mesa": account(site)}}
        environ = {"MESA_WEBHOOK_PASSWORD": password, "MESA_PASSWORD": site.bot.password}
        async with processes(folder, helpdesks=helpdesks, environ=environ, port=port) as bridge:
            yield SupportCase(bridge, HelpdeskClient(session, site, site.admin), site)
