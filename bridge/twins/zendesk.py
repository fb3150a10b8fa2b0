"""The Zendesk twin: tickets over the REST API, native events signed and delivered, faults on demand.

As a process: ``python -m bridge.twins.zendesk --webhook URL --secret S --api-token T``.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

import uvloop
from aiohttp import web

from bridge.lifeline import die_with_parent
from bridge.twins.admin import add_steering, asking
from bridge.twins.answers import Endpoint, Stage
from bridge.twins.listener import Listener, add_listener_options, play
from bridge.twins.zendesk_account import ZendeskAccount
from bridge.twins.zendesk_bodies import ATTRIBUTES, CREATE, checked, failure_of
from bridge.twins.zendesk_desk import Attachment, ZendeskSettings
from bridge.twins.zendesk_page import add_page
from bridge.twins.zendesk_rest import ZendeskRest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.twins.faults import Faults
    from bridge.twins.zendesk_desk import Audit, Desk, Ticket
    from bridge.twins.zendesk_events import WebhookDelivery

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A ticket as a customer opens it in the web form. ``phone`` is the requester's, as they typed it."""

    subject: str
    phone: str | None = None
    description: str = ""
    name: str = "Ana Pérez"
    email: str = ""
    priority: str | None = "normal"
    type: str | None = "incident"
    tags: Sequence[str] = ()
    group_id: int | None = None
    external_id: str | None = None
    custom_fields: dict[int, Any] = field(default_factory=dict)

    def attributes(self) -> Json:
        """Give it as the API's attributes; what is not set is absent."""
        values: Json = {
            "subject": self.subject,
            "comment": {"body": self.description or self.subject, "public": True},
            "requester": {"name": self.name, "phone": self.phone, **({"email": self.email} if self.email else {})},
            "tags": list(self.tags),
            "custom_fields": [{"id": key, "value": value} for key, value in self.custom_fields.items()],
        }
        optional = ("priority", "type", "group_id", "external_id")
        return values | {name: getattr(self, name) for name in optional if getattr(self, name) is not None}


class ZendeskTwin:
    """A Zendesk account, in memory. Stopping keeps what it knows; it can be started again on its old port."""

    def __init__(self, settings: ZendeskSettings | None = None, listener: Listener | None = None) -> None:
        self.settings = settings or ZendeskSettings()
        self._listener = listener or Listener()
        self._account = ZendeskAccount(self.settings)

    @property
    def url(self) -> str:
        """Where it is; empty before the first start. The API is under ``/api/v2``."""
        return self._listener.url

    @property
    def faults(self) -> Faults:
        """The faults to come."""
        return self._account.faults

    @property
    def desk(self) -> Desk:
        """Tickets and people."""
        return self._account.desk

    @property
    def deliveries(self) -> list[WebhookDelivery]:
        """Every event told to the webhook, with each try and its answer."""
        return self._account.deliveries

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Serve; port 0 takes a free one. Raises OSError where the port is taken."""
        await self._listener.start(self._application(), port, host)

    async def stop(self) -> None:
        """Close the port, cut the connections, cancel the events that are under way."""
        await self._listener.stop()
        await self._account.courier.close()

    async def settle(self) -> None:
        """Wait until every event was taken or given up, retries included."""
        await self._account.courier.settle()

    @property
    def echo(self) -> bool:
        """Whether an automation of somebody else copies comments, which no mark tells from an agent's own."""
        return self.settings.echo

    @echo.setter
    def echo(self, on: bool) -> None:
        self.settings.echo = on

    def reset(self) -> None:
        """Forget tickets, deliveries and faults; settings stay, numbers go on."""
        self._account.reset()

    def open_ticket(self, subject: str, phone: str | None = None, **fields: Any) -> Ticket:
        """Let a customer open a ticket, and tell the webhook. ``fields`` are those of NewTicket.

        Raises TypeError for another field, RefusedError for a value that Zendesk would not take.
        """
        values = checked(NewTicket(subject, phone, **fields).attributes(), CREATE)
        requester = self.desk.requester(**{"email": "", **values["requester"]})
        del values["requester"]
        return self._account.create({**values, "requester_id": requester.id}, requester, "web")

    def change(self, ticket_id: int, **attributes: Any) -> Audit:
        """Let an agent change a ticket by the API's attributes. Raises LookupError, RefusedError."""
        ticket = self.desk.ticket(ticket_id)
        return self._account.update(ticket, checked(attributes, ATTRIBUTES), self.desk.agent)

    def agent_writes(
        self, ticket_id: int, text: str, *, public: bool = True, html: str = "", attachments: Sequence[Attachment] = ()
    ) -> Audit:
        """Let an agent reply, or leave a note where not ``public``. Raises LookupError, RefusedError.

        ``html`` is the text as the agent formatted it.
        """
        values = checked({"comment": {"body": text, "public": public}}, ATTRIBUTES)
        values["comment"] |= {"html_body": html, "attachments": tuple(attachments)}
        return self._account.update(self.desk.ticket(ticket_id), values, self.desk.agent)

    def customer_writes(self, ticket_id: int, text: str) -> Audit:
        """Let the requester comment. Raises LookupError, RefusedError."""
        ticket = self.desk.ticket(ticket_id)
        requester = self.desk.users[ticket.requester_id]
        return self._account.update(ticket, checked({"comment": {"body": text}}, ATTRIBUTES), requester)

    def merge(self, ticket_id: int, into: int) -> Ticket:
        """Let an agent merge a ticket into another. Raises LookupError, RefusedError."""
        ticket = self.desk.ticket(ticket_id)
        self._account.merge(ticket, self.desk.ticket(into), self.desk.agent)
        return ticket

    def delete(self, ticket_id: int) -> Ticket:
        """Let an agent delete a ticket. Raises LookupError."""
        ticket = self.desk.ticket(ticket_id)
        self._account.delete(ticket, self.desk.agent)
        return ticket

    def notes(self, ticket_id: int) -> list[str]:
        """List the internal notes of a ticket, oldest first. Raises LookupError."""
        return [comment.body for comment in self.desk.ticket(ticket_id).comments if not comment.public]

    def _application(self) -> web.Application:
        app = web.Application()
        stage = Stage(self.faults, self._listener, failure_of)
        for operation, method, path, act in ZendeskRest(self._account).routes():
            app.router.add_route(method, path, Endpoint(stage, operation, act).handle)
        add_steering(app, self)
        app.router.add_post("/twin/tickets", asking(self._asked_to_open))
        app.router.add_get("/twin/tickets", asking(lambda _told: [asdict(t) for t in self.desk.tickets.values()]))
        app.router.add_get("/twin/tickets/{id}", asking(lambda told: asdict(self.desk.ticket(int(told["id"])))))
        app.router.add_patch("/twin/tickets/{id}", asking(self._asked_to_change))
        app.router.add_post("/twin/customer-writes", asking(self._asked_to_write))
        app.router.add_post("/twin/agent-writes", asking(self._asked_to_answer))
        app.router.add_post("/twin/merge", asking(lambda told: asdict(self.merge(int(told["id"]), int(told["into"])))))
        app.router.add_post("/twin/delete", asking(lambda told: asdict(self.delete(int(told["id"])))))
        app.router.add_post("/twin/echo", asking(self._asked_to_echo))
        app.router.add_get("/twin/ledger", asking(lambda _told: {"deliveries": [asdict(d) for d in self.deliveries]}))
        add_page(app, self)
        return app

    def _asked_to_open(self, told: Json) -> Json:
        fields = {int(key): value for key, value in told.pop("custom_fields", {}).items()}
        return asdict(self.open_ticket(**told, custom_fields=fields))

    def _asked_to_change(self, told: Json) -> Json:
        return asdict(self.change(int(told.pop("id")), **told))

    def _asked_to_write(self, told: Json) -> Json:
        return asdict(self.customer_writes(int(told["id"]), told["text"]))

    def _asked_to_answer(self, told: Json) -> Json:
        files = [Attachment(**one) for one in told.pop("attachments", ())]
        return asdict(self.agent_writes(int(told.pop("id")), told.pop("text"), attachments=files, **told))

    def _asked_to_echo(self, told: Json) -> Json:
        self.settings.echo = bool(told["on"])
        return {"on": self.settings.echo}


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bridge.twins.zendesk", description="A Zendesk to run against.")
    add_listener_options(parser)
    parser.add_argument("--email", default="bridge@example.com", help="whose API token it is")
    parser.add_argument("--api-token", required=True, help="the API token that is right")
    parser.add_argument("--webhook", default="", help="where native events go; without it nowhere")
    parser.add_argument("--secret", default="", help="signing secret of the webhook")
    parser.add_argument("--time-scale", type=float, default=1.0, help="how long waiting before a retry really takes")
    parser.add_argument("--updates-per-ticket", type=int, default=0, help="limit per 10 minutes; 0 for none")
    return parser.parse_args(argv)


def twin_of(options: argparse.Namespace, listener: Listener | None = None) -> ZendeskTwin:
    """Make the twin that the command line describes."""
    settings = ZendeskSettings(
        email=options.email,
        api_token=options.api_token,
        webhook_url=options.webhook,
        time_scale=options.time_scale,
        updates_per_ticket=options.updates_per_ticket,
    )
    settings.secret = options.secret or settings.secret
    return ZendeskTwin(settings, listener)


def main() -> None:
    """Play a Zendesk until SIGTERM, or until the parent process dies."""
    options = arguments()
    die_with_parent(parent=options.parent)
    uvloop.run(play(twin_of(options), options.port, options.host))


if __name__ == "__main__":
    main()
