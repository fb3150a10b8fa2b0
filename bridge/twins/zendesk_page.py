"""The page at ``/`` of the Zendesk twin: its tickets, and forms to open one and to answer on it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from bridge.twins.answers import RefusedError
from bridge.twins.pages import back, page
from bridge.twins.zendesk_bodies import PRIORITIES, STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

    from bridge.twins.zendesk_desk import Audit, Desk, Ticket
    from bridge.twins.zendesk_events import WebhookDelivery

SHOWN = 50
"""How many tickets a page shows, the newest first."""


class Shown(Protocol):
    """What the page shows and steers."""

    @property
    def desk(self) -> Desk:
        """Tickets and people."""
        ...

    @property
    def deliveries(self) -> list[WebhookDelivery]:
        """What the webhook was told."""
        ...

    def open_ticket(self, subject: str, phone: str | None = None, **fields: Any) -> Ticket:
        """Let a customer open a ticket."""
        ...

    def change(self, ticket_id: int, **attributes: Any) -> Audit:
        """Let an agent change a ticket."""
        ...

    def agent_writes(self, ticket_id: int, text: str, *, public: bool = True) -> Audit:
        """Let an agent write."""
        ...


def add_page(app: web.Application, twin: Shown) -> None:
    """Add the page, its changing part by itself, and its forms."""

    async def show(request: web.Request) -> web.Response:
        template = "zendesk_tickets.html" if request.path != "/" else "zendesk.html"
        newest = list(twin.desk.tickets.values())[: -SHOWN - 1 : -1]
        told = {delivery.ticket_id: delivery for delivery in twin.deliveries if delivery.type.endswith(".created")}
        return page(
            template, tickets=newest, users=twin.desk.users, told=told, priorities=PRIORITIES, statuses=STATUSES
        )

    async def act(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        # What Zendesk would refuse (a closed ticket, an empty comment) the page just does not show.
        with suppress(LookupError, ValueError, RefusedError):
            acts[request.path](form)
        return back()

    acts = _acts(twin)
    app.router.add_get("/", show)
    app.router.add_get("/page/list", show)
    for path in acts:
        app.router.add_post(path, act)


def _acts(twin: Shown) -> dict[str, Callable[[Mapping[str, str]], object]]:
    def open_ticket(form: Mapping[str, str]) -> None:
        phone = form.get("phone", "").strip() or None
        tags = form.get("tags", "").split()
        twin.open_ticket(form["subject"], phone, name=form["name"], priority=form["priority"], tags=tags)

    def write(form: Mapping[str, str]) -> None:
        twin.agent_writes(int(form["ticket"]), form["text"], public=form["kind"] == "reply")

    def change(form: Mapping[str, str]) -> None:
        twin.change(int(form["ticket"]), status=form["status"])

    return {"/page/open": open_ticket, "/page/write": write, "/page/status": change}
