"""Freshdesk: the webhooks of its automation rules in; notes, statuses, tags, custom fields and tickets out.

In the console: Admin, Workflows, Automations. One rule under "Ticket creation"; under "Ticket updates" one for "Reply
is sent", one for "Note is added" of type public, one for "Status is changed": a rule that watches two things tells the
first alone. Each has the action "Trigger webhook": POST, the bridge's URL, a custom header with a long random value
(or basic authentication), encoding JSON, advanced, and this content::

    {"freshdesk_webhook": {"triggered_event": "{{triggered_event}}",
     "ticket_id": "{{ticket.id}}", "ticket_status": "{{ticket.status}}", "ticket_priority": "{{ticket.priority}}",
     "ticket_type": "{{ticket.ticket_type}}", "ticket_source": "{{ticket.source}}", "ticket_tags": "{{ticket.tags}}",
     "requester_id": "{{ticket.requester.id}}", "requester_phone": "{{ticket.requester.phone}}",
     "requester_mobile": "{{ticket.requester.mobile}}"}}

Under "When an action performed by" of the update rules: agents, all but the bridge's; a customer's mail is no reply to
the customer. Subjects and descriptions stay out: Freshdesk escapes nothing, and one quotation mark breaks the body. The
bridge reads them.

Traps. Webhooks are counted, a thousand an hour; beyond that they come an hour later, and after a day not at all. None
is sent again. So the list of changed tickets is what brings the missed ones. An API key is asked for under an agent's
profile settings; calls go to the freshdesk.com domain, not to one of the account's own. "New ticket created" mails the
requester of a ticket that the bridge opens, where the contact has an address: Admin, Email notifications, Requester.
The list of changed tickets does not tell the deleted ones.

Sources: "Using webhooks in automation rules" and "Placeholders" on the help site; "Tickets", "Conversations",
"Contacts", "Rate limit", "Errors" on the developer site.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from bridge.helpdesks.freshworks import PAGE, Freshworks, FreshworksAccount
from bridge.helpdesks.freshworks_product import CHANNEL, STATUS, Product

if TYPE_CHECKING:
    from bridge.accounts import Account

FRESHDESK: Final = Product(
    kind="freshdesk",
    statuses={
        **STATUS,
        **dict.fromkeys(("6", "waiting on customer", "esperando al cliente", "aguardando cliente"), "pending"),
        **dict.fromkeys(("7", "waiting on third party", "esperando a terceros", "aguardando terceiros"), "on-hold"),
    },
    channels={**CHANNEL, "1": "email", "2": "web", "3": "phone", "7": "chat", "9": "web", "10": "email"},
    newest=f"/api/v2/tickets?per_page={PAGE}&order_by=created_at&order_type=desc&include=description",
    changed=f"/api/v2/tickets?updated_since={{since}}&per_page={PAGE}&order_by=updated_at&order_type=desc&page={{id}}",
    person="/api/v2/contacts/{id}",
    person_in="contact",
    custom=re.compile("cf_[a-z0-9_]{1,120}"),
    chat=7,
    external_ids=True,
)


class FreshdeskAccount(FreshworksAccount):
    """An account of Freshdesk. The fields in ``write_back`` are custom fields by the API's name: cf_conversation."""

    product: ClassVar[Product] = FRESHDESK


class Freshdesk(Freshworks):
    """The dialect of Freshdesk."""

    product = FRESHDESK
    kind = FRESHDESK.kind
    settings: type[Account] = FreshdeskAccount
    calls_per_minute = 80
    """Ticket update, on the Growth plan (developer site, "Rate limit"); all calls together may be 200."""
