"""Freshservice: the webhooks of its workflows in; notes, statuses, tags, custom fields and tickets out.

In the console: Admin, Workflow Automator, one workflow for each event: "Ticket is raised", "Reply is sent", "Note is
added", "Status is changed" to Resolved or Closed, and back from them. Each has the node "Trigger webhook": POST, the
bridge's URL, a custom header with a long random value, encoding JSON, advanced, and this content, where ``event`` is
the workflow's own (ticket.created, ticket.comment_added, ticket.note_added, ticket.solved, ticket.reopened)::

    {"event": "ticket.created", "ticket_id": "{{ticket.id_numeric}}",
     "ticket_status": "{{ticket.status}}", "ticket_priority": "{{ticket.priority}}",
     "ticket_source": "{{ticket.source}}", "requester_id": "{{ticket.requester.id}}",
     "requester_phone": "{{ticket.requester.phone}}", "requester_mobile": "{{ticket.requester.mobile}}"}

``{{ticket.id}}`` does as well: it prints ``INC-532``, and the API knows the ticket as 532.

Traps. A workflow may run for the bridge's own notes: name its agent in a condition. Subjects and descriptions stay out
of the content, because nothing is escaped. A requester may be an agent, who is found under another path: then there is
no external id. A ticket is opened for a phone number alone, not for an external id. Resolving may want fields that a
workspace demands; the refusal names them. An account with workspaces lists the tickets of its primary one alone, unless
``access.workspace_id`` names another; 0 lists all, and opens in the primary one.

Sources: "Workflow automator" and "Placeholders" on the help site; "Tickets", "Conversations", "Requesters", "Rate
limit", "Errors" in the API reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import Field

from bridge.helpdesks import proof
from bridge.helpdesks.freshworks import PAGE, Freshworks, FreshworksAccess, FreshworksAccount
from bridge.helpdesks.freshworks_product import CHANNEL, STATUS, Product

if TYPE_CHECKING:
    from bridge.accounts import Account

FRESHSERVICE: Final = Product(
    kind="freshservice",
    statuses=STATUS,
    channels={**CHANNEL, "1": "email", "2": "web", "3": "phone", "4": "chat", "5": "web", "10": "chat"},
    newest=f"/api/v2/tickets?per_page={PAGE}",
    changed=f"/api/v2/tickets?updated_since={{since}}&per_page={PAGE}&page={{id}}",
    person="/api/v2/requesters/{id}",
    person_in="requester",
    custom=re.compile("[a-z0-9_]{1,120}"),
    chat=4,
    external_ids=False,
)


class FreshserviceAccess(FreshworksAccess):
    """How the bridge calls Freshservice's API."""

    workspace_id: int | None = Field(
        default=None, ge=0, description="The workspace whose tickets they are, 0 for all; nothing where there is one."
    )


class FreshserviceAccount(FreshworksAccount):
    """An account of Freshservice. The fields in ``write_back`` are custom fields by the API's name."""

    product: ClassVar[Product] = FRESHSERVICE

    access: FreshserviceAccess | None = Field(default=None, description="Without it nothing is read or written back.")


class Freshservice(Freshworks):
    """The dialect of Freshservice."""

    product = FRESHSERVICE
    kind = FRESHSERVICE.kind
    settings: type[Account] = FreshserviceAccount
    calls_per_minute = 50
    """Update of a ticket, on the Starter plan (API reference, "Rate limit"); all calls together may be 100."""

    def beside(self, account: Account) -> dict[str, int]:
        """The workspace, where one is named."""
        access = proof.own(account, FreshserviceAccount).access
        workspace = access.workspace_id if access else None
        return {} if workspace is None else {"workspace_id": workspace}
