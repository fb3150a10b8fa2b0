"""The helpdesks of the demo: a Zendesk twin, or a real django-helpdesk in a process of its own."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from bridge.demo_case import GOODBYE
from bridge.embedded import free_port
from bridge.errors import BridgeError
from bridge.twins import django_process
from bridge.twins.zendesk import ZendeskTwin
from bridge.twins.zendesk_desk import ZendeskSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AsyncExitStack
    from pathlib import Path

    from aiohttp import ClientSession

ACCOUNT = "demo"
PHONE = "+593987654321"
SUBJECT = "No puedo entrar al portal"
RESOLVED = 3
"""As django-helpdesk numbers its statuses."""

STARTS: dict[str, Any] = {
    "project": "soporte",
    "start_when": [{"name": "every new ticket"}],
    "user_id": {"fields": ["requester.phone"], "format": "phone", "region": "EC"},
    "initial_message": "Hola, le escribimos por su caso: {{ ticket.subject }}",
    "assignment": [
        {"name": "urgent", "when": {"priority": ["urgent", "high"]}, "to": {"type": "queue", "target": "VIP"}}
    ],
    "default_assignment": {"type": "queue", "target": "SOPORTE"},
    "messages": {"merge_s": 1.0},
    "goodbye": GOODBYE,
}


class DemoHelpdesk(Protocol):
    """What the demo needs of a helpdesk."""

    kind: str

    async def start(self, bridge_url: str, stack: AsyncExitStack) -> None:
        """Start it; its webhooks go to the bridge at ``bridge_url``."""
        ...

    def section(self) -> dict[str, Any]:
        """Its account in ``bridge.yaml``, with ``${NAME}`` for secrets."""
        ...

    def environ(self) -> Mapping[str, str]:
        """The secrets that the section names."""
        ...

    async def open_ticket(self) -> str:
        """Open a ticket as a customer would; the id."""
        ...

    async def tickets(self) -> list[str]:
        """The ids of all its tickets."""
        ...

    async def notes(self, ticket: str) -> list[str]:
        """The internal notes of a ticket, read back from the helpdesk."""
        ...

    async def written(self, ticket: str) -> list[str]:
        """All that is written on a ticket, oldest first."""
        ...

    async def agent_writes(self, ticket: str, text: str) -> None:
        """An agent's public reply."""
        ...

    async def agent_solves(self, ticket: str) -> None:
        """An agent sets the ticket's status to solved."""
        ...

    def addresses(self) -> list[tuple[str, str]]:
        """Where a person goes on from here: what, and where."""
        ...


@dataclass
class ZendeskDemo:
    """The twin, in the demo's own process."""

    kind: str = "zendesk"
    twin: ZendeskTwin = field(default_factory=lambda: ZendeskTwin(ZendeskSettings()))

    async def start(self, bridge_url: str, stack: AsyncExitStack) -> None:
        """Start the twin."""
        self.twin.settings.webhook_url = f"{bridge_url}/webhooks/helpdesks/{self.kind}/{ACCOUNT}"
        await stack.enter_async_context(self.twin)

    def section(self) -> dict[str, Any]:
        """Its account."""
        access = {"base_url": self.twin.url, "email": self.twin.settings.email, "api_token": "${ZENDESK_API_TOKEN}"}
        return STARTS | {
            "verification": {"secrets": ["${ZENDESK_WEBHOOK_SECRET}"]},
            "access": access,
            "write_back": {"field": "external_id", "tag": "jelou"},
        }

    def environ(self) -> Mapping[str, str]:
        """Its secrets."""
        settings = self.twin.settings
        return {"ZENDESK_API_TOKEN": settings.api_token, "ZENDESK_WEBHOOK_SECRET": settings.secret}

    async def open_ticket(self) -> str:
        """A customer opens a ticket."""
        return str(self.twin.open_ticket(SUBJECT, PHONE, priority="high", tags=["portal"]).id)

    async def tickets(self) -> list[str]:
        """All tickets."""
        return [str(ticket_id) for ticket_id in self.twin.desk.tickets]

    async def notes(self, ticket: str) -> list[str]:
        """Its notes."""
        return self.twin.notes(int(ticket))

    async def written(self, ticket: str) -> list[str]:
        """Its comments."""
        return [comment.body for comment in self.twin.desk.ticket(int(ticket)).comments]

    async def agent_writes(self, ticket: str, text: str) -> None:
        """A public comment."""
        self.twin.agent_writes(int(ticket), text)

    async def agent_solves(self, ticket: str) -> None:
        """Solved."""
        self.twin.change(int(ticket), status="solved")

    def addresses(self) -> list[tuple[str, str]]:
        """The twin's page."""
        return [("helpdesk (a Zendesk twin): open a ticket, see the note", self.twin.url)]


@dataclass
class DjangoDemo:
    """A real django-helpdesk from its own virtual environment."""

    folder: Path
    session: ClientSession
    time_zone: str = "UTC"
    kind: str = "django-helpdesk"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    site: django_process.DjangoHelpdesk | None = None
    known: list[str] = field(default_factory=list)

    async def start(self, bridge_url: str, stack: AsyncExitStack) -> None:
        """Start it: it signs nothing, so its webhook carries Basic credentials in the URL."""
        host = bridge_url.removeprefix("http://")
        url = f"http://bridge:{self.password}@{host}/webhooks/helpdesks/{self.kind}/{ACCOUNT}"
        ZoneInfo(self.time_zone)
        setup = django_process.HelpdeskSetup(
            data=self.folder,
            port=free_port(),
            new_ticket_webhooks=[url],
            followup_webhooks=[url],
            time_zone=self.time_zone,
        )
        try:
            self.site = await stack.enter_async_context(django_process.running(setup))
        except (django_process.HelpdeskMissingError, django_process.HelpdeskFailedError) as error:
            raise BridgeError(str(error)) from error

    @property
    def running(self) -> django_process.DjangoHelpdesk:
        """The started helpdesk."""
        if self.site is None:
            message = "not started"
            raise RuntimeError(message)
        return self.site

    def section(self) -> dict[str, Any]:
        """Its account."""
        site = self.running
        return STARTS | {
            "verification": {"type": "basic", "username": "bridge", "passwords": ["${HELPDESK_WEBHOOK_PASSWORD}"]},
            "access": {
                "base_url": site.url,
                "username": site.bot.name,
                "password": "${HELPDESK_API_PASSWORD}",
                "bridge_user_id": str(site.bot.id),
            },
            "write_back": {"field": "jelou_conversation_id"},
        }

    def environ(self) -> Mapping[str, str]:
        """Its secrets."""
        return {"HELPDESK_WEBHOOK_PASSWORD": self.password, "HELPDESK_API_PASSWORD": self.running.bot.password}

    def _client(self) -> django_process.HelpdeskClient:
        return django_process.HelpdeskClient(self.session, self.running, self.running.admin)

    async def open_ticket(self) -> str:
        """A ticket over the helpdesk's own API."""
        ticket = await self._client().create_ticket(
            SUBJECT, "Desde esta mañana.", submitter_email="ana@example.com", phone=PHONE, priority=2
        )
        self.known.append(str(ticket["id"]))
        return self.known[-1]

    async def tickets(self) -> list[str]:
        """The tickets so far: ids are numbers in a row, so the next one is asked for."""
        following = str(int(self.known[-1]) + 1) if self.known else "1"
        try:
            await self._client().get_ticket(int(following))
        except django_process.HelpdeskRefusedError:
            return self.known
        self.known.append(following)
        return self.known

    async def notes(self, ticket: str) -> list[str]:
        """Its private follow-ups."""
        found = await self._client().followups(int(ticket))
        return [one["comment"] or "" for one in found if not one["public"]]

    async def written(self, ticket: str) -> list[str]:
        """Its follow-ups."""
        return [one["comment"] or "" for one in await self._client().followups(int(ticket))]

    async def agent_writes(self, ticket: str, text: str) -> None:
        """A public follow-up."""
        await self._client().add_followup(int(ticket), text, public=True)

    async def agent_solves(self, ticket: str) -> None:
        """A private follow-up that resolves it: a status that is changed without one is told by no webhook."""
        await self._client().add_followup(int(ticket), "Resuelto.", public=False, new_status=RESOLVED)

    def addresses(self) -> list[tuple[str, str]]:
        """Where to log in."""
        site = self.running
        return [
            ("helpdesk (a real django-helpdesk): open a ticket, reload it to see the note", site.url),
            ("  log in as", f"{site.admin.name} / {site.admin.password}"),
        ]
